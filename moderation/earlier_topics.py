"""The topics that a refit goes on from, as they are stored."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.stored_corpus import StoredCorpus
from moderation.tables import FindingRow, ScoreRow, TopicEventRow
from moderation.topic_ids import EarlierTopics
from moderation.topic_orders import merged_into, names_given, orders_for_refit, standing_orders
from topics.names import TopicName


def load_earlier_topics(session: Session, community_id: int, stored: StoredCorpus) -> EarlierTopics:
    """The topic of every row, the names, and what moderators asked for."""
    findings = session.get(FindingRow, (community_id, "topics"))
    standing = standing_orders(session, community_id)
    found_at = None if findings is None else findings.found_at
    return EarlierTopics(
        topic_of=_topic_of(session, community_id, stored, merged_into(standing), found_at=found_at),
        highest_id=_highest_id(session, community_id, findings),
        names={} if findings is None else {topic["id"]: _name_of(topic) for topic in findings.contents["topics"]},
        given_names=names_given(standing),
        orders=orders_for_refit(standing),
        found_at=found_at,
    )


def was_there(stored: StoredCorpus, found_at: datetime | None) -> NDArray[np.bool_]:
    """Which posts the last refit sorted; shape (n,)."""
    judged = [None if score is None else score.judged_at for score in stored.scores]
    return np.array([at is not None and (found_at is None or at <= found_at) for at in judged], dtype=bool)


def _topic_of(
    session: Session,
    community_id: int,
    stored: StoredCorpus,
    merged: Mapping[int, int],
    *,
    found_at: datetime | None,
) -> NDArray[np.int64]:
    """The topic id that the last refit gave each row, or one under other models before an update; 0 = none."""
    of_scores = select(ScoreRow.post_id, func.max(ScoreRow.topic_id)).where(
        ScoreRow.community_id == community_id, ScoreRow.topic_id.is_not(None)
    )
    if found_at is not None:
        of_scores = of_scores.where(ScoreRow.judged_at <= found_at)
    rows = session.execute(of_scores.group_by(ScoreRow.post_id))
    known: dict[str, int] = {post_id: topic_id or 0 for post_id, topic_id in rows}
    is_sorted = was_there(stored, found_at).tolist()
    own = [score.topic_id if score and there else None for score, there in zip(stored.scores, is_sorted, strict=True)]
    found = [topic_id or known.get(row.id, 0) for row, topic_id in zip(stored.rows, own, strict=True)]
    return np.array([merged.get(topic_id, topic_id) for topic_id in found], dtype=np.int64)


def _highest_id(session: Session, community_id: int, findings: FindingRow | None) -> int:
    """The highest id that any topic ever had."""
    in_ledger = select(func.max(TopicEventRow.topic_id)).where(TopicEventRow.community_id == community_id)
    in_findings = 0 if findings is None else int(findings.contents["highest_topic_id"])
    return max(in_findings, session.scalar(in_ledger) or 0)


def _name_of(topic: Mapping[str, object]) -> TopicName:
    terms = topic["terms"]
    assert isinstance(terms, list)
    return TopicName(
        name=str(topic["name"]),
        terms=tuple(terms),
        language=str(topic["language"]),
        is_given=bool(topic.get("named_by_moderator", False)),
    )
