"""What is new and grows: sets of posts, alike in meaning or in wording, that are made of recent threads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats
from threadpoolctl import threadpool_limits

from topics.graph import nearest_neighbours, shared_neighbour_graph
from topics.partition import leiden_communities

SEED = 20

#: Neighbours that tie a post to others come from other threads and other writers: of so many nearest ones, the first.
N_NEIGHBOURS = 12
N_SEARCHED = 40

#: Posts per unit of resolution: groups of some 15 and some 30 posts, whatever the size of the community.
POSTS_PER_RESOLUTION = (150, 300)

#: Recent threads are fewer than older ones, or most sets are recent anyway.
MAX_RECENT_SHARE = 0.5
MIN_POSTS = 100

#: Something new has at least so many threads and writers, and at least this share of its threads is recent.
MIN_THREADS = 4
MIN_AUTHORS = 4
NEW_SHARE = 2 / 3

#: Shuffles of the threads' times; a set must be less likely than the least likely one of all but this share of them.
N_SHUFFLES = 199
MAX_P_FALSE = 0.02

#: Two sets with more than this share of the smaller one's posts in common are one.
SAME_POSTS = 0.5


@dataclass(frozen=True)
class Candidates:
    """Sets of posts that might be something new; nothing in them depends on when the posts were written.

    Attributes
    ----------
    members : shape (n_sets, n), 1 where a post belongs to a set.
    threads, authors : shape (n,), numbers from 0; unknown authors have numbers of their own.
    """

    members: sparse.csr_array
    threads: NDArray[np.int64]
    authors: NDArray[np.int64]


@dataclass(frozen=True)
class Emerging:
    """Recent posts that are alike, with hardly anything older like them.

    Attributes
    ----------
    sets : places of the candidates that it is made of, the least likely first.
    rows : the recent posts, in order.
    n_threads, n_authors : among them.
    new_share : of the threads of the least likely set, those that are recent, in [0, 1].
    p : chance of so many recent threads in that set, were they spread over all posts.
    p_false : share of shuffles of the threads' times that hold a set as unlikely as this one.
    """

    sets: tuple[int, ...]
    rows: tuple[int, ...]
    n_threads: int
    n_authors: int
    new_share: float
    p: float
    p_false: float


def small_groups(
    points: NDArray[np.float32], *, threads: NDArray[np.int64], authors: NDArray[np.int64]
) -> Candidates | None:
    """Posts that are alike in meaning, cut into groups much smaller than a topic; None where there are too few posts.

    Communities of the shared-neighbour graph as in `topics.clustering`, but ties lead to other threads and other
    writers only: a lively thread, or one person who always writes about the same, is no group.

    Parameters
    ----------
    points : shape (n, dim), unit rows: centred vectors, in an order that the caller keeps fixed.
    """
    if len(points) < MIN_POSTS:
        return None
    searched = nearest_neighbours(points, N_SEARCHED)
    is_own = (threads[searched] == threads[:, None]) | (authors[searched] == authors[:, None])
    others_first = np.argsort(is_own, axis=1, kind="stable")[:, :N_NEIGHBOURS]
    graph = shared_neighbour_graph(np.take_along_axis(searched, others_first, axis=1))
    labels = [
        leiden_communities(graph, resolution=max(1.0, len(points) / n_posts), seed=SEED)
        for n_posts in POSTS_PER_RESOLUTION
    ]
    return Candidates(sparse.csr_array(sparse.vstack([_sets_of(each) for each in labels])), threads, authors)


def same_wordings(
    wordings_of: Sequence[Sequence[int]], *, threads: NDArray[np.int64], authors: NDArray[np.int64]
) -> tuple[Candidates, NDArray[np.int64]]:
    """Posts that share a wording, a set for each wording of enough threads and writers.

    A new subject brings words with it that hardly anybody used before, long before its posts are many enough to be
    one another's nearest neighbours.

    Parameters
    ----------
    wordings_of : numbers of the wordings in each post, each once.

    Returns
    -------
    The sets and, for each, the number of its wording.
    """
    starts = np.cumsum([0, *map(len, wordings_of)])
    columns = np.array([number for each in wordings_of for number in each], dtype=np.int64)
    shape = len(wordings_of), int(columns.max(initial=-1)) + 1
    members = sparse.csr_array((np.ones(len(columns), dtype=np.int64), columns, starts), shape=shape).T.tocsr()
    often = np.flatnonzero(
        (_by_group(members, threads).sum(axis=1) >= MIN_THREADS)
        & (_by_group(members, authors).sum(axis=1) >= MIN_AUTHORS)
    )
    return Candidates(members[often], threads, authors), often


def find_emerging(candidates: Candidates, is_recent: NDArray[np.bool_]) -> tuple[Emerging, ...]:
    """Find the sets that are made of recent threads, beyond what shuffled times give.

    Threads, not posts, are counted and shuffled: what is written in one thread is one event.

    Parameters
    ----------
    is_recent : shape (n,); the posts of a thread are all recent or none is.

    Returns
    -------
    Most threads first, no two with most of their posts in common. Empty where nothing is beyond chance, or where not
    even half of the threads are older.
    """
    threads = candidates.threads
    if len(threads) < MIN_POSTS:
        return ()
    in_set = _by_group(candidates.members, threads)
    thread_is_recent = np.zeros(in_set.shape[1], dtype=bool)
    thread_is_recent[threads[is_recent]] = True
    if not 0 < thread_is_recent.mean() <= MAX_RECENT_SHARE:
        return ()
    log_p = _log_p(in_set, thread_is_recent)
    by_chance = _least_by_chance(in_set, thread_is_recent)
    p_false = (1 + (by_chance[:, None] <= log_p[None, :]).sum(axis=0)) / (1 + len(by_chance))
    beyond = np.flatnonzero((log_p < 0) & (p_false <= MAX_P_FALSE))
    n_threads = np.asarray(in_set.sum(axis=1))
    found = [
        Emerging(
            sets=(place,),
            rows=tuple(_recent_rows(candidates, place, is_recent)),
            n_threads=0,
            n_authors=0,
            new_share=round(float((in_set[[place]] @ thread_is_recent.astype(np.int64))[0] / n_threads[place]), 6),
            p=float(np.exp(log_p[place])),
            p_false=float(p_false[place]),
        )
        for place in beyond[np.lexsort((beyond, log_p[beyond]))].tolist()
    ]
    counted = [_counted(each, candidates) for each in _joined(found)]
    kept = [each for each in counted if each.n_authors >= MIN_AUTHORS and each.n_threads >= MIN_THREADS]
    return tuple(sorted(kept, key=lambda each: (-each.n_threads, each.rows)))


def typical_first(points: NDArray[np.float32], rows: Sequence[int]) -> tuple[int, ...]:
    """The rows nearest to their common direction first, equally near ones in order."""
    members = points[list(rows)]
    with threadpool_limits(1):
        closeness = np.round((members @ members.sum(axis=0)).astype(np.float64), 4)
    return tuple(np.asarray(rows, dtype=np.int64)[np.lexsort((rows, -closeness))].tolist())


def _sets_of(labels: NDArray[np.int64]) -> sparse.csr_array:
    ones = np.ones(len(labels), dtype=np.int64)
    return sparse.csr_array((ones, (labels, np.arange(len(labels)))), shape=(int(labels.max()) + 1, len(labels)))


def _by_group(members: sparse.csr_array, group: NDArray[np.int64]) -> sparse.csr_array:
    """1 where a set has a post of a thread (or an author); shape (n_sets, n_groups)."""
    return sparse.csr_array((members @ _sets_of(group).T).sign())


def _log_p(in_set: sparse.csr_array, thread_is_recent: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Log of the binomial chance of so many recent threads in each set; 0 for sets that are nothing new."""
    n_threads = np.asarray(in_set.sum(axis=1), dtype=np.int64)
    n_recent = in_set @ thread_is_recent.astype(np.int64)
    new = np.flatnonzero((n_recent >= MIN_THREADS) & (n_recent >= np.round(NEW_SHARE * n_threads, 6)))
    log_p = np.zeros(len(n_threads))
    log_p[new] = stats.binom.logsf(n_recent[new] - 1, n_threads[new], thread_is_recent.mean())
    return np.round(log_p, 6)


def _least_by_chance(in_set: sparse.csr_array, thread_is_recent: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The least likely set of each shuffle of which threads are recent; shape (N_SHUFFLES,)."""
    generator = np.random.default_rng(SEED)
    shuffles = (generator.permutation(thread_is_recent) for _ in range(N_SHUFFLES))
    return np.array([_log_p(in_set, shuffled).min(initial=0.0) for shuffled in shuffles])


def _recent_rows(candidates: Candidates, place: int, is_recent: NDArray[np.bool_]) -> list[int]:
    rows = candidates.members[[place]].indices
    return sorted(rows[is_recent[rows]].tolist())


def _joined(least_likely_first: list[Emerging]) -> list[Emerging]:
    """Sets that hold mostly the same posts are one."""
    joined: list[Emerging] = []
    for each in least_likely_first:
        rows = set(each.rows)
        place = next((place for place, other in enumerate(joined) if _is_same(rows, set(other.rows))), None)
        if place is None:
            joined.append(each)
        else:
            first = joined[place]
            joined[place] = replace(first, sets=first.sets + each.sets, rows=tuple(sorted(rows.union(first.rows))))
    return joined


def _is_same(some: set[int], others: set[int]) -> bool:
    return len(some & others) > SAME_POSTS * min(len(some), len(others))


def _counted(found: Emerging, candidates: Candidates) -> Emerging:
    rows = list(found.rows)
    return replace(
        found,
        n_threads=len(np.unique(candidates.threads[rows])),
        n_authors=len(np.unique(candidates.authors[rows])),
    )
