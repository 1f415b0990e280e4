"""Proposals of splits, niches, merges and revivals, and what people decided on them."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.text import StorableText
from moderation.proposal_decisions import Decision
from moderation.proposals import Kind, ProposalEvent, State, comes_back_when
from moderation.tables import ProposalRow

MAX_NOTE = 2000


class ProposalDecisionBody(BaseModel):
    """What a moderator decides on a proposal."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"decision": "decline", "note": "First a space for all recipes."}]},
    )

    decision: Decision
    note: Annotated[StorableText, Field(max_length=MAX_NOTE)] | None = None


class ProposalView(BaseModel):
    """One proposal."""

    id: int
    kind: Kind
    state: State = Field(
        description="`withdrawn`: not found any more. `returned`: found again, or grown since it was declined."
    )
    first_found_at: datetime
    last_found_at: datetime
    contents: dict[str, Any] = Field(
        description="As in splits.json when it was last found; of an accepted one, when it was accepted."
    )
    followed: dict[str, Any] | None = Field(
        description="Of an accepted one: growth, who stayed and answered questions, before and after, against the rest."
    )

    @classmethod
    def of(cls, row: ProposalRow) -> Self:
        """A proposal as the list tells it."""
        return cls(
            id=row.id,
            kind=row.kind,  # type: ignore[arg-type]  # the table checks it
            state=row.state,  # type: ignore[arg-type]
            first_found_at=row.first_found_at,
            last_found_at=row.last_found_at,
            contents=row.contents,
            followed=row.followed,
        )


class ProposalPageView(BaseModel):
    """One page of the proposals, the newest first."""

    items: list[ProposalView]
    next_cursor: str | None


class ProposalEventView(BaseModel):
    """What became of a proposal at one moment, with its figures then."""

    kind: str
    happened_at: datetime
    moderator: str | None
    note: str | None
    evidence: dict[str, Any]


class ProposalHistoryView(BaseModel):
    """One proposal with all that became of it, the oldest first."""

    proposal: ProposalView
    comes_back_when: dict[str, Any] | None = Field(
        description="Of a declined one: it is proposed again when one of the two is reached."
    )
    events: list[ProposalEventView]

    @classmethod
    def of(cls, row: ProposalRow, events: list[ProposalEvent]) -> Self:
        """A proposal and its events."""
        declined = [event.row.evidence for event in events if event.row.kind == "declined"]
        return cls(
            proposal=ProposalView.of(row),
            comes_back_when=comes_back_when(declined[-1]) if row.state == "declined" else None,
            events=[
                ProposalEventView(
                    kind=event.row.kind,
                    happened_at=event.row.happened_at,
                    moderator=event.moderator,
                    note=event.row.note,
                    evidence=event.row.evidence,
                )
                for event in events
            ],
        )
