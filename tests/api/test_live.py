import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

from api.routes.live import get_stream_seconds
from models.signals import SIGNALS
from moderation.db import Database
from moderation.events import tell
from moderation.incoming import judge_posts, score_waiting
from moderation.pipeline import Models
from tests.api.conftest import NOW, Tenant, record
from tests.api.test_flag_routes import all_pages


@pytest.fixture
def search_in(tenant: Tenant, database: Database, models: Models) -> Tenant:
    texts = {
        "p1": "Mijn punten zijn verlopen en niemand antwoordt.",
        "p2": "Hoe kan ik mijn klantenkaart blokkeren?",
        "p3": "De nieuwe koffie is heerlijk.",
    }
    records = [record(post_id, thread_id=f"t{post_id}", text=text, space="punten") for post_id, text in texts.items()]
    tenant.post("/posts", json={"posts": records})
    score_waiting(database, models, tenant.community.id, list(texts))
    judge_posts(database, models, tenant.community.id, list(texts), now=NOW)
    return tenant


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/text"),
        ({"text": None}, "/text"),
        ({"text": "a\0b"}, "/text"),
        ({"text": "\ud800"}, "/text"),
        ({"text": "x" * 100_001}, "/text"),
        ({"text": "x", "title": 3}, "/title"),
        ({"text": "x", "thread_id": "\0"}, "/thread_id"),
        ({"text": "x", "txt": "y"}, "/txt"),
    ],
)
def test_texts_that_cannot_be_checked_422(tenant: Tenant, body: dict[str, Any], pointer: str) -> None:
    answer = tenant.post("/check", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert [mistake["pointer"] for mistake in answer.json()["errors"]] == [pointer]


def test_a_text_is_checked_and_not_stored(tenant: Tenant) -> None:
    body = {"text": "You are a worthless idiot, shut up and get lost.", "language": "en"}
    answer = tenant.post("/check", scope="read", json=body)
    assert answer.status_code == 200
    found = answer.json()
    assert found["language"] == "en"
    assert set(found["signals"]) == set(SIGNALS)
    assert "toxic" in {flag["reason"] for flag in found["flags"]}
    assert found["null_reasons"]["topics"]
    assert tenant.get("/not-scored").json()["items"] == []
    assert tenant.get("/flags").json()["items"] == []


@pytest.mark.parametrize("text", ["", " ", "> alleen een citaat", "😀", "x" * 100_000])
def test_any_text_can_be_checked(tenant: Tenant, text: str) -> None:
    answer = tenant.post("/check", json={"text": text, "thread_id": "no such thread"})
    assert answer.status_code == 200
    assert all(value is not None for value in answer.json()["signals"].values()) or answer.json()["null_reasons"]


def test_posts_are_found_by_meaning_and_words(search_in: Tenant) -> None:
    answer = search_in.get("/search", scope="read", params={"q": "punten vervallen"})
    assert answer.status_code == 200
    best = answer.json()["items"][0]
    assert (best["thread_id"], best["post_id"], best["snippet"]) == (
        "tp1",
        "p1",
        "Mijn punten zijn verlopen en niemand antwoordt.",
    )
    assert 0.5 < best["cosine"] <= 1


def test_every_thread_comes_once(search_in: Tenant) -> None:
    found = [item["thread_id"] for item in all_pages(search_in, "/search", q="punten", limit=1)]
    assert sorted(found) == ["tp1", "tp2", "tp3"]


def test_posts_that_wait_for_scores_are_not_found_yet(tenant: Tenant) -> None:
    tenant.post("/posts", json={"posts": [record(text="punten")]})
    assert tenant.get("/search", params={"q": "punten"}).json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"q": ""},
        {"q": "x" * 501},
        {"q": "a\0b"},
        {"q": "x", "topic": 0},
        {"q": "x", "limit": 201},
        {"q": "x", "since": "yesterday"},
        {"q": "x", "cursor": "WzEsMl0"},
        {"q": "x", "cursor": "W05hTiwgIngiXQ"},
    ],
)
def test_searches_that_cannot_be_made_422(tenant: Tenant, params: dict[str, Any]) -> None:
    assert tenant.get("/search", params=params).status_code == 422


def told(tenant: Tenant, headers: Any = None) -> list[dict[str, str]]:
    answer = tenant.get("/events", scope="read", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    blocks = [block for block in answer.text.split("\n\n") if block and not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]  # type: ignore[misc]


def tell_of(database: Database, tenant: Tenant, *numbers: int) -> None:
    with database.transaction() as session:
        for number in numbers:
            tell(session, tenant.community.id, "flag_claimed", {"flag_id": number})


def test_events_begin_with_now(tenant: Tenant, database: Database) -> None:
    tell_of(database, tenant, 1, 2)
    assert told(tenant) == []


def test_events_go_on_after_the_last_one(tenant: Tenant, new_tenant: Callable[..., Tenant], database: Database) -> None:
    tell_of(database, tenant, 1, 2)
    tell_of(database, new_tenant(), 9)
    tell_of(database, tenant, 3)
    found = told(tenant, {"Last-Event-ID": "0-0"})
    assert [json.loads(event["data"])["flag_id"] for event in found] == [1, 2, 3]
    assert {event["event"] for event in found} == {"flag_claimed"}
    assert told(tenant, {"Last-Event-ID": found[1]["id"]}) == found[2:]


def test_a_stream_tells_what_happens_meanwhile(app: FastAPI, tenant: Tenant) -> None:
    app.dependency_overrides[get_stream_seconds] = lambda: 1.5
    try:
        with tenant.client.stream(
            "GET", f"{tenant.base}/events", headers={"Authorization": f"Bearer {tenant.tokens['read']}"}
        ) as stream:
            tenant.post("/posts", json={"posts": [record()]})
            tenant.delete("/posts/p1")
            lines = [line for line in stream.iter_lines() if line.startswith("event:")]
    finally:
        app.dependency_overrides[get_stream_seconds] = lambda: 0.0
    assert "event: post_deleted" in lines


@pytest.mark.parametrize("last", ["x", "-1", "9223372036854775808", "9" * 40])
def test_a_last_event_that_is_none_422(tenant: Tenant, last: str) -> None:
    answer = tenant.get("/events", headers={"Last-Event-ID": last})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "last-event-id"
