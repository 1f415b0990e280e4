"""Who resembles whom: exact nearest neighbours and a graph weighted by the neighbours that two posts share."""

from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

# Fixed, so that a row always meets the same matrix product whatever the number of threads.
BLOCK_ROWS = 1024

# Columns whose largest cosine is taken together in the first pass; 16 is where that pass stops being the slow one.
STRIDE = 16


def nearest_neighbours(vectors: NDArray[np.float32], n_neighbours: int) -> NDArray[np.int64]:
    """The rows most similar to each row, itself left out; equal cosines in row order.

    Exact, and the same for any number of threads: every block of rows is the work of one thread.

    Parameters
    ----------
    vectors : shape (n, dim), unit rows; n must be larger than `n_neighbours`.

    Returns
    -------
    Row numbers, shape (n, n_neighbours), most similar first.
    """

    def search(start: int) -> NDArray[np.int64]:
        cosines = vectors[start : start + BLOCK_ROWS] @ vectors.T
        rows = np.arange(len(cosines))
        cosines[rows, rows + start] = -np.inf
        return _largest_columns(cosines, n_neighbours)

    with threadpool_limits(1), ThreadPoolExecutor(cpu_count()) as threads:
        return np.concatenate(list(threads.map(search, range(0, len(vectors), BLOCK_ROWS))))


def _largest_columns(cosines: NDArray[np.float32], n_largest: int) -> NDArray[np.int64]:
    """The columns of each row's largest cosines, largest first, equal ones in column order.

    The n-th largest of the maxima over groups of columns is a lower bound of the n-th largest cosine, so only the few
    cosines that reach it have to be sorted.
    """
    n_rows, n_columns = cosines.shape
    stride = max(1, min(STRIDE, n_columns // (4 * n_largest)))
    n_groups = n_columns // stride
    maxima = cosines[:, : stride * n_groups].reshape(n_rows, stride, n_groups).max(axis=1)
    bound = np.partition(maxima, n_groups - n_largest, axis=1)[:, n_groups - n_largest]
    row, column = np.divmod(np.flatnonzero(cosines >= bound[:, None]), n_columns)
    order = np.lexsort((column, -cosines[row, column], row))
    first = np.searchsorted(row, np.arange(n_rows))
    return np.asarray(column[order][first[:, None] + np.arange(n_largest)], dtype=np.int64)


def shared_neighbour_graph(neighbours: NDArray[np.int64]) -> sparse.csr_array:
    """Join neighbours by the Jaccard index of their neighbourhoods (each row belongs to its own).

    Sharing neighbours says more than the cosine itself, which in a crowded region is high for everybody
    (Jarvis & Patrick 1973).

    Parameters
    ----------
    neighbours : shape (n, k), row numbers without the row itself.

    Returns
    -------
    Symmetric weights in (0, 1], shape (n, n), columns in order; only pairs of which one is among the other's
    neighbours are joined.
    """
    n_rows, n_neighbours = neighbours.shape
    hoods = np.hstack([np.arange(n_rows)[:, None], neighbours])
    pairs = _pairs_of_neighbours(hoods)
    n_shared = _n_shared(hoods, pairs)
    pairs.data = n_shared / (2 * (n_neighbours + 1) - n_shared)
    graph = sparse.csr_array(pairs + pairs.T)
    graph.sort_indices()
    return graph


def _pairs_of_neighbours(hoods: NDArray[np.int64]) -> sparse.csr_array:
    """Each pair of which one is in the other's neighbourhood, once: an entry above the diagonal."""
    n_rows, n_members = hoods.shape
    starts = np.arange(0, hoods.size + 1, n_members)
    is_member = sparse.csr_array((np.ones(hoods.size), np.sort(hoods, axis=1).ravel(), starts), shape=(n_rows, n_rows))
    return sparse.csr_array(sparse.triu(is_member.maximum(is_member.T.tocsr()), k=1, format="csr"))


def _n_shared(hoods: NDArray[np.int64], pairs: sparse.csr_array) -> NDArray[np.int64]:
    """How many members two neighbourhoods share, in the order of the pairs.

    Looked up in a table of rows by members, a block of rows at a time: four times as fast as a sparse product.
    """
    n_rows = len(hoods)
    row = np.repeat(np.arange(n_rows), np.diff(pairs.indptr))
    n_shared = np.empty(len(row), dtype=np.int64)
    for start in range(0, n_rows, BLOCK_ROWS):
        block = hoods[start : start + BLOCK_ROWS]
        is_member = np.zeros((len(block), n_rows), dtype=bool)
        is_member[np.arange(len(block))[:, None], block] = True
        these = slice(pairs.indptr[start], pairs.indptr[start + len(block)])
        first_place = (row[these] - start) * n_rows
        n_shared[these] = is_member.ravel()[first_place[:, None] + hoods[pairs.indices[these]]].sum(axis=1)
    return n_shared


def sums_by_group(vectors: NDArray[np.float32], groups: NDArray[np.int64], n_groups: int) -> NDArray[np.float64]:
    """The sum of each group's rows, shape (n_groups, dim); rows of group -1 are left out."""
    rows = np.flatnonzero(groups >= 0)
    indicator = sparse.csr_array((np.ones(len(rows)), (groups[rows], rows)), shape=(n_groups, len(vectors)))
    return np.asarray(indicator @ vectors.astype(np.float64), dtype=np.float64)


def shrunk_means(sums: NDArray[np.float64], n_rows: NDArray[np.int64], *, prior: float) -> NDArray[np.float64]:
    """What all rows of a group share: the group's mean, drawn towards the mean of all where the group is small.

    Parameters
    ----------
    sums : shape (n_groups, dim), the sum of each group's rows.
    n_rows : shape (n_groups,), how many rows each sum holds.
    prior : how many rows the mean of all counts for; more than 0.

    Returns
    -------
    Shape (n_groups, dim); the mean of all for a group without rows.
    """
    overall = sums.sum(axis=0) / max(1, n_rows.sum())
    return np.asarray((sums + prior * overall) / (n_rows[:, None] + prior), dtype=np.float64)


def topic_centroids(points: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """The direction of each topic's sum, shape (n_topics, dim); rows labelled -1 take no part."""
    return unit_rows(sums_by_group(points, labels, int(labels.max(initial=-1)) + 1))


def unit_rows(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Each row scaled to length 1, rows of zeros left alone; shape (n, dim)."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)
