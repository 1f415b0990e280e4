"""What moderators decided about where posts belong, read from their decisions."""

from sqlalchemy.orm import Session

from moderation.decided_posts import DecidedPosts
from moderation.flag_rows import standing_decisions
from moderation.tables import DecisionRow


def read_decided_posts(session: Session, community_id: int) -> DecidedPosts:
    """The newest standing decision about each post's place.

    To agree that a post is off purpose puts it outside; to disagree, or to place it, says that it belongs. A decision
    about another reason than `off_purpose` puts nothing outside or inside.
    """
    newest: dict[str, DecisionRow] = {}
    of_community = DecisionRow.community_id == community_id, DecisionRow.lane == "placement", DecisionRow.mode == "live"
    for decision, _ in session.execute(standing_decisions(*of_community)):
        newest[decision.post_id] = decision
    about_purpose = {
        post_id: decision.action
        for post_id, decision in newest.items()
        if any(reason["reason"] == "off_purpose" for reason in decision.reasons)
    }
    return DecidedPosts(
        outside=frozenset(post_id for post_id, action in about_purpose.items() if action == "agree"),
        inside=frozenset(post_id for post_id, action in about_purpose.items() if action in ("disagree", "place")),
        space_of={
            post_id: decision.space
            for post_id, decision in newest.items()
            if decision.action == "place" and decision.space is not None
        },
    )
