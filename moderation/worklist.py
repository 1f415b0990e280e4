"""The worklist of the answer lane: who waits, in the order of harm, who should answer, and what worked before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, true, tuple_
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.selectable import LateralFromClause

from moderation.alarm_rules import settled_posts
from moderation.communities import community_of
from moderation.earlier_answers import (
    N_NEAREST,
    EarlierAnswer,
    Members,
    answers_that_worked,
    best_placed,
    nearest_answers,
)
from moderation.left_out import left_out_authors
from moderation.priority import Reach, points_at, rank
from moderation.stored_corpus import end_of_data
from moderation.tables import CommunityRow, PostRow, ScoreRow, WaitRow
from moderation.worklist_order import NEWCOMER_POSTS, OpenWait, rate_wait


@dataclass(frozen=True)
class WorklistItem:
    """Somebody who waits.

    Attributes
    ----------
    wait, post : what is open, and the post that opened it.
    parts : what the points are made of, see `moderation.worklist_order.rate_wait`.
    rank : what the list is ordered by, highest first; the same at every moment.
    priority : the points of the moment.
    best_placed, earlier_answers : see `moderation.earlier_answers`; `best_placed` is None where the post has no vector
        to compare by.
    """

    wait: WaitRow
    post: PostRow
    parts: Mapping[str, Any]
    rank: float
    priority: float
    best_placed: Mapping[str, Any] | None
    earlier_answers: Sequence[Mapping[str, Any]]


def list_worklist(
    session: Session, community: CommunityRow, *, now: datetime, after: tuple[float, str] | None, limit: int
) -> list[WorklistItem]:
    """Open episodes and unanswered questions, those first that may do most harm.

    A post is listed once, as a complaint where it is both. What a moderator settled in the answer lane is left out.

    Parameters
    ----------
    after : rank and post id of the last item of the page before.
    """
    found = _open_waits(session, community.id)
    rated = [(rank(parts), wait, post, parts) for wait, post, parts in found]
    rated.sort(key=lambda item: (-item[0], item[1].post_id))
    if after is not None:
        rated = [item for item in rated if (-item[0], item[1].post_id) > (-after[0], after[1])]
    shown = rated[:limit]
    nearest = _nearest(session, [wait for _, wait, _, _ in shown])
    members = _members(session, community, [answer for answers in nearest.values() for answer in answers])
    end_at = end_of_data(session, community.id)
    return [
        WorklistItem(
            wait=wait,
            post=post,
            parts=parts,
            rank=place,
            priority=points_at(parts, now),
            best_placed=_placed(nearest.get(post.id), members, post, end_at or now),
            earlier_answers=answers_that_worked(nearest.get(post.id, ())),
        )
        for place, wait, post, parts in shown
    ]


def n_open_waits(session: Session, community_id: int) -> int:
    """How many posts wait in the worklist."""
    return len(open_rows(session, community_id))


def _open_waits(session: Session, community_id: int) -> list[tuple[WaitRow, PostRow, dict[str, Any]]]:
    rows = open_rows(session, community_id)
    n_earlier = _earlier_posts(session, community_id, [post.id for _, post in rows])
    return [(wait, post, rate_wait(open_wait(wait, post, n_earlier.get(post.id)))) for wait, post in rows]


def open_rows(session: Session, community_id: int) -> list[tuple[WaitRow, PostRow]]:
    """What is open and no moderator settled, one row per post: as a complaint where it is a question too."""
    statement = (
        select(WaitRow, PostRow)
        .join(PostRow, and_(PostRow.community_id == WaitRow.community_id, PostRow.id == WaitRow.post_id))
        .where(WaitRow.community_id == community_id, WaitRow.is_open, PostRow.deleted_at.is_(None))
        .order_by(WaitRow.post_id, WaitRow.kind)  # an episode comes before a question
        .execution_options(populate_existing=True)
    )
    by_post: dict[str, tuple[WaitRow, PostRow]] = {}
    for wait, post in session.execute(statement):
        by_post.setdefault(post.id, (wait, post))
    settled = settled_posts(session, community_id, by_post)
    return [found for post_id, found in by_post.items() if post_id not in settled]


def open_wait(wait: WaitRow, post: PostRow, n_earlier_posts: int | None) -> OpenWait:
    """What the place of a row in the list depends on."""
    contents = wait.contents
    return OpenWait(
        kind="episode" if wait.kind == "episode" else "question",
        post_id=post.id,
        started_at=wait.started_at,
        first_seen_at=wait.first_seen_at,
        p=contents["p_negative_wom" if wait.kind == "episode" else "p_question"],
        tone_strength=contents["tone_strength"],
        reach=Reach(contents["n_replies"], contents["n_amplifiers"], post.likes),
        n_joined_within_a_day=contents["n_joined_within_a_day"],
        n_earlier_posts=n_earlier_posts,
    )


def _earlier_posts(session: Session, community_id: int, post_ids: Collection[str]) -> dict[str, int]:
    """How many posts the writer of each had written before, up to `NEWCOMER_POSTS`; unknown writers are left out."""
    opening = aliased(PostRow)
    earlier = (
        select(PostRow.id)
        .where(
            PostRow.community_id == opening.community_id,
            PostRow.author_id == opening.author_id,
            PostRow.created_at < opening.created_at,
            PostRow.deleted_at.is_(None),
            PostRow.kind == "post",
        )
        .limit(NEWCOMER_POSTS)
        .lateral()
    )
    statement = (
        select(opening.id, func.count(earlier.c.id))
        .select_from(opening)
        .outerjoin(earlier, true())
        .where(
            opening.community_id == community_id,
            opening.id == func.any(sorted(post_ids)),
            opening.author_id.is_not(None),
        )
        .group_by(opening.id)
    )
    return dict(session.execute(statement).all())


def _nearest(session: Session, waits: Sequence[WaitRow]) -> dict[str, list[EarlierAnswer]]:
    """The answered episodes and questions of other threads that are most like each, by post id, in one query.

    What has no vector to compare by is left out.
    """
    if not waits:
        return {}
    item, own = aliased(WaitRow), aliased(ScoreRow)
    earlier = _answered_like(item, own)
    statement = (
        select(item.post_id, earlier)
        .join(own, _is_score_of(own, item))
        .outerjoin(earlier, true())
        .where(
            item.community_id == waits[0].community_id,
            tuple_(item.kind, item.post_id).in_([(wait.kind, wait.post_id) for wait in waits]),
            own.vector.is_not(None),
        )
        .order_by(item.post_id, earlier.c.away, earlier.c.opening_id, earlier.c.kind)
    )
    found: dict[str, dict[str, EarlierAnswer]] = {}
    for row in session.execute(statement):
        answers = found.setdefault(row.post_id, {})
        if row.opening_id is not None:  # a post may be both a complaint and a question: the complaint counts
            answers.setdefault(row.opening_id, _earlier_answer(row))
    return {post_id: nearest_answers(list(answers.values())) for post_id, answers in found.items()}


def _answered_like(item: Any, own: Any) -> LateralFromClause:
    """The answered openings of other threads, the nearest first."""
    earlier, answer, score = aliased(WaitRow), aliased(PostRow), aliased(ScoreRow)
    away = score.vector.cosine_distance(own.vector)
    return (
        select(
            earlier.post_id.label("opening_id"),
            earlier.kind,
            earlier.thread_id,
            earlier.worked,
            answer.id.label("answer_id"),
            answer.author_id,
            answer.role,
            away.label("away"),
        )
        .join(score, _is_score_of(score, earlier))
        .join(answer, and_(answer.community_id == earlier.community_id, answer.id == earlier.answer_post_id))
        .where(
            earlier.community_id == item.community_id,
            earlier.thread_id != item.thread_id,
            answer.deleted_at.is_(None),
            score.vector.is_not(None),
        )
        .order_by(away, earlier.post_id, earlier.kind)
        .limit(2 * N_NEAREST)
        .lateral()
    )


def _earlier_answer(row: Any) -> EarlierAnswer:
    return EarlierAnswer(
        opening_id=row.opening_id,
        thread_id=row.thread_id,
        answer_id=row.answer_id,
        author_id=row.author_id,
        is_staff=row.role == "staff",
        worked=row.worked,
        cosine=1 - row.away,
    )


def _is_score_of(score: Any, wait: Any) -> ColumnElement[bool]:
    """The scores by the models that judged a wait."""
    return and_(
        score.community_id == wait.community_id,
        score.post_id == wait.post_id,
        score.model_version == wait.model_version,
    )


def _members(session: Session, community: CommunityRow, answers: Sequence[EarlierAnswer]) -> Members:
    """When those who answered were last seen, and who does not want to be asked."""
    author_ids = sorted({answer.author_id for answer in answers if answer.author_id is not None})
    newest = (
        select(PostRow.author_id, func.max(PostRow.created_at))
        .where(PostRow.community_id == community.id, PostRow.author_id == func.any(author_ids))
        .group_by(PostRow.author_id)
    )
    last_seen = {author_id: at for author_id, at in session.execute(newest) if author_id is not None}
    not_asked = frozenset(community_of(community).not_asked) | left_out_authors(session, community)
    return Members(last_seen, not_asked)


def _placed(
    nearest: Sequence[EarlierAnswer] | None, members: Members, post: PostRow, end_at: datetime
) -> dict[str, Any] | None:
    return None if nearest is None else best_placed(nearest, members, writer_id=post.author_id, now=end_at)
