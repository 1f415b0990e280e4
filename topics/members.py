"""The member graph: who answers whom, who meets in threads, who shares interests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from topics.graph import nearest_neighbours, shared_neighbour_graph, shrunk_means

Layer = Literal["replies", "threads", "interests"]

#: Weight of each layer in the joint graph, after every layer was brought to the same total weight.
LAYER_WEIGHTS: Mapping[Layer, float] = {"replies": 1.0, "threads": 1.0, "interests": 1.0}

#: A pair that answers both ways counts half as much again as the same number of one-way answers.
RECIPROCITY_BONUS = 0.5

#: In a thread, a member is linked to the members who joined it at most this many places before or after.
#: It keeps a thread of a thousand members at ten thousand ties instead of half a million.
THREAD_REACH = 10

#: Neighbours looked at for shared interests. A tie where either is among the other's nearest, not only where both
#: are: that left members without any tie, and found merged newsgroups less well (docs/decisions/0004-splits.md).
N_NEIGHBOURS = 15


BLOCK_ROWS = 4096

#: Posts that the mean of all languages counts for in the mean of each.
LANGUAGE_PRIOR = 50


@dataclass(frozen=True)
class Activity:
    """Who wrote what where and when: one row a post, in time order.

    Attributes
    ----------
    author : shape (n_posts,), index of the member, -1 = not a member (staff, bot, unknown).
    thread : shape (n_posts,), index of the thread.
    parent : shape (n_posts,), row of the answered post, -1 = answers nothing that is among these rows.
    posted_at : shape (n_posts,), int64, seconds since 1970 in UTC.
    topic : shape (n_posts,), index of the topic, -1 = unsorted.
    language : shape (n_posts,), index of the language, -1 = unknown.
    vectors : shape (n_posts, dim), float32 unit rows, NaN rows for posts without words; None = not read.
    n_members : members in all, with or without posts among these rows.
    """

    author: NDArray[np.int64]
    thread: NDArray[np.int64]
    parent: NDArray[np.int64]
    posted_at: NDArray[np.int64]
    topic: NDArray[np.int64]
    language: NDArray[np.int64]
    vectors: NDArray[np.float32] | None
    n_members: int

    def __len__(self) -> int:
        return len(self.author)

    def posts_per_member(self) -> NDArray[np.int64]:
        """Number of posts of each member; shape (n_members,)."""
        return np.bincount(self.author[self.author >= 0], minlength=self.n_members).astype(np.int64)

    def between(self, start: int, end: int) -> "Activity":
        """Only the posts written at `start` or later and before `end`, in seconds; the members stay the same."""
        rows = np.flatnonzero((self.posted_at >= start) & (self.posted_at < end))
        new_row = np.full(len(self) + 1, -1, dtype=np.int64)  # the last place catches parent -1
        new_row[rows] = np.arange(len(rows))
        return Activity(
            author=self.author[rows],
            thread=self.thread[rows],
            parent=new_row[self.parent[rows]],
            posted_at=self.posted_at[rows],
            topic=self.topic[rows],
            language=self.language[rows],
            vectors=None if self.vectors is None else self.vectors[rows],
            n_members=self.n_members,
        )


@dataclass(frozen=True)
class MemberGraph:
    """Ties between members, one symmetric matrix a layer and one for all layers together.

    Attributes
    ----------
    layers : shape (n_members, n_members) each, non-negative, empty diagonal; the weights as measured.
    joint : shape (n_members, n_members): the layers, each scaled to the same total weight, times their weights
        in `LAYER_WEIGHTS`; scaled so that the mean weight of a tie is 1.
    """

    layers: Mapping[Layer, sparse.csr_array]
    joint: sparse.csr_array

    @property
    def n_members(self) -> int:
        """Members in the graph, with or without ties."""
        return int(self.joint.shape[0])

    @property
    def n_edges(self) -> int:
        """Pairs of members with a tie."""
        return int(self.joint.nnz // 2)


def build_member_graph(activity: Activity) -> MemberGraph:
    """Tie members by answers, by threads they share above chance and by what they write about."""
    layers: dict[Layer, sparse.csr_array] = {
        "replies": reply_ties(activity),
        "threads": thread_ties(activity),
        "interests": interest_ties(member_interests(activity)),
    }
    return MemberGraph(layers=layers, joint=join_layers(layers))


def join_layers(layers: Mapping[Layer, sparse.csr_array]) -> sparse.csr_array:
    """Add up the layers after bringing each to the same total weight; a layer without ties adds nothing."""
    first = next(iter(layers.values()))
    joint = sparse.csr_array(first.shape, dtype=np.float64)
    for layer, ties in layers.items():
        if ties.nnz:
            joint = joint + ties * (LAYER_WEIGHTS[layer] / ties.sum())
    return _canonical(joint * (joint.nnz / joint.sum()) if joint.nnz else joint)


def reply_ties(activity: Activity) -> sparse.csr_array:
    """Tie members who answer each other: log(1 + answers) each way, summed, with a bonus for both ways."""
    answers = np.flatnonzero(activity.parent >= 0)
    sender = activity.author[answers]
    receiver = activity.author[activity.parent[answers]]
    kept = (sender >= 0) & (receiver >= 0) & (sender != receiver)
    counts = _count_matrix(sender[kept], receiver[kept], activity.n_members)
    damped = counts.copy()
    damped.data = np.log1p(damped.data)
    both_ways = counts.multiply(counts.T).astype(bool)
    ties = damped + damped.T
    return _canonical(ties + ties.multiply(both_ways) * RECIPROCITY_BONUS)


def thread_ties(activity: Activity) -> sparse.csr_array:
    """Tie members who meet in threads more often than their numbers of threads would make likely.

    A thread of n members gives each pair in reach 1 / (n - 1) (Newman 2001, collaboration networks), so that every
    member gets at most 1 from a thread however large it is. What two members would share by chance, the product of
    their totals over the grand total, is taken off.
    """
    left, right, weight = _thread_pairs(activity)
    met = sparse.coo_array((weight, (left, right)), shape=(activity.n_members,) * 2).tocsr()
    met = met + met.T
    total = np.asarray(met.sum(axis=1)).ravel()
    excess = met.tocoo()
    chance = total[excess.row] * total[excess.col] / max(float(total.sum()), 1.0)
    above = np.maximum(np.round(excess.data - chance, 9), 0.0)
    return _canonical(sparse.coo_array((above, (excess.row, excess.col)), shape=met.shape).tocsr())


def _thread_pairs(
    activity: Activity,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Every pair of members in reach of each other in a thread, once a thread, with its weight."""
    rows = np.flatnonzero(activity.author >= 0)
    _, first = np.unique(activity.thread[rows] * activity.n_members + activity.author[rows], return_index=True)
    joined = rows[np.sort(first)]  # the first post of each member in each thread, in time order
    order = np.argsort(activity.thread[joined], kind="stable")
    thread, member = activity.thread[joined][order], activity.author[joined][order]
    n_in_thread = np.bincount(thread)[thread] if len(thread) else thread
    lefts, rights, weights = [], [], []
    for step in range(1, THREAD_REACH + 1):
        near = np.flatnonzero(thread[:-step] == thread[step:])
        lefts.append(member[near])
        rights.append(member[near + step])
        weights.append(1.0 / (n_in_thread[near] - 1))
    return np.concatenate(lefts), np.concatenate(rights), np.concatenate(weights)


def member_interests(activity: Activity) -> NDArray[np.float32]:
    """Mean direction of each member's posts; shape (n_members, dim), unit rows, NaN where nothing was read.

    Without post vectors, each member's mixture of topics takes their place.
    """
    # The cosine of the square roots of two mixtures is their overlap (Bhattacharyya).
    vectors = activity.vectors
    sums = np.sqrt(topic_counts(activity)) if vectors is None else _summed_vectors(activity, vectors)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    unit = np.divide(sums, length, out=np.full_like(sums, np.nan), where=length > 1e-6)
    return np.asarray(unit, dtype=np.float32)


def _summed_vectors(activity: Activity, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sum of each member's vectors after taking away what all posts in a language share.

    So members can be alike in different languages. The mean of a language with few posts is drawn towards the mean of
    all. Shape (n_members, dim).
    """
    rows = np.flatnonzero((activity.author >= 0) & ~np.isnan(vectors[:, 0]))
    author, language = activity.author[rows], activity.language[rows] + 1  # 0 is the unknown language
    by_language = _sum_rows(vectors, rows, language, n_sums=int(language.max(initial=0)) + 1)
    n_posts = np.zeros((activity.n_members, len(by_language)))
    np.add.at(n_posts, (author, language), 1.0)
    means = shrunk_means(by_language, np.bincount(language, minlength=len(by_language)), prior=LANGUAGE_PRIOR)
    with threadpool_limits(1):
        shared = n_posts @ means
    return _sum_rows(vectors, rows, author, n_sums=activity.n_members) - np.asarray(shared, dtype=np.float64)


def _sum_rows(
    vectors: NDArray[np.float32], rows: NDArray[np.int64], goes_to: NDArray[np.int64], *, n_sums: int
) -> NDArray[np.float64]:
    """Add up rows in double precision, a block at a time so that a million posts fit in memory."""
    sums = np.zeros((n_sums, vectors.shape[1]))
    for start in range(0, len(rows), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        np.add.at(sums, goes_to[block], vectors[rows[block]].astype(np.float64))
    return sums


def topic_counts(activity: Activity) -> NDArray[np.float64]:
    """Posts of each member in each topic, unsorted posts left out; shape (n_members, n_topics)."""
    sorted_rows = np.flatnonzero((activity.author >= 0) & (activity.topic >= 0))
    n_topics = int(activity.topic.max(initial=-1)) + 1
    counts = np.zeros((activity.n_members, n_topics))
    np.add.at(counts, (activity.author[sorted_rows], activity.topic[sorted_rows]), 1.0)
    return counts


def interest_ties(interests: NDArray[np.float32]) -> sparse.csr_array:
    """Tie members who write about the same things, by the share of nearest neighbours they have in common.

    Parameters
    ----------
    interests : shape (n_members, dim), unit rows, NaN = nothing known.
    """
    n_members = len(interests)
    known = np.flatnonzero(~np.isnan(interests).any(axis=1))
    n_neighbours = min(N_NEIGHBOURS, len(known) - 1)
    if n_neighbours < 1:
        return sparse.csr_array((n_members, n_members), dtype=np.float64)
    alike = shared_neighbour_graph(nearest_neighbours(interests[known], n_neighbours)).tocoo()
    return _canonical(sparse.coo_array((alike.data, (known[alike.row], known[alike.col])), shape=(n_members,) * 2))


def _count_matrix(row: NDArray[np.int64], column: NDArray[np.int64], n_members: int) -> sparse.csr_array:
    return sparse.coo_array((np.ones(len(row)), (row, column)), shape=(n_members, n_members)).tocsr()


def _canonical(ties: sparse.sparray) -> sparse.csr_array:
    """Sorted columns, no stored zeros, empty diagonal: Leiden's outcome depends on the order of the ties."""
    ties = sparse.csr_array(ties, dtype=np.float64)
    ties.setdiag(0.0)
    ties.sum_duplicates()
    ties.eliminate_zeros()
    ties.sort_indices()
    return ties
