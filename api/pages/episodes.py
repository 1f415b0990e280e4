"""One negative episode step by step, with a button for every step that the software may have got wrong."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from api.deps import ServiceParts
from api.pages.addresses import episode_address, question_address
from api.pages.desk import AtDesk, Desk, FlagId, SendsFromDesk
from api.pages.drawing import draw
from api.pages.queue import Told
from api.pages.queue_view import Reader, show_post
from api.pages.steps import shown_correction, shown_steps
from api.pages.threads import thread_of
from moderation.corrections import Corrector
from moderation.episode_corrections import (
    CorrectionRequest,
    corrections_of,
    last_change_at,
    record_correction,
    undo_correction,
)
from moderation.episode_overrides import Action
from moderation.errors import EpisodeCorrectionRefused, EpisodeCorrectionUndone, EpisodeUnknown
from moderation.replies import ReplyKind
from moderation.reports.wording import read_moment
from moderation.tables import PostRow, WaitRow
from moderation.wait_records import WaitKind
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

router = APIRouter(include_in_schema=False)

EpisodeId = Annotated[str, Path(pattern=r"^[^\x00]*$")]


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
def undo(desk: SendsFromDesk, correction_id: FlagId, of: Annotated[WaitKind, Form()] = "episode") -> Response:
    """Take a correction back; the page it leads to is that of the complaint or of the question."""
    address = {"episode": episode_address, "question": question_address}[of]
    community, moderator = desk.visitor.community_row, desk.visitor.moderator
    try:
        with desk.session.begin_nested():
            taken_back = undo_correction(desk.session, community, correction_id, moderator=moderator, now=desk.now)
    except EpisodeCorrectionUndone:
        return RedirectResponse(f"{desk.visitor.base}/worklist", 303)
    return RedirectResponse(address(desk.visitor.base, taken_back.episode_id) + "?told=undone", 303)


def _draw_episode(desk: Desk, episode_id: str, *, told: Told | None, status: int = 200) -> Response:
    logged = corrections_of(desk.session, desk.community_id, [episode_id])
    try:
        row: WaitRow | None = find_episode(desk.session, desk.community_id, episode_id)
    except EpisodeUnknown:
        if not logged:
            raise
        row = None  # a moderator said that it is none, or that it starts elsewhere
    changed_at = last_change_at(desk.session, desk.community_id, episode_id)
    thread = thread_of(desk.session, desk.community_id, episode_id)
    start = next((post for post in thread if post.id == episode_id), None)
    if start is None:
        raise EpisodeUnknown(f"no episode starts at the post {episode_id!r}")
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
        steps=[] if row is None else list(shown_steps(start, thread, row, desk.reader)),
        others=[show_post(post, desk.reader, n_characters=60) for post in thread if _may_start(post, start)],
        corrections=[shown_correction(one, thread, desk.reader) for one in logged],
        is_episode=row is not None,
        is_pending=row is not None and changed_at is not None and changed_at > row.worked_out_at,
        kinds=KINDS,
        correctors=CORRECTORS,
    )


def _may_start(post: PostRow, start: PostRow) -> bool:
    return post.role == "member" and post.id != start.id and post.deleted_at is None


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
