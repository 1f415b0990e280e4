import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from moderation.accounts import make_moderator
from moderation.alarms import close_alarm, open_alarms, raise_alarm
from moderation.db import Database
from moderation.tables import FindingRow, WebhookRow
from tests.api.conftest import NOW, Tenant
from tests.api.test_flag_routes import all_pages
from tests.moderation.queue_rows import new_post
from tests.moderation.test_digest import episode, find

PASSWORD = "correct horse battery"
URL = "https://example.org/klankbord"


def alarm(database: Database, tenant: Tenant, number: int = 1, **evidence: Any) -> None:
    told = {"thread_id": "t1", "post_ids": ["p1"], "n_authors": 3, "topic_id": None, **evidence}
    with database.transaction() as session:
        since = NOW - timedelta(hours=number)
        raise_alarm(session, tenant.community.id, "amplified", f"p{number}", evidence=told, since=since, now=NOW)


def test_alarms_are_listed_newest_first_in_pages(tenant: Tenant, database: Database) -> None:
    for number in range(1, 6):
        alarm(database, tenant, number)
    found = all_pages(tenant, "/alarms", limit=2)
    assert [one["cause"] for one in found] == ["p5", "p4", "p3", "p2", "p1"]
    assert tenant.get("/alarms").json()["n_open"] == 5
    assert found[0]["evidence"]["n_authors"] == 3


def test_alarms_are_filtered_by_state(tenant: Tenant, database: Database) -> None:
    alarm(database, tenant, 1)
    alarm(database, tenant, 2)
    with database.transaction() as session:
        close_alarm(session, open_alarms(session, tenant.community.id)[0], reason="quiet", now=NOW)
    causes = {
        state: [one["cause"] for one in tenant.get("/alarms", params={"state": state}).json()["items"]]
        for state in ("open", "closed")
    }
    assert causes == {"open": ["p1"], "closed": ["p2"]}


def test_alarms_of_another_community_are_not_shown(
    tenant: Tenant, new_tenant: Callable[..., Tenant], database: Database
) -> None:
    alarm(database, new_tenant())
    assert tenant.get("/alarms").json()["items"] == []


def test_a_webhook_is_added_listed_without_its_secret_and_removed(tenant: Tenant) -> None:
    added = tenant.post("/webhooks", json={"url": URL, "events": ["decision", "alarm_opened"]})
    assert added.status_code == 200
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", added.json()["secret"])
    (listed,) = tenant.get("/webhooks").json()["items"]
    assert listed == added.json()["webhook"]
    assert listed["events"] == ["decision", "alarm_opened"]
    assert added.json()["secret"] not in tenant.get("/webhooks").text
    assert tenant.delete(f"/webhooks/{listed['id']}").status_code == 204
    assert tenant.get("/webhooks").json()["items"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "https://169.254.169.254/latest"}, "/url"),
        ({"url": "http://example.org/"}, "/url"),
        ({"url": URL, "events": []}, "/events"),
        ({"url": URL, "events": ["everything"]}, "/events/0"),
    ],
)
def test_a_webhook_that_cannot_be_used_is_refused_by_field(tenant: Tenant, body: Any, pointer: str) -> None:
    refused = tenant.post("/webhooks", json=body)
    assert refused.status_code == 422
    assert [mistake["pointer"] for mistake in refused.json()["errors"]] == [pointer]


def test_a_repeated_request_adds_one_webhook(tenant: Tenant) -> None:
    answers = [tenant.post("/webhooks", json={"url": URL}, headers={"Idempotency-Key": "w"}).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(tenant.get("/webhooks").json()["items"]) == 1


def test_a_test_message_waits_to_be_sent_and_is_in_the_log(tenant: Tenant) -> None:
    number = tenant.post("/webhooks", json={"url": URL}).json()["webhook"]["id"]
    queued = tenant.post(f"/webhooks/{number}/test").json()
    assert (queued["type"], queued["n_attempts"], queued["delivered_at"]) == ("test", 0, None)
    assert tenant.get(f"/webhooks/{number}/deliveries").json()["items"] == [queued]


def test_a_new_secret_is_another_one_and_the_one_before_ends_in_a_day(tenant: Tenant) -> None:
    added = tenant.post("/webhooks", json={"url": URL}).json()
    renewed = tenant.post(f"/webhooks/{added['webhook']['id']}/secret").json()
    assert renewed["secret"] != added["secret"]
    assert renewed["webhook"]["previous_secret_until"] == (NOW + timedelta(hours=24)).isoformat().replace("+00:00", "Z")


def test_a_disabled_webhook_is_used_again(tenant: Tenant, database: Database) -> None:
    number = tenant.post("/webhooks", json={"url": URL}).json()["webhook"]["id"]
    with database.transaction() as session:
        session.get_one(WebhookRow, number).disabled_at = NOW
    assert tenant.get("/webhooks").json()["items"][0]["disabled_at"] is not None
    assert tenant.post(f"/webhooks/{number}/enable").json()["disabled_at"] is None


@pytest.mark.parametrize("path", ["", "/test", "/secret", "/enable", "/deliveries"])
def test_another_community_s_webhook_is_not_there(tenant: Tenant, new_tenant: Callable[..., Tenant], path: str) -> None:
    number = new_tenant().post("/webhooks", json={"url": URL}).json()["webhook"]["id"]
    method = {"": "DELETE", "/deliveries": "GET"}.get(path, "POST")
    assert tenant.call(method, f"/webhooks/{number}{path}").status_code == 404


def test_the_digest_of_a_day_is_told_in_figures_and_words(tenant: Tenant, database: Database) -> None:
    with database.transaction() as session:
        row = tenant.community
        new_post(session, row, "late", title="Punten kwijt", created_at=NOW - timedelta(hours=40))
        find(session, row, episode("late", NOW - timedelta(hours=40)))
    digest = tenant.get("/digest").json()
    assert (digest["day"], digest["is_quiet"], digest["language"]) == ("2026-11-19", False, "nl")
    assert [one["post_id"] for one in digest["late"]] == ["late"]
    assert "“Punten kwijt”, al " in digest["text"]
    english = tenant.get("/digest", params={"date": "2026-11-19", "language": "en"}).json()
    assert english["subject"] == "Proef: 1 post waits for an answer"


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "0001-01-01", "9999-12-31"])
def test_a_day_that_cannot_be_told_of_is_refused(tenant: Tenant, day: str) -> None:
    assert tenant.get("/digest", params={"date": day}).status_code == 422


def test_recipients_are_added_changed_and_removed(tenant: Tenant) -> None:
    for language in ("nl", "en"):
        added = tenant.post("/digest/recipients", json={"address": "noor@example.org", "language": language})
        assert added.status_code == 200
    (listed,) = tenant.get("/digest/recipients").json()["items"]
    assert (listed["address"], listed["language"], listed["when_quiet"]) == ("noor@example.org", "en", False)
    assert tenant.delete("/digest/recipients/noor@example.org").status_code == 204
    assert tenant.delete("/digest/recipients/noor@example.org").status_code == 404
    assert tenant.post("/digest/recipients", json={"address": "noor"}).json()["errors"][0]["pointer"] == "/address"


def test_questions_that_return_and_ideas_are_read(tenant: Tenant, database: Database) -> None:
    assert tenant.get("/faq").status_code == 404
    store_asked(database, tenant)
    assert tenant.get("/faq").json()["questions"][0]["n_authors"] == 3
    assert tenant.get("/ideas").json()["ideas"][0]["n_supporters"] == 2


def store_asked(database: Database, tenant: Tenant) -> None:
    entry = {"first_at": "2026-10-01T10:00:00Z", "last_at": "2026-11-01T10:00:00Z", "typical_post_id": "q1"}
    question = {**entry, "n_authors": 3, "n_posts": 4, "n_answered": 2, "answers": [{"post_id": "a1"}]}
    idea = {**entry, "typical_post_id": "i1", "n_supporters": 2, "n_likes": 5}
    contents: dict[str, dict[str, Any]] = {
        "faq": {"questions": [question], "reason": None},
        "ideas": {"ideas": [idea, {**idea, "typical_post_id": "i2", "n_supporters": 1}], "reason": None},
    }
    with database.transaction() as session:
        for kind, found in contents.items():
            row = FindingRow(kind=kind, found_at=NOW, n_posts=9, model_version="m", contents=found)
            row.community_id = tenant.community.id
            session.add(row)
        for post_id, words in (("q1", "Hoe zet ik punten over?"), ("a1", "In de app"), ("i1", "Deel het lijstje")):
            new_post(session, tenant.community, post_id, text=words)


@pytest.fixture
def browser(app: FastAPI, tenant: Tenant, database: Database) -> Any:
    """Somebody who is signed in at the tenant's pages."""
    with database.transaction() as session:
        make_moderator(session, tenant.community.id, name="Anna", password=PASSWORD)
    with TestClient(app, base_url="https://klankbord.test", follow_redirects=False) as client:
        (token,) = re.findall(r'name="csrf" value="([^"]+)"', client.get("/sign-in").text)
        form = {"community": tenant.community.slug, "name": "Anna", "password": PASSWORD, "csrf": token}
        assert client.post("/sign-in", data=form).status_code == 303
        yield lambda path: client.get(f"/c/{tenant.community.slug}{path}").text


def test_open_alarms_are_counted_on_every_page_and_told_on_theirs(
    browser: Callable[[str], str], tenant: Tenant, database: Database
) -> None:
    assert 'class="badge"' not in browser("/queue")
    assert "Niets vraagt nu aandacht" in browser("/alarms")
    with database.transaction() as session:
        new_post(session, tenant.community, "p1", text="Mijn punten zijn < 5 & weg")
    alarm(database, tenant)
    assert re.search(r'class="badge">1<', browser("/queue"))
    page = browser("/alarms")
    assert "3 leden vielen binnen een dag een ontevreden bericht bij" in page
    assert "Mijn punten zijn &lt; 5 &amp; weg" in page


def test_ended_alarms_say_why(browser: Callable[[str], str], tenant: Tenant, database: Database) -> None:
    alarm(database, tenant)
    with database.transaction() as session:
        close_alarm(session, open_alarms(session, tenant.community.id)[0], reason="quiet", now=NOW)
    assert "een dag verliep rustig" in browser("/alarms")


def test_a_webhook_that_does_not_work_is_shown(
    browser: Callable[[str], str], tenant: Tenant, database: Database
) -> None:
    number = tenant.post("/webhooks", json={"url": URL}).json()["webhook"]["id"]
    assert URL not in browser("/alarms")
    with database.transaction() as session:
        session.get_one(WebhookRow, number).failing_since = NOW
    assert f"De laatste poging om naar {URL} te sturen mislukte" in browser("/alarms")


def test_the_digest_is_a_page_too(browser: Callable[[str], str], tenant: Tenant, database: Database) -> None:
    with database.transaction() as session:
        find(session, tenant.community, episode("late", NOW - timedelta(hours=40)))
    page = browser("/digest")
    assert "1 ontevreden lid wacht te lang" in page
    assert "je adres" not in page


def test_questions_and_ideas_are_a_page(browser: Callable[[str], str], tenant: Tenant, database: Database) -> None:
    assert "nog niet uitgezocht" in browser("/asked")
    store_asked(database, tenant)
    page = browser("/asked")
    assert "Hoe zet ik punten over?" in page
    assert "Gesteld door 3 leden" in page
    assert "2 leden staan erachter" in page
    assert page.count("Deel het lijstje") == 1
