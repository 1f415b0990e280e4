"""Deciding about items, one or several at once, and taking decisions back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from api.deps import Now, Transaction
from api.pages.drawing import answer_part, asks_for_part, draw, draw_part
from api.pages.queue import (
    MAX_ID,
    FlagId,
    Note,
    Place,
    Told,
    ViewQuery,
    draw_item,
    draw_queue,
    draw_standing,
    flag_of,
    reader_of,
)
from api.pages.queue_filter import QueueView, read_view
from api.pages.queue_view import CONTEXT_CHARACTERS, Reader, ShownPost, show_post
from api.pages.queue_wording import action_words, refusal_notice
from api.pages.visitor import SendsForm, SignedIn, Visitor
from moderation.decisions import (
    Action,
    BulkOutcome,
    BulkRequest,
    DecisionRequest,
    ShownItem,
    record_decision,
    record_decisions,
    undo_decision,
)
from moderation.errors import (
    ActionNotPossible,
    DecisionRefused,
    DecisionUnknown,
    FlagAlreadyDecided,
    FlagClosed,
    FlagUnknown,
    LaneNeeded,
    PostEdited,
)
from moderation.flags import Lane
from moderation.tables import DecisionRow, ModeratorRow, PostRow

PAGE_DECISIONS = 40
MAX_BULK_ITEMS = 100

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Done:
    """What takes the place of an item once nothing is left to decide about it.

    Attributes
    ----------
    text : of the post as it is now, where that is new to the reader.
    kept_note : what the reader had filled in and nobody has seen.
    undo_id : the decision that can be taken back from here.
    """

    flag_id: int
    line: str
    heading: str = ""
    onward: str = ""
    text: ShownPost | None = None
    kept_note: str = ""
    undo_id: int | None = None


@dataclass(frozen=True)
class ShownDecision:
    """A decision as the list of decisions tells it; `undone_by` says who took it back and when."""

    id: int
    line: str
    lane: str
    moderator: str
    decided: str
    decided_at: datetime
    note: str | None
    post: ShownPost | None
    undone_by: str | None
    can_be_undone: bool


@router.post("/flags/{flag_id}/decisions")
def decide(
    request: Request,
    session: Transaction,
    visitor: SendsForm,
    now: Now,
    flag_id: FlagId,
    action: Annotated[Action, Form()],
    revision: Annotated[int, Form(ge=0, le=MAX_ID)],
    lane: Annotated[Lane, Form()],
    view: ViewQuery = "",
    note: Note = "",
    place: Place = "",
) -> Response:
    """Decide about one item as it was shown."""
    reader, shown = reader_of(session, visitor, now), read_view(view).model_copy(update={"lane": lane})
    space, topic_id = _place_of(place) if action == "place" else (None, None)
    wanted = DecisionRequest(action, revision, lane=lane, space=space, topic_id=topic_id, note=note.strip() or None)
    try:
        with session.begin_nested():
            decision = record_decision(
                session, visitor.community_row, flag_id, wanted, moderator=visitor.moderator, now=now
            )
    except FlagUnknown:
        raise
    except DecisionRefused as error:
        part, status = _refused_part(session, reader, visitor, flag_id, shown, error, note=note, place=place)
        if asks_for_part(request):
            return answer_part(part + draw_standing(session, reader, visitor, shown), status=status)
        return draw_queue(request, session, reader, visitor, shown, status=status, front=part, without=flag_id)
    if not asks_for_part(request):
        return RedirectResponse(f"{visitor.base}/queue?{shown.query}&did={decision.id}", 303)
    line = visitor.texts.say(
        "told.decided", what=action_words(visitor.texts, action, lane, place=reader.place_name(decision))
    )
    done = Done(flag_id, line, heading=_heading(session, reader, flag_id, visitor), undo_id=decision.id)
    return answer_part(_draw_done(visitor, shown, done) + draw_standing(session, reader, visitor, shown))


@router.post("/decisions")
def decide_several(
    request: Request,
    session: Transaction,
    visitor: SendsForm,
    now: Now,
    action: Annotated[Action, Form()],
    lane: Annotated[Lane, Form()],
    item: Annotated[list[str] | None, Form(max_length=MAX_BULK_ITEMS)] = None,
    view: ViewQuery = "",
    note: Note = "",
) -> Response:
    """Decide the same about the picked items, each by itself."""
    reader, shown = reader_of(session, visitor, now), read_view(view).model_copy(update={"lane": lane})
    picked = [_picked(code, lane) for code in item or []]
    complaint = "bulk.none_picked" if not picked else "bulk.no_reason" if not note.strip() else None
    if complaint is not None:
        told = Told(visitor.texts.say(complaint), tone="warn")
        return draw_queue(request, session, reader, visitor, shown, status=422, told=told, bulk_note=note)
    outcomes = record_decisions(
        session,
        visitor.community_row,
        picked,
        BulkRequest(action, note.strip()),
        moderator=visitor.moderator,
        now=now,
    )
    lines = _refused_lines(session, reader, visitor, outcomes, lane)
    n_done = sum(outcome.decision is not None for outcome in outcomes)
    if not lines:
        return RedirectResponse(f"{visitor.base}/queue?{shown.query}&told=bulk-{n_done}", 303)
    partly = Told(visitor.texts.count("told.bulk", n_done)) if n_done else None
    return draw_queue(
        request, session, reader, visitor, shown, status=409, told=partly, bulk_lines=lines, bulk_note=note
    )


@router.post("/decisions/{decision_id}/undo")
def undo(
    request: Request, session: Transaction, visitor: SendsForm, now: Now, decision_id: FlagId, view: ViewQuery = ""
) -> Response:
    """Take a decision back."""
    reader, shown = reader_of(session, visitor, now), read_view(view)
    try:
        with session.begin_nested():
            taken_back = undo_decision(
                session, visitor.community_row, decision_id, moderator=visitor.moderator, now=now
            )
    except DecisionUnknown:
        raise
    except DecisionRefused as error:
        return _undo_refused(request, session, reader, visitor, decision_id, shown, error)
    if not asks_for_part(request):
        address = "decisions?" if view == "decisions" else f"queue?{shown.query}&"
        return RedirectResponse(f"{visitor.base}/{address}told=undone", 303)
    flag = flag_of(session, visitor, taken_back.flag_id)
    if taken_back.lane in flag.lanes:
        part = draw_item(session, reader, visitor, flag, shown)
    else:
        part = _draw_done(visitor, shown, Done(flag.id, visitor.texts.say("done.undone_gone")))
    return answer_part(part + draw_standing(session, reader, visitor, shown))


@router.get("/decisions")
def decisions_page(
    request: Request,
    session: Transaction,
    visitor: SignedIn,
    now: Now,
    before: Annotated[int | None, Query(ge=0, le=MAX_ID)] = None,
    told: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """What people decided, newest first."""
    reader = reader_of(session, visitor, now)
    line = Told(visitor.texts.say("told.undone")) if told == "undone" else None
    return _draw_decisions(request, session, reader, visitor, before=before, told=line)


def _refused_part(
    session: Session,
    reader: Reader,
    visitor: Visitor,
    flag_id: int,
    view: QueueView,
    error: DecisionRefused,
    *,
    note: str,
    place: str,
) -> tuple[str, int]:
    """What takes the place of an item that could not be decided, and the status of the answer."""
    notice = refusal_notice(error, visitor.texts, lane=view.lane)
    status = 422 if isinstance(error, ActionNotPossible | LaneNeeded) else 409
    if isinstance(error, FlagAlreadyDecided | FlagClosed) or (isinstance(error, PostEdited) and error.flag_id is None):
        flag = flag_of(session, visitor, flag_id)
        post = session.get_one(PostRow, (flag.community_id, flag.post_id))
        done = Done(
            flag_id,
            notice.heading,
            heading=_heading(session, reader, flag_id, visitor),
            onward=notice.line,
            text=show_post(post, reader) if isinstance(error, PostEdited) else None,
            kept_note=note.strip(),
            undo_id=notice.undo_id,
        )
        return _draw_done(visitor, view, done), status
    shown_id = error.flag_id if isinstance(error, PostEdited) and error.flag_id is not None else flag_id
    flag = flag_of(session, visitor, shown_id)
    return draw_item(session, reader, visitor, flag, view, notice=notice, note=note, place=place), status


def _refused_lines(
    session: Session, reader: Reader, visitor: Visitor, outcomes: Sequence[BulkOutcome], lane: Lane
) -> list[str]:
    """One line for every item that was not decided."""
    lines = []
    for outcome in outcomes:
        if outcome.refusal is None:
            continue
        notice = refusal_notice(outcome.refusal, visitor.texts, lane=lane)
        heading = (
            _heading(session, reader, outcome.flag_id, visitor) if not isinstance(outcome.refusal, FlagUnknown) else ""
        )
        lines.append(visitor.texts.say("bulk.line", heading=heading or str(outcome.flag_id), why=notice.heading))
    return lines


def _undo_refused(
    request: Request,
    session: Session,
    reader: Reader,
    visitor: Visitor,
    decision_id: int,
    view: QueueView,
    error: DecisionRefused,
) -> Response:
    decision = session.get_one(DecisionRow, decision_id)
    notice = refusal_notice(error, visitor.texts, lane=decision.lane)
    if asks_for_part(request):
        part = _draw_done(visitor, view, Done(decision.flag_id, notice.heading, onward=notice.line))
        return answer_part(part, status=409)
    told = Told(f"{notice.heading} {notice.line}".strip(), tone="warn")
    return _draw_decisions(request, session, reader, visitor, before=None, told=told, status=409)


def _draw_done(visitor: Visitor, view: QueueView, done: Done) -> str:
    return draw_part("_done.html.j2", visitor.texts, visitor=visitor, view=view, done=done)


def _draw_decisions(
    request: Request,
    session: Session,
    reader: Reader,
    visitor: Visitor,
    *,
    before: int | None,
    told: Told | None,
    status: int = 200,
) -> Response:
    shown = _decisions(session, reader, before)
    next_link = (
        f"{visitor.base}/decisions?before={shown[PAGE_DECISIONS - 1].id}" if len(shown) > PAGE_DECISIONS else None
    )
    return draw(
        request,
        "decisions.html.j2",
        visitor.texts,
        status=status,
        visitor=visitor,
        here="decisions",
        decisions=shown[:PAGE_DECISIONS],
        next_link=next_link,
        told=told,
    )


def _decisions(session: Session, reader: Reader, before: int | None) -> list[ShownDecision]:
    """The decisions before one, newest first, and one more than a page holds."""
    undo, undoer = aliased(DecisionRow), aliased(ModeratorRow)
    statement = (
        select(DecisionRow, ModeratorRow.name, undo.decided_at, undoer.name, PostRow)
        .join(ModeratorRow, ModeratorRow.id == DecisionRow.moderator_id)
        .outerjoin(undo, undo.undoes == DecisionRow.id)
        .outerjoin(undoer, undoer.id == undo.moderator_id)
        .outerjoin(PostRow, (PostRow.community_id == DecisionRow.community_id) & (PostRow.id == DecisionRow.post_id))
        .where(DecisionRow.community_id == reader.community_id)
        .order_by(DecisionRow.id.desc())
    )
    if before is not None:
        statement = statement.where(DecisionRow.id < before)
    return [_shown(session, reader, *found) for found in session.execute(statement.limit(PAGE_DECISIONS + 1))]


def _shown(
    session: Session,
    reader: Reader,
    decision: DecisionRow,
    moderator: str,
    undone_at: datetime | None,
    undoer: str | None,
    post: PostRow | None,
) -> ShownDecision:
    texts = reader.texts
    line = action_words(texts, decision.action, decision.lane, place=reader.place_name(decision))
    if decision.undoes is not None:
        undone = session.get_one(DecisionRow, decision.undoes)
        what = action_words(texts, undone.action, undone.lane, place=reader.place_name(undone))
        line = texts.say("action.done.undo", what=what)
    undone_by = None
    if undone_at is not None and undoer is not None:
        undone_by = texts.say("decisions.undone_by", name=undoer, at=texts.wording.minute(undone_at))
    return ShownDecision(
        id=decision.id,
        line=line,
        lane=decision.lane,
        moderator=moderator,
        decided=texts.wording.minute(decision.decided_at),
        decided_at=decision.decided_at,
        note=decision.note,
        post=None if post is None else show_post(post, reader, n_characters=CONTEXT_CHARACTERS),
        undone_by=undone_by,
        can_be_undone=decision.undoes is None and undone_at is None,
    )


def _heading(session: Session, reader: Reader, flag_id: int, visitor: Visitor) -> str:
    flag = flag_of(session, visitor, flag_id)
    post = show_post(session.get_one(PostRow, (flag.community_id, flag.post_id)), reader, n_characters=90)
    return post.title or " ".join(post.words.split())


def _place_of(code: str) -> tuple[str | None, int | None]:
    """The space or the topic that a choice of the list means; neither = a new topic.

    Raises
    ------
    HTTPException
        422: it is no choice of the list.
    """
    kind, _, name = code.partition(":")
    if kind == "space" and name:
        return name, None
    if kind == "topic" and name.isascii() and name.isdecimal() and int(name) <= MAX_ID:
        return None, int(name)
    if code == "new":
        return None, None
    raise HTTPException(422)


def _picked(code: str, lane: Lane) -> ShownItem:
    """The item and the revision that a tick stands for.

    Raises
    ------
    HTTPException
        422: it is no tick of ours.
    """
    flag_id, _, revision = code.partition(":")
    if not all(part.isascii() and part.isdecimal() and int(part) <= MAX_ID for part in (flag_id, revision)):
        raise HTTPException(422)
    return ShownItem(int(flag_id), int(revision), lane=lane)
