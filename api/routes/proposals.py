"""Proposals with an identity: list them, read what became of one, decide."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.auth import COMMUNITY, ActingModerator, MayModerate, MayRead
from api.cursors import CursorParameter, Limit, read_number, write_cursor
from api.deps import Now, Transaction
from api.idempotency import Writing
from api.schemas.problem import WRITES, problems
from api.schemas.proposals import ProposalDecisionBody, ProposalHistoryView, ProposalPageView, ProposalView
from api.schemas.text import MAX_INTEGER
from moderation.proposal_decisions import decide_proposal, find_proposal, list_proposals
from moderation.proposals import Kind, State, events_of

router = APIRouter(prefix=COMMUNITY, tags=["Proposals"])

ProposalId = Annotated[int, Path(ge=1, le=MAX_INTEGER, description="The proposal.", examples=[5])]


@router.get("/proposals", summary="List the proposals", responses=problems())
def read_proposals(
    caller: MayRead,
    session: Transaction,
    state: Annotated[list[State] | None, Query(description="All where none is named.")] = None,
    kind: Annotated[list[Kind] | None, Query(description="All where none is named.")] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> ProposalPageView:
    """Splits, niches, merges and revivals that were ever proposed, the newest first, with what became of each."""
    rows = list_proposals(
        session, caller.community.id, states=state or (), kinds=kind or (), before=read_number(cursor), limit=limit + 1
    )
    shown = rows[:limit]
    return ProposalPageView(
        items=[ProposalView.of(row) for row in shown],
        next_cursor=write_cursor(shown[-1].id) if len(rows) > limit else None,
    )


@router.get("/proposals/{proposal_id}", summary="Read a proposal", responses=problems())
def read_proposal(caller: MayRead, proposal_id: ProposalId, session: Transaction) -> ProposalHistoryView:
    """The proposal, every event, and for a declined one when it comes back."""
    row = find_proposal(session, caller.community.id, proposal_id)
    return ProposalHistoryView.of(row, events_of(session, row.id))


@router.post(
    "/proposals/{proposal_id}/decision",
    summary="Decide on a proposal",
    response_model=ProposalHistoryView,
    responses=problems(409, *WRITES),
)
def decide(
    caller: MayModerate,
    proposal_id: ProposalId,
    body: ProposalDecisionBody,
    session: Transaction,
    write: Writing,
    moderator: ActingModerator,
    now: Now,
) -> Response:
    """Accept, decline, or open it again. The software does nothing to the community: an accepted one is followed.

    A declined one is not proposed again until its evidence has grown by what `comes_back_when` says.
    """

    def do() -> ProposalHistoryView:
        row = decide_proposal(
            session, caller.community, proposal_id, body.decision, note=body.note, moderator=moderator, now=now
        )
        return ProposalHistoryView.of(row, events_of(session, row.id))

    return write.once(caller.community, do)
