"""Posts in, and what became of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.signals import SIGNALS
from moderation.posts import Kind, Role
from moderation.tables import PostRow, ScoreRow

RECORD_EXAMPLE = {
    "id": "p1042",
    "thread_id": "t311",
    "parent_id": "p1040",
    "space": "points",
    "author_id": "u88",
    "role": "member",
    "created_at": "2026-03-01T09:30:00+01:00",
    "title": None,
    "text": "My points of February are still missing.",
    "likes": 3,
}
MAX_RECORDS = 1000

_TEXT_OR_NULL = {"type": ["string", "null"]}
_MOMENT = {"type": "string", "format": "date-time"}
_MOMENT_OR_NULL = {"type": ["string", "null"], "format": "date-time"}
RECORDS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["posts"],
    "properties": {
        "posts": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_RECORDS,
            "description": "A record that cannot be read is rejected by itself; the others are stored.",
            "items": {
                "type": "object",
                "description": "A post as the platform has it now. Unknown keys are ignored.",
                "required": ["id", "thread_id", "created_at"],
                "properties": {
                    "id": {"type": "string", "minLength": 1, "description": "Unique in the community."},
                    "thread_id": {"type": "string", "minLength": 1},
                    "parent_id": {**_TEXT_OR_NULL, "description": "null = answers the first post, or is it."},
                    "space": _TEXT_OR_NULL,
                    "author_id": _TEXT_OR_NULL,
                    "author_name": _TEXT_OR_NULL,
                    "role": {"enum": ["member", "staff", "bot"], "default": "member"},
                    "created_at": _MOMENT,
                    "updated_at": {**_MOMENT_OR_NULL, "description": "An older version never replaces a newer one."},
                    "deleted_at": {**_MOMENT_OR_NULL, "description": "A deletion; no later edit takes it back."},
                    "title": _TEXT_OR_NULL,
                    "text": {"type": "string", "description": "Plain text or Markdown."},
                    "html": {"type": "string", "description": "Instead of `text`."},
                    "likes": {"type": ["integer", "null"], "minimum": 0},
                    "language": {**_TEXT_OR_NULL, "description": "A hint, checked against detection."},
                    "accepted": {"type": ["boolean", "null"], "description": "Marked as the solution."},
                    "locked_at": _MOMENT_OR_NULL,
                    "kind": {"enum": ["post", "system", "whisper"], "default": "post"},
                },
                "example": RECORD_EXAMPLE,
            },
        }
    },
    "example": {"posts": [RECORD_EXAMPLE]},
}


class PostOutcome(BaseModel):
    """What became of one record."""

    index: int = Field(description="Its place among the records, from 0.")
    id: str | None = Field(description="null where the record has no id that can be read.")
    status: Literal["accepted", "unchanged", "rejected"]
    pointer: str | None = Field(None, description="JSON pointer to what is wrong with it.")
    reason: str | None = None


class PostOutcomes(BaseModel):
    """One outcome per record, in order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "accepted": 1,
                    "unchanged": 0,
                    "rejected": 1,
                    "posts": [
                        {"index": 0, "id": "p1042", "status": "accepted", "pointer": None, "reason": None},
                        {
                            "index": 1,
                            "id": "p1043",
                            "status": "rejected",
                            "pointer": "/posts/1/created_at",
                            "reason": "is missing",
                        },
                    ],
                }
            ]
        }
    )

    accepted: int
    unchanged: int
    rejected: int
    posts: list[PostOutcome]


class Scores(BaseModel):
    """What the models read in the words of a post; a figure is null for the reason beside it."""

    model_version: str
    language: str = Field(description='ISO 639-1 code, or "unknown".')
    signals: dict[str, float | None] = Field(
        description=f"Probabilities: {', '.join(SIGNALS)}. null = no head for this language, or no words."
    )
    topic_id: int | None
    topic_cosine: float | None
    unsorted_reason: str | None
    off_purpose: float | None
    off_purpose_reason: str | None
    off_thread: float | None
    off_thread_reason: str | None
    scored_at: datetime
    judged_at: datetime | None = Field(description="When topic and relevance were worked out; null = not yet.")


class PostView(BaseModel):
    """A post as it is stored, and what was read in it."""

    id: str
    thread_id: str
    parent_id: str | None
    space: str | None
    author_id: str | None
    author_name: str | None
    role: Role
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    title: str | None = Field(description="null also for a deleted post.")
    text: str | None = Field(description="null for a deleted post.")
    is_html: bool
    likes: int
    accepted: bool
    locked_at: datetime | None
    kind: Kind
    revision: int = Field(description="Counts the changes of title and text; a decision names it.")
    placed_topic_id: int | None = Field(description="The topic that a moderator put it in.")
    state: Literal["scored", "waiting", "not scored", "deleted", "not analysed"]
    not_scored_reason: str | None
    scores: Scores | None = Field(description="null unless `state` is `scored`.")


def view_post(row: PostRow, score: ScoreRow | None) -> PostView:
    """A post for the caller.

    Parameters
    ----------
    score : of the words that the post has now; None = there is none.
    """
    fields = {name: getattr(row, name) for name in PostView.model_fields if hasattr(row, name)}
    if row.deleted_at is not None:
        fields |= {"title": None, "text": None}
    state = _state(row, score)
    return PostView(**fields, state=state, scores=_view_scores(score) if score and state == "scored" else None)


def view_signals(probabilities: list[float | None]) -> Mapping[str, float | None]:
    """The signals by name."""
    return dict(zip(SIGNALS, probabilities, strict=True))


def _state(
    row: PostRow, score: ScoreRow | None
) -> Literal["scored", "waiting", "not scored", "deleted", "not analysed"]:
    if row.deleted_at is not None:
        return "deleted"
    if row.kind != "post":
        return "not analysed"
    if row.not_scored_reason is not None:
        return "not scored"
    return "waiting" if score is None else "scored"


def _view_scores(score: ScoreRow) -> Scores:
    fields = {name: getattr(score, name) for name in Scores.model_fields}
    return Scores(**{**fields, "signals": view_signals(score.signals)})
