"""Which words a community uses more than language in general: evidence of purpose that no vector holds.

A count of threads for each word, kept under a hash of the word, so that no word stands in a fit; somebody who guesses a
word can still check whether it is there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from models.word_frequencies import log_probabilities

N_FOLDS = 5
READ_CHARACTERS = 4_000
"""About as much as the encoder reads."""
PRIOR_THREADS = 100
"""How many threads of general language a word's count is mixed with."""
WORDS_PER_THREAD = 200
MOST_COMMON = 0.5
PADDING_WORDS = 3
"""Neutral words added to each post, so that two words are weaker evidence than twenty."""

_WORD = re.compile(r"[^\W\d_]{2,}")


def fold_of(thread_id: str) -> int:
    """Which fifth of the threads a thread is in, known from its id alone, so that new threads have one too."""
    return int.from_bytes(blake2b(thread_id.encode(), digest_size=8).digest()) % N_FOLDS


@dataclass(frozen=True)
class PostWords:
    """The distinct words of each post.

    Attributes
    ----------
    keys : shape (n_words,), uint64, hashes of distinct words, rising.
    log_probabilities : shape (n_words,), in general language.
    post_of, word_of : shape (n_pairs,): each word of each post once; `word_of` numbers `keys`.
    n_posts : posts, those without words included.
    """

    keys: NDArray[np.uint64]
    log_probabilities: NDArray[np.float64]
    post_of: NDArray[np.intp]
    word_of: NDArray[np.intp]
    n_posts: int


@dataclass(frozen=True)
class WordCounts:
    """In how many threads of each fold each word stands.

    Attributes
    ----------
    keys : shape (n_words,), uint64, rising.
    n_threads_with : shape (n_words, N_FOLDS).
    n_threads : shape (N_FOLDS,), threads in each fold.
    """

    keys: NDArray[np.uint64]
    n_threads_with: NDArray[np.int32]
    n_threads: NDArray[np.int64]


def words_of_posts(texts: Sequence[str]) -> PostWords:
    """The distinct words of each text, in lower case; numbers and single letters are none."""
    number_of: dict[str, int] = {}
    posts: list[int] = []
    numbers: list[int] = []
    for post, text in enumerate(texts):
        found = [
            number_of.setdefault(word, len(number_of))
            for word in dict.fromkeys(_WORD.findall(text[:READ_CHARACTERS].lower()))
        ]
        numbers += found
        posts += [post] * len(found)
    keys = np.array([_key(word) for word in number_of], dtype=np.uint64)
    order = np.argsort(keys, kind="stable")
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    # By post and key, so that sums do not depend on which post brought a word in.
    word_of, post_of = place[np.array(numbers, dtype=np.intp)], np.array(posts, dtype=np.intp)
    by_key = np.lexsort((word_of, post_of))
    return PostWords(keys[order], log_probabilities(number_of)[order], post_of[by_key], word_of[by_key], len(texts))


def words_of_groups(words: PostWords, group_of: NDArray[np.intp], n_groups: int) -> PostWords:
    """The distinct words of groups of posts, of one post each or of whole threads.

    Parameters
    ----------
    group_of : shape (n_posts,), the group of each post; -1 = none.
    """
    groups = group_of[words.post_of]
    pairs = np.unique(groups[groups >= 0] * len(words.keys) + words.word_of[groups >= 0])
    n_words = max(len(words.keys), 1)
    return PostWords(words.keys, words.log_probabilities, pairs // n_words, pairs % n_words, n_groups)


def count_words(words: PostWords, threads: NDArray[np.intp], folds: NDArray[np.intp]) -> WordCounts:
    """Count the threads that hold each word.

    Parameters
    ----------
    threads, folds : shape (n_posts,), thread numbers and the fold of each post's thread.
    """
    n_threads = int(threads.max(initial=-1)) + 1
    pairs = np.unique(words.word_of * n_threads + threads[words.post_of])
    fold_of_thread = np.zeros(n_threads, dtype=np.intp)
    fold_of_thread[threads] = folds
    cells = (pairs // n_threads) * N_FOLDS + fold_of_thread[pairs % n_threads]
    counts = np.bincount(cells, minlength=len(words.keys) * N_FOLDS).reshape(-1, N_FOLDS)
    return WordCounts(
        keys=words.keys,
        n_threads_with=counts.astype(np.int32),
        n_threads=np.bincount(fold_of_thread[np.unique(threads)], minlength=N_FOLDS),
    )


def strangeness_of_words(counts: WordCounts, words: PostWords, folds: NDArray[np.intp]) -> NDArray[np.float64]:
    """How little a post's words are those of the other threads, shape (n_posts,); higher is stranger.

    The mean over the post's words of the logarithm of how much likelier general language is to use the word than the
    threads of the other folds are. An unknown word counts the same however rare it is, so that one unknown name among
    other words weighs little.

    Parameters
    ----------
    folds : shape (n_posts,), the fold of each post's thread; its own fold's threads do not count.
    """
    place = np.searchsorted(counts.keys, words.keys)
    is_known = np.zeros(len(words.keys), dtype=bool)
    within = place < len(counts.keys)
    is_known[within] = counts.keys[place[within]] == words.keys[within]
    by_fold = np.zeros((len(words.keys), N_FOLDS))
    by_fold[is_known] = counts.n_threads_with[place[is_known]]
    elsewhere = (by_fold.sum(axis=1, keepdims=True) - by_fold)[words.word_of, folds[words.post_of]]
    n_elsewhere = (counts.n_threads.sum() - counts.n_threads)[folds[words.post_of]]
    general = np.minimum(WORDS_PER_THREAD * np.exp(words.log_probabilities[words.word_of]), MOST_COMMON)
    here = (elsewhere + PRIOR_THREADS * general) / (n_elsewhere + PRIOR_THREADS)
    total = np.bincount(words.post_of, np.log(general / here), minlength=words.n_posts)
    n_words = np.bincount(words.post_of, minlength=words.n_posts)
    return np.asarray(np.round(total / (n_words + PADDING_WORDS), 6), dtype=np.float64)


def _key(word: str) -> int:
    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())
