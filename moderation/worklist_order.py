"""Who is to be answered first, and why, in words. Pure functions; docs/queue.md has the formula for people.

The points are those of the queue (how likely, how far it reaches, how long it waits) and what research on complaints in
brand communities finds to make harm spread: a strong tone, others who join in fast, a writer who is new here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from moderation.priority import SEVERITY_POINTS, Reach, reach_points, waits_since
from moderation.reports.wording import Wording, read_moment

SIGNAL_OF: Mapping[str, str] = {"episode": "negative_wom", "question": "unanswered_question"}
TONE_POINTS = 20
POINTS_PER_JOINED, MAX_SPREAD_POINTS = 5, 20
NEWCOMER_POINTS = 10
NEWCOMER_POSTS = 3
"""A writer with fewer posts before this one is new here.

All weights are choices, as the severities of the queue are: they say what people should see first.
"""


@dataclass(frozen=True)
class OpenWait:
    """An open episode or question with what its place in the list depends on.

    Attributes
    ----------
    p : that it is a complaint, or a question; in [0, 1].
    tone_strength : in [0, 1]; None = not known, which adds nothing.
    n_joined_within_a_day : the most members who joined in within 24 hours.
    n_earlier_posts : by the writer, before it, counted up to `NEWCOMER_POSTS`; None = unknown author.
    first_seen_at : when the service first saw it; without one, the end of the data.
    """

    kind: Literal["episode", "question"]
    post_id: str
    started_at: datetime
    first_seen_at: datetime
    p: float
    tone_strength: float | None
    reach: Reach
    n_joined_within_a_day: int
    n_earlier_posts: int | None


def rate_wait(wait: OpenWait) -> dict[str, Any]:
    """The parts of the points, ready to be written as JSON; `moderation.priority.rank` and `points_at` read them."""
    is_newcomer = None if wait.n_earlier_posts is None else wait.n_earlier_posts < NEWCOMER_POSTS
    of_kind = round(SEVERITY_POINTS[SIGNAL_OF[wait.kind]] * wait.p, 6)
    of_tone = round(TONE_POINTS * (wait.tone_strength or 0.0), 6)
    of_reach = reach_points(wait.reach)
    of_spread = float(min(POINTS_PER_JOINED * wait.n_joined_within_a_day, MAX_SPREAD_POINTS))
    of_newcomer = float(NEWCOMER_POINTS * bool(is_newcomer))
    return {
        "kind": wait.kind,
        "p": wait.p,
        "kind_points": of_kind,
        "tone_strength": wait.tone_strength,
        "tone_points": of_tone,
        "n_replies": wait.reach.n_replies,
        "n_amplifiers": wait.reach.n_amplifiers,
        "likes": wait.reach.likes,
        "reach_points": of_reach,
        "n_joined_within_a_day": wait.n_joined_within_a_day,
        "spread_points": of_spread,
        "is_newcomer": is_newcomer,
        "newcomer_points": of_newcomer,
        "points": round(of_kind + of_tone + of_reach + of_spread + of_newcomer, 6),
        "posted_at": wait.started_at.astimezone(UTC).isoformat(),
        "waits_since": waits_since(wait.started_at, wait.first_seen_at).astimezone(UTC).isoformat(),
    }


def explain_wait(parts: Mapping[str, Any], *, now: datetime, language: str) -> str:
    """Why somebody stands where they stand, in one line made of the same figures.

    Parameters
    ----------
    language : "nl" or "en".
    """
    wording, words = Wording(language, "UTC"), _WORDS[language]
    told = [words[parts["kind"]].format(p=wording.share(parts["p"]))]
    if parts["tone_strength"] is not None and parts["tone_strength"] >= STRONG_TONE:
        told.append(words["tone"])
    if parts["n_joined_within_a_day"]:
        told.append(_counted(words, "joined", parts["n_joined_within_a_day"], wording))
    told += [_counted(words, key, parts[key], wording) for key in ("n_replies", "likes") if parts[key]]
    if parts["is_newcomer"]:
        told.append(words["newcomer"])
    waited_seconds = max((now - read_moment(parts["posted_at"])).total_seconds(), 0)
    told.append(words["waits"].format(duration=wording.duration(waited_seconds)))
    return "; ".join(told)


STRONG_TONE = 0.6
"""From here the line says so: more negative than not, and loud in at least one way."""


def _counted(words: Mapping[str, str], key: str, n: int, wording: Wording) -> str:
    return words[key if n == 1 else f"{key}_many"].format(n=wording.number(n))


_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "episode": "{p} chance that the writer is unhappy about the organisation",
        "question": "{p} chance that this is a question",
        "tone": "strong words",
        "joined": "{n} other joined in within a day",
        "joined_many": "{n} others joined in within a day",
        "n_replies": "{n} reply",
        "n_replies_many": "{n} replies",
        "likes": "{n} like",
        "likes_many": "{n} likes",
        "newcomer": "the writer is new here",
        "waits": "waiting {duration}",
    },
    "nl": {
        "episode": "{p} kans dat de schrijver ontevreden is over de organisatie",
        "question": "{p} kans dat dit een vraag is",
        "tone": "felle woorden",
        "joined": "{n} ander sloot zich binnen een dag aan",
        "joined_many": "{n} anderen sloten zich binnen een dag aan",
        "n_replies": "{n} reactie",
        "n_replies_many": "{n} reacties",
        "likes": "{n} like",
        "likes_many": "{n} likes",
        "newcomer": "de schrijver is hier nieuw",
        "waits": "wacht {duration}",
    },
}
