"""People accept and decline proposals, or open them again; nothing is done to the community by it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import ProposalDecisionRefused, ProposalUnknown
from moderation.incoming import lock_community
from moderation.proposals import OPEN, Kind, State, add_event
from moderation.tables import CommunityRow, ModeratorRow, ProposalRow

Decision = Literal["accept", "decline", "reopen"]

_EVENT: Mapping[Decision, str] = {"accept": "accepted", "decline": "declined", "reopen": "reopened"}
_FROM: Mapping[Decision, Collection[str]] = {"accept": OPEN, "decline": OPEN, "reopen": ("accepted", "declined")}
_TO: Mapping[Decision, State] = {"accept": "accepted", "decline": "declined", "reopen": "proposed"}


def find_proposal(session: Session, community_id: int, proposal_id: int) -> ProposalRow:
    """One proposal, whatever became of it.

    Raises
    ------
    ProposalUnknown
    """
    row = session.get(ProposalRow, proposal_id)
    if row is None or row.community_id != community_id:
        raise ProposalUnknown(f"there never was a proposal {proposal_id}")
    return row


def list_proposals(
    session: Session,
    community_id: int,
    *,
    states: Sequence[State] = (),
    kinds: Sequence[Kind] = (),
    before: int | None = None,
    limit: int,
) -> Sequence[ProposalRow]:
    """Proposals, the newest first.

    Parameters
    ----------
    states, kinds : only those; none named = all.
    before : the id of the last one of the page before; None = from the newest.
    """
    statement = select(ProposalRow).where(ProposalRow.community_id == community_id)
    if states:
        statement = statement.where(ProposalRow.state.in_(states))
    if kinds:
        statement = statement.where(ProposalRow.kind.in_(kinds))
    if before is not None:
        statement = statement.where(ProposalRow.id < before)
    return session.scalars(statement.order_by(ProposalRow.id.desc()).limit(limit)).all()


def decide_proposal(
    session: Session,
    community: CommunityRow,
    proposal_id: int,
    decision: Decision,
    *,
    note: str | None,
    moderator: ModeratorRow,
    now: datetime,
) -> ProposalRow:
    """Write down what a moderator decided.

    Raises
    ------
    ProposalUnknown
    ProposalDecisionRefused
        It was decided before, is not found any more, or is not decided yet and cannot be opened again.
    """
    lock_community(session, community.id)
    row = find_proposal(session, community.id, proposal_id)
    if row.state not in _FROM[decision]:
        raise ProposalDecisionRefused(row.state)
    row.state = _TO[decision]
    if decision == "reopen":
        row.followed = None
    add_event(session, row, _EVENT[decision], now=now, moderator=moderator, note=note)
    session.flush()
    return row
