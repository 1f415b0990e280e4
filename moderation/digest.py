"""A day in a community, as it is told the next morning: who waits, what needs attention, what was answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from moderation.alarm_rules import RECENT, TargetClock, settled_posts
from moderation.communities import community_of
from moderation.config import Community
from moderation.ingest import to_post
from moderation.reading import read_words
from moderation.reports.wording import read_moment
from moderation.tables import AlarmRow, CommunityRow, FindingRow, PostRow


@dataclass(frozen=True)
class WaitingPost:
    """A post that waits for an answer.

    Attributes
    ----------
    words : its title, else its text; None = it is not there any more.
    """

    post_id: str
    thread_id: str
    since: datetime
    words: str | None


@dataclass(frozen=True)
class Digest:
    """One day of a community.

    Attributes
    ----------
    day : the day it tells of, in the community's time zone.
    as_of : the moment of the next morning at which it would be sent, or now if that is still to come.
    found_at : when the posts were last looked at as a whole; None = never, so that most is not known.
    late : unhappy posts of the last two weeks without an answer past the community's target, longest waiting first.
    n_late_older : the same, but older.
    questions : of the last two weeks, without an answer.
    n_answered, n_corrected : unhappy posts that got their first answer, and that were put right, on the day.
    alarms : those that were open.
    n_alarms_closed : those that ended on the day.
    drift : the findings about drift as they are; None = not worked out yet.
    """

    day: date
    as_of: datetime
    found_at: datetime | None
    late: tuple[WaitingPost, ...]
    n_late_older: int
    questions: tuple[WaitingPost, ...]
    n_answered: int
    n_corrected: int
    alarms: tuple[AlarmRow, ...]
    n_alarms_closed: int
    drift: Mapping[str, Any] | None

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing that anybody has to hear of; drift alone is no reason to write every day."""
        return not (
            self.late or self.questions or self.alarms or self.n_answered or self.n_corrected or self.n_alarms_closed
        )


@dataclass(frozen=True)
class _Moments:
    """The day from its first moment until the first of the next, and the moment that "now" is in it."""

    starts_at: datetime
    ends_at: datetime
    as_of: datetime

    def hold(self, written: str | None) -> bool:
        """Whether a moment of the findings lies on the day."""
        return written is not None and self.starts_at <= read_moment(written) < self.ends_at

    def is_past(self, written: str | None) -> bool:
        """Whether a moment of the findings had come."""
        return written is not None and read_moment(written) <= self.as_of


def due_day(community: Community, now: datetime) -> date:
    """The newest day whose digest may be sent: yesterday, before the digest's hour the day before."""
    local = now.astimezone(ZoneInfo(community.timezone))
    return local.date() - timedelta(days=1 if local.hour >= community.digest_hour else 2)


def make_digest(session: Session, row: CommunityRow, day: date, *, now: datetime) -> Digest:
    """Look at one day of a community, as the next morning's digest does."""
    community = community_of(row)
    moments = _moments(community, day, now)
    response_times = session.get(FindingRow, (row.id, "response_times"))
    drift = session.get(FindingRow, (row.id, "drift"))
    waits: Mapping[str, Any] = {"episodes": [], "unanswered_questions": []}
    if response_times is not None:
        waits = response_times.contents
    late = _late(session, row.id, waits["episodes"], community, moments)
    recent = [entry for entry in late if moments.as_of - entry[2] <= RECENT]
    questions = [
        (question["post_id"], question["thread_id"], asked_at)
        for question in waits["unanswered_questions"]
        if moments.as_of - RECENT <= (asked_at := read_moment(question["asked_at"])) <= moments.as_of
    ]
    return Digest(
        day=day,
        as_of=moments.as_of,
        found_at=None if response_times is None else response_times.found_at,
        late=_shown(session, row.id, recent),
        n_late_older=len(late) - len(recent),
        questions=_shown(session, row.id, questions),
        n_answered=sum(moments.hold(episode["first_answer_at"]) for episode in waits["episodes"]),
        n_corrected=sum(
            episode["corrected"] is not None and moments.hold(episode["corrected"]["at"])
            for episode in waits["episodes"]
        ),
        alarms=_alarms(session, row.id, moments),
        n_alarms_closed=_n_alarms_closed(session, row.id, moments),
        drift=None if drift is None else drift.contents,
    )


def _moments(community: Community, day: date, now: datetime) -> _Moments:
    zone = ZoneInfo(community.timezone)
    starts_at, ends_at = (datetime.combine(day + timedelta(days=n), time(), zone) for n in (0, 1))
    sent_at = datetime.combine(day + timedelta(days=1), time(community.digest_hour), zone)
    return _Moments(starts_at, ends_at, min(now, sent_at.astimezone(now.tzinfo)))


def _late(
    session: Session,
    community_id: int,
    episodes: Sequence[Mapping[str, Any]],
    community: Community,
    moments: _Moments,
) -> list[tuple[str, str, datetime]]:
    """Post, thread and start of the episodes that nobody had answered in time, the longest waiting first."""
    clock = TargetClock.of(community, moments.as_of)
    waiting = [
        (episode["id"], episode["thread_id"], read_moment(episode["started_at"]))
        for episode in episodes
        if moments.is_past(episode["started_at"])
        and episode["clocks_reason"] is None
        and episode["censored"] in (None, "end")
        and not moments.is_past(episode["first_answer_at"])
    ]
    late = [entry for entry in waiting if moments.as_of - entry[2] > RECENT or clock.is_past(entry[2])]
    settled = settled_posts(session, community_id, [post_id for post_id, _, _ in late])
    return sorted((entry for entry in late if entry[0] not in settled), key=lambda entry: (entry[2], entry[0]))


def _shown(
    session: Session, community_id: int, waiting: Sequence[tuple[str, str, datetime]]
) -> tuple[WaitingPost, ...]:
    mine = PostRow.community_id == community_id, PostRow.id.in_([post_id for post_id, _, _ in waiting])
    posts = session.scalars(select(PostRow).where(*mine, PostRow.deleted_at.is_(None)))
    words = {post.id: post.title or read_words(to_post(post)).words for post in posts}
    return tuple(
        WaitingPost(post_id, thread_id, since, words.get(post_id))
        for post_id, thread_id, since in sorted(waiting, key=lambda entry: (entry[2], entry[0]))
    )


def _alarms(session: Session, community_id: int, moments: _Moments) -> tuple[AlarmRow, ...]:
    """Alarms that were open, without those about waiting, which are told by themselves."""
    still_open = or_(AlarmRow.closed_at.is_(None), AlarmRow.closed_at > moments.as_of)
    statement = select(AlarmRow).where(
        AlarmRow.community_id == community_id,
        AlarmRow.kind != "past_target",
        AlarmRow.opened_at <= moments.as_of,
        still_open,
    )
    return tuple(session.scalars(statement.order_by(AlarmRow.since, AlarmRow.id)))


def _n_alarms_closed(session: Session, community_id: int, moments: _Moments) -> int:
    closed = select(AlarmRow.id).where(
        AlarmRow.community_id == community_id,
        AlarmRow.closed_at >= moments.starts_at,
        AlarmRow.closed_at < moments.ends_at,
    )
    return len(session.scalars(closed).all())
