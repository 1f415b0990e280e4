"""What was worked out over all posts of a community."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, TypedDict

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime
from starlette.responses import JSONResponse

from api.auth import COMMUNITY, MayRead
from api.cursors import CursorParameter, Limit, read_place, write_cursor
from api.deps import Now, ServiceParts, Transaction
from api.routes.posts import view_posts
from api.schemas.findings import (
    DriftView,
    ExpectedReplyView,
    FaqView,
    IdeasView,
    ResponseTimesView,
    SplitsView,
    TopicsView,
    TopicView,
)
from api.schemas.problem import problems
from api.schemas.text import MAX_INTEGER, RowId
from moderation.expected_reply import Kind as ReplyKind
from moderation.findings import (
    expected_reply_in,
    find_findings,
    posts_of_topic,
    topic_in,
)
from moderation.live_clocks import live_clocks
from moderation.proposals import shown_splits
from moderation.tables import FindingRow

router = APIRouter(prefix=COMMUNITY, tags=["Findings"])

TopicId = Annotated[int, Path(ge=1, le=MAX_INTEGER, description="The topic.", examples=[3])]


@router.get("/topics", summary="List the topics", response_model=TopicsView, responses=problems())
def read_topics(caller: MayRead, session: Transaction) -> JSONResponse:
    """The topics as they are, largest first, and how many posts belong to none. Ids stay the same from day to day."""
    return _as_stored(find_findings(session, caller.community.id, "topics"))


@router.get("/topics/{topic_id}", summary="Read a topic", responses=problems())
def read_topic(
    caller: MayRead,
    topic_id: TopicId,
    session: Transaction,
    service: ServiceParts,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> TopicView:
    """The topic and its newest posts, those among them that a moderator put there."""
    findings = find_findings(session, caller.community.id, "topics")
    topic = topic_in(findings, topic_id)
    model_version = service.models.version
    rows = posts_of_topic(
        session,
        caller.community.id,
        topic_id,
        model_version=model_version,
        before=read_place(cursor),
        limit=limit + 1,
    )
    shown = rows[:limit]
    return TopicView.model_validate(
        {
            **_origin(findings),
            "topic": topic,
            "items": view_posts(session, shown, model_version=model_version),
            "next_cursor": write_cursor(shown[-1].created_at, shown[-1].id) if len(rows) > limit else None,
        }
    )


@router.get("/drift", summary="Read the drift report", response_model=DriftView, responses=problems())
def read_drift(caller: MayRead, session: Transaction) -> JSONResponse:
    """What the community writes about now and did not before, in at most seven lines."""
    return _as_stored(find_findings(session, caller.community.id, "drift"))


@router.get("/splits", summary="Read the proposals to split", response_model=SplitsView, responses=problems())
def read_splits(caller: MayRead, session: Transaction) -> JSONResponse:
    """Proposals with their proof, and what was refused with its figures. Nothing is ever split by the software.

    What people decided on stands under `decided` and is not proposed again; see `/proposals`.
    """
    findings = find_findings(session, caller.community.id, "splits")
    return _as_stored(findings, over=shown_splits(session, caller.community.id, findings.contents))


@router.get("/faq", summary="Read the questions that return", response_model=FaqView, responses=problems())
def read_faq(caller: MayRead, session: Transaction) -> JSONResponse:
    """Questions that different members asked over time, with the answers that served best; for a person to choose."""
    return _as_stored(find_findings(session, caller.community.id, "faq"))


@router.get("/ideas", summary="Read the ideas", response_model=IdeasView, responses=problems())
def read_ideas(caller: MayRead, session: Transaction) -> JSONResponse:
    """Ideas of members, those that say the same merged, with who is behind them by month."""
    return _as_stored(find_findings(session, caller.community.id, "ideas"))


@router.get("/response-times", summary="Read response times", response_model=ResponseTimesView, responses=problems())
def read_response_times(caller: MayRead, session: Transaction) -> JSONResponse:
    """How fast unhappy members are answered, by whom, and what was put right; open waits count.

    The clocks (`clocks`, `touched`, `staff_business_hours`) follow the posts within seconds, to `end_at`; the rest is
    of `found_at`.
    """
    findings = find_findings(session, caller.community.id, "response_times")
    return _as_stored(findings, leave_out=("episodes", "past_waits"), over=live_clocks(session, caller.community))


@router.get(
    "/expected-reply-time",
    summary="Say how soon an answer may be expected",
    response_model=ExpectedReplyView,
    responses=problems(),
)
def read_expected_reply_time(
    caller: MayRead,
    session: Transaction,
    now: Now,
    kind: Annotated[ReplyKind, Query(description="What was written.")] = "question",
    topic_id: Annotated[RowId | None, Query(description="Its topic; left out = of any topic.")] = None,
    at: Annotated[AwareDatetime | None, Query(description="When it was written; left out = now.")] = None,
) -> JSONResponse:
    """The median and the 80 % range of the wait for an answer from anybody, by topic and hour of the week.

    From the waits of the past, those that never ended among them. `check` says how often such a range was right for
    later waits. Where there are too few waits, or the range did not hold, the figures are null and `reason` says which.
    """
    findings = find_findings(session, caller.community.id, "response_times")
    moment = at or now
    return JSONResponse(
        {
            "kind": kind,
            "topic_id": topic_id,
            "at": moment.isoformat(),
            **expected_reply_in(findings, kind, at=moment, topic_id=topic_id),
            **_origin(findings),
        }
    )


class _Origin(TypedDict):
    found_at: str
    n_posts: int
    model_version: str


def _origin(findings: FindingRow) -> _Origin:
    return {
        "found_at": findings.found_at.isoformat(),
        "n_posts": findings.n_posts,
        "model_version": findings.model_version,
    }


def _as_stored(
    findings: FindingRow, *, leave_out: tuple[str, ...] = (), over: Mapping[str, Any] = MappingProxyType({})
) -> JSONResponse:
    """The contents of the file, as they are but for what is newer; not checked again, an older version may have
    written them.
    """
    contents: dict[str, Any] = {name: part for name, part in findings.contents.items() if name not in leave_out}
    return JSONResponse({**contents, **over, **_origin(findings)})
