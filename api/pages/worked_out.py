"""What pages say where something has not been worked out yet."""

from sqlalchemy.orm import Session

from api.pages.visitor import Visitor
from moderation.refit import FAILURE
from moderation.tables import FindingRow


def missing_words(session: Session, visitor: Visitor, key: str) -> str:
    """That something has not been worked out yet, and why the last attempt failed, if one did."""
    said, failure = visitor.texts.say(key), session.get(FindingRow, (visitor.community_row.id, FAILURE))
    if failure is None:
        return said
    return f"{said} {visitor.texts.say('findings.failed', reason=failure.contents['reason'])}"
