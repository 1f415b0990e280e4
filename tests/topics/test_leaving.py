import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.leaving import MIN_DAYS, MIN_GAPS, Rhythm, TooFewGaps, learn_rhythm, own_gap

RHYTHM = Rhythm(shape=1.3, left=0.02, base=0.4, slope=0.6, n_gaps=500)


def people(n, *, shape, scale_of, left, seed=1, today=1500):
    """Days on which people write whose gaps follow the model."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        usual = float(rng.choice([2.0, 8.0, 30.0]))
        day, days = float(rng.integers(200)), []
        while day <= today:
            days.append(int(day))
            if len(days) >= MIN_DAYS and rng.random() < left:
                break
            day += max(1.0, scale_of(usual) * (rng.random() ** (-1 / shape) - 1))
        found.append(sorted(set(days)))
    return found


def test_a_planted_share_that_leaves_for_good_is_found():
    staying = learn_rhythm(people(150, shape=3.0, scale_of=lambda usual: 2 * usual, left=0.0), today=1500)
    leaving = learn_rhythm(people(150, shape=3.0, scale_of=lambda usual: 2 * usual, left=0.1), today=1500)
    assert staying.left < 0.01
    assert leaving.left == pytest.approx(0.1, abs=0.03)


def test_who_writes_rarely_is_given_more_time():
    rhythm = learn_rhythm(people(150, shape=3.0, scale_of=lambda usual: 2 * usual, left=0.05), today=1500)
    assert rhythm.slope > 0.3
    assert rhythm.p_silent(5.0, 60, next_days=90) > rhythm.p_silent(60.0, 60, next_days=90)


def test_too_few_gaps_are_refused():
    with pytest.raises(TooFewGaps, match=str(MIN_GAPS)):
        learn_rhythm([[1, 5, 9, 13, 17, 21]], today=30)


def test_the_order_of_people_changes_nothing_that_is_kept():
    days = people(60, shape=2.0, scale_of=lambda usual: usual, left=0.05)
    assert learn_rhythm(days, today=1500) == learn_rhythm(days[::-1], today=1500)


@given(st.floats(1, 200), st.floats(0, 400), st.floats(1, 400))
def test_a_longer_silence_is_a_worse_sign(usual, silent, longer):
    sooner, later = (RHYTHM.p_silent(usual, days, next_days=90) for days in (silent, silent + longer))
    assert 0 <= sooner <= later <= 1
    assert RHYTHM.p_gap_longer(usual, silent) >= RHYTHM.p_gap_longer(usual, silent + longer)


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=50, unique=True).map(sorted))
def test_a_usual_gap_is_never_shorter_than_a_day_and_knows_its_prior(days):
    assert own_gap(days) >= min(1.0, 30 / len(days))
    assert own_gap([days[0]]) == 30
