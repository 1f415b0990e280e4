"""Whether the service is alive, ready, and how busy."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.deps import Now, Service, ServiceParts
from api.errors import problem
from api.schemas.problem import problem_response
from moderation.health import Health, read_health

router = APIRouter(tags=["Health"])

WORKER_GONE = timedelta(seconds=60)
"""Workers give a sign of life every five seconds; one that is busy with a big batch may miss some."""

log = structlog.get_logger()


class Alive(BaseModel):
    """The process answers."""

    status: str = Field(examples=["alive"])


class Ready(BaseModel):
    """The database answers, the models are loaded and a worker is at work."""

    status: str = Field(examples=["ready"])
    model_version: str
    worker_seen_seconds: float = Field(description="Since the last sign of life of any worker.")
    waiting_posts: int
    oldest_waiting_seconds: float | None = Field(description="Of the posts that wait for scores; null = none waits.")
    oldest_job_seconds: float | None = Field(description="Of the jobs that wait; null = none waits.")


@router.get("/healthz", summary="Is the process alive?")
def read_alive() -> Alive:
    """Says nothing about the database; for that there is `/readyz`."""
    return Alive(status="alive")


@router.get("/readyz", summary="Can it work?", response_model=Ready, responses={503: problem_response(503)})
def read_ready(request: Request, service: ServiceParts, now: Now) -> Response:
    """503 with the reason when the database does not answer or no worker is at work."""
    health = _health(service)
    if health is None:
        return _not_ready(request, "the database does not answer", {})
    figures = {
        "model_version": service.models.version,
        "worker_seen_seconds": _seconds(health.worker_seen_at, now),
        "waiting_posts": health.backlog.n_waiting_posts,
        "oldest_waiting_seconds": _seconds(health.backlog.oldest_waiting_at, now),
        "oldest_job_seconds": _seconds(health.backlog.oldest_job_at, now),
    }
    if health.worker_seen_at is None or now - health.worker_seen_at > WORKER_GONE:
        return _not_ready(request, "no worker is at work; start one with klankbord worker", figures)
    return JSONResponse({"status": "ready", **figures})


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text."}},
)
def read_metrics(service: ServiceParts, now: Now) -> Response:
    """Requests, posts, what waits, open flags by lane, failed jobs; over all communities together, naming none."""
    return Response(service.metrics.render(_health(service), now=now), media_type="text/plain; version=0.0.4")


def _health(service: Service) -> Health | None:
    """None = the database does not answer."""
    try:
        with service.database.transaction() as session:
            return read_health(session)
    except SQLAlchemyError as error:
        log.warning("database unavailable", kind=type(error).__name__)
        return None


def _not_ready(request: Request, reason: str, figures: dict[str, Any]) -> Response:
    return problem(request, 503, "Not ready", reason, kind="not-ready", more=figures, headers={"Retry-After": "5"})


def _seconds(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else round(max(0.0, (now - since).total_seconds()), 3)
