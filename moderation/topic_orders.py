"""What moderators asked of topics, as it stands now: rows are only ever added, and an undo takes one back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from moderation.tables import ModeratorRow, TopicOrderRow
from topics.ledger import Orders

TopicAction = Literal["rename", "merge", "pin", "unpin", "keep_apart"]


@dataclass(frozen=True)
class LoggedOrder:
    """An order with who gave it, and who took it back and when, if anybody did."""

    row: TopicOrderRow
    moderator: str
    undone_by: str | None
    undone_at: datetime | None


def standing_orders(session: Session, community_id: int) -> Sequence[TopicOrderRow]:
    """What moderators asked for and nobody took back, in the order in which they did."""
    undo = aliased(TopicOrderRow)
    statement = (
        select(TopicOrderRow)
        .outerjoin(undo, undo.undoes == TopicOrderRow.id)
        .where(TopicOrderRow.community_id == community_id, TopicOrderRow.action != "undo", undo.id.is_(None))
    )
    return session.scalars(statement.order_by(TopicOrderRow.id)).all()


def merged_into(standing: Sequence[TopicOrderRow]) -> dict[int, int]:
    """The topic that each merged one went into in the end."""
    into = {order.topic_id: order.other_topic_id for order in standing if order.action == "merge"}
    ends = {}
    for topic_id in into:
        end: int | None = topic_id
        while end in into:
            end = into[end]
        assert end is not None  # a merge names the other topic
        ends[topic_id] = end
    return ends


def pinned_topics(standing: Sequence[TopicOrderRow]) -> frozenset[int]:
    """The topics that were last pinned, not unpinned."""
    last = {order.topic_id: order.action for order in standing if order.action in ("pin", "unpin")}
    return frozenset(topic_id for topic_id, action in last.items() if action == "pin")


def pairs_kept_apart(standing: Sequence[TopicOrderRow]) -> frozenset[tuple[int, int]]:
    """Pairs of topics that never become one, the lower id first."""
    pairs = [(order.topic_id, order.other_topic_id) for order in standing if order.action == "keep_apart"]
    return frozenset((min(one, other), max(one, other)) for one, other in pairs if other is not None)


def names_given(standing: Sequence[TopicOrderRow]) -> dict[int, str]:
    """What moderators last called topics."""
    return {order.topic_id: order.name for order in standing if order.name is not None}


def orders_for_refit(standing: Sequence[TopicOrderRow]) -> Orders:
    """What a refit has to respect."""
    return Orders(
        merged=frozenset(merged_into(standing).values()),
        pinned=pinned_topics(standing),
        apart=pairs_kept_apart(standing),
    )


def newest_order_id(session: Session, community_id: int) -> int:
    """The id of the last order or undo; 0 = there is none."""
    return session.scalar(select(func.max(TopicOrderRow.id)).where(TopicOrderRow.community_id == community_id)) or 0


def asks_for_a_refit(session: Session, community_id: int, *, since: datetime) -> bool:
    """Whether an order that moves posts was given or taken back after a moment."""
    moves = TopicOrderRow.action.in_(("merge", "keep_apart", "undo"))
    last = select(func.max(TopicOrderRow.ordered_at)).where(TopicOrderRow.community_id == community_id, moves)
    ordered_at = session.scalar(last)
    return ordered_at is not None and ordered_at > since


def list_orders(
    session: Session, community_id: int, *, topic_id: int | None = None, before: int | None = None, limit: int
) -> list[LoggedOrder]:
    """Orders with who gave and who undid them, newest first.

    Parameters
    ----------
    topic_id : only those about this topic, as either of two; None = all.
    before : the id of the last order of the page before; None = from the newest.
    """
    undo, undoer = aliased(TopicOrderRow), aliased(ModeratorRow)
    statement = (
        select(TopicOrderRow, ModeratorRow.name, undoer.name, undo.ordered_at)
        .join(ModeratorRow, ModeratorRow.id == TopicOrderRow.moderator_id)
        .outerjoin(undo, undo.undoes == TopicOrderRow.id)
        .outerjoin(undoer, undoer.id == undo.moderator_id)
        .where(TopicOrderRow.community_id == community_id, TopicOrderRow.action != "undo")
    )
    if topic_id is not None:
        statement = statement.where((TopicOrderRow.topic_id == topic_id) | (TopicOrderRow.other_topic_id == topic_id))
    if before is not None:
        statement = statement.where(TopicOrderRow.id < before)
    rows = session.execute(statement.order_by(TopicOrderRow.id.desc()).limit(limit)).all()
    return [LoggedOrder(row, moderator, undone_by, undone_at) for row, moderator, undone_by, undone_at in rows]


def in_the_end(topic_ids: Sequence[int | None], merged: Mapping[int, int]) -> tuple[int | None, ...]:
    """Topic ids with those that were merged away replaced by the ones that they went into."""
    return tuple(None if topic_id is None else merged.get(topic_id, topic_id) for topic_id in topic_ids)
