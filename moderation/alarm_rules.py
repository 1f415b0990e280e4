"""When an alarm is raised and when its cause has ended, for the episodes of some threads and for the drift report."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.alarms import AlarmKind, close_alarm, open_alarms, raise_alarm
from moderation.communities import community_of
from moderation.config import Community
from moderation.corpus import Corpus
from moderation.flag_rows import standing_decisions
from moderation.opening_hours import OpenStretches, open_stretches
from moderation.reports.wording import read_moment
from moderation.tables import AlarmRow, CommunityRow, DecisionRow, PostRow

SPREADS_WITHIN = timedelta(hours=24)
RECENT = timedelta(days=14)
"""No alarm for a complaint that is older: whoever loads the posts of years would get one for each that nobody
answered. It stands in the list of those who wait all the same.
"""
TARGET_OPEN_HOURS, TARGET_CALENDAR_HOURS = 8.0, 24.0
"""One working day, or one day where no opening hours are known."""

TOPIC, EMERGING = "topic ", "emerging "
"""How the causes of alarms about topics begin: the id of the topic follows, or the moment of the first post."""
MOSTLY = 0.5
"""A new subject is a cause for alarm when at least half of its posts are unhappy."""

EPISODE_KINDS: tuple[AlarmKind, ...] = ("amplified", "past_target")
SETTLING_ACTIONS = ("disagree", "answered_elsewhere")
"""What a moderator does in the answer lane that says that nobody waits."""

QUIET, ANSWERED, CORRECTED, SETTLED, GONE = (
    "quiet",
    "answered",
    "corrected",
    "settled by a moderator",
    "no longer holds",
)


@dataclass(frozen=True)
class Cause:
    """That an alarm is due: what it rests on and since when; or, without evidence, why there is none any more."""

    evidence: Mapping[str, Any] | None
    since: datetime | None
    ended: str | None


def watch_episodes(
    session: Session, community: CommunityRow, corpus: Corpus, waits: Mapping[str, Any], *, now: datetime
) -> None:
    """Raise and close the alarms about the episodes of some whole threads.

    Parameters
    ----------
    corpus, waits : the threads, and what `moderation.response_times.who_waits` says of them.
    """
    known = [alarm for alarm in open_alarms(session, community.id) if alarm.kind in EPISODE_KINDS]
    open_of = {(alarm.kind, alarm.cause): alarm for alarm in known if alarm.evidence["thread_id"] in corpus.threads}
    episodes = {episode["id"]: episode for episode in waits["episodes"]}
    settled = settled_posts(session, community.id, episodes)
    settings = community_of(community)
    clock = TargetClock.of(settings, now)
    for episode in episodes.values():
        is_known = ("past_target", episode["id"]) in open_of
        causes: dict[AlarmKind, Cause] = {
            "amplified": _spreading(corpus, episode, settings.alarm_authors, now),
            "past_target": Cause(None, None, SETTLED)
            if episode["id"] in settled
            else _waiting(episode, clock, is_known=is_known),
        }
        for kind, cause in causes.items():
            alarm = open_of.pop((kind, episode["id"]), None)
            _bring_in_line(session, community.id, (kind, episode["id"]), cause, alarm, now=now)
    for alarm in open_of.values():
        close_alarm(session, alarm, reason=GONE, now=now)


def watch_drift(session: Session, community_id: int, drift: Mapping[str, Any], *, now: datetime) -> None:
    """Raise an alarm for each topic of the drift report that turned negative; close those of which it says so no more.

    Parameters
    ----------
    drift : the contents of drift.json.
    """
    causes = {
        f"{TOPIC}{line['topic_id']}": Cause(_topic_evidence(line), read_moment(line["since"]), None)
        for line in drift["lines"]
        if line["kind"] == "negative_share" and line["to"] > line["from"] and line["topic_id"] is not None
    }
    _keep_only(session, community_id, TOPIC, causes, now=now)


def watch_emergence(session: Session, community_id: int, emerging: Mapping[str, Any], *, now: datetime) -> None:
    """Raise an alarm for each new subject that is mostly unhappy; close those that are not found any more.

    Parameters
    ----------
    emerging : `slow` and `fast` as `moderation.emergence` finds them.
    """
    causes = {
        f"{EMERGING}{found['since']}": Cause(_emergence_evidence(found), read_moment(found["since"]), None)
        for found in (*emerging["slow"], *emerging["fast"])
        if found["negative_share"] is not None and found["negative_share"] >= MOSTLY
    }
    _keep_only(session, community_id, EMERGING, causes, now=now)


def _topic_evidence(line: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("topic_id", "from", "to", "n_posts", "n_authors")
    return {**{name: line[name] for name in kept}, "post_ids": line["exemplar_ids"]}


def _emergence_evidence(found: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("topic_id", "post_ids", "n_posts", "n_authors", "negative_share")
    return {name: found[name] for name in kept}


def _keep_only(session: Session, community_id: int, prefix: str, causes: Mapping[str, Cause], *, now: datetime) -> None:
    """Raise the alarms of these causes, and close the others whose cause begins alike."""
    for cause, found in causes.items():
        _bring_in_line(session, community_id, ("negative_topic", cause), found, None, now=now)
    for alarm in open_alarms(session, community_id):
        if alarm.kind == "negative_topic" and alarm.cause.startswith(prefix) and alarm.cause not in causes:
            close_alarm(session, alarm, reason=GONE, now=now)


def settled_posts(session: Session, community_id: int, post_ids: Collection[str]) -> set[str]:
    """Posts of which a moderator said, at the revision that they have now, that nobody waits there."""
    statement = standing_decisions(
        DecisionRow.community_id == community_id,
        DecisionRow.post_id.in_(sorted(post_ids)),
        DecisionRow.lane == "answer",
        DecisionRow.action.in_(SETTLING_ACTIONS),
    )
    decided = {(decision.post_id, decision.revision) for decision, _ in session.execute(statement)}
    posts = select(PostRow.id, PostRow.revision).where(
        PostRow.community_id == community_id, PostRow.id.in_(sorted(post_ids))
    )
    return {post_id for post_id, revision in session.execute(posts) if (post_id, revision) in decided}


@dataclass(frozen=True)
class TargetClock:
    """How long an unhappy member may wait; outside opening hours, where there are any, the clock rests.

    Attributes
    ----------
    target_seconds : of opening time, or of any time where no opening hours are known.
    stretches : of the last `RECENT` days; None = no opening hours are known.
    """

    target_seconds: float
    stretches: OpenStretches | None
    now: datetime

    @classmethod
    def of(cls, community: Community, now: datetime) -> "TargetClock":
        """The clock of a community at a moment."""
        default = TARGET_OPEN_HOURS if community.opening_hours else TARGET_CALENDAR_HOURS
        hours = default if community.target_hours is None else community.target_hours
        stretches = None
        if community.opening_hours:
            stretches = open_stretches(
                community.opening_hours,
                timezone=community.timezone,
                holidays=community.holidays,
                first=now - RECENT,
                last=now,
            )
        return cls(3600 * hours, stretches, now)

    def is_past(self, since: datetime) -> bool:
        """Whether somebody who has waited since then, at most `RECENT` days, should have had an answer."""
        if self.stretches is None:
            return (self.now - since).total_seconds() >= self.target_seconds
        return self.stretches.seconds_between(since, self.now) >= self.target_seconds


def _bring_in_line(
    session: Session,
    community_id: int,
    key: tuple[AlarmKind, str],
    cause: Cause,
    alarm: AlarmRow | None,
    *,
    now: datetime,
) -> None:
    if cause.evidence is not None and cause.since is not None:
        raise_alarm(session, community_id, *key, evidence=cause.evidence, since=cause.since, now=now)
    elif alarm is not None:
        close_alarm(session, alarm, reason=cause.ended or GONE, now=now)


def _spreading(corpus: Corpus, episode: Mapping[str, Any], n_wanted: int, now: datetime) -> Cause:
    """Whether enough members joined in within the last day, and the episode has not ended."""
    if episode["corrected"] is not None:
        return Cause(None, None, CORRECTED)
    if episode["censored"] in ("deleted", "locked"):
        return Cause(None, None, episode["censored"])
    recent = _posts_since(corpus, episode["amplifying_post_ids"], now - SPREADS_WITHIN, now)
    n_authors = len({corpus.posts[row].author_id for row in recent})
    if n_authors < n_wanted:
        return Cause(None, None, QUIET)
    evidence = {
        **_where(episode),
        "post_ids": [episode["id"], *(corpus.posts[row].id for row in recent)],
        "n_authors": n_authors,
    }
    return Cause(evidence, corpus.posts[recent[0]].created_at, None)


def _posts_since(corpus: Corpus, post_ids: Sequence[str], since: datetime, now: datetime) -> list[int]:
    """Rows of the posts with a known author, written in that time, oldest first."""
    rows = sorted(corpus.row_of[post_id] for post_id in post_ids)
    posts = corpus.posts
    return [row for row in rows if posts[row].author_id is not None and since < posts[row].created_at <= now]


def _waiting(episode: Mapping[str, Any], clock: TargetClock, *, is_known: bool) -> Cause:
    """Whether nobody has answered within the time that the community set itself; `is_known` = an alarm says so."""
    if episode["first_answer_at"] is not None:
        return Cause(None, None, ANSWERED)
    if episode["censored"] != "end":
        return Cause(None, None, episode["censored"])
    started_at = read_moment(episode["started_at"])
    is_old = clock.now - started_at > RECENT
    if not is_known if is_old else not clock.is_past(started_at):
        return Cause(None, None, None)
    evidence = {
        **_where(episode),
        "post_ids": [episode["id"]],
        "n_authors": 1 + episode["n_amplifiers"],
        "target_hours": round(clock.target_seconds / 3600, 2),
        "clock": "calendar" if clock.stretches is None else "opening hours",
    }
    return Cause(evidence, started_at, None)


def _where(episode: Mapping[str, Any]) -> dict[str, Any]:
    return {"thread_id": episode["thread_id"], "topic_id": episode["topic_id"], "language": episode["language"]}
