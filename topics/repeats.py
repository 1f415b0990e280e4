"""Finds texts that say the same: questions that return, wishes that several people have."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from threadpoolctl import threadpool_limits

SAME_COSINE = 0.40
"""Texts say the same where their cosines, with what all have in common taken away, are this high on average.

For the bundled encoder: the lowest of 0.35, 0.40, … 0.70 at which three in four pairs of a group have the same intent,
on half the intents of banking77 and clinc150 (benchmarks/repeats, which also measures the other half).
"""
MAX_ROWS = 5000
"""All pairs are compared: 5,000 rows take about 400 MB and a few seconds."""


@dataclass(frozen=True)
class Repeat:
    """Rows that say the same, in order; one row that nobody repeats stands alone.

    Attributes
    ----------
    typical : the row that resembles the others most, the first of equals.
    """

    rows: tuple[int, ...]
    typical: int


def find_repeats(points: NDArray[np.float32]) -> list[Repeat]:
    """Group texts that say the same, by average linkage: in a group, all pairs together are alike enough.

    The same rows in the same order give the same groups.

    Parameters
    ----------
    points : shape (n, dim), at most `MAX_ROWS`, unit rows from which what all texts have in common has been taken
        away (`topics.clustering.centre_rows`).

    Returns
    -------
    Groups that hold every row exactly once, in the order of their first rows.

    Raises
    ------
    ValueError
        More rows than `MAX_ROWS`.
    """
    n = len(points)
    if n > MAX_ROWS:
        raise ValueError(f"{n} rows are more than {MAX_ROWS}; leave the oldest out")
    if n < 2:
        return [Repeat((row,), row) for row in range(n)]
    cosines = _cosines(points)
    tree = linkage(squareform(1.0 - cosines, checks=False), "average")
    rows_of: dict[int, list[int]] = {}
    for row, label in enumerate(fcluster(tree, 1.0 - SAME_COSINE, "distance").tolist()):
        rows_of.setdefault(label, []).append(row)
    return [Repeat(tuple(rows), _most_typical(cosines, rows)) for rows in rows_of.values()]


def _cosines(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """The cosine of each two rows at six digits, shape (n, n)."""
    with threadpool_limits(1):
        cosines = np.round((points @ points.T).astype(np.float64), 6)
    np.fill_diagonal(cosines, 1.0)
    return np.clip(np.minimum(cosines, cosines.T), -1.0, 1.0)


def _most_typical(cosines: NDArray[np.float64], rows: list[int]) -> int:
    return rows[int(np.argmax(np.round(cosines[np.ix_(rows, rows)].sum(axis=0), 4)))]
