import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.wait_changes import answers_by_week_asked, answers_by_week_written, find_changes

DAY = 86_400.0
WEEK = 7 * DAY


def community(*, n_weeks=60, per_week=8, share=0.6, from_week=None, new_share=0.9, seed=1):
    """Posts at random moments, answered within about a day or never; from one week on with another share."""
    rng = np.random.default_rng(seed)
    started = np.sort(rng.uniform(0, n_weeks * WEEK, n_weeks * per_week))
    is_later = started >= (np.inf if from_week is None else from_week * WEEK)
    answered = rng.random(len(started)) < np.where(is_later, new_share, share)
    wait = np.where(answered, rng.exponential(DAY, len(started)), n_weeks * WEEK - started)
    is_late = started + wait > n_weeks * WEEK
    return started, np.where(is_late, n_weeks * WEEK - started, wait), answered & ~is_late


def boundaries(n_weeks=60):
    return np.arange(n_weeks + 1) * WEEK


@pytest.mark.parametrize("count", [answers_by_week_written, answers_by_week_asked])
def test_finds_the_week_in_which_answering_changed(count):
    changes = find_changes(count(*community(from_week=37, share=0.2, new_share=0.8), boundaries=boundaries()))
    assert [change.week for change in changes] == pytest.approx([37], abs=1)
    assert changes[0].p == 1 / 2000


def test_finds_a_start_and_an_end():
    started, wait, answered = community(n_weeks=90, share=0.9)
    silent = (started < 30 * WEEK) | (started > 60 * WEEK)
    wait = np.where(silent, 90 * WEEK - started, wait)
    weekly = answers_by_week_asked(started, wait, answered & ~silent, boundaries=boundaries(90))
    assert [change.week for change in find_changes(weekly)] == pytest.approx([30, 60], abs=1)


def test_tells_when_old_posts_were_answered_from_whose_posts_were():
    """Nobody answers until week 40; then somebody answers everything since week 30."""
    started = np.arange(0, 60, 0.2) * WEEK
    answered = started >= 30 * WEEK
    wait = np.where(answered, np.maximum(40 * WEEK, started + DAY) - started, 60 * WEEK - started)
    answered &= started + wait < 60 * WEEK
    written = find_changes(answers_by_week_written(started, wait, answered, boundaries=boundaries()))
    asked = find_changes(answers_by_week_asked(started, wait, answered, boundaries=boundaries()))
    assert written[0].week == 40
    assert asked[0].week == 30


@pytest.mark.parametrize("count", [answers_by_week_written, answers_by_week_asked])
def test_seldom_names_a_change_where_there_is_none(count):
    named = [bool(find_changes(count(*community(seed=seed), boundaries=boundaries()))) for seed in range(40)]
    assert sum(named) <= 1


def test_answers_that_come_in_one_go_every_other_week_are_no_change():
    started = np.arange(0, 60, 0.1) * WEEK
    wait = (np.floor(started / (2 * WEEK)) + 1) * 2 * WEEK - started
    answered = started + wait < 60 * WEEK
    weekly = answers_by_week_written(
        started, np.where(answered, wait, 60 * WEEK - started), answered, boundaries=boundaries()
    )
    assert find_changes(weekly) == []


def test_too_few_answers_or_weeks_are_no_change():
    assert find_changes(answers_by_week_asked(*community(n_weeks=7), boundaries=boundaries(7))) == []
    started = np.arange(60) * WEEK
    few = started > 55 * WEEK
    weekly = answers_by_week_asked(started, np.where(few, DAY, 60 * WEEK - started), few, boundaries=boundaries())
    assert find_changes(weekly) == []
    nobody = answers_by_week_asked(started, 60 * WEEK - started, np.zeros(60, dtype=bool), boundaries=boundaries())
    assert find_changes(nobody) == []


@given(st.integers(0, 1000))
def test_as_many_answers_are_expected_as_came(seed):
    for count in (answers_by_week_written, answers_by_week_asked):
        weekly = count(*community(n_weeks=10, seed=seed), boundaries=boundaries(10))
        assert weekly.n_expected.sum() == pytest.approx(weekly.n_answers.sum())
        assert (weekly.n_expected >= -1e-9).all()
