"""What those who watch a queue are told, written with the change that it tells of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import BigInteger, Text, cast, delete, func, select, tuple_
from sqlalchemy.orm import Session

from moderation.tables import EventRow

EventKind = Literal[
    "flag_opened",
    "flag_changed",
    "flag_closed",
    "flag_claimed",
    "flag_released",
    "decision",
    "post_deleted",
    "findings",
    "alarm_opened",
    "alarm_closed",
    "member_erased",
]

KEPT = timedelta(days=7)


def tell(session: Session, community_id: int, kind: EventKind, payload: Mapping[str, Any]) -> None:
    """Add an event; it can be read once the transaction commits. Never holds a post's text."""
    session.add(EventRow(community_id=community_id, kind=kind, payload=dict(payload)))


@dataclass(frozen=True, order=True)
class Place:
    """How far somebody has read; written as "transaction-id".

    Ids alone will not do: an event with a lower id may come into sight after one with a higher.
    """

    transaction: int
    event_id: int

    @classmethod
    def of(cls, event: EventRow) -> "Place":
        """The place of an event that was read."""
        return cls(event.transaction, event.id)

    @classmethod
    def read(cls, written: str) -> "Place":
        """The place that `str` wrote; the beginning for anything else."""
        found = _PLACE.fullmatch(written)
        return BEGINNING if found is None else cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.transaction}-{self.event_id}"


BEGINNING = Place(0, 0)
PLACE = r"^([0-9]{1,18})-([0-9]{1,18})$"
_PLACE = re.compile(PLACE)


def events_after(session: Session, community_id: int, place: Place, *, limit: int = 500) -> Sequence[EventRow]:
    """The next events of a community, in an order in which none ever slips in before one that was read.

    An event waits until every transaction that began before its own has ended: as long as the slowest one takes.
    """
    settled = EventRow.transaction < cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)
    later = tuple_(EventRow.transaction, EventRow.id) > tuple_(place.transaction, place.event_id)
    statement = select(EventRow).where(EventRow.community_id == community_id, later, settled)
    return session.scalars(statement.order_by(EventRow.transaction, EventRow.id).limit(limit)).all()


def newest_place(session: Session, community_id: int) -> Place:
    """Where somebody begins who wants to know only what happens from now on."""
    mine = select(EventRow).where(EventRow.community_id == community_id)
    newest = session.scalar(mine.order_by(EventRow.transaction.desc(), EventRow.id.desc()).limit(1))
    return BEGINNING if newest is None else Place.of(newest)


def forget_events(session: Session, *, now: datetime) -> None:
    """Delete what nobody will ask for any more."""
    session.execute(delete(EventRow).where(EventRow.created_at < now - KEPT))
