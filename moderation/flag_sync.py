"""Stage 6a: judgements in, one open item per post; what people decided stays decided."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from moderation.events import EventKind
from moderation.flag_rows import lock_posts, lock_rows, tell_of, with_status, write_priority, write_reasons
from moderation.flags import Flag
from moderation.priority import Reach, waits_since
from moderation.reports.wording import read_moment
from moderation.tables import CommunityRow, FlagRow, PostRow

NO_LONGER_HOLDS, ANSWERED, EDITED, DELETED = "no longer holds", "answered", "edited", "deleted"
"""Why the software takes an item out of the queue."""


@dataclass(frozen=True)
class JudgedPost:
    """What the newest judgement says of one post.

    Attributes
    ----------
    revision : of the post that was judged; the judgement counts only while the post is still at it.
    n_replies, n_amplifiers : replies by others, and those of them that say the same.
    is_answered : somebody gave a real answer, so nobody waits any more.
    """

    post_id: str
    thread_id: str
    revision: int
    created_at: datetime
    flags: tuple[Flag, ...]
    n_replies: int
    n_amplifiers: int
    likes: int
    is_answered: bool


def sync_flags(
    session: Session, community: CommunityRow, judged: Sequence[JudgedPost], *, model_version: str, now: datetime
) -> None:
    """Bring the queue in line with the newest judgement of some posts; the same one again changes nothing.

    A post has at most one open item with all its reasons. What a person decided stays decided for that revision of the
    post; a new revision is a new item. A claim is kept while the evidence changes. Judgements of a revision that is no
    longer the newest, and of deleted posts, are ignored.
    """
    judgements = {judgement.post_id: judgement for judgement in judged}
    posts = lock_posts(session, community.id, sorted(judgements))
    rows: dict[str, list[FlagRow]] = {}
    for row in lock_rows(session, community.id, sorted(judgements)):
        rows.setdefault(row.post_id, []).append(row)
    for post in posts:
        judgement = judgements[post.id]
        if post.deleted_at is None and post.revision == judgement.revision:
            _sync_post(session, post, judgement, rows.get(post.id, []), model_version=model_version, now=now)


def close_flags_of(session: Session, community_id: int, post_ids: Sequence[str], *, reason: str, at: datetime) -> None:
    """Take posts out of the queue, whatever holds of them; the caller has locked the posts."""
    for row in lock_rows(session, community_id, post_ids):
        if row.status == "open":
            _close(session, row, reason, at)


def _sync_post(
    session: Session,
    post: PostRow,
    judgement: JudgedPost,
    rows: Sequence[FlagRow],
    *,
    model_version: str,
    now: datetime,
) -> None:
    row = next((row for row in rows if row.revision == post.revision), None)
    outdated = next((row for row in rows if row.status == "open" and row.revision != post.revision), None)
    claim = (None, None) if outdated is None else (outdated.claimed_by, outdated.claimed_until)
    if outdated is not None:
        _close(session, outdated, EDITED, now)
        # One open row per post: the old one has to be written as closed before the new one comes.
        session.flush()
    if row is None:
        row = FlagRow(community_id=post.community_id, post_id=post.id, revision=post.revision, status="closed")
        row.reasons, row.claimed_by, row.claimed_until = [], *claim
    reasons = _merged(row.reasons, _wanted(judgement, row.reasons))
    if reasons:
        _update(session, row, judgement, reasons, model_version=model_version, now=now)


def _wanted(judgement: JudgedPost, reasons: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The reasons that hold and that nobody has decided about, by name, as they are stored."""
    decided_lanes = {reason["lane"] for reason in reasons if reason["status"] == "decided"}
    return {
        flag.reason: {**_as_stored(flag), "status": "open"}
        for flag in judgement.flags
        if flag.lane not in decided_lanes and not _is_answered(flag, judgement)
    }


def _is_answered(flag: Flag, judgement: JudgedPost) -> bool:
    return flag.lane == "answer" and (judgement.is_answered or flag.evidence.get("first_answer_at") is not None)


def _has_answer(judgement: JudgedPost) -> bool:
    return judgement.is_answered or any(_is_answered(flag, judgement) for flag in judgement.flags)


def _as_stored(flag: Flag) -> dict[str, Any]:
    """A flag as JSON gives it back, without how long it waits: that is another figure at every judgement."""
    stored: dict[str, Any] = json.loads(json.dumps(flag.as_json()))
    stored["evidence"].pop("waiting_seconds", None)
    return stored


def _merged(known: Sequence[Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    kept = [reason for reason in with_status(known, "open", "gone") if reason["reason"] not in wanted]
    return [*kept, *wanted.values()]


def _update(
    session: Session,
    row: FlagRow,
    judgement: JudgedPost,
    reasons: Sequence[Mapping[str, Any]],
    *,
    model_version: str,
    now: datetime,
) -> None:
    """Write the reasons, the rank and the event, if anything is new."""
    before, was_open = _snapshot(row), row.status == "open"
    if not was_open and not any(reason["status"] == "open" for reason in reasons):
        return
    is_answered = row.lanes == ["answer"] and _has_answer(judgement)
    write_reasons(row, reasons, closed_reason=ANSWERED if is_answered else NO_LONGER_HOLDS, at=now)
    row.thread_id, row.model_version = judgement.thread_id, model_version
    if not was_open:
        row.opened_at = now
    if row.status == "open":
        reach = Reach(judgement.n_replies, judgement.n_amplifiers, judgement.likes)
        since = read_moment(row.priority_parts["waits_since"]) if was_open else waits_since(judgement.created_at, now)
        write_priority(row, reach, posted_at=judgement.created_at, since=since)
    if _snapshot(row) == before:
        return
    row.updated_at = now
    session.add(row)
    session.flush()
    tell_of(session, row, _kind_of_change(row, was_open=was_open), closed_reason=row.closed_reason)


def _kind_of_change(row: FlagRow, *, was_open: bool) -> EventKind:
    if row.status != "open":
        return "flag_closed"
    return "flag_changed" if was_open else "flag_opened"


def _snapshot(row: FlagRow) -> tuple[Any, ...]:
    return (row.status, row.reasons, row.priority_parts, row.thread_id, row.model_version)


def _close(session: Session, row: FlagRow, reason: str, at: datetime) -> None:
    write_reasons(row, with_status(row.reasons, "open", "gone"), closed_reason=reason, at=at)
    row.updated_at = at
    tell_of(session, row, "flag_closed", closed_reason=reason)
