"""Who is to be answered first, who is best placed to do it, and what worked before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import func, select

from api.cursors import read_rank, write_cursor
from api.pages.addresses import episode_address, question_address
from api.pages.desk import AtDesk, Desk
from api.pages.drawing import draw
from api.pages.queue_view import CONTEXT_CHARACTERS, HEADING_CHARACTERS, Reader, ShownPost, author_name, show_post
from moderation.reports.quotes import shortened
from moderation.tables import PostRow
from moderation.worklist import WorklistItem, list_worklist, n_open_waits
from moderation.worklist_order import explain_wait

PAGE_ITEMS = 20

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class ShownWait:
    """Somebody who waits, in words.

    Attributes
    ----------
    steps_link : where the complaint or the question can be looked at and corrected.
    earlier : answers that worked, each with what showed it.
    """

    kind: str
    name: str
    post: ShownPost
    topic: tuple[int, str] | None
    waited: str
    why: str
    placed: str
    earlier: tuple[ShownPost, ...]
    steps_link: str


@router.get("/worklist")
def worklist_page(desk: AtDesk, cursor: Annotated[str | None, Query(max_length=2000)] = None) -> Response:
    """One page of those who wait, those first whose complaint may do most harm."""
    found = list_worklist(
        desk.session, desk.visitor.community_row, now=desk.now, after=read_rank(cursor), limit=PAGE_ITEMS + 1
    )
    shown = found[:PAGE_ITEMS]
    posts = _posts_named(desk, shown)
    next_cursor = write_cursor(shown[-1].rank, shown[-1].post.id) if len(found) > PAGE_ITEMS else None
    return draw(
        desk.request,
        "worklist.html.j2",
        desk.texts,
        visitor=desk.visitor,
        here="worklist",
        lead=desk.texts.count("worklist.lead", n_open_waits(desk.session, desk.community_id)),
        items=[_shown(desk, item, posts) for item in shown],
        next_link=f"{desk.visitor.base}/worklist?cursor={next_cursor}" if next_cursor else None,
    )


def _shown(desk: Desk, item: WorklistItem, posts: Mapping[str, PostRow]) -> ShownWait:
    texts, reader = desk.texts, desk.reader
    post = show_post(item.post, reader, n_characters=CONTEXT_CHARACTERS)
    topic_id = item.wait.topic_id
    waited_seconds = max((desk.now - item.wait.started_at).total_seconds(), 0)
    address = episode_address if item.wait.kind == "episode" else question_address
    return ShownWait(
        kind=texts.say(f"worklist.{item.wait.kind}"),
        name=shortened(" ".join((post.title or post.words).split()), HEADING_CHARACTERS),
        post=post,
        topic=None if topic_id is None else (topic_id, reader.topic_words(topic_id)),
        waited=texts.say("worklist.waits", duration=texts.wording.duration(waited_seconds)),
        why=explain_wait(item.parts, now=desk.now, language=texts.language),
        placed=_placed_words(item.best_placed, posts, reader),
        earlier=_earlier(item, posts, reader),
        steps_link=address(desk.visitor.base, item.post.id),
    )


def _placed_words(placed: Mapping[str, Any] | None, posts: Mapping[str, PostRow], reader: Reader) -> str:
    texts = reader.texts
    if placed is None:
        return texts.say("placed.no_words")
    if placed["who"] == "staff":
        return texts.say(f"placed.{placed['reason']}")
    named = [_member_words(member, posts, reader) for member in placed["members"]]
    return texts.say("placed.peer", names=texts.wording.listed(named))


def _member_words(member: Mapping[str, Any], posts: Mapping[str, PostRow], reader: Reader) -> str:
    """A member's name with what it rests on."""
    post = next((posts[post_id] for post_id in member["answer_post_ids"] if post_id in posts), None)
    name = member["author_id"] if post is None else author_name(post, reader)
    key = "placed.member_worked" if member["n_worked"] else "placed.member"
    worked = reader.texts.wording.number(member["n_worked"])
    return reader.texts.count(key, member["n_answered"], name=name, worked=worked)


def _earlier(item: WorklistItem, posts: Mapping[str, PostRow], reader: Reader) -> tuple[ShownPost, ...]:
    return tuple(
        show_post(
            posts[answer["answer_post_id"]],
            reader,
            note=reader.texts.say(f"earlier.{answer['worked']}"),
            n_characters=CONTEXT_CHARACTERS,
        )
        for answer in item.earlier_answers
        if answer["answer_post_id"] in posts
    )


def _posts_named(desk: Desk, items: list[WorklistItem]) -> dict[str, PostRow]:
    """The earlier answers that are shown, and one answer of every member who is named."""
    named: set[str] = set()
    for item in items:
        named |= {answer["answer_post_id"] for answer in item.earlier_answers}
        members = [] if item.best_placed is None else item.best_placed["members"]
        named |= {member["answer_post_ids"][0] for member in members}
    mine = PostRow.community_id == desk.community_id, PostRow.id == func.any(sorted(named))
    return {row.id: row for row in desk.session.scalars(select(PostRow).where(*mine))}
