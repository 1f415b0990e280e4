"""Opening hours: how much of a wait fell in the hours that the organisation is open.

Hours are wall-clock times in the community's time zone, so a day on which the clocks change can be an hour shorter
or longer. Public holidays are closed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays as public_holidays
import numpy as np
from numpy.typing import NDArray

from moderation.errors import CommunityFileInvalid

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RANGE = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-4]):([0-5]\d)")
_DAY_MINUTES = 24 * 60

MinuteRange = tuple[int, int]
"""Minutes after midnight, (opens, closes); closes beyond 1,440 = on the next day."""


@dataclass(frozen=True)
class OpenStretches:
    """When the organisation is open, as stretches of time that do not overlap.

    Attributes
    ----------
    starts, ends : shape (n_stretches,), seconds since 1970-01-01 UTC, rising.
    seconds_by_end : shape (n_stretches,), opening time up to the end of each stretch.
    """

    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    seconds_by_end: NDArray[np.float64]

    def seconds_between(self, start: datetime, end: datetime) -> float:
        """Seconds of opening time from `start` until `end`; 0 where `end` comes first."""
        return max(0.0, self._seconds_by(end.timestamp()) - self._seconds_by(start.timestamp()))

    def _seconds_by(self, instant: float) -> float:
        n_begun = int(np.searchsorted(self.starts, instant, side="right"))
        if n_begun == 0:
            return 0.0
        still_to_come = max(0.0, float(self.ends[n_begun - 1]) - instant)
        return float(self.seconds_by_end[n_begun - 1]) - still_to_come


def open_stretches(
    weekly: Mapping[str, str], *, timezone: str, holidays: str | None, first: datetime, last: datetime
) -> OpenStretches:
    """List when the organisation is open between two moments.

    Parameters
    ----------
    weekly : hours by weekday ("mon" to "sun"): "09:00-17:30", or several with commas between. A day that is left out
        is closed. "22:00-06:00" runs into the next morning, "00:00-24:00" is the whole day.
    timezone : IANA name, such as "Europe/Amsterdam".
    holidays : country, or country and part ("NL", "BE", "DE-BY"), whose public holidays are closed; None = no holidays.
    first, last : aware; the days in between, those two included, are listed.

    Raises
    ------
    CommunityFileInvalid
        Hours that cannot be read.
    """
    zone = ZoneInfo(timezone)
    ranges = {WEEKDAYS.index(day): parse_hours(hours) for day, hours in weekly.items()}
    # A day more on either side: a night shift may have begun the day before.
    days = _days(first.astimezone(zone).date() - timedelta(days=1), last.astimezone(zone).date() + timedelta(days=1))
    closed = _holiday_dates(holidays, first_year=first.year - 1, last_year=last.year + 1)
    stretches = [
        (_instant(day, opens, zone, fold=0), _instant(day, closes, zone, fold=1))
        for day in days
        if day not in closed
        for opens, closes in ranges.get(day.weekday(), ())
    ]
    return _without_overlap(stretches)


def parse_hours(hours: str) -> tuple[MinuteRange, ...]:
    """Read "09:00-12:30, 13:00-17:30"; an empty text is closed all day.

    Raises
    ------
    CommunityFileInvalid
        Not of the form HH:MM-HH:MM.
    """
    if not hours.strip():
        return ()
    return tuple(_parse_range(part.strip()) for part in hours.split(","))


def _parse_range(text: str) -> MinuteRange:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise CommunityFileInvalid(f'opening_hours: write {text!r} as "09:00-17:30", in 24-hour time')
    open_hour, open_minute, close_hour, close_minute = map(int, found.groups())
    opens, closes = open_hour * 60 + open_minute, close_hour * 60 + close_minute
    if closes > _DAY_MINUTES:
        raise CommunityFileInvalid(f"opening_hours: {text!r} ends after 24:00; write the next morning as 00:30")
    return opens, closes if closes > opens else closes + _DAY_MINUTES


def _holiday_dates(region: str | None, *, first_year: int, last_year: int) -> frozenset[date]:
    if region is None:
        return frozenset()
    country, _, part = region.partition("-")
    years = range(first_year, last_year + 1)
    return frozenset(public_holidays.country_holidays(country, subdiv=part or None, years=years, expand=False))


def _days(first: date, last: date) -> Iterator[date]:
    for n_days in range((last - first).days + 1):
        yield first + timedelta(days=n_days)


def _instant(day: date, minutes: int, zone: ZoneInfo, *, fold: int) -> float:
    """Seconds since 1970 at a wall-clock time; `fold` 0 takes the first of a time that comes twice, 1 the second."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    instant = wall.replace(tzinfo=zone, fold=fold).timestamp()
    shown = datetime.fromtimestamp(instant, zone).replace(tzinfo=None)
    return instant if shown == wall else _clock_change(wall, zone)


def _clock_change(wall: datetime, zone: ZoneInfo) -> float:
    """The moment at which the clock jumps over a wall-clock time that does not exist that day."""
    before, after = (int(wall.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (1, 0))
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, zone).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return float(after)


def _without_overlap(stretches: list[tuple[float, float]]) -> OpenStretches:
    ordered = np.array(sorted(stretches), dtype=np.float64).reshape(-1, 2)
    ends = np.maximum.accumulate(ordered[:, 1])
    starts = np.maximum(ordered[:, 0], np.append(-np.inf, ends[:-1])[: len(ends)])
    return OpenStretches(starts, ends, np.cumsum(ends - starts))
