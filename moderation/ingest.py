"""Stage 1 of the service: records in, posts and their jobs stored in one transaction.

A record may come any number of times and in any order: the newest version of a post wins, a deletion stays.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Integer, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from moderation.communities import community_of
from moderation.errors import PostUnknown, RecordRefused
from moderation.events import tell
from moderation.flag_sync import close_flags_of
from moderation.job_queue import defer_scoring
from moderation.posts import Post, content_hash
from moderation.records import read_record
from moderation.tables import CommunityRow, PostRow
from moderation.tombstones import load_tombstones

Status = Literal["accepted", "unchanged", "rejected"]
_DAY = timedelta(days=1)
_NEVER = datetime.min.replace(tzinfo=UTC)
_POST_FIELDS = tuple(field.name for field in fields(Post))


@dataclass(frozen=True)
class Outcome:
    """What became of one record.

    Attributes
    ----------
    index : its place among the records, from 0.
    id : None where the record has none that can be read.
    field, reason : what is wrong with it; None unless it was rejected.
    """

    index: int
    id: str | None
    status: Status
    field: str | None = None
    reason: str | None = None


def store_posts(
    session: Session, community: CommunityRow, records: Sequence[object], *, now: datetime, is_backfill: bool = False
) -> list[Outcome]:
    """Store what is new in some records and have it scored.

    Parameters
    ----------
    records : as they came out of JSON; those that cannot be read are rejected one by one.
    now : what "a day ahead" is measured from.
    is_backfill : the posts are old; they are scored after those that are not.

    Returns
    -------
    One outcome per record, in order. Of several records of one post all but the version that was stored are
    "unchanged".
    """
    staff = frozenset(community_of(community).staff)
    erased = load_tombstones(session, community.id)
    outcomes: list[Outcome] = []
    posts: dict[str, Post] = {}
    index_of: dict[str, int] = {}
    for index, record in enumerate(records):
        try:
            post = read_record(record, latest_at=now + _DAY, staff=staff).post
        except RecordRefused as refusal:
            outcomes.append(Outcome(index, _id_of(record), "rejected", refusal.field, refusal.reason))
            continue
        if erased.has(post.author_id):
            outcomes.append(Outcome(index, post.id, "rejected", "author_id", "is that of a member who was erased"))
            continue
        outcomes.append(Outcome(index, post.id, "unchanged"))
        version = newer_version(posts[post.id], post) if post.id in posts else post
        if version != posts.get(post.id):
            posts[post.id], index_of[post.id] = version, index
    for post_id in store_versions(session, community, posts.values(), now=now, is_backfill=is_backfill):
        outcomes[index_of[post_id]] = replace(outcomes[index_of[post_id]], status="accepted")
    return outcomes


def store_versions(
    session: Session, community: CommunityRow, posts: Iterable[Post], *, now: datetime, is_backfill: bool
) -> list[str]:
    """Store the posts, one version each, that are newer than what is there; returns the ids of what changed.

    Posts of members who were erased are passed over.
    """
    take_turn(session, community.id)
    by_id = {post.id: post for post in load_tombstones(session, community.id).without_erased(posts)}
    known = {row.id: row for row in _lock_posts(session, community.id, sorted(by_id))}
    versions = [next_version(known.get(post_id), by_id[post_id]) for post_id in sorted(by_id)]
    rows = [
        _row_values(community.id, known.get(version.id), version, now=now, is_backfill=is_backfill)
        for version in versions
        if version is not None
    ]
    _upsert(session, rows)
    waiting = [row["id"] for row in rows if row["waiting_since"] is not None]
    defer_scoring(session, community.id, waiting, is_backfill=is_backfill)
    gone = [row["id"] for row in rows if row["waiting_since"] is None]
    close_flags_of(session, community.id, gone, reason="deleted", at=now)
    left = {known[row["id"]].thread_id for row in rows if row["id"] in known} - {row["thread_id"] for row in rows}
    # What they answered may wait again.
    judged_anew = [post_id for post_id in gone if post_id in known] + _first_posts(session, community.id, left)
    defer_scoring(session, community.id, judged_anew, is_backfill=is_backfill)
    return [row["id"] for row in rows]


def delete_post(session: Session, community: CommunityRow, post_id: str, *, at: datetime) -> None:
    """Leave a tombstone that no later edit revives, and close the post's flag. A second deletion changes nothing.

    Raises
    ------
    PostUnknown
    """
    row = find_post(session, community, post_id, lock=True)
    if row.deleted_at is None:
        row.deleted_at, row.waiting_since = at, None
        close_flags_of(session, community.id, [post_id], reason="deleted", at=at)
        if row.kind == "post":  # what it answered may wait again
            defer_scoring(session, community.id, [post_id], is_backfill=False)
        tell(session, community.id, "post_deleted", {"post_id": post_id})


def recover_post(session: Session, community: CommunityRow, post_id: str, *, now: datetime) -> None:
    """Take a deletion back, on somebody's word, and judge the post anew.

    Raises
    ------
    PostUnknown
    """
    row = find_post(session, community, post_id, lock=True)
    if row.deleted_at is not None:
        row.deleted_at = None
        if row.kind == "post":
            row.waiting_since = now
            defer_scoring(session, community.id, [post_id], is_backfill=False)


def find_post(session: Session, community: CommunityRow, post_id: str, *, lock: bool = False) -> PostRow:
    """The newest version of a post.

    Raises
    ------
    PostUnknown
    """
    statement = select(PostRow).where(PostRow.community_id == community.id, PostRow.id == post_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = session.scalar(statement)
    if row is None:
        raise PostUnknown(f"there is no post {post_id!r} in {community.slug}")
    return row


def to_post(row: PostRow) -> Post:
    """The record that a row was made of."""
    return Post(**{name: getattr(row, name) for name in _POST_FIELDS})


def words_hash(post: Post) -> str:
    """Name the words of a post, and what else the signals are read from; SHA-256 in hexadecimal."""
    return hashlib.sha256(repr((post.title, post.text, post.is_html, post.language)).encode()).hexdigest()


def take_turn(session: Session, community_id: int) -> None:
    """Wait for others who bring posts: of two that bring the same new post neither could see the other's."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext("ingest"), cast(community_id, Integer))))


def _lock_posts(session: Session, community_id: int, post_ids: Sequence[str]) -> Sequence[PostRow]:
    """What is known of some posts, locked in one order, so that two imports of the same cannot wait for each other."""
    statement = select(PostRow).where(PostRow.community_id == community_id, PostRow.id == func.any(list(post_ids)))
    statement = statement.order_by(PostRow.id).with_for_update()
    return session.scalars(statement, execution_options={"populate_existing": True}).all()


def next_version(known: PostRow | None, post: Post) -> Post | None:
    """What a post becomes when a record of it arrives; None if the record is no news.

    An older `updated_at` is a late arrival and changes nothing but a deletion; of equal ones (or none at all) what
    arrives last is the newest. A deletion stays, whichever record tells it.
    """
    if known is None:
        return post
    stored = to_post(known)
    version = newer_version(stored, post)
    return None if version == stored else version


def newer_version(earlier: Post, arrived: Post) -> Post:
    """Of two records of one post the one that counts; a deletion stays, whichever of them tells it."""
    is_late = (arrived.updated_at or _NEVER) < (earlier.updated_at or _NEVER)
    deleted_at = min((at for at in (earlier.deleted_at, arrived.deleted_at) if at is not None), default=None)
    return replace(earlier if is_late else arrived, deleted_at=deleted_at)


def _row_values(
    community_id: int, known: PostRow | None, version: Post, *, now: datetime, is_backfill: bool
) -> dict[str, Any]:
    """The columns of a post's new version; what only the service knows is kept."""
    hashed = words_hash(version)
    reads_anew = known is None or known.words_hash != hashed
    is_analysed = version.kind == "post" and version.deleted_at is None
    return {
        **{name: getattr(version, name) for name in _POST_FIELDS},
        "community_id": community_id,
        "content_hash": content_hash(version),
        "words_hash": hashed,
        "revision": 1 if known is None else known.revision + int(reads_anew),
        "waiting_since": now if is_analysed else None,
        "not_scored_reason": None,
        "is_backfill": is_backfill,
    }


def _first_posts(session: Session, community_id: int, thread_ids: Collection[str]) -> list[str]:
    """A post of each thread that is still there, so that the thread is judged without those that left it."""
    in_threads = PostRow.community_id == community_id, PostRow.thread_id == func.any(sorted(thread_ids))
    return list(session.scalars(select(func.min(PostRow.id)).where(*in_threads).group_by(PostRow.thread_id)))


def _upsert(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    statement = insert(PostRow)
    kept = {"community_id", "id"}
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[PostRow.community_id, PostRow.id],
            set_={name: statement.excluded[name] for name in rows[0] if name not in kept},
        ),
        list(rows),
    )


def clear_failures(session: Session, community_id: int, *, now: datetime) -> int:
    """Have every post that could not be scored tried again; returns how many."""
    statement = (
        update(PostRow)
        .where(PostRow.community_id == community_id, PostRow.not_scored_reason.is_not(None))
        .values(not_scored_reason=None, waiting_since=now)
        .returning(PostRow.id)
    )
    post_ids = sorted(session.scalars(statement))
    defer_scoring(session, community_id, post_ids, is_backfill=True)
    return len(post_ids)


def _id_of(record: object) -> str | None:
    found = record.get("id") if isinstance(record, dict) else None
    return found if isinstance(found, str) else None
