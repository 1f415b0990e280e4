import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from topics.drift import mixture_change, share_change, word_change


def pieces(rng, shares, *, n_threads=80, posts_per_thread=1, spread=0.0):
    """Threads that lie within one topic or outside it: `shares` of them inside, by period."""
    hits, totals, periods = [], [], []
    for period, share in enumerate(shares):
        inside = rng.random(n_threads) < np.clip(share + rng.normal(0, spread), 0, 1)
        hits += (inside * posts_per_thread).tolist()
        totals += [posts_per_thread] * n_threads
        periods += [period] * n_threads
    return np.array(hits), np.array(totals), np.array(periods)


@pytest.mark.parametrize(("posts_per_thread", "spread"), [(1, 0.0), (6, 0.0), (3, 0.06)])
def test_where_nothing_changed_few_changes_are_found(posts_per_thread, spread):
    rng = np.random.default_rng(5)
    changes = [
        share_change(*pieces(rng, [0.2] * 9, posts_per_thread=posts_per_thread, spread=spread), n_periods=9)
        for _ in range(400)
    ]
    assert 0.01 <= np.mean([change.p < 0.05 for change in changes]) <= 0.09
    assert 0.91 <= np.mean([change.interval[0] <= 0 <= change.interval[1] for change in changes]) <= 0.99


def test_a_share_that_doubled_is_found():
    change = share_change(*pieces(np.random.default_rng(1), [0.15] * 6 + [0.35]), n_periods=7)
    assert change.p < 0.01
    assert change.interval[0] > 0.05
    assert change.interval[0] < change.now - change.before < change.interval[1]


def test_a_topic_that_always_came_and_went_has_to_move_further():
    calm = share_change(*pieces(np.random.default_rng(1), [0.2, 0.2, 0.2, 0.2, 0.35]), n_periods=5)
    restless = share_change(*pieces(np.random.default_rng(1), [0.05, 0.35, 0.1, 0.3, 0.35]), n_periods=5)
    assert calm.p < 0.05 < restless.p


def test_one_long_thread_is_one_thread():
    hits = np.array([1] * 20 + [0] * 80 + [0] * 80 + [30])
    totals = np.array([1] * 180 + [30])
    periods = np.repeat([0, 1], [100, 81])
    single = share_change(
        np.repeat(hits, totals) > 0, np.ones(totals.sum(), int), np.repeat(periods, totals), n_periods=2
    )
    threads = share_change(hits, totals, periods, n_periods=2)
    assert threads.now == single.now
    assert threads.p > 2 * single.p


def test_an_empty_period_cannot_be_compared():
    some, none = (np.array([3]), np.array([9])), np.array([0])
    assert share_change(*some, none, n_periods=2) is None
    assert share_change(*some, none + 1, n_periods=2) is None


def test_never_seen_before_still_has_an_interval():
    change = share_change(np.array([0, 0, 9]), np.array([50, 50, 60]), np.array([0, 1, 2]), n_periods=3)
    assert change.before == 0
    assert np.isfinite([change.p, *change.interval]).all()


def test_divergence_is_the_one_of_scipy_and_adds_up_over_topics():
    before, now = np.array([[8, 2, 0], [4, 4, 1]]), np.array([[1, 1, 9], [2, 3, 5]])
    change = mixture_change(before, now)
    assert change.divergence == pytest.approx(jensenshannon(before.sum(0), now.sum(0), base=2) ** 2)
    assert change.contributions.sum() == pytest.approx(change.divergence)
    assert change.contributions.argmax() == 2


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=2, max_size=6))
def test_divergence_is_between_none_and_one_bit(rows):
    counts = np.array(rows) + np.array([1, 0, 0])
    change = mixture_change(counts[:1], counts[1:])
    assert 0 <= change.divergence <= 1 + 1e-9
    assert (change.contributions >= -1e-12).all()
    assert 0 < change.p <= 1


def test_shuffled_threads_tell_chance_from_change():
    rng = np.random.default_rng(2)
    same = mixture_change(rng.multinomial(3, [0.5, 0.3, 0.2], 60), rng.multinomial(3, [0.5, 0.3, 0.2], 60))
    other = mixture_change(rng.multinomial(3, [0.5, 0.3, 0.2], 60), rng.multinomial(3, [0.2, 0.3, 0.5], 60))
    assert other.p == pytest.approx(0.001)
    assert same.p > 0.05
    assert other.divergence > 3 * other.expected


def test_a_word_that_came_up_has_a_high_z_and_a_rare_one_does_not():
    before, now = np.array([100, 100, 1, 0, 0]), np.array([100, 20, 40, 1, 0])
    z = word_change(before, now)
    assert z[2] > 3
    assert z[1] < -3
    assert abs(z[3]) < 3
    assert z[4] == 0
    assert word_change(np.zeros(5, int), now).tolist() == [0] * 5
