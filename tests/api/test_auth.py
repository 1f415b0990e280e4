import hashlib
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from httpx2 import Response

from api.auth import SCHEME
from moderation.accounts import SCOPES_THAT_MAY, create_key, revoke_key
from moderation.db import Database
from moderation.tables import ApiKeyRow, ModeratorRow
from tests.api.conftest import NOW, Tenant

C = "/v1/communities/{slug}"
SCOPE_OF_ROUTE = {
    ("GET", C): "read",
    ("PUT", C): "admin",
    ("POST", f"{C}/posts"): "ingest",
    ("GET", f"{C}/posts/{{post_id}}"): "read",
    ("DELETE", f"{C}/posts/{{post_id}}"): "ingest",
    ("POST", f"{C}/posts/{{post_id}}/recover"): "ingest",
    ("POST", f"{C}/check"): "read",
    ("GET", f"{C}/flags"): "read",
    ("POST", f"{C}/flags/{{flag_id}}/claim"): "moderate",
    ("DELETE", f"{C}/flags/{{flag_id}}/claim"): "moderate",
    ("POST", f"{C}/flags/{{flag_id}}/decisions"): "moderate",
    ("POST", f"{C}/decisions"): "moderate",
    ("GET", f"{C}/decisions"): "read",
    ("GET", f"{C}/not-scored"): "read",
    ("GET", f"{C}/topics"): "read",
    ("GET", f"{C}/topics/{{topic_id}}"): "read",
    ("GET", f"{C}/topics/{{topic_id}}/history"): "read",
    ("POST", f"{C}/topics/{{topic_id}}/rename"): "moderate",
    ("POST", f"{C}/topics/{{topic_id}}/merge"): "moderate",
    ("POST", f"{C}/topics/{{topic_id}}/pin"): "moderate",
    ("POST", f"{C}/topics/{{topic_id}}/unpin"): "moderate",
    ("POST", f"{C}/topics/{{topic_id}}/keep-apart"): "moderate",
    ("GET", f"{C}/topic-events"): "read",
    ("GET", f"{C}/topic-orders"): "read",
    ("POST", f"{C}/topic-orders/{{order_id}}/undo"): "moderate",
    ("GET", f"{C}/proposals"): "read",
    ("GET", f"{C}/proposals/{{proposal_id}}"): "read",
    ("POST", f"{C}/proposals/{{proposal_id}}/decision"): "moderate",
    ("GET", f"{C}/drift"): "read",
    ("GET", f"{C}/splits"): "read",
    ("GET", f"{C}/faq"): "read",
    ("GET", f"{C}/ideas"): "read",
    ("GET", f"{C}/alarms"): "read",
    ("GET", f"{C}/digest"): "read",
    ("GET", f"{C}/digest/recipients"): "admin",
    ("POST", f"{C}/digest/recipients"): "admin",
    ("DELETE", f"{C}/digest/recipients/{{address}}"): "admin",
    ("GET", f"{C}/webhooks"): "admin",
    ("POST", f"{C}/webhooks"): "admin",
    ("DELETE", f"{C}/webhooks/{{webhook_id}}"): "admin",
    ("POST", f"{C}/webhooks/{{webhook_id}}/test"): "admin",
    ("POST", f"{C}/webhooks/{{webhook_id}}/secret"): "admin",
    ("POST", f"{C}/webhooks/{{webhook_id}}/enable"): "admin",
    ("GET", f"{C}/webhooks/{{webhook_id}}/deliveries"): "admin",
    ("GET", f"{C}/response-times"): "read",
    ("GET", f"{C}/expected-reply-time"): "read",
    ("GET", f"{C}/episodes"): "read",
    ("GET", f"{C}/episodes/{{episode_id}}"): "read",
    ("POST", f"{C}/episodes/{{episode_id}}/corrections"): "moderate",
    ("GET", f"{C}/worklist"): "read",
    ("GET", f"{C}/members"): "read",
    ("GET", f"{C}/members/{{author_id}}"): "read",
    ("DELETE", f"{C}/members/{{author_id}}"): "admin",
    ("GET", f"{C}/left-out"): "admin",
    ("PUT", f"{C}/left-out/{{author_id}}"): "admin",
    ("DELETE", f"{C}/left-out/{{author_id}}"): "admin",
    ("GET", f"{C}/search"): "read",
    ("GET", f"{C}/events"): "read",
}
WITHOUT_KEY = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics")}
BODIES = {
    ("PUT", C): {"name": "Proef"},
    ("POST", f"{C}/posts"): {"posts": []},
    ("POST", f"{C}/check"): {"text": ""},
    ("POST", f"{C}/topics/{{topic_id}}/rename"): {"name": "Zuurdesem"},
    ("POST", f"{C}/topics/{{topic_id}}/merge"): {"into": 2},
    ("POST", f"{C}/topics/{{topic_id}}/keep-apart"): {"other": 2},
    ("POST", f"{C}/episodes/{{episode_id}}/corrections"): {"action": "no_episode"},
    ("POST", f"{C}/proposals/{{proposal_id}}/decision"): {"decision": "decline"},
    ("POST", f"{C}/webhooks"): {"url": "https://example.org/"},
    ("POST", f"{C}/digest/recipients"): {"address": "noor@example.org"},
    ("POST", f"{C}/flags/{{flag_id}}/decisions"): {"action": "agree", "revision": 1},
    ("POST", f"{C}/decisions"): {"action": "agree", "note": "n", "items": [{"flag_id": 1, "revision": 1}]},
}
EVERY_ROUTE = pytest.mark.parametrize(("method", "path"), list(SCOPE_OF_ROUTE))


def call(client: TestClient, method: str, path: str, slug: str, authorization: str | bytes | None) -> Response:
    url = re.sub(r"\{\w+\}", "1", path.replace("{slug}", slug))
    headers = {} if authorization is None else {"Authorization": authorization}
    return client.request(method, url, headers=headers, params={"q": "x"}, json=BODIES.get((method, path)))


def test_the_table_names_every_route(app: FastAPI) -> None:
    documented = {
        (method.upper(), path): operation.get("security")
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    }
    expected = {route: [{SCHEME: [scope]}] for route, scope in SCOPE_OF_ROUTE.items()}
    assert documented == {**expected, **dict.fromkeys(WITHOUT_KEY)}


def test_no_route_of_the_api_is_undocumented(app: FastAPI) -> None:
    served = {
        (method, re.sub(r":path\}", "}", context.path or ""))
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ()
    }
    of_api = {(method, path) for method, path in served if path.startswith("/v1")}
    assert of_api == set(SCOPE_OF_ROUTE)


@EVERY_ROUTE
def test_without_a_key_that_works_401(tenant: Tenant, method: str, path: str) -> None:
    for sent in (
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer kb_unknown",
        b"Basic a2I6eA==",
        b"kb_unknown",
        b"Bearer \xe9",
    ):
        answer = call(tenant.client, method, path, tenant.community.slug, sent)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:klankbord:problem:key-refused"


@EVERY_ROUTE
def test_a_key_that_works_no_more_401(tenant: Tenant, database: Database, method: str, path: str) -> None:
    with database.transaction() as session:
        community_id, past = tenant.community.id, NOW - timedelta(seconds=1)
        expired = create_key(session, community_id, name="old", scope="admin", expires_at=past)
        revoked = create_key(session, community_id, name="lost", scope="admin")
        revoke_key(session, community_id, revoked.row.id, at=NOW)
    for why, key in (("expired", expired), ("revoked", revoked)):
        answer = call(tenant.client, method, path, tenant.community.slug, f"Bearer {key.token}")
        assert answer.status_code == 401
        assert why in answer.json()["detail"]


@EVERY_ROUTE
def test_a_scope_that_is_too_small_403(tenant: Tenant, method: str, path: str) -> None:
    allowed = SCOPES_THAT_MAY[SCOPE_OF_ROUTE[method, path]]  # type: ignore[index]
    for scope in set(SCOPES_THAT_MAY) - allowed:
        answer = call(tenant.client, method, path, tenant.community.slug, f"Bearer {tenant.tokens[scope]}")
        assert answer.status_code == 403
        assert answer.json()["scope"] == scope
        assert answer.json()["needed"] == sorted(allowed)


@EVERY_ROUTE
def test_a_key_of_another_community_404(
    tenant: Tenant, new_tenant: Callable[..., Tenant], method: str, path: str
) -> None:
    other = new_tenant()
    refused = [
        call(tenant.client, method, path, slug, f"Bearer {other.tokens['admin']}")
        for slug in (tenant.community.slug, "no-such-community", "%00", "%ED%A0%80")
    ]
    assert {answer.status_code for answer in refused} == {404}
    # Whether the community exists cannot be told from the answer.
    assert len({(answer.json()["title"], answer.json()["detail"]) for answer in refused}) == 1


@EVERY_ROUTE
def test_every_scope_that_may_gets_in(tenant: Tenant, method: str, path: str) -> None:
    for scope in SCOPES_THAT_MAY[SCOPE_OF_ROUTE[method, path]]:  # type: ignore[index]
        answer = call(tenant.client, method, path, tenant.community.slug, f"Bearer {tenant.tokens[scope]}")
        assert answer.status_code not in {401, 403, 405, 500}


@pytest.mark.parametrize(("method", "path"), sorted(WITHOUT_KEY))
def test_health_needs_no_key(client: TestClient, method: str, path: str) -> None:
    assert client.request(method, path).status_code in {200, 503}


def test_a_key_is_refused_before_its_body_is_looked_at(tenant: Tenant) -> None:
    answer = tenant.client.post(f"{tenant.base}/posts", content=b"{", headers={"Authorization": "Bearer kb_x"})
    assert answer.status_code == 401


def test_keys_are_stored_as_hashes(tenant: Tenant, database: Database) -> None:
    with database.transaction() as session:
        stored = {row.key_hash for row in session.query(ApiKeyRow).filter_by(community_id=tenant.community.id)}
    assert stored == {hashlib.sha256(token.encode()).hexdigest() for token in tenant.tokens.values()}


@pytest.mark.parametrize("name", ["Zoë", "Noor"])
def test_a_request_acts_for_the_moderator_it_names(tenant: Tenant, database: Database, name: str) -> None:
    tenant.post("/flags/1/claim", scope="moderate", headers={"Klankbord-Moderator": name.encode()})
    answer = tenant.post(
        "/decisions",
        scope="moderate",
        json=BODIES["POST", f"{C}/decisions"],
        headers={"Klankbord-Moderator": name.encode()},
    )
    assert answer.status_code == 200
    with database.transaction() as session:
        names = {row.name for row in session.query(ModeratorRow).filter_by(community_id=tenant.community.id)}
    assert names == {name}


@pytest.mark.parametrize("name", [b" ", b"x" * 101, b"a\x1fb", b"\x7f"])
def test_a_moderator_without_a_usable_name_422(tenant: Tenant, name: bytes) -> None:
    answer = tenant.post("/flags/1/claim", scope="moderate", headers={"Klankbord-Moderator": name})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:klankbord:problem:name-invalid"


def test_a_disabled_moderator_403(tenant: Tenant, database: Database) -> None:
    with database.transaction() as session:
        session.add(ModeratorRow(community_id=tenant.community.id, name="Noor", disabled_at=NOW))
    answer = tenant.post("/flags/1/claim", scope="moderate", headers={"Klankbord-Moderator": "Noor"})
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:klankbord:problem:moderator-disabled"
