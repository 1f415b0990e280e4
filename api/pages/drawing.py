"""Draws the pages: templates, the texts they use, and the headers that every page carries."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from api.pages.texts import LANGUAGE_COOKIE, PAGE_LANGUAGES, Texts, texts_for

_TEMPLATES = Environment(
    loader=PackageLoader("api.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_HTMX_SETTINGS = {
    "includeIndicatorStyles": False,
    "allowEval": False,
    "historyEnabled": False,
    "selfRequestsOnly": True,
    # A refusal is shown in its place; any other failure leaves the page as it is and says one line.
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "409|422", "swap": True},
        {"code": "[45]..", "swap": False, "error": True},
    ],
}
_TEMPLATES.globals["htmx_settings"] = json.dumps(_HTMX_SETTINGS)

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def texts_of(request: Request) -> Texts:
    """The texts of somebody who has not signed in: as chosen before, else as the browser asks for."""
    asked = request.headers.get("accept-language", "")[:2].lower()
    return texts_for(request.cookies.get(LANGUAGE_COOKIE), [asked])


def draw(
    request: Request, template: str, texts: Texts, *, status: int = 200, visitor: object = None, **contents: Any
) -> HTMLResponse:
    """A whole page.

    Parameters
    ----------
    visitor : who is signed in, for the top of the page; None = nobody.
    """
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    around = {
        "path": path if request.method == "GET" else "/",
        "other_languages": [language for language in PAGE_LANGUAGES if language != texts.language],
        "here": contents.pop("here", None),
    }
    html = draw_part(template, texts, visitor=visitor, **around, **contents)
    return HTMLResponse(html, status, headers=dict(SECURITY_HEADERS))


def draw_part(template: str, texts: Texts, **contents: Any) -> Markup:
    """A part of a page; whatever members wrote is escaped."""
    spoken = {"language": texts.language, "say": texts.say, "count": texts.count}
    return Markup(_TEMPLATES.get_template(template).render(**spoken, **contents))


def answer_part(html: str, *, status: int = 200) -> HTMLResponse:
    """A part of a page for the script that asked for it."""
    return HTMLResponse(html, status, headers=dict(SECURITY_HEADERS))


def asks_for_part(request: Request) -> bool:
    """Whether the page's script asks, and wants the changed part only."""
    return request.headers.get("hx-request") == "true"
