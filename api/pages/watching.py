"""Tells an open page of the queue what others do, as it happens."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from time import monotonic
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Header, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.deps import Now, Service, ServiceParts
from api.pages.visitor import SESSION_COOKIE, SignedIn
from api.routes.live import POLL_SECONDS, get_stream_seconds
from moderation.accounts import moderator_of_cookie
from moderation.events import Place, events_after
from moderation.tables import EventRow

router = APIRouter(include_in_schema=False)


@router.get("/events", response_class=EventSourceResponse)
async def watch(
    visitor: SignedIn,
    service: ServiceParts,
    now: Now,
    stream_seconds: Annotated[float, Depends(get_stream_seconds)],
    after: Annotated[str, Query(max_length=40)],
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
    token: Annotated[str | None, Cookie(alias=SESSION_COOKIE)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Events of the community after one; ends when the visitor signs out, and browsers begin again by themselves."""
    seen = Place.read(after if last_event_id is None else last_event_id)
    community_id, me, began = visitor.community_row.id, visitor.moderator.name, monotonic()
    while True:
        at = now + timedelta(seconds=monotonic() - began)
        events = await run_in_threadpool(_poll, service, community_id, seen, token=token or "", now=at)
        if events is None:
            return
        for event in events:
            seen = Place.of(event)
            by_me = event.payload.get("moderator") == me
            yield ServerSentEvent(
                id=str(Place.of(event)), event="queue", data={**event.payload, "kind": event.kind, "by_me": by_me}
            )
        if monotonic() - began >= stream_seconds:
            return
        await asyncio.sleep(min(POLL_SECONDS, stream_seconds))


def _poll(service: Service, community_id: int, seen: Place, *, token: str, now: datetime) -> list[EventRow] | None:
    """What happened since, in a short transaction; None = the visitor is signed in no more."""
    with service.database.transaction() as session:
        if moderator_of_cookie(session, token, now=now) is None:
            return None
        return list(events_after(session, community_id, seen))
