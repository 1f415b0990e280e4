"""How long people who wrote before stay away, and how likely it is that they will not be back soon.

The time between two days on which a member writes follows a Lomax distribution (an exponential whose rate differs from
gap to gap by a gamma distribution; counts are then negative binomial, Ehrenberg 1959, as in the Pareto/NBD model of
Schmittlein, Morrison and Colombo 1987), on a scale that grows with the member's own gaps; with a share of gaps that
never end (mixture cure model, Boag 1949):

    P(gap > t) = left + (1 - left) * (scale / (scale + t)) ** shape,    scale = exp(base + slope * log(own gap))

The Pareto/NBD's simpler relative BG/NBD (Fader, Hardie and Lee 2005) was tried first: it takes members who write in
bursts for gone (docs/members.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

MIN_DAYS = 5
"""Days with a post from which on somebody has a rhythm."""
MIN_SPAN_DAYS = 30
PRIOR_GAP_DAYS = 30.0
"""One gap of so many days is counted beside a member's own."""
MIN_GAPS = 200
"""Gaps of all members together from which on they are described; four figures are learned from them."""
HALF_DAY = 0.5
_START = (0.0, -4.0, 1.0, 0.5)
_BOUNDS = ((-2.0, 4.0), (-12.0, 3.0), (-5.0, 12.0), (-1.0, 3.0))
"""Of log shape, log odds of leaving, base and slope; gaps as even as chance alone would have them have no shape."""


class TooFewGaps(ValueError):
    """Too little was written to know how long members stay away."""


@dataclass(frozen=True)
class Rhythm:
    """How long members of a community stay away.

    Attributes
    ----------
    shape, base, slope : of the Lomax distribution, see above; gaps in days.
    left : share of gaps that never end, in [0, 1].
    n_gaps : it was learned from so many, the open ones included.
    """

    shape: float
    left: float
    base: float
    slope: float
    n_gaps: int

    def p_gap_longer(self, own_gap: float, silent_days: float) -> float:
        """Chance that somebody with such a rhythm who is to come back stays away so long; in [0, 1].

        Parameters
        ----------
        own_gap : as `own_gap` gives it.
        """
        return float(_lomax_survival(silent_days, self._scale(own_gap), self.shape))

    def p_silent(self, own_gap: float, silent_days: float, *, next_days: float) -> float:
        """Chance that somebody who has been silent so long writes nothing in the next days either; in [0, 1]."""
        scale = self._scale(own_gap)
        now = self.left + (1 - self.left) * _lomax_survival(silent_days, scale, self.shape)
        then = self.left + (1 - self.left) * _lomax_survival(silent_days + next_days, scale, self.shape)
        return float(then / now)

    def _scale(self, own_gap: float) -> float:
        return float(np.exp(self.base + self.slope * np.log(own_gap)))


def own_gap(days: Sequence[int]) -> float:
    """The usual time between two days on which somebody writes, in days; one gap of 30 days is counted beside them.

    Parameters
    ----------
    days : numbers of the days with a post, rising; at least one.
    """
    return (days[-1] - days[0] + PRIOR_GAP_DAYS) / len(days)


def learn_rhythm(days_of_members: Sequence[Sequence[int]], *, today: int) -> Rhythm:
    """Learn from every gap of every member, each held against the gaps that the member had before it.

    Parameters
    ----------
    days_of_members : for each member the numbers of the days with a post, rising, none after `today`; members with
        fewer than `MIN_DAYS` are left out.

    Raises
    ------
    TooFewGaps
        Fewer than `MIN_GAPS`.
    """
    log_own, gaps, is_open = _gaps([days for days in days_of_members if len(days) >= MIN_DAYS], today)
    if len(gaps) < MIN_GAPS:
        raise TooFewGaps(f"{len(gaps)} gaps between days with a post; {MIN_GAPS} are needed")

    def misfit(at: NDArray[np.float64]) -> float:
        return -float(np.sum(_log_likelihood(at, log_own, gaps, is_open)))

    # Where the optimiser ends depends on the last digits; the figures that are kept do not.
    options = {"xatol": 1e-6, "fatol": 1e-6, "maxiter": 4000}
    found = minimize(misfit, np.array(_START), method="Nelder-Mead", bounds=_BOUNDS, options=options)
    shape, left, base, slope = np.exp(found.x[0]), _share(found.x[1]), found.x[2], found.x[3]
    shape, left, base, slope = (round(float(figure), 3) for figure in (shape, left, base, slope))
    return Rhythm(shape, left, base, slope, n_gaps=len(gaps))


def _gaps(
    days_of_members: Sequence[Sequence[int]], today: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """The log of the usual gap before, the length, and whether it is still open, of each gap after the first few."""
    log_own, gaps, is_open = [], [], []
    for days in days_of_members:
        for place in range(MIN_DAYS, len(days)):
            log_own.append(np.log(own_gap(days[:place])))
            gaps.append(float(days[place] - days[place - 1]))
            is_open.append(False)
        log_own.append(np.log(own_gap(days)))
        gaps.append(today - days[-1] + HALF_DAY)
        is_open.append(True)
    return np.array(log_own), np.array(gaps), np.array(is_open, dtype=bool)


def _log_likelihood(
    at: NDArray[np.float64],
    log_own: NDArray[np.float64],
    gaps: NDArray[np.float64],
    is_open: NDArray[np.bool_],
) -> NDArray[np.float64]:
    shape, left = np.exp(at[0]), _share(at[1])
    scale = np.exp(at[2] + at[3] * log_own)
    log_survival = -shape * np.log1p(gaps / scale)
    ended = np.log1p(-left) + log_survival + at[0] - np.log(scale + gaps)
    lasting = np.log(left + (1 - left) * np.exp(log_survival))
    return np.asarray(np.where(is_open, lasting, ended))


def _lomax_survival(days: float, scale: float, shape: float) -> float:
    return float((scale / (scale + days)) ** shape)


def _share(log_odds: float) -> float:
    return float(np.clip(expit(log_odds), 1e-9, 1 - 1e-9))
