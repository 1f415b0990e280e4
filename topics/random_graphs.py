"""Random graphs in which everybody keeps the number of ties: what structure looks like when there is none."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from topics.partition import symmetric

#: Rounds before the first graph. A round offers every edge a swap with another drawn by lot, and nearly all are done,
#: so that six make about three swaps an edge.
N_FIRST_ROUNDS = 6

#: Rounds between one graph and the next.
N_NEXT_ROUNDS = 2


def degree_preserving_graphs(ties: sparse.csr_array, *, n_graphs: int, seed: int) -> Iterator[sparse.csr_array]:
    """Random graphs with the number of ties of every member, and the weights of all ties, as they are."""
    rng = np.random.default_rng(seed)
    edges = sparse.triu(ties, k=1, format="coo")
    left, right = edges.row.astype(np.int64), edges.col.astype(np.int64)
    for number in range(n_graphs):
        for _ in range(N_NEXT_ROUNDS if number else N_FIRST_ROUNDS):
            left, right = swap_round(left, right, rng, n=ties.shape[0])
        yield symmetric(left, right, rng.permutation(edges.data), n=ties.shape[0])


def swap_round(
    left: NDArray[np.int64], right: NDArray[np.int64], rng: np.random.Generator, *, n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair up the edges by lot, a-b with c-d, and make them a-d with c-b where that gives two new edges."""
    order = rng.permutation(len(left))
    half = len(order) // 2
    first, second = order[:half], order[half : 2 * half]
    flip = rng.random(half) < 0.5  # c-d may also be taken as d-c
    a, b = left[first], right[first]
    c, d = np.where(flip, right[second], left[second]), np.where(flip, left[second], right[second])
    one, other = _edge_keys(a, d, n), _edge_keys(c, b, n)
    keys = np.sort(np.concatenate([_edge_keys(left, right, n), one, other]))
    taken = keys[1:][keys[1:] == keys[:-1]]
    done = ~_among(one, taken) & ~_among(other, taken) & (a != d) & (c != b)
    left, right = left.copy(), right.copy()
    left[first[done]], right[first[done]] = a[done], d[done]
    left[second[done]], right[second[done]] = c[done], b[done]
    return left, right


def _edge_keys(left: NDArray[np.int64], right: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """One number an edge, the same for both directions."""
    return np.minimum(left, right) * n + np.maximum(left, right)


def _among(keys: NDArray[np.int64], few_sorted: NDArray[np.int64]) -> NDArray[np.bool_]:
    if len(few_sorted) == 0:
        return np.zeros(len(keys), dtype=bool)
    place = np.minimum(np.searchsorted(few_sorted, keys), len(few_sorted) - 1)
    return np.asarray(few_sorted[place] == keys)
