"""Negative episodes: what came of them, what moderators correct about them, and who is to be answered first."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AwareDatetime
from starlette.responses import JSONResponse, Response

from api.auth import COMMUNITY, ActingModerator, MayModerate, MayRead
from api.cursors import CursorParameter, Limit, read_place, read_rank, write_cursor
from api.deps import Now, ServiceParts, Transaction
from api.idempotency import Writing
from api.schemas.episodes import (
    CorrectionBody,
    CorrectionView,
    EpisodeDetailView,
    EpisodePageView,
    WorklistView,
    view_correction,
    view_standing,
    view_worklist_item,
)
from api.schemas.problem import WRITES, problems
from api.schemas.text import NO_NUL, RowId
from moderation.episode_corrections import (
    CorrectionRequest,
    corrections_of,
    last_change_at,
    record_correction,
    undo_correction,
)
from moderation.errors import EpisodeCorrectionUnknown
from moderation.wait_rows import EpisodeState, episode_json, find_episode, list_episodes
from moderation.worklist import list_worklist

router = APIRouter(prefix=COMMUNITY, tags=["Episodes"])

EpisodeId = Annotated[str, Path(pattern=NO_NUL, description="The post that opened it.", examples=["p1042"])]


@router.get("/episodes", summary="List negative episodes", response_model=EpisodePageView, responses=problems())
def read_episodes(
    caller: MayRead,
    session: Transaction,
    now: Now,
    state: EpisodeState | None = None,
    topic: RowId | None = None,
    since: AwareDatetime | None = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> JSONResponse:
    """Where somebody was unhappy and what came of it, oldest first; brought up to date as posts come in and change.

    `open` = nobody answered and somebody still can; `answered` = somebody did; `corrected` = it was put right.
    """
    found = list_episodes(
        session,
        caller.community.id,
        state=state,
        topic_id=topic,
        since=since,
        after=read_place(cursor),
        limit=limit + 1,
    )
    shown = found[:limit]
    next_cursor = write_cursor(shown[-1].started_at, shown[-1].post_id) if len(found) > limit else None
    return JSONResponse({"items": [episode_json(row, now=now) for row in shown], "next_cursor": next_cursor})


@router.get("/worklist", summary="List who is to be answered first", responses=problems())
def read_worklist(
    caller: MayRead, session: Transaction, now: Now, limit: Limit = 50, cursor: CursorParameter = None
) -> WorklistView:
    """Open episodes and unanswered questions, those first that may do most harm.

    With each: how long it waits, who is best placed to answer (members who answered such posts before and may be asked,
    or the staff), and the earlier answers that worked.
    """
    found = list_worklist(session, caller.community, now=now, after=read_rank(cursor), limit=limit + 1)
    shown = found[:limit]
    return WorklistView(
        items=[view_worklist_item(item, now=now) for item in shown],
        next_cursor=write_cursor(shown[-1].rank, shown[-1].post.id) if len(found) > limit else None,
    )


@router.post(
    "/episodes/{episode_id:path}/corrections",
    summary="Correct an episode",
    response_model=CorrectionView,
    responses=problems(409, *WRITES),
)
def correct_episode(
    caller: MayModerate,
    episode_id: EpisodeId,
    body: CorrectionBody,
    session: Transaction,
    write: Writing,
    moderator: ActingModerator,
    service: ServiceParts,
    now: Now,
) -> Response:
    """Says what the software got wrong; it holds from then on, whatever is found later, until it is taken back.

    `no_episode`, `other_start` (`post_id` is the new start) and `episode` (a post that was missed) say where an
    episode is; `reply_kind` what a reply is; `amplifies` and `amplifies_not` whether a post joins in; `corrected` (with
    the post that shows it) and `not_corrected` what came of it. The episode is judged anew within seconds.

    A question is corrected in the same way, with the post that asks in the place of the episode: `no_question`,
    `question` (one that was missed), and `reply_kind` for what answers it and what does not.
    """

    def record() -> CorrectionView:
        if body.undoes is not None:
            undo = undo_correction(session, caller.community, body.undoes, moderator=moderator, now=now)
            if undo.episode_id != episode_id:
                raise EpisodeCorrectionUnknown(f"correction {body.undoes} is not about the episode {episode_id!r}")
            return view_correction(undo, moderator.name)
        assert body.action != "undo"  # the body was checked
        request = CorrectionRequest(body.action, body.post_id, body.kind, body.put_right_by, body.note)
        row = record_correction(
            session,
            caller.community,
            episode_id,
            request,
            moderator=moderator,
            model_version=service.models.version,
            now=now,
        )
        return view_correction(row, moderator.name)

    return write.once(caller.community, record)


@router.get("/episodes/{episode_id:path}", summary="Read an episode", responses=problems())
def read_episode(caller: MayRead, episode_id: EpisodeId, session: Transaction, now: Now) -> EpisodeDetailView:
    """Every post that speaks to it and why it counts, and what moderators corrected."""
    row = find_episode(session, caller.community.id, episode_id)
    logged = corrections_of(session, caller.community.id, [episode_id])
    changed_at = last_change_at(session, caller.community.id, episode_id)
    return EpisodeDetailView.model_validate(
        {
            "episode": episode_json(row, now=now),
            "corrections": [view_standing(one) for one in logged],
            "is_up_to_date": changed_at is None or changed_at <= row.worked_out_at,
        }
    )
