"""Runs the jobs, in this process, until it is told to stop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Thread

import structlog
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from moderation.db import Database
from moderation.errors import DatabaseUnavailable
from moderation.incoming import await_other_models
from moderation.job_queue import NOTICES_QUEUE, POSTS_QUEUE, UPKEEP_QUEUE
from moderation.jobs import SERVICE, STALLED_SECONDS, Service, make_app

HEARTBEAT_SECONDS = 5
RESTART_SECONDS = 1
WATCH_SECONDS = 2
#: A job that still runs after this is given up; it can be done again.
STOP_SECONDS = 10

log = structlog.get_logger()


@contextmanager
def running_worker(service: Service) -> Iterator[None]:
    """Work off the queues in the background for as long as the block lasts.

    Posts that were scored by other models, before an update say, are put on the queue first.
    """
    with service.database.transaction() as session:
        await_other_models(session, service.models.version, now=datetime.now(UTC))
    threads: list[_Lane | _Watch] = [
        _Lane(service, POSTS_QUEUE),
        _Lane(service, UPKEEP_QUEUE),
        _Lane(service, NOTICES_QUEUE),
        _Watch(service.database),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.stop()
        for thread in threads:
            thread.join(STOP_SECONDS)


class _Lane(Thread):
    """One queue in a thread of its own, one job at a time: a long refit never holds up new posts."""

    def __init__(self, service: Service, queue: str) -> None:
        super().__init__(name=f"worker-{queue}", daemon=True)
        self._service, self._queue = service, queue
        self._stopping = Event()
        self._loop = asyncio.new_event_loop()
        self._work: asyncio.Task[None] | None = None

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._work = self._loop.create_task(self._work_on())
        try:
            self._loop.run_until_complete(self._work)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    def stop(self) -> None:
        self._stopping.set()
        if self._work is not None and self.is_alive():
            self._loop.call_soon_threadsafe(self._work.cancel)

    async def _work_on(self) -> None:
        """Work, and begin again when the database was away: the library's worker then just returns."""
        while not self._stopping.is_set():
            try:
                app = make_app(self._service.database)
                async with app.open_async():
                    await app.run_worker_async(
                        queues=[self._queue],
                        name=self._queue,
                        concurrency=1,
                        install_signal_handlers=False,
                        delete_jobs="successful",
                        additional_context={SERVICE: self._service},
                        update_heartbeat_interval=HEARTBEAT_SECONDS,
                        stalled_worker_timeout=STALLED_SECONDS,
                        shutdown_graceful_timeout=STOP_SECONDS,
                    )
            except Exception:
                log.exception("worker restarts", queue=self._queue)
            await asyncio.sleep(RESTART_SECONDS)


class _Watch(Thread):
    """Starts the bundled database again when something has killed it; nobody else would."""

    def __init__(self, database: Database) -> None:
        super().__init__(name="worker-watch", daemon=True)
        self._database = database
        self._stopping = Event()

    def run(self) -> None:
        while not self._stopping.wait(WATCH_SECONDS):
            try:
                with self._database.transaction() as session:
                    session.execute(text("SELECT 1"))
            except OperationalError:
                self._revive()

    def stop(self) -> None:
        self._stopping.set()

    def _revive(self) -> None:
        try:
            self._database.revive()
        except DatabaseUnavailable:
            log.exception("the database does not start")
