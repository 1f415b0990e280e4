"""What becomes of waits when some end without an answer because the post was deleted or the thread locked.

Kaplan-Meier treats such an end as "no longer watched" and so speaks of a world in which nothing is ever deleted. The
cumulative incidence says what does happen: so many answered, so many closed unanswered, the rest still waiting.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moderation.survival import Z_95, Share


@dataclass(frozen=True)
class Incidence:
    """The share of all waits that have ended in one way by a given time (Aalen-Johansen).

    Attributes
    ----------
    seconds : shape (n_times,), rising, from 0.
    share : shape (n_times,), in [0, 1], never falling; the shares of all ways of ending and those still waiting add
        up to 1.
    low, high : shape (n_times,), the 95 % log-log band; equal to `share` where that is 0 or 1.
    """

    seconds: NDArray[np.float64]
    share: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def within(self, seconds: float) -> Share:
        """The share that has ended in this way within a time."""
        at = int(np.searchsorted(self.seconds, seconds, side="right")) - 1
        return Share(float(self.share[at]), float(self.low[at]), float(self.high[at]))


def cumulative_incidence(wait_seconds: ArrayLike, ending: ArrayLike, *, n_endings: int) -> tuple[Incidence, ...]:
    """Estimate the share that has ended in each way by each time.

    Parameters
    ----------
    wait_seconds : shape (n,), n >= 1, each >= 0.
    ending : shape (n,), whole numbers: 0 = still waiting when last watched, 1 to `n_endings` = how it ended.

    Returns
    -------
    One estimate for each way of ending, in the order of its numbers.

    Notes
    -----
    Aalen and Johansen (1978); variance as in Collett (2015), 12.4, which is also what `lifelines` computes.
    """
    seconds, ended = np.asarray(wait_seconds, dtype=np.float64), np.asarray(ending, dtype=np.intp)
    times, place = np.unique(seconds, return_inverse=True)
    counts = np.zeros((n_endings + 1, len(times)))
    np.add.at(counts, (ended, place), 1.0)
    at_risk = len(seconds) - np.append(0.0, np.cumsum(counts.sum(axis=0))[:-1])
    n_ended = counts[1:].sum(axis=0)
    waiting_before = np.append(1.0, np.cumprod(1 - n_ended / at_risk)[:-1])
    return tuple(_incidence(times, n_this, n_ended, at_risk, waiting_before) for n_this in counts[1:])


def _incidence(
    times: NDArray[np.float64],
    n_this: NDArray[np.float64],
    n_ended: NDArray[np.float64],
    at_risk: NDArray[np.float64],
    waiting_before: NDArray[np.float64],
) -> Incidence:
    share = np.cumsum(waiting_before * n_this / at_risk)
    n_left = at_risk - n_ended
    # Where all have ended nothing comes after, and the first term is 0 at that time itself.
    greenwood = np.where(n_left > 0, n_ended / (at_risk * np.where(n_left > 0, n_left, 1.0)), 0.0)
    crossed = waiting_before * n_this / at_risk**2
    # Sums over all times s up to t of terms in share(t) - share(s), multiplied out.
    squares = share**2 * np.cumsum(greenwood) - 2 * share * np.cumsum(greenwood * share)
    squares += np.cumsum(greenwood * share**2)
    own = np.cumsum(waiting_before**2 * n_this * (at_risk - n_this) / at_risk**3)
    products = share * np.cumsum(crossed) - np.cumsum(crossed * share)
    low, high = _log_log_band(share, np.maximum(squares + own - 2 * products, 0.0))
    columns = [times, share, low, high]
    if times[0] > 0:
        columns = [np.insert(column, 0, 0.0) for column in columns]
    return Incidence(*columns)


def _log_log_band(
    share: NDArray[np.float64], variance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inner = (share > 0) & (share < 1)
    inside = np.where(inner, share, 0.5)
    reach = Z_95 * np.sqrt(variance) / (inside * -np.log(inside))
    low, high = (np.where(inner, np.exp(-np.exp(np.log(-np.log(inside)) + sign * reach)), share) for sign in (1, -1))
    return low, high
