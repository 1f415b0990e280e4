"""What goes first in the queue, and why, in words. Pure functions; docs/queue.md has the formula for people.

Points are a sum: how likely and how serious the strongest reason is, a little for a reason in a second lane, how many
people it reaches, and how long it waits. The last grows for all items alike, so the order of two items never changes
while nothing happens to them: the rank that is stored holds the points less those of waiting since one fixed moment.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moderation.reports.wording import Wording, read_moment

SEVERITY_POINTS: Mapping[str, int] = {
    "toxic": 100,
    "negative_wom": 90,
    "spam": 80,
    "unanswered_question": 70,
    "off_purpose": 40,
    "off_thread": 30,
    "other_space": 30,
}
"""Points of a reason that is certain: what hurts people while it stands, then who waits, then what is out of place."""
PART_OF_EPISODE = 0.4
"""What is left of a complaint that joins an earlier one: the answer to the first is an answer to it."""
OTHER_LANE = 0.1
"""What the strongest reason of another lane adds. Reasons are read from one text and rise together, so they do not add
up; within a lane only the strongest counts."""
AMPLIFIER_REPLIES, LIKE_REPLIES = 2.0, 0.2
"""What one more person who says the same, and one like, count for in replies; an amplifying post is a reply as well."""
REACH_POINTS_PER_DOUBLING = 4
MAX_REACH_POINTS = 20
POINTS_PER_DAY = 10
"""A day of waiting; 30 points, about a serious reason over a light one, are made up in three."""
HEAD_START = timedelta(hours=24)
"""A post that was older when it was flagged (an import) counts as if it had waited so long and no longer."""
ORIGIN = datetime(2020, 1, 1, tzinfo=UTC)

_EARLIER_EPISODE = "part of an earlier one"
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Reach:
    """How many people a post has reached, as far as they showed it."""

    n_replies: int
    n_amplifiers: int
    likes: int


def waits_since(posted_at: datetime, opened_at: datetime) -> datetime:
    """From when the wait counts: when it was posted, but at most `HEAD_START` before it came into the queue."""
    return min(max(posted_at, opened_at - HEAD_START), opened_at)


def rate_item(
    reasons: Sequence[Mapping[str, Any]], reach: Reach, *, posted_at: datetime, since: datetime
) -> dict[str, Any]:
    """Work out the parts of an item's priority, ready to be stored as JSON.

    Parameters
    ----------
    reasons : the open ones, at least one; each with "lane", "reason", "probability" and "evidence".
    since : see `waits_since`.

    Returns
    -------
    The strongest reason, the strongest of the other lanes or None, the reach, and the points without those for waiting.
    """
    rated = sorted((_rate_reason(reason) for reason in reasons), key=lambda part: (-part["points"], part["reason"]))
    strongest = rated[0]
    other = next((part for part in rated if part["lane"] != strongest["lane"]), None)
    of_reach = reach_points(reach)
    points = strongest["points"] + (OTHER_LANE * other["points"] if other else 0.0) + of_reach
    return {
        "strongest": strongest,
        "other_lane": other,
        "n_replies": reach.n_replies,
        "n_amplifiers": reach.n_amplifiers,
        "likes": reach.likes,
        "reach_points": of_reach,
        "points": round(points, 6),
        "posted_at": posted_at.astimezone(UTC).isoformat(),
        "waits_since": since.astimezone(UTC).isoformat(),
    }


def rank(parts: Mapping[str, Any]) -> float:
    """What the queue is ordered by, highest first; the same at every moment."""
    return round(float(parts["points"]) - _waiting_points(ORIGIN, read_moment(parts["waits_since"])), 6)


def points_at(parts: Mapping[str, Any], now: datetime) -> float:
    """The points that people see: those of `rank`, and for the wait until now."""
    return round(float(parts["points"]) + _waiting_points(read_moment(parts["waits_since"]), now), 6)


def explain(parts: Mapping[str, Any], *, now: datetime, language: str) -> str:
    """Why an item stands where it stands, in one line made of the same figures.

    Parameters
    ----------
    language : "nl" or "en".
    """
    wording, words = Wording(language, "UTC"), _WORDS[language]
    told = [_tell_reason(parts["strongest"], wording, words["reason"])]
    if parts["strongest"]["is_part_of_earlier"]:
        told.append(words["part"].format(share=wording.number(PART_OF_EPISODE, decimals=1)))
    if parts["other_lane"] is not None:
        told.append(_tell_reason(parts["other_lane"], wording, words["also"]))
    for key in ("n_replies", "n_amplifiers", "likes"):
        if parts[key]:
            form = words[key] if parts[key] == 1 else words[f"{key}_many"]
            told.append(form.format(n=wording.number(parts[key])))
    told.append(_tell_wait(parts, now, wording))
    return "; ".join(told)


def _rate_reason(reason: Mapping[str, Any]) -> dict[str, Any]:
    is_part = reason["evidence"].get("episode") == _EARLIER_EPISODE
    severity = SEVERITY_POINTS[reason["reason"]] * (PART_OF_EPISODE if is_part else 1.0)
    return {
        "lane": reason["lane"],
        "reason": reason["reason"],
        "probability": reason["probability"],
        "is_part_of_earlier": is_part,
        "points": round(severity * reason["probability"], 6),
    }


def reach_points(reach: Reach) -> float:
    """Points for how many people something has reached, 0 to `MAX_REACH_POINTS`."""
    n_people = reach.n_replies + AMPLIFIER_REPLIES * reach.n_amplifiers + LIKE_REPLIES * max(reach.likes, 0)
    return round(min(REACH_POINTS_PER_DOUBLING * math.log2(1 + n_people), MAX_REACH_POINTS), 6)


def _waiting_points(since: datetime, until: datetime) -> float:
    return POINTS_PER_DAY * ((until - since) / _DAY)


def _tell_reason(part: Mapping[str, Any], wording: Wording, form: str) -> str:
    what = _WORDS[wording.language][part["reason"]]
    return form.format(p=wording.share(part["probability"]), what=what)


def _tell_wait(parts: Mapping[str, Any], now: datetime, wording: Wording) -> str:
    posted_at, since = read_moment(parts["posted_at"]), read_moment(parts["waits_since"])
    form = _WORDS[wording.language]["waits" if posted_at >= since else "waits_capped"]
    waited, counted = ((now - start).total_seconds() for start in (posted_at, since))
    return form.format(duration=wording.duration(max(waited, 0)), counted=wording.duration(max(counted, 0)))


_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "reason": "{p} chance that {what}",
        "also": "also {p} chance that {what}",
        "part": "joins an earlier complaint, which counts for {share}",
        "n_replies": "{n} reply",
        "n_replies_many": "{n} replies",
        "n_amplifiers": "{n} other says the same",
        "n_amplifiers_many": "{n} others say the same",
        "likes": "{n} like",
        "likes_many": "{n} likes",
        "waits": "waiting {duration}",
        "waits_capped": "waiting {duration}, counted as {counted}",
        "toxic": "this is an insult or a threat",
        "negative_wom": "the writer is unhappy about the organisation",
        "spam": "this is advertising or a scam",
        "unanswered_question": "this is a question, still unanswered",
        "off_purpose": "this does not belong in this community",
        "off_thread": "this is not about its thread",
        "other_space": "this fits another space better",
    },
    "nl": {
        "reason": "{p} kans dat {what}",
        "also": "ook {p} kans dat {what}",
        "part": "sluit aan bij een eerdere klacht en telt voor {share}",
        "n_replies": "{n} reactie",
        "n_replies_many": "{n} reacties",
        "n_amplifiers": "{n} ander zegt hetzelfde",
        "n_amplifiers_many": "{n} anderen zeggen hetzelfde",
        "likes": "{n} like",
        "likes_many": "{n} likes",
        "waits": "wacht {duration}",
        "waits_capped": "wacht {duration}, telt als {counted}",
        "toxic": "dit een belediging of bedreiging is",
        "negative_wom": "de schrijver ontevreden is over de organisatie",
        "spam": "dit reclame of oplichting is",
        "unanswered_question": "dit een vraag is, nog zonder antwoord",
        "off_purpose": "dit niet in deze community hoort",
        "off_thread": "dit niet over het gesprek gaat",
        "other_space": "dit beter in een andere ruimte past",
    },
}
