import numpy as np
import pytest
from scipy import stats

from topics.before_after import TOO_FEW, TOO_FEW_WEEKS, Counted, effect_on_counts, effect_on_share


def test_growth_that_everybody_had_is_no_effect() -> None:
    rng = np.random.default_rng(0)
    season = np.array([40, 38, 45, 41, 39, 44, 82, 85, 79, 90, 88, 80], dtype=float)
    found = effect_on_counts(rng.poisson(season).astype(float), season, n_before=6)
    assert found.interval is not None
    assert found.interval[0] < 1 < found.interval[1]


def test_growth_of_its_own_is_told_as_a_ratio() -> None:
    treated = np.array([20, 22, 18, 21, 40, 41, 38, 44], dtype=float)
    elsewhere = np.array([50, 48, 52, 50, 51, 49, 50, 50], dtype=float)
    found = effect_on_counts(treated, elsewhere, n_before=4)
    assert found.change == pytest.approx(2, abs=0.1)
    ratio = np.log((treated + 0.5) / (elsewhere + 0.5))
    welch = stats.ttest_ind(ratio[4:], ratio[:4], equal_var=False).confidence_interval(0.95)
    assert found.interval == pytest.approx((np.exp(welch.low), np.exp(welch.high)))


def test_weeks_that_never_vary_have_a_point_for_an_interval() -> None:
    found = effect_on_counts(np.array([10.0] * 4 + [20.0] * 4), np.array([10.0] * 8), n_before=4)
    assert found.interval == (found.change, found.change)


@pytest.mark.parametrize(
    ("treated", "n_before", "reason"),
    [([9] * 7, 4, TOO_FEW_WEEKS), ([9] * 7, 3, TOO_FEW_WEEKS), ([4] * 8, 4, TOO_FEW)],
)
def test_too_little_is_said_so(treated: list[int], n_before: int, reason: str) -> None:
    counts = np.array(treated, dtype=float)
    assert effect_on_counts(counts, counts * 10, n_before=n_before).reason == reason


def test_a_share_is_compared_with_what_it_did_elsewhere() -> None:
    found = effect_on_share(Counted((50, 100), (80, 100)), Counted((50, 100), (60, 100)))
    assert found.change == pytest.approx(0.2)
    assert found.interval is not None
    assert found.interval[0] < 0.2 < found.interval[1]
    assert effect_on_share(Counted((5, 10), (8, 100)), Counted((50, 100), (60, 100))).reason == TOO_FEW
