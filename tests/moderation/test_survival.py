import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.survival import HORIZONS_SECONDS, count_waits, estimate_waits, merge_counts, wait_curve

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from lifelines import KaplanMeierFitter
    from lifelines.utils import qth_survival_times, restricted_mean_survival_time

HOUR = 3600

waits = st.lists(st.tuples(st.integers(0, 12).map(lambda k: k * 0.5 * HOUR), st.booleans()), min_size=1, max_size=40)
spread_waits = st.lists(st.tuples(st.floats(0, 400 * HOUR, width=32), st.booleans()), min_size=1, max_size=60)


def lifelines_fit(sample):
    seconds, answered = np.array([w[0] for w in sample]), np.array([w[1] for w in sample])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return KaplanMeierFitter().fit(seconds, answered)


@pytest.mark.parametrize("strategy", [waits, spread_waits])
def test_curve_and_band_equal_lifelines(strategy):
    @settings(max_examples=80, deadline=None)
    @given(strategy)
    def check(sample):
        curve = estimate_waits(*zip(*sample, strict=True))
        theirs = lifelines_fit(sample)
        assert np.array_equal(curve.seconds, theirs.survival_function_.index)
        np.testing.assert_allclose(curve.waiting, theirs.survival_function_.iloc[:, 0], atol=1e-9)
        np.testing.assert_allclose(curve.low, theirs.confidence_interval_.iloc[:, 0], atol=1e-9)
        np.testing.assert_allclose(curve.high, theirs.confidence_interval_.iloc[:, 1], atol=1e-9)
        for seconds in HORIZONS_SECONDS.values():
            assert curve.answered_within(seconds).share == pytest.approx(1 - theirs.predict(seconds), abs=1e-9)

    check()


@settings(max_examples=80, deadline=None)
@given(spread_waits)
def test_median_and_its_interval_equal_lifelines(sample):
    theirs = lifelines_fit(sample)
    columns = [
        theirs.survival_function_,
        theirs.confidence_interval_.iloc[:, [0]],
        theirs.confidence_interval_.iloc[:, [1]],
    ]
    # Rounding first: lifelines may hold 0.5000000000000001 where the product is exactly one half.
    expected = [float(np.squeeze(qth_survival_times(0.5, column.round(12)))) for column in columns]
    median = estimate_waits(*zip(*sample, strict=True)).median()
    assert [median.seconds, median.low, median.high] == [None if np.isinf(e) else e for e in expected]


@given(waits)
def test_median_is_the_exact_one(sample):
    """In fractions, where one half is one half."""
    waiting, expected = Fraction(1), None
    for time in sorted({seconds for seconds, _ in sample}):
        at_risk = sum(seconds >= time for seconds, _ in sample)
        waiting *= Fraction(at_risk - sum(s == time and answered for s, answered in sample), at_risk)
        if waiting <= Fraction(1, 2) and expected is None:
            expected = time
    assert estimate_waits(*zip(*sample, strict=True)).median().seconds == expected


@settings(max_examples=60, deadline=None)
@given(spread_waits)
def test_restricted_mean_equals_lifelines(sample):
    mean = estimate_waits(*zip(*sample, strict=True)).restricted_mean_seconds(72 * HOUR)
    theirs = lifelines_fit(sample)
    longest_is_short = theirs.survival_function_.index[-1] < 72 * HOUR
    if longest_is_short and theirs.survival_function_.iloc[-1, 0] > 0:
        assert mean is None
    else:
        expected = restricted_mean_survival_time(theirs, t=72 * HOUR)
        assert mean == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_one_wait_answered():
    curve = estimate_waits([90.0], [True])
    assert curve.points() == [(0.0, 1.0, 1.0, 1.0), (90.0, 0.0, 0.0, 0.0)]
    assert curve.median().seconds == 90.0


def test_nobody_answered():
    curve = estimate_waits([60.0, 7200.0], [False, False])
    assert curve.points() == [(0.0, 1.0, 1.0, 1.0), (7200.0, 1.0, 1.0, 1.0)]
    assert curve.median().seconds is None
    assert curve.answered_within(HOUR).share == 0
    assert curve.restricted_mean_seconds(HOUR) == HOUR
    assert curve.restricted_mean_seconds(72 * HOUR) is None


def test_answers_in_the_same_second():
    curve = estimate_waits([0.0, 0.0, 50.0], [True, True, True])
    assert curve.seconds[0] == 0
    assert curve.waiting[0] == pytest.approx(1 / 3)
    assert curve.median().seconds == 0


@pytest.mark.parametrize("waits_", [([], []), ([-1.0], [True])])
def test_refuses_no_waits_and_negative_waits(waits_):
    with pytest.raises(ValueError, match="at least one wait"):
        estimate_waits(*waits_)


@given(waits, st.floats(0, 30 * HOUR))
def test_an_open_wait_never_shortens_the_median(sample, open_seconds):
    before = estimate_waits(*zip(*sample, strict=True)).median().seconds
    after = estimate_waits(*zip(*sample, (open_seconds, False), strict=True)).median().seconds
    assert after is None or (before is not None and after >= before)


def test_a_long_curve_is_thinned_alike_every_time():
    seconds = np.arange(1, 5001, dtype=float)
    curve = estimate_waits(seconds, np.ones(5000, dtype=bool))
    points = curve.points()
    assert len(points) == 200
    assert points[0][:2] == (0.0, 1.0)
    assert points[-1][:2] == (5000.0, 0.0)
    assert points == estimate_waits(seconds[::-1], np.ones(5000, dtype=bool)).points()


late_waits = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 60), st.booleans()).map(lambda w: (w[0], w[0] + w[1], w[2])),
    min_size=1,
    max_size=40,
)


@settings(max_examples=80, deadline=None)
@given(late_waits)
def test_waits_that_were_under_way_equal_lifelines_with_late_entry(sample):
    """With one wait that is watched throughout: lifelines refuses curves that come down to zero early."""
    columns = zip(*sample, (0, 1000, False), strict=True)
    entered, seconds, answered = (np.array(column, dtype=float) for column in columns)
    curve = estimate_waits(seconds, answered, watched_from_seconds=entered)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = KaplanMeierFitter().fit(seconds, answered, entry=entered)
    expected = theirs.predict(curve.seconds).fillna(1.0)  # lifelines says nothing before the first entry
    np.testing.assert_allclose(curve.waiting, expected, atol=1e-9)


def test_old_open_threads_do_not_pass_for_fast_answers():
    """Ten new posts wait an hour; ten old ones, known only because they were open, are answered a day after import.

    Without their late entry the old ones would count as people who waited a day from the start, and answered ones of
    their age, long gone, would be missing.
    """
    seconds = [HOUR] * 10 + [30 * 24 * HOUR + 24 * HOUR] * 10
    entered = [0.0] * 10 + [30 * 24 * HOUR] * 10
    assert estimate_waits(seconds, [True] * 20, watched_from_seconds=entered).median().seconds == HOUR
    assert estimate_waits(seconds, [True] * 20).answered_within(HOUR).share == 0.5


@pytest.mark.parametrize("entered", [-1.0, 5.0, 6.0])
def test_refuses_waits_watched_from_outside_themselves(entered):
    with pytest.raises(ValueError, match="cannot be watched"):
        estimate_waits([5.0], [True], watched_from_seconds=[entered])


@given(late_waits, st.integers(1, 5))
def test_counts_of_shards_add_up_to_the_very_same_curve(sample, n_shards):
    def counted(part):
        entered, seconds, answered = zip(*part, strict=True)
        return count_waits(seconds, answered, watched_from_seconds=entered)

    shards = [sample[shard::n_shards] for shard in range(n_shards) if sample[shard::n_shards]]
    merged, whole = wait_curve(merge_counts([counted(shard) for shard in shards])), wait_curve(counted(sample))
    for column in ("seconds", "waiting", "low", "high"):
        assert np.array_equal(getattr(merged, column), getattr(whole, column))


@given(waits, st.integers(2, 4))
def test_a_wait_of_weight_two_counts_as_two_waits(sample, weight):
    seconds, answered = zip(*sample, strict=True)
    weighed = wait_curve(count_waits(seconds, answered, weights=[weight] * len(sample)))
    repeated = estimate_waits(seconds * weight, answered * weight)
    np.testing.assert_allclose(weighed.waiting, repeated.waiting, atol=1e-12)
    assert weighed.median() == repeated.median()
