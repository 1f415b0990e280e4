"""Whether the service is at work: what waits in all communities together, and whether anybody works on it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from moderation.backlog import Backlog, measure_backlog


@dataclass(frozen=True)
class Health:
    """The whole service at one moment.

    Attributes
    ----------
    worker_seen_at : the last sign of life of any worker; None = there is none.
    """

    backlog: Backlog
    worker_seen_at: datetime | None


def read_health(session: Session) -> Health:
    """Look at everything."""
    last_sign = text("SELECT max(last_heartbeat) FROM procrastinate_workers")
    return Health(measure_backlog(session), session.scalar(last_sign))
