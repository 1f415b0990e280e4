"""Would a thread fit another space better: learned from the community's own threads, each left out in turn."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from moderation.corpus import Corpus
from moderation.purpose import PurposeFit
from moderation.word_evidence import PostWords, fold_of, words_of_groups

NO_SPACES = "fewer than two spaces with enough threads to compare"
NO_SPACE = "its space is not known, or has too few threads"
STANDS_IN_A_THREAD = "a reply moves with its thread"

MIN_SPACE_THREADS = 10
MIN_WORD_THREADS = 3
"""Words of fewer threads tell no space from another."""
PRIOR_THREADS = 5
"""Of all spaces together, which a space's own count of a word is mixed with."""
PADDING_WORDS = 3
MISPLACED_SHARE = 0.02
"""The share of threads that is taken to stand in the wrong space before anything is read."""
NOISE = 0.05
"""The share of threads whose space is taken to say nothing while the weights are fitted: some do stand wrong."""


@dataclass(frozen=True)
class SpaceFit:
    """The spaces of a community as their threads are.

    Attributes
    ----------
    slugs : shape (n_spaces,), those with at least `MIN_SPACE_THREADS` threads, by name.
    sums : shape (n_spaces, dim), of the threads' mean vectors.
    n_threads : shape (n_spaces,).
    word_keys : shape (n_words,), uint64, rising: hashes of the words that `MIN_WORD_THREADS` threads or more hold.
    word_threads : shape (n_words, n_spaces), threads of each space that hold the word.
    weights : shape (2,), of the vectors' and the words' log-likelihoods.
    """

    slugs: NDArray[np.str_]
    sums: NDArray[np.float64]
    n_threads: NDArray[np.int64]
    word_keys: NDArray[np.uint64]
    word_threads: NDArray[np.int32]
    weights: NDArray[np.float64]

    @cached_property
    def place_of(self) -> dict[str, int]:
        """The number of each space."""
        return {slug: place for place, slug in enumerate(self.slugs.tolist())}


@dataclass(frozen=True)
class BetterSpaces:
    """A better space for the first post of each thread, with how sure that is.

    Attributes
    ----------
    space : by row; None where no other space is likelier, or for the reason beside it.
    p : shape (n,), in [0, 1]: the probability that it belongs there; 0 where the own space is the likeliest, NaN where
        a reason says why.
    reasons : by row; None where there is an answer.
    """

    space: tuple[str | None, ...]
    p: NDArray[np.float64]
    reasons: tuple[str | None, ...]


@dataclass(frozen=True)
class _Threads:
    """Threads whose first post stands in a space, in order of first post.

    Attributes
    ----------
    first_rows : shape (n,), the row of each thread's first post.
    means : shape (n, dim), of the vectors of the posts that can be read.
    folds : shape (n,).
    words : of each thread, all its posts together.
    """

    first_rows: NDArray[np.intp]
    slugs: tuple[str, ...]
    means: NDArray[np.float64]
    folds: NDArray[np.intp]
    words: PostWords


def fit_spaces(corpus: Corpus, purpose: PurposeFit | None) -> SpaceFit | None:
    """Learn the spaces from the threads that stand in them; None where there are fewer than two to compare."""
    if purpose is None or not purpose.has_clouds:
        return None
    threads = _read_threads(corpus, frozenset(_enough_threads(corpus)))
    slugs = np.unique(np.array(threads.slugs, dtype=np.str_))
    if len(slugs) < 2:
        return None
    own = np.searchsorted(slugs, np.array(threads.slugs))
    n_threads = np.bincount(own)
    sums = np.stack([threads.means[own == space].sum(axis=0) for space in range(len(slugs))])
    keys, word_threads = _count_words_by_space(threads.words, own, len(slugs))
    unweighted = SpaceFit(slugs, sums, n_threads, keys, word_threads, np.ones(2))
    kinds = _log_likelihoods(unweighted, purpose, threads, left_out=own)
    return replace(unweighted, weights=_fit_weights(kinds, own))


def suggest_spaces(
    spaces: SpaceFit | None, purpose: PurposeFit | None, corpus: Corpus, *, leaves_out: bool
) -> BetterSpaces:
    """Name a better space for each thread whose own space is known, at its first post.

    Parameters
    ----------
    corpus : whole threads.
    leaves_out : whether the spaces were learned from these very threads, so that each is first taken out of its own.
    """
    space: list[str | None] = [None] * len(corpus)
    p = np.full(len(corpus), np.nan)
    if spaces is None or purpose is None:
        return BetterSpaces(tuple(space), p, (NO_SPACES,) * len(corpus))
    reasons: list[str | None] = [STANDS_IN_A_THREAD] * len(corpus)
    for rows in corpus.threads.values():
        reasons[rows[0]] = NO_SPACE
    threads = _read_threads(corpus, frozenset(spaces.place_of))
    own = np.array([spaces.place_of[slug] for slug in threads.slugs], dtype=np.intp)
    kinds = _log_likelihoods(spaces, purpose, threads, left_out=own if leaves_out else None)
    likelihood = _joined(kinds, spaces.weights)
    p_space = _p_spaces(likelihood, own)
    for thread, row in enumerate(threads.first_rows.tolist()):
        best = int(p_space[thread].argmax())
        reasons[row], p[row] = None, 0.0
        if best != own[thread]:
            space[row], p[row] = str(spaces.slugs[best]), p_space[thread, best]
    return BetterSpaces(tuple(space), p, tuple(reasons))


def _p_spaces(likelihood: NDArray[np.float64], own: NDArray[np.intp]) -> NDArray[np.float64]:
    """The probability that each thread belongs in each space, if few stand in the wrong one; shape of `likelihood`."""
    n, n_spaces = likelihood.shape
    prior = np.full((n, n_spaces), np.log(MISPLACED_SHARE / (n_spaces - 1)))
    prior[np.arange(n), own] = np.log(1 - MISPLACED_SHARE)
    joint = likelihood + prior
    return np.asarray(np.round(np.exp(joint - logsumexp(joint, axis=1, keepdims=True)), 6), dtype=np.float64)


def _enough_threads(corpus: Corpus) -> list[str]:
    usable = corpus.encoded & corpus.visible
    n_threads = Counter(corpus.posts[rows[0]].space for rows in corpus.threads.values() if usable[rows].any())
    return [slug for slug, n in n_threads.items() if slug and n >= MIN_SPACE_THREADS]


def _read_threads(corpus: Corpus, slugs: frozenset[str]) -> _Threads:
    usable = corpus.encoded & corpus.visible
    first_rows, of_threads, means, folds = [], [], [], []
    thread_of = np.full(len(corpus), -1, dtype=np.intp)
    for thread_id, rows in corpus.threads.items():
        space, known = corpus.posts[rows[0]].space, [row for row in rows if usable[row]]
        if space in slugs and known:
            first_rows.append(rows[0])
            of_threads.append(str(space))
            means.append(corpus.vectors[known].mean(axis=0, dtype=np.float64))
            folds.append(fold_of(thread_id))
            thread_of[known] = len(folds) - 1
    return _Threads(
        first_rows=np.array(first_rows, dtype=np.intp),
        slugs=tuple(of_threads),
        means=np.array(means).reshape(len(means), corpus.vectors.shape[1]),
        folds=np.array(folds, dtype=np.intp),
        words=words_of_groups(corpus.distinct_words, thread_of, len(folds)),
    )


def _count_words_by_space(
    words: PostWords, own: NDArray[np.intp], n_spaces: int
) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    cells = words.word_of * n_spaces + own[words.post_of]
    counts = np.bincount(cells, minlength=len(words.keys) * n_spaces).reshape(-1, n_spaces)
    often = counts.sum(axis=1) >= MIN_WORD_THREADS
    return words.keys[often], counts[often].astype(np.int32)


def _log_likelihoods(
    spaces: SpaceFit, purpose: PurposeFit, threads: _Threads, *, left_out: NDArray[np.intp] | None
) -> NDArray[np.float64]:
    """How well each thread fits each space by vector and by words; shape (2, n_threads, n_spaces).

    Parameters
    ----------
    left_out : the space that each thread is taken out of first; None = the threads are not in the fit.
    """
    distance = _distances(purpose, threads, spaces.sums / spaces.n_threads[:, None])
    if left_out is not None:
        without = (spaces.sums[left_out] - threads.means) / (spaces.n_threads[left_out] - 1)[:, None]
        distance[np.arange(len(left_out)), left_out] = _own_distances(purpose, threads, without)
    by_words = _word_likelihoods(spaces, threads.words, left_out)
    return np.asarray(np.round(np.stack([-distance / 2, by_words]), 6), dtype=np.float64)


def _distances(purpose: PurposeFit, threads: _Threads, centroids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared Mahalanobis distance of each thread to each space, by the cloud that the thread did not help to draw.

    Without the part that is the same for all spaces.
    """
    distance = np.empty((len(threads.means), len(centroids)))
    for fold in np.unique(threads.folds):
        by_precision = centroids @ purpose.precisions[fold]
        of_centroids = (by_precision * centroids).sum(axis=1)
        distance[threads.folds == fold] = of_centroids - 2 * threads.means[threads.folds == fold] @ by_precision.T
    return distance


def _own_distances(purpose: PurposeFit, threads: _Threads, centroids: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same of each thread to one centroid of its own; shape (n_threads,)."""
    distance = np.empty(len(threads.means))
    for fold in np.unique(threads.folds):
        mine = threads.folds == fold
        by_precision = centroids[mine] @ purpose.precisions[fold]
        distance[mine] = (by_precision * (centroids[mine] - 2 * threads.means[mine])).sum(axis=1)
    return distance


def _word_likelihoods(spaces: SpaceFit, words: PostWords, left_out: NDArray[np.intp] | None) -> NDArray[np.float64]:
    """Logarithm of how much each space uses a thread's words, shape (n_threads, n_spaces).

    Words are not independent, so their sum grows too fast; it is divided by the square root of their number.
    """
    place = np.minimum(np.searchsorted(spaces.word_keys, words.keys), max(len(spaces.word_keys) - 1, 0))
    known = spaces.word_keys[place] == words.keys if len(spaces.word_keys) else np.zeros(len(words.keys), dtype=bool)
    pairs = known[words.word_of]
    thread_of, place_of = words.post_of[pairs], place[words.word_of[pairs]]
    n_words = np.bincount(thread_of, minlength=words.n_posts)
    overall = (spaces.word_threads.sum(axis=1) / spaces.n_threads.sum())[place_of]
    total = np.empty((words.n_posts, len(spaces.slugs)))
    for space, n_threads in enumerate(spaces.n_threads.tolist()):
        mine = np.zeros(len(thread_of)) if left_out is None else (left_out[thread_of] == space).astype(np.float64)
        rate = (spaces.word_threads[place_of, space] - mine + PRIOR_THREADS * overall) / (
            n_threads - mine + PRIOR_THREADS
        )
        total[:, space] = np.bincount(thread_of, np.log(rate), minlength=words.n_posts)
    return np.asarray(total / np.sqrt(n_words + PADDING_WORDS)[:, None], dtype=np.float64)


def _fit_weights(kinds: NDArray[np.float64], own: NDArray[np.intp]) -> NDArray[np.float64]:
    """The weights under which the threads' own spaces are likeliest: a softmax over the spaces, two parameters."""
    rows, n_spaces = np.arange(len(own)), kinds.shape[2]

    def surprise(logarithms: NDArray[np.float64]) -> float:
        likelihood = _joined(kinds, np.exp(logarithms))
        p_own = np.exp(likelihood[rows, own] - logsumexp(likelihood, axis=1))
        return -float(np.log((1 - NOISE) * p_own + NOISE / n_spaces).mean())

    found = minimize(surprise, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-5})
    return np.asarray(np.round(np.exp(found.x), 4), dtype=np.float64)


def _joined(kinds: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.round(weights[0] * kinds[0] + weights[1] * kinds[1], 6), dtype=np.float64)
