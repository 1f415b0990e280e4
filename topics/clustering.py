"""Find the topics of a community: communities in the graph of posts that share neighbours, as many as hold up."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from topics.cuts import choose_communities, post_graph
from topics.graph import shrunk_means, sums_by_group, topic_centroids, unit_rows

TOO_FEW_POSTS = "too few posts"
NO_DISTINCT_TOPICS = "no distinct topics"
NOTHING_SIMILAR = "nothing similar"
BETWEEN_TOPICS = "between topics"

#: Fewer posts than this take a person less time to read than a list of topics takes to understand.
MIN_POSTS = 40

#: Where no fineness is more stable than this there are no topics: halves of one seamless cloud agree by less than
#: 0.1, of a community about a single subject by 0.3 to 0.4 (docs/decisions/0003-topics.md).
MIN_STABILITY = 0.15

#: A smaller group of posts is no topic: at least this share of the posts and at least so many.
MIN_TOPIC_SHARE = 0.004
MIN_TOPIC_POSTS = 5

#: A post that no topic holds by its ties joins the nearest one where it is as close as a quarter of the members are
#: not, and clearly closer than to the second.
JOIN_QUANTILE = 0.25
JOIN_MARGIN = 0.05

#: Below this share of ties to its own topic a post lies between topics, unless that topic is also the nearest one.
MIN_TIE_SHARE = 0.5

#: A post that was in the topic before is held by so much less.
STAY_BONUS = 0.15

#: How many posts the mean of all weighs against a language's own posts.
GROUP_PRIOR = 5


@dataclass(frozen=True)
class Clustering:
    """Which topic each row belongs to.

    Attributes
    ----------
    labels : shape (n,), topics numbered from 0 by size, equal sizes by first row; -1 = unsorted.
    cosine : shape (n,), in [-1, 1]: between the row and the centroid of its topic, for unsorted rows of the nearest
        topic, after centring; NaN where there is no topic at all.
    reasons : why a row is unsorted; None for sorted rows.
    points : shape (n, dim), float32, unit rows: the centred vectors.
    centroids : shape (n_topics, dim), float32, unit rows, in the same space.
    stability : how well the topics of two halves of the posts agree (adjusted mutual information); None = not measured.
    """

    labels: NDArray[np.int64]
    cosine: NDArray[np.float64]
    reasons: tuple[str | None, ...]
    points: NDArray[np.float32]
    centroids: NDArray[np.float32]
    stability: float | None


def find_topics(
    vectors: NDArray[np.float32],
    *,
    groups: NDArray[np.int64] | None = None,
    fitted: NDArray[np.bool_] | None = None,
    earlier: NDArray[np.int64] | None = None,
) -> Clustering:
    """Sort posts into topics; their number follows from the posts and does not grow with the corpus.

    Leiden communities (Traag et al. 2019) of the shared-neighbour graph, as fine as two random halves of the posts
    agree on them (Lange et al. 2004). The same rows in the same order give the same bits,
    whatever the number of threads.

    Parameters
    ----------
    vectors : shape (n, dim), unit rows, in an order that the caller keeps fixed.
    groups : shape (n,), numbers from 0: posts whose common part is no topic, such as a language. None = one group.
    fitted : shape (n,), rows that may shape the topics; the others only join one where that is clear. None = all.
    earlier : shape (n,), the topics that the rows were in before, numbered from 0; -1 = in none. The search begins
        with them and, of cuts that hold up equally well, takes the one nearest to them. None = the first time.
    """
    groups = np.zeros(len(vectors), dtype=np.int64) if groups is None else groups
    rows = np.arange(len(vectors)) if fitted is None else np.flatnonzero(fitted)
    with threadpool_limits(1):
        means = group_means(vectors[rows], groups[rows], n_groups=int(groups.max(initial=-1)) + 1)
        points = centre_rows(vectors, means[groups])
        if len(rows) < MIN_POSTS:
            return _nothing_found(points, TOO_FEW_POSTS, stability=None)
        distinct, twin_of = _first_of_twins(points[rows])
        if len(distinct) < MIN_POSTS:
            return _nothing_found(points, NO_DISTINCT_TOPICS, stability=None)
        graph = post_graph(points[rows[distinct]])
        start = None if earlier is None else earlier[rows[distinct]]
        community, stability = choose_communities(points[rows[distinct]], graph, start)
        if stability < MIN_STABILITY:
            return _nothing_found(points, NO_DISTINCT_TOPICS, stability=stability)
        labels = np.full(len(vectors), -1, dtype=np.int64)
        labels[rows] = _large_only(community[twin_of])
        if labels.max() < 0:
            return _nothing_found(points, NO_DISTINCT_TOPICS, stability=stability)
        is_held = np.zeros(len(vectors), dtype=bool)
        needed = MIN_TIE_SHARE - STAY_BONUS * _is_at_home(community, start)
        is_held[rows] = (_share_of_ties_inside(graph, community) >= needed)[twin_of]
        return _settle(points, labels, is_held, stability=stability)


def group_means(vectors: NDArray[np.float32], groups: NDArray[np.int64], *, n_groups: int) -> NDArray[np.float64]:
    """What all posts of a group share, shape (n_groups, dim); the mean of all for groups without rows.

    Sentence encoders put every text in one narrow cone, and each language in its own corner of it. The mean of a small
    group is drawn towards the mean of all.

    Parameters
    ----------
    vectors : shape (n, dim), unit rows.
    groups : shape (n,), numbers from 0.
    """
    sums = sums_by_group(vectors, groups, n_groups)
    return shrunk_means(sums, np.bincount(groups, minlength=n_groups), prior=GROUP_PRIOR)


def centre_rows(vectors: NDArray[np.float32], shared: NDArray[np.float64]) -> NDArray[np.float32]:
    """Take away what each row shares with its group, both of shape (n, dim), and scale to unit length."""
    return unit_rows(vectors - shared)


def _first_of_twins(points: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of which no equal one came before, in order, and for every row its place among them.

    Ten copies of one advertisement would otherwise be one another's only neighbours.
    """
    as_bytes = np.ascontiguousarray(points).view(f"V{points.shape[1] * points.itemsize}").ravel()
    _, first, group = np.unique(as_bytes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[group]


def _large_only(community: NDArray[np.int64]) -> NDArray[np.int64]:
    """Communities that are large enough for a topic, numbered anew; members of the others get -1."""
    is_large = np.bincount(community) >= max(MIN_TOPIC_POSTS, MIN_TOPIC_SHARE * len(community))
    return np.where(is_large, np.cumsum(is_large) - 1, -1)[community]


def _share_of_ties_inside(graph: sparse.csr_array, community: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much of each post's weight of ties goes to its own community, in [0, 1]; 0 without ties."""
    ties = graph.tocoo()
    inside = np.bincount(ties.row, ties.data * (community[ties.row] == community[ties.col]), minlength=graph.shape[0])
    total = np.bincount(ties.row, ties.data, minlength=graph.shape[0])
    shares = np.divide(inside, total, out=np.zeros(graph.shape[0]), where=total > 0)
    return np.asarray(np.round(shares, 6), dtype=np.float64)


def _is_at_home(community: NDArray[np.int64], start: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    """Whether each post is where most posts of its earlier topic are; shape (n,)."""
    if start is None or start.max(initial=-1) < 0:
        return np.zeros(len(community), dtype=bool)
    known = start >= 0
    n_shared = np.zeros((int(start.max()) + 1, int(community.max()) + 1), dtype=np.int64)
    np.add.at(n_shared, (start[known], community[known]), 1)
    return np.asarray(known & (n_shared.argmax(axis=1)[start] == community))


def _settle(
    points: NDArray[np.float32], labels: NDArray[np.int64], is_held: NDArray[np.bool_], *, stability: float
) -> Clustering:
    """Let go of posts that lie between topics, and take in those that clearly belong to one."""
    centroids = topic_centroids(points, labels)
    cosines = _cosines(points, centroids)
    nearest = cosines.argmax(axis=1)
    reach = reach_of_topics(cosines[np.arange(len(points)), labels], labels, JOIN_QUANTILE)
    is_close, is_clear = is_within_reach(cosines, reach, JOIN_MARGIN)
    joins = (labels < 0) & is_close & is_clear
    stays = (labels >= 0) & (is_held | (labels == nearest))
    settled = _number_by_size(np.where(stays, labels, np.where(joins, nearest, -1)))
    centroids = topic_centroids(points, settled)
    cosines = _cosines(points, centroids)
    own = np.where(settled >= 0, settled, cosines.argmax(axis=1))
    is_between = is_close | (labels >= 0)
    return Clustering(
        labels=settled,
        cosine=cosines[np.arange(len(points)), own],
        reasons=tuple(
            None if label >= 0 else BETWEEN_TOPICS if between else NOTHING_SIMILAR
            for label, between in zip(settled.tolist(), is_between.tolist(), strict=True)
        ),
        points=points,
        centroids=centroids,
        stability=stability,
    )


def regroup(clustering: Clustering, labels: NDArray[np.int64]) -> Clustering:
    """The same posts in other topics: numbered by size, with new centres, and the reasons of those left out.

    Parameters
    ----------
    labels : shape (n,), topics from 0 in any order; -1 = unsorted, only where the clustering left the row unsorted.
    """
    settled = _number_by_size(labels)
    if np.array_equal(settled, clustering.labels):
        return clustering
    centroids = topic_centroids(clustering.points, settled)
    cosines = _cosines(clustering.points, centroids)
    own = np.where(settled >= 0, settled, cosines.argmax(axis=1))
    reasons = zip(settled.tolist(), clustering.reasons, strict=True)
    return replace(
        clustering,
        labels=settled,
        cosine=cosines[np.arange(len(settled)), own],
        reasons=tuple(None if label >= 0 else reason for label, reason in reasons),
        centroids=centroids,
    )


def reach_of_topics(cosine: NDArray[np.float64], labels: NDArray[np.int64], quantile: float) -> NDArray[np.float64]:
    """The cosine to its topic that this share of each topic's members do not reach; shape (n_topics,).

    Parameters
    ----------
    cosine : shape (n,), of each row to its own topic.
    labels : shape (n,), topics from 0, each with a member; -1 = unsorted.
    """
    topics = range(int(labels.max(initial=-1)) + 1)
    return np.array([np.quantile(cosine[labels == topic], quantile) for topic in topics], dtype=np.float64)


def is_within_reach(
    cosines: NDArray[np.float64], reach: NDArray[np.float64], margin: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each row's nearest topic is close enough, and whether it is clearly nearer than the second.

    Parameters
    ----------
    cosines : shape (n, n_topics), at least one topic.
    reach : shape (n_topics,), cosines.
    margin : a difference of cosines.
    """
    highest = cosines.max(axis=1)
    second = np.partition(cosines, -2, axis=1)[:, -2] if cosines.shape[1] > 1 else np.full(len(cosines), -1.0)
    return highest >= reach[cosines.argmax(axis=1)], highest - second >= margin


def _cosines(points: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.round((points @ centroids.T).astype(np.float64), 6))


def _number_by_size(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number topics from 0, largest first, equal sizes by first row; -1 stays."""
    old, first_row, n_rows = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    new_of = np.full(int(labels.max(initial=-1)) + 2, -1, dtype=np.int64)  # the last place is for -1
    new_of[old[np.lexsort((first_row, -n_rows))]] = np.arange(len(old))
    return new_of[labels]


def _nothing_found(points: NDArray[np.float32], reason: str, *, stability: float | None) -> Clustering:
    return Clustering(
        labels=np.full(len(points), -1, dtype=np.int64),
        cosine=np.full(len(points), np.nan),
        reasons=(reason,) * len(points),
        points=points,
        centroids=np.empty((0, points.shape[1]), dtype=np.float32),
        stability=stability,
    )
