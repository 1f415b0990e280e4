"""Moderators rename, merge, pin and keep topics apart; each can be taken back, and all of it survives refits."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from moderation.assignments import tone_of
from moderation.errors import TopicChangeRefused, TopicOrderUnknown
from moderation.events import tell
from moderation.findings import find_findings, topic_in
from moderation.incoming import lock_community, or_none
from moderation.tables import (
    CommunityRow,
    FindingRow,
    ModeratorRow,
    PostRow,
    ScoreRow,
    TopicEventRow,
    TopicOrderRow,
)
from moderation.topic_orders import (
    TopicAction,
    merged_into,
    names_given,
    pairs_kept_apart,
    pinned_topics,
    standing_orders,
)

Contents = dict[str, Any]


@dataclass(frozen=True)
class TopicChange:
    """What a moderator wants of a topic.

    Attributes
    ----------
    other_topic_id : for "merge" the topic that it goes into, for "keep_apart" the one to stay apart from.
    name : for "rename".
    """

    action: TopicAction
    other_topic_id: int | None = None
    name: str | None = None


def change_topic(
    session: Session,
    community: CommunityRow,
    topic_id: int,
    change: TopicChange,
    *,
    moderator: ModeratorRow,
    now: datetime,
) -> TopicOrderRow:
    """Record what a moderator asks of a topic, and do it at once.

    A merged topic's posts, those to come too, are in the other topic from then on. Names and the posts of a merge are
    changed in the findings about topics; everything else that was worked out over all posts follows at the next refit.

    Raises
    ------
    TopicUnknown
        Either topic is not there.
    TopicChangeRefused
        It contradicts what a moderator asked for earlier, or is so already.
    """
    lock_community(session, community.id)
    findings = find_findings(session, community.id, "topics")
    topic = topic_in(findings, topic_id)
    if change.other_topic_id is not None:
        topic_in(findings, change.other_topic_id)
    standing = standing_orders(session, community.id)
    _check(topic_id, change, standing)
    before: Contents = {"name": topic["name"], "named_by_moderator": topic.get("named_by_moderator", False)}
    if change.action == "merge":
        assert change.other_topic_id is not None  # a merge names the other topic
        before = {"topic": topic, **_move_posts(session, community.id, topic_id, into=change.other_topic_id)}
        _edit_topics(findings, lambda topics: _merged(topics, topic, into=change.other_topic_id))
    elif change.action == "rename":
        assert change.name is not None  # a rename names the name
        _edit_topics(findings, lambda topics: _called(topics, topic_id, change.name or "", by_moderator=True))
    order = TopicOrderRow(
        community_id=community.id,
        topic_id=topic_id,
        action=change.action,
        other_topic_id=change.other_topic_id,
        name=change.name,
        before=before,
        moderator_id=moderator.id,
        ordered_at=now,
    )
    session.add(order)
    session.flush()
    _write_event(session, community.id, order, topic, at=now)
    tell(session, community.id, "findings", {"found_at": findings.found_at.isoformat()})
    return order


def undo_change(
    session: Session, community: CommunityRow, order_id: int, *, moderator: ModeratorRow, now: datetime
) -> TopicOrderRow:
    """Take an order back. Of a merge, the posts that are still in the other topic go back under the old id.

    Raises
    ------
    TopicOrderUnknown
    TopicChangeRefused
        It was taken back before, or a later merge or name rests on it.
    """
    lock_community(session, community.id)
    order = session.scalar(
        select(TopicOrderRow).where(TopicOrderRow.community_id == community.id, TopicOrderRow.id == order_id)
    )
    if order is None or order.action == "undo":
        raise TopicOrderUnknown(f"there is no such change of a topic: {order_id}")
    standing = standing_orders(session, community.id)
    _check_undo(order, standing)
    findings = find_findings(session, community.id, "topics")
    if order.action == "merge":
        _unmerge(session, community.id, order, findings)
    elif order.action == "rename":
        earlier = names_given([each for each in standing if each.id != order.id]).get(order.topic_id)
        name = earlier or order.before["name"]
        _edit_topics(findings, lambda topics: _called(topics, order.topic_id, name, by_moderator=earlier is not None))
    undo = TopicOrderRow(
        community_id=community.id,
        topic_id=order.topic_id,
        action="undo",
        other_topic_id=order.other_topic_id,
        name=None,
        before={},
        moderator_id=moderator.id,
        undoes=order.id,
        ordered_at=now,
    )
    session.add(undo)
    session.flush()
    _write_undo_event(session, community.id, order, findings, at=now)
    tell(session, community.id, "findings", {"found_at": findings.found_at.isoformat()})
    return undo


def _check(topic_id: int, change: TopicChange, standing: Sequence[TopicOrderRow]) -> None:
    """Refuse what contradicts an order that stands."""
    other = change.other_topic_id
    if other == topic_id:
        raise TopicChangeRefused("same_topic", "name another topic")
    is_pinned, pair = topic_id in pinned_topics(standing), (min(topic_id, other or 0), max(topic_id, other or 0))
    is_apart = pair in pairs_kept_apart(standing)
    refusals = {
        "merge": (("pinned", is_pinned), ("kept_apart", is_apart)),
        "pin": (("already", is_pinned),),
        "unpin": (("already", not is_pinned),),
        "keep_apart": (("already", is_apart),),
        "rename": (),
    }
    for reason, holds in refusals[change.action]:
        if holds:
            raise TopicChangeRefused(reason, f"topic {topic_id}: {reason.replace('_', ' ')}")


def _check_undo(order: TopicOrderRow, standing: Sequence[TopicOrderRow]) -> None:
    if order.id not in {each.id for each in standing}:
        raise TopicChangeRefused("undone", "that was taken back before")
    if order.action == "merge" and order.other_topic_id in merged_into(standing):
        raise TopicChangeRefused("later_merge", f"topic {order.other_topic_id} was merged later; take that back first")


def _move_posts(session: Session, community_id: int, topic_id: int, *, into: int) -> Contents:
    """Put a topic's posts in another one; returns the ids of those that were found there and of those placed there."""
    found = update(ScoreRow).where(ScoreRow.community_id == community_id, ScoreRow.topic_id == topic_id)
    placed = update(PostRow).where(PostRow.community_id == community_id, PostRow.placed_topic_id == topic_id)
    return {
        "post_ids": sorted(session.scalars(found.values(topic_id=into).returning(ScoreRow.post_id))),
        "placed_ids": sorted(session.scalars(placed.values(placed_topic_id=into).returning(PostRow.id))),
    }


def _unmerge(session: Session, community_id: int, order: TopicOrderRow, findings: FindingRow) -> None:
    """Give the posts of a merge that are still there back to the topic, and the topic to the findings."""
    is_still = ScoreRow.community_id == community_id, ScoreRow.topic_id == order.other_topic_id
    found = update(ScoreRow).where(*is_still, ScoreRow.post_id == func.any(order.before["post_ids"]))
    session.execute(found.values(topic_id=order.topic_id))
    is_placed = PostRow.community_id == community_id, PostRow.placed_topic_id == order.other_topic_id
    placed = update(PostRow).where(*is_placed, PostRow.id == func.any(order.before["placed_ids"]))
    session.execute(placed.values(placed_topic_id=order.topic_id))
    n_back = session.scalar(
        select(func.count(func.distinct(ScoreRow.post_id))).where(
            ScoreRow.community_id == community_id, ScoreRow.topic_id == order.topic_id
        )
    )
    _edit_topics(findings, lambda topics: _unmerged(topics, order, n_back=n_back or 0))


def _edit_topics(findings: FindingRow, edit: Callable[[list[Contents]], list[Contents]]) -> None:
    """Change the list of topics; a new dictionary, so that the change is seen."""
    topics = edit([dict(topic) for topic in findings.contents["topics"]])
    highest = max((topic["id"] for topic in topics), default=0)
    findings.contents = {
        **findings.contents,
        "topics": topics,
        "highest_topic_id": max(findings.contents.get("highest_topic_id", 0), highest),
    }


def _called(topics: list[Contents], topic_id: int, name: str, *, by_moderator: bool) -> list[Contents]:
    renamed = {"name": name, "named_by_moderator": by_moderator}
    return [{**topic, **renamed} if topic["id"] == topic_id else topic for topic in topics]


def _merged(topics: list[Contents], gone: Mapping[str, Any], *, into: int | None) -> list[Contents]:
    return [
        _with_posts(topic, gone, 1) if topic["id"] == into else topic for topic in topics if topic["id"] != gone["id"]
    ]


def _unmerged(topics: list[Contents], order: TopicOrderRow, *, n_back: int) -> list[Contents]:
    if not n_back or any(topic["id"] == order.topic_id for topic in topics):
        return topics
    gone = order.before["topic"]
    back = {**gone, "size": n_back, "share": round(gone["share"] / gone["size"] * n_back, 6)}
    left = [_with_posts(topic, back, -1) if topic["id"] == order.other_topic_id else topic for topic in topics]
    return [*left, back]


def _with_posts(topic: Mapping[str, Any], other: Mapping[str, Any], sign: Literal[1, -1]) -> Contents:
    """A topic with the posts of another, or without them again; how many of them are unhappy goes along."""
    n_posts, n_negative = (
        max(one + sign * more, 0) for one, more in zip(_tone_counts(topic), _tone_counts(other), strict=True)
    )
    tone = tone_of(min(n_negative, n_posts), n_posts)
    return {
        **topic,
        "size": max(topic["size"] + sign * other["size"], 0),
        "share": round(max(topic["share"] + sign * other["share"], 0.0), 6),
        "negative_share": or_none(float("nan") if tone.share is None else tone.share),
        "negative_share_interval": tone.interval and [round(bound, 6) for bound in tone.interval],
        "negative_share_n_posts": n_posts,
        "negative_share_reason": tone.reason,
    }


def _tone_counts(topic: Mapping[str, Any]) -> tuple[int, int]:
    """Of a topic, the posts that are scored for negative word of mouth, and those that hold any."""
    n_posts = topic.get("negative_share_n_posts") or 0
    return n_posts, round((topic["negative_share"] or 0.0) * n_posts)


def _write_event(
    session: Session, community_id: int, order: TopicOrderRow, topic: Mapping[str, Any], *, at: datetime
) -> None:
    size = topic["size"]
    if order.action == "rename":
        _add_event(session, community_id, order.topic_id, "renamed", at, (topic["name"], order.name), (size, size))
    elif order.action == "merge":
        assert order.other_topic_id is not None
        name, others = (topic["name"], None), [order.other_topic_id]
        _add_event(session, community_id, order.topic_id, "merged", at, name, (size, 0), others=others)


def _write_undo_event(
    session: Session, community_id: int, order: TopicOrderRow, findings: FindingRow, *, at: datetime
) -> None:
    now = next((topic for topic in findings.contents["topics"] if topic["id"] == order.topic_id), None)
    if now is None:
        return
    if order.action == "rename":
        names, size = (order.name, now["name"]), now["size"]
        _add_event(session, community_id, order.topic_id, "renamed", at, names, (size, size))
    elif order.action == "merge":
        assert order.other_topic_id is not None
        names, others = (None, now["name"]), [order.other_topic_id]
        _add_event(session, community_id, order.topic_id, "split", at, names, (0, now["size"]), others=others)


def _add_event(
    session: Session,
    community_id: int,
    topic_id: int,
    kind: str,
    at: datetime,
    names: tuple[str | None, str | None],
    sizes: tuple[int, int],
    *,
    others: Collection[int] = (),
) -> None:
    session.add(
        TopicEventRow(
            community_id=community_id,
            topic_id=topic_id,
            happened_at=at,
            kind=kind,
            name_before=names[0],
            name=names[1],
            n_posts_before=sizes[0],
            n_posts_after=sizes[1],
            other_ids=list(others),
            went_to=[],
            came_from=[],
        )
    )
