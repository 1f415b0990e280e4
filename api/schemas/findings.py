"""What was worked out over all posts, and what is found by looking."""

from datetime import datetime
from typing import Any

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


class ResponseTimesView(Findings):
    """How fast unhappy members are answered; the episodes themselves are listed under `/episodes`."""

    clocks: dict[str, Any]
    corrected: dict[str, Any]
    unanswered_questions: list[dict[str, Any]]


class Episode(BaseModel):
    """A negative episode: somebody is unhappy, and what came of it."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(description="The post that opened it.")
    thread_id: str
    started_at: datetime
    topic_id: int | None
    first_answer_at: datetime | None
    corrected: dict[str, Any] | None
    censored: str | None


class EpisodePageView(Findings):
    """Some episodes, oldest first."""

    items: list[Episode]
    next_cursor: str | None


class MemberView(Findings):
    """What one member contributed, and the mixture of interests."""

    member: dict[str, Any]
