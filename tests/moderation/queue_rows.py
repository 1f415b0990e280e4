"""Small communities in the database for the tests of the queue."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.communities import save_community
from moderation.config import Community
from moderation.flag_queue import JudgedPost, sync_flags
from moderation.flags import Flag
from moderation.tables import CommunityRow, EventRow, FlagRow, ModeratorRow, PostRow

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
POSTED_AT = NOW - timedelta(hours=5)
MODEL = "model-1"

UNHAPPY = Flag("negative_wom", 0.92, 0.6, {"language": "en", "episode": "p1", "first_answer_at": None})
ASKS = Flag("unanswered_question", 0.8, 0.5, {"language": "en", "waiting_seconds": 18_000.0})
INSULT = Flag("toxic", 0.85, 0.7, {"language": "en"})
ADVERTISES = Flag("spam", 0.75, 0.7, {"language": "en"})
ELSEWHERE = Flag("off_purpose", 0.9, 0.8, {"nearest_posts": ["p7", "p9"]})


def new_community(session: Session, **settings: Any) -> CommunityRow:
    return save_community(session, f"test-{uuid4()}", Community(**settings))


def new_moderator(session: Session, community: CommunityRow, name: str = "Anna") -> ModeratorRow:
    moderator = ModeratorRow(community_id=community.id, name=name, password_hash=None)
    session.add(moderator)
    session.flush()
    return moderator


def new_post(session: Session, community: CommunityRow, post_id: str = "p1", **fields: Any) -> PostRow:
    known: Mapping[str, Any] = {
        "thread_id": "t1",
        "created_at": POSTED_AT,
        "text": f"the words of {post_id}",
        "role": "member",
        "kind": "post",
        "is_html": False,
        "likes": 0,
        "accepted": False,
        "content_hash": "c",
        "words_hash": "w",
        "revision": 1,
    }
    post = PostRow(community_id=community.id, id=post_id, **{**known, **fields})
    session.add(post)
    session.flush()
    return post


def edit(session: Session, post: PostRow, text: str) -> None:
    post.text, post.revision = text, post.revision + 1
    session.flush()


def judged(post: PostRow, *flags: Flag, is_answered: bool = False, **reach: int) -> JudgedPost:
    figures = {"n_replies": 0, "n_amplifiers": 0, "likes": 0, **reach}
    return JudgedPost(
        post.id, post.thread_id, post.revision, post.created_at, flags, is_answered=is_answered, **figures
    )


def sync(
    session: Session,
    community: CommunityRow,
    post: PostRow,
    *flags: Flag,
    is_answered: bool = False,
    now: datetime = NOW,
    **reach: int,
) -> None:
    judgement = judged(post, *flags, is_answered=is_answered, **reach)
    sync_flags(session, community, [judgement], model_version=MODEL, now=now)


def rows_of(session: Session, community: CommunityRow) -> list[FlagRow]:
    statement = select(FlagRow).where(FlagRow.community_id == community.id).order_by(FlagRow.id)
    return list(session.scalars(statement.execution_options(populate_existing=True)))


def only_row(session: Session, community: CommunityRow) -> FlagRow:
    (row,) = rows_of(session, community)
    return row


def flag_post(session: Session, community: CommunityRow, *flags: Flag, post_id: str = "p1") -> tuple[PostRow, FlagRow]:
    """A post with an open item for these flags."""
    post = new_post(session, community, post_id)
    sync(session, community, post, *flags)
    (row,) = [row for row in rows_of(session, community) if row.post_id == post_id]
    return post, row


def statuses(row: FlagRow) -> dict[str, str]:
    return {reason["reason"]: reason["status"] for reason in row.reasons}


def events_of(session: Session, community: CommunityRow) -> list[str]:
    statement = select(EventRow.kind).where(EventRow.community_id == community.id).order_by(EventRow.id)
    return list(session.scalars(statement))


@contextmanager
def undone(session: Session) -> Iterator[None]:
    savepoint = session.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()
        session.expunge_all()


def at_once(jobs: Sequence[Callable[[], None]]) -> None:
    """Run jobs in threads that begin together; an error in one of them fails the test."""
    barrier = Barrier(len(jobs))

    def begin(job: Callable[[], None]) -> None:
        barrier.wait()
        job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        for begun in [threads.submit(begin, job) for job in jobs]:
            begun.result()
