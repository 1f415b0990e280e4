"""Posts in and out."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from api.auth import COMMUNITY, MayIngest, MayRead
from api.deps import Now, ServiceParts, Transaction
from api.idempotency import Writing
from api.schemas.posts import MAX_RECORDS, RECORDS_SCHEMA, PostOutcome, PostOutcomes, PostView, view_post
from api.schemas.problem import WRITES, problems
from api.schemas.text import NO_NUL, is_storable
from moderation.ingest import Outcome, delete_post, find_post, recover_post, store_posts
from moderation.tables import PostRow, ScoreRow

router = APIRouter(prefix=COMMUNITY, tags=["Posts"])

PostId = Annotated[
    str, Path(pattern=NO_NUL, description="The post; a slash in it is sent as it is or as `%2F`.", examples=["p1042"])
]


async def read_body(request: Request) -> bytes:
    """The body as it came."""
    return await request.body()


@router.post(
    "/posts",
    summary="Send 1 to 1000 posts",
    response_model=PostOutcomes,
    responses=problems(*WRITES),
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": RECORDS_SCHEMA}}}},
)
def send_posts(
    caller: MayIngest,
    body: Annotated[bytes, Depends(read_body)],
    session: Transaction,
    write: Writing,
    service: ServiceParts,
    now: Now,
) -> Response:
    """Stores what is new and has it scored; the answer comes once it is stored, not once it is scored.

    Send a post again whenever it changes: the newest version wins, in whatever order they arrive. One record that
    cannot be read is rejected with the reason; the others are stored.
    """
    records = read_records(body)

    def store() -> PostOutcomes:
        outcomes = store_posts(session, caller.community, records, now=now)
        answer = _view_outcomes(outcomes)
        for status in ("accepted", "unchanged", "rejected"):
            service.metrics.posts.labels(status).inc(getattr(answer, status))
        return answer

    return write.once(caller.community, store)


@router.get("/posts/{post_id:path}", summary="Read a post", responses=problems())
def read_post(caller: MayRead, post_id: PostId, session: Transaction, service: ServiceParts) -> PostView:
    """The newest version, and what was read in it. Of a deleted post only the tombstone."""
    row = find_post(session, caller.community, post_id)
    return view_posts(session, [row], model_version=service.models.version)[0]


@router.delete("/posts/{post_id:path}", summary="Delete a post", status_code=204, responses=problems())
def remove_post(caller: MayIngest, post_id: PostId, session: Transaction, write: Writing, now: Now) -> Response:
    """Leaves a tombstone that no later edit revives, and takes the post out of the queue. Twice is fine."""
    return write.once(caller.community, lambda: delete_post(session, caller.community, post_id, at=now))


@router.post(
    "/posts/{post_id:path}/recover", summary="Take a deletion back", response_model=PostView, responses=problems()
)
def bring_post_back(
    caller: MayIngest, post_id: PostId, session: Transaction, write: Writing, service: ServiceParts, now: Now
) -> Response:
    """The post is judged anew. One that was not deleted stays as it is."""

    def recover() -> PostView:
        recover_post(session, caller.community, post_id, now=now)
        row = find_post(session, caller.community, post_id)
        return view_posts(session, [row], model_version=service.models.version)[0]

    return write.once(caller.community, recover)


def view_posts(session: Session, rows: Sequence[PostRow], *, model_version: str) -> list[PostView]:
    """Posts of one community for the caller, with the scores of the words they have now."""
    if not rows:
        return []
    statement = select(ScoreRow).where(
        ScoreRow.community_id == rows[0].community_id,
        ScoreRow.post_id.in_([row.id for row in rows]),
        ScoreRow.model_version == model_version,
    )
    scores = {(score.post_id, score.words_hash): score for score in session.scalars(statement)}
    return [view_post(row, scores.get((row.id, row.words_hash))) for row in rows]


def read_records(body: bytes) -> list[object]:
    """The records of a body, not yet looked at: each is accepted or rejected by itself.

    Raises
    ------
    RequestValidationError
        It is no JSON object with 1 to 1000 posts.
    """
    try:
        read = json.loads(body)
    except RecursionError as error:
        raise _invalid([], "is nested too deeply") from error
    except ValueError as error:
        raise _invalid([], "is not JSON") from error
    if not isinstance(read, dict):
        raise _invalid([], 'must be an object: {"posts": [...]}')
    records = read.get("posts")
    if not isinstance(records, list):
        raise _invalid(["posts"], "must be a list of post records")
    if not 1 <= len(records) <= MAX_RECORDS:
        raise _invalid(["posts"], f"must hold 1 to {MAX_RECORDS} records, not {len(records)}")
    return records


def _invalid(path: list[Any], reason: str) -> RequestValidationError:
    return RequestValidationError([{"type": "records", "loc": ("body", *path), "msg": reason}])


def _view_outcomes(outcomes: Sequence[Outcome]) -> PostOutcomes:
    counts = dict.fromkeys(("accepted", "unchanged", "rejected"), 0)
    for outcome in outcomes:
        counts[outcome.status] += 1
    return PostOutcomes(**counts, posts=[_view_outcome(outcome) for outcome in outcomes])


def _view_outcome(outcome: Outcome) -> PostOutcome:
    pointer = None
    if outcome.status == "rejected":
        pointer = f"/posts/{outcome.index}" + (f"/{outcome.field}" if outcome.field else "")
    # The id of a rejected record may be what is wrong with it.
    post_id = outcome.id if outcome.id is not None and is_storable(outcome.id) else None
    return PostOutcome(index=outcome.index, id=post_id, status=outcome.status, pointer=pointer, reason=outcome.reason)
