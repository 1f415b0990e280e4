import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from api import notice_commands
from moderation.communities import save_community
from moderation.config import Community
from moderation.db import Database
from moderation.errors import DeliveryFailed
from moderation.webhook_signatures import verify
from tests.receiver import Receiver, running_receiver
from tests.service import NOW, fresh_database

URL = "https://example.org/klankbord"


@pytest.fixture(scope="module")
def separate(database: Database) -> Iterator[Database]:
    with fresh_database(database) as fresh:
        with fresh.transaction() as session:
            save_community(session, "loyaal", Community(name="Loyaal"))
        yield fresh


@pytest.fixture(autouse=True)
def configured(separate: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLANKBORD_DATABASE_URL", separate.url.render_as_string(hide_password=False))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


def webhooks(*words: str) -> Result:
    return CliRunner().invoke(notice_commands.webhooks, [*words, "--community", "loyaal"])


def digest(*words: str) -> Result:
    return CliRunner().invoke(notice_commands.digest, [*words, "--community", "loyaal"])


def listed() -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(webhooks("list", "--json").stdout)
    return found


def test_a_webhook_is_added_listed_and_removed() -> None:
    added = webhooks("add", URL, "--event", "decision")
    assert added.exit_code == 0
    assert added.stdout.startswith("whsec_")
    (known,) = listed()
    assert (known["url"], known["events"], known["state"]) == (URL, ["decision"], "nothing sent yet")
    assert webhooks("secret", str(known["id"])).stdout.startswith("whsec_")
    assert webhooks("enable", str(known["id"])).exit_code == 0
    assert webhooks("remove", str(known["id"])).exit_code == 0
    assert listed() == []


def test_an_event_that_there_is_not_is_wrong_usage() -> None:
    assert webhooks("add", URL, "--event", "everything").exit_code == 2


def test_a_test_message_says_what_came_of_it(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLANKBORD_WEBHOOKS_TO_PRIVATE_ADDRESSES", "true")
    secret = webhooks("add", receiver.url).stdout.strip()
    number = str(listed()[0]["id"])
    assert webhooks("test", number).exit_code == 0
    (received,) = receiver.received
    sent_at = NOW.fromtimestamp(int(received.headers["webhook-timestamp"]), NOW.tzinfo)
    verify(secret, received.headers, received.body, now=sent_at)
    receiver.answers = [(500, {})]
    failed = webhooks("test", number)
    assert isinstance(failed.exception, DeliveryFailed)
    assert "500" in str(failed.exception)
    webhooks("remove", number)


def test_recipients_are_added_listed_and_removed() -> None:
    assert digest("add", "noor@example.org", "--language", "en").exit_code == 0
    assert digest("list").stdout == "noor@example.org\ten\twhen there is something to tell\n"
    assert digest("remove", "noor@example.org").exit_code == 0
    assert digest("list").stdout == ""


def test_a_day_s_digest_is_printed_as_text_or_html() -> None:
    text = digest("show", "--date", "2026-03-01").stdout
    assert text.startswith("Loyaal: niemand wacht te lang\n")
    assert "<html" in digest("show", "--date", "2026-03-01", "--html").stdout
