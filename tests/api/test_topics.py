from datetime import timedelta
from typing import Any

import pytest

from moderation.db import Database
from moderation.tables import FindingRow, TopicEventRow, TopicStateRow
from tests.api.conftest import NOW, Tenant
from tests.api.test_findings import TOPIC

FIRST, SECOND = NOW - timedelta(days=40), NOW - timedelta(days=10)
OTHER = {**TOPIC, "id": 4, "name": "deeg, brood"}


@pytest.fixture
def ledger(tenant: Tenant, database: Database) -> Tenant:
    """Topics 3 and 4, worked out twice; topic 5 was there the first time only."""
    with database.transaction() as session:
        community_id = tenant.community.id
        session.add(
            FindingRow(
                community_id=community_id,
                kind="topics",
                found_at=SECOND,
                n_posts=30,
                model_version="test",
                contents={"topics": [TOPIC, OTHER], "unsorted": {}, "highest_topic_id": 5},
            )
        )
        for topic_id, at in ((3, FIRST), (4, FIRST), (5, FIRST), (3, SECOND), (4, SECOND)):
            session.add(state(community_id, topic_id, at))
        for topic_id, kind, at in ((3, "new", FIRST), (5, "new", FIRST), (3, "kept", SECOND), (5, "retired", SECOND)):
            session.add(event(community_id, topic_id, kind, at))
    return tenant


def state(community_id: int, topic_id: int, at: Any) -> TopicStateRow:
    return TopicStateRow(
        community_id=community_id,
        topic_id=topic_id,
        fitted_at=at,
        name=f"topic of {at:%B}",
        named_by_moderator=False,
        terms=["punten"],
        language="nl",
        n_posts=12,
        share=0.4,
        exemplar_ids=["p1"],
        theme_id=None,
        theme_name=None,
    )


def event(community_id: int, topic_id: int, kind: str, at: Any) -> TopicEventRow:
    return TopicEventRow(
        community_id=community_id,
        topic_id=topic_id,
        happened_at=at,
        kind=kind,
        name=None,
        name_before=None,
        n_posts_before=0 if kind == "new" else 12,
        n_posts_after=0 if kind == "retired" else 12,
        other_ids=[],
        went_to=[],
        came_from=[],
    )


ORDERS = [
    ("/topics/3/rename", {"name": "Punten"}),
    ("/topics/3/merge", {"into": 4}),
    ("/topics/3/pin", None),
    ("/topics/3/unpin", None),
    ("/topics/3/keep-apart", {"other": 4}),
    ("/topic-orders/1/undo", None),
]
READS = ["/topics/3/history", "/topic-events", "/topic-orders"]


@pytest.mark.parametrize(("method", "path"), [("POST", path) for path, _ in ORDERS] + [("GET", path) for path in READS])
def test_nobody_is_let_in_without_a_key(ledger: Tenant, method: str, path: str) -> None:
    assert ledger.client.request(method, ledger.base + path).status_code == 401


@pytest.mark.parametrize(("path", "body"), ORDERS)
def test_a_reader_changes_no_topic(ledger: Tenant, path: str, body: Any) -> None:
    assert ledger.post(path, scope="read", json=body).status_code == 403


@pytest.mark.parametrize(("path", "body"), ORDERS)
def test_what_is_not_there_is_not_found(ledger: Tenant, path: str, body: Any) -> None:
    missing = path.replace("/3/", "/77/").replace("/1/undo", "/987654321/undo")
    assert ledger.post(missing, json=body).status_code == 404


@pytest.mark.parametrize("body", [{}, {"name": "  "}, {"name": "x" * 81}, {"name": "a", "more": 1}, {"name": "a\x00"}])
def test_a_name_that_cannot_be_used_is_refused(ledger: Tenant, body: Any) -> None:
    assert ledger.post("/topics/3/rename", json=body).status_code == 422


def test_a_topic_is_renamed_and_the_name_taken_back(ledger: Tenant) -> None:
    answer = ledger.post("/topics/3/rename", json={"name": "  Punten  en\npas "})
    assert (answer.status_code, answer.json()["name"]) == (200, "Punten en pas")
    assert ledger.get("/topics").json()["topics"][0]["name"] == "Punten en pas"
    assert ledger.post(f"/topic-orders/{answer.json()['id']}/undo").status_code == 200
    assert ledger.get("/topics").json()["topics"][0]["name"] == TOPIC["name"]
    assert ledger.post(f"/topic-orders/{answer.json()['id']}/undo").status_code == 409
    (listed,) = ledger.get("/topic-orders").json()["items"]
    assert listed["undone_by"] == listed["moderator"]


def test_topics_kept_apart_are_not_merged_and_the_problem_says_why(ledger: Tenant) -> None:
    assert ledger.post("/topics/3/keep-apart", json={"other": 4}).status_code == 200
    refused = ledger.post("/topics/3/merge", json={"into": 4})
    assert (refused.status_code, refused.json()["reason"]) == (409, "kept_apart")


def test_a_merge_is_in_the_list_at_once(ledger: Tenant) -> None:
    assert ledger.post("/topics/3/merge", json={"into": 4}).status_code == 200
    (left,) = ledger.get("/topics").json()["topics"]
    assert (left["id"], left["size"]) == (4, TOPIC["size"] + OTHER["size"])
    assert ledger.get("/topic-events").json()["items"][0]["kind"] == "merged"


def test_what_a_topic_was_at_a_moment(ledger: Tenant) -> None:
    then = ledger.get("/topics/5/history", params={"at": (FIRST + timedelta(days=1)).isoformat()}).json()
    assert (then["is_gone"], [one["fitted_at"] for one in then["states"]]) == (False, [f"{FIRST:%Y-%m-%dT%H:%M:%SZ}"])
    assert ledger.get("/topics/5/history", params={"at": NOW.isoformat()}).json()["is_gone"] is True
    assert ledger.get("/topics/5/history", params={"at": (FIRST - timedelta(days=1)).isoformat()}).status_code == 404
    assert ledger.get("/topics/77/history").status_code == 404


def test_a_history_comes_in_pages_newest_first(ledger: Tenant) -> None:
    first = ledger.get("/topics/3/history", params={"limit": 1}).json()
    second = ledger.get("/topics/3/history", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    moments = [page["states"][0]["fitted_at"] for page in (first, second)]
    assert moments == sorted(moments, reverse=True)
    assert second["next_cursor"] is None
    assert [one["kind"] for one in first["events"]] == ["new"]


def test_the_ledger_leaves_out_what_was_kept_and_comes_in_pages(ledger: Tenant) -> None:
    kinds, cursor = [], None
    while True:
        page = ledger.get("/topic-events", params={"limit": 1, **({"cursor": cursor} if cursor else {})}).json()
        kinds += [item["kind"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert kinds == ["retired", "new", "new"]
    assert [item["kind"] for item in ledger.get("/topic-events", params={"kind": "kept"}).json()["items"]] == ["kept"]
    assert ledger.get("/topic-events", params={"cursor": "nonsense"}).status_code == 422
