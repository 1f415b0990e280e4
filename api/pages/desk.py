"""A moderator at work: one request with its transaction, who looks at what, and what the form of an item carries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Form, Path, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.deps import Now, Transaction
from api.pages.queue_filter import QueueView, read_view
from api.pages.queue_view import Reader
from api.pages.texts import Texts
from api.pages.visitor import SendsForm, SignedIn, Visitor
from moderation.errors import FlagUnknown
from moderation.flags import Lane
from moderation.reports.topic_section import by_size, topic_name
from moderation.tables import FindingRow, FlagRow

MAX_ID = 2**62

FlagId = Annotated[int, Path(ge=0, le=MAX_ID)]
ViewQuery = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True)
class Desk:
    """Everything that answering one request about the queue takes."""

    request: Request
    session: Session
    reader: Reader
    visitor: Visitor

    @property
    def community_id(self) -> int:
        """Of the visitor's community."""
        return self.reader.community_id

    @property
    def texts(self) -> Texts:
        """What the pages say, in the visitor's language."""
        return self.reader.texts

    @property
    def now(self) -> datetime:
        """The moment of the request."""
        return self.reader.now

    def flag(self, flag_id: int) -> FlagRow:
        """An item of the visitor's community, as it is in the database now.

        Raises
        ------
        FlagUnknown
        """
        mine = FlagRow.community_id == self.community_id, FlagRow.id == flag_id
        flag = self.session.scalar(select(FlagRow).where(*mine).execution_options(populate_existing=True))
        if flag is None:
            raise FlagUnknown(f"there is no item {flag_id} in the queue")
        return flag


def get_desk(request: Request, session: Transaction, visitor: SignedIn, now: Now) -> Desk:
    """The desk of a moderator who looks at a page."""
    return Desk(request, session, reader_of(session, visitor, now), visitor)


def get_form_desk(request: Request, session: Transaction, visitor: SendsForm, now: Now) -> Desk:
    """The desk of a moderator who sends a form of ours."""
    return Desk(request, session, reader_of(session, visitor, now), visitor)


AtDesk = Annotated[Desk, Depends(get_desk)]
SendsFromDesk = Annotated[Desk, Depends(get_form_desk)]


def reader_of(session: Session, visitor: Visitor, now: datetime) -> Reader:
    """The visitor as the one who looks at items."""
    findings = session.get(FindingRow, (visitor.community_row.id, "topics"))
    topics = [] if findings is None else by_size(findings.contents)
    names = {topic["id"]: topic_name(topic, visitor.texts.wording) for topic in topics}
    return Reader(
        community_id=visitor.community_row.id,
        community=visitor.community,
        moderator_id=visitor.moderator.id,
        texts=visitor.texts,
        topic_names=names,
        now=now,
    )


@dataclass(frozen=True)
class Filled:
    """What somebody had filled in with an item; it stays filled in when the item is drawn again.

    Attributes
    ----------
    place : the code of a choice of the list of places; empty in lanes without one.
    """

    note: str = ""
    place: str = ""


def get_filled(
    note: Annotated[str, Form(max_length=2000)] = "", place: Annotated[str, Form(max_length=500)] = ""
) -> Filled:
    """What the form of an item carries."""
    return Filled(note, place)


FilledIn = Annotated[Filled, Depends(get_filled)]


def get_form_view(lane: Annotated[Lane, Form()], view: ViewQuery = "") -> QueueView:
    """The part of the queue that a form came from, in the lane that it names."""
    return read_view(view).model_copy(update={"lane": lane})


FromView = Annotated[QueueView, Depends(get_form_view)]
