"""What was worked out over all posts of a community, as it was stored; and the posts of a topic."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import and_, or_, select, tuple_
from sqlalchemy.orm import Session

from moderation.errors import FindingsMissing, MemberUnknown, TopicUnknown
from moderation.refit import FAILURE
from moderation.tables import FindingRow, PostRow, ScoreRow

FindingKind = Literal["topics", "drift", "splits", "response_times", "members"]
EpisodeState = Literal["open", "answered", "corrected"]


def find_findings(session: Session, community_id: int, kind: FindingKind) -> FindingRow:
    """The newest findings of a kind.

    Raises
    ------
    FindingsMissing
        They have not been worked out yet.
    """
    row = session.get(FindingRow, (community_id, kind))
    if row is None:
        failure = session.get(FindingRow, (community_id, FAILURE))
        raise FindingsMissing(kind.replace("_", " "), None if failure is None else failure.contents["reason"])
    return row


def topic_in(findings: FindingRow, topic_id: int) -> dict[str, Any]:
    """One topic of the findings about topics.

    Raises
    ------
    TopicUnknown
    """
    for topic in findings.contents["topics"]:
        if topic["id"] == topic_id:
            return cast(dict[str, Any], topic)
    raise TopicUnknown(f"there is no topic {topic_id}")


def member_in(findings: FindingRow, author_id: str) -> dict[str, Any]:
    """One author of the findings about members, from the organisation or not.

    Raises
    ------
    MemberUnknown
    """
    for entry in (*findings.contents["members"], *findings.contents["staff"]):
        if entry["author_id"] == author_id:
            return cast(dict[str, Any], entry)
    raise MemberUnknown("nothing is known of that author")


def posts_of_topic(
    session: Session,
    community_id: int,
    topic_id: int,
    *,
    model_version: str,
    before: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[PostRow]:
    """The newest posts of a topic, those that a moderator put there among them.

    Parameters
    ----------
    before : `created_at` and id of the last post of the page before; None = from the newest.
    """
    is_of_topic = or_(
        PostRow.placed_topic_id == topic_id,
        and_(PostRow.placed_topic_id.is_(None), ScoreRow.topic_id == topic_id),
    )
    same_post = and_(
        ScoreRow.community_id == PostRow.community_id,
        ScoreRow.post_id == PostRow.id,
        ScoreRow.model_version == model_version,
    )
    statement = (
        select(PostRow)
        .outerjoin(ScoreRow, same_post)
        .where(PostRow.community_id == community_id, PostRow.deleted_at.is_(None), is_of_topic)
    )
    if before is not None:
        statement = statement.where(tuple_(PostRow.created_at, PostRow.id) < before)
    return session.scalars(statement.order_by(PostRow.created_at.desc(), PostRow.id.desc()).limit(limit)).all()


def list_episodes(
    findings: FindingRow,
    *,
    state: EpisodeState | None,
    topic_id: int | None,
    since: datetime | None,
    after: tuple[str, str] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Negative episodes of the findings about response times, oldest first.

    Parameters
    ----------
    state : "open" = nobody answered and somebody still can; "answered" = somebody did, put right or not.
    after : `started_at` as it is written and id of the last episode of the page before.
    """
    kept = [
        episode
        for episode in sorted(findings.contents["episodes"], key=_place_of)
        if (state is None or _is_in(state, episode))
        and (topic_id is None or episode["topic_id"] == topic_id)
        and (since is None or datetime.fromisoformat(episode["started_at"]) >= since)
        and (after is None or _place_of(episode) > after)
    ]
    return kept[:limit]


def _place_of(episode: dict[str, Any]) -> tuple[str, str]:
    return episode["started_at"], episode["id"]


def _is_in(state: EpisodeState, episode: dict[str, Any]) -> bool:
    if state == "open":
        return episode["first_answer_at"] is None and episode["censored"] == "end"
    if state == "answered":
        return episode["first_answer_at"] is not None
    return episode["corrected"] is not None
