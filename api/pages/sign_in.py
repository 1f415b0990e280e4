"""Signing in and out, and the language of the pages."""

import secrets
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Cookie, Form, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.deps import Now, ServiceParts, Transaction
from api.pages.drawing import draw, texts_of
from api.pages.texts import LANGUAGE_COOKIE, PAGE_LANGUAGES
from api.pages.visitor import SESSION_COOKIE, is_from_elsewhere, is_same
from moderation.accounts import moderator_of_cookie, sign_in, sign_out
from moderation.errors import SignInRefused, TooManySignIns
from moderation.tables import CommunityRow

FORM_COOKIE = "klankbord_form"
YEAR_SECONDS = 365 * 86_400
_NOBODYS_COMMUNITY = 0

router = APIRouter(include_in_schema=False)


@router.get("/")
def start(
    session: Transaction, now: Now, token: Annotated[str | None, Cookie(alias=SESSION_COOKIE)] = None
) -> Response:
    """To the queue of whoever is signed in, else to signing in."""
    signed_in = moderator_of_cookie(session, token, now=now) if token else None
    if signed_in is None:
        return RedirectResponse("/sign-in", 303)
    slug = session.get_one(CommunityRow, signed_in.moderator.community_id).slug
    return RedirectResponse(f"/c/{slug}/queue", 303)


@router.get("/sign-in")
def sign_in_page(
    request: Request,
    community: Annotated[str, Query(max_length=200)] = "",
    next_path: Annotated[str, Query(alias="next", max_length=2000)] = "",
) -> HTMLResponse:
    """The form to sign in with."""
    return _form(request, community=community, next_path=next_path)


@router.post("/sign-in")
def let_in(
    request: Request,
    service: ServiceParts,
    session: Transaction,
    now: Now,
    community: Annotated[str, Form(max_length=200)] = "",
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    csrf: Annotated[str, Form()] = "",
    next_path: Annotated[str, Form(alias="next", max_length=2000)] = "",
    form_token: Annotated[str | None, Cookie(alias=FORM_COOKIE)] = None,
    old_token: Annotated[str | None, Cookie(alias=SESSION_COOKIE)] = None,
) -> Response:
    """Check the password and go to the queue, or to the page that asked for signing in."""
    say, wording = texts_of(request).say, texts_of(request).wording
    filled = {"community": community, "name": name, "next_path": next_path}
    if form_token is None or not is_same(csrf, form_token) or is_from_elsewhere(request):
        return _form(request, **filled, notice=say("sign_in.expired"), status=403)
    community_id = _community_id(session, community.strip())
    try:
        entry = sign_in(
            session, community_id, name=name.strip(), password=password, now=now, attempts=service.sign_in_attempts
        )
    except SignInRefused:
        return _form(request, **filled, notice=say("sign_in.refused"), status=401)
    except TooManySignIns as error:
        wait = wording.duration(error.retry_after_seconds)
        return _form(request, **filled, notice=say("sign_in.too_many", duration=wait), status=429)
    if old_token:
        sign_out(session, old_token)
    answer = RedirectResponse(_onward(community.strip(), next_path), 303)
    lasts_seconds = int((entry.expires_at - now).total_seconds())
    _set_cookie(request, answer, SESSION_COOKIE, entry.token, max_age=lasts_seconds)
    answer.delete_cookie(FORM_COOKIE)
    return answer


@router.post("/sign-out")
def let_out(
    request: Request,
    session: Transaction,
    now: Now,
    csrf: Annotated[str, Form()] = "",
    token: Annotated[str | None, Cookie(alias=SESSION_COOKIE)] = None,
) -> Response:
    """End what the browser's cookie stands for."""
    signed_in = moderator_of_cookie(session, token, now=now) if token else None
    if token and signed_in is not None:
        if not is_same(csrf, signed_in.csrf_token) or is_from_elsewhere(request):
            raise HTTPException(403)
        sign_out(session, token)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@router.get("/language")
def choose_language(
    request: Request,
    to: Annotated[str, Query(max_length=10)],
    next_path: Annotated[str, Query(alias="next", max_length=2000)] = "/",
) -> Response:
    """Remember the language that somebody wants the pages in."""
    if to not in PAGE_LANGUAGES:
        raise HTTPException(404)
    answer = RedirectResponse(next_path if is_own_path(next_path) else "/", 303)
    _set_cookie(request, answer, LANGUAGE_COOKIE, to, max_age=YEAR_SECONDS)
    return answer


def is_own_path(path: str) -> bool:
    """Whether an address stays on this site; browsers read "//" and a backslash as another one."""
    return path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable() and "\\" not in path


def sign_in_address(path: str) -> str:
    """Where to sign in to see a page; a page of a community names it."""
    parts = path.split("/")
    community = {"community": parts[2]} if path.startswith("/c/") and len(parts) > 2 else {}
    return "/sign-in?" + urlencode({**community, "next": path})


def _form(
    request: Request, *, community: str, next_path: str, name: str = "", notice: str | None = None, status: int = 200
) -> HTMLResponse:
    form_token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32)
    page = draw(
        request,
        "sign_in.html.j2",
        texts_of(request),
        status=status,
        community=community,
        name=name,
        next=next_path,
        form_token=form_token,
        notice=notice,
    )
    _set_cookie(request, page, FORM_COOKIE, form_token, max_age=None)
    return page


def _community_id(session: Session, slug: str) -> int:
    """The community of that slug; one that is not there has nobody, and takes as long to say so."""
    found = session.scalar(select(CommunityRow.id).where(CommunityRow.slug == slug)) if slug.isprintable() else None
    return _NOBODYS_COMMUNITY if found is None else found


def _onward(slug: str, next_path: str) -> str:
    is_theirs = is_own_path(next_path) and next_path.startswith(f"/c/{slug}/")
    return next_path if is_theirs else f"/c/{slug}/queue"


def _set_cookie(request: Request, answer: Response, name: str, content: str, *, max_age: int | None) -> None:
    is_https = request.url.scheme == "https"
    answer.set_cookie(name, content, max_age=max_age, httponly=True, samesite="lax", secure=is_https)
