import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.competing_risks import cumulative_incidence
from moderation.survival import estimate_waits

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from lifelines import AalenJohansenFitter

endings = st.lists(st.integers(0, 3), min_size=2, max_size=60)


@settings(max_examples=60, deadline=None)
@given(endings, st.randoms(use_true_random=False))
def test_incidence_and_band_equal_lifelines(ended, random):
    """Distinct durations: lifelines shakes ties apart."""
    seconds = np.array(random.sample(range(1, 10_000), len(ended)), dtype=float)
    for number, ours in enumerate(cumulative_incidence(seconds, ended, n_endings=3), start=1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = AalenJohansenFitter().fit(seconds, ended, event_of_interest=number)
        expected = theirs.cumulative_density_.iloc[:, 0].to_numpy()
        assert np.array_equal(ours.seconds, theirs.cumulative_density_.index)
        np.testing.assert_allclose(ours.share, expected, atol=1e-9)
        inner = (expected > 0) & (expected < 1)
        band = theirs.confidence_interval_.to_numpy()[inner]
        known = ~np.isnan(band).any(axis=1)
        np.testing.assert_allclose(np.sort(band[known], axis=1)[:, 0], ours.low[inner][known], atol=1e-9)
        np.testing.assert_allclose(np.sort(band[known], axis=1)[:, 1], ours.high[inner][known], atol=1e-9)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=40))
def test_all_ways_of_ending_and_the_waiting_add_up_to_one(waits):
    seconds, ended = zip(*waits, strict=True)
    found = cumulative_incidence(seconds, ended, n_endings=3)
    still = estimate_waits(seconds, [ending > 0 for ending in ended])
    np.testing.assert_allclose(sum(each.share for each in found) + still.waiting, 1, atol=1e-12)


def test_deletions_are_not_answers_and_do_not_leave_the_count():
    """Two answered, two deleted, one waits: by Kaplan-Meier 2 of 3 that stayed, in fact 2 of 5."""
    seconds, ended = [10.0, 5.0, 20.0, 5.0, 30.0], [1, 2, 1, 2, 0]
    answered, deleted = cumulative_incidence(seconds, ended, n_endings=2)
    assert answered.within(30).share == pytest.approx(2 / 5)
    assert deleted.within(30).share == pytest.approx(2 / 5)
    assert answered.within(9).share == 0
    waits = estimate_waits(seconds, [ending == 1 for ending in ended])
    assert waits.answered_within(30).share == pytest.approx(2 / 3)
