"""A thread as a page shows it: its posts in time order."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.tables import PostRow


def thread_of(session: Session, community_id: int, post_id: str) -> Sequence[PostRow]:
    """The posts of the thread that a post stands in, oldest first; none where the post is not there."""
    of_post = select(PostRow.thread_id).where(
        PostRow.community_id == community_id, PostRow.id == post_id, PostRow.kind == "post"
    )
    statement = (
        select(PostRow)
        .where(
            PostRow.community_id == community_id,
            PostRow.thread_id == of_post.scalar_subquery(),
            PostRow.kind == "post",
        )
        .order_by(PostRow.created_at, PostRow.id)
    )
    return session.scalars(statement).all()
