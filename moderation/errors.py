"""Errors of the service's domain, each with the remedy in its message."""

from collections.abc import Sequence
from datetime import datetime

from models.errors import KlankbordError


class ExportUnreadable(KlankbordError):
    """An export file is missing, empty of posts or of no known kind."""


class CommunityFileInvalid(KlankbordError):
    """The community settings hold something that cannot be used."""


class OutputUnwritable(KlankbordError):
    """A result file cannot be written where it was asked for."""


class RecordRefused(KlankbordError):
    """One record of an export cannot be read; the import goes on without it.

    Attributes
    ----------
    field : the field at fault, None when it is the line as a whole.
    reason : what is wrong, without anything of the post's text.
    """

    def __init__(self, field: str | None, reason: str) -> None:
        super().__init__(f"{field} {reason}" if field else f"the line {reason}")
        self.field = field
        self.reason = reason


class DatabaseUnavailable(KlankbordError):
    """The database cannot be started, reached or used."""


class DatabaseFolderUnusable(DatabaseUnavailable):
    """The folder of the bundled database cannot be used as it is."""


class CommunityUnknown(KlankbordError):
    """There is no community of that slug."""


class PostUnknown(KlankbordError):
    """There is no post of that id in the community."""


class KeyRefused(KlankbordError):
    """An API key is missing, unknown, expired or revoked (401)."""


class ScopeTooSmall(KlankbordError):
    """An API key may not do this (403).

    Attributes
    ----------
    scope : of the key.
    needed : the scopes that would do.
    """

    def __init__(self, scope: str, needed: list[str]) -> None:
        super().__init__(f"the key has the scope {scope}; this needs {' or '.join(needed)}")
        self.scope = scope
        self.needed = needed


class KeyUnknown(KlankbordError):
    """There is no API key of that id in the community."""


class NameInvalid(KlankbordError):
    """A name cannot be given to a moderator or a key (422)."""


class ModeratorUnknown(KlankbordError):
    """There is no moderator of that name in the community."""


class ModeratorDisabled(KlankbordError):
    """The moderator may not work here any more (403)."""


class PasswordTooShort(KlankbordError):
    """A password is too easy to guess."""


class SignInRefused(KlankbordError):
    """The name and the password do not belong together (401); never says which of them is wrong."""


class TooManySignIns(KlankbordError):
    """So many sign-ins failed that the next one has to wait (429).

    Attributes
    ----------
    retry_after_seconds : until the next attempt is looked at.
    """

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many failed sign-ins; try again in {retry_after_seconds} seconds")
        self.retry_after_seconds = retry_after_seconds


class FindingsMissing(KlankbordError):
    """What is asked for has not been worked out yet (404).

    Attributes
    ----------
    kind : of the findings.
    failure : why it could not be worked out; None = nobody has tried yet.
    """

    def __init__(self, kind: str, failure: str | None) -> None:
        why = "they are once enough posts are scored" if failure is None else f"the last attempt failed ({failure})"
        super().__init__(f"{kind} have not been worked out yet; {why}")
        self.kind = kind
        self.failure = failure


class TopicUnknown(KlankbordError):
    """There is no topic of that id in the community (404)."""


class MemberUnknown(KlankbordError):
    """Nothing is known of that author in the community (404)."""


class IdempotencyKeyReused(KlankbordError):
    """An `Idempotency-Key` came again with another request (422)."""


class DecisionRefused(KlankbordError):
    """Something that a moderator asked of the queue cannot be done; the kinds below say why."""


class FlagUnknown(DecisionRefused):
    """There is no item of that id in the community's queue (404)."""


class FlagClosed(DecisionRefused):
    """The software took the item out of the queue before the decision (409).

    Attributes
    ----------
    closed_reason : "deleted", "edited", "answered" or "no longer holds".
    """

    def __init__(self, closed_reason: str) -> None:
        super().__init__(f"the item is closed ({closed_reason}); take the next one")
        self.closed_reason = closed_reason


class FlagClaimed(DecisionRefused):
    """Somebody else is working on the item (409).

    Attributes
    ----------
    holder : the moderator's name.
    until : when the claim expires.
    """

    def __init__(self, holder: str, until: datetime) -> None:
        super().__init__(f"{holder} is working on the item until {until.isoformat()}; take another one")
        self.holder = holder
        self.until = until


class FlagAlreadyDecided(DecisionRefused):
    """Somebody was first (409).

    Attributes
    ----------
    decision_id, moderator, action, decided_at : of the decision that stands.
    """

    def __init__(self, decision_id: int, *, moderator: str, action: str, decided_at: datetime) -> None:
        super().__init__(f"{moderator} decided the item ({action}); undo that decision to decide anew")
        self.decision_id = decision_id
        self.moderator = moderator
        self.action = action
        self.decided_at = decided_at


class PostEdited(DecisionRefused):
    """The post was edited after it was shown (409); nothing of it is in the message.

    Attributes
    ----------
    revision, title, text : of the post as it is now.
    flag_id : the item that speaks of this revision; None while it has not been judged, or raises no flag.
    """

    def __init__(self, revision: int, *, title: str | None, text: str, flag_id: int | None) -> None:
        super().__init__(f"the post was edited and is at revision {revision}; read it again before you decide")
        self.revision = revision
        self.title = title
        self.text = text
        self.flag_id = flag_id


class LaneNeeded(DecisionRefused):
    """The item is open in several lanes and the decision names none (422).

    Attributes
    ----------
    lanes : the open ones.
    """

    def __init__(self, lanes: Sequence[str]) -> None:
        super().__init__(f"the item is open in several lanes; name one of {', '.join(lanes)}")
        self.lanes = tuple(lanes)


class ActionNotPossible(DecisionRefused):
    """The action does not go with the lane or with what it names (422).

    Attributes
    ----------
    field : the field at fault: "action", "lane", "space", "topic_id" or "note".
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class DecisionUnknown(DecisionRefused):
    """There is no decision of that id in the community (404)."""


class DecisionAlreadyUndone(DecisionRefused):
    """The decision was taken back before (409)."""


class DecisionNotNewest(DecisionRefused):
    """A later decision about the same item and lane stands; that one has to be undone first (409)."""


class CursorInvalid(KlankbordError):
    """The cursor of a page was not given out by this list (422)."""


class ScoresUnusable(KlankbordError):
    """The encoder gave something that is no vector; the posts count as not scored."""


class TopicOrderUnknown(KlankbordError):
    """Nobody asked for such a change of a topic (404)."""


class TopicChangeRefused(KlankbordError):
    """A change of a topic contradicts one that stands (409).

    Attributes
    ----------
    reason : "same_topic", "pinned", "kept_apart", "already", "undone" or "later_merge".
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class WebhookUnknown(KlankbordError):
    """There is no webhook of that id in the community (404)."""


class WebhookUrlRefused(KlankbordError):
    """Nothing may be sent to that address (422).

    Attributes
    ----------
    field : "url".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.field = "url"


class DeliveryFailed(KlankbordError):
    """No answer came from where something was sent."""


class SignatureRefused(KlankbordError):
    """A message is not signed with a secret that is known, or too long ago."""


class AddressRefused(KlankbordError):
    """That is no e-mail address that a digest can be sent to (422).

    Attributes
    ----------
    field : "address".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.field = "address"


class RecipientUnknown(KlankbordError):
    """Nobody with that address gets the community's digest (404)."""


class DeliveryUnsure(DeliveryFailed):
    """The connection broke off while something was handed over; it may have arrived."""


class EpisodeUnknown(KlankbordError):
    """There is no negative episode of that id in the community (404)."""


class EpisodeCorrectionUnknown(KlankbordError):
    """Nobody gave such a correction of an episode (404)."""


class EpisodeCorrectionUndone(KlankbordError):
    """The correction of an episode was taken back before (409)."""


class EpisodeCorrectionRefused(KlankbordError):
    """A correction of an episode does not go with what it names (422).

    Attributes
    ----------
    field : the field at fault: "action", "post_id", "kind" or "put_right_by".
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class ProposalUnknown(KlankbordError):
    """There never was such a proposal in the community (404)."""


class ProposalDecisionRefused(KlankbordError):
    """The proposal's state does not allow that decision (409).

    Attributes
    ----------
    state : "proposed", "returned", "withdrawn", "accepted" or "declined".
    """

    def __init__(self, state: str) -> None:
        super().__init__(f"the proposal is {state}")
        self.state = state
