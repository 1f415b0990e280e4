"""Items of the queue, claims and decisions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.schemas.problem import Problem
from api.schemas.text import RowId, StorableText
from moderation.decided_neighbours import DecidedNeighbour
from moderation.decision_log import LoggedDecision
from moderation.decisions import Action, Mode
from moderation.explanations import quoted
from moderation.flag_queue import FlagItem, NotScored
from moderation.flag_rows import Claim
from moderation.flags import Lane
from moderation.posts import Post
from moderation.reading import read_words
from moderation.tables import DecisionRow

MAX_BULK = 200
#: One list, as a mistake in a union is reported once for each of its parts.
ActionOrUndo = Literal["agree", "disagree", "place", "answered_elsewhere", "recommend_removal", "skip", "undo"]
Note = Annotated[StorableText, Field(max_length=2000)]


class Reason(BaseModel):
    """Why a post is before the moderators."""

    lane: Lane
    reason: str = Field(examples=["negative_wom"])
    probability: float = Field(ge=0, le=1)
    threshold: float = Field(ge=0, le=1)
    evidence: dict[str, Any] = Field(
        description="What the reason rests on. `sentences`: which of them carry it, the strongest first, each with its "
        "`text`, by how much the log odds drop without it and its `share` of that; null for `sentences_reason`."
    )
    status: str = Field(description='"open", "decided", or "gone": it holds no more.')


class ClaimView(BaseModel):
    """Who is working on an item."""

    flag_id: int
    holder: str = Field(examples=["Noor"])
    until: datetime = Field(description="The claim ends by itself then; asking again makes it last.")


class StandingDecisionView(BaseModel):
    """What somebody decided about one lane of an item."""

    decision_id: int
    lane: str
    action: str
    moderator: str
    decided_at: datetime


class DecidedNeighbourView(BaseModel):
    """A post like this one that was before the moderators for the same reason, and what they decided."""

    lane: str
    post_id: str
    decision_id: int
    action: str
    space: str | None
    topic_id: int | None
    decided_at: datetime
    cosine: float = Field(ge=-1, le=1, description="Between the two posts; compare within one answer only.")


class FlagView(BaseModel):
    """One post before the moderators, with every reason."""

    id: int
    post_id: str
    thread_id: str
    revision: int = Field(description="Of the post that the reasons speak of; a decision names it.")
    is_edited_since: bool = Field(description="The text is newer than the reasons; wait until it has been judged.")
    title: str | None
    text: str
    is_html: bool
    author_id: str | None
    author_name: str | None
    space: str | None
    created_at: datetime
    topic_id: int | None
    language: str | None
    status: Literal["open", "decided", "closed"]
    closed_reason: str | None
    reasons: list[Reason]
    lanes: list[str]
    priority: float = Field(description="Points at this moment.")
    priority_parts: dict[str, Any] = Field(description="What the points are made of.")
    model_version: str
    opened_at: datetime
    claim: ClaimView | None
    decisions: list[StandingDecisionView]
    decided_neighbours: list[DecidedNeighbourView] = Field(
        description="Up to three decided posts in each lane that are most like this one, nearest first."
    )


class FlagPageView(BaseModel):
    """Some items of the queue."""

    items: list[FlagView]
    next_cursor: str | None


class _DecisionFields(BaseModel):
    model_config = ConfigDict(extra="forbid")

    space: StorableText | None = Field(None, description="For `place`: the slug of the space it belongs in.")
    topic_id: RowId | None = Field(None, description="For `place`: the topic; neither = a topic of its own.")
    mode: Mode = "live"


class DecisionBody(_DecisionFields):
    """What a moderator does with an item."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"action": "agree", "revision": 1, "lane": "answer"},
                {"action": "place", "revision": 1, "space": "points"},
                {"action": "undo", "undoes": 512},
            ]
        }
    )

    action: ActionOrUndo
    revision: RowId | None = Field(None, description="Of the post as it was shown; needed for all but `undo`.")
    lane: Lane | None = Field(None, description="Needed where the item is open in more than one.")
    undoes: RowId | None = Field(None, description="For `undo`: the id of the decision to take back.")
    note: Note | None = None

    @model_validator(mode="after")
    def _check_named(self) -> Self:
        if self.action == "undo" and self.undoes is None:
            raise ValueError("undo needs undoes: the id of the decision to take back")
        if self.action != "undo" and (self.revision is None or self.undoes is not None):
            raise ValueError("name the revision that was shown, and undoes for undo only")
        return self


class ShownItemBody(BaseModel):
    """An item whose evidence was on the screen."""

    model_config = ConfigDict(extra="forbid")

    flag_id: RowId
    revision: RowId
    lane: Lane | None = None


class BulkBody(_DecisionFields):
    """One decision about several items that were on the screen, with a reason."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "action": "disagree",
                    "note": "all of it is the spring quiz",
                    "items": [{"flag_id": 81, "revision": 1}, {"flag_id": 84, "revision": 2, "lane": "review"}],
                }
            ]
        }
    )

    action: Action
    note: Note = Field(min_length=1, description="The reason.")
    items: list[ShownItemBody] = Field(min_length=1, max_length=MAX_BULK)


class DecisionView(BaseModel):
    """A decision as it was taken; it never changes."""

    id: int
    flag_id: int
    post_id: str
    lane: str
    revision: int
    action: str
    space: str | None
    topic_id: int | None
    note: str | None
    reasons: list[Reason] = Field(description="Those of the lane as they were shown.")
    model_version: str
    mode: str
    moderator: str
    undoes: int | None = Field(description="For an undo: the decision that it takes back.")
    decided_at: datetime


class DecisionPageView(BaseModel):
    """Some decisions, newest first."""

    items: list[DecisionView]
    next_cursor: str | None


class BulkOutcomeView(BaseModel):
    """What became of one item of a bulk decision."""

    flag_id: int
    decision: DecisionView | None = Field(description="null where it was refused.")
    problem: Problem | None = Field(description="Why it was refused, as the single decision would have been.")


class BulkOutcomesView(BaseModel):
    """One outcome per item, in order."""

    decided: int
    refused: int
    items: list[BulkOutcomeView]


class NotScoredView(BaseModel):
    """A post that nothing can be said of; it may be anything."""

    post_id: str
    thread_id: str
    title: str | None
    space: str | None
    created_at: datetime
    reason: str = Field(description='Why scoring failed, or "waiting".')
    since: datetime


class NotScoredPageView(BaseModel):
    """Some posts without scores, those that wait longest first."""

    items: list[NotScoredView]
    next_cursor: str | None


def view_flag(item: FlagItem, neighbours: Sequence[DecidedNeighbour]) -> FlagView:
    """An item for the caller, each sentence that carries a reason in words unless the post was edited since."""
    words = None if item.is_edited_since else read_words(_post_of(item)).words
    reasons = [{**reason, "evidence": quoted(reason["evidence"], words)} for reason in item.reasons]
    fields: dict[str, Any] = {name: getattr(item, name) for name in FlagView.model_fields if hasattr(item, name)}
    return FlagView(
        **{
            **fields,
            "id": item.flag_id,
            "reasons": view_reasons(reasons),
            "claim": None if item.claim is None else view_claim(item.claim),
            "decisions": [StandingDecisionView(**vars(decision)) for decision in item.decisions],
            "decided_neighbours": [_view_neighbour(neighbour) for neighbour in neighbours],
        }
    )


def _post_of(item: FlagItem) -> Post:
    """As much of the post as its words follow from."""
    return Post(item.post_id, item.thread_id, item.created_at, item.text, title=item.title, is_html=item.is_html)


def _view_neighbour(neighbour: DecidedNeighbour) -> DecidedNeighbourView:
    decision = neighbour.decision
    return DecidedNeighbourView(
        lane=decision.lane,
        post_id=decision.post_id,
        decision_id=decision.id,
        action=decision.action,
        space=decision.space,
        topic_id=decision.topic_id,
        decided_at=decision.decided_at,
        cosine=neighbour.cosine,
    )


def view_claim(claim: Claim) -> ClaimView:
    """A claim for the caller."""
    return ClaimView(flag_id=claim.flag_id, holder=claim.holder, until=claim.until)


def view_decision(row: DecisionRow, moderator: str) -> DecisionView:
    """A decision for the caller."""
    fields: dict[str, Any] = {name: getattr(row, name) for name in DecisionView.model_fields if hasattr(row, name)}
    return DecisionView(**{**fields, "reasons": view_reasons(row.reasons), "moderator": moderator})


def view_logged(decision: LoggedDecision) -> DecisionView:
    """A decision of the log for the caller."""
    return view_decision(decision.row, decision.moderator)


def view_not_scored(post: NotScored) -> NotScoredView:
    """A post without scores for the caller."""
    return NotScoredView(**vars(post))


def view_reasons(reasons: list[dict[str, Any]] | tuple[Mapping[str, Any], ...]) -> list[Reason]:
    """Reasons for the caller."""
    return [Reason.model_validate(reason) for reason in reasons]
