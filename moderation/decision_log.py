"""The decisions of a community, as they were taken."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.tables import DecisionRow, ModeratorRow


@dataclass(frozen=True)
class LoggedDecision:
    """A decision and the name of the person who took it."""

    row: DecisionRow
    moderator: str


def list_decisions(session: Session, community_id: int, *, before: int | None, limit: int) -> list[LoggedDecision]:
    """Decisions, undone ones and undos among them, newest first.

    Parameters
    ----------
    before : id of the last decision of the page before; None = from the newest.
    """
    statement = (
        select(DecisionRow, ModeratorRow.name)
        .join(ModeratorRow, ModeratorRow.id == DecisionRow.moderator_id)
        .where(DecisionRow.community_id == community_id)
    )
    if before is not None:
        statement = statement.where(DecisionRow.id < before)
    return [LoggedDecision(*found) for found in session.execute(statement.order_by(DecisionRow.id.desc()).limit(limit))]
