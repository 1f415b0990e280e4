"""Stage 7: what people decide. Rows are only ever added; an undo is a row that names the row it takes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from moderation.communities import community_of
from moderation.errors import (
    ActionNotPossible,
    DecisionAlreadyUndone,
    DecisionNotNewest,
    DecisionRefused,
    DecisionUnknown,
    FlagClosed,
    LaneNeeded,
    PostEdited,
)
from moderation.flag_queue import gone_error
from moderation.flag_rows import (
    check_claim,
    is_not_undone,
    lock_item,
    lock_posts,
    open_reasons,
    rank_again,
    standing_decisions,
    tell_of,
    with_status,
    write_reasons,
)
from moderation.flag_sync import DELETED, EDITED
from moderation.flags import Lane
from moderation.tables import CommunityRow, DecisionRow, FindingRow, FlagRow, ModeratorRow, PostRow, ScoreRow

Action = Literal["agree", "disagree", "place", "answered_elsewhere", "recommend_removal", "skip"]
Mode = Literal["live", "shadow"]
LANE_OF_ACTION: dict[Action, Lane] = {
    "place": "placement",
    "answered_elsewhere": "answer",
    "recommend_removal": "review",
}
"""What can be done in one lane only; the rest goes with every lane."""


@dataclass(frozen=True)
class DecisionRequest:
    """What a moderator wants to do with an item.

    Attributes
    ----------
    revision : of the post as it was shown.
    lane : None = the only one that is open.
    space, topic_id : for "place", one of them: where the post belongs; neither = in a topic of its own.
    mode : "shadow" takes the item out of the queue and touches nothing else.
    """

    action: Action
    revision: int
    lane: Lane | None = None
    space: str | None = None
    topic_id: int | None = None
    note: str | None = None
    mode: Mode = "live"


@dataclass(frozen=True)
class BulkRequest:
    """One decision about several items; as `DecisionRequest`, with a reason that must be given."""

    action: Action
    note: str
    space: str | None = None
    topic_id: int | None = None
    mode: Mode = "live"


@dataclass(frozen=True)
class ShownItem:
    """An item whose evidence was on somebody's screen, in that revision of the post."""

    flag_id: int
    revision: int
    lane: Lane | None = None


@dataclass(frozen=True)
class BulkOutcome:
    """What became of one item of a bulk decision: the row of the decision, or why there is none."""

    flag_id: int
    decision: DecisionRow | None
    refusal: DecisionRefused | None


def record_decision(
    session: Session,
    community: CommunityRow,
    flag_id: int,
    request: DecisionRequest,
    *,
    moderator: ModeratorRow,
    now: datetime,
) -> DecisionRow:
    """Decide about one lane of an item. Nothing is removed, hidden or moved by it; the claim on the item ends.

    "skip" decides nothing: the item stays open for others.

    Raises
    ------
    FlagUnknown, FlagClosed, FlagAlreadyDecided, FlagClaimed
        The item is not, or no longer, to be decided by this person.
    PostEdited
        The post is not the one that was shown, or has not been judged since it was edited.
    LaneNeeded, ActionNotPossible
        The request does not go with the item or the community.
    """
    _check_request(session, community, request)
    post, row = lock_item(session, community.id, flag_id)
    _check_shown(session, post, row, request)
    lane = _lane_of(session, row, request)
    check_claim(session, row, moderator_id=moderator.id, now=now)
    decision = DecisionRow(
        community_id=community.id,
        flag_id=row.id,
        post_id=row.post_id,
        lane=lane,
        revision=row.revision,
        action=request.action,
        space=request.space,
        topic_id=request.topic_id,
        note=request.note,
        reasons=[reason for reason in open_reasons(row) if reason["lane"] == lane],
        model_version=row.model_version,
        mode=request.mode,
        moderator_id=moderator.id,
        decided_at=now,
    )
    session.add(decision)
    session.flush()
    _apply(post, row, decision)
    _tell_decision(session, row, decision, moderator)
    return decision


def record_decisions(
    session: Session,
    community: CommunityRow,
    items: Sequence[ShownItem],
    request: BulkRequest,
    *,
    moderator: ModeratorRow,
    now: datetime,
) -> list[BulkOutcome]:
    """Decide the same about several items that were on the screen, each by itself; one outcome per item, in order.

    Raises
    ------
    ActionNotPossible
        No reason is given, or the action is "skip".
    """
    if not request.note.strip():
        raise ActionNotPossible("note", "give the reason for a decision about several items")
    if request.action == "skip":
        raise ActionNotPossible("action", "items are skipped one at a time")
    _lock_all(session, community.id, [item.flag_id for item in items])
    return [_decide_one(session, community, item, request, moderator=moderator, now=now) for item in items]


def undo_decision(
    session: Session, community: CommunityRow, decision_id: int, *, moderator: ModeratorRow, now: datetime
) -> DecisionRow:
    """Take a decision back with all that it did; an item whose post has changed since stays out of the queue.

    Raises
    ------
    DecisionUnknown, FlagUnknown
    DecisionAlreadyUndone
    DecisionNotNewest
        A later one about the same item and lane stands.
    ActionNotPossible
        It is an undo itself.
    FlagClaimed
        Somebody else is working on the item.
    """
    statement = select(DecisionRow).where(DecisionRow.community_id == community.id, DecisionRow.id == decision_id)
    decision = session.scalar(statement)
    if decision is None:
        raise DecisionUnknown(f"there is no decision {decision_id}")
    if decision.action == "undo":
        raise ActionNotPossible("action", "an undo cannot be undone; decide again")
    post, row = lock_item(session, community.id, decision.flag_id)
    _check_newest(session, decision)
    check_claim(session, row, moderator_id=moderator.id, now=now)
    undo = DecisionRow(
        community_id=community.id,
        flag_id=row.id,
        post_id=row.post_id,
        lane=decision.lane,
        revision=decision.revision,
        action="undo",
        reasons=decision.reasons,
        model_version=decision.model_version,
        mode=decision.mode,
        moderator_id=moderator.id,
        undoes=decision.id,
        decided_at=now,
    )
    session.add(undo)
    session.flush()
    _revert(session, post, row, decision, at=now)
    _tell_decision(session, row, undo, moderator)
    return undo


def _check_request(session: Session, community: CommunityRow, request: DecisionRequest) -> None:
    """Refuse what can never be right, whatever the item."""
    for field, given in (("space", request.space), ("topic_id", request.topic_id)):
        if given is not None and request.action != "place":
            raise ActionNotPossible(field, f"{field} goes with the action place only")
    if request.space is not None and request.topic_id is not None:
        raise ActionNotPossible("topic_id", "name a space or a topic, not both")
    if request.space is not None:
        _check_space(community, request.space)
    if request.topic_id is not None and not _topic_exists(session, community.id, request.topic_id):
        raise ActionNotPossible("topic_id", f"there is no topic {request.topic_id}; leave it out for a new one")


def _check_space(community: CommunityRow, slug: str) -> None:
    """A community that names no spaces may have any."""
    slugs = [space.slug for space in community_of(community).spaces]
    if slugs and slug not in slugs:
        raise ActionNotPossible("space", f"there is no space {slug!r}; the community has {', '.join(slugs)}")


def _topic_exists(session: Session, community_id: int, topic_id: int) -> bool:
    found = FindingRow.contents.contains({"topics": [{"id": topic_id}]})
    in_findings = exists().where(FindingRow.community_id == community_id, FindingRow.kind == "topics", found)
    in_scores = exists().where(ScoreRow.community_id == community_id, ScoreRow.topic_id == topic_id)
    return bool(session.scalar(select(or_(in_findings, in_scores))))


def _check_shown(session: Session, post: PostRow, row: FlagRow, request: DecisionRequest) -> None:
    """Refuse unless the item speaks of the post as it is now and as it was shown."""
    if post.deleted_at is not None:
        raise FlagClosed(DELETED)
    if not request.revision == row.revision == post.revision:
        of_this_revision = select(FlagRow.id).where(
            FlagRow.community_id == post.community_id,
            FlagRow.post_id == post.id,
            FlagRow.revision == post.revision,
            FlagRow.status == "open",
        )
        flag_id = session.scalar(of_this_revision)
        raise PostEdited(post.revision, title=post.title, text=post.text, flag_id=flag_id)
    if row.status != "open":
        raise gone_error(session, row, request.lane)


def _lane_of(session: Session, row: FlagRow, request: DecisionRequest) -> str:
    if request.lane is None and len(row.lanes) > 1:
        raise LaneNeeded(row.lanes)
    lane = request.lane or row.lanes[0]
    if lane not in row.lanes:
        if any(reason["lane"] == lane and reason["status"] == "decided" for reason in row.reasons):
            raise gone_error(session, row, lane)
        raise ActionNotPossible("lane", f"the item has no open reason in lane {lane}, only in {', '.join(row.lanes)}")
    only_in = LANE_OF_ACTION.get(request.action, lane)
    if lane != only_in:
        raise ActionNotPossible("action", f"{request.action} goes with lane {only_in} only, this is lane {lane}")
    return lane


def _apply(post: PostRow, row: FlagRow, decision: DecisionRow) -> None:
    """Let a decision do what it does."""
    row.claimed_by, row.claimed_until = None, None
    row.updated_at = decision.decided_at
    if decision.action == "skip":
        return
    decided = [
        {**reason, "status": "decided"} if reason["lane"] == decision.lane and reason["status"] == "open" else reason
        for reason in row.reasons
    ]
    write_reasons(row, decided, closed_reason=None, at=decision.decided_at)
    rank_again(row)
    if decision.topic_id is not None and decision.mode == "live":
        post.placed_topic_id = decision.topic_id


def _revert(session: Session, post: PostRow, row: FlagRow, decision: DecisionRow, *, at: datetime) -> None:
    """Take back what a decision did; what speaks of an earlier revision or a deleted post is not opened again."""
    row.claimed_by, row.claimed_until = None, None
    row.updated_at = at
    if decision.action == "skip":
        return
    closed_reason = DELETED if post.deleted_at is not None else EDITED if post.revision != row.revision else None
    names = {reason["reason"] for reason in decision.reasons}
    of_decision = [reason for reason in row.reasons if reason["reason"] in names]
    others = [reason for reason in row.reasons if reason["reason"] not in names]
    reverted = with_status(of_decision, "decided", "open" if closed_reason is None else "gone")
    write_reasons(row, [*others, *reverted], closed_reason=closed_reason, at=at)
    rank_again(row)
    if decision.topic_id is not None and decision.mode == "live":
        post.placed_topic_id = _placed_topic(session, post)


def _placed_topic(session: Session, post: PostRow) -> int | None:
    """Where the standing decisions put a post, the last one counting; None = nobody put it anywhere."""
    placings = standing_decisions(
        DecisionRow.community_id == post.community_id,
        DecisionRow.post_id == post.id,
        DecisionRow.topic_id.is_not(None),
        DecisionRow.mode == "live",
    )
    last = session.execute(placings).all()[-1:]
    return last[0][0].topic_id if last else None


def _check_newest(session: Session, decision: DecisionRow) -> None:
    later = (
        select(DecisionRow.id)
        .where(DecisionRow.flag_id == decision.flag_id, DecisionRow.lane == decision.lane)
        .where(DecisionRow.action != "undo", is_not_undone(), DecisionRow.id >= decision.id)
        .order_by(DecisionRow.id)
    )
    standing = session.scalars(later).all()
    if decision.id not in standing:
        raise DecisionAlreadyUndone(f"decision {decision.id} was taken back before")
    if standing[-1] != decision.id:
        raise DecisionNotNewest(f"undo decision {standing[-1]} first")


def _tell_decision(session: Session, row: FlagRow, decision: DecisionRow, moderator: ModeratorRow) -> None:
    tell_of(
        session,
        row,
        "decision",
        decision_id=decision.id,
        action=decision.action,
        lane=decision.lane,
        undoes=decision.undoes,
        mode=decision.mode,
        moderator=moderator.name,
    )


def _lock_all(session: Session, community_id: int, flag_ids: Sequence[int]) -> None:
    """Lock every post first, in the order in which all others lock them."""
    of_items = select(FlagRow.post_id).where(FlagRow.community_id == community_id, FlagRow.id.in_(flag_ids))
    lock_posts(session, community_id, sorted(session.scalars(of_items)))


def _decide_one(
    session: Session,
    community: CommunityRow,
    item: ShownItem,
    request: BulkRequest,
    *,
    moderator: ModeratorRow,
    now: datetime,
) -> BulkOutcome:
    one = DecisionRequest(
        request.action,
        item.revision,
        lane=item.lane,
        space=request.space,
        topic_id=request.topic_id,
        note=request.note,
        mode=request.mode,
    )
    try:
        with session.begin_nested():
            decision = record_decision(session, community, item.flag_id, one, moderator=moderator, now=now)
    except DecisionRefused as refusal:
        return BulkOutcome(item.flag_id, None, refusal)
    return BulkOutcome(item.flag_id, decision, None)
