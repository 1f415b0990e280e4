"""What happens to every request: a limit on its body, one line in the log, one count."""

from collections.abc import MutableMapping
from time import perf_counter
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics

MAX_BYTES_OF_POSTS = 20_000_000
MAX_BYTES = 1_000_000

log = structlog.get_logger()


class BodyLimit:
    """Stops reading a body that is too large: 20 MB of posts, 1 MB of anything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - the protocol of ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        max_bytes = MAX_BYTES_OF_POSTS if scope["path"].endswith("/posts") else MAX_BYTES
        announced = Headers(scope=scope).get("content-length", "")
        n_bytes = int(announced) if announced.isdecimal() else 0

        async def receive_within_limit() -> Message:
            nonlocal n_bytes
            message = await receive() if n_bytes <= max_bytes else {"type": "http.request"}
            if not announced:
                n_bytes += len(message.get("body", b""))
            if n_bytes > max_bytes:
                raise HTTPException(413, f"the body is larger than {max_bytes:,} bytes; send it in parts")
            return message

        await self._app(scope, receive_within_limit, send)


class RequestLog:
    """Counts each request and writes one line about it, with nothing that anybody wrote or is called."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - the protocol of ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = perf_counter(), 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            self._note(scope, status, perf_counter() - start)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # A path that no route knows could hold anything, and would make a counter of its own.
        route = _template(scope)
        self._metrics.requests.labels(scope["method"], route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        state: MutableMapping[str, Any] = scope.get("state", {})
        log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            community_id=state.get("community_id"),
        )


def _template(scope: Scope) -> str:
    route = scope.get("route")
    return "unknown" if route is None else str(route.path)
