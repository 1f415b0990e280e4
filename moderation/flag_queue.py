"""Stage 6: the queue. Items are claimed, released, listed and counted."""

import base64
import binascii
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, and_, any_, cast, exists, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.orm import Session

from moderation.errors import CursorInvalid, FlagAlreadyDecided, FlagClosed
from moderation.flag_rows import Claim, check_claim, claim_of, is_not_undone, lock_row, standing_decisions, tell_of
from moderation.flag_sync import JudgedPost as JudgedPost
from moderation.flag_sync import close_flags_of as close_flags_of
from moderation.flag_sync import sync_flags as sync_flags
from moderation.flags import Lane
from moderation.priority import points_at
from moderation.tables import DecisionRow, FlagRow, ModeratorRow, PostRow, ScoreRow

CLAIM = timedelta(minutes=10)
SKIPPED = timedelta(hours=1)
"""For how long an item is not offered again to the one who skipped it."""
WAITS_LONG = timedelta(minutes=10)
"""A post that waits longer than this is listed among those that were not scored."""
FlagStatus = Literal["open", "decided", "closed"]
Order = Literal["priority", "newest", "oldest"]
_MAX_ID = 2**63 - 1


def claim_flag(session: Session, community_id: int, flag_id: int, moderator_id: int, *, now: datetime) -> Claim:
    """Work on an item for the next ten minutes; asking again starts them anew.

    Raises
    ------
    FlagUnknown, FlagClosed, FlagAlreadyDecided
        There is nothing left to decide.
    FlagClaimed
        Somebody else holds it and their time is not over.
    """
    row = lock_row(session, community_id, flag_id)
    if row.status != "open":
        raise gone_error(session, row)
    check_claim(session, row, moderator_id=moderator_id, now=now)
    row.claimed_by, row.claimed_until = moderator_id, now + CLAIM
    holder = session.scalars(select(ModeratorRow.name).where(ModeratorRow.id == moderator_id)).one()
    claim = Claim(row.id, moderator_id, holder, row.claimed_until)
    tell_of(session, row, "flag_claimed", moderator=holder, until=claim.until.isoformat())
    return claim


def release_flag(session: Session, community_id: int, flag_id: int, moderator_id: int, *, now: datetime) -> None:
    """Give an item back; that nobody holds it is fine.

    Raises
    ------
    FlagUnknown
    FlagClaimed
        Somebody else holds it and their time is not over.
    """
    row = lock_row(session, community_id, flag_id)
    check_claim(session, row, moderator_id=moderator_id, now=now)
    if row.claimed_by is not None:
        row.claimed_by, row.claimed_until = None, None
        tell_of(session, row, "flag_released", why="released")


def expire_claims(session: Session, *, now: datetime) -> int:
    """Tidy up claims whose time is over, so that those who watch hear of it; returns how many.

    Claims are judged by their time wherever they count, so nothing depends on this.
    """
    overdue = select(FlagRow).where(FlagRow.claimed_until <= now).order_by(FlagRow.id)
    # A row that somebody works on this very moment is left to them.
    overdue = overdue.with_for_update(skip_locked=True, key_share=True).execution_options(populate_existing=True)
    rows = session.scalars(overdue).all()
    for row in rows:
        row.claimed_by, row.claimed_until = None, None
        tell_of(session, row, "flag_released", why="expired")
    return len(rows)


def gone_error(session: Session, row: FlagRow, lane: str | None = None) -> FlagClosed | FlagAlreadyDecided:
    """Why nothing is left to decide about an item, or about one of its lanes."""
    standing = session.execute(standing_decisions(DecisionRow.flag_id == row.id)).all()
    of_lane = [found for found in standing if found[0].lane == lane]
    if row.closed_reason is not None and not of_lane:
        return FlagClosed(row.closed_reason)
    decision, moderator = (of_lane or standing)[-1]
    return FlagAlreadyDecided(decision.id, moderator=moderator, action=decision.action, decided_at=decision.decided_at)


@dataclass(frozen=True)
class FlagFilter:
    """Which items to list, and in what order; None does not narrow.

    Attributes
    ----------
    lane : of an open reason; of any reason where `status` is not "open".
    topic_id : where a moderator put the post, else where it was found.
    since : when the item came into the queue.
    min_probability : of the most likely reason, in that lane if one is named.
    for_moderator : leave out what this person skipped less than an hour ago.
    """

    lane: Lane | None = None
    status: FlagStatus | None = "open"
    topic_id: int | None = None
    space: str | None = None
    language: str | None = None
    since: datetime | None = None
    min_probability: float | None = None
    order: Order = "priority"
    for_moderator: int | None = None


@dataclass(frozen=True)
class StandingDecision:
    """What a person decided about one lane of an item; nobody took it back."""

    decision_id: int
    lane: str
    action: str
    moderator: str
    decided_at: datetime


@dataclass(frozen=True)
class FlagItem:
    """An item of the queue with all that a person needs to decide about it.

    Attributes
    ----------
    revision : of the post that the reasons speak of; a decision names it.
    is_edited_since : `text` is newer than the reasons; nothing can be decided until it has been judged.
    language : as it was detected; None = not scored by the model that raised the flag any more.
    priority : points at the moment of listing, see docs/queue.md; `priority_parts` is what they are made of.
    """

    flag_id: int
    post_id: str
    thread_id: str
    revision: int
    is_edited_since: bool
    title: str | None
    text: str
    is_html: bool
    author_id: str | None
    author_name: str | None
    space: str | None
    created_at: datetime
    topic_id: int | None
    language: str | None
    status: str
    closed_reason: str | None
    reasons: tuple[Mapping[str, Any], ...]
    lanes: tuple[str, ...]
    priority: float
    priority_parts: Mapping[str, Any]
    model_version: str
    opened_at: datetime
    claim: Claim | None
    decisions: tuple[StandingDecision, ...]


@dataclass(frozen=True)
class FlagPage:
    """Some items in order, and the cursor of the page after them; None = there is none."""

    items: tuple[FlagItem, ...]
    next_cursor: str | None


def list_flags(
    session: Session,
    community_id: int,
    wanted: FlagFilter,
    *,
    now: datetime,
    cursor: str | None = None,
    limit: int = 50,
) -> FlagPage:
    """List items, in two queries whatever their number.

    Every item that nobody touches meanwhile comes exactly once over the pages, whatever is added or decided.

    Raises
    ------
    CursorInvalid
        The cursor is not one that this function gave out for the same order.
    """
    statement = _ordered(_selected(community_id, wanted, now), wanted.order)
    if cursor is not None:
        statement = statement.where(_after(wanted.order, _read_cursor(cursor, wanted.order)))
    found = session.execute(statement.limit(limit + 1).execution_options(populate_existing=True)).all()
    shown = found[:limit]
    decisions = _decisions_of(session, [row.FlagRow.id for row in shown])
    items = tuple(_item(row, decisions.get(row.FlagRow.id, ()), now) for row in shown)
    return FlagPage(items, _cursor_of(shown[-1].FlagRow, wanted.order) if len(found) > limit else None)


@dataclass(frozen=True)
class QueueCounts:
    """How the queue stands.

    Attributes
    ----------
    open_by_lane : an item that is open in two lanes counts in both, so the sum may exceed `n_open`.
    n_claimed : open items that somebody is working on.
    oldest_opened_at : of the item that has been in the queue longest; None = the queue is empty.
    """

    n_open: int
    open_by_lane: Mapping[Lane, int]
    n_claimed: int
    oldest_opened_at: datetime | None


def queue_counts(session: Session, community_id: int, *, now: datetime) -> QueueCounts:
    """Count the open items; always from the rows, so it cannot drift from them."""
    lanes: tuple[Lane, ...] = ("answer", "placement", "review")
    statement = select(
        func.count(),
        func.count().filter(FlagRow.claimed_until > now),
        func.min(FlagRow.opened_at),
        *(func.count().filter(literal(lane) == any_(FlagRow.lanes)) for lane in lanes),
    ).where(FlagRow.community_id == community_id, FlagRow.status == "open")
    n_open, n_claimed, oldest, *by_lane = session.execute(statement).one()
    return QueueCounts(n_open, dict(zip(lanes, by_lane, strict=True)), n_claimed, oldest)


@dataclass(frozen=True)
class NotScored:
    """A post that nothing can be said of; it may be anything.

    Attributes
    ----------
    reason : why scoring failed, or "waiting".
    since : when it began to wait; of a failure, when the post arrived.
    """

    post_id: str
    thread_id: str
    title: str | None
    space: str | None
    created_at: datetime
    reason: str
    since: datetime


@dataclass(frozen=True)
class NotScoredPage:
    """Some posts without a judgement, and the cursor of the page after them; None = there is none."""

    posts: tuple[NotScored, ...]
    next_cursor: str | None


def list_not_scored(
    session: Session,
    community_id: int,
    *,
    now: datetime,
    waiting_longer_than: timedelta,
    cursor: str | None = None,
    limit: int = 50,
) -> NotScoredPage:
    """List the posts that could not be scored, or wait for it too long, longest first.

    Raises
    ------
    CursorInvalid
    """
    since = func.coalesce(PostRow.waiting_since, PostRow.received_at).label("since")
    statement = select(PostRow, since).where(
        PostRow.community_id == community_id,
        PostRow.deleted_at.is_(None),
        or_(PostRow.not_scored_reason.is_not(None), PostRow.waiting_since < now - waiting_longer_than),
    )
    if cursor is not None:
        at, post_id = _read_not_scored_cursor(cursor)
        statement = statement.where(tuple_(since, PostRow.id) > tuple_(literal(at), literal(post_id)))
    found = session.execute(statement.order_by(since, PostRow.id).limit(limit + 1)).all()
    posts = tuple(_not_scored(post, at) for post, at in found[:limit])
    more = len(found) > limit
    return NotScoredPage(
        posts, _encode(["not_scored", posts[-1].since.isoformat(), posts[-1].post_id]) if more else None
    )


def _not_scored(post: PostRow, since: datetime) -> NotScored:
    reason = post.not_scored_reason or "waiting"
    return NotScored(post.id, post.thread_id, post.title, post.space, post.created_at, reason, since)


def _selected(community_id: int, wanted: FlagFilter, now: datetime) -> Select[FlagRow, PostRow, int | None, str, str]:
    topic_id = func.coalesce(PostRow.placed_topic_id, ScoreRow.topic_id)
    conditions: list[ColumnElement[bool] | None] = [
        FlagRow.community_id == community_id,
        None if wanted.status is None else FlagRow.status == wanted.status,
        _in_lane(wanted),
        None if wanted.topic_id is None else topic_id == wanted.topic_id,
        None if wanted.space is None else PostRow.space == wanted.space,
        None if wanted.language is None else ScoreRow.language == wanted.language,
        None if wanted.since is None else FlagRow.opened_at >= wanted.since,
        None if wanted.min_probability is None else _is_likely(wanted, wanted.min_probability),
        None if wanted.for_moderator is None else ~_was_skipped(wanted.for_moderator, now),
    ]
    return (
        select(FlagRow, PostRow, topic_id.label("topic_id"), ScoreRow.language, ModeratorRow.name)
        .join(PostRow, and_(PostRow.community_id == FlagRow.community_id, PostRow.id == FlagRow.post_id))
        .outerjoin(
            ScoreRow,
            and_(
                ScoreRow.community_id == FlagRow.community_id,
                ScoreRow.post_id == FlagRow.post_id,
                ScoreRow.model_version == FlagRow.model_version,
            ),
        )
        .outerjoin(ModeratorRow, ModeratorRow.id == FlagRow.claimed_by)
        .where(*(condition for condition in conditions if condition is not None))
    )


def _in_lane(wanted: FlagFilter) -> ColumnElement[bool] | None:
    if wanted.lane is None:
        return None
    if wanted.status == "open":
        return literal(wanted.lane) == any_(FlagRow.lanes)
    return FlagRow.reasons.contains([{"lane": wanted.lane}])


def _is_likely(wanted: FlagFilter, min_probability: float) -> ColumnElement[bool]:
    tests = ["@.probability >= $p"]
    tests += ['@.status == "open"'] if wanted.status == "open" else []
    tests += ["@.lane == $lane"] if wanted.lane is not None else []
    path = f"$[*] ? ({' && '.join(tests)})"
    figures = {"p": min_probability, "lane": wanted.lane}
    return func.jsonb_path_exists(FlagRow.reasons, cast(path, JSONPATH), cast(figures, JSONB))


def _was_skipped(moderator_id: int, now: datetime) -> ColumnElement[bool]:
    return exists(
        select(DecisionRow.id).where(
            DecisionRow.flag_id == FlagRow.id,
            DecisionRow.moderator_id == moderator_id,
            DecisionRow.action == "skip",
            DecisionRow.decided_at > now - SKIPPED,
            is_not_undone(),
        )
    )


def _ordered(
    statement: Select[FlagRow, PostRow, int | None, str, str], order: Order
) -> Select[FlagRow, PostRow, int | None, str, str]:
    if order == "priority":
        return statement.order_by(FlagRow.priority.desc(), FlagRow.id)
    if order == "newest":
        return statement.order_by(FlagRow.opened_at.desc(), FlagRow.id.desc())
    return statement.order_by(FlagRow.opened_at, FlagRow.id)


def _after(order: Order, last: tuple[float | datetime, int]) -> ColumnElement[bool]:
    key, flag_id = last
    if order == "priority":
        # The bound beside the "or" lets the index begin where the last page ended.
        return and_(FlagRow.priority <= key, or_(FlagRow.priority < key, FlagRow.id > flag_id))
    pair, bound = tuple_(FlagRow.opened_at, FlagRow.id), tuple_(literal(key), literal(flag_id))
    return pair < bound if order == "newest" else pair > bound


def _cursor_of(row: FlagRow, order: Order) -> str:
    return _encode([order, row.priority if order == "priority" else row.opened_at.isoformat(), row.id])


def _read_cursor(cursor: str, order: Order) -> tuple[float | datetime, int]:
    match _decode(cursor):
        case ["priority", float(key), int(flag_id)] if order == "priority" and math.isfinite(key):
            pass
        case [("newest" | "oldest") as given, str(moment), int(flag_id)] if given == order:
            return _read_at(moment), _read_id(flag_id)
        case _:
            raise _bad_cursor()
    return key, _read_id(flag_id)


def _read_not_scored_cursor(cursor: str) -> tuple[datetime, str]:
    match _decode(cursor):
        case ["not_scored", str(moment), str(post_id)] if "\0" not in post_id and _is_utf8(post_id):
            return _read_at(moment), post_id
        case _:
            raise _bad_cursor()


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _read_at(moment: str) -> datetime:
    try:
        at = datetime.fromisoformat(moment)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _bad_cursor() from error
    raise _bad_cursor()


def _read_id(flag_id: int) -> int:
    if isinstance(flag_id, bool) or not 0 <= flag_id <= _MAX_ID:
        raise _bad_cursor()
    return flag_id


def _bad_cursor() -> CursorInvalid:
    return CursorInvalid("this cursor does not belong to this list and order; begin without one")


def _encode(key: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _decode(cursor: str) -> object:
    try:
        return json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _bad_cursor() from error


def _decisions_of(session: Session, flag_ids: Sequence[int]) -> dict[int, tuple[StandingDecision, ...]]:
    found: dict[int, tuple[StandingDecision, ...]] = {}
    statement = standing_decisions(DecisionRow.flag_id == func.any(list(flag_ids)))
    for decision, moderator in session.execute(statement):
        told = StandingDecision(decision.id, decision.lane, decision.action, moderator, decision.decided_at)
        found[decision.flag_id] = (*found.get(decision.flag_id, ()), told)
    return found


def _item(
    found: Row[FlagRow, PostRow, int | None, str, str], decisions: tuple[StandingDecision, ...], now: datetime
) -> FlagItem:
    row, post, topic_id, language, holder = found
    return FlagItem(
        flag_id=row.id,
        post_id=row.post_id,
        thread_id=row.thread_id,
        revision=row.revision,
        is_edited_since=post.revision != row.revision,
        title=post.title,
        text=post.text,
        is_html=post.is_html,
        author_id=post.author_id,
        author_name=post.author_name,
        space=post.space,
        created_at=post.created_at,
        topic_id=topic_id,
        language=language,
        status=row.status,
        closed_reason=row.closed_reason,
        reasons=tuple(row.reasons),
        lanes=tuple(row.lanes),
        priority=points_at(row.priority_parts, now),
        priority_parts=row.priority_parts,
        model_version=row.model_version,
        opened_at=row.opened_at,
        claim=claim_of(row, holder, now),
        decisions=decisions,
    )
