"""Reading a text on the spot, looking for posts, and watching the queue."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Header, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AwareDatetime
from starlette.responses import JSONResponse

from api.auth import COMMUNITY, MayRead
from api.cursors import CursorParameter, Limit, read_rank, write_cursor
from api.deps import Now, Service, ServiceParts
from api.schemas.live import CheckBody, CheckedView, FoundPageView, FoundThread
from api.schemas.problem import WRITES, problems
from api.schemas.text import NO_NUL, RowId, StorableText
from moderation.events import PLACE, Place, events_after, newest_place
from moderation.live import Checked, check_text
from moderation.search import Found, SearchFilter, search_posts
from moderation.search import Query as SearchQuery
from moderation.tables import EventRow

router = APIRouter(prefix=COMMUNITY, tags=["Live"])

POLL_SECONDS = 1.0
STREAM_SECONDS = 15 * 60
"""A stream ends after this, so that a revoked key does not listen for ever; clients begin again by themselves."""


def get_stream_seconds() -> float:
    """How long a stream lasts; tests make it short."""
    return STREAM_SECONDS


@router.post("/check", summary="Check a text", response_model=CheckedView, responses=problems(*WRITES))
def check(caller: MayRead, body: CheckBody, service: ServiceParts, now: Now) -> JSONResponse:
    """What would be found in a text if it were posted now: signals, relevance, flags, topics. Stores nothing."""
    checked = Checked(body.title, body.text, language=body.language, thread_id=body.thread_id)
    return JSONResponse(check_text(service.database, caller.community, service.models, checked, now=now))


@router.get("/search", summary="Look for posts", responses=problems())
def search(
    caller: MayRead,
    service: ServiceParts,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=500,
            pattern=NO_NUL,
            description='What to look for; "quotes" keep words together, a -minus leaves them out.',
            examples=["punten verlopen"],
        ),
    ],
    space: StorableText | None = None,
    topic: RowId | None = None,
    since: Annotated[AwareDatetime | None, Query(description="When the post was written.")] = None,
    language: StorableText | None = None,
    limit: Limit = 20,
    cursor: CursorParameter = None,
) -> FoundPageView:
    """Finds posts by meaning and by words together: the best post of each thread, the best threads first.

    Posts that still wait for their scores are not found yet.
    """
    after = read_rank(cursor)
    # Outside any transaction: nothing in the database waits for the model.
    encoded = next(iter(service.models.encoder.encode([q])))
    query = SearchQuery(q, np.asarray(encoded.vectors[0], dtype=np.float32))
    wanted = SearchFilter(space=space, topic_id=topic, since=since, language=language)
    with service.database.transaction() as session:
        found = search_posts(
            session,
            caller.community.id,
            query,
            wanted,
            model_version=service.models.version,
            after=after,
            limit=limit + 1,
        )
    shown = found[:limit]
    return FoundPageView(
        items=[_view_found(one) for one in shown],
        next_cursor=write_cursor(shown[-1].rank, shown[-1].post.thread_id) if len(found) > limit else None,
    )


@router.get("/events", summary="Watch the queue", response_class=EventSourceResponse, responses=problems())
async def watch(
    caller: MayRead,
    service: ServiceParts,
    stream_seconds: Annotated[float, Depends(get_stream_seconds)],
    last_event_id: Annotated[
        str | None,
        Header(pattern=PLACE, description="Go on after this event; left out: from now on.", examples=["812-512"]),
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: flags, claims, decisions. Events never hold a post's text.

    The stream ends after a quarter of an hour; begin again with the `Last-Event-ID` that came last, as browsers do.
    Events are kept for a week.
    """
    community_id = caller.community.id
    seen = Place.read(last_event_id) if last_event_id else await run_in_threadpool(_newest, service, community_id)
    end = monotonic() + stream_seconds
    while True:
        for event in await run_in_threadpool(_poll, service, community_id, seen):
            seen = Place.of(event)
            yield _view_event(event)
        if monotonic() >= end:
            return
        await asyncio.sleep(min(POLL_SECONDS, stream_seconds))


def _poll(service: Service, community_id: int, seen: Place) -> list[EventRow]:
    """What happened since; a short transaction of its own, as the stream must not hold one."""
    with service.database.transaction() as session:
        return list(events_after(session, community_id, seen))


def _newest(service: Service, community_id: int) -> Place:
    with service.database.transaction() as session:
        return newest_place(session, community_id)


def _view_event(event: EventRow) -> ServerSentEvent:
    return ServerSentEvent(
        id=str(Place.of(event)), event=event.kind, data={**event.payload, "at": event.created_at.isoformat()}
    )


def _view_found(found: Found) -> FoundThread:
    return FoundThread(
        thread_id=found.post.thread_id,
        post_id=found.post.id,
        title=found.post.title,
        snippet=found.snippet,
        space=found.post.space,
        author_id=found.post.author_id,
        created_at=found.post.created_at,
        language=found.language,
        topic_id=found.topic_id,
        cosine=found.cosine,
        has_words=found.has_words,
        rank=found.rank,
        n_posts=found.n_posts,
    )
