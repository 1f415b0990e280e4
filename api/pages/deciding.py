"""Deciding about items, one or several at once, and taking decisions back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import aliased

from api.pages.desk import MAX_ID, AtDesk, Desk, Filled, FilledIn, FlagId, FromView, SendsFromDesk, ViewQuery
from api.pages.drawing import answer_part, asks_for_part, draw, draw_part
from api.pages.queue import Told, draw_item, draw_queue, draw_standing
from api.pages.queue_filter import QueueView, read_view
from api.pages.queue_view import CONTEXT_CHARACTERS, HEADING_CHARACTERS, Reader, ShownPost, show_post
from api.pages.queue_wording import Notice, action_words, refusal_notice
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
from moderation.reports.quotes import shortened
from moderation.tables import DecisionRow, FlagRow, ModeratorRow, PostRow

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


@dataclass(frozen=True)
class FoundDecision:
    """A decision with what the list tells beside it.

    Attributes
    ----------
    undone : the decision that this one takes back; None = it is no undo.
    undone_at, undone_by : when this one was taken back and by whom; None = it stands.
    post : None = deleted with all that is known about it.
    """

    row: DecisionRow
    moderator: str
    undone: DecisionRow | None
    undone_at: datetime | None
    undone_by: str | None
    post: PostRow | None


@router.post("/flags/{flag_id}/decisions")
def decide(
    desk: SendsFromDesk,
    flag_id: FlagId,
    action: Annotated[Action, Form()],
    revision: Annotated[int, Form(ge=0, le=MAX_ID)],
    view: FromView,
    filled: FilledIn,
) -> Response:
    """Decide about one item as it was shown."""
    space, topic_id = _place_of(filled.place) if action == "place" else (None, None)
    note = filled.note.strip() or None
    wanted = DecisionRequest(action, revision, lane=view.lane, space=space, topic_id=topic_id, note=note)
    community, moderator = desk.visitor.community_row, desk.visitor.moderator
    try:
        with desk.session.begin_nested():
            decision = record_decision(desk.session, community, flag_id, wanted, moderator=moderator, now=desk.now)
    except FlagUnknown:
        raise
    except DecisionRefused as error:
        return _refused(desk, flag_id, view, filled=filled, error=error)
    if not asks_for_part(desk.request):
        return RedirectResponse(f"{desk.visitor.base}/queue?{view.query}&did={decision.id}", 303)
    what = action_words(desk.texts, action, view.lane, place=desk.reader.place_name(decision))
    heading = _headings(desk, [flag_id])[flag_id]
    done = Done(flag_id, desk.texts.say("told.decided", what=what), heading=heading, undo_id=decision.id)
    return answer_part(_draw_done(desk, view, done) + draw_standing(desk, view))


@router.post("/decisions")
def decide_several(
    desk: SendsFromDesk,
    action: Annotated[Action, Form()],
    view: FromView,
    item: Annotated[list[str] | None, Form(max_length=MAX_BULK_ITEMS)] = None,
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Decide the same about the picked items, each by itself."""
    picked = [_picked(code, view.lane) for code in item or []]
    complaint = "bulk.none_picked" if not picked else "bulk.no_reason" if not note.strip() else None
    if complaint is not None:
        told = Told(desk.texts.say(complaint), tone="warn")
        return draw_queue(desk, view, status=422, told=told, bulk_note=note)
    outcomes = record_decisions(
        desk.session,
        desk.visitor.community_row,
        picked,
        BulkRequest(action, note.strip()),
        moderator=desk.visitor.moderator,
        now=desk.now,
    )
    lines = _refused_lines(desk, outcomes, view.lane)
    n_done = sum(outcome.decision is not None for outcome in outcomes)
    if not lines:
        return RedirectResponse(f"{desk.visitor.base}/queue?{view.query}&told=bulk-{n_done}", 303)
    partly = Told(desk.texts.count("told.bulk", n_done)) if n_done else None
    return draw_queue(desk, view, status=409, told=partly, bulk_lines=lines, bulk_note=note)


@router.post("/decisions/{decision_id}/undo")
def undo(desk: SendsFromDesk, decision_id: FlagId, view: ViewQuery = "") -> Response:
    """Take a decision back."""
    community, moderator, shown = desk.visitor.community_row, desk.visitor.moderator, read_view(view)
    try:
        with desk.session.begin_nested():
            taken_back = undo_decision(desk.session, community, decision_id, moderator=moderator, now=desk.now)
    except DecisionUnknown:
        raise
    except DecisionRefused as error:
        return _undo_refused(desk, decision_id, shown, error=error)
    if not asks_for_part(desk.request):
        address = "decisions?" if view == "decisions" else f"queue?{shown.query}&"
        return RedirectResponse(f"{desk.visitor.base}/{address}told=undone", 303)
    flag = desk.flag(taken_back.flag_id)
    if taken_back.lane in flag.lanes:
        part = draw_item(desk, flag, shown)
    else:
        part = _draw_done(desk, shown, Done(flag.id, desk.texts.say("done.undone_gone")))
    return answer_part(part + draw_standing(desk, shown))


@router.get("/decisions")
def decisions_page(
    desk: AtDesk,
    before: Annotated[int | None, Query(ge=0, le=MAX_ID)] = None,
    told: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """What people decided, newest first."""
    line = Told(desk.texts.say("told.undone")) if told == "undone" else None
    return _draw_decisions(desk, before=before, told=line)


def _refused(desk: Desk, flag_id: int, view: QueueView, *, filled: Filled, error: DecisionRefused) -> Response:
    """The item that could not be decided, in its place or at the top of the page."""
    notice = refusal_notice(error, desk.texts, lane=view.lane)
    status = 422 if isinstance(error, ActionNotPossible | LaneNeeded) else 409
    new_item_id = error.flag_id if isinstance(error, PostEdited) else None
    if isinstance(error, FlagAlreadyDecided | FlagClosed) or (isinstance(error, PostEdited) and new_item_id is None):
        text = _shown_post(desk, flag_id) if isinstance(error, PostEdited) else None
        part = _draw_done(desk, view, _nothing_left(desk, flag_id, notice, note=filled.note, text=text))
    else:
        part = draw_item(desk, desk.flag(new_item_id or flag_id), view, notice=notice, filled=filled)
    if asks_for_part(desk.request):
        return answer_part(part + draw_standing(desk, view), status=status)
    return draw_queue(desk, view, status=status, front=part, without=new_item_id or flag_id)


def _nothing_left(desk: Desk, flag_id: int, notice: Notice, *, note: str, text: ShownPost | None) -> Done:
    """What is told of an item about which nothing can be decided any more."""
    return Done(
        flag_id,
        notice.heading,
        heading=_headings(desk, [flag_id])[flag_id] if text is None else "",
        onward=notice.line,
        text=text,
        kept_note=note.strip(),
        undo_id=notice.undo_id,
    )


def _shown_post(desk: Desk, flag_id: int) -> ShownPost:
    flag = desk.flag(flag_id)
    return show_post(desk.session.get_one(PostRow, (flag.community_id, flag.post_id)), desk.reader)


def _refused_lines(desk: Desk, outcomes: Sequence[BulkOutcome], lane: Lane) -> list[str]:
    """One line for every item that was not decided."""
    refused = {outcome.flag_id: outcome.refusal for outcome in outcomes if outcome.refusal is not None}
    headings = _headings(desk, list(refused))
    notices = {flag_id: refusal_notice(refusal, desk.texts, lane=lane) for flag_id, refusal in refused.items()}
    return [
        desk.texts.say("bulk.line", heading=headings.get(flag_id, str(flag_id)), why=notice.heading)
        for flag_id, notice in notices.items()
    ]


def _undo_refused(desk: Desk, decision_id: int, view: QueueView, *, error: DecisionRefused) -> Response:
    decision = desk.session.get_one(DecisionRow, decision_id)
    notice = refusal_notice(error, desk.texts, lane=decision.lane)
    if asks_for_part(desk.request):
        part = _draw_done(desk, view, Done(decision.flag_id, notice.heading, onward=notice.line))
        return answer_part(part, status=409)
    told = Told(f"{notice.heading} {notice.line}".strip(), tone="warn")
    return _draw_decisions(desk, before=None, told=told, status=409)


def _draw_done(desk: Desk, view: QueueView, done: Done) -> str:
    return draw_part("_done.html.j2", desk.texts, visitor=desk.visitor, view=view, done=done)


def _draw_decisions(desk: Desk, *, before: int | None, told: Told | None, status: int = 200) -> Response:
    found = _decisions(desk, before)
    shown = [_shown(one, desk.reader) for one in found[:PAGE_DECISIONS]]
    next_link = f"{desk.visitor.base}/decisions?before={shown[-1].id}" if len(found) > PAGE_DECISIONS else None
    return draw(
        desk.request,
        "decisions.html.j2",
        desk.texts,
        status=status,
        visitor=desk.visitor,
        here="decisions",
        decisions=shown,
        next_link=next_link,
        told=told,
    )


def _decisions(desk: Desk, before: int | None) -> list[FoundDecision]:
    """The decisions before one, newest first, and one more than a page holds."""
    undone, undo, undoer = aliased(DecisionRow), aliased(DecisionRow), aliased(ModeratorRow)
    statement = (
        select(DecisionRow, ModeratorRow.name, undone, undo.decided_at, undoer.name, PostRow)
        .join(ModeratorRow, ModeratorRow.id == DecisionRow.moderator_id)
        .outerjoin(undone, undone.id == DecisionRow.undoes)
        .outerjoin(undo, undo.undoes == DecisionRow.id)
        .outerjoin(undoer, undoer.id == undo.moderator_id)
        .outerjoin(PostRow, (PostRow.community_id == DecisionRow.community_id) & (PostRow.id == DecisionRow.post_id))
        .where(DecisionRow.community_id == desk.community_id)
        .order_by(DecisionRow.id.desc())
    )
    if before is not None:
        statement = statement.where(DecisionRow.id < before)
    return [FoundDecision(*found) for found in desk.session.execute(statement.limit(PAGE_DECISIONS + 1))]


def _shown(found: FoundDecision, reader: Reader) -> ShownDecision:
    texts, decision = reader.texts, found.row
    undone_by = None
    if found.undone_at is not None and found.undone_by is not None:
        at = texts.wording.minute(found.undone_at)
        undone_by = texts.say("decisions.undone_by", name=found.undone_by, at=at)
    return ShownDecision(
        id=decision.id,
        line=_decision_line(found, reader),
        lane=decision.lane,
        moderator=found.moderator,
        decided=texts.wording.minute(decision.decided_at),
        decided_at=decision.decided_at,
        note=decision.note,
        post=None if found.post is None else show_post(found.post, reader, n_characters=CONTEXT_CHARACTERS),
        undone_by=undone_by,
        can_be_undone=decision.undoes is None and found.undone_at is None,
    )


def _decision_line(found: FoundDecision, reader: Reader) -> str:
    told = found.undone or found.row
    what = action_words(reader.texts, told.action, told.lane, place=reader.place_name(told))
    return what if found.undone is None else reader.texts.say("action.done.undo", what=what)


def _headings(desk: Desk, flag_ids: Sequence[int]) -> dict[int, str]:
    """What some items are about in a few words: the title of the post, or how it begins; by the id of the item."""
    of_flag = (PostRow.community_id == FlagRow.community_id) & (PostRow.id == FlagRow.post_id)
    statement = select(FlagRow.id, PostRow).join(PostRow, of_flag)
    mine = FlagRow.community_id == desk.community_id, FlagRow.id.in_(flag_ids)
    posts = {flag_id: show_post(post, desk.reader) for flag_id, post in desk.session.execute(statement.where(*mine))}
    words = {flag_id: " ".join((post.title or post.words).split()) for flag_id, post in posts.items()}
    return {flag_id: shortened(told, HEADING_CHARACTERS) for flag_id, told in words.items()}


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
