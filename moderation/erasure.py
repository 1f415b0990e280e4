"""Erases one member from a community, or a whole community, in one transaction.

What stays, and says nothing about a person: counts in the history of topics, the tombstone (a salted hash that keeps a
later import from bringing the person back), and the counts of what was erased. What everything else was made of is
worked out anew at once; until then the reports are missing rather than wrong.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Column, Table, Text, delete, func, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from moderation.erasure_quotes import Words, words_of
from moderation.erasure_scrub import GONE, IDENTIFIES, Traces
from moderation.errors import MemberUnknown
from moderation.events import tell
from moderation.incoming import lock_community
from moderation.ingest import take_turn, to_post, words_hash
from moderation.job_queue import defer_refit, defer_scoring
from moderation.posts import Post, content_hash
from moderation.proposals import forget_author
from moderation.tables import (
    Base,
    CommunityRow,
    ErasureRow,
    FindingRow,
    FitRow,
    LeftOutRow,
    PostRow,
    ScoreRow,
    TopicEventRow,
    TopicOrderRow,
    TopicStateRow,
    WebhookDeliveryRow,
    WebhookRow,
)
from moderation.tombstones import hash_author, load_tombstones, new_salt

KEPT_FINDINGS = ("topics", "failure")
"""The others rest on what the person wrote; these two are needed to go on, and are cleaned."""

HANDLED_APART = frozenset({"communities", "posts", "scores", "findings", "fits", "left_out", "erasures"})
"""Tables that are not cleaned row by row; see `erase_member`."""
NOT_OF_MEMBERS = frozenset({"moderators", "sign_ins", "api_keys", "webhooks", "digest_recipients", "digests"})
"""Who works for the organisation, and where to reach them; not written by members, and not about them."""


@dataclass
class Erasure:
    """What was erased.

    Attributes
    ----------
    n_posts : of the person.
    rows_deleted, rows_changed : of other rows, by table.
    named_in_post_ids : posts of others in which the name still stands, for a person to read; not stored.
    """

    id: int
    erased_at: datetime
    n_posts: int
    rows_deleted: dict[str, int] = field(default_factory=dict)
    rows_changed: dict[str, int] = field(default_factory=dict)
    named_in_post_ids: list[str] = field(default_factory=list)


def erase_member(
    session: Session, community: CommunityRow, author_id: str, *, erased_by: str, now: datetime
) -> Erasure:
    """Erase everything that is stored of one author, and keep a later import from bringing it back.

    A second erasure of the same author erases what may have come since, and is no error.

    Raises
    ------
    MemberUnknown
        Nobody of that id wrote here, is left out, or was erased before.
    """
    take_turn(session, community.id)
    community = lock_community(session, community.id)
    _allow_changes(session)
    posts = [to_post(row) for row in session.scalars(_posts_by(community.id, author_id))]
    if not posts and not _is_known(session, community, author_id):
        raise MemberUnknown("nobody of that id wrote in the community")
    traces = Traces(author_id, frozenset(filter(None, (post.author_name for post in posts))), _ids(posts))
    erasure = Erasure(0, now, len(posts))
    _erase_posts(session, community.id, posts)
    _erase_words(session, community.id, Words(traces.names, _texts(posts)), erasure, now=now)
    _clean_settings(session, community, author_id, erasure)
    forget_author(session, community.id, author_id)
    for table in Base.metadata.sorted_tables:
        if table.name not in HANDLED_APART | NOT_OF_MEMBERS:
            _clean_table(session, table, _of_community(table, community.id), traces, erasure)
    _clean_jobs(session, community.id, traces)
    _erase_findings(session, community.id, traces)
    session.execute(delete(FitRow).where(FitRow.community_id == community.id))
    erasure.id = _leave_tombstone(session, community.id, author_id, erasure, erased_by=erased_by)
    told = {"erasure_id": erasure.id, "n_posts": erasure.n_posts, "erased_at": now.isoformat()}
    tell(session, community.id, "member_erased", told)
    _work_out_anew(session, community.id, {post.thread_id for post in posts})
    return erasure


def erase_community(session: Session, community: CommunityRow) -> int:
    """Erase a whole community with its settings, keys and moderators; returns how many posts it had."""
    take_turn(session, community.id)
    lock_community(session, community.id)
    _allow_changes(session)
    mine = PostRow.community_id == community.id
    n_posts = session.scalar(select(func.count()).select_from(PostRow).where(mine)) or 0
    jobs = text("DELETE FROM procrastinate_jobs WHERE CAST(args ->> 'community_id' AS bigint) = :id")
    session.execute(jobs, {"id": community.id})
    session.execute(delete(CommunityRow).where(CommunityRow.id == community.id))
    return n_posts


def _allow_changes(session: Session) -> None:
    """Only an erasure may touch rows that are otherwise never changed; see the triggers of the migrations."""
    session.execute(text("SELECT set_config('klankbord.erasing', 'on', true)"))


def _posts_by(community_id: int, author_id: str) -> Any:
    mine = PostRow.community_id == community_id, PostRow.author_id == author_id
    return select(PostRow).where(*mine).order_by(PostRow.created_at, PostRow.id)


def _is_known(session: Session, community: CommunityRow, author_id: str) -> bool:
    """Whether somebody without posts is in the settings, left out, or erased before."""
    settings = community.settings
    named = {*settings.get("staff", ()), *settings.get("not_asked", ()), *settings.get("left_out", ())}
    is_left_out = session.get(LeftOutRow, (community.id, author_id)) is not None
    return author_id in named or is_left_out or load_tombstones(session, community.id).has(author_id)


def _ids(posts: Sequence[Post]) -> frozenset[str]:
    return frozenset(post.id for post in posts)


def _texts(posts: Sequence[Post]) -> tuple[str, ...]:
    return tuple(said for post in posts for said in (post.title, post.text) if said)


def _erase_posts(session: Session, community_id: int, posts: Sequence[Post]) -> None:
    """The posts, and by their keys scores, vectors, flags and waits."""
    ids = sorted(_ids(posts))
    session.execute(delete(PostRow).where(PostRow.community_id == community_id, PostRow.id == func.any(ids)))
    answers = PostRow.community_id == community_id, PostRow.parent_id == func.any(ids)
    session.execute(update(PostRow).where(*answers).values(parent_id=None))


def _erase_words(session: Session, community_id: int, words: Words, erasure: Erasure, *, now: datetime) -> None:
    """What others repeat of the person, and topic words that nobody else uses."""
    only_theirs = words_of([*words.texts, *words.names]) & words_of(_topic_words(session, community_id))
    changed: list[Post] = []
    for page in _all_posts(session, community_id):
        cleaned = [words.taken_out_of(post) for post in page]
        changed += [now_is for was, now_is in zip(page, cleaned, strict=True) if now_is is not was]
        erasure.named_in_post_ids += [post.id for post in cleaned if words.names_in(post)]
        only_theirs -= words_of(_texts(cleaned)) if only_theirs else set()
    for post in changed:
        _replace_words(session, community_id, post, now=now)
    erasure.rows_changed |= {"posts": len(changed)} if changed else {}
    defer_scoring(session, community_id, sorted(post.id for post in changed), is_backfill=False)
    if only_theirs:
        _rename_topics(session, community_id, only_theirs)


def _all_posts(session: Session, community_id: int) -> Iterator[list[Post]]:
    statement = select(PostRow).where(PostRow.community_id == community_id).order_by(PostRow.id)
    for page in session.scalars(statement.execution_options(yield_per=1000)).partitions():
        yield [to_post(row) for row in page]
        for row in page:
            session.expunge(row)


def _replace_words(session: Session, community_id: int, post: Post, *, now: datetime) -> None:
    """Store another text and have it read anew; what was read in the old one goes at once."""
    mine = PostRow.community_id == community_id, PostRow.id == post.id
    session.execute(
        update(PostRow)
        .where(*mine)
        .values(
            text=post.text,
            title=post.title,
            content_hash=content_hash(post),
            words_hash=words_hash(post),
            waiting_since=now if post.kind == "post" and post.deleted_at is None else None,
        )
    )
    session.execute(delete(ScoreRow).where(ScoreRow.community_id == community_id, ScoreRow.post_id == post.id))


def _topic_words(session: Session, community_id: int) -> list[str]:
    """Every name and term that a topic has or had."""
    states = select(TopicStateRow.name, TopicStateRow.theme_name, TopicStateRow.terms)
    events = select(TopicEventRow.name, TopicEventRow.name_before)
    found: list[str | None] = []
    for name, theme_name, terms in session.execute(states.where(TopicStateRow.community_id == community_id)):
        found += [name, theme_name, *terms]
    for names in session.execute(events.where(TopicEventRow.community_id == community_id)):
        found += names
    findings = session.get(FindingRow, (community_id, "topics"))
    for topic in () if findings is None else findings.contents["topics"]:
        found += [topic["name"], *topic["terms"]]
    return [words for words in found if words]


def _rename_topics(session: Session, community_id: int, theirs: Set[str]) -> None:
    """Take words that only the person used out of the names and terms of topics, then and now."""
    cleaned = _without_words(theirs)
    for state in session.scalars(select(TopicStateRow).where(TopicStateRow.community_id == community_id)):
        state.name, state.theme_name = cleaned(state.name) or "…", cleaned(state.theme_name)
        state.terms = [term for term in state.terms if cleaned(term) == term]
    for event in session.scalars(select(TopicEventRow).where(TopicEventRow.community_id == community_id)):
        event.name, event.name_before = cleaned(event.name), cleaned(event.name_before)
    for order in session.scalars(select(TopicOrderRow).where(TopicOrderRow.community_id == community_id)):
        order.name = cleaned(order.name) or (None if order.name is None else "…")
    findings = session.get(FindingRow, (community_id, "topics"))
    if findings is not None:
        topics = [
            {
                **topic,
                "name": cleaned(topic["name"]) or "…",
                "terms": [term for term in topic["terms"] if cleaned(term) == term],
            }
            for topic in findings.contents["topics"]
        ]
        findings.contents = {**findings.contents, "topics": topics}
    session.flush()


def _without_words(words: Set[str]) -> Callable[[str | None], str | None]:
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(words)))})(?!\w)", re.IGNORECASE)

    def cleaned(name: str | None) -> str | None:
        if name is None or not pattern.search(name):
            return name
        return re.sub(r"\s+", " ", pattern.sub("", name)).strip(" ,·&/-") or None

    return cleaned


def _clean_settings(session: Session, community: CommunityRow, author_id: str, erasure: Erasure) -> None:
    lists = {name: community.settings.get(name, []) for name in ("staff", "not_asked", "left_out")}
    left = {name: [each for each in ids if each != author_id] for name, ids in lists.items()}
    if left != lists:
        settings = {**community.settings, **left}
        session.execute(update(CommunityRow).where(CommunityRow.id == community.id).values(settings=settings))
        erasure.rows_changed["communities"] = 1
    wish = LeftOutRow.community_id == community.id, LeftOutRow.author_id == author_id
    session.execute(delete(LeftOutRow).where(*wish))


def _of_community(table: Table, community_id: int) -> Any:
    """The rows of a table that belong to a community."""
    if "community_id" in table.c:
        return table.c.community_id == community_id
    assert table.name == WebhookDeliveryRow.__tablename__, f"{table.name} does not say of which community it is"
    return table.c.webhook_id.in_(select(WebhookRow.id).where(WebhookRow.community_id == community_id))


def _clean_table(session: Session, table: Table, is_mine: Any, traces: Traces, erasure: Erasure) -> None:
    """Take every trace out of a table's texts, lists and JSON; a row that speaks of the person only is deleted."""
    held = [column for column in table.c if _may_hold_traces(column) and not column.primary_key]
    keys = list(table.primary_key.columns)
    gone: list[tuple[Any, ...]] = []
    changes: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    for row in session.execute(select(*keys, *held).where(is_mine)):
        key = tuple(row[: len(keys)])
        cleaned = _clean_row(held, row[len(keys) :], traces)
        if cleaned is None or _key_is_gone(keys, key, traces):
            gone.append(key)
        elif cleaned:
            changes.append((key, cleaned))
    for key, values in changes:
        session.execute(table.update().where(tuple_(*keys) == key).values(values))
    gone += _undone_by(session, table, gone)
    if gone:
        session.execute(table.delete().where(tuple_(*keys).in_(gone)))
    erasure.rows_deleted |= {table.name: len(gone)} if gone else {}
    erasure.rows_changed |= {table.name: len(changes)} if changes else {}


def _may_hold_traces(column: Column[Any]) -> bool:
    kind = column.type
    return isinstance(kind, Text | JSONB) or (isinstance(kind, ARRAY) and isinstance(kind.item_type, Text))


def _key_is_gone(keys: Sequence[Column[Any]], key: Sequence[Any], traces: Traces) -> bool:
    named = zip(keys, key, strict=True)
    return any(isinstance(part, str) and traces.is_trace(part, column.name) for column, part in named)


def _clean_row(columns: Sequence[Column[Any]], values: Sequence[Any], traces: Traces) -> dict[str, Any] | None:
    """What changes in a row; None = the row speaks of nothing any more."""
    changed: dict[str, Any] = {}
    for column, value in zip(columns, values, strict=True):
        if value is None:
            continue
        # The fields of a JSON object are named inside it.
        cleaned = traces.clean(value, "" if isinstance(value, Mapping) else column.name)
        if cleaned is GONE and (column.name in IDENTIFIES or not column.nullable):
            return None
        if cleaned != value:
            changed[column.name] = None if cleaned is GONE else cleaned
    return changed


def _undone_by(session: Session, table: Table, gone: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows that take back one that is deleted, where they are not deleted themselves."""
    if "undoes" not in table.c or not gone:
        return []
    ids = [key[0] for key in gone]
    undoing = select(table.c.id).where(table.c.undoes.in_(ids), table.c.id.not_in(ids))
    return [(found,) for found in session.scalars(undoing)]


def _clean_jobs(session: Session, community_id: int, traces: Traces) -> None:
    """Jobs name the posts that are to be scored."""
    mine = text("SELECT id, args FROM procrastinate_jobs WHERE CAST(args ->> 'community_id' AS bigint) = :id")
    for job_id, arguments in session.execute(mine, {"id": community_id}).all():
        cleaned = traces.clean(arguments)
        if cleaned != arguments:
            changed = text("UPDATE procrastinate_jobs SET args = CAST(:args AS jsonb) WHERE id = :id")
            session.execute(changed, {"args": json.dumps(cleaned), "id": job_id})


def _erase_findings(session: Session, community_id: int, traces: Traces) -> None:
    mine = FindingRow.community_id == community_id
    has_posts = session.scalar(select(PostRow.id).where(PostRow.community_id == community_id).limit(1)) is not None
    kept = KEPT_FINDINGS if has_posts else ()
    session.execute(delete(FindingRow).where(mine, FindingRow.kind.not_in(kept)))
    for finding in session.scalars(select(FindingRow).where(mine)):
        finding.contents = traces.clean(finding.contents)
    session.flush()


def _leave_tombstone(session: Session, community_id: int, author_id: str, erasure: Erasure, *, erased_by: str) -> int:
    known = load_tombstones(session, community_id)
    salt = known.salt or new_salt()
    hashed = hash_author(author_id, salt)
    session.execute(delete(ErasureRow).where(ErasureRow.community_id == community_id, ErasureRow.author_hash == hashed))
    counts = {"posts": erasure.n_posts, "deleted": erasure.rows_deleted, "changed": erasure.rows_changed}
    row = {
        "salt": salt,
        "author_hash": hashed,
        "counts": counts,
        "erased_by": erased_by,
        "erased_at": erasure.erased_at,
    }
    made = insert(ErasureRow).values(community_id=community_id, **row).returning(ErasureRow.id)
    return session.execute(made).scalar_one()


def _work_out_anew(session: Session, community_id: int, thread_ids: set[str]) -> None:
    """Judge the threads that the person wrote in, and everything that rests on all posts."""
    in_threads = PostRow.community_id == community_id, PostRow.thread_id == func.any(sorted(thread_ids))
    first = select(func.min(PostRow.id)).where(*in_threads).group_by(PostRow.thread_id)
    defer_scoring(session, community_id, sorted(session.scalars(first)), is_backfill=False)
    defer_refit(session, community_id)
