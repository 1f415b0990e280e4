from collections.abc import Callable
from datetime import datetime, timedelta

from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.routes.health import WORKER_GONE
from tests.api.conftest import NOW, Tenant, record

SeenAt = Callable[[datetime], None]


def test_the_process_is_alive(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}


def test_without_a_worker_it_is_not_ready_503(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "no worker" in answer.json()["detail"]


def test_a_worker_that_went_silent_is_none_503(client: TestClient, worker_seen: SeenAt) -> None:
    worker_seen(NOW - WORKER_GONE)
    assert client.get("/readyz").status_code == 200
    worker_seen(NOW - WORKER_GONE - timedelta(seconds=1))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["worker_seen_seconds"]) == (503, 61.0)


def test_it_is_ready_and_says_what_waits(client: TestClient, tenant: Tenant, worker_seen: SeenAt) -> None:
    worker_seen(NOW)
    tenant.post("/posts", json={"posts": [record()]})
    found = client.get("/readyz").json()
    assert found["status"] == "ready"
    assert found["model_version"] == client.app.state.service.models.version  # type: ignore[attr-defined]
    assert found["waiting_posts"] >= 1
    assert found["oldest_waiting_seconds"] >= 0
    assert found["oldest_job_seconds"] >= 0


def test_the_figures_name_nobody(client: TestClient, tenant: Tenant) -> None:
    tenant.post("/posts", json={"posts": [record("p-private", text="what somebody wrote")]})
    tenant.get("/posts/p-private")
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    for private in (tenant.community.slug, "p-private", "somebody"):
        assert private not in answer.text
    for name in (
        'klankbord_requests_total{method="POST",route="/v1/communities/{slug}/posts",status="200"}',
        "klankbord_request_seconds_bucket",
        'klankbord_posts_total{status="accepted"}',
        "klankbord_waiting_posts",
        "klankbord_oldest_waiting_seconds",
        "klankbord_oldest_job_seconds",
        "klankbord_failed_jobs",
        'klankbord_open_flags{lane="answer"}',
    ):
        assert name in answer.text


def test_unknown_paths_make_one_counter(app: FastAPI, client: TestClient) -> None:
    for n in range(3):
        client.get(f"/made/up/{n}")
    assert "/made/up" not in client.get("/metrics").text
    sample = {"method": "GET", "route": "unknown", "status": "404"}
    assert app.state.service.metrics.registry.get_sample_value("klankbord_requests_total", sample) >= 3
