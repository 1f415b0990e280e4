"""Every error as a problem (RFC 9457): one place that knows which status a domain error has."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from models.errors import KlankbordError
from moderation import errors

PROBLEM = "application/problem+json"

STATUS_OF: Mapping[type[KlankbordError], tuple[int, str]] = {
    errors.KeyRefused: (401, "The key is refused"),
    errors.SignInRefused: (401, "Signing in is refused"),
    errors.ScopeTooSmall: (403, "The key may not do this"),
    errors.ModeratorDisabled: (403, "The moderator may not work here any more"),
    errors.CommunityUnknown: (404, "There is no such community"),
    errors.PostUnknown: (404, "There is no such post"),
    errors.FlagUnknown: (404, "There is no such item in the queue"),
    errors.DecisionUnknown: (404, "There is no such decision"),
    errors.TopicUnknown: (404, "There is no such topic"),
    errors.TopicOrderUnknown: (404, "There is no such change of a topic"),
    errors.MemberUnknown: (404, "There is no such member"),
    errors.EpisodeUnknown: (404, "There is no such episode"),
    errors.EpisodeCorrectionUnknown: (404, "There is no such correction"),
    errors.ProposalUnknown: (404, "There is no such proposal"),
    errors.FindingsMissing: (404, "Not worked out yet"),
    errors.WebhookUnknown: (404, "There is no such webhook"),
    errors.RecipientUnknown: (404, "There is no such recipient"),
    errors.FlagClosed: (409, "The item is closed"),
    errors.FlagClaimed: (409, "Somebody else is working on the item"),
    errors.FlagAlreadyDecided: (409, "Somebody decided the item"),
    errors.PostEdited: (409, "The post was edited after it was shown"),
    errors.DecisionAlreadyUndone: (409, "The decision was taken back before"),
    errors.DecisionNotNewest: (409, "A later decision stands"),
    errors.EpisodeCorrectionUndone: (409, "The correction was taken back before"),
    errors.EpisodeCorrectionRefused: (422, "The correction is not possible"),
    errors.TopicChangeRefused: (409, "The topic cannot be changed so"),
    errors.ProposalDecisionRefused: (409, "The proposal cannot be decided so"),
    errors.LaneNeeded: (422, "Name the lane"),
    errors.ActionNotPossible: (422, "The action is not possible"),
    errors.CursorInvalid: (422, "The cursor is not one of this list"),
    errors.WebhookUrlRefused: (422, "Nothing may be sent there"),
    errors.AddressRefused: (422, "The address cannot be used"),
    errors.NameInvalid: (422, "The name cannot be used"),
    errors.IdempotencyKeyReused: (422, "The Idempotency-Key was used for another request"),
    errors.TooManySignIns: (429, "Too many failed sign-ins"),
}
"""The errors that a caller can do something about; any other is a fault of ours."""

RETRY_SECONDS = 5

_RESERVED = frozenset({"type", "title", "status", "detail", "instance"})
"""Members that every problem has; the title of a post must not take the place of the problem's."""

log = structlog.get_logger()


def problem(
    request: Request,
    status: int,
    title: str,
    detail: str,
    *,
    kind: str | None = None,
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An answer of the kind application/problem+json.

    Parameters
    ----------
    kind : the end of the problem's type; None = the status says it all.
    more : further members of the problem.
    """
    members = _members(request, status, title, detail, kind=kind, more=more or {})
    return JSONResponse(jsonable_encoder(members), status, headers=dict(headers or {}), media_type=PROBLEM)


def problem_members(request: Request, error: KlankbordError) -> dict[str, Any] | None:
    """The members of the problem that a domain error is; None = it is none that a caller can do something about."""
    found = next((STATUS_OF[cls] for cls in type(error).__mro__ if cls in STATUS_OF), None)
    if found is None:
        return None
    more = {
        f"post_{name}" if name in _RESERVED else name: member
        for name, member in vars(error).items()
        if not name.startswith("_")
    }
    if "field" in more:
        more = {"errors": [{"pointer": f"/{more.pop('field')}", "reason": str(error)}], **more}
    return _members(request, *found, str(error), kind=_kind(type(error)), more=more)


def install_handlers(app: FastAPI) -> None:
    """Make every error of an app a problem."""
    app.add_exception_handler(KlankbordError, _on_domain_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(DataError, _on_unstorable)
    for unavailable in (OperationalError, InterfaceError, NoFreeConnection):
        app.add_exception_handler(unavailable, _on_no_database)
    app.add_exception_handler(Exception, _on_fault)


def _on_domain_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, KlankbordError)
    members = problem_members(request, error)
    if members is None:
        log.error("fault", exc_info=error)
        return _on_fault(request, error)
    return JSONResponse(jsonable_encoder(members), members["status"], headers=_headers(members), media_type=PROBLEM)


def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [_mistake(mistake) for mistake in error.errors()]
    detail = "; ".join(
        f"{mistake.get('pointer') or mistake.get('parameter')}: {mistake['reason']}" for mistake in found
    )
    return problem(
        request, 422, "The request cannot be used", detail[:1000], kind="request-invalid", more={"errors": found}
    )


def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    return problem(request, error.status_code, title, error.detail, headers=error.headers)


def _on_unstorable(request: Request, _: Exception) -> JSONResponse:
    detail = "the request holds something that cannot be stored: a NUL character, half a character pair, a huge number"
    return problem(request, 422, "The request cannot be stored", detail, kind="unstorable")


def _on_no_database(request: Request, error: Exception) -> JSONResponse:
    log.error("database unavailable", kind=type(error).__name__)
    detail = f"the database does not answer; try again in {RETRY_SECONDS} seconds"
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return problem(request, 503, "The database does not answer", detail, kind="database-unavailable", headers=headers)


def _on_fault(request: Request, _: Exception) -> JSONResponse:
    """Nothing of the error: it may hold what somebody wrote."""
    return problem(request, 500, "Internal Server Error", "something went wrong here; the log of the service says what")


def _mistake(found: Mapping[str, Any]) -> dict[str, str]:
    where, *path = found["loc"]
    reason = str(found["msg"]).removeprefix("Value error, ")
    if where == "body":
        # Where the JSON cannot be read, the path is a place in the text and no field.
        return {"pointer": "" if found["type"] == "json_invalid" else _pointer(path), "reason": reason}
    return {"parameter": ".".join(str(part) for part in path), "reason": reason}


def _pointer(path: Sequence[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _kind(cls: type[KlankbordError]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()


def _members(
    request: Request, status: int, title: str, detail: str, *, kind: str | None, more: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "type": f"urn:klankbord:problem:{kind}" if kind else "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": quote(request.url.path, errors="replace"),
        **more,
    }


def _headers(members: Mapping[str, Any]) -> dict[str, str]:
    if members["status"] == 401:
        return {"WWW-Authenticate": 'Bearer realm="klankbord"'}
    return {"Retry-After": str(members["retry_after_seconds"])} if members["status"] == 429 else {}
