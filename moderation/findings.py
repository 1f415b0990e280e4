"""What was worked out over all posts of a community, as it was stored; and the posts of a topic."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select, tuple_
from sqlalchemy.orm import Session

from moderation.errors import FindingsMissing, MemberUnknown, TopicUnknown
from moderation.expected_reply import Kind, check_of, expect_reply, expectation_json, hour_of_week, past_waits_of
from moderation.refit import FAILURE
from moderation.tables import FindingRow, PostRow, ScoreRow

FindingKind = Literal[
    "topics", "drift", "splits", "response_times", "members", "faq", "ideas", "emergence", "root_causes"
]


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


def expected_reply_in(findings: FindingRow, kind: Kind, *, at: datetime, topic_id: int | None) -> dict[str, Any]:
    """How soon somebody who asks or complains at a moment may expect an answer, by the findings about response times.

    Parameters
    ----------
    topic_id : of what was written; None = of any topic.

    Raises
    ------
    FindingsMissing
        The findings are of a version that did not work it out.
    """
    if "past_waits" not in findings.contents:
        raise FindingsMissing("expected reply times", None)
    past = past_waits_of(findings.contents["past_waits"][kind])
    check = findings.contents["expected_reply"][kind]["check"]
    hour = hour_of_week(at, ZoneInfo(past.timezone))
    expected = expect_reply(past, check_of(check), hour=hour, topic_id=topic_id)
    return {**expectation_json(expected), "check": check}
