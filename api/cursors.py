"""Cursors of pages: the place after the last item of a page, opaque to those who hand it back."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from math import isfinite
from typing import Annotated

from fastapi import Query

from moderation.errors import CursorInvalid

Limit = Annotated[int, Query(ge=1, le=200, description="How many items a page holds at most.")]
CursorParameter = Annotated[
    str | None,
    Query(max_length=2000, description="`next_cursor` of the page before; left out: the first page.", examples=[None]),
]


def write_cursor(*place: datetime | str | int | float) -> str:
    """A cursor for the place after an item."""
    parts = [part.isoformat() if isinstance(part, datetime) else part for part in place]
    return urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def read_place(cursor: str | None) -> tuple[datetime, str] | None:
    """The moment and the id that a cursor holds; None for the first page.

    Raises
    ------
    CursorInvalid
    """
    parts = _parts(cursor)
    if parts is None:
        return None
    match parts:
        case [str(moment), str(item_id)]:
            return _moment(moment), _storable(item_id)
    raise _not_ours()


def read_texts(cursor: str | None) -> tuple[str, str] | None:
    """The two texts that a cursor holds; None for the first page.

    Raises
    ------
    CursorInvalid
    """
    parts = _parts(cursor)
    if parts is None:
        return None
    match parts:
        case [str(first), str(second)]:
            return first, second
    raise _not_ours()


def read_number(cursor: str | None) -> int | None:
    """The number that a cursor holds; None for the first page.

    Raises
    ------
    CursorInvalid
    """
    parts = _parts(cursor)
    if parts is None:
        return None
    match parts:
        case [int(number)] if 0 <= number < 2**63 and not isinstance(number, bool):
            return number
    raise _not_ours()


def read_rank(cursor: str | None) -> tuple[float, str] | None:
    """The number and the id that a cursor holds; None for the first page.

    Raises
    ------
    CursorInvalid
    """
    parts = _parts(cursor)
    if parts is None:
        return None
    match parts:
        case [float(rank), str(item_id)] if isfinite(rank):
            return rank, item_id
    raise _not_ours()


def _parts(cursor: str | None) -> object:
    if cursor is None:
        return None
    try:
        return json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))) or []
    except (ValueError, RecursionError) as error:
        raise _not_ours() from error


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _not_ours() from error
    if moment.tzinfo is None:
        raise _not_ours()
    return moment


def _storable(item_id: str) -> str:
    if "\0" in item_id or (not item_id.isascii() and item_id != item_id.encode(errors="replace").decode()):
        raise _not_ours()
    return item_id


def _not_ours() -> CursorInvalid:
    return CursorInvalid("this cursor was not given out by this list; leave it out to start at the first page")
