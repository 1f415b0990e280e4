"""What changed after something was done, against what changed elsewhere meanwhile (difference in differences)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

#: Weeks on either side of the change, and members or questions on each side, below which nothing is said.
MIN_WEEKS = 4
MIN_N = 20

TOO_FEW_WEEKS, TOO_FEW = "too_few_weeks", "too_few"


@dataclass(frozen=True)
class Effect:
    """How much more changed than elsewhere, with a 95 % interval; None with a reason where there is not enough.

    `change` of counts is a ratio (1 = as elsewhere), of shares a difference (0 = as elsewhere).
    """

    change: float | None
    interval: tuple[float, float] | None
    reason: str | None


@dataclass(frozen=True)
class Counted:
    """Hits out of n before and after."""

    before: tuple[int, int]
    after: tuple[int, int]


def effect_on_counts(treated: NDArray[np.float64], elsewhere: NDArray[np.float64], *, n_before: int) -> Effect:
    """How many times more the weekly counts grew than elsewhere.

    Each week gives the logarithm of the ratio of the two counts, half of one added to each; the weeks after are
    compared with those before (Welch's t). So what moves the whole community, such as a holiday, cancels out.

    Parameters
    ----------
    treated, elsewhere : shape (n_weeks,), counts by week in order.
    n_before : so many of the weeks were before the change.
    """
    if n_before < MIN_WEEKS or len(treated) - n_before < MIN_WEEKS:
        return Effect(None, None, TOO_FEW_WEEKS)
    if min(_n_least(treated, n_before), _n_least(elsewhere, n_before)) < MIN_N:
        return Effect(None, None, TOO_FEW)
    ratio = np.log((treated + 0.5) / (elsewhere + 0.5))
    before, after = ratio[:n_before], ratio[n_before:]
    change = float(after.mean() - before.mean())
    if np.allclose(np.concatenate([before - before.mean(), after - after.mean()]), 0):
        return Effect(float(np.exp(change)), (float(np.exp(change)),) * 2, None)
    found = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
    return Effect(float(np.exp(change)), (float(np.exp(found.low)), float(np.exp(found.high))), None)


def effect_on_share(treated: Counted, elsewhere: Counted) -> Effect:
    """How much more a share rose than elsewhere, in [-2, 2].

    The interval is that of a sum of four independent shares, one hit and one miss added to each (Agresti and Caffo
    2000).
    """
    counted = [treated.after, treated.before, elsewhere.after, elsewhere.before]
    if min(n for _, n in counted) < MIN_N:
        return Effect(None, None, TOO_FEW)
    signs = np.array([1.0, -1.0, -1.0, 1.0])
    change = float(signs @ [hits / n for hits, n in counted])
    padded = np.array([(hits + 1) / (n + 2) for hits, n in counted])
    n_padded = np.array([n + 2 for _, n in counted])
    centre = float(signs @ padded)
    reach = float(stats.norm.ppf(0.975) * np.sqrt((padded * (1 - padded) / n_padded).sum()))
    return Effect(change, (centre - reach, centre + reach), None)


def _n_least(counts: NDArray[np.float64], n_before: int) -> float:
    return float(min(counts[:n_before].sum(), counts[n_before:].sum()))
