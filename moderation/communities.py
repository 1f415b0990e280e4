"""The communities of the service: one row each, found by slug."""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from moderation.config import Community
from moderation.errors import CommunityUnknown
from moderation.tables import CommunityRow


def find_community(session: Session, slug: str) -> CommunityRow:
    """The community of that slug.

    Raises
    ------
    CommunityUnknown
        There is none.
    """
    row = session.scalar(select(CommunityRow).where(CommunityRow.slug == slug))
    if row is None:
        raise CommunityUnknown(f"there is no community {slug!r}; make it with klankbord import or PUT its settings")
    return row


def find_or_make_community(session: Session, slug: str) -> CommunityRow:
    """The community of that slug, made with what holds for most if there is none."""
    try:
        return find_community(session, slug)
    except CommunityUnknown:
        return save_community(session, slug, Community(name=slug))


def community_of(row: CommunityRow) -> Community:
    """The settings that a row holds."""
    return Community.model_validate(row.settings)


def save_community(session: Session, slug: str, community: Community) -> CommunityRow:
    """Make a community or replace its settings."""
    settings = community.model_dump(mode="json")
    statement = insert(CommunityRow).values(slug=slug, settings=settings)
    statement = statement.on_conflict_do_update(
        index_elements=[CommunityRow.slug], set_={"settings": settings, "updated_at": func.now()}
    )
    made = statement.returning(CommunityRow)
    return session.execute(made, execution_options={"populate_existing": True}).scalar_one()
