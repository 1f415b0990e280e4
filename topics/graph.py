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
    own = np.arange(n_rows)[:, None]
    members = np.sort(np.hstack([own, neighbours]), axis=1)
    starts = np.arange(0, members.size + 1, n_neighbours + 1)
    hoods = sparse.csr_array((np.ones(members.size, dtype=np.int32), members.ravel(), starts), shape=(n_rows, n_rows))
    hoods_of_member = hoods.T.tocsr()
    adjacent = hoods.maximum(hoods_of_member).tocsr()
    adjacent.setdiag(0)
    adjacent.eliminate_zeros()
    n_shared = [
        (hoods[start : start + BLOCK_ROWS] @ hoods_of_member).multiply(adjacent[start : start + BLOCK_ROWS])
        for start in range(0, n_rows, BLOCK_ROWS)
    ]
    graph = sparse.vstack(n_shared, format="csr").astype(np.float64)
    graph.data /= 2 * (n_neighbours + 1) - graph.data
    graph.sort_indices()
    return sparse.csr_array(graph)


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
