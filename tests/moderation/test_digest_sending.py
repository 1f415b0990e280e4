from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from moderation.config import Community
from moderation.db import Database
from moderation.digest_sending import (
    KEPT,
    MAX_ATTEMPTS,
    NOTHING_TO_TELL,
    RETRY_AFTER,
    Sender,
    add_recipient,
    digest_language,
    forget_digests,
    list_recipients,
    remove_recipient,
    send_digests,
    take_due,
)
from moderation.errors import AddressRefused, DeliveryFailed, RecipientUnknown
from moderation.mail import MailServer, check_address
from moderation.tables import CommunityRow, DigestRow
from tests.mail_server import MailBox, running_mail_server
from tests.moderation.test_digest import ago, episode, find
from tests.service import fresh_database, new_community

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
ANNA, BEN = "anna@example.org", "ben@example.org"


@pytest.fixture(scope="module")
def separate(database: Database) -> Iterator[Database]:
    """A database in which no other test's recipients are."""
    with fresh_database(database) as fresh:
        yield fresh


@pytest.fixture
def box() -> Iterator[MailBox]:
    with running_mail_server() as box:
        yield box


@pytest.fixture
def community(separate: Database) -> Iterator[CommunityRow]:
    """A community in which somebody waits too long, and whose digest Anna gets."""
    community = new_community(separate, name="Proef")
    with separate.transaction() as session:
        find(session, community, episode("late", ago(hours=50)))
    subscribe(separate, community, ANNA)
    yield community
    with separate.transaction() as session:
        session.delete(session.get_one(CommunityRow, community.id))


def subscribe(database: Database, community: CommunityRow, address: str, **how: Any) -> None:
    with database.transaction() as session:
        add_recipient(session, community.id, address, **{"language": None, "when_quiet": False, **how}, now=NOW)


def send(database: Database, box: MailBox, *, after: timedelta = timedelta()) -> list[str]:
    """Who got mail this time."""
    n_before = len(box.mails)
    sender = Sender(MailServer.read(box.url), "klankbord@example.org", "https://k.example/")
    send_digests(database, sender, now=NOW + after)
    return [str(mail["To"]) for mail in box.mails[n_before:]]


def outcomes(database: Database, community: CommunityRow) -> dict[str, str | None]:
    with database.transaction() as session:
        rows = session.scalars(select(DigestRow).where(DigestRow.community_id == community.id))
        return {row.address: row.outcome for row in rows}


def test_the_digest_arrives_as_text_and_html(separate: Database, community: CommunityRow, box: MailBox) -> None:
    assert send(separate, box) == [ANNA]
    (mail,) = box.mails
    assert (mail["Subject"], mail["From"]) == ("Proef: 1 bericht wacht op antwoord", "klankbord@example.org")
    kinds = [part.get_content_type() for part in mail.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    bodies = [part.get_content() for part in mail.iter_parts()]
    assert all(f"https://k.example/c/{community.slug}/queue" in body for body in bodies)
    assert all("1 ontevreden lid wacht te lang" in body for body in bodies)


def test_nobody_gets_a_day_twice_and_everybody_gets_the_next(
    separate: Database, community: CommunityRow, box: MailBox
) -> None:
    assert send(separate, box) == [ANNA]
    for hours in (0, 1, 22):
        assert send(separate, box, after=timedelta(hours=hours)) == []
    assert send(separate, box, after=timedelta(hours=24)) == [ANNA]
    assert len({str(mail["Message-ID"]) for mail in box.mails}) == 2


def test_each_is_written_in_their_own_language(separate: Database, community: CommunityRow, box: MailBox) -> None:
    subscribe(separate, community, BEN, language="en")
    assert sorted(send(separate, box)) == [ANNA, BEN]
    subjects = {str(mail["To"]): str(mail["Subject"]) for mail in box.mails}
    assert subjects[BEN] == "Proef: 1 post waits for an answer"


def test_nothing_is_sent_on_a_quiet_day_unless_asked(separate: Database, box: MailBox) -> None:
    quiet = new_community(separate, name="Stil")
    with separate.transaction() as session:
        find(session, quiet)
    subscribe(separate, quiet, ANNA)
    subscribe(separate, quiet, BEN, when_quiet=True)
    assert send(separate, box) == [BEN]
    assert outcomes(separate, quiet) == {ANNA: NOTHING_TO_TELL, BEN: "sent"}
    assert send(separate, box, after=timedelta(hours=1)) == []
    with separate.transaction() as session:
        session.delete(session.get_one(CommunityRow, quiet.id))


def test_who_is_taken_off_gets_nothing_more(separate: Database, community: CommunityRow, box: MailBox) -> None:
    with separate.transaction() as session:
        remove_recipient(session, community.id, ANNA)
        with pytest.raises(RecipientUnknown):
            remove_recipient(session, community.id, ANNA)
        assert list_recipients(session, community.id) == []
    assert send(separate, box, after=timedelta(hours=24)) == []


def test_a_server_that_is_away_is_tried_again_and_no_more_than_a_few_times(
    separate: Database, community: CommunityRow, box: MailBox
) -> None:
    away = MailBox(port=1)
    assert send(separate, away) == []
    assert (outcomes(separate, community)[ANNA] or "").startswith("failed: the mail server cannot be reached")
    assert send(separate, box, after=RETRY_AFTER / 2) == []
    assert send(separate, box, after=RETRY_AFTER) == [ANNA]


def test_after_some_attempts_a_day_is_given_up(separate: Database, community: CommunityRow, box: MailBox) -> None:
    for n in range(MAX_ATTEMPTS):
        send(separate, MailBox(port=1), after=n * RETRY_AFTER)
    assert send(separate, box, after=MAX_ATTEMPTS * RETRY_AFTER) == []


def test_a_refused_address_keeps_nobody_else_waiting(separate: Database, community: CommunityRow, box: MailBox) -> None:
    subscribe(separate, community, BEN)
    box.refused = {ANNA}
    assert send(separate, box) == [BEN]
    box.refused = set()
    assert send(separate, box, after=RETRY_AFTER) == [ANNA]


def test_what_may_have_arrived_is_not_sent_again(separate: Database, community: CommunityRow, box: MailBox) -> None:
    box.breaks_off = True
    assert send(separate, box) == [ANNA]
    assert (outcomes(separate, community)[ANNA] or "").startswith("perhaps sent")
    box.breaks_off = False
    assert send(separate, box, after=RETRY_AFTER) == []


def test_a_worker_that_dies_on_the_way_leaves_nothing_that_is_sent_twice(
    separate: Database, community: CommunityRow, box: MailBox
) -> None:
    sender = Sender(MailServer.read(box.url), "k@example.org", None)
    with separate.transaction() as session:
        (taken,) = take_due(session, session.get_one(CommunityRow, community.id), sender, now=NOW)
        assert taken.mail is not None
    assert send(separate, box, after=timedelta(hours=2)) == []


def test_a_password_is_never_sent_without_tls(separate: Database, community: CommunityRow, box: MailBox) -> None:
    sender = Sender(MailServer.read(box.url.replace("//", "//user:secret@")), "k@example.org", None)
    send_digests(separate, sender, now=NOW)
    assert "does not let us in" in (outcomes(separate, community)[ANNA] or "")
    assert box.mails == []


def test_old_notes_are_forgotten(separate: Database, community: CommunityRow, box: MailBox) -> None:
    send(separate, box)
    with separate.transaction() as session:
        forget_digests(session, now=NOW + KEPT + timedelta(days=1))
    assert outcomes(separate, community) == {}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "anna",
        "anna@",
        "@example.org",
        "a b@example.org",
        "a@b",
        "a@example.org\nBcc: x@y.org",
        "é@x.org",
        "Anna <anna@example.org>",
        "a@example.org,b@example.org",
        "a" * 250 + "@example.org",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        check_address(address)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://u%40x:p%3A@mail.example.org", MailServer("mail.example.org", 465, True, "u@x", "p:")),
        ("smtp://127.0.0.1:2525", MailServer("127.0.0.1", 2525, False, None, None)),
        ("smtp://mail.example.org", MailServer("mail.example.org", 587, False, None, None)),
    ],
)
def test_a_server_is_read_from_its_url(url: str, server: MailServer) -> None:
    assert MailServer.read(url) == server


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp://[::1", "mail.example.org"])
def test_a_url_that_names_no_server_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(DeliveryFailed, match="KLANKBORD_SMTP_URL"):
        MailServer.read(url)


@pytest.mark.parametrize(("languages", "spoken"), [(("nl", "en"), "nl"), (("de", "en"), "en"), (("fr",), "en")])
def test_a_digest_is_in_the_first_language_that_we_speak(languages: tuple[str, ...], spoken: str) -> None:
    assert digest_language(Community(languages=languages)) == spoken
