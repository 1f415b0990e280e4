"""Where a thread turned to something else: the post after which it is about another subject."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from moderation.corpus import Corpus

MIN_THREAD_POSTS = 10
MIN_PART_POSTS = 4
"""Both before and after the turn."""
MAX_THREAD_POSTS = 300
"""Of longer threads the first so many are read."""
N_SHUFFLES = 199
MIN_READ_WORDS = 5
"""Shorter posts (thanks, a joke) turn no thread."""
SEED = 20_260_301


def find_turns(corpus: Corpus) -> tuple[int | None, ...]:
    """The row of the post at which each post's thread had turned by then; None for posts before it and for others.

    The posts after the turn must lie farther from those before it than in any of `N_SHUFFLES` orders of the same posts
    (a permutation test of one change in the mean), and resemble the first post less than those before do.
    """
    turned: list[int | None] = [None] * len(corpus)
    usable = corpus.encoded & corpus.visible
    for rows in corpus.threads.values():
        if len(rows) < MIN_THREAD_POSTS:
            continue
        read = [row for row in rows if usable[row] and corpus.readings[row].n_words >= MIN_READ_WORDS]
        place = find_turn(corpus.vectors[read[:MAX_THREAD_POSTS]]) if len(read) >= MIN_THREAD_POSTS else None
        if place is not None:
            for row in rows:
                if row >= read[place]:
                    turned[row] = read[place]
    return tuple(turned)


def find_turn(vectors: NDArray[np.float32]) -> int | None:
    """The place of the first vector after the one clear change of the mean; None where there is no clear one.

    Parameters
    ----------
    vectors : shape (n, dim), in time order, n at least `MIN_THREAD_POSTS`.
    """
    exact = vectors.astype(np.float64)
    moved = exact - exact.mean(axis=0)
    contrast = _contrast(moved @ moved.T, np.arange(len(moved))[None])[0]
    best = int(contrast.argmax())
    shuffled = _contrast(moved @ moved.T, _orders(len(moved))).max(axis=1)
    place = best + MIN_PART_POSTS
    # The first post stays the first: what is asked is whether the thread left it.
    to_first = moved[1:] @ moved[0]
    leaves = to_first[: place - 1].mean() > to_first[place - 1 :].mean()
    return place if round(float(contrast[best]), 9) > round(float(shuffled.max()), 9) and leaves else None


def _contrast(likeness: NDArray[np.float64], orders: NDArray[np.intp]) -> NDArray[np.float64]:
    """Squared length of the difference between the means before and after each cut, times how many posts carry it.

    Parameters
    ----------
    likeness : shape (n, n), inner products of rows whose sum is zero.
    orders : shape (n_orders, n).

    Returns
    -------
    Shape (n_orders, n_cuts), for cuts after at least `MIN_PART_POSTS` and before as many.
    """
    n = len(likeness)
    cuts = np.arange(MIN_PART_POSTS, n - MIN_PART_POSTS + 1)
    found = np.empty((len(orders), len(cuts)))
    for number, order in enumerate(orders):
        in_order = likeness[np.ix_(order, order)]
        # The rows sum to zero, so the length of the sum before a cut says all: it is minus the sum after it.
        of_sums = np.cumsum(2 * np.tril(in_order, -1).sum(axis=1) + np.diagonal(in_order))
        found[number] = of_sums[cuts - 1] * n / (cuts * (n - cuts))
    return found


@cache
def _orders(n: int) -> NDArray[np.intp]:
    """Orders of n posts, the same on every run."""
    rng = np.random.default_rng([SEED, n])
    return np.stack([rng.permutation(n) for _ in range(N_SHUFFLES)])
