"""The queue: three lanes of items with their evidence, and who works on which."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Select, func, or_, select

from api.pages.desk import MAX_ID, AtDesk, Desk, Filled, FilledIn, FlagId, FromView, SendsFromDesk
from api.pages.drawing import answer_part, asks_for_part, draw, draw_part
from api.pages.queue_choices import place_groups, queue_filters
from api.pages.queue_filter import QueueView
from api.pages.queue_view import Reader, show_items, show_state
from api.pages.queue_wording import ACTIONS_OF_LANE, Notice, action_words, refusal_notice
from api.pages.surroundings import read_handling
from moderation.errors import DecisionRefused, DecisionUnknown, FlagUnknown
from moderation.events import newest_place
from moderation.flag_queue import claim_flag, list_flags, queue_counts, release_flag
from moderation.flags import Lane
from moderation.tables import DecisionRow, FlagRow, PostRow

PAGE_ITEMS = 15
LANES: tuple[Lane, ...] = ("answer", "placement", "review")

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Told:
    """One line at the top of a page about what was just done; `tone` is "good" or "warn"."""

    line: str
    tone: str = "good"
    undo_id: int | None = None


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
    desk: AtDesk,
    view: Annotated[QueueView, Query()],
    did: Annotated[int | None, Query(ge=0, le=MAX_ID)] = None,
    told: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One lane of the queue."""
    return draw_queue(desk, view, told=_told(desk, did, told))


@router.get("/flags/{flag_id}/state")
def state_part(desk: AtDesk, flag_id: FlagId, lane: Annotated[Lane, Query()]) -> Response:
    """Where an item stands, for a page that shows it and heard that something happened."""
    flag, view = desk.flag(flag_id), QueueView(lane=lane)
    post = desk.session.get_one(PostRow, (flag.community_id, flag.post_id))
    handling = read_handling(desk.session, [flag], lane=lane)
    state = show_state(desk.reader, flag, handling, post_revision=post.revision)
    part = draw_part("_state.html.j2", desk.texts, visitor=desk.visitor, view=view, state=state)
    return answer_part(part + draw_standing(desk, view))


@router.post("/flags/{flag_id}/claim")
def claim(desk: SendsFromDesk, flag_id: FlagId, view: FromView, filled: FilledIn) -> Response:
    """Take an item to work on, or keep it ten minutes longer."""
    return _draw_claimed(desk, flag_id, view, filled=filled, refusal=_change_claim(desk, claim_flag, flag_id, view))


@router.post("/flags/{flag_id}/release")
def release(desk: SendsFromDesk, flag_id: FlagId, view: FromView, filled: FilledIn) -> Response:
    """Give an item back for others to take."""
    return _draw_claimed(desk, flag_id, view, filled=filled, refusal=_change_claim(desk, release_flag, flag_id, view))


def draw_queue(
    desk: Desk,
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
    last_event_id = str(newest_place(desk.session, desk.community_id))
    flags, next_cursor = _flags_of_page(desk, view)
    address = f"{desk.visitor.base}/queue?"
    return draw(
        desk.request,
        "queue.html.j2",
        desk.texts,
        status=status,
        visitor=desk.visitor,
        here="queue",
        view=view,
        standing=_standing(desk),
        is_swapped=False,
        items=show_items(desk.session, desk.reader, [flag for flag in flags if flag.id != without], lane=view.lane),
        front=front,
        told=told,
        bulk_lines=bulk_lines,
        bulk_note=bulk_note,
        bulk_actions=[action for action in ACTIONS_OF_LANE[view.lane] if action != "skip"],
        filters=queue_filters(desk.session, desk.reader, view),
        first_link=address + view.at(None).query,
        next_link=address + view.at(next_cursor).query if next_cursor else None,
        last_event_id=last_event_id,
        **_form_parts(desk.reader, view.lane),
    )


def draw_item(
    desk: Desk, flag: FlagRow, view: QueueView, *, notice: Notice | None = None, filled: Filled | None = None
) -> str:
    """One item; what was filled in stays filled in."""
    (item,) = show_items(desk.session, desk.reader, [flag], lane=view.lane)
    return draw_part(
        "_item.html.j2",
        desk.texts,
        visitor=desk.visitor,
        view=view,
        item=item,
        notice=notice,
        filled=filled or Filled(),
        **_form_parts(desk.reader, view.lane),
    )


def draw_standing(desk: Desk, view: QueueView) -> str:
    """How the queue stands now, to take the place of what the page says."""
    return draw_part(
        "_standing.html.j2", desk.texts, visitor=desk.visitor, view=view, standing=_standing(desk), is_swapped=True
    )


def _flags_of_page(desk: Desk, view: QueueView) -> tuple[list[FlagRow], str | None]:
    """The rows of one page in their order, and the cursor of the page after it."""
    wanted = view.wanted(desk.reader.moderator_id)
    page = list_flags(desk.session, desk.community_id, wanted, now=desk.now, cursor=view.cursor, limit=PAGE_ITEMS)
    ids = [item.flag_id for item in page.items]
    rows = {row.id: row for row in desk.session.scalars(select(FlagRow).where(FlagRow.id.in_(ids)))}
    return [rows[flag_id] for flag_id in ids], page.next_cursor


def _change_claim(desk: Desk, change: Callable[..., object], flag_id: int, view: QueueView) -> Notice | None:
    """Take an item or give it back; None = done, else why not."""
    try:
        with desk.session.begin_nested():
            change(desk.session, desk.community_id, flag_id, desk.reader.moderator_id, now=desk.now)
    except FlagUnknown:
        raise
    except DecisionRefused as error:
        return refusal_notice(error, desk.texts, lane=view.lane)
    return None


def _draw_claimed(desk: Desk, flag_id: int, view: QueueView, *, filled: Filled, refusal: Notice | None) -> Response:
    is_part = asks_for_part(desk.request)
    if refusal is None and not is_part:
        return RedirectResponse(f"{desk.visitor.base}/queue?{view.query}#flag-{flag_id}", 303)
    item = draw_item(desk, desk.flag(flag_id), view, notice=refusal, filled=filled)
    status = 200 if refusal is None else 409
    if is_part:
        return answer_part(item + draw_standing(desk, view), status=status)
    return draw_queue(desk, view, status=status, front=item, without=flag_id)


def _told(desk: Desk, did: int | None, told: str) -> Told | None:
    """What the page before this one did."""
    texts = desk.texts
    if told == "undone":
        return Told(texts.say("told.undone"))
    if told.startswith("bulk-") and told[5:].isdecimal():
        return Told(texts.count("told.bulk", int(told[5:])))
    if did is None:
        return None
    mine = DecisionRow.community_id == desk.community_id, DecisionRow.id == did
    decision = desk.session.scalar(select(DecisionRow).where(*mine))
    if decision is None:
        raise DecisionUnknown(f"there is no decision {did}")
    what = action_words(texts, decision.action, decision.lane, place=desk.reader.place_name(decision))
    return Told(texts.say("told.decided", what=what), undo_id=decision.id)


def _standing(desk: Desk) -> Standing:
    texts = desk.texts
    counts = queue_counts(desk.session, desk.community_id, now=desk.now)
    n_waiting, waiting_since, n_failed = desk.session.execute(_behind(desk.community_id)).one()
    lanes = tuple(LaneCount(lane, texts.wording.number(counts.open_by_lane[lane])) for lane in LANES)
    waiting = texts.say("standing.none_waiting")
    if waiting_since is not None:
        waited = texts.wording.duration(max((desk.now - waiting_since).total_seconds(), 0))
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
    return {"actions": ACTIONS_OF_LANE[lane], "places": place_groups(reader) if lane == "placement" else ()}
