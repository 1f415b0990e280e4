"""What can be chosen in the queue: its filters, and the places to put a post in."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.pages.queue_filter import QueueView
from api.pages.queue_view import Reader, language_name
from api.pages.texts import Texts
from moderation.tables import FlagRow, PostRow, ScoreRow


@dataclass(frozen=True)
class Choice:
    """One choice of a list."""

    code: str
    name: str


@dataclass(frozen=True)
class PlaceGroup:
    """Places of one kind that a post can be put in."""

    label: str
    places: tuple[Choice, ...]


@dataclass(frozen=True)
class Filter:
    """A list to narrow or order the queue by."""

    name: str
    label: str
    chosen: str
    choices: tuple[Choice, ...]


def place_groups(reader: Reader) -> list[PlaceGroup]:
    """Where a post can be put: the spaces, the topics, or somewhere new."""
    say = reader.texts.say
    spaces = tuple(Choice(f"space:{space.slug}", space.name) for space in reader.community.spaces)
    topics = tuple(Choice(f"topic:{topic_id}", name) for topic_id, name in reader.topic_names.items())
    new = (Choice("new", say("place.new_topic")),)
    groups = [
        PlaceGroup(say("place.spaces"), spaces),
        PlaceGroup(say("place.topics"), topics),
        PlaceGroup(say("place.new"), new),
    ]
    return [group for group in groups if group.places]


def queue_filters(session: Session, reader: Reader, view: QueueView) -> list[Filter]:
    """The lists that narrow and order the queue, with the topics, spaces and languages that are in it."""
    say = reader.texts.say
    everything = Choice("", say("filter.all"))
    topics = [Choice(str(topic_id), name) for topic_id, name in reader.topic_names.items()]
    spaces = [Choice(space, reader.space_name(space) or space) for space in _open_spaces(session, reader)]
    languages = [Choice(code, language_name(code, reader.texts)) for code in _open_languages(session, reader)]
    statuses = [Choice(status, say(f"status.{status}")) for status in ("open", "decided", "closed")]
    orders = [Choice(order, say(f"order.{order}")) for order in ("priority", "newest", "oldest")]
    return [
        _filter("topic", reader.texts, str(view.topic or ""), [everything, *topics]),
        _filter("space", reader.texts, view.space or "", [everything, *spaces]),
        _filter("language", reader.texts, view.language or "", [everything, *languages]),
        _filter("status", reader.texts, view.status, statuses),
        _filter("order", reader.texts, view.order, orders),
    ]


def _filter(name: str, texts: Texts, chosen: str, choices: Sequence[Choice]) -> Filter:
    """A list with what is chosen in it, also where that is not among what is known now."""
    is_known = chosen in {choice.code for choice in choices}
    return Filter(
        name, texts.say(f"filter.{name}"), chosen, (*choices, *([] if is_known else [Choice(chosen, chosen)]))
    )


def _open_spaces(session: Session, reader: Reader) -> Sequence[str]:
    of_post = PostRow.community_id == FlagRow.community_id, PostRow.id == FlagRow.post_id
    statement = select(PostRow.space).join(FlagRow, of_post[0] & of_post[1]).distinct().order_by(PostRow.space)
    found = session.scalars(
        statement.where(
            FlagRow.community_id == reader.community_id, FlagRow.status == "open", PostRow.space.is_not(None)
        )
    )
    return [space for space in found if space is not None]


def _open_languages(session: Session, reader: Reader) -> Sequence[str]:
    of_flag = (
        (ScoreRow.community_id == FlagRow.community_id)
        & (ScoreRow.post_id == FlagRow.post_id)
        & (ScoreRow.model_version == FlagRow.model_version)
    )
    statement = select(ScoreRow.language).join(FlagRow, of_flag).distinct().order_by(ScoreRow.language)
    return session.scalars(statement.where(FlagRow.community_id == reader.community_id, FlagRow.status == "open")).all()
