from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from api.deps import get_now
from api.routes.live import get_stream_seconds
from models.encoder import Encoder
from models.heads import HeadSet
from moderation.accounts import SCOPES_THAT_MAY, Scope, create_key
from moderation.communities import save_community
from moderation.config import Community
from moderation.db import Database
from moderation.pipeline import Models
from moderation.tables import CommunityRow

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Tenant:
    """A community of its own with a key of every scope; what a test commits stays, and is nobody else's."""

    client: TestClient
    community: CommunityRow
    tokens: dict[str, str]

    @property
    def base(self) -> str:
        return f"/v1/communities/{self.community.slug}"

    def call(self, method: str, path: str, *, scope: str = "admin", headers: Any = None, **request: Any) -> Any:
        sent = {"Authorization": f"Bearer {self.tokens[scope]}", **(headers or {})}
        return self.client.request(method, self.base + path, headers=sent, **request)

    def get(self, path: str, **request: Any) -> Any:
        return self.call("GET", path, **request)

    def post(self, path: str, **request: Any) -> Any:
        return self.call("POST", path, **request)

    def delete(self, path: str, **request: Any) -> Any:
        return self.call("DELETE", path, **request)


def record(post_id: str = "p1", **fields: Any) -> dict[str, Any]:
    known = {"id": post_id, "thread_id": "t1", "created_at": "2026-11-20T09:30:00+01:00", "text": f"words of {post_id}"}
    return {**known, **fields}


@pytest.fixture(scope="session")
def models(encoder: Encoder, shipped_heads: HeadSet) -> Models:
    return Models(encoder, shipped_heads)


@pytest.fixture(scope="session")
def app(database: Database, models: Models) -> FastAPI:
    app = create_app(database, models)
    app.dependency_overrides[get_now] = lambda: NOW
    app.dependency_overrides[get_stream_seconds] = lambda: 0.0
    return app


@pytest.fixture(scope="session")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def new_tenant(client: TestClient, database: Database) -> Callable[..., Tenant]:
    def make(**settings: Any) -> Tenant:
        scopes: list[Scope] = list(SCOPES_THAT_MAY)
        with database.transaction() as session:
            community = save_community(session, f"api-{uuid4().hex[:12]}", Community(**settings))
            tokens = {
                scope: create_key(session, community.id, name=f"{scope} key", scope=scope).token for scope in scopes
            }
        return Tenant(client, community, {str(scope): token for scope, token in tokens.items()})

    return make


@pytest.fixture
def tenant(new_tenant: Callable[..., Tenant]) -> Tenant:
    return new_tenant(name="Proef", staff=("s1",), spaces=({"slug": "punten", "name": "Punten"},))


@pytest.fixture
def worker_seen(database: Database) -> Iterator[Callable[[datetime], None]]:
    """Says when the only worker gave its last sign of life."""

    def seen(at: datetime) -> None:
        with database.transaction() as session:
            session.execute(text("DELETE FROM procrastinate_workers"))
            session.execute(text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (:at)"), {"at": at})

    yield seen
    with database.transaction() as session:
        session.execute(text("DELETE FROM procrastinate_workers"))
