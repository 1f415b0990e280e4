"""What was worked out over all posts, and what is found by looking."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.posts import PostView


class Findings(BaseModel):
    """When and from what something was worked out; the rest are the contents of the file of `klankbord analyse`."""

    model_config = ConfigDict(extra="allow")

    found_at: datetime
    n_posts: int = Field(description="The posts that were looked at.")
    model_version: str


class TopicFields(BaseModel):
    """One topic."""

    model_config = ConfigDict(extra="allow")

    id: int
    name: str
    terms: list[str]
    size: int
    share: float
    exemplar_ids: list[str]
    negative_share: float | None


class TopicsView(Findings):
    """The topics of a community and how many posts belong to none."""

    topics: list[TopicFields]
    unsorted: dict[str, Any]


class TopicView(Findings):
    """One topic and its newest posts."""

    topic: TopicFields
    items: list[PostView]
    next_cursor: str | None


class DriftView(Findings):
    """What the community writes about now and did not before."""

    periods: Any
    lines: list[dict[str, Any]]


class SplitsView(Findings):
    """Proposals to split the community, and what was refused with its figures."""

    proposals: list[dict[str, Any]]
    refused: list[dict[str, Any]]
    niches: list[dict[str, Any]] = Field(description="Small groups with a subject of their own, the best first.")
    merge: list[dict[str, Any]] = Field(description="Spaces that double each other, threads that belong together.")
    revive: list[dict[str, Any]] = Field(description="Spaces that went quiet against their own past.")
    decided: list[dict[str, Any]] = Field(description="What people accepted or declined, with what became of it.")


class FaqView(Findings):
    """Questions that return, the most asked first; `reason` says why there is none."""

    questions: list[dict[str, Any]]
    reason: str | None


class IdeasView(Findings):
    """Ideas of members, the most supported first; `reason` says why there is none."""

    ideas: list[dict[str, Any]]
    reason: str | None


class ResponseTimesView(Findings):
    """How fast unhappy members are answered; the episodes themselves are listed under `/episodes`."""

    clocks: dict[str, Any]
    corrected: dict[str, Any]
    unanswered_questions: list[dict[str, Any]]


class ReplyCheck(BaseModel):
    """How often such a range was right for later waits."""

    n_trained: int = Field(description="The earlier waits that the ranges were made from.")
    n_checked: int = Field(description="The later waits that they were held against.")
    nominal: float | None = Field(description="The share that should lie within: 0.8, or 0.9 where there is no end.")
    coverage: float | None = Field(description="The share that did.")
    coverage_ci: list[float] | None = Field(description="Its 95 % interval (Wilson).")
    reason: str | None = Field(description="Why there is no coverage.")


class ExpectedReplyView(Findings):
    """How soon an answer from anybody may be expected."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "kind": "question",
                    "topic_id": 3,
                    "at": "2026-03-02T20:15:00+01:00",
                    "n_waits": 412,
                    "n_same_topic": 57,
                    "n_same_hour": 96,
                    "median_seconds": 5400.0,
                    "range_seconds": [480.0, 64800.0],
                    "answered_within": {"1h": 0.41, "4h": 0.63, "24h": 0.91, "72h": 0.94},
                    "reason": None,
                    "check": {
                        "n_trained": 288,
                        "n_checked": 124,
                        "nominal": 0.8,
                        "coverage": 0.83,
                        "coverage_ci": [0.75, 0.88],
                        "reason": None,
                    },
                    "found_at": "2026-03-02T18:00:00+00:00",
                    "n_posts": 2522,
                    "model_version": "multilingual-e5-small-q4/1f2e3d4c",
                }
            ]
        },
    )

    kind: str
    topic_id: int | None
    at: datetime
    n_waits: int = Field(description="Past waits of this kind.")
    n_same_topic: int = Field(description="Those of the topic; all, where it is left out or has none.")
    n_same_hour: int = Field(description="Those that began within three hours of this hour on such a day.")
    median_seconds: float | None = Field(description="Half are answered by then; null = fewer than half ever are.")
    range_seconds: list[float | None] = Field(
        description="One in ten is answered before the first and one in ten waits longer than the second; null = more "
        "than one in ten still waited when nobody was watched any longer."
    )
    answered_within: dict[str, float] = Field(description="The share answered within each time; empty with a reason.")
    reason: Literal["too_few_waits", "did_not_hold"] | None = Field(description="Why nothing is promised.")
    check: ReplyCheck
