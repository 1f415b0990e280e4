from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.expected_reply import (
    Check,
    PastWaits,
    check_expectations,
    check_json,
    check_of,
    expect_reply,
    expected_reply_json,
    hour_of_week,
    past_waits,
    past_waits_of,
)
from moderation.response_clocks import Wait

HOUR = 3600.0
START = datetime(2025, 1, 6, tzinfo=UTC)  # a Monday
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
UNCHECKED = Check(0, 0, None, None, None, None)
MONDAY_10, MONDAY_22 = 10.0, 22.0


def office_waits(n=1000, *, never=0.05, n_topics=1, seed=3, days=300):
    """Asked at any hour; answered within a quarter of an hour from 9 to 17, else the next morning at nine."""
    rng = np.random.default_rng(seed)
    started = START.timestamp() + np.sort(rng.uniform(0, days * 24 * HOUR, n))
    hour = (started / HOUR + 1) % 24  # Amsterdam in winter; the summer only blurs it
    is_open = (hour >= 9) & (hour < 17)
    until_nine = ((9 - hour) % 24) * HOUR
    wait = np.where(is_open, rng.uniform(60, 900, n), until_nine + rng.uniform(60, 900, n))
    answered = rng.random(n) >= never
    end = started.max() + HOUR
    wait = np.where(answered, wait, end - started)
    late = started + wait > end
    return PastWaits(
        started,
        np.where(late, end - started, wait),
        answered & ~late,
        np.zeros(n),
        rng.integers(1, n_topics + 1, n),
        "Europe/Amsterdam",
    )


def test_the_hour_of_asking_decides_where_staff_keep_office_hours():
    past = office_waits()
    morning, night = (expect_reply(past, UNCHECKED, hour=hour, topic_id=None) for hour in (MONDAY_10 + 2, MONDAY_22))
    assert morning.median_seconds < 0.25 * HOUR
    assert 10 * HOUR < night.median_seconds < 12 * HOUR


def test_a_slow_topic_is_told_from_the_others():
    past = office_waits(n_topics=3)
    is_slow = past.topic_ids == 2
    slow = replace(past, wait_seconds=np.where(is_slow, past.wait_seconds + 48 * HOUR, past.wait_seconds))
    at_any_hour = {topic: expect_reply(slow, UNCHECKED, hour=None, topic_id=topic) for topic in (1, 2)}
    assert at_any_hour[2].median_seconds > at_any_hour[1].median_seconds + 40 * HOUR
    assert at_any_hour[1].n_same_topic == int((past.topic_ids == 1).sum())


def test_a_topic_with_one_wait_leans_on_all_others():
    past = office_waits(n=200)
    past.topic_ids[7] = 9
    past.wait_seconds[7] = 90 * 24 * HOUR
    found = expect_reply(past, UNCHECKED, hour=None, topic_id=9)
    of_all = expect_reply(past, UNCHECKED, hour=None, topic_id=None)
    assert found.n_same_topic == 1
    assert found.median_seconds == pytest.approx(of_all.median_seconds, rel=0.2)


def test_the_range_has_no_end_where_many_are_never_answered():
    found = expect_reply(office_waits(never=0.4), UNCHECKED, hour=None, topic_id=None)
    assert found.high_seconds is None
    assert found.reason is None
    assert found.answered_within["72h"] == pytest.approx(0.6, abs=0.05)


def test_a_range_without_an_end_should_hold_nine_in_ten():
    check = check_expectations(office_waits(never=0.4))
    assert check.nominal == pytest.approx(0.9)
    assert 0.85 < check.coverage <= 1


def test_abstains_with_few_answers():
    found = expect_reply(office_waits(n=15), UNCHECKED, hour=None, topic_id=None)
    assert (found.median_seconds, found.reason, found.n_waits) == (None, "too_few_waits", 15)
    assert found.answered_within == {}


def test_the_range_holds_for_later_waits_where_nothing_changes():
    check = check_expectations(office_waits())
    assert check.n_trained == 700
    assert 290 <= check.n_checked <= 300
    assert 0.75 < check.coverage < 0.9
    assert check.nominal == pytest.approx(0.8, abs=0.02)
    assert check.held


def test_abstains_where_the_range_did_not_hold_for_later_waits():
    past = office_waits(never=0.0)
    is_late = np.arange(len(past)) > 750
    slower = replace(past, wait_seconds=np.where(is_late, past.wait_seconds + 30 * HOUR, past.wait_seconds))
    check = check_expectations(slower)
    assert check.coverage < 0.5
    assert expect_reply(slower, check, hour=None, topic_id=None).reason == "did_not_hold"


def test_a_check_needs_enough_later_waits():
    check = check_expectations(office_waits(n=40))
    assert (check.coverage, check.n_checked, check.held) == (None, 12, True)
    assert check_json(check)["reason"]


def test_the_check_knows_nothing_of_answers_that_came_after_it():
    """Waits of the first part that were answered later only: seen from the cut they were all open."""
    past = office_waits(n=100, never=0.0)
    cut = past.started[70]
    slow = replace(past, wait_seconds=np.where(np.arange(100) < 70, cut + HOUR - past.started, past.wait_seconds))
    assert check_expectations(slow).coverage is None
    seen = slow.chosen(slice(0, 70)).as_seen_at(float(cut))
    assert not seen.answered.any()
    assert (seen.wait_seconds <= cut - seen.started).all()


@given(st.integers(0, 20))
def test_open_waits_never_shorten_what_is_expected(seed):
    past = office_waits(n=60, seed=seed)
    before = expect_reply(past, UNCHECKED, hour=None, topic_id=None)
    more = replace(past, answered=past.answered & (np.arange(60) % 5 > 0))
    after = expect_reply(more, UNCHECKED, hour=None, topic_id=None)
    assert after.median_seconds is None or after.median_seconds >= before.median_seconds


def test_what_is_stored_gives_the_same_again():
    past = office_waits(n=120, n_topics=3)
    stored = expected_reply_json(past)
    again, check = past_waits_of(past.as_json()), check_of(stored["check"])
    assert expected_reply_json(again) == stored
    assert check_json(check) == stored["check"]


def test_the_hour_of_the_week_is_on_the_wall_clock_over_both_clock_changes():
    """Ten in the morning in Amsterdam is ten in the morning, in winter (09:00 UTC) and in summer (08:00 UTC)."""
    for day, hour in ((datetime(2025, 3, 28, 9, tzinfo=UTC), 106.0), (datetime(2025, 3, 31, 8, tzinfo=UTC), 10.0)):
        assert hour_of_week(day, AMSTERDAM) == hour
    for day, hour in ((datetime(2025, 10, 24, 8, tzinfo=UTC), 106.0), (datetime(2025, 10, 27, 9, tzinfo=UTC), 10.0)):
        assert hour_of_week(day, AMSTERDAM) == hour


def test_waits_are_read_with_their_topics_and_late_starts():
    start = datetime(2025, 6, 2, 8, 0, tzinfo=UTC)
    late = start + timedelta(hours=3)
    wait = Wait(start, start + timedelta(hours=5), True, None, late, row=1)
    past = past_waits([wait], topic_of=[None, 7], timezone="Europe/Amsterdam")
    assert past.topic_ids.tolist() == [7]
    assert (past.wait_seconds[0], past.watched_from_seconds[0], past.hours[0]) == (5 * HOUR, 3 * HOUR, 10.0)
