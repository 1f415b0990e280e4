"""Stage 4: does a post fit the community's purpose, and does a reply fit its own thread.

Two questions that are never mixed. *Off purpose* compares a post with what the community is about (`purpose.py`), and
with what its spaces are about (`spaces.py`). *Off thread* compares a reply with the thread it stands in, judged against
how it would fit the other threads. A probability is None, with a reason, where the question cannot be put.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from sklearn.isotonic import IsotonicRegression
from threadpoolctl import threadpool_limits

from moderation.corpus import Corpus
from moderation.decided_posts import NOTHING_DECIDED, DecidedPosts
from moderation.placement import Placement, place_posts
from moderation.purpose import (
    TOO_FEW_THREADS,
    PurposeFit,
    PurposeTexts,
    fit_purpose,
    judge_purpose,
    thread_numbers,
    why_no_purpose,
)
from moderation.spaces import BetterSpaces, SpaceFit, fit_spaces, suggest_spaces
from moderation.turning_points import find_turns

STARTS_ITS_THREAD = "starts its thread"

MIN_WORDS = 5
MIN_THREADS = 40
N_OTHER_THREADS = 200
N_RANK_BINS = 20
FIRST_POST_WEIGHT = 3
"""As how many posts the first one counts in the middle of a thread; docs/decisions/0005-relevance.md."""
OWN_SUBJECT_COSINE = 0.35
"""A reply whose best centred cosine to any other thread is lower has no clear subject: a joke, a thanks, small talk."""
GENERIC_CEILING = 0.5
"""What such a reply can reach at most, so that it is never flagged."""
N_EVIDENCE = 3


@dataclass(frozen=True)
class Belonging:
    """What posts are held against to tell where they belong; None where there is too little to say."""

    purpose: PurposeFit | None
    purpose_reason: str | None
    spaces: SpaceFit | None


@dataclass(frozen=True)
class Relevance:
    """Both answers for every row, with what they rest on.

    Attributes
    ----------
    p_off_purpose, p_off_thread : shape (n,), float64 in [0, 1]; NaN where `*_reasons` says why.
    nearest_rows : up to three rows of other threads that resemble it most, best first; empty for unsuspected posts.
    thread_rank : shape (n,), the share of other threads that the reply resembles more than its own; NaN likewise.
    placements : by row, where the post belongs; None where `p_off_purpose` is NaN. Empty = not worked out.
    turned_at : by row, the row of the post at which the thread had turned to something else by then; None = it had not.
        Empty = not worked out.
    better_spaces : by row, as they were found; `placements` says which of them are worth telling.
    belonging : what the posts were held against.
    """

    p_off_purpose: NDArray[np.float64]
    off_purpose_reasons: tuple[str | None, ...]
    nearest_rows: tuple[tuple[int, ...], ...]
    p_off_thread: NDArray[np.float64]
    off_thread_reasons: tuple[str | None, ...]
    thread_rank: NDArray[np.float64]
    placements: tuple[Placement | None, ...] = ()
    turned_at: tuple[int | None, ...] = ()
    better_spaces: BetterSpaces | None = None
    belonging: Belonging | None = None


def measure_relevance(corpus: Corpus, texts: PurposeTexts, *, decided: DecidedPosts = NOTHING_DECIDED) -> Relevance:
    """Judge every post against the purpose and every reply against its thread.

    Parameters
    ----------
    texts : the purpose and the spaces' purposes.
    decided : posts whose place people decided.
    """
    corpus = decided.in_their_spaces(corpus)
    with threadpool_limits(1):
        belonging = learn_belonging(corpus, texts, decided=decided)
        p_off_thread, thread_rank, thread_reasons = _off_thread(corpus, corpus.encoded & corpus.visible)
        return judge_belonging(
            belonging,
            corpus,
            p_off_thread=p_off_thread,
            thread_rank=thread_rank,
            off_thread_reasons=thread_reasons,
            is_fitted=True,
        )


def learn_belonging(corpus: Corpus, texts: PurposeTexts, *, decided: DecidedPosts = NOTHING_DECIDED) -> Belonging:
    """Learn from all posts of a community what belongs in it and in each of its spaces."""
    purpose = fit_purpose(corpus, texts, decided=decided)
    return Belonging(
        purpose=purpose,
        purpose_reason=None if purpose is not None else why_no_purpose(corpus),
        spaces=fit_spaces(corpus, purpose),
    )


def judge_belonging(
    belonging: Belonging,
    corpus: Corpus,
    *,
    p_off_thread: NDArray[np.float64],
    thread_rank: NDArray[np.float64],
    off_thread_reasons: tuple[str | None, ...],
    is_fitted: bool,
) -> Relevance:
    """Say of each post where it belongs, beside what is known of its place in its thread.

    Parameters
    ----------
    corpus : whole threads.
    is_fitted : whether this corpus is all that was learned from; only then the posts that a suspected one resembles are
        looked for in it.
    """
    p, reasons = p_outside(belonging, corpus)
    better = suggest_spaces(belonging.spaces, belonging.purpose, corpus, leaves_out=is_fitted)
    placements = place_posts(corpus, p, better)
    nearest = _nearest_rows(corpus, placements) if is_fitted else ((),) * len(corpus)
    return Relevance(
        p_off_purpose=p,
        off_purpose_reasons=reasons,
        nearest_rows=nearest,
        p_off_thread=p_off_thread,
        off_thread_reasons=off_thread_reasons,
        thread_rank=thread_rank,
        placements=placements,
        turned_at=find_turns(corpus),
        better_spaces=better,
        belonging=belonging,
    )


def p_outside(belonging: Belonging, corpus: Corpus) -> tuple[NDArray[np.float64], tuple[str | None, ...]]:
    """The probability that each post is outside the purpose, or why there is none."""
    if belonging.purpose is None:
        return np.full(len(corpus), np.nan), (belonging.purpose_reason,) * len(corpus)
    p = judge_purpose(belonging.purpose, corpus)
    reasons = tuple(no_answer(corpus, row) for row in range(len(corpus)))
    p[[reason is not None for reason in reasons]] = np.nan
    return p, reasons


def _nearest_rows(corpus: Corpus, placements: Sequence[Placement | None]) -> tuple[tuple[int, ...], ...]:
    """The posts of other threads, all on purpose, that each misplaced one resembles most; those of its better space."""
    is_here = np.array([placed is not None and placed.outcome == "on_purpose" for placed in placements], dtype=bool)
    on_purpose, thread_of = np.flatnonzero(is_here), thread_numbers(corpus)
    spaces = np.array([corpus.posts[row].space or "" for row in on_purpose], dtype=np.str_)
    vectors, threads = corpus.vectors[on_purpose], thread_of[on_purpose]
    nearest: list[tuple[int, ...]] = []
    for row, placed in enumerate(placements):
        if placed is None or placed.outcome == "on_purpose":
            nearest.append(())
            continue
        cosine = np.round(vectors @ corpus.vectors[row], 6)
        cosine[(threads == thread_of[row]) | ((spaces != placed.space) & (placed.space is not None))] = -2
        best = np.argsort(-cosine, kind="stable")[:N_EVIDENCE]
        nearest.append(tuple(on_purpose[best[cosine[best] > -2]].tolist()))
    return tuple(nearest)


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
    middles : shape (n_threads, dim), unit rows after taking the common part away.
    """

    common: NDArray[np.float32]
    thread_ids: tuple[str, ...]
    middles: NDArray[np.floating[Any]]


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
        middles=np.stack([_unit(_weighted_sum(centred[threads[thread_id]])) for thread_id in chosen]),
    )


def rank_own_threads(
    corpus: Corpus, usable: NDArray[np.bool_], others: OtherThreads
) -> tuple[NDArray[np.float64], NDArray[np.bool_], tuple[str | None, ...]]:
    """The share of other threads that each reply would resemble more than its own.

    Likeness is the cosine to the middle of a thread's other posts, of which the first counts for several. The share is
    read off the normal curve through the other threads' likenesses: counting them could not tell apart two replies
    that both fit their own thread better than all others.

    Returns
    -------
    The rank in (0, 1), NaN for the reason beside it; whether the reply resembles no thread at all; and the reasons.
    """
    rank = np.full(len(corpus), np.nan)
    is_generic = np.zeros(len(corpus), dtype=bool)
    reasons: list[str | None] = [no_answer(corpus, row) or STARTS_ITS_THREAD for row in range(len(corpus))]
    centred = centre(corpus.vectors, others.common).astype(np.float64)
    other_ids = np.array(others.thread_ids)
    middles = others.middles.astype(np.float64)
    for thread_id, rows in _usable_threads(corpus, usable).items():
        replies = rows[1:]
        if not replies:
            continue
        is_other = other_ids != thread_id
        elsewhere = centred[replies] @ middles[is_other].T
        z = (_own_likeness(centred[rows]) - elsewhere.mean(axis=1)) / np.maximum(elsewhere.std(axis=1), 1e-6)
        rank[replies] = np.round(ndtr(-z), 6)
        is_generic[replies] = np.round(elsewhere.max(axis=1), 6) < OWN_SUBJECT_COSINE
        for row in replies:
            reasons[row] = no_answer(corpus, row)
    rank[[reason is not None for reason in reasons]] = np.nan
    return rank, is_generic, tuple(reasons)


def _usable_threads(corpus: Corpus, usable: NDArray[np.bool_]) -> dict[str, list[int]]:
    threads = {thread_id: [row for row in rows if usable[row]] for thread_id, rows in corpus.threads.items()}
    return {thread_id: rows for thread_id, rows in threads.items() if rows}


def _own_likeness(thread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each reply's likeness to its own thread, itself left out; shape (n_posts - 1,)."""
    others = _weighted_sum(thread) - thread[1:]
    middles = others / np.maximum(np.linalg.norm(others, axis=1, keepdims=True), 1e-9)
    return np.asarray((middles * thread[1:]).sum(axis=1), dtype=np.float64)


def _weighted_sum(thread: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return np.asarray(thread.sum(axis=0, dtype=np.float64) + (FIRST_POST_WEIGHT - 1) * thread[0], dtype=np.float64)


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
