"""The ledger of topics: what became of each; and what moderators ask of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime
from sqlalchemy.orm import Session
from starlette.responses import Response

from api.auth import COMMUNITY, ActingModerator, Caller, MayModerate, MayRead
from api.cursors import CursorParameter, Limit, read_number, read_place, write_cursor
from api.deps import Now, Transaction
from api.idempotency import Writing
from api.routes.findings import TopicId
from api.schemas.problem import WRITES, problems
from api.schemas.text import MAX_INTEGER
from api.schemas.topics import (
    KeepApartBody,
    MergeBody,
    RenameBody,
    TopicEventPageView,
    TopicHistoryView,
    TopicOrderPageView,
    TopicOrderView,
    view_event,
    view_state,
    view_then,
)
from moderation.errors import CursorInvalid, TopicUnknown
from moderation.tables import ModeratorRow, TopicEventRow, TopicOrderRow
from moderation.topic_changes import TopicChange, change_topic, undo_change
from moderation.topic_history import EVENTFUL, list_topic_events, states_of_topic, topic_at
from moderation.topic_orders import LoggedOrder, list_orders
from topics.ledger import EventKind

router = APIRouter(prefix=COMMUNITY, tags=["Topics"])

OrderId = Annotated[int, Path(ge=1, le=MAX_INTEGER, description="The change.", examples=[7])]
MOST_EVENTS = 100


@router.get("/topics/{topic_id}/history", summary="Read a topic's history", responses=problems())
def read_topic_history(
    caller: MayRead,
    topic_id: TopicId,
    session: Transaction,
    at: Annotated[AwareDatetime | None, Query(description="What it was at this moment; without it, all along.")] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> TopicHistoryView:
    """What a topic was after each refit, newest first, and its latest events but "kept"; also when it is gone."""
    community_id = caller.community.id
    events = [view_event(row) for row in list_topic_events(session, community_id, topic_id=topic_id, limit=MOST_EVENTS)]
    if at is not None:
        known = [event for event in events if event.happened_at <= at]
        return view_then(topic_at(session, community_id, topic_id, at=at), known, at=at)
    place = read_place(cursor)
    rows = states_of_topic(session, community_id, topic_id, before=None if place is None else place[0], limit=limit + 1)
    if not rows and not events:
        raise TopicUnknown(f"there never was a topic {topic_id}")
    shown = rows[:limit]
    return TopicHistoryView(
        topic_id=topic_id,
        at=None,
        is_gone=None,
        states=[view_state(row) for row in shown],
        events=events,
        next_cursor=write_cursor(shown[-1].fitted_at, str(topic_id)) if len(rows) > limit else None,
    )


@router.get("/topic-events", summary="Read the ledger of topics", responses=problems())
def read_topic_events(
    caller: MayRead,
    session: Transaction,
    kind: Annotated[list[EventKind] | None, Query(description="All but `kept` where none is named.")] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> TopicEventPageView:
    """What became of the topics at each refit and by moderators, newest first."""
    rows = list_topic_events(
        session, caller.community.id, kinds=kind or EVENTFUL, before=_event_place(cursor), limit=limit + 1
    )
    shown = rows[:limit]
    return TopicEventPageView(
        items=[view_event(row) for row in shown],
        next_cursor=_event_cursor(shown[-1]) if len(rows) > limit else None,
    )


@router.get("/topic-orders", summary="List changes of topics by moderators", responses=problems())
def read_topic_orders(
    caller: MayRead, session: Transaction, limit: Limit = 50, cursor: CursorParameter = None
) -> TopicOrderPageView:
    """Who renamed, merged, pinned or kept apart which topic and when, newest first, with what was taken back."""
    found = list_orders(session, caller.community.id, before=read_number(cursor), limit=limit + 1)
    shown = found[:limit]
    return TopicOrderPageView(
        items=[TopicOrderView.of(logged) for logged in shown],
        next_cursor=write_cursor(shown[-1].row.id) if len(found) > limit else None,
    )


@router.post(
    "/topics/{topic_id}/rename",
    summary="Rename a topic",
    response_model=TopicOrderView,
    responses=problems(409, *WRITES),
)
def rename_topic(
    caller: MayModerate,
    topic_id: TopicId,
    body: RenameBody,
    session: Transaction,
    write: Writing,
    moderator: ActingModerator,
    now: Now,
) -> Response:
    """The name stays through refits until it is changed again or taken back."""
    change = TopicChange("rename", name=body.name)
    return write.once(caller.community, _changer(session, caller, topic_id, change, moderator=moderator, now=now))


@router.post(
    "/topics/{topic_id}/merge", summary="Merge a topic", response_model=TopicOrderView, responses=problems(409, *WRITES)
)
def merge_topic(
    caller: MayModerate,
    topic_id: TopicId,
    body: MergeBody,
    session: Transaction,
    write: Writing,
    moderator: ActingModerator,
    now: Now,
) -> Response:
    """Its posts, those to come too, are in the other topic at once, and no refit takes them apart again."""
    change = TopicChange("merge", other_topic_id=body.into)
    return write.once(caller.community, _changer(session, caller, topic_id, change, moderator=moderator, now=now))


@router.post(
    "/topics/{topic_id}/pin", summary="Pin a topic", response_model=TopicOrderView, responses=problems(409, *WRITES)
)
def pin_topic(
    caller: MayModerate, topic_id: TopicId, session: Transaction, write: Writing, moderator: ActingModerator, now: Now
) -> Response:
    """No refit retires it or merges it into another while it has posts."""
    change = TopicChange("pin")
    return write.once(caller.community, _changer(session, caller, topic_id, change, moderator=moderator, now=now))


@router.post(
    "/topics/{topic_id}/unpin", summary="Unpin a topic", response_model=TopicOrderView, responses=problems(409, *WRITES)
)
def unpin_topic(
    caller: MayModerate, topic_id: TopicId, session: Transaction, write: Writing, moderator: ActingModerator, now: Now
) -> Response:
    """From the next refit on it may go as any other topic."""
    change = TopicChange("unpin")
    return write.once(caller.community, _changer(session, caller, topic_id, change, moderator=moderator, now=now))


@router.post(
    "/topics/{topic_id}/keep-apart",
    summary="Keep two topics apart",
    response_model=TopicOrderView,
    responses=problems(409, *WRITES),
)
def keep_topics_apart(
    caller: MayModerate,
    topic_id: TopicId,
    body: KeepApartBody,
    session: Transaction,
    write: Writing,
    moderator: ActingModerator,
    now: Now,
) -> Response:
    """No refit and no moderator makes one topic of the two, until this is taken back."""
    change = TopicChange("keep_apart", other_topic_id=body.other)
    return write.once(caller.community, _changer(session, caller, topic_id, change, moderator=moderator, now=now))


@router.post(
    "/topic-orders/{order_id}/undo",
    summary="Take a change of a topic back",
    response_model=TopicOrderView,
    responses=problems(409, *WRITES),
)
def undo_topic_order(
    caller: MayModerate, order_id: OrderId, session: Transaction, write: Writing, moderator: ActingModerator, now: Now
) -> Response:
    """A name becomes the one before; of a merge, the posts that are still there go back under the old id."""

    def undo() -> TopicOrderView:
        row = undo_change(session, caller.community, order_id, moderator=moderator, now=now)
        return _view(row, moderator)

    return write.once(caller.community, undo)


def _changer(
    session: Session, caller: Caller, topic_id: int, change: TopicChange, *, moderator: ModeratorRow, now: datetime
) -> Callable[[], TopicOrderView]:
    def do() -> TopicOrderView:
        return _view(change_topic(session, caller.community, topic_id, change, moderator=moderator, now=now), moderator)

    return do


def _view(row: TopicOrderRow, moderator: ModeratorRow) -> TopicOrderView:
    return TopicOrderView.of(LoggedOrder(row, moderator.name, None, None))


def _event_place(cursor: str | None) -> tuple[datetime, int] | None:
    """The moment and the number of the last event of the page before.

    Raises
    ------
    CursorInvalid
    """
    place = read_place(cursor)
    if place is None:
        return None
    if not place[1].isdecimal() or int(place[1]) > MAX_INTEGER:
        raise CursorInvalid("the cursor is not one of this list")
    return place[0], int(place[1])


def _event_cursor(row: TopicEventRow) -> str:
    return write_cursor(row.happened_at, str(row.id))
