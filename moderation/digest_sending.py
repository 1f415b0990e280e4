"""Sends each day's digest to those who want it, once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from smtplib import SMTP
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from moderation.communities import community_of
from moderation.config import Community
from moderation.db import Database
from moderation.digest import Digest, due_day, make_digest
from moderation.errors import DeliveryFailed, DeliveryUnsure, RecipientUnknown
from moderation.mail import MailServer, check_address, hand_over, open_server
from moderation.reports.digest_text import DigestText, as_html, as_plain_text, page_link, write_digest
from moderation.reports.topic_section import topic_name
from moderation.reports.wording import REPORT_LANGUAGES, Wording
from moderation.tables import CommunityRow, DigestRecipientRow, DigestRow, FindingRow

RETRY_AFTER = timedelta(minutes=15)
MAX_ATTEMPTS = 8
KEPT = timedelta(days=90)
SENT, NOTHING_TO_TELL = "sent", "nothing to tell"
FAILED, UNSURE = "failed: ", "perhaps sent: "
"""Before the reason: what failed is tried again, what may have been sent is not."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Sender:
    """How mail leaves this service.

    Attributes
    ----------
    address : who it comes from.
    public_url : where people open the pages; None = not known.
    """

    server: MailServer
    address: str
    public_url: str | None


@dataclass(frozen=True)
class Outgoing:
    """A mail for one recipient; `mail` None = there is nothing to tell."""

    community_id: int
    address: str
    day: date
    mail: EmailMessage | None


def add_recipient(
    session: Session, community_id: int, address: str, *, language: str | None, when_quiet: bool, now: datetime
) -> DigestRecipientRow:
    """Have somebody get a community's digest, or change how.

    Raises
    ------
    AddressRefused
    """
    told = {"language": language, "when_quiet": when_quiet}
    statement = (
        insert(DigestRecipientRow)
        .values(community_id=community_id, address=check_address(address), created_at=now, **told)
        .on_conflict_do_update(index_elements=[DigestRecipientRow.community_id, DigestRecipientRow.address], set_=told)
        .returning(DigestRecipientRow)
    )
    return session.execute(statement, execution_options={"populate_existing": True}).scalar_one()


def list_recipients(session: Session, community_id: int) -> Sequence[DigestRecipientRow]:
    """Who gets a community's digest."""
    mine = DigestRecipientRow.community_id == community_id
    return session.scalars(select(DigestRecipientRow).where(mine).order_by(DigestRecipientRow.address)).all()


def remove_recipient(session: Session, community_id: int, address: str) -> None:
    """Send somebody nothing any more, and forget what was sent.

    Raises
    ------
    RecipientUnknown
    """
    mine = DigestRecipientRow.community_id == community_id, DigestRecipientRow.address == address
    if session.execute(delete(DigestRecipientRow).where(*mine).returning(DigestRecipientRow.address)).first() is None:
        raise RecipientUnknown("nobody with that address gets the digest")


def digest_in_words(
    session: Session, row: CommunityRow, digest: Digest, *, language: str, public_url: str | None
) -> DigestText:
    """A digest of a community in one language."""
    community = community_of(row)
    wording = Wording(language, community.timezone)
    topics = session.get(FindingRow, (row.id, "topics"))
    names = {} if topics is None else {topic["id"]: topic_name(topic, wording) for topic in topics.contents["topics"]}
    link = page_link(public_url, row.slug)
    return write_digest(digest, wording, name=community.name or row.slug, topic_names=names, link=link)


def digest_language(community: Community) -> str:
    """The language of a community's digest: its first that we speak, else English."""
    return next((language for language in community.languages if language in REPORT_LANGUAGES), "en")


def send_digests(database: Database, sender: Sender, *, now: datetime) -> None:
    """Send every digest that is due.

    Each is noted as taken before it is sent, in a transaction of its own: whoever dies in between leaves one that was
    not sent, never one that is sent twice. One that the mail server refused is tried again.
    """
    with database.transaction() as session:
        has_recipients = select(DigestRecipientRow.community_id).distinct()
        ids = session.scalars(select(CommunityRow.id).where(CommunityRow.id.in_(has_recipients))).all()
    for community_id in sorted(ids):
        with database.transaction() as session:
            outgoing = take_due(session, session.get_one(CommunityRow, community_id), sender, now=now)
        if outgoing:
            outcomes = _send_all([one for one in outgoing if one.mail is not None], sender)
            with database.transaction() as session:
                for one in outgoing:
                    _note(session, one, outcomes.get(one.address, NOTHING_TO_TELL), now=now)


def take_due(session: Session, row: CommunityRow, sender: Sender, *, now: datetime) -> list[Outgoing]:
    """Set out to send a community's digest to those who have not had it; nobody else sends them that day's."""
    community = community_of(row)
    day = due_day(community, now)
    taken = _take(session, row.id, day, now=now)
    if not taken:
        return []
    digest = make_digest(session, row, day, now=now)
    outgoing = []
    for recipient in taken:
        language = recipient.language or digest_language(community)
        mail = None
        if recipient.when_quiet or not digest.is_quiet:
            text = digest_in_words(session, row, digest, language=language, public_url=sender.public_url)
            mail = compose(text, sender, recipient.address, row.slug, digest, timezone=community.timezone)
        outgoing.append(Outgoing(row.id, recipient.address, day, mail))
    return outgoing


def compose(
    text: DigestText, sender: Sender, address: str, slug: str, digest: Digest, *, timezone: str
) -> EmailMessage:
    """The mail, as text and as HTML; its id is that of the day and the recipient."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender.address, address
    mail["Subject"] = " ".join(text.subject.split())
    mail["Date"] = format_datetime(digest.as_of.astimezone(ZoneInfo(timezone)))
    unique = sha256(f"{slug}\0{digest.day}\0{address}".encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{unique}@{sender.address.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(as_plain_text(text))
    mail.add_alternative(as_html(text), subtype="html")
    return mail


def forget_digests(session: Session, *, now: datetime) -> None:
    """Delete the notes of what was sent long ago."""
    session.execute(delete(DigestRow).where(DigestRow.taken_at < now - KEPT))


def _take(session: Session, community_id: int, day: date, *, now: datetime) -> list[DigestRecipientRow]:
    """The recipients whose digest of the day is this worker's to send."""
    recipients = {recipient.address: recipient for recipient in list_recipients(session, community_id)}
    if not recipients:
        return []
    rows = [{"community_id": community_id, "address": address, "day": day, "taken_at": now} for address in recipients]
    new = insert(DigestRow).values(rows).on_conflict_do_nothing().returning(DigestRow.address)
    failed = (
        update(DigestRow)
        .where(
            DigestRow.community_id == community_id,
            DigestRow.day == day,
            DigestRow.sent_at.is_(None),
            DigestRow.outcome.startswith(FAILED),
            DigestRow.taken_at <= now - RETRY_AFTER,
            DigestRow.n_attempts < MAX_ATTEMPTS,
        )
        .values(taken_at=now, n_attempts=DigestRow.n_attempts + 1, outcome=None)
        .returning(DigestRow.address)
    )
    addresses = {*session.scalars(new), *session.scalars(failed)}
    return [recipient for address, recipient in recipients.items() if address in addresses]


def _send_all(outgoing: Sequence[Outgoing], sender: Sender) -> Mapping[str, str]:
    """What came of each mail, by address; those that were not reached count as failed and are tried again."""
    outcomes: dict[str, str] = {}
    if not outgoing:
        return outcomes
    try:
        with open_server(sender.server) as connection:
            for one in outgoing:
                outcomes[one.address] = _send_one(connection, one)
                if outcomes[one.address].startswith(UNSURE):
                    raise DeliveryFailed("the connection broke off at another mail")
    except DeliveryFailed as error:
        log.warning("digests not sent", reason=str(error))
        return {one.address: outcomes.get(one.address, f"{FAILED}{error}") for one in outgoing}
    return outcomes


def _send_one(connection: SMTP, one: Outgoing) -> str:
    assert one.mail is not None
    try:
        hand_over(connection, one.mail)
    except DeliveryUnsure as error:
        return f"{UNSURE}{error}"
    except DeliveryFailed as error:
        return f"{FAILED}{error}"
    return SENT


def _note(session: Session, one: Outgoing, outcome: str, *, now: datetime) -> None:
    mine = DigestRow.community_id == one.community_id, DigestRow.address == one.address, DigestRow.day == one.day
    sent_at = now if outcome == SENT else None
    session.execute(update(DigestRow).where(*mine).values(outcome=outcome, sent_at=sent_at))
