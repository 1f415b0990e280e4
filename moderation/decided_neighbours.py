"""What people decided about the posts that an item resembles most, as evidence for the next decision."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import CTE, ColumnElement, Select, cast, func, select, true
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH, distinct_on
from sqlalchemy.orm import Session, aliased

from moderation.flag_rows import is_not_undone
from moderation.tables import DecisionRow, FlagRow, PostRow, ScoreRow

N_NEIGHBOURS = 3
N_COMPARED = 2_000
"""The newest decisions of a lane; what was decided long ago says less about what is wanted now."""


@dataclass(frozen=True)
class DecidedNeighbour:
    """A decision about a post that was before the moderators for the same reason; `cosine` between the two posts."""

    decision: DecisionRow
    cosine: float


def nearest_decided(
    session: Session, community_id: int, flag_ids: Sequence[int], *, lanes: Sequence[str]
) -> dict[int, tuple[DecidedNeighbour, ...]]:
    """For each item, by its id: up to three decided posts in each of some lanes, nearest first.

    Only decisions that stand, about a reason that the item has too, and posts that are still there and were read by the
    models that raised the flag; of a post that was decided more than once the newest. One query for each lane.
    """
    found: dict[int, tuple[DecidedNeighbour, ...]] = {}
    for lane in lanes:
        for flag_id, decision, cosine in session.execute(_nearest(community_id, flag_ids, lane)):
            found[flag_id] = (*found.get(flag_id, ()), DecidedNeighbour(decision, round(cosine, 6)))
    return found


def _nearest(community_id: int, flag_ids: Sequence[int], lane: str) -> Select[int, DecisionRow, float]:
    item, own, other = aliased(FlagRow), aliased(ScoreRow), aliased(ScoreRow)
    recent = _recent(community_id, lane)
    distance = other.vector.cosine_distance(own.vector)
    near = (
        select(recent.c.id, (1 - distance).label("cosine"))
        .join(PostRow, (PostRow.community_id == community_id) & (PostRow.id == recent.c.post_id))
        .join(other, (other.community_id == community_id) & (other.post_id == recent.c.post_id))
        .where(
            recent.c.post_id != item.post_id,
            PostRow.deleted_at.is_(None),
            other.model_version == item.model_version,
            other.vector.is_not(None),
            _shares_a_reason(recent.c.reasons, item, lane),
        )
        .order_by(distance, recent.c.id)
        .limit(N_NEIGHBOURS)
        .lateral()
    )
    is_own = (own.community_id == item.community_id) & (own.post_id == item.post_id)
    return (
        select(item.id, DecisionRow, near.c.cosine)
        .join_from(item, own, is_own & (own.model_version == item.model_version))
        .join(near, true())
        .join(DecisionRow, DecisionRow.id == near.c.id)
        .where(item.community_id == community_id, item.id.in_(flag_ids), own.vector.is_not(None))
        .order_by(item.id, near.c.cosine.desc(), near.c.id)
    )


def _recent(community_id: int, lane: str) -> CTE:
    """The newest standing decision about each post in a lane, the newest ones of them."""
    newest = (
        select(DecisionRow.id, DecisionRow.post_id, DecisionRow.reasons)
        .ext(distinct_on(DecisionRow.post_id))
        .where(
            DecisionRow.community_id == community_id,
            DecisionRow.lane == lane,
            DecisionRow.mode == "live",
            DecisionRow.action.not_in(("skip", "undo")),
            is_not_undone(),
        )
        .order_by(DecisionRow.post_id, DecisionRow.id.desc())
        .subquery()
    )
    return select(newest).order_by(newest.c.id.desc()).limit(N_COMPARED).cte("recent")


def _shares_a_reason(reasons: ColumnElement[object], item: type[FlagRow], lane: str) -> ColumnElement[bool]:
    of_lane = cast("$[*] ? (@.lane == $lane).reason", JSONPATH)
    names = func.jsonb_path_query_array(item.reasons, of_lane, cast({"lane": lane}, JSONB))
    is_one_of_them = cast("$[*] ? (@.reason == $names[*])", JSONPATH)
    return func.jsonb_path_exists(reasons, is_one_of_them, func.jsonb_build_object("names", names))
