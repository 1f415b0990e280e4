"""Members who are left out of all member statistics at their own wish.

Their posts stay in topics, queues and response clocks; nothing is counted for them as a person. A wish comes from the
community's settings (`left_out`) or through the API and the command line, which keep it in a table of its own: settings
that are replaced do not undo it.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from moderation.communities import community_of
from moderation.config import Community
from moderation.corpus import Corpus
from moderation.errors import MemberUnknown
from moderation.job_queue import defer_refit
from moderation.tables import CommunityRow, ErasureRow, LeftOutRow, PostRow


def hide_left_out(corpus: Corpus, left_out: Collection[str]) -> Corpus:
    """The corpus as member statistics may see it: posts of those who are left out are by nobody known.

    The one way in which member statistics leave somebody out: ledger, interests, signs of leaving, member graph.

    Parameters
    ----------
    left_out : author ids, as `moderation.config.Community.left_out` has them in an analysis.
    """
    hidden = frozenset(left_out)
    if not hidden:
        return corpus
    posts = tuple(
        replace(post, author_id=None, author_name=None) if post.author_id in hidden else post for post in corpus.posts
    )
    return replace(corpus, posts=posts)


def count_left_out(corpus: Corpus, left_out: Collection[str]) -> dict[str, int]:
    """How many of those who wrote are left out at their own wish, and how many posts of theirs are there."""
    authors = [post.author_id for post in corpus.posts if post.deleted_at is None and post.author_id in left_out]
    return {"n_members_at_own_wish": len(set(authors)), "n_posts_at_own_wish": len(authors)}


def left_out_authors(session: Session, community: CommunityRow) -> frozenset[str]:
    """Everybody who is left out, by the settings or by a wish of their own."""
    wishes = select(LeftOutRow.author_id).where(LeftOutRow.community_id == community.id)
    return frozenset(community_of(community).left_out) | frozenset(session.scalars(wishes))


def settings_with_wishes(session: Session, community: CommunityRow) -> Community:
    """The settings of a community with every wish to be left out among them."""
    return community_of(community).model_copy(update={"left_out": tuple(sorted(left_out_authors(session, community)))})


def choices_of_members(session: Session, community: CommunityRow) -> tuple[frozenset[str], int]:
    """Who is left out and the newest erasure: what is worked out before they change must not be stored after."""
    newest = select(func.max(ErasureRow.id)).where(ErasureRow.community_id == community.id)
    return left_out_authors(session, community), session.scalar(newest) or 0


def leave_out(session: Session, community: CommunityRow, author_id: str, *, now: datetime) -> None:
    """Leave somebody out from now on; a second wish changes nothing. What was found is worked out anew.

    Raises
    ------
    MemberUnknown
        Nobody of that id wrote here.
    """
    wrote = select(PostRow.id).where(PostRow.community_id == community.id, PostRow.author_id == author_id).limit(1)
    if session.scalar(wrote) is None:
        raise MemberUnknown("nobody of that id wrote in the community")
    row = {"community_id": community.id, "author_id": author_id, "since": now}
    session.execute(insert(LeftOutRow).values(row).on_conflict_do_nothing())
    defer_refit(session, community.id)


def count_again(session: Session, community: CommunityRow, author_id: str) -> None:
    """Take a wish back.

    Raises
    ------
    MemberUnknown
        There was none, or it stands in the settings, where it has to be taken out.
    """
    mine = LeftOutRow.community_id == community.id, LeftOutRow.author_id == author_id
    removed = session.scalar(delete(LeftOutRow).where(*mine).returning(LeftOutRow.author_id))
    if author_id in community_of(community).left_out:
        raise MemberUnknown("that member is left out by the community's settings; take the id out of left_out there")
    if removed is None:
        raise MemberUnknown("no member of that id is left out")
    defer_refit(session, community.id)
