"""Whether groups wait equally long: the log-rank test, and its many-groups correction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from moderation.survival import WaitCounts


@dataclass(frozen=True)
class LogRank:
    """The log-rank test of "all wait equally long".

    Attributes
    ----------
    statistic : chi-squared.
    p : in [0, 1].
    n_degrees : degrees of freedom: the groups that can be told apart, less one.
    first_less_expected : answers in the first group less those expected if all waited equally long; above 0 the first
        group is answered sooner.
    """

    statistic: float
    p: float
    n_degrees: int
    first_less_expected: float


def compare_groups(groups: Sequence[WaitCounts]) -> LogRank | None:
    """Test whether two or more groups wait equally long; None when the data cannot tell.

    They cannot when nobody was answered while at least two groups were still waiting.

    Notes
    -----
    Mantel (1966), hypergeometric variance; Klein and Moeschberger (2003), 7.3, for more than two groups. In float64
    throughout: `scipy.stats.logrank` multiplies counts as integers and overflows without a warning on some 100,000
    heavily tied waits.
    """
    times = np.unique(np.concatenate([group.seconds[group.n_answered > 0] for group in groups]))
    at_risk = np.stack([group.n_at_risk_at(times) for group in groups])
    answered = np.stack([_answered_at(group, times) for group in groups])
    n_all, d_all = at_risk.sum(axis=0), answered.sum(axis=0)
    share = at_risk / n_all
    difference = (answered - d_all * share).sum(axis=1)[:-1]
    spread = d_all * (n_all - d_all) / np.maximum(n_all - 1, 1)
    covariance = np.diag((spread * share).sum(axis=1)) - np.einsum("it,jt,t->ij", share, share, spread)
    return _chi_squared(difference, covariance[:-1, :-1])


def _chi_squared(difference: NDArray[np.float64], covariance: NDArray[np.float64]) -> LogRank | None:
    if len(difference) == 1:
        variance = float(covariance[0, 0])
        if variance <= 0:
            return None
        statistic, n_degrees = float(difference[0]) ** 2 / variance, 1
    else:
        n_degrees = int(np.linalg.matrix_rank(covariance, hermitian=True))
        if n_degrees == 0:
            return None
        statistic = float(difference @ np.linalg.pinv(covariance, hermitian=True) @ difference)
    return LogRank(statistic, float(stats.chi2.sf(statistic, df=n_degrees)), n_degrees, float(difference[0]))


def _answered_at(group: WaitCounts, times: NDArray[np.float64]) -> NDArray[np.float64]:
    answered = np.zeros(len(times))
    has_answers = group.n_answered > 0
    answered[np.searchsorted(times, group.seconds[has_answers])] = group.n_answered[has_answers]
    return answered


def adjust_p(p: Sequence[float]) -> list[float]:
    """The p-values that hold for all of many tests together (Benjamini and Hochberg, 1995), in the order given."""
    if not p:
        return []
    adjusted: list[float] = stats.false_discovery_control(p, method="bh").tolist()
    return adjusted
