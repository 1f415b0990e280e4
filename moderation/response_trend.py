"""How waiting went week by week, and since when it is different."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from moderation.periods import STARTS, Unit
from moderation.response_clocks import Wait, calendar_seconds, counts_of, group_json, iso, rounded
from moderation.survival import HORIZONS_SECONDS, wait_curve
from moderation.wait_changes import (
    Change,
    WeeklyAnswers,
    answers_by_week_asked,
    answers_by_week_written,
    find_changes,
)

MAX_PERIODS = 60
"""With more weeks than this the trend is told by month, then by quarter, then by year."""
MIN_WAITS = 5
"""With fewer waits in a period its share is not given."""
UNITS: tuple[Unit, ...] = ("week", "month", "quarter", "year")


@dataclass(frozen=True)
class TrendPeriod:
    """The waits that began in one calendar period."""

    first_day: date
    waits: tuple[Wait, ...]


def trend_periods(waits: Sequence[Wait], *, timezone: str) -> tuple[Unit, list[TrendPeriod]]:
    """Cut the time from the first wait to the last into at most 60 calendar periods, empty ones among them."""
    zone = ZoneInfo(timezone)
    days = [wait.started_at.astimezone(zone).date() for wait in waits]
    for unit in UNITS:
        starts = _starts(unit, min(days), max(days)) if days else []
        if len(starts) <= MAX_PERIODS or unit == UNITS[-1]:
            break
    held: dict[date, list[Wait]] = {start: [] for start in starts}
    for day, wait in zip(days, waits, strict=True):
        held[STARTS[unit](day)].append(wait)
    return unit, [TrendPeriod(start, tuple(held[start])) for start in starts]


def _starts(unit: Unit, first: date, last: date) -> list[date]:
    step = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[unit]
    starts = [STARTS[unit](first)]
    while starts[-1] < STARTS[unit](last):
        starts.append(STARTS[unit](starts[-1] + timedelta(days=step)))
    return starts


def trend_json(unit: Unit, periods: Sequence[TrendPeriod]) -> dict[str, Any]:
    """The share answered within three days of the waits that began in each period."""
    return {"unit": unit, "periods": [_period_json(period) for period in periods]}


def _period_json(period: TrendPeriod) -> dict[str, Any]:
    counts = {
        "from": period.first_day.isoformat(),
        "n": len(period.waits),
        "n_answered": sum(wait.answered for wait in period.waits),
    }
    if len(period.waits) < MIN_WAITS:
        nothing = {"answered_within_72h": None, "answered_within_72h_ci": None}
        return {**counts, **nothing, "reason": f"fewer than {MIN_WAITS} waits"}
    curve = wait_curve(counts_of(period.waits))
    share = curve.answered_within(HORIZONS_SECONDS["72h"])
    is_short = curve.longest_wait_seconds < HORIZONS_SECONDS["72h"] and curve.waiting[-1] > 0
    return {
        **counts,
        "answered_within_72h": rounded(share.share),
        "answered_within_72h_ci": [rounded(share.low), rounded(share.high)],
        "reason": "at least: no open wait was watched for 72 hours" if is_short else None,
    }


def changes_json(clocks: Mapping[str, Sequence[Wait]], *, timezone: str, end_at: datetime) -> list[dict[str, Any]]:
    """Since when each clock runs differently, in order of time.

    Two questions are asked of each clock: from which week on answers were *written* more or less often than before,
    and from which week on posts were written that fare differently.
    """
    found: list[dict[str, Any]] = []
    for clock, waits in clocks.items():
        if not waits:
            continue
        mondays = _mondays(min(wait.started_at for wait in waits), end_at, ZoneInfo(timezone))
        columns = _seconds([wait.started_at for wait in waits]), [_waited(wait) for wait in waits]
        answered = [wait.answered for wait in waits]
        for by, count in (("answer_written", answers_by_week_written), ("post_written", answers_by_week_asked)):
            weekly = count(*columns, answered, boundaries=_seconds(mondays))
            changes = find_changes(weekly)
            found += [
                {"clock": clock, "by": by, **_change_json(weekly, changes, place, mondays, waits)}
                for place in range(len(changes))
            ]
    return sorted(found, key=lambda change: str(change["from"]))


def _mondays(first: datetime, last: datetime, zone: ZoneInfo) -> list[datetime]:
    """The first moment of every week from that of `first` to the one after `last`."""
    day = STARTS["week"](first.astimezone(zone).date())
    mondays: list[datetime] = []
    while not mondays or mondays[-1] <= last:
        mondays.append(datetime.combine(day, time(), tzinfo=zone))
        day += timedelta(days=7)
    return mondays


def _seconds(moments: Sequence[datetime]) -> list[float]:
    return [moment.timestamp() for moment in moments]


def _waited(wait: Wait) -> float:
    return calendar_seconds(wait.started_at, wait.ended_at)


def _change_json(
    weekly: WeeklyAnswers, changes: Sequence[Change], place: int, mondays: Sequence[datetime], waits: Sequence[Wait]
) -> dict[str, Any]:
    """One change, with the weeks back to the change before it and on to the next beside each other."""
    edges = [0, *(change.week for change in changes), len(weekly.n_answers)]
    begin, at, end = edges[place : place + 3]
    before = _stretch_json(weekly, begin, at, mondays, waits)
    after = _stretch_json(weekly, at, end, mondays, waits)
    first_answer = min(
        (wait.ended_at for wait in waits if wait.answered and wait.ended_at >= mondays[at]), default=None
    )
    return {
        "from": mondays[at].date().isoformat(),
        "p": rounded(changes[place].p),
        "more_often": after["answers_per_expected"] > before["answers_per_expected"],
        "first_answer_at": None if first_answer is None else iso(first_answer),
        "before": before,
        "after": after,
    }


def _stretch_json(
    weekly: WeeklyAnswers, begin: int, end: int, mondays: Sequence[datetime], waits: Sequence[Wait]
) -> dict[str, Any]:
    """Some successive weeks: the answers, those to be expected, and how the posts written then fared."""
    n_answers, n_expected = (float(part[begin:end].sum()) for part in (weekly.n_answers, weekly.n_expected))
    written_then = [wait for wait in waits if mondays[begin] <= wait.started_at < mondays[end]]
    return {
        "from": mondays[begin].date().isoformat(),
        "n_answers": round(n_answers),
        "n_answers_expected": rounded(n_expected),
        "answers_per_expected": rounded(n_answers / n_expected),
        "posts_written_then": group_json(written_then) if written_then else None,
    }
