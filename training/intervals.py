"""95 % intervals for the figures that evaluations and model cards print."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959963984540054
N_RESAMPLES = 1_000
SEED = 20_260_101


def wilson_interval(n_hits: int, n: int) -> tuple[float, float]:
    """Interval of a share; Wilson, JASA 1927.

    Parameters
    ----------
    n : at least 1.
    """
    share, z2 = n_hits / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def auc_interval(auc: float, *, n_positive: int, n_negative: int) -> tuple[float, float]:
    """Interval of an area under the ROC curve; Hanley and McNeil, Radiology 1982."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (n_positive - 1) * (q1 - auc**2) + (n_negative - 1) * (q2 - auc**2)
    half = Z_95 * np.sqrt(variance / (n_positive * n_negative))
    return max(0.0, float(auc - half)), min(1.0, float(auc + half))


def bootstrap_interval(measure: Callable[[NDArray[np.intp]], float], n: int) -> tuple[float, float]:
    """Percentile interval of any measure of n rows, over a thousand resamples with a fixed seed.

    Parameters
    ----------
    measure : takes row indices, repeats included.
    """
    rng = np.random.default_rng(SEED)
    figures = [measure(rng.integers(n, size=n)) for _ in range(N_RESAMPLES)]
    low, high = np.quantile(figures, [0.025, 0.975])
    return float(low), float(high)
