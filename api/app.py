"""The service over HTTP: the API under /v1, the pages, and what those who run it ask."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.deps import Service
from api.errors import install_handlers
from api.middleware import BodyLimit, RequestLog
from api.pages.site import add_pages
from api.routes import (
    communities,
    episodes,
    findings,
    flags,
    health,
    live,
    members,
    notices,
    posts,
    proposals,
    topics,
    webhooks,
)
from api.schemas.problem import Problem
from moderation.db import Database
from moderation.pipeline import Models
from moderation.settings import Settings

VERSION = "1"
DESCRIPTION = """
Community moderation and relevance. Send posts, work the queue, read the reports.

Every call needs a key of its community: `Authorization: Bearer kb_...`. The scopes are `ingest`, `read`, `moderate`
(includes `read`) and `admin` (everything of its community); each endpoint names the one it needs. A key of another
community gets 404. Errors are problem details (RFC 9457). Lists come in pages: pass `next_cursor` on as `cursor`.
Writes take an `Idempotency-Key`.
"""


def create_app(database: Database, models: Models, settings: Settings | None = None) -> FastAPI:
    """The web application over an open database and loaded models; whoever opened them closes them.

    Parameters
    ----------
    settings : None = read from the environment.
    """
    service = Service(database, models, settings or Settings())
    # The pages about the API that FastAPI brings load scripts from elsewhere.
    app = FastAPI(
        title="Klankbord",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    install_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestLog, metrics=service.metrics)
    for part in (
        communities,
        posts,
        flags,
        findings,
        members,
        episodes,
        topics,
        proposals,
        live,
        health,
        notices,
        webhooks,
    ):
        app.include_router(part.router)
    add_pages(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The description of the API, with the shape of a problem, which no endpoint returns by itself."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts = schema["components"]["schemas"]
        parts |= problem.pop("$defs") | {"Problem": problem}
        for unused in ("HTTPValidationError", "ValidationError"):
            parts.pop(unused, None)
        app.openapi_schema = schema
    return app.openapi_schema
