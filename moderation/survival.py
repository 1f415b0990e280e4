"""How long people wait, with those who are still waiting counted: Kaplan-Meier and its intervals.

A mean over the answered only is the usual figure and is always too good: whoever never got an answer is left out of
it. Here an open wait counts for as long as it was watched (right-censored), and a wait that was under way when watching
began counts from then on only (left-truncated). Everything follows from counts per duration, and counts of parts add
up: many machines can count, one can estimate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

HOUR_SECONDS = 3600.0
HORIZONS_SECONDS = {"1h": HOUR_SECONDS, "4h": 4 * HOUR_SECONDS, "24h": 24 * HOUR_SECONDS, "72h": 72 * HOUR_SECONDS}
MAX_CURVE_POINTS = 200
# A product of many fractions can miss one half by a few units in the last place; the median must not depend on it.
TINY = 1e-12
Z_95 = float(stats.norm.ppf(0.975))


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
class WaitCounts:
    """What a wait curve is made of; the counts of parts of the waits add up to the counts of all (`merge_counts`).

    Attributes
    ----------
    seconds : shape (n_times,), rising, distinct: every duration at which a wait came under watch, was answered or was
        last watched.
    n_entered, n_answered, n_left : shape (n_times,), how many waits did that then; `n_left` were last watched while
        still open. Whole numbers, or sums of weights.
    """

    seconds: NDArray[np.float64]
    n_entered: NDArray[np.float64]
    n_answered: NDArray[np.float64]
    n_left: NDArray[np.float64]

    def n_at_risk(self) -> NDArray[np.float64]:
        """How many were under watch and still waiting just before each time; shape (n_times,)."""
        return self.n_at_risk_at(self.seconds)

    def n_at_risk_at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same for any times. Who enters at a time is watched from just after it, at 0 from the start."""
        n_times_entered = np.maximum(
            np.searchsorted(self.seconds, times, side="left"), np.searchsorted(self.seconds, 0.0, side="right")
        )
        n_entered = np.append(0.0, np.cumsum(self.n_entered))[n_times_entered]
        n_gone = np.append(0.0, np.cumsum(self.n_answered + self.n_left))[np.searchsorted(self.seconds, times)]
        at_risk: NDArray[np.float64] = n_entered - n_gone
        return at_risk


@dataclass(frozen=True)
class WaitCurve:
    """The Kaplan-Meier estimate of the share still waiting after a given time.

    Attributes
    ----------
    seconds : shape (n_times,), rising from 0: every time at which a wait ended or was last watched.
    waiting : shape (n_times,), share still waiting just after that time, in [0, 1], never rising.
    low, high : shape (n_times,), the 95 % log-log band; equal to `waiting` where that is 1 or 0.
    n_waits, n_answered : waits in all, and those that ended with an answer (sums of weights where they have weights).
    """

    seconds: NDArray[np.float64]
    waiting: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n_waits: float
    n_answered: float

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
        return MedianWait(*(self._first_time_at(0.5, edge) for edge in (self.waiting, self.low, self.high)))

    def answered_by(self, share: float) -> float | None:
        """The first time by which a share of all have been answered, in seconds; None = never while watched."""
        return self._first_time_at(1 - share, self.waiting)

    def _first_time_at(self, share: float, waiting: NDArray[np.float64]) -> float | None:
        reached = waiting <= share + TINY
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


def estimate_waits(
    wait_seconds: ArrayLike, answered: ArrayLike, *, watched_from_seconds: ArrayLike | None = None
) -> WaitCurve:
    """Estimate the share still waiting after each time; parameters and errors as for `count_waits`."""
    return wait_curve(count_waits(wait_seconds, answered, watched_from_seconds=watched_from_seconds))


def count_waits(
    wait_seconds: ArrayLike,
    answered: ArrayLike,
    *,
    watched_from_seconds: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> WaitCounts:
    """Count what happened at each duration.

    Parameters
    ----------
    wait_seconds : shape (n,), n >= 1, each >= 0: until the answer, or for as long as an open wait was watched.
    answered : shape (n,), bool; False = the wait was still open (right-censored).
    watched_from_seconds : shape (n,), 0 or between 0 and the wait: how long somebody had waited when watching began.
        Such a wait is known only because it had not been answered by then, so it says nothing about earlier (left
        truncation). None = all were watched from their start.
    weights : shape (n,), each > 0; None = each wait counts once.

    Raises
    ------
    ValueError
        No waits, a negative one, or one that was over before it was watched.
    """
    seconds = np.asarray(wait_seconds, dtype=np.float64)
    is_answered = np.asarray(answered, dtype=bool)
    entered = np.zeros_like(seconds) if watched_from_seconds is None else np.asarray(watched_from_seconds, np.float64)
    weight = np.ones_like(seconds) if weights is None else np.asarray(weights, dtype=np.float64)
    if len(seconds) == 0 or (seconds < 0).any():
        raise ValueError("a wait curve needs at least one wait, and none below zero")
    if (entered < 0).any() or ((entered >= seconds) & (entered > 0)).any():
        raise ValueError("a wait cannot be watched from before its start or from after its end")
    times = np.unique(np.concatenate([seconds, entered]))

    def summed(at: NDArray[np.float64], counted: NDArray[np.float64]) -> NDArray[np.float64]:
        sums: NDArray[np.float64] = np.bincount(np.searchsorted(times, at), counted, len(times)).astype(np.float64)
        return sums

    return WaitCounts(
        times,
        summed(entered, weight),
        summed(seconds[is_answered], weight[is_answered]),
        summed(seconds[~is_answered], weight[~is_answered]),
    )


def merge_counts(parts: Sequence[WaitCounts]) -> WaitCounts:
    """Add up the counts of parts of the waits, at least one; exactly those of all waits together."""
    times = np.unique(np.concatenate([part.seconds for part in parts]))
    merged = np.zeros((3, len(times)))
    for part in parts:
        merged[:, np.searchsorted(times, part.seconds)] += [part.n_entered, part.n_answered, part.n_left]
    return WaitCounts(times, *merged)


def wait_curve(counts: WaitCounts) -> WaitCurve:
    """Estimate the share still waiting after each time from counts.

    Notes
    -----
    Kaplan and Meier (1958), with late entry as in Klein and Moeschberger (2003), 4.6; band by the exponential Greenwood
    formula (log-log). At a share of 1 or 0 the formula is undefined and the band is the share itself, as in
    `lifelines`.
    """
    ends = (counts.n_answered + counts.n_left) > 0
    at_risk, n_answered = counts.n_at_risk()[ends], counts.n_answered[ends]
    times = counts.seconds[ends]
    # The last to be answered may miss zero by a rounding of the weights.
    is_last = n_answered >= at_risk * (1 - TINY)
    waiting: NDArray[np.float64] = np.cumprod(np.where(is_last, 0.0, 1 - n_answered / at_risk), dtype=np.float64)
    low, high = _log_log_band(waiting, np.cumsum(_greenwood_terms(n_answered, at_risk, is_last)))
    if times[0] > 0:
        times = np.append(0.0, times)
        waiting, low, high = (np.append(1.0, column) for column in (waiting, low, high))
    n_waits, n_all_answered = float(counts.n_entered.sum()), float(counts.n_answered.sum())
    return WaitCurve(times, waiting, low, high, n_waits=n_waits, n_answered=n_all_answered)


def _greenwood_terms(
    n_answered: NDArray[np.float64], at_risk: NDArray[np.float64], is_last: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Each time's part of the relative variance; 0 where nobody is left, as the curve is 0 from there on."""
    left = np.where(is_last, 1.0, at_risk - n_answered)
    return np.where(is_last, 0.0, n_answered / (at_risk * left))


def _log_log_band(
    waiting: NDArray[np.float64], relative_variance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inner = (waiting > 0) & (waiting < 1)
    share = np.where(inner, waiting, 0.5)
    centre = np.log(-np.log(share))
    reach = Z_95 * np.sqrt(relative_variance) / -np.log(share)
    with np.errstate(over="ignore"):  # a band as wide as can be: its low edge is 0
        low, high = (np.where(inner, np.exp(-np.exp(centre + sign * reach)), waiting) for sign in (1, -1))
    return low, high
