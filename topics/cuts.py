"""How many topics: the cut of the graph of posts that holds up, is readable, and stays near the one before."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.metrics import adjusted_mutual_info_score

from topics.graph import nearest_neighbours, shared_neighbour_graph, topic_centroids
from topics.partition import keep_parts, leiden_communities

#: Neighbours of a post: this times the root of the number of posts, within bounds. With a fixed number the graph would
#: get sparser as the community grows, and fall into ever more topics.
NEIGHBOURS_PER_ROOT = 0.42
MIN_NEIGHBOURS, MAX_NEIGHBOURS = 10, 60

#: How fine the topics are, coarse to fine: the resolution of the modularity in a graph in which each post is joined to
#: one in 80 of the others. In sparser graphs a lower resolution gives the same number of topics; the power was
#: chosen so that it stays the same from 1,000 to 20,000 posts.
FINENESSES = (0.25, 0.5, 1.0, 2.0)
NEIGHBOUR_SHARE = 1 / 80
SPARSENESS_POWER = 0.6

#: Stability is measured on halves of at most this many posts.
MAX_HALF = 2500
N_SPLITS = 3

#: Finer topics tell more but hold up less; the finest that are nearly as stable as the most stable ones are taken.
STABLE_ENOUGH = 0.85

#: Topics that hold fewer posts than this on average are more to read than they spare; it binds in small communities
#: only, where it merges neighbouring topics (docs/decisions/0003-topics.md).
MIN_MEAN_POSTS = 40

#: A coarser cut must be nearer to the one before by so much, as adjusted mutual information. Without it a growing
#: community fell from 17 topics to 13 on a difference of 0.013, and stayed there.
NEARLY_AS_NEAR = 0.02

#: Topics that were two before become one where the ties between them are this share more than the resolution asks.
MERGE_MARGIN = 0.2

#: The first cut is worked out until it hardly changes any more, so that a refit of the same posts finds the same;
#: halves that only measure stability are not. Carried on, one pass from the topics before moves fewer posts than two
#: do, and cuts that are only held against the one before need no more.
N_PASSES, N_PASSES_OF_HALF, N_PASSES_CARRIED_ON = 5, 2, 1

SEED = 20


def _n_neighbours(n_posts: int) -> int:
    wanted = round(NEIGHBOURS_PER_ROOT * math.sqrt(n_posts))
    return min(max(wanted, MIN_NEIGHBOURS), MAX_NEIGHBOURS, n_posts // 3)


def post_graph(points: NDArray[np.float32]) -> sparse.csr_array:
    """Join each post to as many nearest neighbours as the size of the community asks for.

    Parameters
    ----------
    points : shape (n, dim), unit rows, centred; n of three at least.

    Returns
    -------
    Shape (n, n), as `topics.graph.shared_neighbour_graph` weighs it.
    """
    return shared_neighbour_graph(nearest_neighbours(points, _n_neighbours(len(points))))


def _communities(
    graph: sparse.csr_array,
    fineness: float,
    start: NDArray[np.int64] | None = None,
    *,
    n_passes: int = N_PASSES_OF_HALF,
) -> NDArray[np.int64]:
    n_posts = graph.shape[0]
    density = _n_neighbours(n_posts) / n_posts / NEIGHBOUR_SHARE
    resolution = fineness * density**SPARSENESS_POWER
    cut = leiden_communities(graph, resolution=resolution, seed=SEED, start=start, n_passes=n_passes)
    return cut if start is None else keep_parts(graph, cut, start, resolution=resolution, margin=MERGE_MARGIN)


def choose_communities(
    points: NDArray[np.float32], graph: sparse.csr_array, start: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], float]:
    """The finest readable topics on which halves of the posts agree nearly as well as on any, and how well they do.

    After the first time: of the stable and readable cuts, the finest of those nearest to the one before.
    """
    by_split = [_stabilities(*halves) for halves in _halves(points)]
    stabilities = [round(fmean(of_splits), 2) for of_splits in zip(*by_split, strict=True)]
    enough = round(STABLE_ENOUGH * max(stabilities), 2)
    stable = [fineness for fineness, each in zip(FINENESSES, stabilities, strict=True) if each >= enough]
    if start is None:
        cut, fineness = _finest_readable(graph, stable)
    else:
        fineness = _fineness_before(graph, stable, start)
        cut = _communities(graph, fineness, start, n_passes=N_PASSES_CARRIED_ON)
    return cut, stabilities[FINENESSES.index(fineness)]


def _finest_readable(graph: sparse.csr_array, stable: Sequence[float]) -> tuple[NDArray[np.int64], float]:
    """The finest cut whose topics are not too small to be read, or else the coarsest; with its fineness."""
    for fineness in reversed(stable[1:]):
        cut = _communities(graph, fineness, n_passes=N_PASSES)
        if _mean_posts(cut) >= MIN_MEAN_POSTS:
            return cut, fineness
    return _communities(graph, stable[0], n_passes=N_PASSES), stable[0]


def _fineness_before(graph: sparse.csr_array, stable: Sequence[float], start: NDArray[np.int64]) -> float:
    """The finest whose readable cut is nearly as near to the one before as any; the coarsest where none is readable."""
    if len(stable) == 1:
        return stable[0]
    finest_first = stable[::-1]
    with ThreadPoolExecutor(cpu_count()) as threads:
        cuts = threads.map(lambda each: _communities(graph, each, n_passes=N_PASSES_CARRIED_ON), finest_first)
        pairs = list(zip(cuts, finest_first, strict=True))
    readable = [(_nearness(start, cut), fineness) for cut, fineness in pairs if _mean_posts(cut) >= MIN_MEAN_POSTS]
    near_enough = max((nearness for nearness, _ in readable), default=0.0) - NEARLY_AS_NEAR
    return next((fineness for nearness, fineness in readable if nearness >= near_enough), stable[0])


def _nearness(start: NDArray[np.int64], cut: NDArray[np.int64]) -> float:
    """How well a cut agrees with the one before on the posts that were sorted then, in [-1, 1]."""
    known = start >= 0
    return round(float(adjusted_mutual_info_score(start[known], cut[known])), 6)


def _mean_posts(community: NDArray[np.int64]) -> float:
    return len(community) / (int(community.max()) + 1)


def _halves(points: NDArray[np.float32]) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Split the posts at random, both halves in the order of the posts."""
    half = min(MAX_HALF, len(points) // 2)
    for split in range(N_SPLITS):
        shuffled = np.random.default_rng([SEED, split]).permutation(len(points))
        yield points[np.sort(shuffled[:half])], points[np.sort(shuffled[half : 2 * half])]


def _stabilities(one: NDArray[np.float32], other: NDArray[np.float32]) -> list[float]:
    """For each fineness, how well the topics of one half predict those of the other, both ways."""
    graphs = (post_graph(one), post_graph(other))

    def agreement(fineness: float) -> float:
        of_one, of_other = (_communities(graph, fineness) for graph in graphs)
        if min(of_one.max(), of_other.max()) == 0:
            return 0.0  # a single topic always agrees with itself
        from_other = np.argmax(one @ topic_centroids(other, of_other).T, axis=1)
        from_one = np.argmax(other @ topic_centroids(one, of_one).T, axis=1)
        return float(
            (adjusted_mutual_info_score(of_one, from_other) + adjusted_mutual_info_score(of_other, from_one)) / 2
        )

    with ThreadPoolExecutor(cpu_count()) as threads:
        return list(threads.map(agreement, FINENESSES))
