"""Which other community of the service a community is compared with: inside against outside."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.communities import community_of
from moderation.tables import CommunityRow


def outside_partner(session: Session, row: CommunityRow) -> CommunityRow | None:
    """The outside channel that an inside community is compared with; None = there is none.

    Both have to name each other in `compared_with`: no community reads another's figures unless both agreed.
    """
    community = community_of(row)
    if community.channel == "outside" or community.compared_with is None:
        return None
    partner = session.scalar(select(CommunityRow).where(CommunityRow.slug == community.compared_with))
    if partner is None:
        return None
    settings = community_of(partner)
    return partner if settings.channel == "outside" and settings.compared_with == row.slug else None
