"""The figures of one clock: how long episodes wait for one kind of reply, with those that still wait counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import nextafter
from typing import Any, overload

from moderation.competing_risks import cumulative_incidence
from moderation.config import Community
from moderation.opening_hours import OpenStretches, open_stretches
from moderation.survival import HORIZONS_SECONDS, WaitCounts, WaitCurve, count_waits, wait_curve
from moderation.wait_tests import LogRank

Measure = Callable[[datetime, datetime], float]
"""Seconds from one moment to another, by the calendar or by the opening hours."""

OUTCOMES = ("answered", "deleted", "locked")


@dataclass(frozen=True)
class Wait:
    """A wait from a start until an answer, or until it was no longer watched.

    Attributes
    ----------
    code : why it was no longer watched ("end", "deleted" or "locked"); None = it was answered.
    watched_from : from when it was watched: later than its start where it came along only because it was still open.
    row : of the post that waits.
    """

    started_at: datetime
    ended_at: datetime
    answered: bool
    code: str | None
    watched_from: datetime
    row: int

    @property
    def was_watched(self) -> bool:
        """Whether any of it fell in the time under watch."""
        return self.ended_at > self.watched_from or self.watched_from == self.started_at


def calendar_seconds(start: datetime, end: datetime) -> float:
    """Seconds from one moment to another, nights and weekends included."""
    return (end - start).total_seconds()


def counts_of(waits: Sequence[Wait], measure: Measure = calendar_seconds) -> WaitCounts:
    """The counts that a curve and a test are made of; at least one wait."""
    seconds = [measure(wait.started_at, wait.ended_at) for wait in waits]
    # Where the organisation was closed all the while, watching began and ended at the same opening second.
    entered = [
        min(measure(wait.started_at, wait.watched_from), nextafter(until, 0.0))
        for wait, until in zip(waits, seconds, strict=True)
    ]
    return count_waits(seconds, [wait.answered for wait in waits], watched_from_seconds=entered)


def clock_json(waits: Sequence[Wait], measure: Measure = calendar_seconds) -> dict[str, Any]:
    """The figures of one clock; every null has a reason beside it."""
    counts = {
        "n": len(waits),
        "n_answered": sum(wait.answered for wait in waits),
        "n_open": sum(wait.code == "end" for wait in waits),
        "n_deleted": sum(wait.code == "deleted" for wait in waits),
        "n_locked": sum(wait.code == "locked" for wait in waits),
        "n_watched_late": sum(wait.watched_from > wait.started_at for wait in waits),
    }
    if not waits:
        return {**counts, **_no_figures(), "reason": "no negative episodes with a known author"}
    return {**counts, **_figures(wait_curve(counts_of(waits, measure))), "reason": None}


def business_clock_json(waits: Sequence[Wait], community: Community, end_at: datetime) -> dict[str, Any]:
    """The same with the clock standing still outside opening hours and on public holidays."""
    stretches = _opening_hours(community, waits, end_at)
    if stretches is None:
        return {**clock_json([]), "reason": "the community has no opening hours"}
    return clock_json(waits, stretches.seconds_between)


def _opening_hours(community: Community, waits: Sequence[Wait], end_at: datetime) -> OpenStretches | None:
    if not community.opening_hours:
        return None
    return open_stretches(
        community.opening_hours,
        timezone=community.timezone,
        holidays=community.holidays,
        first=min((wait.started_at for wait in waits), default=end_at),
        last=end_at,
    )


def outcomes_json(waits: Sequence[Wait]) -> dict[str, Any]:
    """What became of the waits within each time: answered, deleted or locked unanswered; the rest still waits.

    Unlike a clock it takes deletion and locking for what they are, an end without an answer.
    """
    watched = [wait for wait in waits if wait.watched_from == wait.started_at]
    if not watched:
        nothing = {outcome: {"within": dict.fromkeys(HORIZONS_SECONDS), "within_ci": None} for outcome in OUTCOMES}
        return {"n": 0, **nothing, "reason": "no negative episodes that were watched from their start"}
    codes = {None: 1, "deleted": 2, "locked": 3, "end": 0}
    found = cumulative_incidence(
        [calendar_seconds(wait.started_at, wait.ended_at) for wait in watched],
        [codes[wait.code] for wait in watched],
        n_endings=len(OUTCOMES),
    )
    said: dict[str, Any] = {"n": len(watched), "reason": None}
    for outcome, incidence in zip(OUTCOMES, found, strict=True):
        shares = {name: incidence.within(seconds) for name, seconds in HORIZONS_SECONDS.items()}
        said[outcome] = {
            "within": {name: rounded(share.share) for name, share in shares.items()},
            "within_ci": {name: [rounded(share.low), rounded(share.high)] for name, share in shares.items()},
        }
    return said


def group_json(waits: Sequence[Wait]) -> dict[str, Any]:
    """The few figures by which groups are set side by side; at least one wait."""
    curve = wait_curve(counts_of(waits))
    within = curve.answered_within(HORIZONS_SECONDS["72h"])
    return {
        "n": len(waits),
        "n_answered": sum(wait.answered for wait in waits),
        "median_seconds": rounded(curve.median().seconds),
        "answered_within_72h": rounded(within.share),
        "answered_within_72h_ci": [rounded(within.low), rounded(within.high)],
    }


def _no_figures() -> dict[str, Any]:
    return {
        "median_seconds": None,
        "median_ci": None,
        "answered_within": dict.fromkeys(HORIZONS_SECONDS),
        "answered_within_ci": dict.fromkeys(HORIZONS_SECONDS),
        "restricted_mean_seconds": None,
        "restricted_to_seconds": None,
        "longest_wait_seconds": None,
        "curve": [],
    }


def _figures(curve: WaitCurve) -> dict[str, Any]:
    median = curve.median()
    within = {name: curve.answered_within(seconds) for name, seconds in HORIZONS_SECONDS.items()}
    restricted_to, restricted_mean = _restricted_mean(curve)
    return {
        "median_seconds": rounded(median.seconds),
        "median_ci": [rounded(median.low), rounded(median.high)],
        "median_reason": _median_reason(median.seconds, median.low, median.high),
        "answered_within": {name: rounded(share.share) for name, share in within.items()},
        "answered_within_ci": {name: [rounded(share.low), rounded(share.high)] for name, share in within.items()},
        "answered_within_reason": _beyond_reason(curve),
        "restricted_mean_seconds": rounded(restricted_mean),
        "restricted_to_seconds": restricted_to,
        "restricted_mean_reason": "no wait was watched for an hour" if restricted_mean is None else None,
        "longest_wait_seconds": rounded(curve.longest_wait_seconds),
        "curve": [[rounded(number) for number in point] for point in curve.points()],
    }


def _restricted_mean(curve: WaitCurve) -> tuple[float | None, float | None]:
    """The longest of the usual times for which the mean is known, and the mean wait cut off there."""
    for until in sorted(HORIZONS_SECONDS.values(), reverse=True):
        mean = curve.restricted_mean_seconds(until)
        if mean is not None:
            return until, mean
    return None, None


def _median_reason(seconds: float | None, low: float | None, high: float | None) -> str | None:
    if seconds is None:
        return "fewer than half had been answered when they were last watched"
    if low is None or high is None:
        return "too few answers to bound the median on both sides"
    return None


def _beyond_reason(curve: WaitCurve) -> str | None:
    """Say which shares are only a lower bound, because nobody who still waits was watched for so long."""
    beyond = [name for name, seconds in HORIZONS_SECONDS.items() if seconds > curve.longest_wait_seconds]
    if not beyond or curve.waiting[-1] == 0:
        return None
    return f"at least, for {', '.join(beyond)}: no open wait was watched that long"


def logrank_json(test: LogRank | None, reason: str) -> dict[str, Any]:
    """A test as the files give it; `reason` says why there is none."""
    if test is None:
        return {"statistic": None, "p": None, "n_degrees": None, "reason": reason}
    return {"statistic": rounded(test.statistic), "p": rounded(test.p), "n_degrees": test.n_degrees, "reason": None}


def iso(moment: datetime) -> str:
    """A moment as the files write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@overload
def rounded(number: float) -> float: ...
@overload
def rounded(number: None) -> None: ...
@overload
def rounded(number: float | None) -> float | None: ...
def rounded(number: float | None) -> float | None:
    """A figure as the files give it, at six digits."""
    return None if number is None else round(float(number), 6)
