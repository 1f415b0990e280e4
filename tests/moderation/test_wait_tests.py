import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.survival import count_waits, merge_counts
from moderation.wait_tests import adjust_p, compare_groups

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from lifelines.statistics import logrank_test, multivariate_logrank_test

HOUR = 3600
waits = st.lists(st.tuples(st.integers(0, 12).map(lambda k: k * 0.5 * HOUR), st.booleans()), min_size=1, max_size=40)
spread_waits = st.lists(st.tuples(st.floats(0, 400 * HOUR, width=32), st.booleans()), min_size=1, max_size=60)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([waits, spread_waits]).flatmap(lambda s: st.tuples(s, s)))
def test_log_rank_equals_lifelines(samples):
    a, b = (list(zip(*sample, strict=True)) for sample in samples)
    ours = compare_groups([count_waits(*a), count_waits(*b)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = logrank_test(a[0], b[0], a[1], b[1]) if ours else None
    if ours and theirs:
        assert ours.statistic == pytest.approx(theirs.test_statistic, abs=1e-9, rel=1e-9)
        assert ours.p == pytest.approx(theirs.p_value, abs=1e-9)


def test_log_rank_holds_where_integers_overflow():
    """400,000 waits on nine distinct durations: a product of integer counts leaves 64 bits here."""
    rng = np.random.default_rng(5)
    seconds = rng.integers(1, 10, 400_000) * 600.0
    answered = rng.random(400_000) < 0.8
    in_a = rng.random(400_000) < 0.5
    ours = compare_groups([count_waits(seconds[group], answered[group]) for group in (in_a, ~in_a)])
    theirs = logrank_test(seconds[in_a], seconds[~in_a], answered[in_a], answered[~in_a])
    assert ours is not None
    assert ours.statistic == pytest.approx(theirs.test_statistic, rel=1e-9)
    assert ours.p == pytest.approx(theirs.p_value, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [(([5.0], [False]), ([7.0], [False])), (([5.0], [True]), ([1.0], [False]))])
def test_log_rank_abstains(a, b):
    assert compare_groups([count_waits(*a), count_waits(*b)]) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(spread_waits, min_size=3, max_size=5))
def test_log_rank_of_many_groups_equals_lifelines(samples):
    columns = [list(zip(*sample, strict=True)) for sample in samples]
    ours = compare_groups([count_waits(*column) for column in columns])
    if ours is None or ours.n_degrees < len(samples) - 1:
        return
    seconds, answered = (np.concatenate([column[part] for column in columns]) for part in (0, 1))
    groups = np.repeat(range(len(samples)), [len(sample) for sample in samples])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = multivariate_logrank_test(seconds, groups, answered)
    assert ours.statistic == pytest.approx(theirs.test_statistic, abs=1e-8, rel=1e-8)
    assert ours.p == pytest.approx(theirs.p_value, abs=1e-9)


@given(waits, waits)
def test_the_test_of_merged_shards_is_the_very_same(a, b):
    def counted(sample):
        return count_waits(*zip(*sample, strict=True))

    def in_shards(sample):
        return merge_counts([counted(sample[shard::3]) for shard in range(3) if sample[shard::3]])

    assert compare_groups([counted(a), counted(b)]) == compare_groups([in_shards(a), in_shards(b)])


def test_late_entry_counts_from_then_on_only():
    """By hand: at 10 h one of two in each group waits unseen, so the first answer has 2 and not 4 at risk."""
    group = count_waits([10.0, 30.0], [True, True], watched_from_seconds=[0.0, 20.0])
    other = count_waits([15.0, 40.0], [True, True], watched_from_seconds=[0.0, 20.0])
    found = compare_groups([group, other])
    assert found is not None
    # At 10: 1 of 2 at risk; at 15: 0 of 1; at 30: 1 of 2; at 40: 0 of 1.
    assert found.statistic == pytest.approx((2 - 1) ** 2 / (0.25 + 0.25))
    assert found.first_less_expected == pytest.approx(1)


def test_says_who_is_answered_sooner():
    slow, fast = ([50.0, 60.0, 70.0], [True] * 3), ([5.0, 6.0, 7.0], [True] * 3)
    assert compare_groups([count_waits(*fast), count_waits(*slow)]).first_less_expected > 0
    assert compare_groups([count_waits(*slow), count_waits(*fast)]).first_less_expected < 0


@given(st.lists(st.floats(0, 1), max_size=30))
def test_adjusted_p_is_that_of_benjamini_and_hochberg(p):
    """By its definition: the smallest of n / rank times p over all p that are at least as large."""
    ranked = sorted(range(len(p)), key=lambda place: p[place])
    by_rank = [len(p) / (rank + 1) * p[place] for rank, place in enumerate(ranked)]
    expected = {place: min(*by_rank[rank:], 1.0) for rank, place in enumerate(ranked)}
    assert adjust_p(p) == pytest.approx([expected[place] for place in range(len(p))])
