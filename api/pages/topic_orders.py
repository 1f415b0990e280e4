"""What moderators do with topics on their page, what became of each topic, and the ledger of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from api.pages.desk import MAX_ID, AtDesk, Desk, SendsFromDesk
from api.pages.drawing import draw
from api.pages.texts import Texts
from api.schemas.topics import MAX_NAME
from moderation.errors import TopicChangeRefused
from moderation.findings import find_findings
from moderation.reports.ledger_part import EventTeller, ledger_entries
from moderation.reports.topic_section import by_size, topic_name
from moderation.tables import TopicEventRow
from moderation.topic_changes import TopicChange, change_topic, undo_change
from moderation.topic_history import list_topic_events, read_ledger, states_of_topic
from moderation.topic_orders import LoggedOrder, TopicAction, list_orders, pinned_topics, standing_orders

N_EVENTS, N_ORDERS, N_STATES = 100, 30, 12

TopicId = Annotated[int, Path(ge=0, le=MAX_ID)]
OtherId = Annotated[int | None, Form(ge=0, le=MAX_ID)]

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class ShownEvent:
    """What became of one topic, in a sentence."""

    at: str
    words: str


@dataclass(frozen=True)
class ShownOrder:
    """What a moderator asked for, in a line; `undone` says who took it back."""

    id: int
    line: str
    who: str
    undone: str | None


@dataclass(frozen=True)
class ShownState:
    """What a topic was after one refit."""

    at: str
    name: str
    size: str
    theme: str


@dataclass(frozen=True)
class TopicTools:
    """What the page of a topic offers to do with it, and what was done.

    Attributes
    ----------
    others : the topics to merge with or keep apart from: (id, name), by name.
    refused : why the last change was not made; None = it was, or there was none.
    """

    is_pinned: bool
    max_name: int
    others: tuple[tuple[int, str], ...]
    orders: tuple[ShownOrder, ...]
    events: tuple[ShownEvent, ...]
    states: tuple[ShownState, ...]
    refused: str | None


@router.post("/topics/{topic_id}/orders")
def change(
    desk: SendsFromDesk,
    topic_id: TopicId,
    action: Annotated[TopicAction, Form()],
    other: OtherId = None,
    name: Annotated[str, Form(max_length=MAX_NAME)] = "",
) -> Response:
    """Do something with a topic; the page it leads to is that of the topic that is left."""
    name = " ".join(name.replace("\0", " ").split())
    needs_other = action in ("merge", "keep_apart")
    if (action == "rename" and not name) or (needs_other and other is None):
        return _back(desk, topic_id, refused="incomplete")
    wanted = TopicChange(
        action, other_topic_id=other if needs_other else None, name=name if action == "rename" else None
    )
    community, moderator = desk.visitor.community_row, desk.visitor.moderator
    try:
        with desk.session.begin_nested():
            change_topic(desk.session, community, topic_id, wanted, moderator=moderator, now=desk.now)
    except TopicChangeRefused as error:
        return _back(desk, topic_id, refused=error.reason)
    return _back(desk, other if action == "merge" and other is not None else topic_id)


@router.post("/topic-orders/{order_id}/undo")
def undo(desk: SendsFromDesk, order_id: TopicId) -> Response:
    """Take a change of a topic back."""
    community, moderator = desk.visitor.community_row, desk.visitor.moderator
    try:
        with desk.session.begin_nested():
            undo_change(desk.session, community, order_id, moderator=moderator, now=desk.now)
    except TopicChangeRefused as error:
        return RedirectResponse(f"{desk.visitor.base}/topic-events?refused={error.reason}", 303)
    return RedirectResponse(f"{desk.visitor.base}/topic-events", 303)


@router.get("/topic-events")
def ledger_page(desk: AtDesk, refused: Annotated[str, Query(max_length=20)] = "") -> Response:
    """What became of the topics, and what moderators asked of them."""
    names, ledger = _names(desk), read_ledger(desk.session, desk.community_id, limit=N_EVENTS)
    return draw(
        desk.request,
        "topic_events.html.j2",
        desk.texts,
        visitor=desk.visitor,
        here="topics",
        entries=ledger_entries(ledger, names, desk.texts.wording),
        is_cut=len(ledger.events) == N_EVENTS,
        known=names,
        orders=_shown_orders(list_orders(desk.session, desk.community_id, limit=N_ORDERS), names, desk.texts),
        refused=_refused_words(refused, desk.texts),
    )


def tools_of(desk: Desk, topic_id: int, *, refused: str) -> TopicTools:
    """What the page of a topic shows beside its posts."""
    session, community_id, texts, names = desk.session, desk.community_id, desk.texts, _names(desk)
    others = sorted(
        ((each, name) for each, name in names.items() if each != topic_id), key=lambda pair: pair[1].casefold()
    )
    events = list_topic_events(session, community_id, topic_id=topic_id, limit=N_EVENTS)
    orders = list_orders(session, community_id, topic_id=topic_id, limit=N_ORDERS)
    states = states_of_topic(session, community_id, topic_id, limit=N_STATES)
    return TopicTools(
        is_pinned=topic_id in pinned_topics(standing_orders(session, community_id)),
        max_name=MAX_NAME,
        others=tuple(others),
        orders=_shown_orders(orders, names, texts),
        events=_shown_events(events, names, texts),
        states=tuple(
            ShownState(
                at=texts.wording.minute(state.fitted_at),
                name=state.name or texts.say("topic.number", id=str(topic_id)),
                size=texts.wording.count("topic.size", state.n_posts, share=texts.wording.share(state.share)),
                theme=state.theme_name or "",
            )
            for state in states
        ),
        refused=_refused_words(refused, texts),
    )


def _back(desk: Desk, topic_id: int, *, refused: str = "") -> Response:
    query = f"?refused={refused}" if refused else ""
    return RedirectResponse(f"{desk.visitor.base}/topics/{topic_id}{query}#history", 303)


def _names(desk: Desk) -> dict[int, str]:
    contents: Mapping[str, Any] = find_findings(desk.session, desk.community_id, "topics").contents
    return {topic["id"]: topic_name(topic, desk.texts.wording) for topic in by_size(contents)}


def _refused_words(reason: str, texts: Texts) -> str | None:
    key = f"order.refused.{reason}"
    return texts.say(key) if reason and texts.knows(key) else None


def _shown_orders(orders: Sequence[LoggedOrder], names: Mapping[int, str], texts: Texts) -> tuple[ShownOrder, ...]:
    return tuple(_shown_order(order, names, texts) for order in orders)


def _shown_order(order: LoggedOrder, names: Mapping[int, str], texts: Texts) -> ShownOrder:
    row = order.row
    undone = None
    if order.undone_by is not None and order.undone_at is not None:
        undone = texts.say("order.undone", who=order.undone_by, at=texts.wording.minute(order.undone_at))
    return ShownOrder(
        id=row.id,
        line=texts.say(
            f"order.did.{row.action}",
            topic=_called(row.topic_id, names, texts),
            other=_called(row.other_topic_id, names, texts),
            name=row.name or "",
        ),
        who=texts.say("order.by", who=order.moderator, at=texts.wording.minute(row.ordered_at)),
        undone=undone,
    )


def _shown_events(events: Sequence[TopicEventRow], names: Mapping[int, str], texts: Texts) -> tuple[ShownEvent, ...]:
    teller = EventTeller(names, texts.wording)
    return tuple(ShownEvent(texts.wording.minute(event.happened_at), teller.tell(event)) for event in events)


def _called(topic_id: int | None, names: Mapping[int, str], texts: Texts) -> str:
    if topic_id is None:
        return ""
    return names.get(topic_id) or texts.say("topic.number", id=str(topic_id))
