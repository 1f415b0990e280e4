"""What still waits to be scored and decided, over all communities."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from moderation.tables import FlagRow, PostRow


@dataclass(frozen=True)
class Backlog:
    """How far the workers and the moderators are behind.

    Attributes
    ----------
    oldest_waiting_at : when the post that waits longest came in; None = nothing waits.
    oldest_job_at : when the job that waits longest was put on the queue; None = none waits.
    n_failed_posts : posts that could not be scored.
    n_failed_jobs : jobs that were given up.
    n_open_flags : items with an open reason, by lane.
    """

    n_waiting_posts: int
    oldest_waiting_at: datetime | None
    oldest_job_at: datetime | None
    n_failed_posts: int
    n_failed_jobs: int
    n_open_flags: Mapping[str, int]


def measure_backlog(session: Session) -> Backlog:
    """Count what waits."""
    n_waiting, oldest_at = session.execute(
        select(func.count(), func.min(PostRow.waiting_since)).where(PostRow.waiting_since.is_not(None))
    ).one()
    failed_posts = select(func.count()).select_from(PostRow).where(PostRow.not_scored_reason.is_not(None))
    failed_jobs = text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'")
    oldest_job = text(
        "SELECT min(events.at) FROM procrastinate_jobs AS jobs "
        "JOIN procrastinate_events AS events ON events.job_id = jobs.id AND events.type = 'deferred' "
        "WHERE jobs.status = 'todo'"
    )
    lane = func.unnest(FlagRow.lanes).label("lane")
    open_flags = select(lane, func.count().label("n_open")).where(FlagRow.status == "open").group_by(lane)
    return Backlog(
        n_waiting_posts=n_waiting,
        oldest_waiting_at=oldest_at,
        oldest_job_at=session.scalar(oldest_job),
        n_failed_posts=session.scalar(failed_posts) or 0,
        n_failed_jobs=session.scalar(failed_jobs) or 0,
        n_open_flags={row.lane: row.n_open for row in session.execute(open_flags)},
    )


def n_waiting(session: Session, community_id: int) -> int:
    """Posts of one community that wait for their scores."""
    waiting = PostRow.community_id == community_id, PostRow.waiting_since.is_not(None)
    return session.scalar(select(func.count()).select_from(PostRow).where(*waiting)) or 0
