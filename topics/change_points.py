"""Since when: the moments at which a share moved to another level and stayed there."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

#: Periods: what came and went in less time is a burst, not another level.
MIN_LENGTH = 3

#: The largest steps from one period to the next may be the changes that are looked for; they do not count as noise.
TRIMMED_SHARE = 0.05

#: What leaving them out takes from the noise is made good where there are so many steps that it can be told.
MIN_STEPS = 20


@dataclass(frozen=True)
class Segment:
    """A stretch of periods with one level.

    Attributes
    ----------
    start, stop : places of its first period and of the first one after it.
    n_hits, n_total : summed over it.
    """

    start: int
    stop: int
    n_hits: int
    n_total: int

    @property
    def share(self) -> float:
        """The level, in [0, 1]; 0 where the segment has no posts at all."""
        return self.n_hits / max(self.n_total, 1)


def find_segments(
    hits: NDArray[np.int64], totals: NDArray[np.int64], *, p_false: float, min_length: int = MIN_LENGTH
) -> tuple[Segment, ...]:
    """Cut a series of shares into stretches with one level each.

    Optimal partitioning (Jackson et al. 2005) of the binomial likelihood, divided by the overdispersion of the series
    (quasi-likelihood, Wedderburn 1974). The price of a cut is the likelihood ratio that any of the possible places
    reaches with `p_false` at most (Bonferroni).

    Parameters
    ----------
    hits, totals : shape (n_periods,), in the order of time; periods without posts say nothing.
    p_false : chance of any cut in a series whose level never changes; the caller divides it by the number of series.
    min_length : of a stretch, in periods with posts.

    Returns
    -------
    The stretches in order, together all periods; a single one where nothing changed or the series is too short.
    """
    known = np.flatnonzero(totals)
    if len(known) < 2 * min_length:
        return (Segment(0, len(totals), int(hits.sum()), int(totals.sum())),)
    penalty = float(stats.chi2.isf(p_false / (len(known) - 1), 1)) * overdispersion(hits[known], totals[known])
    sums_hits, sums_totals = (np.concatenate([[0], np.cumsum(each[known])]) for each in (hits, totals))

    def deviance(starts: NDArray[np.int64], stop: int) -> NDArray[np.float64]:
        return _deviance(sums_hits[stop] - sums_hits[starts], sums_totals[stop] - sums_totals[starts])

    cuts = cheapest_cuts(deviance, len(known), penalty=penalty, min_length=min_length)
    edges = [0, *known[cuts].tolist(), len(totals)]
    return tuple(
        Segment(start, stop, int(hits[start:stop].sum()), int(totals[start:stop].sum()))
        for start, stop in pairwise(edges)
    )


def cheapest_cuts(
    cost: Callable[[NDArray[np.int64], int], NDArray[np.float64]], n: int, *, penalty: float, min_length: int
) -> list[int]:
    """Where to cut `n` periods so that the costs of the stretches and the price of the cuts are least.

    Parameters
    ----------
    cost : of the stretches from each of several starts up to one stop (excluded).
    penalty : price of one cut, in the unit of the costs.
    min_length : of a stretch.

    Returns
    -------
    The first period of every stretch but the first; of equally cheap cuts those with the longest first stretch fewest.
    """
    least = np.full(n + 1, np.inf)
    least[0] = -penalty
    last_start = np.zeros(n + 1, dtype=np.int64)
    for stop in range(min_length, n + 1):
        starts = np.arange(stop - min_length + 1)
        totals = np.round(least[starts] + cost(starts, stop) + penalty, 9)
        last_start[stop] = starts[np.argmin(totals)]
        least[stop] = totals.min()
    cuts: list[int] = []
    stop = n
    while last_start[stop] > 0:
        stop = int(last_start[stop])
        cuts.append(stop)
    return cuts[::-1]


def overdispersion(hits: NDArray[np.int64], totals: NDArray[np.int64]) -> float:
    """How many times the steps from one period to the next exceed those of a binomial share; at least 1.

    Steps, not distances to the mean, so that a lasting change counts once (von Neumann 1941); the largest are left out.

    Parameters
    ----------
    hits, totals : shape (n_periods,); no total is 0.
    """
    pooled = (hits[:-1] + hits[1:]) / (totals[:-1] + totals[1:])
    expected = pooled * (1 - pooled) * (1 / totals[:-1] + 1 / totals[1:])
    squares = np.diff(hits / totals) ** 2
    ratio = np.divide(squares, expected, out=np.zeros(len(squares)), where=expected > 0)
    n_trimmed = max(1, round(TRIMMED_SHARE * np.count_nonzero(expected)))
    kept = np.argsort(np.round(ratio, 9), kind="stable")[: len(ratio) - n_trimmed]
    if not expected[kept].any():
        return 1.0
    left_out = n_trimmed / len(ratio) if np.count_nonzero(expected) >= MIN_STEPS else 0.0
    return max(1.0, float(squares[kept].sum() / expected[kept].sum()) / _mean_without_largest(left_out))


def _mean_without_largest(share_left_out: float) -> float:
    """The mean of squared standard normal deviates without their largest part."""
    limit = stats.chi2.isf(share_left_out, 1)
    return float(stats.chi2.cdf(limit, 3) / (1 - share_left_out))


def single_change(hits: NDArray[np.int64], totals: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much better two levels explain each of many series than one: the largest likelihood ratio over all places.

    Parameters
    ----------
    hits : shape (n_series, n_periods).
    totals : shape (n_periods,), of every series.

    Returns
    -------
    Shape (n_series,), on the scale of chi-squared with one degree of freedom at a fixed place.
    """
    before, n_before = np.cumsum(hits, axis=1)[:, :-1], np.cumsum(totals)[:-1]
    all_hits, n_all = hits.sum(axis=1, keepdims=True), totals.sum()
    gain = _deviance(all_hits, n_all) - _deviance(before, n_before) - _deviance(all_hits - before, n_all - n_before)
    return np.asarray(np.round(gain.max(axis=1), 9), dtype=np.float64)


def _deviance(hits: ArrayLike, totals: ArrayLike) -> NDArray[np.float64]:
    """Minus twice the largest binomial log-likelihood of `hits` of `totals`; 0 of 0 costs nothing."""
    n_hits, n_all = np.asarray(hits, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    share = n_hits / np.maximum(n_all, 1)
    return np.asarray(-2 * (special.xlogy(n_hits, share) + special.xlogy(n_all - n_hits, 1 - share)), dtype=np.float64)
