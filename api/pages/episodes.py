"""One negative episode step by step, with a button for every step that the software may have got wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select

from api.deps import ServiceParts
from api.pages.desk import AtDesk, Desk, FlagId, SendsFromDesk
from api.pages.drawing import draw
from api.pages.queue import Told
from api.pages.queue_view import CONTEXT_CHARACTERS, Reader, ShownPost, show_post
from api.pages.worklist import episode_address
from moderation.corrections import Corrector
from moderation.episode_corrections import (
    CorrectionRequest,
    LoggedCorrection,
    corrections_of,
    last_change_at,
    record_correction,
    undo_correction,
)
from moderation.episode_overrides import BY_MODERATOR, Action
from moderation.errors import EpisodeCorrectionRefused, EpisodeCorrectionUndone, EpisodeUnknown
from moderation.replies import ReplyKind
from moderation.reports.wording import read_moment
from moderation.tables import PostRow, WaitRow
from moderation.wait_rows import episode_json, find_episode

KINDS: tuple[ReplyKind, ...] = (
    "answer",
    "acknowledged",
    "deflected",
    "same_here",
    "pile_on",
    "thanks",
    "off_thread",
    "other",
)
CORRECTORS: tuple[Corrector, ...] = ("staff", "peer", "community")
MAX_THREAD_POSTS = 200

router = APIRouter(include_in_schema=False)

EpisodeId = Annotated[str, Path(pattern=r"^[^\x00]*$")]


@dataclass(frozen=True)
class ShownStep:
    """A post of the thread after the start of an episode, and what it is to the episode.

    Attributes
    ----------
    kind : what it was judged to be; None = it does not speak to the episode, or is by its author.
    why : what the judgement rests on.
    is_own : by the one who opened the episode.
    """

    post: ShownPost
    kind: ReplyKind | None
    kind_words: str
    why: str
    amplifies: bool
    is_own: bool


@dataclass(frozen=True)
class ShownCorrection:
    """What somebody corrected; `undone` says who took it back and when."""

    id: int
    line: str
    note: str | None
    undone: str | None


@router.get("/episodes/{episode_id:path}")
def episode_page(desk: AtDesk, episode_id: EpisodeId, told: Annotated[str, Query(max_length=20)] = "") -> Response:
    """One episode, step by step."""
    lines = {"corrected": "correction.told", "undone": "correction.told_undone"}
    line = Told(desk.texts.say(lines[told])) if told in lines else None
    return _draw_episode(desk, episode_id, told=line)


@router.post("/episodes/{episode_id:path}/corrections")
def correct(
    desk: SendsFromDesk,
    service: ServiceParts,
    episode_id: EpisodeId,
    action: Annotated[Action, Form()],
    post_id: Annotated[str | None, Form(max_length=500)] = None,
    kind: Annotated[ReplyKind | None, Form()] = None,
    put_right_by: Annotated[Corrector | None, Form()] = None,
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Say what the software got wrong about an episode."""
    request = CorrectionRequest(action, post_id, kind, put_right_by, note.strip() or None)
    try:
        with desk.session.begin_nested():
            record_correction(
                desk.session,
                desk.visitor.community_row,
                episode_id,
                request,
                moderator=desk.visitor.moderator,
                model_version=service.models.version,
                now=desk.now,
            )
    except EpisodeCorrectionRefused as error:
        told = Told(desk.texts.say(f"correction.refused.{error.field}"), tone="warn")
        return _draw_episode(desk, episode_id, told=told, status=422)
    return RedirectResponse(episode_address(desk.visitor.base, episode_id) + "?told=corrected", 303)


@router.post("/corrections/{correction_id}/undo")
def undo(desk: SendsFromDesk, correction_id: FlagId) -> Response:
    """Take a correction back."""
    community, moderator = desk.visitor.community_row, desk.visitor.moderator
    try:
        with desk.session.begin_nested():
            taken_back = undo_correction(desk.session, community, correction_id, moderator=moderator, now=desk.now)
    except EpisodeCorrectionUndone:
        return RedirectResponse(f"{desk.visitor.base}/worklist", 303)
    return RedirectResponse(episode_address(desk.visitor.base, taken_back.episode_id) + "?told=undone", 303)


def _draw_episode(desk: Desk, episode_id: str, *, told: Told | None, status: int = 200) -> Response:
    logged = corrections_of(desk.session, desk.community_id, [episode_id])
    try:
        row: WaitRow | None = find_episode(desk.session, desk.community_id, episode_id)
    except EpisodeUnknown:
        if not logged:
            raise
        row = None  # a moderator said that it is none, or that it starts elsewhere
    changed_at = last_change_at(desk.session, desk.community_id, episode_id)
    thread = _thread(desk, episode_id)
    start = next(post for post in thread if post.id == episode_id)
    contents = None if row is None else episode_json(row, now=desk.now)
    return draw(
        desk.request,
        "episode.html.j2",
        desk.texts,
        status=status,
        visitor=desk.visitor,
        here="worklist",
        told=told,
        address=episode_address(desk.visitor.base, episode_id),
        start=show_post(start, desk.reader),
        state=_state_words(contents, desk.reader),
        steps=[] if contents is None else list(_steps(start, thread, contents, desk.reader)),
        others=[show_post(post, desk.reader, n_characters=60) for post in thread if _may_start(post, start)],
        corrections=[_shown_correction(one, thread, desk.reader) for one in logged],
        is_episode=row is not None,
        is_pending=row is not None and changed_at is not None and changed_at > row.worked_out_at,
        kinds=KINDS,
        correctors=CORRECTORS,
    )


def _thread(desk: Desk, episode_id: str) -> list[PostRow]:
    """The posts of the episode's thread, oldest first, from its first on."""
    of_start = select(PostRow.thread_id).where(PostRow.community_id == desk.community_id, PostRow.id == episode_id)
    statement = (
        select(PostRow)
        .where(
            PostRow.community_id == desk.community_id,
            PostRow.thread_id == of_start.scalar_subquery(),
            PostRow.kind == "post",
        )
        .order_by(PostRow.created_at, PostRow.id)
    )
    found = list(desk.session.scalars(statement))
    if not any(post.id == episode_id for post in found):
        raise EpisodeUnknown(f"no episode starts at the post {episode_id!r}")
    return found


def _may_start(post: PostRow, start: PostRow) -> bool:
    return post.role == "member" and post.id != start.id and post.deleted_at is None


def _steps(
    start: PostRow, thread: Iterable[PostRow], contents: Mapping[str, Any], reader: Reader
) -> Iterable[ShownStep]:
    """Every later post of the thread with what it is to the episode."""
    judged = {reply["post_id"]: reply for reply in contents["replies"]}
    amplifying = frozenset(contents["amplifying_post_ids"])
    later = [post for post in thread if post.created_at >= start.created_at and post.id != start.id]
    for post in later[:MAX_THREAD_POSTS]:
        reply, texts = judged.get(post.id), reader.texts
        is_own = post.author_id is not None and post.author_id == start.author_id
        nothing = "step.own" if is_own else "step.nothing"
        yield ShownStep(
            post=show_post(post, reader, n_characters=CONTEXT_CHARACTERS),
            kind=None if reply is None else reply["kind"],
            kind_words=texts.say(nothing if reply is None else f"kind.{reply['kind']}"),
            why="" if reply is None else _why(reply, reader),
            amplifies=post.id in amplifying,
            is_own=is_own,
        )


def _why(reply: Mapping[str, Any], reader: Reader) -> str:
    """What a judgement rests on, in words."""
    texts = reader.texts
    if reply["rule"] == BY_MODERATOR:
        return texts.say("why.moderator")
    if reply["rule"] == "model" and reply["p"] is not None:
        return texts.say("why.model", p=texts.wording.share(reply["p"]))
    known = f"why.{reply['rule']}"
    return texts.say(known) if texts.knows(known) else texts.say("why.rule", rule=reply["rule"])


def _state_words(contents: Mapping[str, Any] | None, reader: Reader) -> list[str]:
    """What came of an episode, one sentence a step."""
    texts = reader.texts
    if contents is None:
        return [texts.say("episode.none")]
    said = []
    if contents["first_answer_at"] is not None:
        by = "staff" if contents["first_answer_at"] == contents["first_staff_answer_at"] else "peer"
        said.append(texts.say(f"episode.answered_{by}", at=_minute(contents["first_answer_at"], reader)))
    elif contents["clocks_reason"] is not None:
        said.append(texts.say("episode.unknown_author"))
    else:
        said.append(texts.say(f"episode.unanswered_{contents['censored']}"))
    if contents["n_amplifiers"]:
        said.append(texts.count("episode.amplified", contents["n_amplifiers"]))
    corrected = contents["corrected"]
    if corrected is not None:
        said.append(texts.say(f"episode.corrected_{corrected['by']}", at=_minute(corrected["at"], reader)))
    elif contents["first_answer_at"] is not None:
        said.append(texts.say("episode.not_corrected"))
    return said


def _minute(written: str, reader: Reader) -> str:
    return reader.texts.wording.minute(read_moment(written))


def _shown_correction(one: LoggedCorrection, thread: Iterable[PostRow], reader: Reader) -> ShownCorrection:
    texts, row = reader.texts, one.row
    post = next((post for post in thread if post.id == row.post_id), None)
    of_whom = "" if post is None else show_post(post, reader).author
    what = texts.say(
        f"correction.{row.action}",
        author=of_whom,
        kind="" if row.kind is None else texts.say(f"kind.{row.kind}"),
        by="" if row.put_right_by is None else texts.say(f"by.{row.put_right_by}"),
    )
    undone = None
    if one.undone_at is not None and one.undone_by is not None:
        undone = texts.say("decisions.undone_by", name=one.undone_by, at=texts.wording.minute(one.undone_at))
    at = texts.wording.minute(row.corrected_at)
    line = texts.say("correction.line", name=one.moderator, at=at, what=what)
    return ShownCorrection(row.id, line, row.note, undone)
