from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from moderation.db import Database
from moderation.errors import PostUnknown
from moderation.flag_sync import DELETED
from moderation.ingest import Outcome, clear_failures, delete_post, find_post, recover_post, store_posts, to_post
from moderation.job_queue import BACKFILL, NEW_POSTS, POSTS_PER_JOB
from moderation.records import read_record
from moderation.tables import CommunityRow, FlagRow, PostRow
from tests.moderation.queue_rows import INSULT, MODEL, at_once, judged, new_community, rows_of, sync_flags, undone
from tests.service import NOW, posts_of, record

MINUTE = timedelta(minutes=1)


@pytest.fixture
def send(session: Session, community: CommunityRow) -> Callable[..., list[Outcome]]:
    def store(*records: object, is_backfill: bool = False) -> list[Outcome]:
        return store_posts(session, community, records, now=NOW, is_backfill=is_backfill)

    return store


def statuses(outcomes: list[Outcome]) -> list[str]:
    return [outcome.status for outcome in outcomes]


def version(n: int, body: str | None = None, **fields: Any) -> dict[str, Any]:
    """The n-th edit of one post."""
    return record("p1", body or f"words of version {n}", updated_at=(NOW - (10 - n) * MINUTE).isoformat(), **fields)


def row_of(session: Session, community: CommunityRow, post_id: str = "p1") -> PostRow:
    return posts_of(session, community)[post_id]


def jobs(session: Session, community: CommunityRow) -> list[tuple[list[str], int]]:
    statement = text(
        "SELECT args -> 'post_ids', priority FROM procrastinate_jobs "
        "WHERE task_name = 'score_posts' AND CAST(args ->> 'community_id' AS bigint) = :id ORDER BY id"
    )
    return [(list(ids), priority) for ids, priority in session.execute(statement, {"id": community.id})]


# --- what becomes of each record ---


def test_each_record_has_its_outcome_and_a_bad_one_refuses_no_other(send: Callable[..., list[Outcome]]) -> None:
    outcomes = send(record("p1"), {"id": "p2"}, "no record", record("p3", likes="many"), record("p4", role=7))
    assert statuses(outcomes) == ["accepted", "rejected", "rejected", "accepted", "accepted"]
    assert [outcome.index for outcome in outcomes] == [0, 1, 2, 3, 4]
    assert (outcomes[1].id, outcomes[1].field, outcomes[1].reason) == ("p2", "thread_id", "is missing")
    assert (outcomes[2].id, outcomes[2].field, outcomes[2].reason) == (None, None, "is not a JSON object")


def test_what_is_stored_is_the_record(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]]
) -> None:
    sent = record("p1", title="Soep", space="recepten", likes=3, accepted=True, language="nl", parent_id="p0")
    send(sent)
    assert to_post(row_of(session, community)) == read_record(sent, latest_at=NOW).post


def test_staff_are_known_by_their_author_id(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]]
) -> None:
    send(record("p1", author_id="s1"), record("p2"))
    assert {post_id: row.role for post_id, row in posts_of(session, community).items()} == {
        "p1": "staff",
        "p2": "member",
    }


def test_private_messages_are_not_stored(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]]
) -> None:
    """Regression 4: a private message in the payload is not stored, nor any job that names it."""
    (outcome,) = send(record("p1", kind="private"))
    assert (outcome.status, outcome.field) == ("rejected", "kind")
    assert posts_of(session, community) == {}
    assert jobs(session, community) == []


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"text": "zo\0ep"}, {"text": "zoep"}),
        ({"text": "soep \ud83c"}, {"text": "soep \ufffd"}),
        ({"title": "\udfff", "author_name": "\0"}, {"title": "\ufffd"}),
        ({"likes": 10**30}, {}),
        ({"text": "\u202e" + "z" * 100_000}, {}),
    ],
)
def test_hostile_text_is_stored_as_far_as_it_can_be(
    session: Session,
    community: CommunityRow,
    send: Callable[..., list[Outcome]],
    fields: dict[str, Any],
    stored: dict[str, Any],
) -> None:
    assert statuses(send(record("p1", **fields), record("p2"))) == ["accepted", "accepted"]
    row = row_of(session, community)
    assert {name: getattr(row, name) for name in stored} == stored


@pytest.mark.parametrize("post_id", ["\ud83c", "\0", "", None, 7, ["p1"]])
def test_ids_that_cannot_be_kept_apart_are_refused(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]], post_id: object
) -> None:
    outcomes = send({**record("p1"), "id": post_id}, record("p2"))
    assert statuses(outcomes) == ["rejected", "accepted"]
    assert outcomes[0].field == "id"
    assert set(posts_of(session, community)) == {"p2"}


# --- versions ---


@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("batches", [(4,), (1, 1, 1, 1), (2, 2)])
def test_versions_out_of_order_leave_the_newest(
    session: Session,
    community: CommunityRow,
    send: Callable[..., list[Outcome]],
    order: tuple[int, ...],
    batches: tuple[int, ...],
) -> None:
    """Regression 1: the same webhook five times, out of order, leaves one post at its newest version."""
    sent = iter([version(n) for n in (*order, order[0])])
    with undone(session):
        for size in (*batches, 1):
            send(*[next(sent) for _ in range(size)])
        rows = posts_of(session, community)
        assert set(rows) == {"p1"}
        assert rows["p1"].text == "words of version 3"


def test_of_several_records_in_a_batch_the_one_that_counts_is_accepted(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]]
) -> None:
    assert statuses(send(version(1), version(3), version(3), version(2))) == [
        "unchanged",
        "accepted",
        "unchanged",
        "unchanged",
    ]
    assert row_of(session, community).text == "words of version 3"
    assert jobs(session, community) == [(["p1"], NEW_POSTS)]
    assert statuses(send(version(3), version(1))) == ["unchanged", "unchanged"]


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize("updated_at", [None, NOW.isoformat()])
def test_of_equal_times_the_last_arrival_counts(
    session: Session,
    community: CommunityRow,
    send: Callable[..., list[Outcome]],
    updated_at: str | None,
    in_one_batch: bool,
) -> None:
    """Platforms write whole seconds: two edits in one of them arrive in the order in which they were made."""
    for body in ("a first", "z second", "m third"):
        first, last = record("p1", "before", updated_at=updated_at), record("p1", body, updated_at=updated_at)
        if in_one_batch:
            send(first, last)
        else:
            send(first)
            send(last)
        assert row_of(session, community).text == body


def test_a_record_without_a_time_is_older_than_one_with(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]]
) -> None:
    send(version(1))
    assert statuses(send(record("p1", "without a time"))) == ["unchanged"]
    assert row_of(session, community).text == "words of version 1"


def test_the_revision_grows_only_when_the_words_change(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]]
) -> None:
    seen = []
    for n, fields in enumerate([{}, {"likes": 5}, {"space": "winkels"}, {"text": "other words"}, {"title": "A title"}]):
        assert statuses(send(version(n, "words", **fields))) == ["accepted"]
        seen.append(row_of(session, community).revision)
    assert seen == [1, 1, 1, 2, 3]


def test_a_change_of_anything_is_judged_again(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]]
) -> None:
    send(version(1, "words"))
    row_of(session, community).waiting_since = None
    session.flush()
    send(version(2, "words", likes=5))
    assert row_of(session, community).waiting_since == NOW
    assert len(jobs(session, community)) == 2


def test_the_thread_that_a_post_leaves_is_judged_again(session: Session, community: CommunityRow) -> None:
    asked, answered = record("q", thread_id="t"), record("a", thread_id="t")
    store_posts(session, community, [asked, answered], now=NOW)
    store_posts(session, community, [{**answered, "thread_id": "elsewhere"}], now=NOW)
    assert [post_ids for post_ids, _ in jobs(session, community)] == [["a", "q"], ["a"], ["q"]]


# --- deletion ---


def test_a_late_edit_does_not_bring_a_deleted_post_back(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]]
) -> None:
    """Regression 2: delete, then a late edit: it stays deleted. Recover: it returns, with the newest words."""
    send(version(1))
    delete_post(session, community, "p1", at=NOW)
    send(version(2))
    row = row_of(session, community)
    assert (row.deleted_at, row.waiting_since, row.text) == (NOW, None, "words of version 2")
    recover_post(session, community, "p1", now=NOW + MINUTE)
    row = row_of(session, community)
    assert (row.deleted_at, row.waiting_since, row.text) == (None, NOW + MINUTE, "words of version 2")
    assert jobs(session, community) == [(["p1"], NEW_POSTS)] * 4  # new, deleted, edited, recovered


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_deletion_that_a_record_tells_stays_in_any_order(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]], order: tuple[int, ...]
) -> None:
    """Regression 2, told by the records themselves."""
    sent = [version(1), version(2, deleted_at=NOW.isoformat()), version(3)]
    with undone(session):
        for place in order:
            send(sent[place])
        row = row_of(session, community)
        assert (row.deleted_at, row.text, row.waiting_since) == (NOW, "words of version 3", None)


def test_deleting_and_recovering_twice_changes_nothing(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]]
) -> None:
    send(version(1))
    for at in (NOW, NOW + MINUTE):
        delete_post(session, community, "p1", at=at)
    assert row_of(session, community).deleted_at == NOW
    for _ in range(2):
        recover_post(session, community, "p1", now=NOW)
    assert len(jobs(session, community)) == 3  # new, deleted once, recovered once


def test_unknown_posts_can_be_neither_deleted_nor_recovered(session: Session, community: CommunityRow) -> None:
    with pytest.raises(PostUnknown, match="p9"):
        delete_post(session, community, "p9", at=NOW)
    with pytest.raises(PostUnknown, match="p9"):
        recover_post(session, community, "p9", now=NOW)


def test_a_post_of_another_community_is_unknown(session: Session, send: Callable[..., list[Outcome]]) -> None:
    send(version(1))
    with pytest.raises(PostUnknown):
        find_post(session, new_community(session), "p1")


@pytest.mark.parametrize(
    "told_by",
    [
        pytest.param(lambda session, community, send: delete_post(session, community, "p1", at=NOW), id="deletion"),
        pytest.param(lambda session, community, send: send(version(2, deleted_at=NOW.isoformat())), id="record"),
        pytest.param(lambda session, community, send: send(version(2, kind="whisper")), id="whisper"),
    ],
)
def test_a_post_that_is_gone_leaves_the_queue(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]], told_by: Callable[..., None]
) -> None:
    send(version(1))
    sync_flags(session, community, [judged(row_of(session, community), INSULT)], model_version=MODEL, now=NOW)
    told_by(session, community, send)
    assert [(row.status, row.closed_reason) for row in rows_of(session, community)] == [("closed", DELETED)]


@pytest.mark.parametrize("kind", ["system", "whisper"])
def test_what_is_not_analysed_never_waits(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]], kind: str
) -> None:
    """A recovered system post once waited for scores for ever, and held up every refit."""
    send(version(1, kind=kind))
    delete_post(session, community, "p1", at=NOW)
    recover_post(session, community, "p1", now=NOW)
    assert row_of(session, community).waiting_since is None
    assert jobs(session, community) == []


# --- jobs and transactions ---


def test_new_posts_go_before_a_backfill(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]]
) -> None:
    send(*[record(f"old {n:03}") for n in range(POSTS_PER_JOB + 1)], is_backfill=True)
    send(record("new"))
    found = jobs(session, community)
    assert [(len(post_ids), priority) for post_ids, priority in found] == [
        (POSTS_PER_JOB, BACKFILL),
        (1, BACKFILL),
        (1, NEW_POSTS),
    ]
    assert BACKFILL < NEW_POSTS
    assert {post_id: row.is_backfill for post_id, row in posts_of(session, community).items()}["new"] is False


def test_a_transaction_that_fails_leaves_neither_post_nor_job(database: Database) -> None:
    with database.transaction() as session:
        community = new_community(session)

    def fail() -> None:
        with database.transaction() as session:
            store_posts(session, community, [record("p1")], now=NOW)
            assert set(posts_of(session, community)) == {"p1"}
            assert len(jobs(session, community)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.transaction() as session:
        assert posts_of(session, community) == {}
        assert jobs(session, community) == []


def test_imports_of_the_same_posts_at_once_store_each_once(database: Database) -> None:
    with database.transaction() as session:
        community = new_community(session)
    records = [record(f"p{n}") for n in range(60)]
    accepted: list[str] = []

    def work(turn: int) -> None:
        mixed = records[turn * 15 :] + records[: turn * 15]
        for start in range(0, 60, 20):
            with database.transaction() as session:
                outcomes = store_posts(session, community, mixed[start : start + 20], now=NOW)
            accepted.extend(str(outcome.id) for outcome in outcomes if outcome.status == "accepted")

    at_once([lambda turn=turn: work(turn) for turn in range(4)])
    assert sorted(accepted) == sorted(str(post["id"]) for post in records)
    with database.transaction() as session:
        assert {row.revision for row in posts_of(session, community).values()} == {1}
        assert sorted(post_id for ids, _ in jobs(session, community) for post_id in ids) == sorted(accepted)


def test_of_versions_that_arrive_at_the_same_moment_the_newest_stays(database: Database) -> None:
    """Regression 1, at once: an older version that was stored in the same moment once replaced the newer."""
    with database.transaction() as session:
        community = new_community(session)

    def send_older() -> None:
        with database.transaction() as session:
            store_posts(session, community, [version(1)], now=NOW)

    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as session:
            store_posts(session, community, [version(2)], now=NOW)
            sending = threads.submit(send_older)
            with pytest.raises(TimeoutError):
                sending.result(timeout=0.3)
        sending.result()
    with database.transaction() as session:
        assert row_of(session, community).text == "words of version 2"
        assert jobs(session, community) == [(["p1"], NEW_POSTS)]


def test_posts_that_could_not_be_scored_are_tried_again_on_request(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]]
) -> None:
    send(record("p1"), record("p2"))
    failed = row_of(session, community)
    failed.not_scored_reason, failed.waiting_since = "RuntimeError", None
    session.flush()
    assert clear_failures(session, community.id, now=NOW) == 1
    assert jobs(session, community)[-1] == (["p1"], BACKFILL)
    row = row_of(session, community)
    assert (row.not_scored_reason, row.waiting_since) == (None, NOW)


def test_decided_items_of_a_deleted_post_stay_decided(
    session: Session, community: CommunityRow, send: Callable[..., list[Outcome]]
) -> None:
    send(version(1))
    sync_flags(session, community, [judged(row_of(session, community), INSULT)], model_version=MODEL, now=NOW)
    (flag,) = rows_of(session, community)
    flag.status = "decided"
    session.flush()
    delete_post(session, community, "p1", at=NOW)
    assert session.get_one(FlagRow, flag.id).status == "decided"
