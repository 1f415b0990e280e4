"""The ledger of topics, and what moderators ask of them."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.schemas.text import RowId, StorableText
from moderation.tables import TopicEventRow, TopicStateRow
from moderation.topic_history import TopicThen
from moderation.topic_orders import LoggedOrder, TopicAction
from topics.ledger import EventKind

MAX_NAME = 80


def _one_line(name: str) -> str:
    """A name without line breaks and outer spaces.

    Raises
    ------
    ValueError
        Nothing is left.
    """
    name = " ".join(name.split())
    if not name:
        raise ValueError("a topic needs a name")
    return name


TopicName = Annotated[StorableText, Field(max_length=MAX_NAME), AfterValidator(_one_line)]


class RenameBody(BaseModel):
    """What a topic is to be called from now on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Zuurdesem"}]})

    name: TopicName


class MergeBody(BaseModel):
    """The topic that another one goes into."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"into": 4}]})

    into: RowId


class KeepApartBody(BaseModel):
    """The topic that another one stays apart from."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"other": 4}]})

    other: RowId


class TopicOrderView(BaseModel):
    """What a moderator asked of a topic, who and when."""

    id: int
    topic_id: int
    action: TopicAction | Literal["undo"]
    other_topic_id: int | None
    name: str | None
    moderator: str
    ordered_at: datetime
    undoes: int | None
    undone_by: str | None = None
    undone_at: datetime | None = None

    @classmethod
    def of(cls, logged: LoggedOrder) -> Self:
        """An order as the list tells it."""
        row = logged.row
        return cls(
            id=row.id,
            topic_id=row.topic_id,
            action=row.action,  # type: ignore[arg-type]  # the table checks it
            other_topic_id=row.other_topic_id,
            name=row.name,
            moderator=logged.moderator,
            ordered_at=row.ordered_at,
            undoes=row.undoes,
            undone_by=logged.undone_by,
            undone_at=logged.undone_at,
        )


class TopicOrderPageView(BaseModel):
    """One page of the orders, newest first."""

    items: list[TopicOrderView]
    next_cursor: str | None


class TopicEventView(BaseModel):
    """What became of a topic at one moment."""

    model_config = ConfigDict(from_attributes=True)

    topic_id: int
    happened_at: datetime
    kind: EventKind
    name: str | None
    name_before: str | None
    n_posts_before: int
    n_posts_after: int
    other_ids: list[int]
    went_to: list[dict[str, Any]] = Field(description="Where its earlier posts are; topic 0 = unsorted.")
    came_from: list[dict[str, Any]] = Field(description="Where its posts were before; topic 0 = unsorted.")


class TopicEventPageView(BaseModel):
    """One page of the ledger, newest first."""

    items: list[TopicEventView]
    next_cursor: str | None


class TopicStateView(BaseModel):
    """What a topic was after one refit."""

    model_config = ConfigDict(from_attributes=True)

    fitted_at: datetime
    name: str
    named_by_moderator: bool
    terms: list[str]
    language: str
    n_posts: int
    share: float
    exemplar_ids: list[str]
    theme_id: int | None
    theme_name: str | None


class TopicHistoryView(BaseModel):
    """A topic over time; with `at`, as it was at that moment: one state, and whether it was gone by then."""

    topic_id: int
    at: datetime | None
    is_gone: bool | None = Field(description="Merged or retired by that moment; null without `at`.")
    states: list[TopicStateView]
    events: list[TopicEventView]
    next_cursor: str | None


def view_event(row: TopicEventRow) -> TopicEventView:
    """An event as it is stored."""
    return TopicEventView.model_validate(row)


def view_state(row: TopicStateRow) -> TopicStateView:
    """A state as it is stored."""
    return TopicStateView.model_validate(row)


def view_then(then: TopicThen, events: list[TopicEventView], *, at: datetime) -> TopicHistoryView:
    """A topic at one moment."""
    return TopicHistoryView(
        topic_id=then.state.topic_id,
        at=at,
        is_gone=then.is_gone,
        states=[view_state(then.state)],
        events=events,
        next_cursor=None,
    )
