"""The queue: items, claims and decisions."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api.auth import COMMUNITY, ActingModerator, Caller, MayModerate, MayRead
from api.cursors import CursorParameter, Limit, read_number, write_cursor
from api.deps import Now, Transaction
from api.errors import problem_members
from api.idempotency import Writing
from api.schemas.flags import (
    BulkBody,
    BulkOutcomesView,
    BulkOutcomeView,
    ClaimView,
    DecisionBody,
    DecisionPageView,
    DecisionView,
    FlagPageView,
    NotScoredPageView,
    view_claim,
    view_decision,
    view_flag,
    view_logged,
    view_not_scored,
)
from api.schemas.problem import WRITES, Problem, problems
from api.schemas.text import MAX_INTEGER, RowId, StorableText
from moderation.decided_neighbours import nearest_decided
from moderation.decision_log import list_decisions
from moderation.decisions import (
    BulkOutcome,
    BulkRequest,
    DecisionRequest,
    ShownItem,
    record_decision,
    record_decisions,
    undo_decision,
)
from moderation.errors import DecisionUnknown
from moderation.flag_queue import (
    WAITS_LONG,
    FlagFilter,
    FlagStatus,
    Order,
    claim_flag,
    list_flags,
    list_not_scored,
    release_flag,
)
from moderation.flags import Lane
from moderation.tables import DecisionRow, ModeratorRow

router = APIRouter(prefix=COMMUNITY, tags=["Queue"])

LANES: tuple[Lane, ...] = ("answer", "placement", "review")
FlagId = Annotated[int, Path(ge=1, le=MAX_INTEGER, description="The item.", examples=[81])]


@router.get("/flags", summary="List the queue", responses=problems())
def read_flags(
    caller: MayRead,
    session: Transaction,
    now: Now,
    lane: Lane | None = None,
    status: FlagStatus = "open",
    topic: RowId | None = None,
    space: StorableText | None = None,
    language: StorableText | None = None,
    since: Annotated[AwareDatetime | None, Query(description="When the item came into the queue.")] = None,
    min_probability: Annotated[float | None, Query(ge=0, le=1, allow_inf_nan=False)] = None,
    order: Order = "priority",
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> FlagPageView:
    """Items with all that a person needs to decide; one item per post, with all its reasons."""
    wanted = FlagFilter(
        lane=lane,
        status=status,
        topic_id=topic,
        space=space,
        language=language,
        since=since,
        min_probability=min_probability,
        order=order,
    )
    page = list_flags(session, caller.community.id, wanted, now=now, cursor=cursor, limit=limit)
    flag_ids = [item.flag_id for item in page.items]
    decided = nearest_decided(session, caller.community.id, flag_ids, lanes=LANES if lane is None else [lane])
    items = [view_flag(item, decided.get(item.flag_id, ())) for item in page.items]
    return FlagPageView(items=items, next_cursor=page.next_cursor)


@router.post("/flags/{flag_id}/claim", summary="Claim an item", response_model=ClaimView, responses=problems(409))
def claim_item(
    caller: MayModerate, flag_id: FlagId, session: Transaction, write: Writing, moderator: ActingModerator, now: Now
) -> Response:
    """Others see who is working on it; it ends with the decision, by releasing it, or by itself after ten minutes.

    Asking again makes it last ten minutes from then.
    """

    def claim() -> ClaimView:
        return view_claim(claim_flag(session, caller.community.id, flag_id, moderator.id, now=now))

    return write.once(caller.community, claim)


@router.delete("/flags/{flag_id}/claim", summary="Release an item", status_code=204, responses=problems(409))
def release_item(
    caller: MayModerate, flag_id: FlagId, session: Transaction, write: Writing, moderator: ActingModerator, now: Now
) -> Response:
    """An item that nobody holds is fine; one that somebody else holds stays theirs."""

    def release() -> None:
        release_flag(session, caller.community.id, flag_id, moderator.id, now=now)

    return write.once(caller.community, release)


@router.post(
    "/flags/{flag_id}/decisions",
    summary="Decide about an item",
    response_model=DecisionView,
    responses=problems(409, *WRITES),
)
def decide(
    caller: MayModerate,
    flag_id: FlagId,
    body: DecisionBody,
    session: Transaction,
    write: Writing,
    moderator: ActingModerator,
    now: Now,
) -> Response:
    """Records what a person thinks of one lane of an item; nothing is removed, hidden or moved by it.

    Refused with 409 when somebody else decided it (the problem says who), holds the claim, or when the post was edited
    after it was shown: the problem then holds the new `revision` and `text`. `undo` takes a decision about the item
    back, with all its effects.
    """

    def record() -> DecisionView:
        if body.action == "undo":
            return view_decision(_undo(session, caller, flag_id, body, moderator=moderator, now=now), moderator.name)
        assert body.revision is not None  # the body was checked
        request = DecisionRequest(
            body.action,
            body.revision,
            lane=body.lane,
            space=body.space,
            topic_id=body.topic_id,
            note=body.note,
            mode=body.mode,
        )
        row = record_decision(session, caller.community, flag_id, request, moderator=moderator, now=now)
        return view_decision(row, moderator.name)

    return write.once(caller.community, record)


@router.post(
    "/decisions",
    summary="Decide the same about several items",
    response_model=BulkOutcomesView,
    responses=problems(*WRITES),
)
def decide_in_bulk(
    request: Request,
    caller: MayModerate,
    body: BulkBody,
    session: Transaction,
    write: Writing,
    moderator: ActingModerator,
    now: Now,
) -> Response:
    """For items whose evidence was on somebody's screen, each named with the revision that was shown, and a reason.

    Each item stands by itself: one that was edited or decided meanwhile is refused, the others are decided.
    """
    wanted = BulkRequest(body.action, body.note, space=body.space, topic_id=body.topic_id, mode=body.mode)
    items = [ShownItem(item.flag_id, item.revision, lane=item.lane) for item in body.items]

    def record() -> BulkOutcomesView:
        outcomes = record_decisions(session, caller.community, items, wanted, moderator=moderator, now=now)
        views = [_view_outcome(request, outcome, moderator) for outcome in outcomes]
        n_decided = sum(view.problem is None for view in views)
        return BulkOutcomesView(decided=n_decided, refused=len(views) - n_decided, items=views)

    return write.once(caller.community, record)


@router.get("/decisions", summary="List decisions", responses=problems())
def read_decisions(
    caller: MayRead, session: Transaction, limit: Limit = 50, cursor: CursorParameter = None
) -> DecisionPageView:
    """Every decision as it was taken, newest first; an undo is a decision that names the one it takes back."""
    found = list_decisions(session, caller.community.id, before=read_number(cursor), limit=limit + 1)
    shown = found[:limit]
    return DecisionPageView(
        items=[view_logged(decision) for decision in shown],
        next_cursor=write_cursor(shown[-1].row.id) if len(found) > limit else None,
    )


@router.get("/not-scored", summary="List posts without scores", responses=problems())
def read_not_scored(
    caller: MayRead, session: Transaction, now: Now, limit: Limit = 50, cursor: CursorParameter = None
) -> NotScoredPageView:
    """Posts that could not be scored, or have waited for it more than ten minutes: they may be anything."""
    page = list_not_scored(
        session, caller.community.id, now=now, waiting_longer_than=WAITS_LONG, cursor=cursor, limit=limit
    )
    return NotScoredPageView(items=[view_not_scored(post) for post in page.posts], next_cursor=page.next_cursor)


def _undo(
    session: Session, caller: Caller, flag_id: int, body: DecisionBody, *, moderator: ModeratorRow, now: datetime
) -> DecisionRow:
    assert body.undoes is not None  # the body was checked
    row = undo_decision(session, caller.community, body.undoes, moderator=moderator, now=now)
    if row.flag_id != flag_id:
        raise DecisionUnknown(f"decision {body.undoes} is not about item {flag_id}")
    return row


def _view_outcome(request: Request, outcome: BulkOutcome, moderator: ModeratorRow) -> BulkOutcomeView:
    decision = None if outcome.decision is None else view_decision(outcome.decision, moderator.name)
    refusal = None if outcome.refusal is None else problem_members(request, outcome.refusal)
    return BulkOutcomeView(
        flag_id=outcome.flag_id,
        decision=decision,
        problem=None if refusal is None else Problem.model_validate(refusal),
    )
