"""Looks again at what only time changes: who waits too long by now, and which alarms have come to their end."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.alarm_rules import EPISODE_KINDS, RECENT, TargetClock, settled_posts
from moderation.alarms import open_alarms
from moderation.communities import community_of
from moderation.db import Database
from moderation.incoming import judge_threads, lock_community
from moderation.pipeline import Models
from moderation.tables import CommunityRow, WaitRow

THREADS_AT_ONCE = 100


def check_alarms(database: Database, models: Models, *, now: datetime) -> None:
    """Judge anew the threads of every community in which an alarm may be due or over."""
    with database.transaction() as session:
        community_ids = session.scalars(select(CommunityRow.id).order_by(CommunityRow.id)).all()
    for community_id in community_ids:
        with database.transaction() as session:
            thread_ids = threads_to_look_at(session, session.get_one(CommunityRow, community_id), now=now)
        for start in range(0, len(thread_ids), THREADS_AT_ONCE):
            with database.transaction() as session:
                threads = thread_ids[start : start + THREADS_AT_ONCE]
                judge_threads(session, lock_community(session, community_id), models, threads, now=now)


def threads_to_look_at(session: Session, community: CommunityRow, *, now: datetime) -> list[str]:
    """Threads with an open alarm, and those in which somebody waits past the target without one."""
    known = [alarm for alarm in open_alarms(session, community.id) if alarm.kind in EPISODE_KINDS]
    clock = TargetClock.of(community_of(community), now)
    waiting = _waiting(session, community.id, now=now)
    late = {post_id for post_id, (_, since) in waiting.items() if clock.is_past(since)}
    late -= {alarm.cause for alarm in known if alarm.kind == "past_target"}
    late -= settled_posts(session, community.id, late)
    return sorted({alarm.evidence["thread_id"] for alarm in known} | {waiting[post_id][0] for post_id in late})


def _waiting(session: Session, community_id: int, *, now: datetime) -> dict[str, tuple[str, datetime]]:
    """Thread and start of the open episodes that may still raise an alarm, by their first post."""
    statement = select(WaitRow.post_id, WaitRow.thread_id, WaitRow.started_at).where(
        WaitRow.community_id == community_id,
        WaitRow.kind == "episode",
        WaitRow.is_open,
        WaitRow.started_at >= now - RECENT,
    )
    return {post_id: (thread_id, started_at) for post_id, thread_id, started_at in session.execute(statement)}
