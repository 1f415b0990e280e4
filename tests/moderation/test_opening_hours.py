from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import CommunityFileInvalid
from moderation.opening_hours import WEEKDAYS, open_stretches, parse_hours

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
HOUR = 3600
OFFICE = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:30")
ALWAYS = dict.fromkeys(WEEKDAYS, "00:00-24:00")


def local(text):
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM)


def open_hours(start, end, weekly=OFFICE, *, timezone="Europe/Amsterdam", holidays="NL"):
    stretches = open_stretches(weekly, timezone=timezone, holidays=holidays, first=start, last=end)
    return stretches.seconds_between(start, end) / HOUR


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2025-03-03T10:00", "2025-03-03T12:00", 2),
        ("2025-03-03T17:00", "2025-03-04T09:30", 1),
        ("2025-03-07T16:30", "2025-03-10T10:00", 2),  # over a weekend
        ("2025-03-08T10:00", "2025-03-09T20:00", 0),  # Saturday and Sunday
        ("2025-03-03T23:50", "2025-03-04T00:10", 0),  # over midnight
        ("2025-03-04T10:00", "2025-03-03T10:00", 0),  # end first
    ],
)
def test_counts_only_opening_time(start, end, hours):
    assert open_hours(local(start), local(end)) == pytest.approx(hours)


def test_kings_day_is_closed_and_moves_off_a_sunday():
    assert open_hours(local("2026-04-27T08:00"), local("2026-04-27T20:00")) == 0
    saturdays = {"sat": "10:00-16:00"}
    assert open_hours(local("2025-04-26T08:00"), local("2025-04-26T20:00"), saturdays) == 0
    assert open_hours(local("2025-04-19T08:00"), local("2025-04-19T20:00"), saturdays) == 6


@pytest.mark.parametrize("day", ["2025-07-21", "2025-05-01", "2025-08-15", "2025-11-11"])
def test_belgian_holidays_are_closed_in_belgium_only(day):
    start, end = local(f"{day}T09:00"), local(f"{day}T17:30")
    assert open_hours(start, end, holidays="BE") == 0
    assert open_hours(start, end, holidays="NL") == 8.5
    assert open_hours(start, end, holidays=None) == 8.5


def test_a_day_is_an_hour_shorter_in_spring_and_longer_in_autumn():
    assert open_hours(local("2025-03-30T00:00"), local("2025-03-31T00:00"), ALWAYS, holidays=None) == 23
    assert open_hours(local("2025-10-26T00:00"), local("2025-10-27T00:00"), ALWAYS, holidays=None) == 25


def test_office_hours_follow_the_wall_clock_over_both_clock_changes():
    """17:00 to 09:30 two days on is an hour of opening time whatever the clock did in between."""
    for friday, monday in (("2025-03-28", "2025-03-31"), ("2025-10-24", "2025-10-27")):
        assert open_hours(local(f"{friday}T17:00"), local(f"{monday}T09:30")) == pytest.approx(1)


def test_a_shift_that_opens_in_the_hour_that_does_not_exist_opens_at_the_change():
    nights = {"sun": "02:30-06:00"}
    assert open_hours(local("2025-03-30T00:00"), local("2025-03-30T12:00"), nights, holidays=None) == 3
    assert open_hours(local("2025-10-26T00:00"), local("2025-10-26T12:00"), nights, holidays=None) == 4.5


def test_a_night_shift_runs_into_the_next_morning():
    nights = {"fri": "22:00-06:00"}
    assert open_hours(local("2025-03-08T00:00"), local("2025-03-08T12:00"), nights) == 6


def test_overlapping_ranges_count_once_and_breaks_do_not_count():
    day = (local("2025-03-03T00:00"), local("2025-03-04T00:00"))
    assert open_hours(*day, {"mon": "09:00-12:00, 11:00-13:00"}) == 4
    assert open_hours(*day, {"mon": "09:00-12:00,13:00-17:00"}) == 7
    assert open_hours(*day, {"mon": ""}) == 0
    assert open_hours(*day, {}) == 0


@pytest.mark.parametrize("hours", ["9-17", "09:00", "09:00-25:00", "09:00-24:30", "open"])
def test_refuses_hours_that_it_cannot_read(hours):
    with pytest.raises(CommunityFileInvalid, match="opening_hours"):
        parse_hours(hours)


MOMENTS = st.integers(0, 2 * 365 * 24 * 60).map(lambda m: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=m))
TWO_YEARS = open_stretches(
    OFFICE, timezone="Europe/Amsterdam", holidays="NL",
    first=datetime(2024, 1, 1, tzinfo=UTC), last=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip


@given(MOMENTS, MOMENTS, MOMENTS)
def test_opening_time_adds_up_and_never_exceeds_the_calendar(a, b, c):
    first, middle, last = sorted((a, b, c))
    whole = TWO_YEARS.seconds_between(first, last)
    parts = TWO_YEARS.seconds_between(first, middle) + TWO_YEARS.seconds_between(middle, last)
    assert whole == pytest.approx(parts, abs=1e-6)
    assert 0 <= whole <= (last - first).total_seconds()
