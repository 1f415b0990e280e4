"""Answers that are kept so that a write which is sent twice is done once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from moderation.errors import IdempotencyKeyReused
from moderation.tables import IdempotencyRow

KEPT = timedelta(hours=24)


@dataclass(frozen=True)
class KeptAnswer:
    """What a write was answered with; `body` is empty where the answer had none."""

    status: int
    body: dict[str, Any]


def kept_answer(
    session: Session, community_id: int, key: str, *, request_hash: str, now: datetime
) -> KeptAnswer | None:
    """The answer that a write of this key was given, None if it is the first one.

    Waits while another write of the same key is under way, and makes the next one wait until the commit.

    Parameters
    ----------
    request_hash : names everything that the request says.

    Raises
    ------
    IdempotencyKeyReused
        The key came with another request.
    """
    name = f"idempotency:{community_id}:{key}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    row = session.scalar(
        select(IdempotencyRow).where(
            IdempotencyRow.community_id == community_id,
            IdempotencyRow.key == key,
            IdempotencyRow.created_at > now - KEPT,
        )
    )
    if row is None:
        return None
    if row.request_hash != request_hash:
        raise IdempotencyKeyReused("this Idempotency-Key came with another request before; make a new key for this one")
    return KeptAnswer(row.status, row.body)


def keep_answer(
    session: Session, community_id: int, key: str, *, request_hash: str, answer: KeptAnswer, now: datetime
) -> None:
    """Keep an answer for a day; it takes the place of one that is older than that."""
    kept = {"request_hash": request_hash, "status": answer.status, "body": answer.body, "created_at": now}
    statement = insert(IdempotencyRow).values(community_id=community_id, key=key, **kept)
    session.execute(
        statement.on_conflict_do_update(index_elements=[IdempotencyRow.community_id, IdempotencyRow.key], set_=kept)
    )
