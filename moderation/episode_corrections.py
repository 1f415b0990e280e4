"""What moderators correct about complaints and questions: rows only added to, listed, and given out to train on."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from moderation.corrections import Corrector
from moderation.episode_overrides import Action, Override, Overrides, standing_overrides
from moderation.errors import (
    EpisodeCorrectionRefused,
    EpisodeCorrectionUndone,
    EpisodeCorrectionUnknown,
    EpisodeUnknown,
)
from moderation.ingest import find_post
from moderation.job_queue import defer_scoring
from moderation.replies import ReplyKind
from moderation.tables import CommunityRow, EpisodeCorrectionRow, ModeratorRow, PostRow, WaitRow
from moderation.wait_records import WaitKind

_UNDO = aliased(EpisodeCorrectionRow)
OPENS: Mapping[Action, WaitKind] = {"episode": "episode", "question": "question"}
"""What an action makes of a post that is none yet."""
OF_QUESTIONS: frozenset[Action] = frozenset({"no_question", "question"})
NAMES_A_POST: frozenset[Action] = frozenset({"other_start", "reply_kind", "amplifies", "amplifies_not", "corrected"})


@dataclass(frozen=True)
class CorrectionRequest:
    """What a moderator says of an episode; the fields of `EpisodeCorrectionRow`."""

    action: Action
    post_id: str | None = None
    kind: ReplyKind | None = None
    put_right_by: Corrector | None = None
    note: str | None = None


@dataclass(frozen=True)
class LoggedCorrection:
    """A correction with who gave it, and when and by whom it was taken back (None = it stands)."""

    row: EpisodeCorrectionRow
    moderator: str
    undone_at: datetime | None
    undone_by: str | None


def record_correction(
    session: Session,
    community: CommunityRow,
    episode_id: str,
    request: CorrectionRequest,
    *,
    moderator: ModeratorRow,
    model_version: str,
    now: datetime,
) -> EpisodeCorrectionRow:
    """Write down what a moderator says of an episode, and have its thread judged anew.

    Raises
    ------
    PostUnknown
        The post that is named is not there.
    EpisodeUnknown
        No episode starts at the post, or it asks nothing; only "episode" and "question" may name any post of a member,
        and "reply_kind" either.
    EpisodeCorrectionRefused
        The action does not go with what is named.
    """
    start = find_post(session, community, episode_id)
    wait = _wait_of(session, community.id, episode_id, request.action)
    if wait is None and request.action not in OPENS:
        raise EpisodeUnknown(
            f"no episode or question that {request.action} goes with starts at the post {episode_id!r}"
        )
    _check(session, community, start, request)
    row = EpisodeCorrectionRow(
        community_id=community.id,
        episode_id=episode_id,
        action=request.action,
        post_id=request.post_id,
        kind=request.kind,
        put_right_by=request.put_right_by,
        note=request.note,
        before={} if wait is None else _said_before(wait, request),
        model_version=model_version if wait is None else wait.model_version,
        moderator_id=moderator.id,
        corrected_at=now,
    )
    session.add(row)
    session.flush()
    defer_scoring(session, community.id, [episode_id], is_backfill=False)
    return row


def undo_correction(
    session: Session, community: CommunityRow, correction_id: int, *, moderator: ModeratorRow, now: datetime
) -> EpisodeCorrectionRow:
    """Take a correction back by a row of its own, and have the thread judged anew.

    Raises
    ------
    EpisodeCorrectionUnknown, EpisodeCorrectionUndone
    EpisodeCorrectionRefused
        It is an undo itself.
    """
    mine = EpisodeCorrectionRow.community_id == community.id, EpisodeCorrectionRow.id == correction_id
    row = session.scalar(select(EpisodeCorrectionRow).where(*mine).with_for_update())
    if row is None:
        raise EpisodeCorrectionUnknown(f"there is no correction {correction_id}")
    if row.action == "undo":
        raise EpisodeCorrectionRefused("action", "an undo cannot be undone; correct again")
    if session.scalar(select(exists().where(EpisodeCorrectionRow.undoes == row.id))):
        raise EpisodeCorrectionUndone(f"correction {correction_id} was taken back before")
    undo = EpisodeCorrectionRow(
        community_id=community.id,
        episode_id=row.episode_id,
        action="undo",
        before={},
        model_version=row.model_version,
        moderator_id=moderator.id,
        undoes=row.id,
        corrected_at=now,
    )
    session.add(undo)
    session.flush()
    defer_scoring(session, community.id, [row.episode_id], is_backfill=False)
    return undo


def load_overrides(session: Session, community_id: int, post_ids: Collection[str] | None = None) -> Overrides:
    """What stands of the corrections of the episodes that start at some posts, or of all (None)."""
    statement = (
        select(EpisodeCorrectionRow)
        .where(
            EpisodeCorrectionRow.community_id == community_id,
            EpisodeCorrectionRow.action != "undo",
            ~exists(select(_UNDO.id).where(_UNDO.undoes == EpisodeCorrectionRow.id)),
        )
        .order_by(EpisodeCorrectionRow.id)
    )
    if post_ids is not None:
        statement = statement.where(EpisodeCorrectionRow.episode_id == func.any(sorted(post_ids)))
    return standing_overrides([_as_override(row) for row in session.scalars(statement)])


def corrections_of(
    session: Session, community_id: int, episode_ids: Collection[str] | None = None
) -> list[LoggedCorrection]:
    """The corrections of some episodes, or of all (None), oldest first; undos stand with what they take back."""
    undoer = aliased(ModeratorRow)
    statement = (
        select(EpisodeCorrectionRow, ModeratorRow.name, _UNDO.corrected_at, undoer.name)
        .join(ModeratorRow, ModeratorRow.id == EpisodeCorrectionRow.moderator_id)
        .outerjoin(_UNDO, _UNDO.undoes == EpisodeCorrectionRow.id)
        .outerjoin(undoer, undoer.id == _UNDO.moderator_id)
        .where(EpisodeCorrectionRow.community_id == community_id, EpisodeCorrectionRow.action != "undo")
        .order_by(EpisodeCorrectionRow.id)
    )
    if episode_ids is not None:
        statement = statement.where(EpisodeCorrectionRow.episode_id == func.any(sorted(episode_ids)))
    return [LoggedCorrection(*found) for found in session.execute(statement)]


def last_change_at(session: Session, community_id: int, episode_id: str) -> datetime | None:
    """When somebody last corrected an episode or took a correction back; None = nobody did."""
    mine = EpisodeCorrectionRow.community_id == community_id, EpisodeCorrectionRow.episode_id == episode_id
    return session.scalar(select(func.max(EpisodeCorrectionRow.corrected_at)).where(*mine))


def export_corrections(session: Session, community_id: int) -> Iterator[dict[str, Any]]:
    """Every correction with the words that it is about, as they are now: examples to train and to check by."""
    logged = corrections_of(session, community_id)
    named = {post_id for one in logged for post_id in (one.row.episode_id, one.row.post_id) if post_id is not None}
    mine = PostRow.community_id == community_id, PostRow.id == func.any(sorted(named))
    posts = {post.id: post for post in session.scalars(select(PostRow).where(*mine))}
    for one in logged:
        row = one.row
        yield {
            "id": row.id,
            "action": row.action,
            "kind": row.kind,
            "put_right_by": row.put_right_by,
            "note": row.note,
            "moderator": one.moderator,
            "corrected_at": row.corrected_at.isoformat(),
            "undone_at": None if one.undone_at is None else one.undone_at.isoformat(),
            "before": row.before,
            "model_version": row.model_version,
            "episode": _words_json(row.episode_id, posts),
            "post": None if row.post_id is None else _words_json(row.post_id, posts),
        }


def _words_json(post_id: str, posts: dict[str, PostRow]) -> dict[str, Any]:
    """A post's words; of one that is gone only its id."""
    post = posts.get(post_id)
    if post is None or post.deleted_at is not None:
        return {"id": post_id, "title": None, "text": None, "reason": "deleted"}
    return {"id": post_id, "title": post.title, "text": post.text, "role": post.role, "language": post.language}


def _as_override(row: EpisodeCorrectionRow) -> Override:
    # The columns hold what `CorrectionRequest` allows; the database checks it too.
    return Override(row.episode_id, row.action, row.post_id, row.kind, row.put_right_by)  # type: ignore[arg-type]


def _wait_of(session: Session, community_id: int, post_id: str, action: Action) -> WaitRow | None:
    """The complaint or question that an action is about; of a post that is both, a reply is one to the complaint."""
    kinds: tuple[WaitKind, ...] = ("question",) if action in OF_QUESTIONS else ("episode",)
    if action == "reply_kind":
        kinds = ("episode", "question")
    found = (session.get(WaitRow, (community_id, kind, post_id), populate_existing=True) for kind in kinds)
    return next((row for row in found if row is not None), None)


def _said_before(wait: WaitRow, request: CorrectionRequest) -> dict[str, Any]:
    """What the software said of the thing that is corrected."""
    contents = wait.contents
    if request.action in OF_QUESTIONS:
        return {"p_question": contents["p_question"]}
    if request.action in ("reply_kind", "other_start"):
        # Questions that were last judged by an earlier version of Klankbord hold no replies.
        replies = contents.get("replies", ())
        reply = next((reply for reply in replies if reply["post_id"] == request.post_id), None)
        return {"reply": reply}
    if request.action in ("amplifies", "amplifies_not"):
        return {"amplifies": request.post_id in contents["amplifying_post_ids"]}
    if request.action in ("corrected", "not_corrected"):
        return {"corrected": contents["corrected"], "evidence": contents["evidence"]["correction"]}
    return {"p_negative_wom": contents["p_negative_wom"]}


def _check(session: Session, community: CommunityRow, start: PostRow, request: CorrectionRequest) -> None:
    """Refuse what cannot be.

    Raises
    ------
    PostUnknown, EpisodeCorrectionRefused
    """
    if (request.post_id is not None) != (request.action in NAMES_A_POST):
        raise EpisodeCorrectionRefused("post_id", f"{request.action} {_needs(request.post_id is None)} post_id")
    if (request.kind is not None) != (request.action == "reply_kind"):
        raise EpisodeCorrectionRefused("kind", "reply_kind needs kind, and nothing else does")
    if (request.put_right_by is not None) != (request.action == "corrected"):
        raise EpisodeCorrectionRefused("put_right_by", "corrected needs put_right_by, and nothing else does")
    if request.action in OPENS and start.role != "member":
        raise EpisodeCorrectionRefused("action", "an episode or a question starts at a post of a member")
    if request.post_id is not None:
        _check_other(start, find_post(session, community, request.post_id), request.action)


def _needs(is_missing: bool) -> str:
    return "needs" if is_missing else "takes no"


def _check_other(start: PostRow, other: PostRow, action: Action) -> None:
    """Refuse a post that cannot be what is said of it.

    Raises
    ------
    EpisodeCorrectionRefused
    """
    if other.id == start.id or other.thread_id != start.thread_id:
        raise EpisodeCorrectionRefused("post_id", "name another post of the same thread")
    if action == "other_start" and other.role != "member":
        raise EpisodeCorrectionRefused("post_id", "an episode starts at a post of a member")
    is_own = other.author_id is not None and other.author_id == start.author_id
    if action in ("reply_kind", "amplifies", "amplifies_not") and (is_own or other.created_at < start.created_at):
        raise EpisodeCorrectionRefused("post_id", "name a later post by somebody else")
    if action == "corrected" and other.created_at < start.created_at:
        raise EpisodeCorrectionRefused("post_id", "name a later post")
