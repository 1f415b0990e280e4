import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import (
    IsotonicCalibration,
    ReliabilityBin,
    SigmoidCalibration,
    expected_calibration_error,
    fit_calibration,
    fit_isotonic,
    fit_platt,
    lowest_precise_point,
    reliability_bins,
)


def planted_logits(n: int, *, slope: float, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, size=n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-(slope * logits + intercept)))).astype(float)
    return logits, labels


def test_platt_finds_the_planted_slope_and_intercept():
    logits, labels = planted_logits(20_000, slope=0.5, intercept=-1.0)
    fitted = fit_platt(logits, labels, np.ones(len(logits)))
    assert fitted.slope == pytest.approx(0.5, abs=0.03)
    assert fitted.intercept == pytest.approx(-1.0, abs=0.05)


def test_perfectly_separated_classes_do_not_become_certain():
    logits = np.repeat([-1.0, 1.0], 50)
    fitted = fit_platt(logits, (logits > 0).astype(float), np.ones(100))
    assert 0.95 < fitted.probabilities(np.array([1.0]))[0] < 0.999


@pytest.mark.parametrize("slope", [0.3, 1.0, 3.0])
def test_the_chosen_calibration_is_calibrated_on_held_out_rows(slope):
    logits, labels = planted_logits(4_000, slope=slope, intercept=0.7)
    fitted = fit_calibration(logits, labels, weights=np.ones(4_000), folds=np.arange(4_000) % 5)
    assert expected_calibration_error(fitted.held_out, labels) < 0.03


def test_few_rows_never_get_isotonic_calibration():
    logits, labels = planted_logits(400, slope=1.0, intercept=0.0)
    fitted = fit_calibration(logits, labels, weights=np.ones(400), folds=np.arange(400) % 5)
    assert isinstance(fitted.calibration, SigmoidCalibration)


def test_isotonic_wins_where_the_truth_is_no_sigmoid():
    logits = np.linspace(-5, 5, 3_000)
    labels = (np.random.default_rng(0).random(3_000) < np.where(logits < 0, 0.3, 0.6)).astype(float)
    fitted = fit_calibration(logits, labels, weights=np.ones(3_000), folds=np.arange(3_000) % 5)
    assert fitted.method == "isotonic"


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=40))
def test_a_higher_logit_never_means_a_lower_probability(values):
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=200), (rng.random(200) < 0.5).astype(float)
    ordered = np.sort(np.array(values))
    for fit in (fit_platt, fit_isotonic):
        p = fit(logits, labels, np.ones(200)).probabilities(ordered)
        assert (np.diff(p) >= 0).all()
        assert ((p >= 0) & (p <= 1)).all()


@pytest.mark.parametrize("calibration", [SigmoidCalibration(1.0, 0.0), IsotonicCalibration((-1.0, 1.0), (0.1, 0.9))])
def test_no_logit_gives_no_probability(calibration):
    p = calibration.probabilities(np.array([np.nan, 0.0]))
    assert np.isnan(p[0])
    assert p[1] == pytest.approx(0.5)


def test_calibration_error_of_a_known_case():
    p, labels = np.array([0.25] * 4 + [0.85] * 4), np.array([1.0, 0, 0, 0, 1, 1, 0, 0])
    assert expected_calibration_error(p, labels) == pytest.approx(0.5 * 0 + 0.5 * 0.35)


def test_threshold_is_the_lowest_that_reaches_the_precision():
    p = np.concatenate([np.full(40, 0.9), np.full(20, 0.7), np.full(40, 0.55)])
    labels = np.concatenate([np.ones(36), np.zeros(4), np.ones(14), np.zeros(6), np.zeros(40)])
    point = lowest_precise_point(p, labels, min_precision=0.8)
    assert point is not None
    assert (point.probability, point.n_above) == (0.7, 60)
    assert point.precision == pytest.approx(50 / 60)
    assert point.recall == 1.0


def test_where_the_signal_is_rare_a_threshold_must_let_fewer_negatives_through():
    p = np.concatenate([np.full(60, 0.9), np.full(60, 0.7), np.full(80, 0.55)])
    labels = np.concatenate([np.ones(59), np.zeros(1), np.ones(41), np.zeros(19), np.zeros(80)])
    common = lowest_precise_point(p, labels, min_precision=0.8)
    rare = lowest_precise_point(p, labels, min_precision=0.8, share=0.1)
    assert common is not None
    assert rare is not None
    assert (common.probability, rare.probability) == (0.7, 0.9)
    # Half of the rows are positive; at one in ten each false alarm stands for nine.
    assert rare.precision == pytest.approx(59 / (59 + 9))


def test_ties_stand_on_the_same_side_of_a_threshold():
    p, labels = np.full(60, 0.8), np.concatenate([np.ones(30), np.zeros(30)])
    assert lowest_precise_point(p, labels, min_precision=0.8) is None


def test_no_threshold_below_one_half_and_none_for_a_handful_of_rows():
    assert lowest_precise_point(np.full(60, 0.4), np.ones(60), min_precision=0.8) is None
    assert lowest_precise_point(np.full(19, 0.9), np.ones(19), min_precision=0.8) is None


@given(st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_asking_more_precision_never_lowers_the_threshold(one, other):
    logits, labels = planted_logits(500, slope=1.0, intercept=0.0)
    p = SigmoidCalibration(1.0, 0.0).probabilities(logits)
    low, high = (lowest_precise_point(p, labels, min_precision=x) for x in sorted((one, other)))
    assert high is None or (low is not None and low.probability <= high.probability)


def test_reliability_bins_hold_every_row_once_and_give_the_calibration_error() -> None:
    p = np.array([0.02, 0.04, 0.55, 0.51, 0.59, 1.0])
    labels = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    bins = reliability_bins(p, labels)
    assert bins == (ReliabilityBin(0.03, 0.5, 2), ReliabilityBin(0.55, 0.6667, 3), ReliabilityBin(1.0, 1.0, 1))
    gaps = sum(one.n * abs(one.mean_probability - one.share) for one in bins)
    assert gaps / len(p) == pytest.approx(expected_calibration_error(p, labels), abs=1e-4)
