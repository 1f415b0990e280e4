"""What moderators decided about where posts belong, for those who learn from it."""

from sqlalchemy.orm import Session

from moderation.flag_rows import standing_decisions
from moderation.tables import DecisionRow


def posts_decided_outside(session: Session, community_id: int) -> frozenset[str]:
    """The posts that a moderator agreed do not belong in the community, and that nobody put back since."""
    decided: dict[str, bool] = {}
    of_community = DecisionRow.community_id == community_id, DecisionRow.lane == "placement", DecisionRow.mode == "live"
    for decision, _ in session.execute(standing_decisions(*of_community)):
        if any(reason["reason"] == "off_purpose" for reason in decision.reasons):
            decided[decision.post_id] = decision.action == "agree"
    return frozenset(post_id for post_id, is_outside in decided.items() if is_outside)
