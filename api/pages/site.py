"""Puts the pages on an app: the routes, the files that they load, and errors as pages."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from api.pages import (
    changes,
    deciding,
    episodes,
    findings,
    not_scored,
    notices,
    posts,
    questions,
    queue,
    response,
    sign_in,
    splits,
    topic_orders,
    watching,
    worklist,
)
from api.pages.drawing import asks_for_part, draw, texts_of

PAGE_PATHS = ("/c/", "/sign-in", "/sign-out", "/language", "/static/")

Handler = Callable[[Request, Any], Any]


def add_pages(app: FastAPI) -> None:
    """Add the pages to an app that knows its errors already."""
    app.include_router(sign_in.router)
    parts = (
        queue,
        worklist,
        posts,
        episodes,
        questions,
        deciding,
        not_scored,
        findings,
        changes,
        response,
        topic_orders,
        splits,
        watching,
        notices,
    )
    for part in parts:
        app.include_router(part.router, prefix="/c/{slug}")
    app.mount("/static", StaticFiles(directory=str(files("api.pages") / "static")), name="static")
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _as_page(handler)


def _as_page(handler: Handler) -> Handler:
    """The same error, as a page where the address is one of the pages'."""

    def answer(request: Request, error: Exception) -> Response:
        found: Response = handler(request, error)
        path = request.url.path
        if path != "/" and not path.startswith(PAGE_PATHS):
            return found
        if found.status_code == 401 and request.method == "GET" and not asks_for_part(request):
            address = path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(sign_in.sign_in_address(address), 303)
        return error_page(request, found)

    return answer


def error_page(request: Request, found: Response) -> HTMLResponse:
    """One clear line about an error, and the way on; nothing of what went wrong inside."""
    texts, status = texts_of(request), found.status_code
    known = f"error.{status}" if texts.knows(f"error.{status}") else f"error.{500 if status >= 500 else 400}"
    parts = request.url.path.split("/")
    is_of_community = request.url.path.startswith("/c/") and len(parts) > 2
    page = draw(
        request,
        "error.html.j2",
        texts,
        status=status,
        heading=texts.say(known),
        line=texts.say(f"{known}.line"),
        onward=f"/c/{quote(parts[2])}/queue" if is_of_community else "/",
    )
    if "retry-after" in found.headers:
        page.headers["Retry-After"] = found.headers["retry-after"]
    return page
