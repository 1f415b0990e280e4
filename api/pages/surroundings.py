"""Reads what surrounds the items of a page, in as many queries for fifteen items as for one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select, true, tuple_
from sqlalchemy.orm import Session, aliased

from moderation.decided_neighbours import DecidedNeighbour, nearest_decided
from moderation.flag_rows import standing_decisions
from moderation.tables import DecisionRow, FlagRow, ModeratorRow, PostRow, ScoreRow

N_ANSWERS = 3


@dataclass(frozen=True)
class Judgement:
    """What the models that raised a flag found about its post; `topic_id` None = no topic."""

    topic_id: int | None
    language: str


@dataclass(frozen=True)
class Answers:
    """The next posts of a thread after one, and how many there are in all."""

    rows: tuple[PostRow, ...] = ()
    n_answers: int = 0


@dataclass(frozen=True)
class Handling:
    """Who works on some items, and who decided what in one lane of them.

    Attributes
    ----------
    holders : names of moderators by their id.
    decisions : those that nobody took back with the name of who decided, oldest first, by the id of the item.
    """

    lane: str
    holders: Mapping[int, str]
    decisions: Mapping[int, Sequence[tuple[DecisionRow, str]]]


@dataclass(frozen=True)
class Surroundings:
    """Everything that showing some items takes beside their rows; by the id of the item's post unless it says so.

    Attributes
    ----------
    posts : also those that the items answer or resemble, by their own ids.
    decided : what people decided in this lane about the posts that an item resembles most, by the id of the item.
    judgements : missing where the models that raised the flag know the post no more.
    first_posts : of the item's thread, which may be the item's post itself.
    """

    posts: Mapping[str, PostRow]
    judgements: Mapping[str, Judgement]
    first_posts: Mapping[str, PostRow]
    answers: Mapping[str, Answers]
    handling: Handling
    decided: Mapping[int, Sequence[DecidedNeighbour]]


def read_surroundings(session: Session, community_id: int, flags: Sequence[FlagRow], *, lane: str) -> Surroundings:
    """Read what some items of one community are shown with."""
    post_ids = [flag.post_id for flag in flags]
    posts = _posts_by_id(session, community_id, post_ids)
    first_posts = _first_posts(session, community_id, post_ids)
    parents = [post.parent_id for post in posts.values() if post.parent_id is not None]
    decided = nearest_decided(session, community_id, [flag.id for flag in flags], lanes=[lane])
    neighbours = [neighbour.decision.post_id for of_flag in decided.values() for neighbour in of_flag]
    mentioned = _posts_by_id(session, community_id, [*parents, *_resembled(flags), *neighbours])
    first_ids = [post_id for post_id, first in first_posts.items() if first.id == post_id]
    return Surroundings(
        posts={**mentioned, **posts},
        judgements=_judgements(session, community_id, flags),
        first_posts=first_posts,
        answers=_answers(session, community_id, post_ids, first_ids=first_ids),
        handling=read_handling(session, flags, lane=lane),
        decided=decided,
    )


def read_handling(session: Session, flags: Sequence[FlagRow], *, lane: str) -> Handling:
    """Read who works on some items, and who decided what in one lane of them."""
    held_by = {flag.claimed_by for flag in flags if flag.claimed_by is not None}
    named = session.execute(select(ModeratorRow.id, ModeratorRow.name).where(ModeratorRow.id.in_(held_by)))
    decisions: dict[int, list[tuple[DecisionRow, str]]] = {}
    of_lane = DecisionRow.flag_id.in_([flag.id for flag in flags]), DecisionRow.lane == lane
    for decision, name in session.execute(standing_decisions(*of_lane)):
        decisions.setdefault(decision.flag_id, []).append((decision, name))
    return Handling(lane, dict(named.all()), decisions)


def _resembled(flags: Iterable[FlagRow]) -> list[str]:
    """The ids of the posts that reasons give as evidence."""
    return [
        post_id for flag in flags for reason in flag.reasons for post_id in reason["evidence"].get("nearest_posts", ())
    ]


def _posts_by_id(session: Session, community_id: int, post_ids: Sequence[str]) -> dict[str, PostRow]:
    mine = PostRow.community_id == community_id, PostRow.id.in_(post_ids)
    return {row.id: row for row in session.scalars(select(PostRow).where(*mine))}


def _judgements(session: Session, community_id: int, flags: Sequence[FlagRow]) -> dict[str, Judgement]:
    versions = [(flag.post_id, flag.model_version) for flag in flags]
    statement = select(ScoreRow.post_id, ScoreRow.topic_id, ScoreRow.language).where(
        ScoreRow.community_id == community_id, tuple_(ScoreRow.post_id, ScoreRow.model_version).in_(versions)
    )
    return {post_id: Judgement(topic_id, language) for post_id, topic_id, language in session.execute(statement)}


def _first_posts(session: Session, community_id: int, post_ids: Sequence[str]) -> dict[str, PostRow]:
    item = aliased(PostRow)
    begins = (
        select(PostRow)
        .where(PostRow.community_id == item.community_id, PostRow.thread_id == item.thread_id, PostRow.kind == "post")
        .order_by(PostRow.created_at, PostRow.id)
        .limit(1)
        .lateral()
    )
    first = aliased(PostRow, begins)
    statement = select(item.id, first).join_from(item, begins, true())
    found = session.execute(statement.where(item.community_id == community_id, item.id.in_(post_ids)))
    return dict(found.all())


def _answers(
    session: Session, community_id: int, post_ids: Sequence[str], *, first_ids: Sequence[str]
) -> dict[str, Answers]:
    """The next posts after some; after one that does not begin its thread, without those that answer another reply."""
    item = aliased(PostRow)
    answers_it = PostRow.parent_id == item.id
    follows = (
        select(PostRow, func.count().over().label("n_answers"))
        .where(
            PostRow.community_id == item.community_id,
            PostRow.thread_id == item.thread_id,
            PostRow.kind == "post",
            PostRow.id != item.id,
            or_(PostRow.created_at > item.created_at, answers_it),
            or_(item.id.in_(first_ids), answers_it, PostRow.parent_id.is_(None)),
        )
        .order_by(PostRow.created_at, PostRow.id)
        .limit(N_ANSWERS)
        .lateral()
    )
    answer = aliased(PostRow, follows)
    statement = select(item.id, answer, follows.c.n_answers).join_from(item, follows, true())
    statement = statement.where(item.community_id == community_id, item.id.in_(post_ids))
    found: dict[str, Answers] = {}
    for post_id, row, n_answers in session.execute(statement.order_by(item.id, answer.created_at, answer.id)):
        found[post_id] = Answers((*found.get(post_id, Answers()).rows, row), n_answers)
    return found
