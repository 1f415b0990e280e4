"""Reading a text on the spot, and looking for posts."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.text import StorableText
from moderation.flags import Lane

MAX_CHECKED_CHARACTERS = 100_000


class CheckBody(BaseModel):
    """A text that somebody is about to post."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "Waar blijven mijn punten van februari?", "thread_id": "t311"}]},
    )

    text: Annotated[StorableText, Field(max_length=MAX_CHECKED_CHARACTERS)]
    title: Annotated[StorableText, Field(max_length=MAX_CHECKED_CHARACTERS)] | None = None
    language: StorableText | None = Field(None, description="A hint, checked against detection.")
    thread_id: StorableText | None = Field(None, description="Where it would be posted; left out: a new thread.")


class NearestTopic(BaseModel):
    """A topic that the text is close to."""

    id: int
    name: str | None
    cosine: float


class WouldBeFlag(BaseModel):
    """A flag that the text would get."""

    lane: Lane
    reason: str
    probability: float
    threshold: float
    evidence: dict[str, Any]


class CheckedView(BaseModel):
    """What would be found in the text; nothing of it is stored."""

    model_config = ConfigDict(extra="allow")

    language: str
    signals: dict[str, float | None]
    off_purpose: float | None
    off_thread: float | None
    placement: dict[str, Any] | None = Field(
        default=None,
        description='Where it belongs: outcome "on_purpose", "other_space", "outside_purpose" or "spam_like", the '
        "better space, how likely that is, and the on-purpose posts that it resembles most.",
    )
    null_reasons: dict[str, str] = Field(description="Why a figure is null.")
    topics: list[NearestTopic]
    flags: list[WouldBeFlag]


class FoundThread(BaseModel):
    """A thread with a post that was found: the best of the thread."""

    thread_id: str
    post_id: str
    title: str | None
    snippet: str = Field(description="The part of the post around the first word that was looked for; plain text.")
    space: str | None
    author_id: str | None
    created_at: datetime
    language: str
    topic_id: int | None
    cosine: float | None = Field(description="Between the query and the post; null = found by its words alone.")
    has_words: bool = Field(description="The post has the words of the query.")
    rank: float = Field(description="Reciprocal rank of both lists together; only its order means something.")
    n_posts: int = Field(description="The posts of the thread that were found.")


class FoundPageView(BaseModel):
    """Some threads, the best first."""

    items: list[FoundThread]
    next_cursor: str | None
