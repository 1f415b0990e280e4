"""How long people wait, with those who are still waiting counted: Kaplan-Meier, its intervals, and the log-rank test.

A mean over the answered only is the usual figure and is always too good: whoever never got an answer is left out of
it. Here an open wait counts for as long as it was watched (right-censored).
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

HOUR_SECONDS = 3600.0
HORIZONS_SECONDS = {"1h": HOUR_SECONDS, "4h": 4 * HOUR_SECONDS, "24h": 24 * HOUR_SECONDS, "72h": 72 * HOUR_SECONDS}
MAX_CURVE_POINTS = 200
# A product of many fractions can miss one half by a few units in the last place; the median must not depend on it.
HALF = 0.5 + 1e-12


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval, all in [0, 1]."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class MedianWait:
    """The first time by which half have been answered, in seconds, with its 95 % interval.

    Each is None where the curve (or the edge of its band) never comes down to one half.
    """

    seconds: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class WaitCurve:
    """The Kaplan-Meier estimate of the share still waiting after a given time.

    Attributes
    ----------
    seconds : shape (n_times,), rising from 0: every time at which a wait ended or was last watched.
    waiting : shape (n_times,), share still waiting just after that time, in [0, 1], never rising.
    low, high : shape (n_times,), the 95 % log-log band; equal to `waiting` where that is 1 or 0.
    n_waits, n_answered : waits in all, and those that ended with an answer.
    """

    seconds: NDArray[np.float64]
    waiting: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n_waits: int
    n_answered: int

    @property
    def longest_wait_seconds(self) -> float:
        """The longest wait that was watched; nothing is known beyond it while somebody still waits."""
        return float(self.seconds[-1])

    def answered_within(self, seconds: float) -> Share:
        """The share answered within a time: 1 minus the curve there, with the band turned round.

        Beyond `longest_wait_seconds` the curve is carried on level, so the share is then "at least".
        """
        at = int(np.searchsorted(self.seconds, seconds, side="right")) - 1
        return Share(float(1 - self.waiting[at]), float(1 - self.high[at]), float(1 - self.low[at]))

    def median(self) -> MedianWait:
        """The median wait; its interval is where the two edges of the band come down to one half."""
        return MedianWait(
            self._first_time_at_half(self.waiting),
            self._first_time_at_half(self.low),
            self._first_time_at_half(self.high),
        )

    def _first_time_at_half(self, waiting: NDArray[np.float64]) -> float | None:
        reached = waiting <= HALF
        return float(self.seconds[int(np.argmax(reached))]) if reached.any() else None

    def restricted_mean_seconds(self, until_seconds: float) -> float | None:
        """The mean wait when every wait is cut off at a time: the area under the curve up to there.

        None when nobody was watched that long while somebody still waits: the area is then not known.
        """
        if self.longest_wait_seconds < until_seconds and self.waiting[-1] > 0:
            return None
        starts = np.minimum(self.seconds, until_seconds)
        return float(np.sum(np.diff(np.append(starts, until_seconds)) * self.waiting))

    def points(self, max_points: int = MAX_CURVE_POINTS) -> list[tuple[float, float, float, float]]:
        """The curve for a chart: (seconds, still waiting, low, high) at every step, first and last always kept.

        With more steps than `max_points` an evenly spaced choice of them is returned.
        """
        is_step = np.append(True, np.diff(self.waiting) != 0)
        is_step[-1] = True
        steps = np.flatnonzero(is_step)
        if len(steps) > max_points:
            steps = steps[np.linspace(0, len(steps) - 1, max_points).round().astype(np.intp)]
        columns = (self.seconds, self.waiting, self.low, self.high)
        return [tuple(float(column[step]) for column in columns) for step in steps]  # type: ignore[misc]


def estimate_waits(wait_seconds: ArrayLike, answered: ArrayLike) -> WaitCurve:
    """Estimate the share still waiting after each time.

    Parameters
    ----------
    wait_seconds : shape (n,), n >= 1, each >= 0: until the answer, or for as long as an open wait was watched.
    answered : shape (n,), bool; False = the wait was still open (right-censored).

    Raises
    ------
    ValueError
        No waits, or a negative one.

    Notes
    -----
    Kaplan and Meier (1958); band by the exponential Greenwood formula (log-log), as `scipy.stats.ecdf` gives it.
    At a share of 1 or 0 the formula is undefined and the band is the share itself, as in `lifelines`.
    """
    seconds = np.asarray(wait_seconds, dtype=np.float64)
    is_answered = np.asarray(answered, dtype=bool)
    if len(seconds) == 0 or (seconds < 0).any():
        raise ValueError("a wait curve needs at least one wait, and none below zero")
    sample = stats.CensoredData(uncensored=seconds[is_answered], right=seconds[~is_answered])
    curve = stats.ecdf(sample).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        band = curve.confidence_interval(0.95, method="log-log")
    times, waiting = np.asarray(curve.quantiles), np.asarray(curve.probabilities)
    low, high = (np.where(np.isnan(edge), waiting, edge) for edge in (band.low.probabilities, band.high.probabilities))
    if times[0] > 0:
        times, waiting, low, high = (
            np.insert(column, 0, at_0)
            for column, at_0 in zip((times, waiting, low, high), (0.0, 1.0, 1.0, 1.0), strict=True)
        )
    return WaitCurve(times, waiting, low, high, n_waits=len(seconds), n_answered=int(is_answered.sum()))


@dataclass(frozen=True)
class LogRank:
    """The log-rank test of "both wait equally long": chi-squared statistic, 1 degree of freedom, and p in [0, 1]."""

    statistic: float
    p: float


def compare_waits(
    seconds_a: ArrayLike, answered_a: ArrayLike, seconds_b: ArrayLike, answered_b: ArrayLike
) -> LogRank | None:
    """Test whether two groups wait equally long; None when the data cannot tell.

    They cannot when a group is empty or when nobody was answered while both groups were still waiting.

    Notes
    -----
    Mantel (1966), hypergeometric variance. In float64 throughout: `scipy.stats.logrank` multiplies counts as
    integers and overflows without a warning on some 100,000 heavily tied waits.
    """
    seconds = np.concatenate([np.asarray(seconds_a, dtype=np.float64), np.asarray(seconds_b, dtype=np.float64)])
    answered = np.concatenate([np.asarray(answered_a, dtype=bool), np.asarray(answered_b, dtype=bool)])
    in_a = np.arange(len(seconds)) < np.size(seconds_a)
    times = np.unique(seconds[answered])

    def still_waiting(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        ordered = np.sort(seconds[chosen])
        return (len(ordered) - np.searchsorted(ordered, times, side="left")).astype(np.float64)

    def answered_then(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(np.searchsorted(times, seconds[chosen & answered]), minlength=len(times)).astype(np.float64)

    n_all, n_a = still_waiting(np.ones_like(in_a)), still_waiting(in_a)
    d_all, d_a = answered_then(np.ones_like(in_a)), answered_then(in_a)
    share_a = n_a / n_all
    spread = d_all * share_a * (1 - share_a) * (n_all - d_all) / np.maximum(n_all - 1, 1)
    variance = float(spread.sum())
    if variance <= 0:
        return None
    statistic = float((d_a - d_all * share_a).sum()) ** 2 / variance
    return LogRank(statistic, float(stats.chi2.sf(statistic, df=1)))
