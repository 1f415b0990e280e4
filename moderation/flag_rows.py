"""The item of the queue as a row: found, locked, and brought in line with its reasons.

There is one row for each revision of a post that was ever flagged. A post is always locked before its rows, and rows
in the order of their ids, so that workers and moderators wait for each other and never in a circle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from moderation.errors import FlagClaimed, FlagUnknown
from moderation.events import EventKind, tell
from moderation.flags import LANE_OF_REASON
from moderation.priority import Reach, rank, rate_item
from moderation.reports.wording import read_moment
from moderation.tables import DecisionRow, FlagRow, ModeratorRow, PostRow

_ORDER = {reason: turn for turn, reason in enumerate(LANE_OF_REASON)}
_UNDO = aliased(DecisionRow)
_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Claim:
    """Who is working on an item, and until when; a claim past its moment is none."""

    flag_id: int
    moderator_id: int
    holder: str
    until: datetime


def lock_posts(session: Session, community_id: int, post_ids: Sequence[str]) -> Sequence[PostRow]:
    """The posts of those ids that are there, in the order of their ids; nobody else changes them until the commit."""
    statement = select(PostRow).where(PostRow.community_id == community_id, PostRow.id == func.any(list(post_ids)))
    return session.scalars(_locked(statement.order_by(PostRow.id))).all()


def lock_rows(session: Session, community_id: int, post_ids: Sequence[str]) -> Sequence[FlagRow]:
    """Every row of some posts, oldest first, locked."""
    statement = select(FlagRow).where(FlagRow.community_id == community_id, FlagRow.post_id == func.any(list(post_ids)))
    return session.scalars(_locked(statement.order_by(FlagRow.id))).all()


def lock_row(session: Session, community_id: int, flag_id: int) -> FlagRow:
    """One row, locked.

    Raises
    ------
    FlagUnknown
    """
    statement = select(FlagRow).where(FlagRow.community_id == community_id, FlagRow.id == flag_id)
    row = session.scalars(_locked(statement)).one_or_none()
    if row is None:
        raise FlagUnknown(f"there is no item {flag_id} in the queue")
    return row


def lock_item(session: Session, community_id: int, flag_id: int) -> tuple[PostRow, FlagRow]:
    """One row and its post, both locked.

    Raises
    ------
    FlagUnknown
    """
    post_id = session.scalar(select(FlagRow.post_id).where(FlagRow.community_id == community_id, FlagRow.id == flag_id))
    posts = [] if post_id is None else lock_posts(session, community_id, [post_id])
    row = lock_row(session, community_id, flag_id)
    return posts[0], row


def standing_decisions(*conditions: Any) -> Select[DecisionRow, str]:
    """Decisions that nobody took back, oldest first, with the moderator's name; skips and undos do not count."""
    return (
        select(DecisionRow, ModeratorRow.name)
        .join(ModeratorRow, ModeratorRow.id == DecisionRow.moderator_id)
        .where(DecisionRow.action.not_in(("skip", "undo")), is_not_undone(), *conditions)
        .order_by(DecisionRow.id)
    )


def is_not_undone() -> Any:
    """The condition that no undo names a decision."""
    return ~exists(select(_UNDO.id).where(_UNDO.undoes == DecisionRow.id))


def claim_of(row: FlagRow, holder: str | None, now: datetime) -> Claim | None:
    """The claim on a row, None when nobody has one any more."""
    if row.claimed_by is None or row.claimed_until is None or holder is None or row.claimed_until <= now:
        return None
    return Claim(row.id, row.claimed_by, holder, row.claimed_until)


def check_claim(session: Session, row: FlagRow, *, moderator_id: int, now: datetime) -> None:
    """Refuse to touch what another person is working on.

    Raises
    ------
    FlagClaimed
    """
    if row.claimed_by is None or row.claimed_by == moderator_id:
        return
    holder = session.scalar(select(ModeratorRow.name).where(ModeratorRow.id == row.claimed_by))
    claim = claim_of(row, holder, now)
    if claim is not None:
        raise FlagClaimed(claim.holder, claim.until)


def write_reasons(
    row: FlagRow, reasons: Sequence[Mapping[str, Any]], *, closed_reason: str | None, at: datetime
) -> None:
    """Give a row its reasons, and work out what follows from them: its lanes, its status and the end of a claim.

    Parameters
    ----------
    closed_reason : why the software takes the item out of the queue, should no reason be open; None = people decided.
    """
    row.reasons = [dict(reason) for reason in sorted(reasons, key=lambda reason: _ORDER[reason["reason"]])]
    still_open = open_reasons(row)
    row.lanes = sorted({reason["lane"] for reason in still_open})
    if still_open:
        row.status, row.closed_reason, row.closed_at = "open", None, None
        return
    row.status = "decided" if closed_reason is None else "closed"
    row.closed_reason, row.closed_at = closed_reason, at
    row.claimed_by, row.claimed_until = None, None


def write_priority(row: FlagRow, reach: Reach, *, posted_at: datetime, since: datetime) -> None:
    """Rank a row that has an open reason."""
    row.priority_parts = rate_item(open_reasons(row), reach, posted_at=posted_at, since=since)
    row.priority = rank(row.priority_parts)


def rank_again(row: FlagRow) -> None:
    """Rank a row by the reasons that are open now; one without any keeps its last place."""
    parts = row.priority_parts
    if row.status == "open":
        reach = Reach(parts["n_replies"], parts["n_amplifiers"], parts["likes"])
        moments = read_moment(parts["posted_at"]), read_moment(parts["waits_since"])
        write_priority(row, reach, posted_at=moments[0], since=moments[1])


def open_reasons(row: FlagRow) -> list[dict[str, Any]]:
    """The reasons that nobody has dealt with."""
    return [reason for reason in row.reasons if reason["status"] == "open"]


def with_status(reasons: Sequence[Mapping[str, Any]], old: str, new: str) -> list[dict[str, Any]]:
    """The same reasons, those of one status in another."""
    return [{**reason, "status": new} if reason["status"] == old else dict(reason) for reason in reasons]


def tell_of(session: Session, row: FlagRow, kind: EventKind, **more: Any) -> None:
    """Tell those who watch the queue about an item: where it stands, never what the post says."""
    item = {"flag_id": row.id, "post_id": row.post_id, "thread_id": row.thread_id}
    state = {"status": row.status, "lanes": list(row.lanes), "priority": row.priority}
    tell(session, row.community_id, kind, {**item, **state, **more})


def _locked(statement: Select[_Row]) -> Select[_Row]:
    # Not FOR UPDATE: that would make scores and events, which only point to the row, wait as well.
    return statement.with_for_update(key_share=True).execution_options(populate_existing=True)
