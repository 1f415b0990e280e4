"""The queue: three lanes of items with their evidence, and who works on which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from api.deps import Now, Transaction
from api.pages.drawing import answer_part, asks_for_part, draw, draw_part
from api.pages.queue_filter import QueueView, read_view
from api.pages.queue_view import Reader, language_name, show_items, show_state
from api.pages.queue_wording import ACTIONS_OF_LANE, Notice, action_words, refusal_notice
from api.pages.texts import Texts
from api.pages.visitor import SendsForm, SignedIn, Visitor
from moderation.errors import DecisionRefused, DecisionUnknown, FlagUnknown
from moderation.events import newest_place
from moderation.flag_queue import claim_flag, list_flags, queue_counts, release_flag
from moderation.flags import Lane
from moderation.reports.topic_section import by_size, topic_name
from moderation.tables import DecisionRow, FindingRow, FlagRow, PostRow, ScoreRow

PAGE_ITEMS = 15
LANES: tuple[Lane, ...] = ("answer", "placement", "review")
MAX_ID = 2**62

FlagId = Annotated[int, Path(ge=0, le=MAX_ID)]
Note = Annotated[str, Form(max_length=2000)]
Place = Annotated[str, Form(max_length=500)]
ViewQuery = Annotated[str, Form(max_length=2000)]

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Told:
    """One line at the top of a page about what was just done; `tone` is "good" or "warn"."""

    line: str
    tone: str = "good"
    undo_id: int | None = None


@dataclass(frozen=True)
class Choice:
    """One choice of a list."""

    code: str
    name: str


@dataclass(frozen=True)
class PlaceGroup:
    """Places of one kind that a post can be put in."""

    label: str
    places: tuple[Choice, ...]


@dataclass(frozen=True)
class Filter:
    """A list to narrow or order the queue by."""

    name: str
    label: str
    chosen: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class LaneCount:
    """A lane and how many items are open in it."""

    lane: str
    n_open: str


@dataclass(frozen=True)
class Standing:
    """How the queue stands, in words; `not_scored` is None where everything could be scored."""

    lanes: tuple[LaneCount, ...]
    claimed: str
    waiting: str
    not_scored: str | None


@router.get("/queue")
def queue_page(
    request: Request,
    session: Transaction,
    visitor: SignedIn,
    now: Now,
    view: Annotated[QueueView, Query()],
    did: Annotated[int | None, Query(ge=0, le=MAX_ID)] = None,
    told: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One lane of the queue."""
    reader = reader_of(session, visitor, now)
    return draw_queue(request, session, reader, visitor, view, told=_told(session, reader, did, told))


@router.get("/flags/{flag_id}/state")
def state_part(
    session: Transaction, visitor: SignedIn, now: Now, flag_id: FlagId, lane: Annotated[Lane, Query()]
) -> Response:
    """Where an item stands, for a page that shows it and heard that something happened."""
    reader = reader_of(session, visitor, now)
    flag = flag_of(session, visitor, flag_id)
    state = show_state(session, reader, flag, _post_revision(session, flag), lane=lane)
    return _with_standing(session, reader, visitor, QueueView(lane=lane), "_state.html.j2", state=state)


@router.post("/flags/{flag_id}/claim")
def claim(
    request: Request,
    session: Transaction,
    visitor: SendsForm,
    now: Now,
    flag_id: FlagId,
    lane: Annotated[Lane, Form()],
    view: ViewQuery = "",
    note: Note = "",
    place: Place = "",
) -> Response:
    """Take an item to work on, or keep it ten minutes longer."""
    reader, refusal = reader_of(session, visitor, now), None
    try:
        with session.begin_nested():
            claim_flag(session, visitor.community_row.id, flag_id, visitor.moderator.id, now=now)
    except FlagUnknown:
        raise
    except DecisionRefused as error:
        refusal = refusal_notice(error, visitor.texts, lane=lane)
    return _after_claim(request, session, reader, visitor, flag_id, read_view(view), refusal, note, place)


@router.post("/flags/{flag_id}/release")
def release(
    request: Request,
    session: Transaction,
    visitor: SendsForm,
    now: Now,
    flag_id: FlagId,
    lane: Annotated[Lane, Form()],
    view: ViewQuery = "",
    note: Note = "",
    place: Place = "",
) -> Response:
    """Give an item back for others to take."""
    reader, refusal = reader_of(session, visitor, now), None
    try:
        with session.begin_nested():
            release_flag(session, visitor.community_row.id, flag_id, visitor.moderator.id, now=now)
    except FlagUnknown:
        raise
    except DecisionRefused as error:
        refusal = refusal_notice(error, visitor.texts, lane=lane)
    return _after_claim(request, session, reader, visitor, flag_id, read_view(view), refusal, note, place)


def reader_of(session: Session, visitor: Visitor, now: datetime) -> Reader:
    """The visitor as the one who looks at items."""
    findings = session.get(FindingRow, (visitor.community_row.id, "topics"))
    topics = [] if findings is None else by_size(findings.contents)
    names = {topic["id"]: topic_name(topic, visitor.texts.wording) for topic in topics}
    return Reader(
        community_id=visitor.community_row.id,
        community=visitor.community,
        moderator_id=visitor.moderator.id,
        texts=visitor.texts,
        topic_names=names,
        now=now,
    )


def flag_of(session: Session, visitor: Visitor, flag_id: int) -> FlagRow:
    """An item of the visitor's community.

    Raises
    ------
    FlagUnknown
    """
    mine = FlagRow.community_id == visitor.community_row.id, FlagRow.id == flag_id
    flag = session.scalar(select(FlagRow).where(*mine).execution_options(populate_existing=True))
    if flag is None:
        raise FlagUnknown(f"there is no item {flag_id} in the queue")
    return flag


def draw_queue(
    request: Request,
    session: Session,
    reader: Reader,
    visitor: Visitor,
    view: QueueView,
    *,
    status: int = 200,
    told: Told | None = None,
    front: str | None = None,
    without: int | None = None,
    bulk_lines: Sequence[str] = (),
    bulk_note: str = "",
) -> Response:
    """The whole page of one lane.

    Parameters
    ----------
    front : a part to put before the items, about one of them that something just happened to.
    without : that item, which is not shown twice.
    bulk_lines : what of a decision about several items did not go through.
    """
    # Read before the items: what happens in between is told twice and never missed.
    last_event_id = str(newest_place(session, reader.community_id))
    page = list_flags(
        session,
        reader.community_id,
        view.wanted(reader.moderator_id),
        now=reader.now,
        cursor=view.cursor,
        limit=PAGE_ITEMS,
    )
    flags = [session.get_one(FlagRow, item.flag_id) for item in page.items if item.flag_id != without]
    first = view.model_copy(update={"cursor": None})
    following = view.model_copy(update={"cursor": page.next_cursor})
    return draw(
        request,
        "queue.html.j2",
        visitor.texts,
        status=status,
        visitor=visitor,
        here="queue",
        view=view,
        standing=_standing(session, reader),
        is_swapped=False,
        items=show_items(session, reader, flags, lane=view.lane),
        front=front,
        told=told,
        bulk_lines=bulk_lines,
        bulk_note=bulk_note,
        bulk_actions=[action for action in ACTIONS_OF_LANE[view.lane] if action != "skip"],
        filters=_filters(session, reader, view),
        first_link=f"{visitor.base}/queue?{first.query}",
        next_link=f"{visitor.base}/queue?{following.query}" if page.next_cursor else None,
        last_event_id=last_event_id,
        **_form_parts(reader, view.lane),
    )


def draw_item(
    session: Session,
    reader: Reader,
    visitor: Visitor,
    flag: FlagRow,
    view: QueueView,
    *,
    notice: Notice | None = None,
    note: str = "",
    place: str = "",
) -> str:
    """One item; what was filled in stays filled in."""
    (item,) = show_items(session, reader, [flag], lane=view.lane)
    kept = {"notice": notice, "kept_note": note, "kept_place": place}
    return draw_part(
        "_item.html.j2", visitor.texts, visitor=visitor, view=view, item=item, **kept, **_form_parts(reader, view.lane)
    )


def draw_standing(session: Session, reader: Reader, visitor: Visitor, view: QueueView) -> str:
    """How the queue stands now, to take the place of what the page says."""
    standing = _standing(session, reader)
    return draw_part("_standing.html.j2", visitor.texts, visitor=visitor, view=view, standing=standing, is_swapped=True)


def _after_claim(
    request: Request,
    session: Session,
    reader: Reader,
    visitor: Visitor,
    flag_id: int,
    view: QueueView,
    refusal: Notice | None,
    note: str,
    place: str,
) -> Response:
    flag = flag_of(session, visitor, flag_id)
    is_part = asks_for_part(request)
    if refusal is None and not is_part:
        return RedirectResponse(f"{visitor.base}/queue?{view.query}#flag-{flag_id}", 303)
    item = draw_item(session, reader, visitor, flag, view, notice=refusal, note=note, place=place)
    status = 200 if refusal is None else 409
    if is_part:
        return answer_part(item + draw_standing(session, reader, visitor, view), status=status)
    return draw_queue(request, session, reader, visitor, view, status=status, front=item, without=flag_id)


def _with_standing(
    session: Session, reader: Reader, visitor: Visitor, view: QueueView, template: str, **contents: Any
) -> Response:
    part = draw_part(template, visitor.texts, visitor=visitor, view=view, **contents)
    return answer_part(part + draw_standing(session, reader, visitor, view))


def _post_revision(session: Session, flag: FlagRow) -> int:
    return session.get_one(PostRow, (flag.community_id, flag.post_id)).revision


def _told(session: Session, reader: Reader, did: int | None, told: str) -> Told | None:
    """What the page before this one did."""
    texts = reader.texts
    if told == "undone":
        return Told(texts.say("told.undone"))
    if told.startswith("bulk-") and told[5:].isdecimal():
        return Told(texts.count("told.bulk", int(told[5:])))
    if did is None:
        return None
    mine = DecisionRow.community_id == reader.community_id, DecisionRow.id == did
    decision = session.scalar(select(DecisionRow).where(*mine))
    if decision is None:
        raise DecisionUnknown(f"there is no decision {did}")
    what = action_words(texts, decision.action, decision.lane, place=reader.place_name(decision))
    return Told(texts.say("told.decided", what=what), undo_id=decision.id)


def _standing(session: Session, reader: Reader) -> Standing:
    texts = reader.texts
    counts = queue_counts(session, reader.community_id, now=reader.now)
    n_waiting, waiting_since, n_failed = session.execute(_behind(reader.community_id)).one()
    lanes = tuple(LaneCount(lane, texts.wording.number(counts.open_by_lane[lane])) for lane in LANES)
    waiting = texts.say("standing.none_waiting")
    if waiting_since is not None:
        waited = texts.wording.duration(max((reader.now - waiting_since).total_seconds(), 0))
        waiting = texts.count("standing.waiting", n_waiting, duration=waited)
    return Standing(
        lanes=lanes,
        claimed=texts.count("standing.claimed", counts.n_claimed),
        waiting=waiting,
        not_scored=texts.count("standing.not_scored", n_failed) if n_failed else None,
    )


def _behind(community_id: int) -> Select[int, datetime | None, int]:
    """How many posts wait to be scored, since when, and how many could not be."""
    return select(
        func.count().filter(PostRow.waiting_since.is_not(None)),
        func.min(PostRow.waiting_since),
        func.count().filter(PostRow.not_scored_reason.is_not(None)),
    ).where(
        PostRow.community_id == community_id,
        PostRow.deleted_at.is_(None),
        or_(PostRow.waiting_since.is_not(None), PostRow.not_scored_reason.is_not(None)),
    )


def _form_parts(reader: Reader, lane: Lane) -> Mapping[str, Any]:
    """What the form of an item offers."""
    return {"actions": ACTIONS_OF_LANE[lane], "places": _places(reader) if lane == "placement" else ()}


def _places(reader: Reader) -> list[PlaceGroup]:
    say = reader.texts.say
    spaces = tuple(Choice(f"space:{space.slug}", space.name) for space in reader.community.spaces)
    topics = tuple(Choice(f"topic:{topic_id}", name) for topic_id, name in reader.topic_names.items())
    new = (Choice("new", say("place.new_topic")),)
    groups = [
        PlaceGroup(say("place.spaces"), spaces),
        PlaceGroup(say("place.topics"), topics),
        PlaceGroup(say("place.new"), new),
    ]
    return [group for group in groups if group.places]


def _filters(session: Session, reader: Reader, view: QueueView) -> list[Filter]:
    say = reader.texts.say
    everything = Choice("", say("filter.all"))
    topics = [Choice(str(topic_id), name) for topic_id, name in reader.topic_names.items()]
    spaces = [Choice(space, reader.space_name(space) or space) for space in _open_spaces(session, reader)]
    languages = [Choice(code, language_name(code, reader.texts)) for code in _open_languages(session, reader)]
    statuses = [Choice(status, say(f"status.{status}")) for status in ("open", "decided", "closed")]
    orders = [Choice(order, say(f"order.{order}")) for order in ("priority", "newest", "oldest")]
    return [
        _filter("topic", reader.texts, str(view.topic or ""), [everything, *topics]),
        _filter("space", reader.texts, view.space or "", [everything, *spaces]),
        _filter("language", reader.texts, view.language or "", [everything, *languages]),
        _filter("status", reader.texts, view.status, statuses),
        _filter("order", reader.texts, view.order, orders),
    ]


def _filter(name: str, texts: Texts, chosen: str, choices: Sequence[Choice]) -> Filter:
    """A list with what is chosen in it, also where that is not among what is known now."""
    is_known = chosen in {choice.code for choice in choices}
    return Filter(
        name, texts.say(f"filter.{name}"), chosen, (*choices, *([] if is_known else [Choice(chosen, chosen)]))
    )


def _open_spaces(session: Session, reader: Reader) -> Sequence[str]:
    of_post = PostRow.community_id == FlagRow.community_id, PostRow.id == FlagRow.post_id
    statement = select(PostRow.space).join(FlagRow, of_post[0] & of_post[1]).distinct().order_by(PostRow.space)
    found = session.scalars(
        statement.where(
            FlagRow.community_id == reader.community_id, FlagRow.status == "open", PostRow.space.is_not(None)
        )
    )
    return [space for space in found if space is not None]


def _open_languages(session: Session, reader: Reader) -> Sequence[str]:
    of_flag = (
        (ScoreRow.community_id == FlagRow.community_id)
        & (ScoreRow.post_id == FlagRow.post_id)
        & (ScoreRow.model_version == FlagRow.model_version)
    )
    statement = select(ScoreRow.language).join(FlagRow, of_flag).distinct().order_by(ScoreRow.language)
    return session.scalars(statement.where(FlagRow.community_id == reader.community_id, FlagRow.status == "open")).all()
