"""Themes: topics that lie close together, as a level above them."""

from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

from topics.graph import topic_centroids

TOO_FEW_TOPICS = "too few topics"
NO_DISTINCT_THEMES = "no distinct themes"

#: Fewer topics than this are a short list already.
MIN_TOPICS = 8

#: More themes than this share of the topics are hardly shorter than the list of topics.
MAX_THEME_SHARE = 1 / 2

#: The most themes whose cut is nearly as stable as the most stable one are taken, as for topics.
STABLE_ENOUGH = 0.85

#: Below this, halves of the posts do not find the same themes.
MIN_STABILITY = 0.5

#: Topics are one theme only where their centres are this close on average; in a tree over centres that point at random
#: in 384 dimensions the closest are at 0.13.
MIN_COSINE = 0.15

N_SPLITS = 10
SEED = 20


@dataclass(frozen=True)
class Themes:
    """Which theme each topic belongs to.

    Attributes
    ----------
    theme_of : shape (n_topics,), numbered from 0 by first topic; -1 throughout where there are no themes.
    stability : how well the themes of two halves of the posts agree (adjusted Rand index); None = not measured.
    reason : why there are no themes; None where there are.
    """

    theme_of: NDArray[np.int64]
    stability: float | None
    reason: str | None


def find_themes(points: NDArray[np.float32], labels: NDArray[np.int64]) -> Themes:
    """Join topics into themes by average linkage of their centres, as many themes as halves of the posts agree on.

    More, where the last topics to be joined are not alike.

    Parameters
    ----------
    points : shape (n, dim), unit rows.
    labels : shape (n,), topics from 0; -1 = unsorted.
    """
    n_topics = int(labels.max(initial=-1)) + 1
    if n_topics < MIN_TOPICS:
        return Themes(np.full(n_topics, -1, dtype=np.int64), None, TOO_FEW_TOPICS)
    numbers = range(2, int(n_topics * MAX_THEME_SHARE) + 1)
    by_split = [_agreements(points, labels, numbers, split=split) for split in range(N_SPLITS)]
    stabilities = [round(fmean(of_splits), 2) for of_splits in zip(*by_split, strict=True)]
    enough = round(STABLE_ENOUGH * max(stabilities), 2)
    stable = max(number for number, each in zip(numbers, stabilities, strict=True) if each >= enough)
    tree = _tree(topic_centroids(points, labels))
    n_themes = max(stable, int((tree[:, 2] > 1 - MIN_COSINE).sum()) + 1)
    stability = stabilities[n_themes - 2] if n_themes in numbers else None
    if stability is None or stability < MIN_STABILITY:
        return Themes(np.full(n_topics, -1, dtype=np.int64), stability, NO_DISTINCT_THEMES)
    return Themes(_cut(tree, n_themes), stability, None)


def _agreements(points: NDArray[np.float32], labels: NDArray[np.int64], numbers: range, *, split: int) -> list[float]:
    """For each number of themes, how well the cuts of two random halves of every topic agree."""
    order = np.random.default_rng([SEED, split]).permutation(len(labels))
    by_topic = order[np.argsort(labels[order], kind="stable")]
    is_first = np.zeros(len(labels), dtype=bool)
    is_first[by_topic[::2]] = True
    trees = [_tree(topic_centroids(points, np.where(half, labels, -1))) for half in (is_first, ~is_first)]
    return [adjusted_rand_score(*(_cut(tree, n_themes) for tree in trees)) for n_themes in numbers]


def _tree(centroids: NDArray[np.float32]) -> NDArray[np.float64]:
    distances = np.round(1 - (centroids @ centroids.T).astype(np.float64), 6)
    np.fill_diagonal(distances, 0)
    return np.asarray(linkage(squareform(distances, checks=False), method="average"))


def _cut(tree: NDArray[np.float64], n_themes: int) -> NDArray[np.int64]:
    """Themes numbered from 0 by their first topic."""
    _, first, theme = np.unique(fcluster(tree, n_themes, criterion="maxclust"), return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[theme].astype(np.int64)
