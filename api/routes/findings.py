"""What was worked out over all posts of a community."""

from typing import Annotated, Any, TypedDict

from fastapi import APIRouter, Path
from pydantic import AwareDatetime
from starlette.responses import JSONResponse

from api.auth import COMMUNITY, MayRead
from api.cursors import CursorParameter, Limit, read_place, read_texts, write_cursor
from api.deps import ServiceParts, Transaction
from api.routes.posts import view_posts
from api.schemas.findings import (
    DriftView,
    EpisodePageView,
    MemberView,
    ResponseTimesView,
    SplitsView,
    TopicsView,
    TopicView,
)
from api.schemas.problem import problems
from api.schemas.text import MAX_INTEGER, NO_NUL, RowId
from moderation.findings import EpisodeState, find_findings, list_episodes, member_in, posts_of_topic, topic_in
from moderation.tables import FindingRow

router = APIRouter(prefix=COMMUNITY, tags=["Findings"])

TopicId = Annotated[int, Path(ge=1, le=MAX_INTEGER, description="The topic.", examples=[3])]
AuthorId = Annotated[str, Path(pattern=NO_NUL, description="The member.", examples=["u88"])]


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
    """Proposals with their proof, and what was refused with its figures. Nothing is ever split by the software."""
    return _as_stored(find_findings(session, caller.community.id, "splits"))


@router.get("/response-times", summary="Read response times", response_model=ResponseTimesView, responses=problems())
def read_response_times(caller: MayRead, session: Transaction) -> JSONResponse:
    """How fast unhappy members are answered, by whom, and what was put right; open waits count."""
    return _as_stored(find_findings(session, caller.community.id, "response_times"), leave_out="episodes")


@router.get("/episodes", summary="List negative episodes", response_model=EpisodePageView, responses=problems())
def read_episodes(
    caller: MayRead,
    session: Transaction,
    state: EpisodeState | None = None,
    topic: RowId | None = None,
    since: AwareDatetime | None = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> JSONResponse:
    """Where somebody was unhappy and what came of it, oldest first.

    `open` = nobody answered and somebody still can; `answered` = somebody did; `corrected` = it was put right.
    """
    findings = find_findings(session, caller.community.id, "response_times")
    found = list_episodes(findings, state=state, topic_id=topic, since=since, after=read_texts(cursor), limit=limit + 1)
    shown = found[:limit]
    next_cursor = write_cursor(shown[-1]["started_at"], shown[-1]["id"]) if len(found) > limit else None
    return JSONResponse({**_origin(findings), "items": shown, "next_cursor": next_cursor})


@router.get("/members/{author_id:path}", summary="Read a member", response_model=MemberView, responses=problems())
def read_member(caller: MayRead, author_id: AuthorId, session: Transaction) -> JSONResponse:
    """What a member contributed, and the mixture of interests: never one segment."""
    findings = find_findings(session, caller.community.id, "members")
    return JSONResponse({**_origin(findings), "member": member_in(findings, author_id)})


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


def _as_stored(findings: FindingRow, *, leave_out: str = "") -> JSONResponse:
    """The contents of the file, as they are; not checked again, as an older version may have written them."""
    contents: dict[str, Any] = {name: part for name, part in findings.contents.items() if name != leave_out}
    return JSONResponse({**contents, **_origin(findings)})
