import json
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select, text

from moderation.db import Database
from moderation.tables import FlagRow, PostRow, ScoreRow
from tests.api.conftest import NOW, Tenant, record


def stored(database: Database, tenant: Tenant) -> dict[str, PostRow]:
    with database.transaction() as session:
        rows = session.scalars(select(PostRow).where(PostRow.community_id == tenant.community.id))
        return {row.id: row for row in rows}


def n_jobs(database: Database, tenant: Tenant) -> int:
    mine = text("SELECT count(*) FROM procrastinate_jobs WHERE (args ->> 'community_id')::bigint = :id")
    with database.transaction() as session:
        return session.execute(mine, {"id": tenant.community.id}).scalar_one()


def scored(database: Database, tenant: Tenant, post_id: str, *, model_version: str, **fields: Any) -> None:
    with database.transaction() as session:
        post = session.get_one(PostRow, (tenant.community.id, post_id))
        post.waiting_since = None
        known = {"language": "nl", "n_words": 3, "signals": [0.5, None, 0.1, 0.2, 0.3, 0.4, 0.0, 1.0]}
        session.add(
            ScoreRow(
                community_id=tenant.community.id,
                post_id=post_id,
                model_version=model_version,
                words_hash=post.words_hash,
                **{**known, **fields},
            )
        )


def test_unknown_posts_404(tenant: Tenant) -> None:
    for answer in (tenant.get("/posts/p9"), tenant.delete("/posts/p9"), tenant.post("/posts/p9/recover")):
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:klankbord:problem:post-unknown"


def test_a_post_is_stored_with_its_job(tenant: Tenant, database: Database) -> None:
    answer = tenant.post("/posts", scope="ingest", json={"posts": [record()]})
    assert answer.status_code == 200
    assert answer.json() == {
        "accepted": 1,
        "unchanged": 0,
        "rejected": 0,
        "posts": [{"index": 0, "id": "p1", "status": "accepted", "pointer": None, "reason": None}],
    }
    assert stored(database, tenant)["p1"].waiting_since == NOW
    assert n_jobs(database, tenant) == 1


def test_the_same_post_again_is_unchanged(tenant: Tenant, database: Database) -> None:
    for expected in ("accepted", "unchanged"):
        answer = tenant.post("/posts", json={"posts": [record()]})
        assert answer.json()["posts"][0]["status"] == expected
    assert n_jobs(database, tenant) == 1


def test_one_bad_post_does_not_refuse_the_others(tenant: Tenant, database: Database) -> None:
    """Coop refuses a whole batch for one item."""
    answer = tenant.post("/posts", json={"posts": [record("a"), {"id": "b"}, 7, record("c", created_at="yesterday")]})
    assert answer.status_code == 200
    found = [(one["index"], one["id"], one["status"], one["pointer"]) for one in answer.json()["posts"]]
    assert found == [
        (0, "a", "accepted", None),
        (1, "b", "rejected", "/posts/1/thread_id"),
        (2, None, "rejected", "/posts/2"),
        (3, "c", "rejected", "/posts/3/created_at"),
    ]
    assert set(stored(database, tenant)) == {"a"}


def test_private_posts_are_not_stored(tenant: Tenant, database: Database) -> None:
    answer = tenant.post("/posts", json={"posts": [record(kind="private")]})
    assert answer.json()["posts"][0]["pointer"] == "/posts/0/kind"
    assert stored(database, tenant) == {}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"{", ""),
        (b"\xff\xfe\xfa", ""),
        (b"[]", ""),
        (b"null", ""),
        (b"[" * 100_000, ""),
        (b'{"a":' * 100_000, ""),
        (b'{"posts": ' + b"9" * 5000 + b"}", ""),
        (b"{}", "/posts"),
        (b'{"posts": {}}', "/posts"),
        (b'{"posts": []}', "/posts"),
        (json.dumps({"posts": [1] * 1001}).encode(), "/posts"),
    ],
)
def test_a_body_that_holds_no_posts_422(tenant: Tenant, body: bytes, pointer: str) -> None:
    answer = tenant.post("/posts", content=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    (mistake,) = answer.json()["errors"]
    assert mistake["pointer"] == pointer


@pytest.mark.parametrize("streamed", [False, True])
def test_a_body_of_more_than_20_mb_413(tenant: Tenant, streamed: bool) -> None:
    body = b" " * 20_000_001
    content = iter([body[:10_000_000], body[10_000_000:]]) if streamed else body
    answer = tenant.post("/posts", content=content)
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert tenant.post("/posts", content=body[:-1]).status_code == 422


@pytest.mark.parametrize("broken", ["a\x00b", "\ud800", "\x00"])
def test_ids_that_cannot_be_stored_do_no_harm(tenant: Tenant, broken: str) -> None:
    records = [record(broken), {"id": broken}, record("b", thread_id=broken), record("c", text=broken, title=broken)]
    answer = tenant.post("/posts", content=json.dumps({"posts": records}), headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 200
    assert [one["status"] for one in answer.json()["posts"]][3] == "accepted"


def test_numbers_that_cannot_be_stored_do_no_harm(tenant: Tenant) -> None:
    body = json.dumps({"posts": [record("a", likes=10**300, author_id=10**30), record("b", likes=0)]})
    answer = tenant.post("/posts", content=body.replace('"likes": 0', '"likes": Infinity'))
    assert [one["status"] for one in answer.json()["posts"]] == ["accepted", "accepted"]


def test_the_newest_version_wins_whatever_the_order(tenant: Tenant) -> None:
    """The same webhook five times and out of order."""
    versions = [record(text=f"version {n}", updated_at=f"2026-11-20T10:0{n}:00Z") for n in (1, 3, 2, 3, 1)]
    for version in versions:
        assert tenant.post("/posts", json={"posts": [version]}).status_code == 200
    found = tenant.get("/posts/p1").json()
    assert (found["text"], found["revision"]) == ("version 3", 2)


def test_a_late_edit_does_not_bring_a_deleted_post_back(tenant: Tenant) -> None:
    tenant.post("/posts", json={"posts": [record()]})
    assert tenant.delete("/posts/p1").status_code == 204
    tenant.post("/posts", json={"posts": [record(text="edited", updated_at="2026-11-20T11:00:00Z")]})
    found = tenant.get("/posts/p1").json()
    assert (found["state"], found["deleted_at"], found["text"]) == ("deleted", "2026-11-20T12:00:00Z", None)


def test_a_second_deletion_changes_nothing(tenant: Tenant) -> None:
    tenant.post("/posts", json={"posts": [record()]})
    answers = [tenant.delete("/posts/p1") for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2


def test_a_recovered_post_is_judged_anew(tenant: Tenant, database: Database) -> None:
    tenant.post("/posts", json={"posts": [record()]})
    tenant.delete("/posts/p1")
    answer = tenant.post("/posts/p1/recover", scope="ingest")
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["text"]) == ("waiting", "words of p1")
    assert n_jobs(database, tenant) == 3  # stored, deleted, recovered


def test_a_deletion_takes_the_post_out_of_the_queue(tenant: Tenant, database: Database) -> None:
    tenant.post("/posts", json={"posts": [record()]})
    with database.transaction() as session:
        session.add(
            FlagRow(
                community_id=tenant.community.id,
                post_id="p1",
                thread_id="t1",
                revision=1,
                model_version="m",
                reasons=[],
                lanes=[],
                priority=1.0,
                priority_parts={},
            )
        )
    tenant.delete("/posts/p1")
    with database.transaction() as session:
        row = session.scalars(select(FlagRow).where(FlagRow.community_id == tenant.community.id)).one()
        assert (row.status, row.closed_reason) == ("closed", "deleted")


@pytest.mark.parametrize("post_id", ["a/b", "https://forum.example/t/1?p=2", "één twee", "recover", "x/recover"])
def test_ids_with_signs_of_their_own_are_found(tenant: Tenant, post_id: str) -> None:
    tenant.post("/posts", json={"posts": [record(post_id)]})
    address = f"/posts/{quote(post_id, safe='')}"
    assert tenant.get(address).json()["id"] == post_id
    assert tenant.delete(address).status_code == 204
    assert tenant.post(f"{address}/recover").json()["id"] == post_id


@pytest.mark.parametrize("post_id", ["%00", "a%00b"])
def test_ids_that_cannot_be_asked_for_422(tenant: Tenant, post_id: str) -> None:
    for answer in (tenant.get(f"/posts/{post_id}"), tenant.delete(f"/posts/{post_id}")):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["parameter"] == "post_id"


def test_a_post_shows_what_was_read_in_it(tenant: Tenant, database: Database) -> None:
    tenant.post("/posts", json={"posts": [record()]})
    assert tenant.get("/posts/p1").json()["state"] == "waiting"
    scored(database, tenant, "p1", model_version=tenant.client.app.state.service.models.version, topic_id=3)
    found = tenant.get("/posts/p1", scope="read").json()
    assert found["state"] == "scored"
    assert found["scores"]["signals"]["negative"] == 0.5
    assert found["scores"]["signals"]["negative_wom"] is None
    assert found["scores"]["topic_id"] == 3


def test_scores_of_older_words_or_models_are_not_shown(tenant: Tenant, database: Database) -> None:
    tenant.post("/posts", json={"posts": [record("a"), record("b")]})
    scored(database, tenant, "a", model_version="an older model")
    scored(database, tenant, "b", model_version=tenant.client.app.state.service.models.version)
    tenant.post("/posts", json={"posts": [record("b", text="other words")]})
    assert [tenant.get(f"/posts/{post_id}").json()["state"] for post_id in "ab"] == ["waiting", "waiting"]


def test_a_post_that_could_not_be_scored_says_so(tenant: Tenant, database: Database) -> None:
    """A scorer that fails leaves a post that people see, never one that looks clean."""
    tenant.post("/posts", json={"posts": [record()]})
    with database.transaction() as session:
        post = session.get_one(PostRow, (tenant.community.id, "p1"))
        post.not_scored_reason, post.waiting_since = "ModelFileDamaged", None
    found = tenant.get("/posts/p1").json()
    assert (found["state"], found["not_scored_reason"], found["scores"]) == ("not scored", "ModelFileDamaged", None)
    (listed,) = tenant.get("/not-scored").json()["items"]
    assert (listed["post_id"], listed["reason"]) == ("p1", "ModelFileDamaged")


def test_posts_that_wait_long_are_listed_page_by_page(tenant: Tenant, database: Database) -> None:
    tenant.post("/posts", json={"posts": [record(f"p{n}") for n in range(5)]})
    assert tenant.get("/not-scored").json() == {"items": [], "next_cursor": None}
    with database.transaction() as session:
        session.execute(
            text("UPDATE posts SET waiting_since = waiting_since - interval '11 minutes' WHERE community_id = :id"),
            {"id": tenant.community.id},
        )
    found, cursor = [], None
    while True:
        page = tenant.get("/not-scored", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        found += [item["post_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == [f"p{n}" for n in range(5)]


def test_posts_are_counted(tenant: Tenant) -> None:
    registry: CollectorRegistry = tenant.client.app.state.service.metrics.registry

    def accepted() -> float:
        return registry.get_sample_value("klankbord_posts_total", {"status": "accepted"}) or 0.0

    before = accepted()
    tenant.post("/posts", json={"posts": [record("a"), record("b")]})
    assert accepted() == before + 2


def test_whole_batches_of_a_thousand(tenant: Tenant, database: Database) -> None:
    answer = tenant.post("/posts", json={"posts": [record(f"p{n}") for n in range(1000)]})
    assert answer.json()["accepted"] == 1000
    with database.transaction() as session:
        mine = PostRow.community_id == tenant.community.id
        assert session.scalar(select(func.count()).select_from(PostRow).where(mine)) == 1000
