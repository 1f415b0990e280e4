from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topics.change_points import cheapest_cuts, find_segments, overdispersion, single_change


def starts(hits, totals, p_false=0.05):
    return [segment.start for segment in find_segments(np.array(hits), np.array(totals), p_false=p_false)]


@pytest.mark.parametrize(("n_weeks", "n_posts", "share"), [(26, 30, 0.05), (52, 100, 0.05), (52, 40, 0.3)])
def test_a_level_that_never_changes_is_hardly_ever_cut(n_weeks, n_posts, share):
    rng = np.random.default_rng(3)
    cut = []
    for _ in range(300):
        totals = rng.poisson(n_posts, n_weeks)
        cut.append(len(starts(rng.binomial(totals, share), totals)) > 1)
    assert np.mean(cut) <= 0.05


def test_threads_that_come_in_clumps_are_cut_little_more_often():
    rng = np.random.default_rng(4)
    cut = []
    for _ in range(200):
        threads = rng.binomial(40, 0.1, 52)
        cut.append(len(starts(3 * threads, np.full(52, 120))) > 1)
    assert np.mean(cut) <= 0.06


def test_what_began_and_ended_is_found_with_both_its_moments():
    hits = [0] * 9 + [4, 3, 2, 4, 5, 4, 3, 2, 1, 3, 4, 5, 2, 1, 3, 2, 2, 4, 1] + [0] * 8
    assert starts(hits, [28] * len(hits), p_false=0.05 / 30) == [0, 9, 28]


def test_one_loud_week_is_no_other_level():
    hits = [2, 1, 2, 3, 1, 2, 25, 2, 1, 3, 2, 1, 2, 2, 1, 3]
    assert starts(hits, [40] * len(hits)) == [0]


def test_weeks_without_posts_say_nothing():
    hits, totals = [3] * 8 + [0] * 6 + [15] * 8, [30] * 8 + [0] * 6 + [30] * 8
    assert starts(hits, totals) == [0, 14]
    assert starts([0] * 20, [0] * 20) == [0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=40))
def test_segments_are_a_partition_of_the_weeks(weeks):
    hits, totals = np.array([min(pair) for pair in weeks]), np.array([max(pair) for pair in weeks])
    segments = find_segments(hits, totals, p_false=0.5)
    assert [segments[0].start, segments[-1].stop] == [0, len(weeks)]
    assert all(one.stop == other.start for one, other in pairwise(segments))
    assert sum(segment.n_hits for segment in segments) == hits.sum()


def test_cuts_are_the_cheapest_of_all():
    rng = np.random.default_rng(0)
    numbers = np.concatenate([rng.normal(0, 1, 7), rng.normal(4, 1, 6), rng.normal(1, 1, 5)])

    def spread(begins, stop):
        return np.array([((numbers[begin:stop] - numbers[begin:stop].mean()) ** 2).sum() for begin in begins])

    def price(cuts):
        edges = [0, *cuts, len(numbers)]
        return sum(spread([one], other)[0] for one, other in pairwise(edges)) + 5 * len(cuts)

    found = cheapest_cuts(spread, len(numbers), penalty=5, min_length=3)
    every = [
        [],
        *([one] for one in range(3, 16)),
        *([one, other] for one in range(3, 13) for other in range(one + 3, 16)),
    ]
    assert price(found) == pytest.approx(min(price(cuts) for cuts in every))


def test_binomial_steps_are_not_overdispersed_and_clumps_are():
    rng = np.random.default_rng(1)
    totals = np.full(200, 100)
    assert overdispersion(rng.binomial(totals, 0.1), totals) < 1.2
    assert overdispersion(4 * rng.binomial(25, 0.1, 200), totals) > 2.5
    assert overdispersion(np.zeros(9, int), totals[:9]) == 1


def test_the_scan_of_many_series_prefers_the_one_that_changed():
    totals = np.full(20, 50)
    hits = np.array([[5] * 20, [1] * 10 + [9] * 10, [0] * 20])
    gains = single_change(hits, totals)
    assert gains.argmax() == 1
    assert gains[2] == 0
