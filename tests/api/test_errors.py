from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from api.app import create_app
from api.deps import get_now
from api.errors import STATUS_OF
from models.errors import KlankbordError
from moderation import errors
from moderation.db import Database
from moderation.idempotency import KEPT
from moderation.pipeline import Models
from moderation.tables import IdempotencyRow
from tests.api.conftest import NOW, Tenant, record


def test_an_unknown_path_404(client: TestClient) -> None:
    answer = client.get("/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "Not Found",
        "instance": "/v1/nothing",
    }


def test_an_unknown_method_405(client: TestClient) -> None:
    answer = client.patch("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (405, 405)
    assert answer.headers["Allow"] == "GET"


def test_a_body_that_is_no_json_422(tenant: Tenant) -> None:
    answer = tenant.post("/check", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == ""


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff\xfa", b'{"text": ' + b"9" * 5000 + b"}"])
def test_a_body_that_cannot_be_read_400(tenant: Tenant, body: bytes) -> None:
    answer = tenant.post("/check", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_any_other_body_of_more_than_1_mb_413(tenant: Tenant) -> None:
    assert tenant.post("/check", json={"text": "x" * 1_000_001}).status_code == 413


def test_parameters_at_fault_are_named(tenant: Tenant) -> None:
    answer = tenant.get("/flags", params={"limit": 201, "lane": "x", "since": "2026-01-01T00:00:00"})
    assert answer.status_code == 422
    assert {mistake["parameter"] for mistake in answer.json()["errors"]} == {"limit", "lane", "since"}


@pytest.mark.parametrize("path", ["/flags", "/decisions", "/not-scored"])
@pytest.mark.parametrize("cursor", ["x", "", "W10", "bnVsbA", "WzFd" * 400, "é", "eyJhIjoxfQ", "W251bGwsbnVsbF0"])
def test_a_cursor_from_elsewhere_422(tenant: Tenant, path: str, cursor: str) -> None:
    answer = tenant.get(path, params={"cursor": cursor})
    assert answer.status_code == 422


def test_a_fault_tells_nothing(database: Database, models: Models, new_tenant: Callable[..., Tenant]) -> None:
    app = create_app(database, models)

    def broken() -> None:
        raise ZeroDivisionError("something that somebody wrote")

    app.dependency_overrides[get_now] = broken
    answer = TestClient(app, raise_server_exceptions=False).get(
        new_tenant().base, headers={"Authorization": "Bearer x"}
    )
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "somebody" not in answer.text


def test_no_database_503(models: Models) -> None:
    elsewhere = Database(make_url("postgresql://nobody@127.0.0.1:9/nothing"))
    client = TestClient(create_app(elsewhere, models), raise_server_exceptions=False)
    answer = client.get("/v1/communities/x", headers={"Authorization": "Bearer kb_x"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "nobody" not in answer.text
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    metrics = client.get("/metrics")
    assert metrics.status_code == 200
    assert "klankbord_waiting_posts" not in metrics.text


def test_every_error_that_has_a_status_says_so() -> None:
    """The docstring of an error of the queue names its status; the table must agree."""
    for cls in vars(errors).values():
        if not isinstance(cls, type) or not issubclass(cls, KlankbordError) or cls.__doc__ is None:
            continue
        for status in (401, 403, 404, 409, 429):
            if f"({status})" in cls.__doc__:
                assert STATUS_OF[cls][0] == status, cls


def test_a_write_is_done_once(tenant: Tenant) -> None:
    body, headers = {"posts": [record()]}, {"Idempotency-Key": "k1"}
    first = tenant.post("/posts", json=body, headers=headers)
    again = tenant.post("/posts", json=body, headers=headers)
    assert first.json()["accepted"] == 1
    assert again.json() == first.json()
    assert again.status_code == first.status_code
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


def test_an_answer_without_a_body_is_given_again(tenant: Tenant) -> None:
    tenant.post("/posts", json={"posts": [record()]})
    answers = [tenant.delete("/posts/p1", headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    assert answers[1].headers["Idempotent-Replayed"] == "true"


def test_a_key_for_another_request_422(tenant: Tenant) -> None:
    headers = {"Idempotency-Key": "k1"}
    assert tenant.post("/posts", json={"posts": [record("a")]}, headers=headers).status_code == 200
    others = [
        tenant.post("/posts", json={"posts": [record("b")]}, headers=headers),
        tenant.delete("/posts/a", headers=headers),
        tenant.post("/posts", json={"posts": [record("a")]}, headers={**headers, "Klankbord-Moderator": "Noor"}),
    ]
    assert [answer.status_code for answer in others] == [422] * 3
    assert others[0].json()["type"] == "urn:klankbord:problem:idempotency-key-reused"
    assert tenant.get("/posts/b").status_code == 404


def test_keys_of_two_communities_have_nothing_to_do_with_each_other(new_tenant: Callable[..., Tenant]) -> None:
    for one in (new_tenant(), new_tenant()):
        answer = one.post("/posts", json={"posts": [record()]}, headers={"Idempotency-Key": "k1"})
        assert answer.json()["accepted"] == 1


def test_an_error_is_not_kept(tenant: Tenant) -> None:
    headers = {"Idempotency-Key": "k1"}
    assert tenant.delete("/posts/p1", headers=headers).status_code == 404
    tenant.post("/posts", json={"posts": [record()]})
    assert tenant.delete("/posts/p1", headers=headers).status_code == 204


def test_after_a_day_a_key_is_new(app: FastAPI, tenant: Tenant, database: Database) -> None:
    body, headers = {"posts": [record()]}, {"Idempotency-Key": "k1"}
    tenant.post("/posts", json=body, headers=headers)
    with database.transaction() as session:
        row = session.scalars(select(IdempotencyRow).where(IdempotencyRow.community_id == tenant.community.id)).one()
        row.created_at = NOW - KEPT - timedelta(seconds=1)
    assert tenant.post("/posts", json=body, headers=headers).json()["unchanged"] == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x01b", "é"])
def test_a_key_that_cannot_be_kept_422(tenant: Tenant, key: str) -> None:
    answer = tenant.post("/posts", json={"posts": [record()]}, headers={"Idempotency-Key": key.encode()})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"


def test_of_the_same_write_at_the_same_time_one_is_done(tenant: Tenant) -> None:
    def send(_: int) -> bool:
        answer = tenant.post("/posts", json={"posts": [record()]}, headers={"Idempotency-Key": "k1"})
        assert answer.json()["accepted"] == 1
        return answer.headers.get("Idempotent-Replayed") == "true"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(send, range(8))) == [False] + [True] * 7


@pytest.fixture
def failing_commit(database: Database) -> Iterator[None]:
    """Storing a post of the thread "unlucky" works, and the commit after it does not."""
    made = (
        "CREATE FUNCTION refuse_commit() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the commit fails'; END $$",
        "CREATE CONSTRAINT TRIGGER refuse_commit AFTER INSERT ON posts DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW WHEN (new.thread_id = 'unlucky') EXECUTE FUNCTION refuse_commit()",
    )
    with database.transaction() as session:
        for statement in made:
            session.execute(text(statement))
    yield
    with database.transaction() as session:
        session.execute(text("DROP FUNCTION refuse_commit CASCADE"))


@pytest.mark.usefixtures("failing_commit")
def test_the_answer_comes_after_the_commit(tenant: Tenant) -> None:
    """A commit that fails must not have been answered with 200."""
    answer = tenant.post("/posts", json={"posts": [record("a", thread_id="unlucky")]})
    assert answer.status_code == 500
    assert tenant.get("/posts/a").status_code == 404


def test_the_log_holds_no_text_no_names_and_no_keys(tenant: Tenant) -> None:
    with capture_logs() as lines:
        tenant.post("/posts", json={"posts": [record("p-private", text="what somebody wrote")]})
        tenant.get("/posts/p-private")
        tenant.get("/search", params={"q": "what somebody wrote"})
        tenant.post("/flags/1/claim", headers={"Klankbord-Moderator": "Noor"})
        tenant.client.get("/somebody/wrote")
    assert [(line["event"], line["route"], line["status"]) for line in lines] == [
        ("request", "/v1/communities/{slug}/posts", 200),
        ("request", "/v1/communities/{slug}/posts/{post_id:path}", 200),
        ("request", "/v1/communities/{slug}/search", 200),
        ("request", "/v1/communities/{slug}/flags/{flag_id}/claim", 404),
        ("request", "unknown", 404),
    ]
    assert {line["community_id"] for line in lines[:4]} == {tenant.community.id}
    written = str(lines)
    for private in ("somebody", "p-private", "Noor", tenant.community.slug, *tenant.tokens.values()):
        assert private not in written
