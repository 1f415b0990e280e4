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

MIN_WORDS = 5
MIN_POSTS = 50
MIN_THREADS = 40
N_FOLDS = 5
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


PURPOSE_MODEL = PurposeModel(slope=2.65, intercept=-5.4)


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
    near = np.ones(len(vectors), dtype=bool)
    for _ in range(N_TRIMMED_FITS):
        distance = _distance_from_others(vectors, threads, near)
        near = distance <= np.quantile(distance, TRIMMED_SHARE)
    odd = _robust_z(np.log(distance))
    n_posts = np.bincount(threads)
    odd = (odd + (np.bincount(threads, odd) / np.maximum(n_posts, 1))[threads]) / 2
    if len(purpose_vectors):
        odd = (2 * odd - _robust_z((vectors @ purpose_vectors.T).max(axis=1).astype(np.float64))) / 3
    return np.asarray(np.round(odd, 6), dtype=np.float64)


def _distance_from_others(
    vectors: NDArray[np.float32], threads: NDArray[np.intp], near: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Squared Mahalanobis distance of each post to the near posts of other threads.

    A post must not help to draw the cloud that it is measured against: with a few hundred posts in as many dimensions
    every post that was fitted looks close. So each fifth of the threads is measured against the other four.
    """
    distance = np.empty(len(vectors))
    for fold in range(N_FOLDS):
        measured = threads % N_FOLDS == fold
        if measured.any():
            distance[measured] = LedoitWolf().fit(vectors[~measured & near]).mahalanobis(vectors[measured])
    return distance


def _off_purpose(
    corpus: Corpus, usable: NDArray[np.bool_], purpose_vectors: NDArray[np.float32]
) -> tuple[NDArray[np.float64], tuple[tuple[int, ...], ...], tuple[str | None, ...]]:
    rows = np.flatnonzero(usable)
    p = np.full(len(corpus), np.nan)
    nearest: list[tuple[int, ...]] = [()] * len(corpus)
    if len(rows) < MIN_POSTS:
        return p, tuple(nearest), ("too few posts to know the purpose",) * len(corpus)
    thread_of = _thread_numbers(corpus)[rows]
    odd = oddness(corpus.vectors[rows], thread_of, purpose_vectors)
    p[rows] = 1 / (1 + np.exp(-(PURPOSE_MODEL.slope * odd + PURPOSE_MODEL.intercept)))
    reasons = tuple(_no_answer(corpus, row, usable) for row in range(len(corpus)))
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
    rank = np.full(len(corpus), np.nan)
    threads = [[row for row in rows if usable[row]] for rows in corpus.threads.values()]
    threads = [rows for rows in threads if rows]
    if len(threads) < MIN_THREADS:
        return rank.copy(), rank, ("too few threads to compare with",) * len(corpus)
    centred = centre(corpus.vectors)
    others = _evenly_spaced(len(threads), N_OTHER_THREADS)
    first_posts = centred[[threads[number][0] for number in others]]
    means = np.stack([_unit(centred[threads[number]].sum(axis=0)) for number in others])
    reasons: list[str | None] = [_no_answer(corpus, row, usable) or "starts its thread" for row in range(len(corpus))]
    generic = np.zeros(len(corpus), dtype=bool)
    for number, rows in enumerate(threads):
        for row, own in _own_thread_cosine(corpus, centred, rows):
            reasons[row] = _no_answer(corpus, row, usable)
            to_others = np.round(np.maximum(first_posts @ centred[row], means @ centred[row]), 6)[others != number]
            rank[row] = (1 + int((to_others >= own).sum())) / (1 + len(to_others))
            generic[row] = to_others.max() < OWN_SUBJECT_COSINE
    rank[[reason is not None for reason in reasons]] = np.nan
    p = misplaced_share(rank)
    p[generic] = np.minimum(p[generic], GENERIC_CEILING)
    return p, rank, tuple(reasons)


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


def centre(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Remove what all posts share, then scale to unit rows; NaN rows stay NaN.

    The encoder's cosines all lie between 0.7 and 0.95, because every vector holds a large common part.
    """
    known = ~np.isnan(vectors[:, 0])
    moved = vectors - vectors[known].mean(axis=0, dtype=np.float64).astype(np.float32)
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(length, 1e-6), dtype=np.float32)


def misplaced_share(rank: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of replies at each rank that have nothing to do with their thread: a local false discovery rate.

    A reply that is unrelated to its thread resembles it no more than any other thread, so its rank is uniform on
    (0, 1]; what is left above that level at low ranks is related. The level is Storey's estimate, twice the share of
    replies in the upper half of the ranks; the density is a histogram made to fall by isotonic regression (Efron,
    Large-Scale Inference, 2010, chapters 4 and 5).

    Parameters
    ----------
    rank : shape (n,), in (0, 1]; NaN stays NaN.
    """
    known = ~np.isnan(rank)
    p = np.full(len(rank), np.nan)
    if not known.any():
        return p
    counts, edges = np.histogram(rank[known], bins=N_RANK_BINS, range=(0, 1))
    density = counts / counts.sum() * N_RANK_BINS
    falling = IsotonicRegression(increasing=False).fit_transform(np.arange(N_RANK_BINS), density)
    unrelated = min(1.0, 2 * float((rank[known] > 0.5).mean()))
    share = np.clip(unrelated / np.maximum(falling, 1e-9), 0, 1)
    middles = (edges[:-1] + edges[1:]) / 2
    p[known] = np.interp(rank[known], middles, share)
    return p


def _robust_z(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the median in units of 1.4826 median absolute deviations (Rousseeuw and Croux, 1993)."""
    median = np.median(numbers)
    spread = 1.4826 * np.median(np.abs(numbers - median))
    return np.asarray((numbers - median) / max(float(spread), 1e-6), dtype=np.float64)


def _thread_numbers(corpus: Corpus) -> NDArray[np.intp]:
    numbers = np.empty(len(corpus), dtype=np.intp)
    for number, rows in enumerate(corpus.threads.values()):
        numbers[rows] = number
    return numbers


def _no_answer(corpus: Corpus, row: int, usable: NDArray[np.bool_]) -> str | None:
    if corpus.posts[row].deleted_at is not None:
        return "deleted"
    if not usable[row]:
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
