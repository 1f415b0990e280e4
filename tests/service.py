"""A service whose changes are committed: a database of its own, its jobs done in this thread, posts with flags."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from moderation.communities import save_community
from moderation.config import Community
from moderation.db import Database, migrate
from moderation.ingest import store_posts
from moderation.job_queue import POSTS_QUEUE, UPKEEP_QUEUE
from moderation.jobs import N_RETRIES, SERVICE, Service, make_app
from moderation.tables import CommunityRow, FlagRow, PostRow, ScoreRow

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

UNHAPPY = "Waardeloze winkel, al drie weken wacht ik op mijn geld en niemand reageert. Nooit meer, ik ga ergens anders."
ASKS = "Hoe kan ik mijn punten overzetten naar de pas van mijn man?"
ANSWERS = "Je kunt je punten overzetten in de app onder Mijn pas: kies daar Punten delen en vul het andere nummer in."
INSULT = "Wat een achterlijke idioot ben jij, hou je bek toch eens man."
ADVERTISES = "Verdien 5000 euro per week vanuit huis! Klik nu en ontvang gratis bitcoins via snelrijk."
SOUP = "Vandaag heb ik soep gemaakt van de pompoenen uit het pakket, erg lekker geworden."
CZECH = "Zdravím, chtěl bych se zeptat, jak mohu převést své body na jinou kartu, děkuji."


def record(post_id: str, body: str = SOUP, *, minutes: float = 0, **fields: Any) -> dict[str, Any]:
    """A post of a thread of its own, written so many minutes after the day began."""
    created_at = NOW - timedelta(hours=12) + timedelta(minutes=minutes)
    known = {"id": post_id, "thread_id": f"t-{post_id}", "created_at": created_at.isoformat(), "text": body}
    return {**known, "author_id": f"m-{post_id}", **fields}


@contextmanager
def fresh_database(server: Database) -> Iterator[Database]:
    """An empty, migrated database beside another: no other test's jobs are in it."""
    name = f"klankbord_test_{uuid4().hex[:12]}"
    _outside_transactions(server, f"CREATE DATABASE {name}")
    database = Database(server.url.set(database=name))
    try:
        migrate(database)
        yield database
    finally:
        database.close()
        _outside_transactions(server, f"DROP DATABASE {name} WITH (FORCE)")


def new_community(database: Database, **settings: Any) -> CommunityRow:
    with database.transaction() as session:
        return save_community(session, f"c-{uuid4().hex[:8]}", Community(**settings))


def store(database: Database, community: CommunityRow, *records: object, is_backfill: bool = False) -> None:
    with database.transaction() as session:
        outcomes = store_posts(session, community, records, now=NOW, is_backfill=is_backfill)
    assert {outcome.status for outcome in outcomes} == {"accepted"}, outcomes


def work_off(service: Service, *, queues: tuple[str, ...] = (POSTS_QUEUE, UPKEEP_QUEUE)) -> None:
    """Do every job that may be done now, as a worker would."""

    async def work() -> None:
        app = make_app(service.database)
        async with app.open_async():
            await app.run_worker_async(
                queues=list(queues),
                concurrency=1,
                wait=False,
                install_signal_handlers=False,
                delete_jobs="successful",
                additional_context={SERVICE: service},
            )

    asyncio.run(work())


def work_off_to_the_last_try(service: Service) -> None:
    """Do every job until none waits; one that fails has no further try."""
    last_try = text("UPDATE procrastinate_jobs SET attempts = :tries, scheduled_at = NULL WHERE status = 'todo'")
    while jobs_of(service.database, status="todo"):
        with service.database.transaction() as session:
            session.execute(last_try, {"tries": N_RETRIES})
        work_off(service)


def jobs_of(database: Database, *, status: str) -> list[dict[str, Any]]:
    """The jobs in the order in which they are done, those of the clock left out."""
    statement = text(
        "SELECT id, task_name, args, priority, attempts FROM procrastinate_jobs "
        "WHERE status = CAST(:status AS procrastinate_job_status) "
        "AND task_name IN ('score_posts', 'refit_community') ORDER BY priority DESC, id"
    )
    with database.transaction() as session:
        return [dict(row) for row in session.execute(statement, {"status": status}).mappings()]


def wait_for(condition: Callable[[], object], *, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def posts_of(session: Session, community: CommunityRow) -> dict[str, PostRow]:
    statement = select(PostRow).where(PostRow.community_id == community.id)
    return {row.id: row for row in session.scalars(statement.execution_options(populate_existing=True))}


def scores_of(session: Session, community: CommunityRow) -> dict[str, ScoreRow]:
    statement = select(ScoreRow).where(ScoreRow.community_id == community.id)
    return {row.post_id: row for row in session.scalars(statement.execution_options(populate_existing=True))}


def open_reasons(session: Session, community: CommunityRow) -> dict[str, list[str]]:
    """The open reasons of each post that has any."""
    statement = select(FlagRow).where(FlagRow.community_id == community.id, FlagRow.status == "open")
    rows = session.scalars(statement.execution_options(populate_existing=True))
    return {
        row.post_id: sorted(reason["reason"] for reason in row.reasons if reason["status"] == "open") for row in rows
    }


def _outside_transactions(server: Database, statement: str) -> None:
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
