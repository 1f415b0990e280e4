"""Puts jobs on the queue in the transaction of the rows that they are about: both are there, or neither is."""

from collections.abc import Mapping, Sequence
from typing import Any

from procrastinate import App, PsycopgConnector
from sqlalchemy import text
from sqlalchemy.orm import Session

#: Posts of one job: enough to fill the encoder's batches, few enough for new posts not to wait long behind a backfill.
POSTS_PER_JOB = 200

SCORE = "score_posts"
REFIT = "refit_community"

POSTS_QUEUE = "posts"
UPKEEP_QUEUE = "upkeep"
#: What goes out to others; a slow receiver holds up nothing else.
NOTICES_QUEUE = "notices"

#: Higher goes first.
RESCUE, NEW_POSTS, SOON, BACKFILL = 20, 10, 5, 0

# Deferring on the transaction's own connection needs no connection of its own, so this one is never opened.
_DEFERRING = App(connector=PsycopgConnector())


def defer_scoring(session: Session, community_id: int, post_ids: Sequence[str], *, is_backfill: bool) -> None:
    """Have posts scored once the transaction commits; new posts go before a backfill."""
    for start in range(0, len(post_ids), POSTS_PER_JOB):
        arguments = {"community_id": community_id, "post_ids": list(post_ids[start : start + POSTS_PER_JOB])}
        _defer(session, SCORE, arguments, queue=POSTS_QUEUE, priority=BACKFILL if is_backfill else NEW_POSTS)


def defer_refit(session: Session, community_id: int) -> None:
    """Have a community fitted anew, unless that already waits to be done."""
    arguments = {"community_id": community_id}
    # Not the queue's own lock: it aborts this transaction, and refuses to put a job back that failed meanwhile.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('refit'), CAST(:id AS integer))"), {"id": community_id})
    waiting = text(
        "SELECT 1 FROM procrastinate_jobs WHERE task_name = :task AND status = 'todo' "
        "AND CAST(args ->> 'community_id' AS bigint) = :id"
    )
    if session.execute(waiting, {"task": REFIT, "id": community_id}).first() is None:
        _defer(session, REFIT, arguments, queue=UPKEEP_QUEUE, priority=SOON)


def _defer(session: Session, task: str, arguments: Mapping[str, Any], **options: Any) -> None:
    connection = session.connection().connection.driver_connection
    _DEFERRING.configure_task(task, connection=connection, **options).defer(**arguments)
