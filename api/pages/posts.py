"""One post where it stands: its words, its topic, what it waits for, and its thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, get_args

from fastapi import APIRouter, Path, Response
from sqlalchemy import select

from api.deps import ServiceParts
from api.pages.addresses import episode_address, question_address
from api.pages.desk import AtDesk, Desk
from api.pages.drawing import draw
from api.pages.queue_view import CONTEXT_CHARACTERS, ShownPost, show_post
from api.pages.threads import thread_of
from moderation.errors import PostUnknown
from moderation.flags import Lane
from moderation.tables import FlagRow, PostRow, ScoreRow, WaitRow

MAX_THREAD_POSTS = 200
ADDRESSES = {"episode": episode_address, "question": question_address}
LANES: tuple[Lane, ...] = get_args(Lane)

router = APIRouter(include_in_schema=False)

PostId = Annotated[str, Path(pattern=r"^[^\x00]*$")]


@dataclass(frozen=True)
class Onward:
    """A page that says more about the post."""

    words: str
    address: str


@router.get("/posts/{post_id:path}")
def post_page(desk: AtDesk, service: ServiceParts, post_id: PostId) -> Response:
    """One post in its thread."""
    thread = thread_of(desk.session, desk.community_id, post_id)
    post = next((row for row in thread if row.id == post_id), None)
    if post is None:
        raise PostUnknown(f"there is no post {post_id!r}")
    place = thread.index(post)
    shown_from = max(0, min(place - MAX_THREAD_POSTS // 2, len(thread) - MAX_THREAD_POSTS))
    around = thread[shown_from : shown_from + MAX_THREAD_POSTS]
    topic_id = _topic_id(desk, post, model_version=service.models.version)
    shown, kinds = show_post(post, desk.reader), _kinds(desk, post)
    return draw(
        desk.request,
        "post.html.j2",
        desk.texts,
        visitor=desk.visitor,
        post=shown,
        name=shown.title or desk.texts.say("item.by", name=shown.author),
        space=desk.reader.space_name(post.space),
        topic=None if topic_id is None else (topic_id, desk.reader.topic_words(topic_id)),
        onward=_onward(desk, post, kinds),
        missed=[kind for kind in ADDRESSES if kind not in kinds] if _may_open(post) else [],
        addresses={kind: address(desk.visitor.base, post.id) for kind, address in ADDRESSES.items()},
        thread=[_in_thread(desk, row) for row in around],
        n_left_out=len(thread) - len(around),
    )


def _in_thread(desk: Desk, row: PostRow) -> ShownPost:
    return show_post(row, desk.reader, n_characters=CONTEXT_CHARACTERS)


def _topic_id(desk: Desk, post: PostRow, *, model_version: str) -> int | None:
    if post.placed_topic_id is not None:
        return post.placed_topic_id
    mine = ScoreRow.community_id == desk.community_id, ScoreRow.post_id == post.id
    return desk.session.scalar(select(ScoreRow.topic_id).where(*mine, ScoreRow.model_version == model_version))


def _kinds(desk: Desk, post: PostRow) -> Sequence[str]:
    """Whether the post is kept as a complaint, as a question, as both or as neither."""
    mine = WaitRow.community_id == desk.community_id, WaitRow.post_id == post.id
    return desk.session.scalars(select(WaitRow.kind).where(*mine).order_by(WaitRow.kind)).all()


def _may_open(post: PostRow) -> bool:
    return post.role == "member" and post.deleted_at is None


def _onward(desk: Desk, post: PostRow, kinds: Sequence[str]) -> list[Onward]:
    """Where the post is worked on: as a complaint, as a question, in a lane of the queue."""
    base, say = desk.visitor.base, desk.texts.say
    found = [Onward(say(f"post.as_{kind}"), ADDRESSES[kind](base, post.id)) for kind in kinds]
    return found + [
        Onward(say("post.in_queue", lane=say(f"lane.{lane}")), f"{base}/queue?lane={lane}")
        for lane in _lanes(desk, post)
    ]


def _lanes(desk: Desk, post: PostRow) -> Sequence[str]:
    mine = FlagRow.community_id == desk.community_id, FlagRow.post_id == post.id, FlagRow.status == "open"
    flagged = {lane for flag in desk.session.scalars(select(FlagRow).where(*mine)) for lane in flag.lanes}
    return [lane for lane in LANES if lane in flagged]
