"""Stage 4: does a post fit the community's purpose, and does a reply fit its own thread.

Two questions that are never mixed. *Off purpose* compares a post with what the community is about: its purpose text
when there is one, and the bulk of its own posts. *Off thread* compares a reply with the thread it stands in, judged
against how it would fit the other threads. A probability is None, with a reason, where the question cannot be put.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.isotonic import IsotonicRegression
from threadpoolctl import threadpool_limits

from moderation.corpus import Corpus

TOO_FEW_POSTS = "too few posts to know the purpose"
TOO_FEW_THREADS = "too few threads to compare with"
STARTS_ITS_THREAD = "starts its thread"

MIN_WORDS = 5
MIN_POSTS = 50
MIN_THREADS = 40
N_FOLDS = 5
MIN_CLOUD_POSTS = 10
"""With fewer posts outside the largest fold, after trimming, no cloud is drawn: nearly all are of one thread."""
N_TRIMMED_FITS = 2
TRIMMED_SHARE = 0.9
N_OTHER_THREADS = 200
N_RANK_BINS = 20
OWN_SUBJECT_COSINE = 0.35
"""A reply whose best centred cosine to any other thread is lower has no clear subject: a joke, a thanks, small talk."""
GENERIC_CEILING = 0.5
"""What such a reply can reach at most, so that it is never flagged."""
N_EVIDENCE = 3
EVIDENCE_FROM = 0.5
"""Below this probability nobody will ask for the nearest posts."""


@dataclass(frozen=True)
class Relevance:
    """Both answers for every row, with what they rest on.

    Attributes
    ----------
    p_off_purpose, p_off_thread : shape (n,), float64 in [0, 1]; NaN where `*_reasons` says why.
    nearest_rows : up to three rows of other threads that resemble it most, best first; empty for unsuspected posts.
    thread_rank : shape (n,), the share of other threads that the reply resembles more than its own; NaN likewise.
    """

    p_off_purpose: NDArray[np.float64]
    off_purpose_reasons: tuple[str | None, ...]
    nearest_rows: tuple[tuple[int, ...], ...]
    p_off_thread: NDArray[np.float64]
    off_thread_reasons: tuple[str | None, ...]
    thread_rank: NDArray[np.float64]


@dataclass(frozen=True)
class PurposeModel:
    """How unlike the rest a post must be; fitted on open intent data mixed with 5 % strangers.

    `p = 1 / (1 + exp(-(slope * oddness + intercept)))`, with oddness as in `oddness()`. The figures and how they were
    chosen are in docs/decisions/0005-relevance.md.
    """

    slope: float
    intercept: float

    def p_off_purpose(self, odd: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability that a post has nothing to do with the purpose; same shape."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * odd + self.intercept))), dtype=np.float64)


PURPOSE_MODEL = PurposeModel(slope=2.65, intercept=-5.4)


@dataclass(frozen=True)
class RobustScale:
    """A median and 1.4826 median absolute deviations (Rousseeuw and Croux, 1993)."""

    median: float
    spread: float

    @classmethod
    def of(cls, numbers: NDArray[np.float64]) -> "RobustScale":
        """The scale of these numbers."""
        median = np.median(numbers)
        spread = 1.4826 * np.median(np.abs(numbers - median))
        return cls(float(median), max(float(spread), 1e-6))

    def z(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance from the median in spreads; same shape."""
        return np.asarray((numbers - self.median) / self.spread, dtype=np.float64)


def measure_relevance(corpus: Corpus, purpose_vectors: NDArray[np.float32]) -> Relevance:
    """Judge every post against the purpose and every reply against its thread.

    Parameters
    ----------
    purpose_vectors : shape (n_texts, dim), unit rows: the purpose and the spaces' purposes; may have no rows.
    """
    usable = corpus.encoded & corpus.visible
    with threadpool_limits(1):
        p_off_purpose, nearest_rows, purpose_reasons = _off_purpose(corpus, usable, purpose_vectors)
        p_off_thread, thread_rank, thread_reasons = _off_thread(corpus, usable)
    return Relevance(p_off_purpose, purpose_reasons, nearest_rows, p_off_thread, thread_reasons, thread_rank)


def oddness(
    vectors: NDArray[np.float32], threads: NDArray[np.intp], purpose_vectors: NDArray[np.float32]
) -> NDArray[np.float64]:
    """How far each post lies from the bulk of its community, in robust standard deviations.

    The distance is Mahalanobis' with a shrunk covariance (Ledoit and Wolf, 2004), drawn from the posts of other threads
    and drawn again without the farthest tenth, so that strangers do not stretch it; half of it is the mean of the
    post's thread. Likeness to the purpose
    text, where there is one, counts for a third.

    Parameters
    ----------
    vectors : shape (n, dim), unit rows.
    threads : shape (n,), thread numbers.
    purpose_vectors : shape (n_texts, dim), unit rows.

    Returns
    -------
    Shape (n,): about 0 for the median post, growing with distance.
    """
    distance, _ = distance_from_others(vectors, threads % N_FOLDS)
    log_distance = np.log(distance)
    odd = RobustScale.of(log_distance).z(log_distance)
    if not len(purpose_vectors):
        return join_oddness(odd, threads, None)
    likeness = likeness_to(purpose_vectors, vectors)
    return join_oddness(odd, threads, RobustScale.of(likeness).z(likeness))


def join_oddness(
    distance_z: NDArray[np.float64], threads: NDArray[np.intp], likeness_z: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Half of each post's distance comes from its thread, a third of the whole from the purpose text if there is one.

    Parameters
    ----------
    distance_z, likeness_z : shape (n,), in robust standard deviations.
    threads : shape (n,), thread numbers; all posts of a thread must be there.
    """
    n_posts = np.bincount(threads)
    odd = (distance_z + (np.bincount(threads, distance_z) / np.maximum(n_posts, 1))[threads]) / 2
    if likeness_z is not None:
        odd = (2 * odd - likeness_z) / 3
    return np.asarray(np.round(odd, 6), dtype=np.float64)


def likeness_to(purpose_vectors: NDArray[np.float32], vectors: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Each post's cosine to the purpose text that it resembles most; shape (n,)."""
    return np.asarray((vectors @ purpose_vectors.T).max(axis=1), dtype=np.float64)


def why_no_cloud(folds: NDArray[np.intp]) -> str | None:
    """Why posts with these folds are too few, or too much of one thread, to be compared; None where they are enough."""
    if len(folds) < MIN_POSTS:
        return TOO_FEW_POSTS
    if TRIMMED_SHARE * len(folds) - np.bincount(folds).max() < MIN_CLOUD_POSTS:
        return TOO_FEW_THREADS
    return None


def distance_from_others(
    vectors: NDArray[np.float32], folds: NDArray[np.intp]
) -> tuple[NDArray[np.float64], list[LedoitWolf]]:
    """Squared Mahalanobis distance of each post to the near posts of the other folds, and the cloud for each fold.

    A post must not help to draw the cloud that it is measured against: with a few hundred posts in as many dimensions
    every post that was fitted looks close. So each fifth of the threads is measured against the other four.

    Parameters
    ----------
    folds : shape (n,), numbers below `N_FOLDS`, the same for all posts of a thread.
    """
    near = np.ones(len(vectors), dtype=bool)
    for _ in range(N_TRIMMED_FITS):
        distance = np.empty(len(vectors))
        clouds = [LedoitWolf().fit(vectors[(folds != fold) & near]) for fold in range(N_FOLDS)]
        for fold in np.unique(folds):
            distance[folds == fold] = clouds[fold].mahalanobis(vectors[folds == fold])
        near = distance <= np.quantile(distance, TRIMMED_SHARE)
    return distance, clouds


def _off_purpose(
    corpus: Corpus, usable: NDArray[np.bool_], purpose_vectors: NDArray[np.float32]
) -> tuple[NDArray[np.float64], tuple[tuple[int, ...], ...], tuple[str | None, ...]]:
    rows = np.flatnonzero(usable)
    p = np.full(len(corpus), np.nan)
    nearest: list[tuple[int, ...]] = [()] * len(corpus)
    thread_of = thread_numbers(corpus)[rows]
    reason = why_no_cloud(thread_of % N_FOLDS)
    if reason:
        return p, tuple(nearest), (reason,) * len(corpus)
    odd = oddness(corpus.vectors[rows], thread_of, purpose_vectors)
    p[rows] = PURPOSE_MODEL.p_off_purpose(odd)
    reasons = tuple(no_answer(corpus, row) for row in range(len(corpus)))
    p[[reason is not None for reason in reasons]] = np.nan
    for i in np.flatnonzero(p[rows] >= EVIDENCE_FROM):
        cosine = np.round(corpus.vectors[rows] @ corpus.vectors[rows[i]], 6)
        cosine[thread_of == thread_of[i]] = -1
        nearest[rows[i]] = tuple(int(rows[j]) for j in np.argsort(-cosine, kind="stable")[:N_EVIDENCE])
    return p, tuple(nearest), reasons


def _off_thread(
    corpus: Corpus, usable: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str | None, ...]]:
    """Rank each reply's own thread among other threads, then turn ranks into shares of misplaced replies."""
    others = choose_other_threads(corpus, usable)
    if others is None:
        rank = np.full(len(corpus), np.nan)
        return rank.copy(), rank, (TOO_FEW_THREADS,) * len(corpus)
    rank, is_generic, reasons = rank_own_threads(corpus, usable, others)
    p = misplaced_share(rank)
    p[is_generic] = np.minimum(p[is_generic], GENERIC_CEILING)
    return p, rank, reasons


@dataclass(frozen=True)
class OtherThreads:
    """Threads of the community that a reply is held against.

    Attributes
    ----------
    common : shape (dim,), what all posts of the community share.
    thread_ids : of up to `N_OTHER_THREADS` threads.
    first_posts, means : shape (n_threads, dim), unit rows after taking the common part away.
    """

    common: NDArray[np.float32]
    thread_ids: tuple[str, ...]
    first_posts: NDArray[np.floating[Any]]
    means: NDArray[np.floating[Any]]


def choose_other_threads(corpus: Corpus, usable: NDArray[np.bool_]) -> OtherThreads | None:
    """Threads evenly spread over time; None where there are fewer than `MIN_THREADS`."""
    threads = _usable_threads(corpus, usable)
    if len(threads) < MIN_THREADS:
        return None
    common = common_part(corpus.vectors)
    centred = centre(corpus.vectors, common)
    ids = list(threads)
    chosen = [ids[number] for number in _evenly_spaced(len(threads), N_OTHER_THREADS)]
    return OtherThreads(
        common=common,
        thread_ids=tuple(chosen),
        first_posts=centred[[threads[thread_id][0] for thread_id in chosen]],
        means=np.stack([_unit(centred[threads[thread_id]].sum(axis=0)) for thread_id in chosen]),
    )


def rank_own_threads(
    corpus: Corpus, usable: NDArray[np.bool_], others: OtherThreads
) -> tuple[NDArray[np.float64], NDArray[np.bool_], tuple[str | None, ...]]:
    """The share of other threads that each reply resembles at least as much as its own.

    Returns
    -------
    The rank in (0, 1], NaN for the reason beside it; whether the reply resembles no thread at all; and the reasons.
    """
    rank = np.full(len(corpus), np.nan)
    is_generic = np.zeros(len(corpus), dtype=bool)
    reasons: list[str | None] = [no_answer(corpus, row) or STARTS_ITS_THREAD for row in range(len(corpus))]
    centred = centre(corpus.vectors, others.common)
    other_ids = np.array(others.thread_ids)
    for thread_id, rows in _usable_threads(corpus, usable).items():
        is_other = other_ids != thread_id
        for row, own in _own_thread_cosine(corpus, centred, rows):
            reasons[row] = no_answer(corpus, row)
            to_others = np.maximum(others.first_posts @ centred[row], others.means @ centred[row])
            to_others = np.round(to_others, 6)[is_other]
            rank[row] = (1 + int((to_others >= own).sum())) / (1 + len(to_others))
            is_generic[row] = to_others.max() < OWN_SUBJECT_COSINE
    rank[[reason is not None for reason in reasons]] = np.nan
    return rank, is_generic, tuple(reasons)


def _usable_threads(corpus: Corpus, usable: NDArray[np.bool_]) -> dict[str, list[int]]:
    threads = {thread_id: [row for row in rows if usable[row]] for thread_id, rows in corpus.threads.items()}
    return {thread_id: rows for thread_id, rows in threads.items() if rows}


def _own_thread_cosine(
    corpus: Corpus, centred: NDArray[np.float32], rows: Sequence[int]
) -> Iterator[tuple[int, float]]:
    """Each reply of a thread with its best cosine to the first post, its parent or the thread so far."""
    so_far = centred[rows[0]].astype(np.float64)
    for row in rows[1:]:
        parent = corpus.row_of.get(corpus.posts[row].parent_id or "", rows[0])
        cosines = [centred[rows[0]] @ centred[row], _unit(so_far) @ centred[row].astype(np.float64)]
        if not np.isnan(centred[parent, 0]):
            cosines.append(centred[parent] @ centred[row])
        yield row, float(np.round(max(cosines), 6))
        so_far += centred[row]


def common_part(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """What all posts share, shape (dim,): the mean of the known rows.

    The encoder's cosines all lie between 0.7 and 0.95, because every vector holds a large common part.
    """
    known = ~np.isnan(vectors[:, 0])
    return np.asarray(vectors[known].mean(axis=0, dtype=np.float64), dtype=np.float32)


def centre(vectors: NDArray[np.float32], common: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the common part away and scale to unit rows; NaN rows stay NaN."""
    moved = vectors - common
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(length, 1e-6), dtype=np.float32)


def misplaced_share(rank: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of replies at each rank that have nothing to do with their thread: a local false discovery rate.

    Parameters
    ----------
    rank : shape (n,), in (0, 1]; NaN stays NaN.
    """
    if np.isnan(rank).all():
        return np.full(len(rank), np.nan)
    return share_at(rank, share_by_rank(rank))


def share_by_rank(rank: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of misplaced replies in each of `N_RANK_BINS` equal parts of the ranks, never falling.

    A reply that is unrelated to its thread resembles it no more than any other thread, so its rank is uniform on
    (0, 1]; what is left above that level at low ranks is related. The level is Storey's estimate, twice the share of
    replies in the upper half of the ranks; the density is a histogram made to fall by isotonic regression (Efron,
    Large-Scale Inference, 2010, chapters 4 and 5).

    Parameters
    ----------
    rank : shape (n,), in (0, 1], NaN left out; at least one is known.
    """
    known = rank[~np.isnan(rank)]
    counts, _ = np.histogram(known, bins=N_RANK_BINS, range=(0, 1))
    density = counts / counts.sum() * N_RANK_BINS
    falling = IsotonicRegression(increasing=False).fit_transform(np.arange(N_RANK_BINS), density)
    unrelated = min(1.0, 2 * float((known > 0.5).mean()))
    return np.asarray(np.clip(unrelated / np.maximum(falling, 1e-9), 0, 1), dtype=np.float64)


def share_at(rank: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Read the share of misplaced replies off at each rank, between the middles of the bins; NaN stays NaN."""
    edges = np.linspace(0, 1, N_RANK_BINS + 1)
    return np.interp(rank, (edges[:-1] + edges[1:]) / 2, shares)


def thread_numbers(corpus: Corpus) -> NDArray[np.intp]:
    """The place of each row's thread in `corpus.threads`; shape (n,)."""
    numbers = np.empty(len(corpus), dtype=np.intp)
    for number, rows in enumerate(corpus.threads.values()):
        numbers[rows] = number
    return numbers


def no_answer(corpus: Corpus, row: int) -> str | None:
    """Why a post cannot be judged by itself, whatever the community; None where it can."""
    if not corpus.visible[row]:
        return "deleted"
    if not corpus.encoded[row]:
        return "no words"
    if corpus.readings[row].n_words < MIN_WORDS:
        return "too short to tell"
    return None


def _unit(vector: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    as_float64 = vector.astype(np.float64)
    return np.asarray(as_float64 / max(float(np.linalg.norm(as_float64)), 1e-9), dtype=np.float64)


def _evenly_spaced(n: int, n_wanted: int) -> NDArray[np.intp]:
    """Up to `n_wanted` of `n` row numbers, evenly spread over time, the same on every run."""
    return np.unique(np.linspace(0, n - 1, min(n, n_wanted)).astype(np.intp))
