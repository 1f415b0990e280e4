"""Members: what they contributed, for points and status; who is left out; who is erased."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query
from pydantic import AwareDatetime
from starlette.responses import JSONResponse, Response

from api.auth import COMMUNITY, MayAdminister, MayRead
from api.cursors import CursorParameter, Limit, read_texts, write_cursor
from api.deps import Now, Transaction
from api.idempotency import Writing
from api.schemas.members import ErasureView, LeftOutView, MemberPageView, MemberView
from api.schemas.problem import problems
from api.schemas.text import NO_NUL
from moderation.erasure import erase_member
from moderation.errors import MemberUnknown
from moderation.findings import find_findings, member_in
from moderation.left_out import count_again, leave_out, left_out_authors
from moderation.member_export import Period, lines_csv, member_lines, without_left_out
from moderation.tables import FindingRow

router = APIRouter(prefix=COMMUNITY, tags=["Members"])

CSV = "text/csv"
AuthorId = Annotated[str, Path(pattern=NO_NUL, min_length=1, description="The member.", examples=["u88"])]
Format = Annotated[
    Literal["json", "csv"] | None, Query(description="Left out: as `Accept` says, or else JSON.", examples=["csv"])
]
Accept = Annotated[str | None, Header(include_in_schema=False)]
_LISTED: dict[int | str, dict[str, Any]] = {
    200: {"content": {CSV: {"schema": {"type": "string"}, "example": "author_id,from,to,n_answers,...\r\n"}}}
}


@router.get(
    "/members",
    summary="List what members contributed",
    response_model=MemberPageView,
    responses={**problems(), **_LISTED},
)
def read_members(
    caller: MayRead,
    session: Transaction,
    since: Annotated[AwareDatetime | None, Query(alias="from", description="Made at this moment or later.")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to", description="Made before this moment.")] = None,
    format: Format = None,
    accept: Accept = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Response:
    """Every member by id: what was counted in the period, what it counts for, why less, and the posts that show it.

    Nobody gets a rank or a type. As CSV (`?format=csv`, or `Accept: text/csv`) all members come in one file; cells that
    a spreadsheet would run as a formula begin with an apostrophe.
    """
    findings = find_findings(session, caller.community.id, "members")
    left_out = left_out_authors(session, caller.community)
    period = Period(since, until)
    if format == "csv" or (format is None and CSV in (accept or "")):
        return Response(lines_csv(member_lines(findings.contents, period, left_out=left_out)), media_type=CSV)
    after = read_texts(cursor)
    lines = member_lines(findings.contents, period, left_out=left_out, after=after[1] if after else None)
    shown = lines[:limit]
    return JSONResponse(
        {
            **_origin(findings),
            "n_members": sum(entry["author_id"] not in left_out for entry in findings.contents["members"]),
            "left_out": findings.contents["left_out"],
            "needs_a_look": _looks(findings, left_out),
            "items": [line.as_json() for line in shown],
            "next_cursor": write_cursor("member", shown[-1].author_id) if len(lines) > limit else None,
        }
    )


@router.get("/members/{author_id:path}", summary="Read a member", response_model=MemberView, responses=problems())
def read_member(caller: MayRead, author_id: AuthorId, session: Transaction) -> JSONResponse:
    """Every contribution with its post, its weight and why; signs of leaving; the mixture of interests.

    Never one segment.
    """
    left_out = left_out_authors(session, caller.community)
    if author_id in left_out:
        raise MemberUnknown("that member is in no statistics, at their own wish")
    findings = find_findings(session, caller.community.id, "members")
    return JSONResponse({**_origin(findings), "member": without_left_out(member_in(findings, author_id), left_out)})


@router.delete("/members/{author_id:path}", summary="Erase a member", response_model=ErasureView, responses=problems())
def remove_member(
    caller: MayAdminister, author_id: AuthorId, session: Transaction, write: Writing, now: Now
) -> Response:
    """Erases posts, vectors, flags, decisions, quotes and every mention of the id, in one transaction.

    Reports are worked out anew at once and are missing until then. A later import does not bring the person back. Twice
    is fine. There is no way back.
    """

    def erase() -> ErasureView:
        return ErasureView.of(erase_member(session, caller.community, author_id, erased_by=caller.key_name, now=now))

    return write.once(caller.community, erase)


@router.get("/left-out", summary="List who is left out", responses=problems())
def read_left_out(caller: MayAdminister, session: Transaction) -> LeftOutView:
    """Members who are in no member statistics at their own wish, by the settings or by a wish sent here."""
    return LeftOutView(author_ids=sorted(left_out_authors(session, caller.community)))


@router.put("/left-out/{author_id:path}", summary="Leave a member out", status_code=204, responses=problems())
def put_left_out(
    caller: MayAdminister, author_id: AuthorId, session: Transaction, write: Writing, now: Now
) -> Response:
    """Takes a member out of every member statistic from now on; their posts stay in topics and response times.

    They are not suggested as the one to answer either. Twice is fine.
    """
    return write.once(caller.community, lambda: leave_out(session, caller.community, author_id, now=now))


@router.delete("/left-out/{author_id:path}", summary="Count a member again", status_code=204, responses=problems())
def remove_left_out(caller: MayAdminister, author_id: AuthorId, session: Transaction, write: Writing) -> Response:
    """Takes the wish back. Who is left out by `left_out` of the settings has to be taken out there."""
    return write.once(caller.community, lambda: count_again(session, caller.community, author_id))


def _looks(findings: FindingRow, left_out: frozenset[str]) -> dict[str, Any]:
    """What a person may want to look at, without those who are left out since."""
    looks = findings.contents.get("needs_a_look", {})
    return {
        name: [each for each in found if left_out.isdisjoint(_named_in(each))] if isinstance(found, list) else found
        for name, found in looks.items()
    }


def _named_in(look: dict[str, Any]) -> set[str]:
    return {*look.get("author_ids", ()), look.get("author_id", ""), look.get("other_author_id", "")}


def _origin(findings: FindingRow) -> dict[str, Any]:
    return {
        "found_at": findings.found_at.isoformat(),
        "n_posts": findings.n_posts,
        "model_version": findings.model_version,
    }
