"""Alarms: what cannot wait for the next look at the report. One for each cause, closed when the cause ends."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from moderation.events import EventKind, tell
from moderation.tables import AlarmRow

AlarmKind = Literal["amplified", "past_target", "negative_topic"]
"""A complaint that several members joined in within a day; an unhappy member who waits longer than the community wants
anybody to; a topic that turns negative, or emerges as a negative one.
"""

KEPT = timedelta(days=365)
"""Closed alarms are forgotten after this."""


def raise_alarm(
    session: Session,
    community_id: int,
    kind: AlarmKind,
    cause: str,
    *,
    evidence: Mapping[str, Any],
    since: datetime,
    now: datetime,
) -> bool:
    """Open an alarm, or bring the evidence of the one that is open for this cause up to date.

    Parameters
    ----------
    cause : names what it is about, the same at every look: the id of an episode's first post, or "topic 12".
    evidence : what JSON can hold: `post_ids`, `n_authors` and what else the kind needs; no texts and no names.
    since : when the cause arose.

    Returns
    -------
    Whether it is new; only then do watchers hear of it.
    """
    opened = session.scalar(
        insert(AlarmRow)
        .values(
            community_id=community_id,
            kind=kind,
            cause=cause,
            evidence=dict(evidence),
            since=since,
            opened_at=now,
            updated_at=now,
        )
        .on_conflict_do_nothing(
            index_elements=[AlarmRow.community_id, AlarmRow.kind, AlarmRow.cause],
            index_where=AlarmRow.closed_at.is_(None),
        )
        .returning(AlarmRow)
    )
    if opened is not None:
        _tell_of(session, opened, "alarm_opened")
        return True
    known = session.scalar(_open_alarms(community_id).where(AlarmRow.kind == kind, AlarmRow.cause == cause))
    if known is not None and known.evidence != dict(evidence):
        known.evidence, known.updated_at = dict(evidence), now
        session.flush()
    return False


def close_alarm(session: Session, alarm: AlarmRow, *, reason: str, now: datetime) -> None:
    """Say that the cause of an open alarm has ended, and why."""
    alarm.closed_at, alarm.closed_reason, alarm.updated_at = now, reason, now
    session.flush()
    _tell_of(session, alarm, "alarm_closed")


def open_alarms(session: Session, community_id: int) -> Sequence[AlarmRow]:
    """The alarms whose cause has not ended, the newest first."""
    return session.scalars(_open_alarms(community_id).order_by(AlarmRow.id.desc())).all()


def n_open_alarms(session: Session, community_id: int) -> int:
    """How many alarms are open, for a badge."""
    mine = AlarmRow.community_id == community_id, AlarmRow.closed_at.is_(None)
    return session.scalar(select(func.count()).select_from(AlarmRow).where(*mine)) or 0


def list_alarms(
    session: Session, community_id: int, *, state: Literal["open", "closed"] | None, before: int | None, limit: int
) -> Sequence[AlarmRow]:
    """Alarms, the newest first.

    Parameters
    ----------
    before : id of the last alarm of the page before; None = from the newest.
    """
    statement = select(AlarmRow).where(AlarmRow.community_id == community_id)
    if state is not None:
        is_open = AlarmRow.closed_at.is_(None)
        statement = statement.where(is_open if state == "open" else ~is_open)
    if before is not None:
        statement = statement.where(AlarmRow.id < before)
    return session.scalars(statement.order_by(AlarmRow.id.desc()).limit(limit)).all()


def alarm_as_json(alarm: AlarmRow) -> dict[str, Any]:
    """An alarm as the API and webhooks tell of it."""
    return {
        "id": alarm.id,
        "kind": alarm.kind,
        "cause": alarm.cause,
        "since": alarm.since.isoformat(),
        "opened_at": alarm.opened_at.isoformat(),
        "closed_at": None if alarm.closed_at is None else alarm.closed_at.isoformat(),
        "closed_reason": alarm.closed_reason,
        "evidence": dict(alarm.evidence),
    }


def forget_alarms(session: Session, *, now: datetime) -> None:
    """Delete what ended long ago."""
    session.execute(delete(AlarmRow).where(AlarmRow.closed_at < now - KEPT))


def _open_alarms(community_id: int) -> Any:
    return select(AlarmRow).where(AlarmRow.community_id == community_id, AlarmRow.closed_at.is_(None))


def _tell_of(session: Session, alarm: AlarmRow, kind: EventKind) -> None:
    tell(session, alarm.community_id, kind, alarm_as_json(alarm))
