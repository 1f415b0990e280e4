"""How soon may somebody who asks or complains now expect an answer: a median and a range, with its own check.

The waits of the past are weighed: those of the same topic that began at a like hour of a like day count in full. Where
they are few, the wider groups help out with a fixed number of waits each: all of that topic, all of that hour, all of
the community. The Kaplan-Meier curve of the weighed waits gives the answer, so those who were never answered count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from moderation.response_clocks import Wait, calendar_seconds, rounded
from moderation.survival import HORIZONS_SECONDS, TINY, WaitCurve, count_waits, wait_curve

RANGE = (0.1, 0.9)
NOMINAL_COVERAGE = 0.8
HALF_LIFE_DAYS = 365.0
"""A wait that began a year ago counts half."""
BANDWIDTH_HOURS = 3.0
LENT_WAITS = 30.0
"""The most that each wider group adds to the waits of the same topic and hour.

Of 30, 100 and 300 waits, 30 had the smallest error (Brier score over 1 minute to 72 hours) summed over the questions
and complaints of a forum and the complaints of a Twitter sample: trained on the first half of each, measured on the
next fifth, working days told from weekends only. It was 5 % below that of one curve for all; on the forum's complaints
alone it was no better. Bandwidths of 1.5 and 3 hours, and half-lives of 180 and 365 days and none, were within 1 %.
"""
DAY_KINDS = (0, 0, 0, 0, 1, 2, 3)
"""Monday to Thursday are alike; before and in the weekend every day is its own kind."""
MAX_WAITS = 5000
MIN_ANSWERED = 20
"""With fewer answers nothing is promised."""
TRAINED_SHARE = 0.7
MAX_CHECKED, MIN_CHECKED = 500, 20
MAX_SHORTFALL = 0.1
"""Nothing is promised where even the upper end of the coverage seen is this far below the nominal one."""
_BARELY = 1e-9

Kind = Literal["question", "complaint"]
Reason = Literal["too_few_waits", "did_not_hold"]


@dataclass(frozen=True)
class PastWaits:
    """Waits of one kind, the newest 5,000 at most, in time order.

    Attributes
    ----------
    started : shape (n,), seconds since 1970.
    wait_seconds, answered, watched_from_seconds : shape (n,), as for `moderation.survival.count_waits`.
    topic_ids : shape (n,), 0 = unsorted.
    timezone : IANA name, for the hour of the week.
    """

    started: NDArray[np.float64]
    wait_seconds: NDArray[np.float64]
    answered: NDArray[np.bool_]
    watched_from_seconds: NDArray[np.float64]
    topic_ids: NDArray[np.int64]
    timezone: str

    def __len__(self) -> int:
        return len(self.started)

    @cached_property
    def hours(self) -> NDArray[np.float64]:
        """Hours since Monday 00:00 on the wall clock at which each wait began; shape (n,)."""
        zone = ZoneInfo(self.timezone)
        return np.array([hour_of_week(datetime.fromtimestamp(start, UTC), zone) for start in self.started.tolist()])

    def chosen(self, rows: slice | NDArray[np.intp]) -> "PastWaits":
        """Some of the waits."""
        return PastWaits(
            self.started[rows],
            self.wait_seconds[rows],
            self.answered[rows],
            self.watched_from_seconds[rows],
            self.topic_ids[rows],
            self.timezone,
        )

    def as_seen_at(self, moment: float) -> "PastWaits":
        """What was known of these waits, all begun by then, at a moment in seconds since 1970."""
        n_seconds = np.minimum(self.wait_seconds, moment - self.started)
        return replace(
            self,
            wait_seconds=n_seconds,
            answered=self.answered & (self.wait_seconds <= n_seconds),
            watched_from_seconds=np.minimum(self.watched_from_seconds, n_seconds),
        )

    def as_json(self) -> dict[str, Any]:
        """As it is stored; `past_waits_of` reads it."""
        return {
            "started": [rounded(start) for start in self.started.tolist()],
            "wait_seconds": [rounded(seconds) for seconds in self.wait_seconds.tolist()],
            "answered": self.answered.tolist(),
            "watched_from_seconds": [rounded(seconds) for seconds in self.watched_from_seconds.tolist()],
            "topic_ids": self.topic_ids.tolist(),
            "timezone": self.timezone,
        }


def past_waits_of(stored: Mapping[str, Any]) -> PastWaits:
    """What `PastWaits.as_json` wrote."""
    return PastWaits(
        np.array(stored["started"], dtype=np.float64),
        np.array(stored["wait_seconds"], dtype=np.float64),
        np.array(stored["answered"], dtype=bool),
        np.array(stored["watched_from_seconds"], dtype=np.float64),
        np.array(stored["topic_ids"], dtype=np.int64),
        stored["timezone"],
    )


def past_waits(waits: Sequence[Wait], *, topic_of: Sequence[int | None], timezone: str) -> PastWaits:
    """The newest of some waits, given in time order.

    Parameters
    ----------
    topic_of : topic id by row of the corpus, None = unsorted.
    """
    newest = waits[-MAX_WAITS:]
    return PastWaits(
        np.array([wait.started_at.timestamp() for wait in newest], dtype=np.float64),
        np.array([calendar_seconds(wait.started_at, wait.ended_at) for wait in newest], dtype=np.float64),
        np.array([wait.answered for wait in newest], dtype=bool),
        np.array([calendar_seconds(wait.started_at, wait.watched_from) for wait in newest], dtype=np.float64),
        np.array([topic_of[wait.row] or 0 for wait in newest], dtype=np.int64),
        timezone,
    )


def hour_of_week(moment: datetime, zone: ZoneInfo) -> float:
    """Hours since Monday 00:00 on the wall clock, in [0, 168)."""
    local = moment.astimezone(zone)
    return local.weekday() * 24 + local.hour + local.minute / 60


@dataclass(frozen=True)
class Expectation:
    """How soon an answer may be expected.

    Attributes
    ----------
    median_seconds : half are answered by then; None = fewer than half ever are, or `reason`.
    low_seconds, high_seconds : one in ten is answered before the first, one in ten waits longer than the second; None =
        more than one in ten still wait when nobody was watched any longer, or `reason`.
    answered_within : by "1h", "4h", "24h", "72h"; empty with a `reason`.
    n_waits, n_same_topic, n_same_hour : past waits in all, of the topic, and within three hours on such a day.
    reason : why nothing is promised; None = it is.
    """

    median_seconds: float | None
    low_seconds: float | None
    high_seconds: float | None
    answered_within: Mapping[str, float]
    n_waits: int
    n_same_topic: int
    n_same_hour: int
    reason: Reason | None


@dataclass(frozen=True)
class Check:
    """How often the range was right for later waits, known only up to the moment before them.

    Attributes
    ----------
    n_trained, n_checked : the earlier waits that the ranges came from, and the later ones that they were held against.
    nominal : the share that should lie within: 0.8, and 0.9 for those whose range has no end; None as `coverage`.
    coverage, low, high : the share of the later waits within their range with its Wilson interval; None where there
        were too few.
    """

    n_trained: int
    n_checked: int
    nominal: float | None
    coverage: float | None
    low: float | None
    high: float | None

    @property
    def held(self) -> bool:
        """Whether the range may be promised: not unless it was refuted."""
        return self.high is None or self.nominal is None or self.high >= self.nominal - MAX_SHORTFALL


def expect_reply(past: PastWaits, check: Check, *, hour: float | None, topic_id: int | None) -> Expectation:
    """Say how soon an answer may be expected.

    Parameters
    ----------
    hour : when the post is written, as `hour_of_week` counts; None = at any hour.
    topic_id : None = of any topic. A topic without past waits is taken as any.
    """
    is_same_topic, nearness = _same_topic(past, topic_id), _nearness(past, hour)
    counts = len(past), int(is_same_topic.sum()), int((nearness >= np.exp(-0.5)).sum())
    reason: Reason | None = None
    if past.answered.sum() < MIN_ANSWERED:
        reason = "too_few_waits"
    elif not check.held:
        reason = "did_not_hold"
    if reason is not None:
        return Expectation(None, None, None, {}, *counts, reason)
    curve = _curve(past, _weights(past, is_same_topic, nearness, now=float((past.started + past.wait_seconds).max())))
    low, high = (curve.answered_by(share) for share in RANGE)
    within = {name: curve.answered_within(seconds).share for name, seconds in HORIZONS_SECONDS.items()}
    return Expectation(curve.answered_by(0.5), low, high, within, *counts, None)


def _same_topic(past: PastWaits, topic_id: int | None) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = past.topic_ids == (topic_id or -1)
    return same if same.any() else np.ones(len(past), dtype=bool)


def _nearness(past: PastWaits, hour: float | None) -> NDArray[np.float64]:
    """How alike the hours of the week are: 1 for the same hour of such a day, 0 for another kind of day."""
    if hour is None:
        return np.ones(len(past))
    apart = np.abs(past.hours - hour) % 24
    apart = np.minimum(apart, 24 - apart)
    kinds = np.array(DAY_KINDS)
    is_alike = kinds[(past.hours // 24).astype(np.intp)] == kinds[int(hour // 24)]
    return np.where(is_alike, np.exp(-0.5 * (apart / BANDWIDTH_HOURS) ** 2), 0.0)


def _weights(
    past: PastWaits, is_same_topic: NDArray[np.bool_], nearness: NDArray[np.float64], *, now: float
) -> NDArray[np.float64]:
    """What each wait counts for; the wider groups lend `LENT_WAITS` waits each, or all that they have."""
    recency = 0.5 ** ((now - past.started) / (HALF_LIFE_DAYS * 24 * 3600))
    weights = recency * nearness * is_same_topic
    groups = [np.ones(len(past))]
    if (nearness < 1).any() and not is_same_topic.all():
        groups += [nearness, is_same_topic.astype(np.float64)]
    for group in groups:
        mass = float((recency * group).sum())
        if mass > 0:
            weights = weights + recency * group * min(1.0, LENT_WAITS / mass)
    return np.maximum(weights, TINY)


def _curve(past: PastWaits, weights: NDArray[np.float64]) -> WaitCurve:
    return wait_curve(
        count_waits(past.wait_seconds, past.answered, watched_from_seconds=past.watched_from_seconds, weights=weights)
    )


def check_expectations(past: PastWaits) -> Check:
    """Hold the ranges that the first 70 % of the waits give against at most 500 of the later ones, evenly spread.

    A later wait that is still open within its range counts for as long as it was watched: its place in its own range is
    right-censored, and the share within is read off a Kaplan-Meier curve over places.
    """
    past = past.chosen(np.flatnonzero(past.watched_from_seconds == 0))
    n_trained = int(len(past) * TRAINED_SHARE)
    n_later = len(past) - n_trained
    if n_later < MIN_CHECKED:
        return Check(n_trained, n_later, None, None, None, None)
    cut = float(past.started[n_trained])
    known = past.chosen(slice(0, n_trained)).as_seen_at(cut)
    if known.answered.sum() < MIN_ANSWERED:
        return Check(n_trained, n_later, None, None, None, None)
    picked = np.linspace(n_trained, len(past) - 1, min(n_later, MAX_CHECKED)).round().astype(np.intp)
    later = past.chosen(picked)
    placed = [_place(known, later, row, cut) for row in range(len(later))]
    places, is_known, nominal = zip(*placed, strict=True)
    if sum(is_known) < MIN_CHECKED:
        return Check(n_trained, sum(is_known), None, None, None, None)
    curve = wait_curve(count_waits(places, is_known))
    below, up_to_above = (curve.answered_within(place).share for place in (RANGE[0] - _BARELY, RANGE[1]))
    coverage = min(max(up_to_above - below, 0.0), 1.0)
    interval = stats.binomtest(round(coverage * sum(is_known)), sum(is_known)).proportion_ci(method="wilson")
    expected = float(np.mean(nominal))
    return Check(n_trained, sum(is_known), expected, coverage, float(interval.low), float(interval.high))


def _place(known: PastWaits, later: PastWaits, row: int, cut: float) -> tuple[float, bool, float]:
    """Where in its own range a later wait ended, whether that is known, and the share that such a range should hold."""
    topic_id, waited = int(later.topic_ids[row]), float(later.wait_seconds[row])
    weights = _weights(known, _same_topic(known, topic_id), _nearness(known, float(later.hours[row])), now=cut)
    curve = _curve(known, weights)
    low, high = (curve.answered_by(share) for share in RANGE)
    at = int(np.searchsorted(curve.seconds, waited, side="right")) - 1
    share = float(1 - curve.waiting[at])
    nominal = NOMINAL_COVERAGE if high is not None else 1 - RANGE[0]
    if low is None or waited < low:
        return min(share, RANGE[0] - 2 * _BARELY), bool(later.answered[row]), nominal
    if high is not None and waited > high:
        return (RANGE[1] + 1) / 2, True, nominal
    inside = min(max(share, RANGE[0]), RANGE[1])
    return inside, bool(later.answered[row]) or high is None, nominal


MOMENTS = {
    "weekday_morning": 10.0,
    "weekday_evening": 20.0,
    "saturday": 5 * 24 + 12.0,
    "sunday": 6 * 24 + 12.0,
}
"""Hours of the week that the report gives examples for; Monday stands for Monday to Thursday."""
MIN_OF_TOPIC = 10


def expected_reply_json(past: PastWaits) -> dict[str, Any]:
    """What may be expected at any hour, of each topic and at some moments; with the check."""
    check = check_expectations(past)
    topics = [int(topic) for topic in np.unique(past.topic_ids) if topic]
    large = [topic for topic in topics if (past.topic_ids == topic).sum() >= MIN_OF_TOPIC]
    return {
        **expectation_json(expect_reply(past, check, hour=None, topic_id=None)),
        "check": check_json(check),
        "by_topic": [
            {"topic_id": topic, **expectation_json(expect_reply(past, check, hour=None, topic_id=topic))}
            for topic in large
        ],
        "by_moment": {
            name: expectation_json(expect_reply(past, check, hour=hour, topic_id=None))
            for name, hour in MOMENTS.items()
        },
    }


def expectation_json(expected: Expectation) -> dict[str, Any]:
    """As the files and the API give it."""
    return {
        "n_waits": expected.n_waits,
        "n_same_topic": expected.n_same_topic,
        "n_same_hour": expected.n_same_hour,
        "median_seconds": rounded(expected.median_seconds),
        "range_seconds": [rounded(expected.low_seconds), rounded(expected.high_seconds)],
        "answered_within": {name: rounded(share) for name, share in expected.answered_within.items()},
        "reason": expected.reason,
    }


def check_json(check: Check) -> dict[str, Any]:
    """As the files and the API give it."""
    is_known = check.coverage is not None
    return {
        "n_trained": check.n_trained,
        "n_checked": check.n_checked,
        "nominal": rounded(check.nominal),
        "coverage": rounded(check.coverage),
        "coverage_ci": [rounded(check.low), rounded(check.high)] if is_known else None,
        "reason": None if is_known else "too few later waits to check against",
    }


def check_of(stored: Mapping[str, Any]) -> Check:
    """What `check_json` wrote."""
    low, high = stored["coverage_ci"] or (None, None)
    return Check(stored["n_trained"], stored["n_checked"], stored["nominal"], stored["coverage"], low, high)
