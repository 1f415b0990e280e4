"""Posts that nothing is known about: they are listed for people to read, and never pass for clean."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select

from api.pages.desk import AtDesk, SendsFromDesk
from api.pages.drawing import draw
from api.pages.queue import Told
from api.pages.queue_view import CONTEXT_CHARACTERS, Reader, ShownPost, show_post
from moderation.flag_queue import WAITS_LONG, NotScored, list_not_scored
from moderation.ingest import clear_failures
from moderation.tables import PostRow

PAGE_POSTS = 30

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class ShownEntry:
    """A post, and why nothing is known of it."""

    why: str
    space: str | None
    post: ShownPost


@router.get("/not-scored")
def not_scored_page(
    desk: AtDesk,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    again: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """The posts that could not be scored, or wait for it too long."""
    page = list_not_scored(
        desk.session, desk.community_id, now=desk.now, waiting_longer_than=WAITS_LONG, cursor=cursor, limit=PAGE_POSTS
    )
    ids = [entry.post_id for entry in page.posts]
    mine = PostRow.community_id == desk.community_id, PostRow.id.in_(ids)
    rows = {row.id: row for row in desk.session.scalars(select(PostRow).where(*mine))}
    return draw(
        desk.request,
        "not_scored.html.j2",
        desk.texts,
        visitor=desk.visitor,
        here="queue",
        entries=[_entry(entry, rows[entry.post_id], desk.reader) for entry in page.posts],
        next_link=f"{desk.visitor.base}/not-scored?cursor={page.next_cursor}" if page.next_cursor else None,
        told=None if again is None else Told(desk.texts.count("told.again", again)),
    )


@router.post("/not-scored/again")
def try_again(desk: SendsFromDesk) -> Response:
    """Have every post that could not be scored tried again."""
    n_posts = clear_failures(desk.session, desk.community_id, now=desk.now)
    return RedirectResponse(f"{desk.visitor.base}/not-scored?again={n_posts}", 303)


def _entry(entry: NotScored, row: PostRow, reader: Reader) -> ShownEntry:
    texts = reader.texts
    why = texts.say("not_scored.failed", reason=entry.reason)
    if entry.reason == "waiting":
        waited = texts.wording.duration(max((reader.now - entry.since).total_seconds(), 0))
        why = texts.say("not_scored.waiting", duration=waited)
    return ShownEntry(why, reader.space_name(row.space), show_post(row, reader, n_characters=CONTEXT_CHARACTERS))
