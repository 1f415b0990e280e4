"""The ledger of topics: what became of each at every refit, and what it was at any moment."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.orm import Session

from moderation.assignments import Topics
from moderation.errors import TopicUnknown
from moderation.tables import TopicEventRow, TopicStateRow
from topics.ledger import EventKind, topic_events

EVENTFUL: tuple[EventKind, ...] = ("renamed", "split", "merged", "new", "retired")
"""All but "kept"."""


@dataclass(frozen=True)
class Ledger:
    """What became of topics.

    Attributes
    ----------
    events : newest first; all kinds but "kept".
    n_kept : how many topics stayed as they were, by moment.
    first_at : when topics were found for the first time; None = never.
    """

    events: Sequence[TopicEventRow]
    n_kept: Mapping[datetime, int]
    first_at: datetime | None


NO_LEDGER = Ledger((), {}, None)


@dataclass(frozen=True)
class TopicThen:
    """A topic as it was at a moment.

    Attributes
    ----------
    state : after the last refit before that moment.
    is_gone : it had been merged or retired by then; `state` is the last one that it had.
    """

    state: TopicStateRow
    is_gone: bool


def record_refit(
    session: Session,
    community_id: int,
    topics: Topics,
    *,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    names_before: Mapping[int, str],
    now: datetime,
) -> None:
    """Write down what a refit made of the topics.

    Parameters
    ----------
    before, after : shape (n,), the topic id of each row; 0 = unsorted, -1 = the post was not there.
    names_before : what each topic was called.
    """
    names = {topic.id: topic.name.name for topic in topics.topics}
    renamed = {topic_id for topic_id, name in names.items() if names_before.get(topic_id, name) != name}
    events = [
        {
            **_event_fields(asdict(event)),
            "community_id": community_id,
            "happened_at": now,
            "name": names.get(event.topic_id),
            "name_before": names_before.get(event.topic_id),
        }
        for event in topic_events(before, after, renamed=renamed)
    ]
    if events:
        session.execute(insert(TopicEventRow), events)
    theme_names = {theme.id: theme.name.name for theme in topics.themes}
    states = [
        {
            "community_id": community_id,
            "topic_id": topic.id,
            "fitted_at": now,
            "name": topic.name.name,
            "named_by_moderator": topic.name.is_given,
            "terms": list(topic.name.terms),
            "language": topic.name.language,
            "n_posts": topic.size,
            "share": round(topic.share, 6),
            "exemplar_ids": list(topic.exemplar_ids),
            "theme_id": topic.theme_id,
            "theme_name": theme_names.get(topic.theme_id) if topic.theme_id is not None else None,
        }
        for topic in topics.topics
    ]
    if states:
        session.execute(insert(TopicStateRow), states)


def _event_fields(event: dict[str, Any]) -> dict[str, Any]:
    return {name: list(part) if isinstance(part, tuple) else part for name, part in event.items()}


def topic_at(session: Session, community_id: int, topic_id: int, *, at: datetime) -> TopicThen:
    """What a topic was at a moment.

    Raises
    ------
    TopicUnknown
        There was no such topic yet.
    """
    of_topic = TopicStateRow.community_id == community_id, TopicStateRow.topic_id == topic_id
    newest_first = select(TopicStateRow).where(*of_topic).order_by(TopicStateRow.fitted_at.desc())
    state = session.scalar(newest_first.where(TopicStateRow.fitted_at <= at).limit(1))
    if state is None:
        raise TopicUnknown(f"there was no topic {topic_id} at that time")
    of_events = TopicEventRow.community_id == community_id, TopicEventRow.topic_id == topic_id
    last = (
        select(TopicEventRow.n_posts_after)
        .where(*of_events, TopicEventRow.happened_at <= at)
        .order_by(TopicEventRow.happened_at.desc(), TopicEventRow.id.desc())
        .limit(1)
    )
    return TopicThen(state, is_gone=session.scalar(last) == 0)


def states_of_topic(
    session: Session, community_id: int, topic_id: int, *, before: datetime | None = None, limit: int
) -> Sequence[TopicStateRow]:
    """What a topic was after each refit, newest first.

    Parameters
    ----------
    before : the moment of the last one of the page before; None = from the newest.
    """
    statement = select(TopicStateRow).where(
        TopicStateRow.community_id == community_id, TopicStateRow.topic_id == topic_id
    )
    if before is not None:
        statement = statement.where(TopicStateRow.fitted_at < before)
    return session.scalars(statement.order_by(TopicStateRow.fitted_at.desc()).limit(limit)).all()


def list_topic_events(
    session: Session,
    community_id: int,
    *,
    topic_id: int | None = None,
    kinds: Sequence[EventKind] = EVENTFUL,
    before: tuple[datetime, int] | None = None,
    limit: int,
) -> Sequence[TopicEventRow]:
    """What became of topics, newest first.

    Parameters
    ----------
    topic_id : of one topic; None = of all.
    before : `happened_at` and id of the last event of the page before; None = from the newest.
    """
    statement = select(TopicEventRow).where(TopicEventRow.community_id == community_id, TopicEventRow.kind.in_(kinds))
    if topic_id is not None:
        statement = statement.where(TopicEventRow.topic_id == topic_id)
    if before is not None:
        statement = statement.where(tuple_(TopicEventRow.happened_at, TopicEventRow.id) < before)
    newest_first = statement.order_by(TopicEventRow.happened_at.desc(), TopicEventRow.id.desc())
    return session.scalars(newest_first.limit(limit)).all()


def read_ledger(session: Session, community_id: int, *, limit: int) -> Ledger:
    """What became of topics lately, up to so many events."""
    events = list_topic_events(session, community_id, limit=limit)
    mine = TopicEventRow.community_id == community_id
    moments = sorted({event.happened_at for event in events})
    kept = (
        select(TopicEventRow.happened_at, func.count())
        .where(mine, TopicEventRow.kind == "kept", TopicEventRow.happened_at.in_(moments))
        .group_by(TopicEventRow.happened_at)
    )
    first_at = session.scalar(select(func.min(TopicEventRow.happened_at)).where(mine))
    return Ledger(events, dict(session.execute(kept).all()), first_at)
