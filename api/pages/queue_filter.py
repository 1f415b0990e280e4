"""Which part of the queue is looked at, as the address of the page says it."""

from typing import Annotated, Any, Self
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from moderation.flag_queue import FlagFilter, FlagStatus, Order
from moderation.flags import Lane


def _none_if_empty(given: object) -> object:
    """A list on the page sends an empty text for "all"."""
    return None if given == "" else given


_Choice = Annotated[Annotated[str, Field(max_length=500)] | None, BeforeValidator(_none_if_empty)]


class QueueView(BaseModel):
    """One lane of the queue, narrowed and ordered; unknown parts of the address are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    lane: Lane = "answer"
    status: FlagStatus = "open"
    topic: Annotated[Annotated[int, Field(ge=0, le=2**62)] | None, BeforeValidator(_none_if_empty)] = None
    space: _Choice = None
    language: _Choice = None
    order: Order = "priority"
    cursor: _Choice = None

    @property
    def query(self) -> str:
        """The view as an address holds it."""
        return urlencode(self.model_dump(exclude_none=True, exclude_defaults=True) | {"lane": self.lane})

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the lane and the page was chosen."""
        return self != QueueView(lane=self.lane, cursor=self.cursor)

    def at(self, cursor: str | None) -> Self:
        """The same view on another page; None = the first."""
        return self.model_copy(update={"cursor": cursor})

    def wanted(self, moderator_id: int) -> FlagFilter:
        """The items that the queue should list."""
        return FlagFilter(
            lane=self.lane,
            status=self.status,
            topic_id=self.topic,
            space=self.space,
            language=self.language,
            order=self.order,
            for_moderator=moderator_id if self.status == "open" else None,
        )


def read_view(query: str) -> QueueView:
    """The view that a form came from; the start of the queue where it cannot be read."""
    given: dict[str, Any] = dict(parse_qsl(query))
    try:
        return QueueView.model_validate(given)
    except ValidationError:
        return QueueView()
