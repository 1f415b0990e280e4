"""Cut the time of a community into calendar periods that hold enough posts to compare."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Unit = Literal["day", "week", "month", "quarter", "year"]

#: Half of the posts must lie in periods with at least so many posts.
TYPICAL_POSTS = 50

#: A period with fewer posts, or with less than a tenth of the typical period's, is not compared.
MIN_POSTS = 30
MIN_SHARE_OF_TYPICAL = 0.1

#: Days are compared only in data of less than four weeks; otherwise a week is the shortest period.
MAX_DAYS_OF_DAYS = 28

#: Older periods say little about what is usual now.
MAX_BASELINE_PERIODS = 12


@dataclass(frozen=True)
class Period:
    """One calendar period in the community's time zone.

    Attributes
    ----------
    first_day, after : the period's first day and the first day of the next one.
    n_posts : posts in it.
    is_partial : the data begin or end within it.
    """

    first_day: date
    after: date
    n_posts: int
    is_partial: bool


@dataclass(frozen=True)
class Calendar:
    """The periods that are compared.

    Attributes
    ----------
    unit : length of a period.
    zone : time zone of the period boundaries.
    periods : in order; the last one is the latest, the others are its baseline.
    n_left_out : periods that are not compared: too few posts, or too long ago.
    period_of : shape (n,) as a tuple: the place in `periods` of each moment, None outside them.
    """

    unit: Unit
    zone: ZoneInfo
    periods: tuple[Period, ...]
    n_left_out: int
    period_of: tuple[int | None, ...]

    def starts_at(self, period: Period) -> datetime:
        """The first moment of a period, in UTC."""
        return datetime.combine(period.first_day, time(), tzinfo=self.zone).astimezone(UTC)


def choose_periods(moments: Sequence[datetime], *, timezone: str) -> Calendar | None:
    """Choose the shortest unit whose typical period holds enough posts.

    Where no unit does, the longest one that gives two comparable periods. At most twelve periods before the latest
    one are its baseline; where periods are days, only the days of its own kind (working days or weekend) where there
    are two.

    Parameters
    ----------
    moments : when the posts were written, ascending, aware.
    timezone : IANA name.

    Returns
    -------
    None where no unit gives two periods with enough posts.
    """
    zone = ZoneInfo(timezone)
    days = [moment.astimezone(zone).date() for moment in moments]
    if not days:
        return None
    is_short = (days[-1] - days[0]).days + 1 < MAX_DAYS_OF_DAYS
    usable: list[Unit] = []
    for unit in STARTS:
        if unit == "day" and not is_short:
            continue
        counts = Counter(map(STARTS[unit], days))
        if len(_comparable(counts)) < 2:
            continue
        usable.append(unit)
        if _typical_posts(counts) >= TYPICAL_POSTS:
            return _calendar(days, unit, counts, zone)
    return _calendar(days, usable[-1], Counter(map(STARTS[usable[-1]], days)), zone) if usable else None


def _comparable(counts: Mapping[date, int]) -> list[date]:
    least = max(MIN_POSTS, MIN_SHARE_OF_TYPICAL * _typical_posts(counts))
    return sorted(start for start, n in counts.items() if n >= least)


def _typical_posts(counts: Mapping[date, int]) -> int:
    """The size of the period that the median post lies in."""
    sizes = sorted(counts.values())
    remaining = sum(sizes) / 2
    for size in sizes:
        remaining -= size
        if remaining <= 0:
            return size
    return 0


def _calendar(days: Sequence[date], unit: Unit, counts: Mapping[date, int], zone: ZoneInfo) -> Calendar:
    enough = _comparable(counts)
    compared = _baseline(enough, unit) + enough[-1:]
    place_of = {start: place for place, start in enumerate(compared)}
    return Calendar(
        unit=unit,
        zone=zone,
        periods=tuple(
            Period(
                first_day=start,
                after=_next_start(start, unit),
                n_posts=counts[start],
                is_partial=days[0] > start or days[-1] < _next_start(start, unit) - timedelta(days=1),
            )
            for start in compared
        ),
        n_left_out=_n_spanned(days, unit) - len(compared),
        period_of=tuple(place_of.get(STARTS[unit](day)) for day in days),
    )


def _baseline(enough: list[date], unit: Unit) -> list[date]:
    earlier = enough[:-1]
    if unit == "day":
        same_kind = [day for day in earlier if _is_weekend(day) == _is_weekend(enough[-1])]
        earlier = same_kind if len(same_kind) >= 2 else earlier
    return earlier[-MAX_BASELINE_PERIODS:]


def _is_weekend(day: date) -> bool:
    return day.weekday() >= 5


def _next_start(start: date, unit: Unit) -> date:
    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[unit]
    return STARTS[unit](start + timedelta(days=longest))


def _n_spanned(days: Sequence[date], unit: Unit) -> int:
    start, n_periods = STARTS[unit](days[0]), 1
    while start < STARTS[unit](days[-1]):
        start, n_periods = _next_start(start, unit), n_periods + 1
    return n_periods


#: The first day of the period that a day lies in, shortest unit first.
STARTS: Mapping[Unit, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    "year": lambda day: day.replace(month=1, day=1),
}
