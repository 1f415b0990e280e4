"""One question of a member with what came after it, and a button where the software read it wrongly."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from api.deps import ServiceParts
from api.pages.addresses import question_address
from api.pages.desk import AtDesk, Desk, SendsFromDesk
from api.pages.drawing import draw
from api.pages.queue import Told
from api.pages.queue_view import Reader, show_post
from api.pages.steps import shown_correction, shown_steps
from api.pages.threads import thread_of
from moderation.episode_corrections import (
    OF_QUESTIONS,
    CorrectionRequest,
    LoggedCorrection,
    corrections_of,
    last_change_at,
    record_correction,
)
from moderation.errors import EpisodeCorrectionRefused, EpisodeUnknown
from moderation.replies import ReplyKind
from moderation.reports.wording import read_moment
from moderation.tables import PostRow, WaitRow

router = APIRouter(include_in_schema=False)

QuestionId = Annotated[str, Path(pattern=r"^[^\x00]*$")]
QuestionAction = Literal["question", "no_question", "reply_kind"]


@router.get("/questions/{question_id:path}")
def question_page(desk: AtDesk, question_id: QuestionId, told: Annotated[str, Query(max_length=20)] = "") -> Response:
    """One question, and what came after it."""
    lines = {"corrected": "correction.told", "undone": "correction.told_undone"}
    line = Told(desk.texts.say(lines[told])) if told in lines else None
    return _draw_question(desk, question_id, told=line)


@router.post("/questions/{question_id:path}/corrections")
def correct(
    desk: SendsFromDesk,
    service: ServiceParts,
    question_id: QuestionId,
    action: Annotated[QuestionAction, Form()],
    post_id: Annotated[str | None, Form(max_length=500)] = None,
    kind: Annotated[ReplyKind | None, Form()] = None,
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Say what the software got wrong about a question."""
    request = CorrectionRequest(action, post_id, kind, note=note.strip() or None)
    try:
        with desk.session.begin_nested():
            record_correction(
                desk.session,
                desk.visitor.community_row,
                question_id,
                request,
                moderator=desk.visitor.moderator,
                model_version=service.models.version,
                now=desk.now,
            )
    except EpisodeCorrectionRefused as error:
        told = Told(desk.texts.say(f"question.refused.{error.field}"), tone="warn")
        return _draw_question(desk, question_id, told=told, status=422)
    return RedirectResponse(question_address(desk.visitor.base, question_id) + "?told=corrected", 303)


def _draw_question(desk: Desk, question_id: str, *, told: Told | None, status: int = 200) -> Response:
    logged = [one for one in corrections_of(desk.session, desk.community_id, [question_id]) if _is_of_question(one)]
    row = desk.session.get(WaitRow, (desk.community_id, "question", question_id), populate_existing=True)
    thread = thread_of(desk.session, desk.community_id, question_id)
    start = next((post for post in thread if post.id == question_id), None)
    if start is None or (row is None and not logged):
        raise EpisodeUnknown(f"no question is asked by the post {question_id!r}")
    return draw(
        desk.request,
        "question.html.j2",
        desk.texts,
        status=status,
        visitor=desk.visitor,
        here="worklist",
        told=told,
        address=question_address(desk.visitor.base, question_id),
        start=show_post(start, desk.reader),
        state=_state_words(row, thread, desk.reader),
        steps=[] if row is None else list(shown_steps(start, thread, row, desk.reader)),
        corrections=[shown_correction(one, thread, desk.reader) for one in logged],
        is_question=row is not None,
        is_pending=_is_pending(desk, row, start, logged),
    )


def _is_of_question(one: LoggedCorrection) -> bool:
    return one.row.action in OF_QUESTIONS or one.row.action == "reply_kind"


def _is_pending(desk: Desk, row: WaitRow | None, start: PostRow, logged: Sequence[LoggedCorrection]) -> bool:
    """Whether what was said last has yet to be worked in."""
    if row is None:
        standing = [one.row.action for one in logged if one.undone_at is None and one.row.action in OF_QUESTIONS]
        return standing[-1:] == ["question"] and start.deleted_at is None
    changed_at = last_change_at(desk.session, desk.community_id, start.id)
    return changed_at is not None and changed_at > row.worked_out_at


def _state_words(row: WaitRow | None, thread: Sequence[PostRow], reader: Reader) -> str:
    """What came of a question, in a sentence."""
    say = reader.texts.say
    if row is None:
        return say("question.none")
    if row.is_open:
        return say("question.open")
    answer = next((post for post in thread if post.id == row.answer_post_id), None)
    if answer is None:
        return say("question.closed")
    key = "question.solved" if row.worked == "accepted" else f"question.answered_{answer.role}"
    return say(key, at=reader.texts.wording.minute(read_moment(row.contents["first_answer_at"])))
