from datetime import UTC, date, datetime, timedelta

import pytest

from moderation.periods import choose_periods

ZONE = "Europe/Amsterdam"
START = datetime(2024, 1, 1, 12, tzinfo=UTC)


def every(hours, n, start=START):
    return [start + timedelta(hours=hours * place) for place in range(n)]


@pytest.mark.parametrize(
    ("hours", "n", "unit"),
    [(0.1, 2000, "day"), (1, 2000, "week"), (6, 1500, "month"), (24, 1500, "quarter"), (48, 750, "year")],
)
def test_the_shortest_period_with_enough_posts_is_taken(hours, n, unit):
    assert choose_periods(every(hours, n), timezone=ZONE).unit == unit


def test_too_few_posts_give_no_periods():
    assert choose_periods([], timezone=ZONE) is None
    assert choose_periods(every(1, 40), timezone=ZONE) is None
    assert choose_periods([START] * 500, timezone=ZONE) is None


def test_boundaries_lie_in_the_zone_of_the_community_also_when_the_clock_changes():
    calendar = choose_periods(every(0.5, 5000, datetime(2024, 3, 1, tzinfo=UTC)), timezone=ZONE)
    starts = {period.first_day: calendar.starts_at(period) for period in calendar.periods}
    assert starts[date(2024, 3, 25)] == datetime(2024, 3, 24, 23, tzinfo=UTC)
    assert starts[date(2024, 4, 1)] == datetime(2024, 3, 31, 22, tzinfo=UTC)


def test_every_post_of_a_compared_period_is_placed_in_it():
    moments = every(1, 2050)
    calendar = choose_periods(moments, timezone=ZONE)
    for place, period in enumerate(calendar.periods):
        assert calendar.period_of.count(place) == period.n_posts
    assert calendar.periods[-1].is_partial
    assert not calendar.periods[-2].is_partial


def test_a_last_period_with_hardly_any_posts_is_not_the_latest():
    busy = every(1, 7 * 24 * 6)
    stragglers = [busy[-1] + timedelta(days=14), busy[-1] + timedelta(days=15)]
    calendar = choose_periods(busy + stragglers, timezone=ZONE)
    assert calendar.periods[-1].after <= stragglers[0].date()
    assert calendar.period_of[-2:] == (None, None)
    assert calendar.n_left_out >= 2


def test_at_most_twelve_periods_are_the_baseline():
    calendar = choose_periods(every(1, 24 * 7 * 30 - 24), timezone=ZONE)
    assert len(calendar.periods) == 13
    assert calendar.n_left_out == 30 - 13


def test_a_weekend_day_is_compared_with_weekend_days():
    saturday = datetime(2024, 1, 20, 22, tzinfo=UTC)
    moments = [moment for moment in every(0.1, 5000) if moment <= saturday]
    calendar = choose_periods(moments, timezone=ZONE)
    assert calendar.unit == "day"
    assert all(period.first_day.weekday() >= 5 for period in calendar.periods)
