import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import enumerate as all_threads
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from moderation.db import Database, migrate, open_database
from moderation.jobs import Service
from moderation.pipeline import Models
from moderation.settings import Settings
from moderation.tables import CommunityRow, FindingRow
from moderation.worker import running_worker
from tests.service import (
    INSULT,
    fresh_database,
    jobs_of,
    new_community,
    open_reasons,
    record,
    store,
    wait_for,
)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What the jobs log, kept off the screen: as it comes, a traceback shows the words of posts."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def service(database: Database, models: Models) -> Iterator[Service]:
    with fresh_database(database) as fresh:
        yield Service(fresh, models)


@pytest.fixture
def home() -> Iterator[Path]:
    """Other than pytest's own, a folder that the database's user can enter."""
    made = Path(tempfile.mkdtemp(prefix="klankbord-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def is_flagged(database: Database, community: CommunityRow, post_id: str) -> bool:
    with database.transaction() as session:
        return post_id in open_reasons(session, community)


def answers(database: Database) -> bool:
    try:
        with database.transaction() as session:
            return session.scalar(text("SELECT true")) is True
    except OperationalError:
        return False


def server_pid(home: Path) -> int | None:
    """None while the server starts or ends."""
    file = home / "postgres" / "data" / "postmaster.pid"
    lines = file.read_text().splitlines() if file.exists() else []
    return int(lines[0]) if lines else None


def is_fitted(database: Database, community: CommunityRow) -> bool:
    with database.transaction() as session:
        return session.get(FindingRow, (community.id, "report")) is not None


def test_a_worker_takes_what_comes_and_stops_with_its_block(service: Service) -> None:
    community = new_community(service.database)
    with running_worker(service):
        store(service.database, community, record("p1", INSULT))
        wait_for(lambda: is_flagged(service.database, community, "p1"))
        wait_for(lambda: is_fitted(service.database, community))
    wait_for(lambda: not any(thread.name.startswith("worker-") for thread in all_threads()))
    store(service.database, community, record("p2", INSULT))
    assert [job["args"]["post_ids"] for job in jobs_of(service.database, status="todo")] == [["p2"]]


def test_two_workers_share_the_jobs_and_flag_each_post_once(service: Service) -> None:
    community = new_community(service.database)
    post_ids = [f"p{n}" for n in range(8)]
    for post_id in post_ids:
        store(service.database, community, record(post_id, f"{INSULT} {post_id}"))
    with running_worker(service), running_worker(service):
        wait_for(lambda: all(is_flagged(service.database, community, post_id) for post_id in post_ids))


def test_a_worker_brings_a_killed_database_back(home: Path, models: Models) -> None:
    settings = Settings(home=home, database_url=None)
    with open_database(settings) as database:
        migrate(database)
        community = new_community(database)
        with running_worker(Service(database, models)):
            store(database, community, record("before", INSULT))
            wait_for(lambda: is_flagged(database, community, "before"))
            killed = server_pid(home)
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            wait_for(lambda: server_pid(home) not in (None, killed) and answers(database), seconds=30)
            store(database, community, record("after", INSULT))
            wait_for(lambda: is_flagged(database, community, "after"), seconds=30)
