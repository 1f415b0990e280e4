"""Negative episodes with their steps, what moderators corrected, and who is to be answered first."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.schemas.text import NO_NUL, RowId, StorableText
from moderation.corrections import Corrector
from moderation.episode_corrections import LoggedCorrection
from moderation.replies import ReplyKind
from moderation.tables import EpisodeCorrectionRow
from moderation.worklist import WorklistItem

#: One list, as a mistake in a union is reported once for each of its parts.
ActionOrUndo = Literal[
    "episode",
    "no_episode",
    "other_start",
    "reply_kind",
    "amplifies",
    "amplifies_not",
    "corrected",
    "not_corrected",
    "question",
    "no_question",
    "undo",
]


class StepView(BaseModel):
    """A post by somebody else that speaks to an episode, what it was judged to be, and why."""

    model_config = ConfigDict(extra="allow")

    post_id: str
    role: str
    at: datetime
    kind: str = Field(description='"answer" stops the clocks; every other kind is a touch.', examples=["answer"])
    rule: str = Field(description='"model", a rule that settled it, or "moderator".', examples=["model"])


class EpisodeView(BaseModel):
    """A negative episode: somebody is unhappy, and what came of it."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(description="The post that opened it.")
    thread_id: str
    started_at: datetime
    topic_id: int | None
    first_answer_at: datetime | None
    corrected: dict[str, Any] | None
    censored: str | None
    amplifying_post_ids: list[str]
    replies: list[StepView]
    worked_out_at: datetime = Field(description="When its thread was last judged.")


class EpisodePageView(BaseModel):
    """Some episodes, oldest first."""

    items: list[EpisodeView]
    next_cursor: str | None


class CorrectionView(BaseModel):
    """What a moderator said of an episode; it never changes."""

    id: int
    episode_id: str
    action: str
    post_id: str | None
    kind: str | None
    put_right_by: str | None
    note: str | None
    before: dict[str, Any] = Field(description="What the software had said of it.")
    moderator: str
    corrected_at: datetime
    undoes: int | None = Field(description="For an undo: the correction that it takes back.")


class StandingCorrectionView(CorrectionView):
    """A correction, and whether it was taken back."""

    undone_at: datetime | None
    undone_by: str | None


class EpisodeDetailView(BaseModel):
    """One episode and every correction of it, oldest first."""

    episode: EpisodeView
    corrections: list[StandingCorrectionView]
    is_up_to_date: bool = Field(description="false = a correction is newer than the episode; it is being judged anew.")


class CorrectionBody(BaseModel):
    """What a moderator says of an episode, over what the software found."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"action": "reply_kind", "post_id": "p7", "kind": "answer", "note": "the link is the solution"},
                {"action": "no_episode"},
                {"action": "no_question"},
                {"action": "other_start", "post_id": "p3"},
                {"action": "corrected", "post_id": "p9", "put_right_by": "peer"},
                {"action": "undo", "undoes": 12},
            ]
        },
    )

    action: ActionOrUndo
    post_id: Annotated[str, Field(pattern=NO_NUL, min_length=1)] | None = Field(
        None, description="The reply, the amplifying post, the post that shows the correction, or the new start."
    )
    kind: ReplyKind | None = Field(None, description="For `reply_kind`: what the reply is.")
    put_right_by: Corrector | None = Field(None, description="For `corrected`.")
    note: Annotated[StorableText, Field(max_length=2000)] | None = None
    undoes: RowId | None = Field(None, description="For `undo`: the id of the correction to take back.")

    @model_validator(mode="after")
    def _check_named(self) -> Self:
        if (self.action == "undo") != (self.undoes is not None):
            raise ValueError("undo needs undoes: the id of the correction to take back, and nothing else does")
        return self


class BestPlaced(BaseModel):
    """Who should answer."""

    who: Literal["peer", "staff"]
    members: list[dict[str, Any]] = Field(description="Up to three, with what they answered; they may be asked.")
    n_similar: int = Field(description="Answered posts that are alike enough to say something.")
    reason: str | None = Field(description="Why it is for the staff; null for peers.")


class EarlierAnswerView(BaseModel):
    """An answer to something alike that worked."""

    answer_post_id: str
    opening_post_id: str
    thread_id: str
    worked: str = Field(description='"corrected": put right after it; "accepted": marked as the solution.')
    by: Literal["staff", "peer"]
    cosine: float


class WorklistItemView(BaseModel):
    """Somebody who waits for an answer."""

    kind: Literal["episode", "question"]
    post_id: str
    thread_id: str
    started_at: datetime
    waiting_seconds: float
    title: str | None
    text: str
    is_html: bool
    author_id: str | None
    author_name: str | None
    topic_id: int | None
    language: str
    priority: float = Field(description="Points at this moment.")
    priority_parts: dict[str, Any] = Field(description="What the points are made of; docs/queue.md has the formula.")
    best_placed: BestPlaced | None = Field(description="null = the post has no words to compare by.")
    earlier_answers: list[EarlierAnswerView]


class WorklistView(BaseModel):
    """Who waits, those first whose complaint may do most harm."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "kind": "episode",
                            "post_id": "p1042",
                            "thread_id": "t311",
                            "started_at": "2026-03-01T08:30:00Z",
                            "waiting_seconds": 9300.0,
                            "title": None,
                            "text": "My points of February are STILL missing!!",
                            "is_html": False,
                            "author_id": "u88",
                            "author_name": "Vera",
                            "topic_id": 3,
                            "language": "en",
                            "priority": 121.4,
                            "priority_parts": {"kind_points": 82.8, "tone_points": 14.2, "spread_points": 10.0},
                            "best_placed": {
                                "who": "peer",
                                "members": [
                                    {
                                        "author_id": "u12",
                                        "n_answered": 4,
                                        "n_worked": 2,
                                        "answer_post_ids": ["p801", "p774", "p610", "p412"],
                                    }
                                ],
                                "n_similar": 9,
                                "reason": None,
                            },
                            "earlier_answers": [
                                {
                                    "answer_post_id": "p801",
                                    "opening_post_id": "p799",
                                    "thread_id": "t240",
                                    "worked": "corrected",
                                    "by": "peer",
                                    "cosine": 0.9312,
                                }
                            ],
                        }
                    ],
                    "next_cursor": None,
                }
            ]
        }
    )

    items: list[WorklistItemView]
    next_cursor: str | None


def view_correction(row: EpisodeCorrectionRow, moderator: str) -> CorrectionView:
    """A correction as it was given."""
    return CorrectionView.model_validate(_fields(row, moderator))


def view_standing(logged: LoggedCorrection) -> StandingCorrectionView:
    """A correction with whether it was taken back."""
    fields = _fields(logged.row, logged.moderator)
    return StandingCorrectionView.model_validate(
        {**fields, "undone_at": logged.undone_at, "undone_by": logged.undone_by}
    )


def view_worklist_item(item: WorklistItem, *, now: datetime) -> WorklistItemView:
    """Somebody who waits, with how long."""
    post = item.post
    return WorklistItemView.model_validate(
        {
            "kind": item.wait.kind,
            "post_id": post.id,
            "thread_id": post.thread_id,
            "started_at": item.wait.started_at,
            "waiting_seconds": max((now - item.wait.started_at).total_seconds(), 0.0),
            "title": post.title,
            "text": post.text,
            "is_html": post.is_html,
            "author_id": post.author_id,
            "author_name": post.author_name,
            "topic_id": item.wait.topic_id,
            "language": item.wait.contents["language"],
            "priority": item.priority,
            "priority_parts": item.parts,
            "best_placed": item.best_placed,
            "earlier_answers": item.earlier_answers,
        }
    )


def _fields(row: EpisodeCorrectionRow, moderator: str) -> dict[str, Any]:
    names = ("id", "episode_id", "action", "post_id", "kind", "put_right_by", "note", "before", "corrected_at")
    return {**{name: getattr(row, name) for name in names}, "undoes": row.undoes, "moderator": moderator}
