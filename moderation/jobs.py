"""The jobs that workers carry out; each can be done twice without harm."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy
from procrastinate.jobs import Status
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from moderation.accounts import forget_sign_ins
from moderation.alarm_check import check_alarms
from moderation.alarms import forget_alarms
from moderation.db import Database
from moderation.digest_sending import Sender, forget_digests, send_digests
from moderation.emergence_watch import watch_wording
from moderation.events import forget_events
from moderation.flag_queue import expire_claims
from moderation.incoming import judge_posts, score_waiting
from moderation.job_queue import (
    NOTICES_QUEUE,
    POSTS_QUEUE,
    REFIT,
    RESCUE,
    SCORE,
    SOON,
    UPKEEP_QUEUE,
    defer_refit,
    defer_scoring,
)
from moderation.mail import MailServer
from moderation.pipeline import Models
from moderation.refit import note_failure, refit, refit_is_due
from moderation.settings import Settings
from moderation.tables import CommunityRow, IdempotencyRow, PostRow
from moderation.webhook_delivery import deliver_webhooks, forget_deliveries

N_RETRIES = 3
#: A worker that has not told for so long that it lives is gone; see `moderation.worker`.
STALLED_SECONDS = 20
#: A post that waits so long without a job has lost it.
LOST = timedelta(minutes=5)
ANSWERS_KEPT = timedelta(hours=24)

SERVICE = "service"
WORKER_LOST = "the worker was lost with it"

log = structlog.get_logger()


@dataclass(frozen=True)
class Service:
    """What a job works with; a worker hands it to every job."""

    database: Database
    models: Models
    settings: Settings = field(default_factory=Settings)


def make_app(database: Database) -> App:
    """The job queue of a database, with every task."""
    app = App(connector=PsycopgConnector(conninfo=database.conninfo))
    retry = RetryStrategy(max_attempts=N_RETRIES, exponential_wait=2)
    app.task(name=SCORE, queue=POSTS_QUEUE, retry=retry, pass_context=True)(score_posts)
    app.task(name=REFIT, queue=UPKEEP_QUEUE, retry=retry, pass_context=True)(refit_community)
    for cron, task in PERIODIC.items():
        name = task.__name__
        queue, priority = PLACES.get(name, (UPKEEP_QUEUE, SOON))
        made = app.task(name=name, queue=queue, priority=priority, queueing_lock=name, pass_context=True)(task)
        app.periodic(cron=cron)(made)
    return app


def score_posts(context: JobContext, community_id: int, post_ids: list[str]) -> None:
    """Score and judge some posts; a batch that keeps failing is taken apart until the post at fault is alone."""
    service = _service(context)
    if context.job.attempts > N_RETRIES:  # no error was caught so often, so it is the worker that goes down with it
        _leave(service.database, community_id, post_ids, reason=WORKER_LOST)
        return
    try:
        score_waiting(service.database, service.models, community_id, post_ids)
        judge_posts(service.database, service.models, community_id, post_ids, now=_now())
    except Exception as error:
        log.exception("scoring failed", community_id=community_id, n_posts=len(post_ids))
        if context.job.attempts < N_RETRIES:
            raise
        _leave(service.database, community_id, post_ids, reason=type(error).__name__)
        if len(post_ids) == 1:
            raise
        return
    with service.database.transaction() as session:
        if refit_is_due(session, community_id, model_version=service.models.version, now=_now()):
            defer_refit(session, community_id)


def refit_community(context: JobContext, community_id: int) -> None:
    """Work out topics, drift, splits, response times and members over all posts, and what new ones are held against."""
    service = _service(context)
    try:
        refit(service.database, service.models, community_id, now=_now())
    except Exception as error:
        log.exception("refit failed", community_id=community_id)
        with service.database.transaction() as session:
            note_failure(session, community_id, reason=type(error).__name__, models=service.models, now=_now())
        raise


async def rescue_jobs(context: JobContext, timestamp: int) -> None:
    """Put jobs whose worker is gone back on the queue; nothing else ever would."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        if job.queueing_lock is None:
            await manager.retry_job(job)
        else:  # a periodic job comes again by itself, and the next one may wait already
            await manager.finish_job(job, Status.FAILED, delete_job=True)


def keep_up(context: JobContext, timestamp: int) -> None:
    """Give lost posts back to the queue; let claims, answers and events expire."""
    with _service(context).database.transaction() as session:
        now = _now()
        expire_claims(session, now=now)
        forget_events(session, now=now)
        forget_alarms(session, now=now)
        forget_deliveries(session, now=now)
        forget_digests(session, now=now)
        forget_sign_ins(session, now=now)
        session.execute(delete(IdempotencyRow).where(IdempotencyRow.created_at < now - ANSWERS_KEPT))
        if not _has_jobs(session):
            for community_id, post_ids in lost_posts(session, before=now - LOST).items():
                defer_scoring(session, community_id, post_ids, is_backfill=True)


def refit_due(context: JobContext, timestamp: int) -> None:
    """Have every community fitted anew whose posts have changed enough."""
    service = _service(context)
    with service.database.transaction() as session:
        for community_id in session.scalars(select(CommunityRow.id).order_by(CommunityRow.id)):
            if refit_is_due(session, community_id, model_version=service.models.version, now=_now()):
                defer_refit(session, community_id)


def look_for_bursts(context: JobContext, timestamp: int) -> None:
    """Look in every community for wording that spreads among several people."""
    service = _service(context)
    with service.database.transaction() as session:
        community_ids = session.scalars(select(CommunityRow.id).order_by(CommunityRow.id)).all()
    for community_id in community_ids:
        with service.database.transaction() as session:
            watch_wording(session, session.get_one(CommunityRow, community_id), service.models, now=_now())


def look_for_alarms(context: JobContext, timestamp: int) -> None:
    """Raise and close the alarms that only time brings about."""
    service = _service(context)
    check_alarms(service.database, service.models, now=_now())


def send_webhooks(context: JobContext, timestamp: int) -> None:
    """Send to webhooks what is due."""
    service = _service(context)
    allow_private = service.settings.webhooks_to_private_addresses
    deliver_webhooks(service.database, allow_private=allow_private, now=_now())


def mail_digests(context: JobContext, timestamp: int) -> None:
    """Send the digests that are due, if there is a mail server to send them with."""
    service = _service(context)
    settings = service.settings
    if settings.smtp_url is not None:
        server = MailServer.read(settings.smtp_url.get_secret_value())
        send_digests(service.database, Sender(server, settings.mail_from, settings.public_url), now=_now())


def lost_posts(session: Session, *, before: datetime) -> dict[int, list[str]]:
    """Posts by community that have waited since before a moment."""
    waiting = select(PostRow.community_id, PostRow.id).where(PostRow.waiting_since < before)
    by_community: dict[int, list[str]] = {}
    for community_id, post_id in session.execute(waiting.order_by(PostRow.community_id, PostRow.id)):
        by_community.setdefault(community_id, []).append(post_id)
    return by_community


def _has_jobs(session: Session) -> bool:
    jobs = text("SELECT 1 FROM procrastinate_jobs WHERE queue_name = :queue AND status IN ('todo', 'doing') LIMIT 1")
    return session.execute(jobs, {"queue": POSTS_QUEUE}).first() is not None


def _give_up(database: Database, community_id: int, post_id: str, *, reason: str) -> None:
    """Say why a post has no scores, so that nobody takes it for clean."""
    with database.transaction() as session:
        post = PostRow.community_id == community_id, PostRow.id == post_id
        session.execute(update(PostRow).where(*post).values(not_scored_reason=reason, waiting_since=None))


def _leave(database: Database, community_id: int, post_ids: Sequence[str], *, reason: str) -> None:
    """Give up on a post that is alone; of several, find the one at fault."""
    if len(post_ids) == 1:
        _give_up(database, community_id, post_ids[0], reason=reason)
    else:
        _take_apart(database, community_id, post_ids)


def _take_apart(database: Database, community_id: int, post_ids: Sequence[str]) -> None:
    middle = len(post_ids) // 2
    with database.transaction() as session:
        for half in (post_ids[:middle], post_ids[middle:]):
            defer_scoring(session, community_id, half, is_backfill=True)


def _service(context: JobContext) -> Service:
    service = context.additional_context[SERVICE]
    assert isinstance(service, Service)
    return service


def _now() -> datetime:
    return datetime.now(UTC)


#: By cron expression, seconds last.
PERIODIC = {
    "* * * * * */15": rescue_jobs,
    "* * * * *": keep_up,
    "*/10 * * * *": refit_due,
    "5-59/10 * * * *": look_for_bursts,
    "*/3 * * * *": look_for_alarms,
    "* * * * * */5": send_webhooks,
    "*/5 * * * *": mail_digests,
}
#: Queue and priority of those that do not go to the upkeep queue.
PLACES = {
    "rescue_jobs": (POSTS_QUEUE, RESCUE),
    "look_for_alarms": (NOTICES_QUEUE, SOON),
    "send_webhooks": (NOTICES_QUEUE, SOON),
    "mail_digests": (NOTICES_QUEUE, SOON),
}
