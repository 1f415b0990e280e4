import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from procrastinate import JobContext
from procrastinate.jobs import Job
from sqlalchemy import select, text, update
from structlog.testing import capture_logs

from models.encoder import Encoder, Encoding
from moderation.backlog import measure_backlog
from moderation.db import Database
from moderation.flag_queue import claim_flag, list_not_scored
from moderation.ingest import clear_failures
from moderation.job_queue import POSTS_PER_JOB, defer_refit, defer_scoring
from moderation.jobs import (
    LOST,
    N_RETRIES,
    SERVICE,
    STALLED_SECONDS,
    WORKER_LOST,
    Service,
    keep_up,
    make_app,
    refit_due,
    rescue_jobs,
)
from moderation.pipeline import Models
from moderation.tables import CommunityRow, EventRow, FindingRow, FlagRow, IdempotencyRow, PostRow
from tests.moderation.queue_rows import new_moderator
from tests.service import (
    INSULT,
    NOW,
    SOUP,
    fresh_database,
    jobs_of,
    new_community,
    open_reasons,
    posts_of,
    record,
    scores_of,
    store,
    work_off,
    work_off_to_the_last_try,
)

POISON = "Dit bericht verdraagt de rekenaar niet."


class Listener:
    """The real encoder; it notes what it reads, and some text makes it fail."""

    def __init__(self, encoder: Encoder, *, fails_at: str | None = None) -> None:
        self.name, self.version, self.dim = encoder.name, encoder.version, encoder.dim
        self.hidden_layers = encoder.hidden_layers
        self._encoder, self._fails_at = encoder, fails_at
        self.read: list[str] = []

    def encode(self, texts: Sequence[str], *, batch_size: int = 256) -> Iterator[Encoding]:
        self.read += texts
        if self._fails_at in texts:
            raise FloatingPointError(self._fails_at)
        return self._encoder.encode(texts, batch_size=batch_size)


@pytest.fixture(scope="module")
def separate(database: Database) -> Iterator[Database]:
    """A database in which no other test's jobs wait."""
    with fresh_database(database) as fresh:
        yield fresh


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What the jobs log, kept off the screen: as it comes, a traceback shows the words of posts."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def service(separate: Database, models: Models) -> Iterator[Service]:
    yield Service(separate, models)
    with separate.transaction() as session:
        session.execute(text("TRUNCATE procrastinate_jobs, procrastinate_events, procrastinate_workers CASCADE"))


@pytest.fixture
def community(separate: Database) -> CommunityRow:
    return new_community(separate)


def service_with(service: Service, encoder: Listener) -> Service:
    return Service(service.database, Models(encoder, service.models.heads))


def context_of(service: Service) -> JobContext:
    job = Job(queue="upkeep", lock=None, queueing_lock=None, task_name="keep_up")
    return JobContext(
        app=make_app(service.database),
        job=job,
        start_timestamp=time.time(),
        additional_context={SERVICE: service},
        abort_reason=lambda: None,
    )


def n_failed_jobs(service: Service) -> int:
    with service.database.transaction() as session:
        return measure_backlog(session).n_failed_jobs


# --- scoring ---


def test_a_post_that_cannot_be_scored_holds_up_no_other(service: Service, community: CommunityRow) -> None:
    """Regression 8 (Coral #4280, Kitsune): it is listed as not scored, never as clean; the rest of its batch is."""
    bodies = {f"p{n}": f"{SOUP} Recept nummer {n}." for n in range(6)} | {"p3": POISON, "p6": INSULT}
    store(service.database, community, *[record(post_id, body) for post_id, body in bodies.items()])
    work_off_to_the_last_try(service_with(service, Listener(service.models.encoder, fails_at=POISON)))
    with service.database.transaction() as session:
        assert set(scores_of(session, community)) == set(bodies) - {"p3"}
        assert open_reasons(session, community) == {"p6": ["toxic"]}
        reasons = {post_id: row.not_scored_reason for post_id, row in posts_of(session, community).items()}
        assert reasons == dict.fromkeys(bodies) | {"p3": "FloatingPointError"}
        listed = list_not_scored(
            session, community.id, now=NOW, waiting_longer_than=timedelta(0), cursor=None, limit=10
        ).posts
        assert [(post.post_id, post.reason) for post in listed] == [("p3", "FloatingPointError")]
    assert n_failed_jobs(service) == 1


def test_a_post_that_takes_the_worker_down_with_it_is_given_up(service: Service, community: CommunityRow) -> None:
    store(service.database, community, record("p1", INSULT))
    with service.database.transaction() as session:
        session.execute(text("UPDATE procrastinate_jobs SET attempts = :n"), {"n": N_RETRIES + 1})
    work_off(service)
    with service.database.transaction() as session:
        reasons = {row.not_scored_reason for row in posts_of(session, community).values()}
    assert reasons == {WORKER_LOST}
    assert jobs_of(service.database, status="todo") == []


def test_what_could_not_be_scored_is_scored_when_the_cause_is_gone(service: Service, community: CommunityRow) -> None:
    store(service.database, community, record("p1", POISON))
    work_off_to_the_last_try(service_with(service, Listener(service.models.encoder, fails_at=POISON)))
    with service.database.transaction() as session:
        assert clear_failures(session, community.id, now=NOW) == 1
    work_off(service)
    with service.database.transaction() as session:
        assert set(scores_of(session, community)) == {"p1"}
        (row,) = posts_of(session, community).values()
        assert (row.not_scored_reason, row.waiting_since) == (None, None)


def test_a_job_that_fails_is_tried_again_later(service: Service, community: CommunityRow) -> None:
    store(service.database, community, record("p1", POISON))
    work_off(service_with(service, Listener(service.models.encoder, fails_at=POISON)))
    assert [(job["task_name"], job["attempts"]) for job in jobs_of(service.database, status="todo")] == [
        ("score_posts", 1)
    ]
    with service.database.transaction() as session:
        (row,) = posts_of(session, community).values()
        assert (row.not_scored_reason, row.waiting_since) == (None, NOW)


def test_a_job_that_is_done_twice_does_nothing_the_second_time(service: Service, community: CommunityRow) -> None:
    store(service.database, community, record("p1", INSULT), record("p2"))
    (job,) = jobs_of(service.database, status="todo")
    work_off(service)

    def written() -> list[Any]:
        with service.database.transaction() as session:
            events = session.scalars(select(EventRow.id).where(EventRow.community_id == community.id)).all()
            return [[row.scored_at for row in scores_of(session, community).values()], events]

    before = written()
    with service.database.transaction() as session:
        defer_scoring(session, community.id, job["args"]["post_ids"], is_backfill=False)
    listener = Listener(service.models.encoder)
    work_off(service_with(service, listener), queues=("posts",))
    assert listener.read == []
    assert written() == before
    assert jobs_of(service.database, status="todo") == []


def test_new_posts_are_scored_before_a_backfill_that_came_first(service: Service, community: CommunityRow) -> None:
    old = [record(f"old {n:03}", f"{SOUP} Recept nummer {n}.") for n in range(3)]
    for one in old:
        store(service.database, community, one, is_backfill=True)
    store(service.database, community, record("new", INSULT))
    listener = Listener(service.models.encoder)
    work_off(service_with(service, listener), queues=("posts",))
    assert listener.read == [INSULT, *[one["text"] for one in old]]


def test_an_import_is_scored_in_portions(service: Service, community: CommunityRow) -> None:
    store(service.database, community, *[record(f"p{n}") for n in range(2 * POSTS_PER_JOB + 1)], is_backfill=True)
    assert [len(job["args"]["post_ids"]) for job in jobs_of(service.database, status="todo")] == [
        POSTS_PER_JOB,
        POSTS_PER_JOB,
        1,
    ]


def test_a_community_that_was_scored_is_fitted_once(service: Service, community: CommunityRow) -> None:
    for n in range(3):
        store(service.database, community, record(f"p{n}"))
    work_off(service, queues=("posts",))
    assert [job["task_name"] for job in jobs_of(service.database, status="todo")] == ["refit_community"]
    work_off(service)
    with service.database.transaction() as session:
        assert session.get(FindingRow, (community.id, "report")) is not None


# --- what is left when something was killed ---

KILLED_WORKER = """
import sys, time
from sqlalchemy.engine import make_url
from models.heads import HeadSet
from models.registry import load_encoder
from moderation.db import Database
from moderation.jobs import Service
from moderation.pipeline import Models
from moderation.worker import running_worker

class Hanging:
    def __init__(self, encoder):
        self.name, self.version, self.dim = encoder.name, encoder.version, encoder.dim
        self.hidden_layers = encoder.hidden_layers

    def encode(self, texts, *, batch_size=256):
        print("reading", flush=True)
        time.sleep(600)

encoder = load_encoder()
models = Models(Hanging(encoder), HeadSet.load(encoder_version=encoder.version))
with running_worker(Service(Database(make_url(sys.argv[1])), models)):
    time.sleep(600)
"""


def test_the_job_of_a_worker_that_was_killed_is_done_by_another(service: Service, community: CommunityRow) -> None:
    store(service.database, community, record("p1", INSULT))
    url = service.database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", KILLED_WORKER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "reading\n"
        worker.kill()
    # The clock may have given it the refit of another test's community too.
    assert "score_posts" in [job["task_name"] for job in jobs_of(service.database, status="doing")]
    with service.database.transaction() as session:
        silent = text("UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - make_interval(secs => :s)")
        session.execute(silent, {"s": STALLED_SECONDS + 1})
    rescue(service)
    work_off(service)
    with service.database.transaction() as session:
        assert open_reasons(session, community) == {"p1": ["toxic"]}
    assert jobs_of(service.database, status="doing") == []


def rescue(service: Service) -> None:
    async def rescue_now() -> None:
        context = context_of(service)
        async with context.app.open_async():
            await rescue_jobs(context, 0)

    asyncio.run(rescue_now())


def test_a_job_whose_worker_lives_is_left_alone(service: Service, community: CommunityRow) -> None:
    store(service.database, community, record("p1"))
    (job,) = jobs_of(service.database, status="todo")
    with service.database.transaction() as session:
        worker_id = session.scalar(text("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id"))
        session.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker WHERE id = :job"),
            {"worker": worker_id, "job": job["id"]},
        )
    rescue(service)
    assert [left["id"] for left in jobs_of(service.database, status="doing")] == [job["id"]]


def test_a_job_of_the_clock_that_was_cut_short_keeps_no_other_from_being_rescued(
    service: Service, community: CommunityRow
) -> None:
    """The next tick of the same job may wait already, and the queue takes only one."""
    store(service.database, community, record("p1"))
    with service.database.transaction() as session:
        tick = text(
            "INSERT INTO procrastinate_jobs (task_name, queue_name, args, priority, status, queueing_lock) "
            "VALUES ('keep_up', 'upkeep', '{}', 5, CAST(:status AS procrastinate_job_status), 'keep_up')"
        )
        session.execute(tick, [{"status": "doing"}, {"status": "todo"}])
        session.execute(text("UPDATE procrastinate_jobs SET status = 'doing' WHERE task_name = 'score_posts'"))
    rescue(service)
    assert [job["task_name"] for job in jobs_of(service.database, status="todo")] == ["score_posts"]
    with service.database.transaction() as session:
        clock = session.execute(text("SELECT status FROM procrastinate_jobs WHERE task_name = 'keep_up'")).all()
        assert [status for (status,) in clock] == ["todo"]


# --- upkeep ---


def test_posts_that_lost_their_job_get_another(service: Service, community: CommunityRow) -> None:
    store(service.database, community, record("lost"), record("new"))
    with service.database.transaction() as session:
        session.execute(text("TRUNCATE procrastinate_jobs CASCADE"))
        mine = update(PostRow).where(PostRow.community_id == community.id)
        session.execute(mine.values(waiting_since=datetime.now(UTC)))
        session.execute(mine.where(PostRow.id == "lost").values(waiting_since=datetime.now(UTC) - 2 * LOST))
    for _ in range(2):
        keep_up(context_of(service), 0)
        jobs = [job["args"] for job in jobs_of(service.database, status="todo")]
        assert [job["post_ids"] for job in jobs if job["community_id"] == community.id] == [["lost"]]


def test_claims_and_kept_answers_expire(service: Service, community: CommunityRow) -> None:
    store(service.database, community, record("p1", INSULT))
    work_off(service, queues=("posts",))
    long_ago = datetime.now(UTC) - timedelta(days=2)
    with service.database.transaction() as session:
        (flag,) = session.scalars(select(FlagRow).where(FlagRow.community_id == community.id))
        claim_flag(session, community.id, flag.id, new_moderator(session, community).id, now=long_ago)
        for key, created_at in (("old", long_ago), ("new", datetime.now(UTC))):
            session.add(
                IdempotencyRow(
                    community_id=community.id, key=key, request_hash="h", status=200, body={}, created_at=created_at
                )
            )
    keep_up(context_of(service), 0)
    with service.database.transaction() as session:
        assert session.get_one(FlagRow, flag.id).claimed_by is None
        kept = session.scalars(select(IdempotencyRow.key).where(IdempotencyRow.community_id == community.id))
        assert kept.all() == ["new"]


# --- refits ---


def test_a_refit_waits_once(service: Service, community: CommunityRow) -> None:
    for _ in range(3):
        with service.database.transaction() as session:
            defer_refit(session, community.id)
            defer_refit(session, community.id)
    assert [job["args"] for job in jobs_of(service.database, status="todo")] == [{"community_id": community.id}]


def test_only_communities_that_have_changed_are_fitted(service: Service, community: CommunityRow) -> None:
    unchanged = new_community(service.database)
    store(service.database, community, record("p1"))
    work_off(service, queues=("posts",))
    with service.database.transaction() as session:
        session.execute(text("TRUNCATE procrastinate_jobs CASCADE"))
    refit_due(context_of(service), 0)
    waiting = [job["args"]["community_id"] for job in jobs_of(service.database, status="todo")]
    assert community.id in waiting
    assert unchanged.id not in waiting


def test_a_refit_that_fails_is_told_and_tried_again_though_another_waits(service: Service) -> None:
    """The queue once refused to put the failed one back, and it was never heard of again."""
    community = new_community(service.database, purpose=POISON)
    store(service.database, community, record("p1"))
    work_off(service, queues=("posts",))

    class Meanwhile(Listener):
        def encode(self, texts: Sequence[str], *, batch_size: int = 256) -> Iterator[Encoding]:
            with service.database.transaction() as session:
                defer_refit(session, community.id)
            return super().encode(texts, batch_size=batch_size)

    work_off(service_with(service, Meanwhile(service.models.encoder, fails_at=POISON)), queues=("upkeep",))
    assert jobs_of(service.database, status="doing") == []
    failed, *_ = sorted(jobs_of(service.database, status="todo"), key=lambda job: job["id"])
    assert failed["attempts"] == 1
    with service.database.transaction() as session:
        assert session.get_one(FindingRow, (community.id, "failure")).contents == {"reason": "FloatingPointError"}
    with service.database.transaction() as session:
        session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = NULL"))
    work_off(service, queues=("upkeep",))
    with service.database.transaction() as session:
        assert session.get(FindingRow, (community.id, "topics")) is not None
