"""Episodes and questions as rows: brought in line thread by thread, and listed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import and_, delete, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from moderation.corpus import Corpus
from moderation.corrections import CORRECTION_WINDOW
from moderation.episode_corrections import load_overrides
from moderation.episode_overrides import Overrides
from moderation.errors import EpisodeUnknown
from moderation.flags import Flag
from moderation.reports.wording import read_moment
from moderation.response_times import NOT_TURNED, WINDOW_OPEN, waits_json
from moderation.tables import WaitRow
from moderation.wait_records import WaitRecord, wait_records
from moderation.waits import measure_episodes, measure_questions

EpisodeState = Literal["open", "answered", "corrected"]


@dataclass(frozen=True)
class Judged:
    """Whose threads are judged, by which models, and when.

    Attributes
    ----------
    end_at : open waits are watched until then; a deletion or a lock counts up to then.
    """

    community_id: int
    model_version: str
    end_at: datetime
    at: datetime


def judge_waits(
    session: Session,
    corpus: Corpus,
    judged: Judged,
    *,
    topic_of: Sequence[int | None],
    thread_ids: Collection[str],
) -> tuple[dict[str, Any], Overrides]:
    """Work out anew who waits in some whole threads, as the moderators have it, and keep it.

    Returns
    -------
    The episodes and unanswered questions as in response_times.json, and what moderators said.
    """
    overrides = load_overrides(session, judged.community_id, [post.id for post in corpus.posts])
    episodes = measure_episodes(corpus, end_at=judged.end_at, overrides=overrides)
    questions = measure_questions(corpus, end_at=judged.end_at, overrides=overrides)
    waits = waits_json(corpus, episodes, questions, topic_of=topic_of, end_at=judged.end_at)
    records = wait_records(corpus, episodes, questions, listed=waits["episodes"], topic_of=topic_of)
    store_waits(session, corpus, records, judged, thread_ids=thread_ids)
    return waits, overrides


def without_ruled_out(
    flags: Sequence[tuple[Flag, ...]], corpus: Corpus, waits: Mapping[str, Any], overrides: Overrides
) -> list[tuple[Flag, ...]]:
    """The flags without the unhappiness that a moderator ruled out: a post that is in no episode any more."""
    in_episodes = {post_id for each in waits["episodes"] for post_id in (each["id"], *each["amplifying_post_ids"])}
    ruled_out = {post_id for post_id, starts in overrides.starts.items() if not starts} - in_episodes
    return [
        tuple(flag for flag in of_row if flag.reason != "negative_wom" or post.id not in ruled_out)
        for of_row, post in zip(flags, corpus.posts, strict=True)
    ]


def forget_waits(session: Session, community_id: int, thread_ids: Collection[str]) -> None:
    """Nobody waits any more in threads that hold no posts."""
    of_threads = WaitRow.community_id == community_id, WaitRow.thread_id == func.any(sorted(thread_ids))
    session.execute(delete(WaitRow).where(*of_threads))


def store_waits(
    session: Session, corpus: Corpus, records: Sequence[WaitRecord], judged: Judged, *, thread_ids: Collection[str]
) -> None:
    """Put the newest judgement of some whole threads in the place of what was known of them.

    Parameters
    ----------
    thread_ids : those of the corpus, and those that have no posts any more.
    """
    rows = [
        _row_values(corpus, record, judged)
        for record in sorted(records, key=lambda record: (record.kind, corpus.posts[record.row].id))
    ]
    post_ids = [post.id for post in corpus.posts]
    known = and_(
        WaitRow.community_id == judged.community_id,
        or_(WaitRow.thread_id == func.any(sorted(thread_ids)), WaitRow.post_id == func.any(post_ids)),
    )
    kept = tuple_(WaitRow.kind, WaitRow.post_id).in_([(row["kind"], row["post_id"]) for row in rows])
    session.execute(delete(WaitRow).where(known, ~kept))
    if not rows:
        return
    statement = insert(WaitRow)
    fixed = {"community_id", "kind", "post_id", "first_seen_at"}
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[WaitRow.community_id, WaitRow.kind, WaitRow.post_id],
            set_={name: statement.excluded[name] for name in rows[0] if name not in fixed},
        ),
        rows,
    )


def _row_values(corpus: Corpus, record: WaitRecord, judged: Judged) -> dict[str, Any]:
    post = corpus.posts[record.row]
    return {
        "community_id": judged.community_id,
        "kind": record.kind,
        "post_id": post.id,
        "thread_id": post.thread_id,
        "started_at": post.created_at,
        "topic_id": record.topic_id,
        "is_open": record.is_open,
        "answer_post_id": None if record.answer_row is None else corpus.posts[record.answer_row].id,
        "worked": record.worked,
        "contents": dict(record.contents),
        "model_version": judged.model_version,
        "first_seen_at": judged.at,
        "worked_out_at": judged.at,
    }


def list_episodes(
    session: Session,
    community_id: int,
    *,
    state: EpisodeState | None,
    topic_id: int | None,
    since: datetime | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[WaitRow]:
    """Negative episodes as they stand now, oldest first.

    Parameters
    ----------
    state : "open" = nobody answered and somebody still can; "answered" = somebody did, put right or not.
    after : start and id of the last episode of the page before.
    """
    statement = select(WaitRow).where(WaitRow.community_id == community_id, WaitRow.kind == "episode")
    if state is not None:
        is_in = {
            "open": WaitRow.is_open,
            "answered": WaitRow.answer_post_id.is_not(None),
            "corrected": WaitRow.contents["corrected"].astext.is_not(None),
        }
        statement = statement.where(is_in[state])
    if topic_id is not None:
        statement = statement.where(WaitRow.topic_id == topic_id)
    if since is not None:
        statement = statement.where(WaitRow.started_at >= since)
    if after is not None:
        statement = statement.where(tuple_(WaitRow.started_at, WaitRow.post_id) > after)
    return session.scalars(statement.order_by(WaitRow.started_at, WaitRow.post_id).limit(limit)).all()


def find_episode(session: Session, community_id: int, episode_id: str) -> WaitRow:
    """One episode as it stands now.

    Raises
    ------
    EpisodeUnknown
    """
    row = session.get(WaitRow, (community_id, "episode", episode_id), populate_existing=True)
    if row is None:
        raise EpisodeUnknown(f"no episode starts at the post {episode_id!r}")
    return row


def episode_json(row: WaitRow, *, now: datetime) -> Mapping[str, Any]:
    """An episode as the API tells it; only time can turn "not over yet" into "not put right"."""
    contents, answered_at = row.contents, row.contents["first_answer_at"]
    reason = contents["corrected_reason"]
    if reason == WINDOW_OPEN and read_moment(answered_at) + CORRECTION_WINDOW <= now:
        reason = NOT_TURNED
    return {**contents, "corrected_reason": reason, "worked_out_at": row.worked_out_at.isoformat()}
