import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from moderation.db import Database
from moderation.decisions import DecisionRequest, record_decision, undo_decision
from moderation.errors import CursorInvalid, FlagAlreadyDecided, FlagClaimed, FlagClosed, FlagUnknown
from moderation.flag_queue import (
    FlagFilter,
    Order,
    claim_flag,
    expire_claims,
    list_flags,
    list_not_scored,
    queue_counts,
    release_flag,
    sync_flags,
)
from moderation.flags import Flag
from moderation.ingest import delete_post, recover_post
from moderation.priority import points_at
from moderation.tables import CommunityRow, EventRow, FlagRow, ModeratorRow, PostRow, ScoreRow
from tests.moderation.queue_rows import (
    ADVERTISES,
    ASKS,
    ELSEWHERE,
    INSULT,
    MODEL,
    NOW,
    POSTED_AT,
    UNHAPPY,
    at_once,
    edit,
    events_of,
    flag_post,
    judged,
    new_community,
    new_moderator,
    new_post,
    only_row,
    rows_of,
    statuses,
    sync,
    undone,
)

MINUTE = timedelta(minutes=1)
ORDERS: tuple[Order, ...] = get_args(Order)


@pytest.fixture
def community(session: Session) -> CommunityRow:
    return new_community(session)


@pytest.fixture
def anna(session: Session, community: CommunityRow) -> ModeratorRow:
    return new_moderator(session, community, "Anna")


@pytest.fixture
def bram(session: Session, community: CommunityRow) -> ModeratorRow:
    return new_moderator(session, community, "Bram")


def disagree(session: Session, community: CommunityRow, row: FlagRow, lane: Any, moderator: ModeratorRow) -> int:
    request = DecisionRequest("disagree", row.revision, lane=lane)
    return record_decision(session, community, row.id, request, moderator=moderator, now=NOW).id


# --- judgements in ---


def test_two_detectors_on_one_post_make_one_item_with_two_reasons(session: Session, community: CommunityRow) -> None:
    """Regression 12 (Discourse #41043)."""
    _, row = flag_post(session, community, UNHAPPY, INSULT, ADVERTISES)
    assert statuses(row) == {"negative_wom": "open", "toxic": "open", "spam": "open"}
    assert row.lanes == ["answer", "review"]
    assert (row.status, row.opened_at, row.model_version) == ("open", NOW, MODEL)
    assert events_of(session, community) == ["flag_opened"]


def test_the_same_judgement_again_writes_nothing_and_tells_nothing(session: Session, community: CommunityRow) -> None:
    post, row = flag_post(session, community, UNHAPPY, INSULT)
    with counted_statements(session) as statements:
        sync(session, community, post, INSULT, UNHAPPY, now=NOW + timedelta(hours=3))
        session.flush()
    assert [statement for statement in statements if not statement.startswith("SELECT")] == []
    assert (row.updated_at, events_of(session, community)) == (NOW, ["flag_opened"])


def test_a_longer_wait_is_no_news(session: Session, community: CommunityRow) -> None:
    post, _ = flag_post(session, community, ASKS)
    waited = Flag(ASKS.reason, ASKS.probability, ASKS.threshold, {"language": "en", "waiting_seconds": 99_000.0})
    sync(session, community, post, waited)
    assert events_of(session, community) == ["flag_opened"]


def test_reasons_come_and_go(session: Session, community: CommunityRow) -> None:
    post, row = flag_post(session, community, INSULT)
    sync(session, community, post, ELSEWHERE, now=NOW + MINUTE)
    assert statuses(only_row(session, community)) == {"off_purpose": "open", "toxic": "gone"}
    assert row.lanes == ["placement"]
    sync(session, community, post, now=NOW + 2 * MINUTE)
    assert (row.status, row.closed_reason, row.closed_at) == ("closed", "no longer holds", NOW + 2 * MINUTE)
    sync(session, community, post, INSULT, now=NOW + 3 * MINUTE)
    assert only_row(session, community).id == row.id
    assert (row.status, row.closed_reason, row.opened_at) == ("open", None, NOW + 3 * MINUTE)
    assert events_of(session, community) == ["flag_opened", "flag_changed", "flag_closed", "flag_opened"]


def test_an_answer_closes_what_waited_for_it(session: Session, community: CommunityRow) -> None:
    post, row = flag_post(session, community, UNHAPPY, ASKS)
    sync(session, community, post, UNHAPPY, is_answered=True)
    assert (row.status, row.closed_reason) == ("closed", "answered")


def test_an_answer_leaves_the_other_lanes_open(session: Session, community: CommunityRow) -> None:
    post, row = flag_post(session, community, UNHAPPY, INSULT)
    sync(session, community, post, UNHAPPY, INSULT, is_answered=True)
    assert (row.status, statuses(row)) == ("open", {"negative_wom": "gone", "toxic": "open"})


@pytest.mark.parametrize("is_answered", [True, False])
def test_what_is_answered_is_not_opened(session: Session, community: CommunityRow, is_answered: bool) -> None:
    answered = Flag("negative_wom", 0.9, 0.6, {"episode": "p1", "first_answer_at": "2026-11-20T09:00:00Z"})
    post = new_post(session, community)
    sync(session, community, post, UNHAPPY if is_answered else answered, is_answered=is_answered)
    assert rows_of(session, community) == []


def test_what_a_person_decided_is_not_opened_again_until_the_post_is_edited(
    session: Session, community: CommunityRow, anna: ModeratorRow
) -> None:
    """Mastodon #22935: mute repeat reports on a judged post until it is edited."""
    post, row = flag_post(session, community, INSULT)
    disagree(session, community, row, "review", anna)
    sync(session, community, post, INSULT, ADVERTISES)
    assert (only_row(session, community).status, statuses(row)) == ("decided", {"toxic": "decided"})
    sync(session, community, post, INSULT, ELSEWHERE)
    assert (row.status, row.lanes) == ("open", ["placement"])
    edit(session, post, "other words")
    sync(session, community, post, INSULT)
    old, new = rows_of(session, community)
    assert (old.id, old.status, old.closed_reason) == (row.id, "closed", "edited")
    assert (new.status, new.revision, statuses(new)) == ("open", 2, {"toxic": "open"})


def test_an_undone_decision_opens_the_same_row(session: Session, community: CommunityRow, anna: ModeratorRow) -> None:
    post, row = flag_post(session, community, INSULT)
    decision_id = disagree(session, community, row, "review", anna)
    undo_decision(session, community, decision_id, moderator=anna, now=NOW)
    sync(session, community, post, INSULT, ADVERTISES)
    assert only_row(session, community).id == row.id
    assert statuses(row) == {"toxic": "open", "spam": "open"}


def test_a_claim_outlives_new_evidence_and_an_edit(
    session: Session, community: CommunityRow, anna: ModeratorRow
) -> None:
    post, row = flag_post(session, community, INSULT)
    until = claim_flag(session, community.id, row.id, anna.id, now=NOW).until
    sync(session, community, post, INSULT, ADVERTISES, n_replies=4)
    assert (row.claimed_by, row.claimed_until) == (anna.id, until)
    edit(session, post, "other words")
    sync(session, community, post, INSULT)
    old, new = rows_of(session, community)
    assert (old.claimed_by, new.claimed_by, new.claimed_until) == (None, anna.id, until)


def test_a_judgement_of_old_words_or_of_a_deleted_post_is_ignored(session: Session, community: CommunityRow) -> None:
    post = new_post(session, community)
    late = judged(post, INSULT)
    edit(session, post, "other words")
    gone = new_post(session, community, "p2", deleted_at=NOW)
    sync_flags(session, community, [late, judged(gone, INSULT)], model_version=MODEL, now=NOW)
    assert rows_of(session, community) == []


def test_deleting_a_post_closes_its_item_and_recovering_reopens_it(session: Session, community: CommunityRow) -> None:
    post, row = flag_post(session, community, INSULT)
    delete_post(session, community, post.id, at=NOW)
    assert (row.status, row.closed_reason, row.lanes) == ("closed", "deleted", [])
    recover_post(session, community, post.id, now=NOW)
    sync(session, community, post, INSULT)
    assert (only_row(session, community).id, row.status) == (row.id, "open")


def test_more_replies_move_an_item_up_without_making_it_younger(session: Session, community: CommunityRow) -> None:
    post, row = flag_post(session, community, UNHAPPY)
    before, since = row.priority, row.priority_parts["waits_since"]
    sync(session, community, post, UNHAPPY, n_replies=6, n_amplifiers=2, now=NOW + timedelta(days=2))
    assert (row.priority > before, row.priority_parts["waits_since"]) == (True, since)


def test_workers_that_judge_the_same_posts_at_once_make_one_item_each(database: Database) -> None:
    with database.transaction() as session:
        community = new_community(session)
        judgements = [judged(new_post(session, community, f"p{n}"), INSULT) for n in range(20)]

    def work(turn: int) -> None:
        with database.transaction() as session:
            mixed = judgements[turn * 5 :] + judgements[: turn * 5]
            sync_flags(session, community, mixed, model_version=MODEL, now=NOW)

    at_once([lambda turn=turn: work(turn) for turn in range(4)])
    with database.transaction() as session:
        assert sorted(row.post_id for row in rows_of(session, community)) == sorted(j.post_id for j in judgements)
        assert events_of(session, community) == ["flag_opened"] * 20


# --- claims ---


def test_a_claim_expires_and_the_item_returns(
    session: Session, community: CommunityRow, anna: ModeratorRow, bram: ModeratorRow
) -> None:
    """Regression 10 (Discourse #43704)."""
    _, row = flag_post(session, community, INSULT)
    claim = claim_flag(session, community.id, row.id, anna.id, now=NOW)
    assert (claim.holder, claim.until) == ("Anna", NOW + 10 * MINUTE)
    with pytest.raises(FlagClaimed) as refusal:
        claim_flag(session, community.id, row.id, bram.id, now=claim.until - MINUTE)
    assert (refusal.value.holder, refusal.value.until) == ("Anna", claim.until)
    assert claim_flag(session, community.id, row.id, bram.id, now=claim.until).holder == "Bram"


def test_claiming_again_renews(session: Session, community: CommunityRow, anna: ModeratorRow) -> None:
    _, row = flag_post(session, community, INSULT)
    claim_flag(session, community.id, row.id, anna.id, now=NOW)
    assert claim_flag(session, community.id, row.id, anna.id, now=NOW + MINUTE).until == NOW + 11 * MINUTE


def test_deciding_and_cancelling_release(session: Session, community: CommunityRow, anna: ModeratorRow) -> None:
    """Regression 10 (Discourse #33377)."""
    _, row = flag_post(session, community, INSULT, ELSEWHERE)
    claim_flag(session, community.id, row.id, anna.id, now=NOW)
    disagree(session, community, row, "review", anna)
    assert (row.status, row.claimed_by, row.claimed_until) == ("open", None, None)
    claim_flag(session, community.id, row.id, anna.id, now=NOW)
    release_flag(session, community.id, row.id, anna.id, now=NOW)
    release_flag(session, community.id, row.id, anna.id, now=NOW)
    assert (row.claimed_by, row.claimed_until) == (None, None)
    assert events_of(session, community)[-2:] == ["flag_claimed", "flag_released"]


def test_a_claim_on_one_item_does_not_lock_its_siblings(
    session: Session, community: CommunityRow, anna: ModeratorRow, bram: ModeratorRow
) -> None:
    """Regression 10 (Discourse #32346): both posts are in one thread."""
    _, first = flag_post(session, community, INSULT, post_id="p1")
    _, second = flag_post(session, community, INSULT, post_id="p2")
    claim_flag(session, community.id, first.id, anna.id, now=NOW)
    assert claim_flag(session, community.id, second.id, bram.id, now=NOW).holder == "Bram"


def test_nobody_releases_the_claim_of_another_until_it_expires(
    session: Session, community: CommunityRow, anna: ModeratorRow, bram: ModeratorRow
) -> None:
    _, row = flag_post(session, community, INSULT)
    claim_flag(session, community.id, row.id, anna.id, now=NOW)
    with pytest.raises(FlagClaimed):
        release_flag(session, community.id, row.id, bram.id, now=NOW)
    release_flag(session, community.id, row.id, bram.id, now=NOW + 10 * MINUTE)
    assert row.claimed_by is None


def test_what_is_not_open_cannot_be_claimed(session: Session, community: CommunityRow, anna: ModeratorRow) -> None:
    _, row = flag_post(session, community, INSULT)
    disagree(session, community, row, "review", anna)
    with pytest.raises(FlagAlreadyDecided):
        claim_flag(session, community.id, row.id, anna.id, now=NOW)
    _, other = flag_post(session, community, INSULT, post_id="p2")
    delete_post(session, community, "p2", at=NOW)
    with pytest.raises(FlagClosed, match="deleted"):
        claim_flag(session, community.id, other.id, anna.id, now=NOW)
    with pytest.raises(FlagUnknown):
        claim_flag(session, new_community(session).id, row.id, anna.id, now=NOW)


def test_tidying_up_tells_of_expired_claims_only(session: Session, community: CommunityRow, anna: ModeratorRow) -> None:
    expire_claims(session, now=NOW + 10 * MINUTE)  # what other tests left behind
    _, old = flag_post(session, community, INSULT, post_id="p1")
    _, new = flag_post(session, community, INSULT, post_id="p2")
    claim_flag(session, community.id, old.id, anna.id, now=NOW)
    claim_flag(session, community.id, new.id, anna.id, now=NOW + MINUTE)
    assert expire_claims(session, now=NOW + 10 * MINUTE) == 1
    assert (old.claimed_by, new.claimed_by) == (None, anna.id)
    last = session.scalars(select(EventRow).order_by(EventRow.id.desc()).limit(1)).one()
    assert (last.kind, last.payload["flag_id"], last.payload["why"]) == ("flag_released", old.id, "expired")


def test_two_claimers_never_hold_one_item(database: Database) -> None:
    with database.transaction() as session:
        community = new_community(session)
        people = [new_moderator(session, community, f"person {n}") for n in range(6)]
        flags = [flag_post(session, community, INSULT, post_id=f"p{n}")[1].id for n in range(10)]
    won: list[tuple[int, int]] = []
    lost: list[int] = []

    def claim_all(moderator: ModeratorRow) -> None:
        for flag_id in flags:
            try:
                with database.transaction() as session:
                    claim_flag(session, community.id, flag_id, moderator.id, now=NOW)
                won.append((flag_id, moderator.id))
            except FlagClaimed:
                lost.append(flag_id)

    at_once([lambda person=person: claim_all(person) for person in people])
    assert sorted(flag_id for flag_id, _ in won) == flags
    assert len(lost) == 50
    with database.transaction() as session:
        assert [(row.id, row.claimed_by) for row in rows_of(session, community)] == sorted(won)


# --- lists ---


def test_an_item_shows_all_that_a_decision_needs(session: Session, community: CommunityRow, anna: ModeratorRow) -> None:
    post = new_post(session, community, title="the title", space="cards", author_id="m1", author_name="Mo")
    add_score(session, post, topic_id=4, language="nl")
    sync(session, community, post, UNHAPPY, INSULT, n_replies=6)
    row = only_row(session, community)
    claim = claim_flag(session, community.id, row.id, anna.id, now=NOW)
    (item,) = list_flags(session, community.id, FlagFilter(), now=NOW).items
    shown = (item.flag_id, item.post_id, item.title, item.text, item.author_name, item.space, item.created_at)
    assert shown == (row.id, "p1", "the title", "the words of p1", "Mo", "cards", POSTED_AT)
    assert (item.topic_id, item.language, item.lanes, item.claim) == (4, "nl", ("answer", "review"), claim)
    assert item.priority == points_at(row.priority_parts, NOW)
    assert (item.revision, item.is_edited_since, item.decisions) == (1, False, ())


def test_an_expired_claim_is_not_shown(session: Session, community: CommunityRow, anna: ModeratorRow) -> None:
    _, row = flag_post(session, community, INSULT)
    claim_flag(session, community.id, row.id, anna.id, now=NOW)
    (item,) = list_flags(session, community.id, FlagFilter(), now=NOW + 10 * MINUTE).items
    assert item.claim is None


def test_an_edited_post_is_shown_with_its_new_words_and_said_to_be_edited(
    session: Session, community: CommunityRow
) -> None:
    post, _ = flag_post(session, community, INSULT)
    edit(session, post, "other words")
    (item,) = list_flags(session, community.id, FlagFilter(), now=NOW).items
    assert (item.text, item.revision, item.is_edited_since) == ("other words", 1, True)


def test_a_decided_item_shows_who_decided_what(session: Session, community: CommunityRow, anna: ModeratorRow) -> None:
    _, row = flag_post(session, community, INSULT)
    decision_id = disagree(session, community, row, "review", anna)
    (item,) = list_flags(session, community.id, FlagFilter(status="decided"), now=NOW).items
    (decision,) = item.decisions
    assert (decision.decision_id, decision.lane, decision.action, decision.moderator) == (
        decision_id,
        "review",
        "disagree",
        "Anna",
    )


@pytest.mark.parametrize(
    ("wanted", "post_ids"),
    [
        (FlagFilter(), ["p1", "p2", "p3"]),
        (FlagFilter(lane="review"), ["p2"]),
        (FlagFilter(lane="answer"), ["p1", "p2"]),
        (FlagFilter(status="decided"), ["p4"]),
        (FlagFilter(status="decided", lane="review"), ["p4"]),
        (FlagFilter(status="decided", lane="answer"), []),
        (FlagFilter(status="closed"), ["p5"]),
        (FlagFilter(status=None), ["p1", "p2", "p3", "p4", "p5"]),
        (FlagFilter(topic_id=4), ["p1"]),
        (FlagFilter(topic_id=9), ["p3"]),
        (FlagFilter(topic_id=5), ["p2"]),
        (FlagFilter(space="cards"), ["p1"]),
        (FlagFilter(language="nl"), ["p2"]),
        (FlagFilter(since=NOW + MINUTE), ["p3"]),
        (FlagFilter(min_probability=0.91), ["p1", "p2"]),
        (FlagFilter(min_probability=0.9, lane="review"), []),
        (FlagFilter(min_probability=0.85, lane="review"), ["p2"]),
    ],
)
def test_filters(
    session: Session, community: CommunityRow, anna: ModeratorRow, wanted: FlagFilter, post_ids: list[str]
) -> None:
    first = new_post(session, community, "p1", space="cards")
    add_score(session, first, topic_id=4, language="en")
    second = new_post(session, community, "p2", space="travel")
    add_score(session, second, topic_id=5, language="nl")
    third = new_post(session, community, "p3", placed_topic_id=9)
    add_score(session, third, topic_id=4, language="en")
    sync(session, community, first, UNHAPPY)
    sync(session, community, second, UNHAPPY, INSULT)
    sync(session, community, third, ELSEWHERE, now=NOW + 2 * MINUTE)
    _, decided = flag_post(session, community, INSULT, post_id="p4")
    disagree(session, community, decided, "review", anna)
    flag_post(session, community, INSULT, post_id="p5")
    delete_post(session, community, "p5", at=NOW)
    assert sorted(item.post_id for item in list_flags(session, community.id, wanted, now=NOW).items) == post_ids


def test_orders(session: Session, community: CommunityRow) -> None:
    for turn, flag in enumerate([ELSEWHERE, INSULT, UNHAPPY]):
        post = new_post(session, community, f"p{turn}")
        sync(session, community, post, flag, now=NOW + turn * MINUTE)
    listed = {
        order: [item.post_id for item in list_flags(session, community.id, FlagFilter(order=order), now=NOW).items]
        for order in ORDERS
    }
    assert listed == {
        "priority": ["p1", "p2", "p0"],
        "newest": ["p2", "p1", "p0"],
        "oldest": ["p0", "p1", "p2"],
    }


def test_what_somebody_skipped_is_not_offered_to_them_for_an_hour(
    session: Session, community: CommunityRow, anna: ModeratorRow, bram: ModeratorRow
) -> None:
    _, row = flag_post(session, community, INSULT)
    record_decision(session, community, row.id, DecisionRequest("skip", 1), moderator=anna, now=NOW)

    def offered(moderator: ModeratorRow, at: datetime) -> int:
        return len(list_flags(session, community.id, FlagFilter(for_moderator=moderator.id), now=at).items)

    assert (offered(anna, NOW), offered(bram, NOW), offered(anna, NOW + 60 * MINUTE)) == (0, 1, 1)


def test_a_page_costs_two_queries_whatever_its_length(
    session: Session, community: CommunityRow, anna: ModeratorRow
) -> None:
    for n in range(12):
        _, row = flag_post(session, community, INSULT, post_id=f"p{n}")
        claim_flag(session, community.id, row.id, anna.id, now=NOW)
    session.flush()
    session.expunge_all()
    for limit in (1, 12):
        with counted_statements(session) as statements:
            list_flags(session, community.id, FlagFilter(), now=NOW, limit=limit)
        assert len(statements) == 2


def encoded(key: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "é",
        "no cursor!",
        "AAAA",
        "[" * 9,
        encoded([[[]]]),
        encoded(["priority", 1.0]),
        encoded(["priority", 1, 2]),
        encoded(["priority", float("nan"), 2]),
        encoded(["priority", float("inf"), 2]),
        encoded(["priority", 1.0, True]),
        encoded(["priority", 1.0, -1]),
        encoded(["priority", 1.0, 2**63]),
        encoded(["newest", NOW.isoformat(), 2]),
        encoded(["oldest", "2026-11-20T12:00:00", 2]),
    ],
)
def test_a_bad_cursor_is_named(session: Session, community: CommunityRow, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        list_flags(session, community.id, FlagFilter(), now=NOW, cursor=cursor)


@pytest.mark.parametrize("moment", ["2026-11-20T12:00:00", "yesterday", "0001-01-01T00:00:00+23:59", 5])
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_bad_moment_in_a_cursor_is_named(
    session: Session, community: CommunityRow, order: Order, moment: object
) -> None:
    with pytest.raises(CursorInvalid):
        list_flags(session, community.id, FlagFilter(order=order), now=NOW, cursor=encoded([order, moment, 2]))
    with pytest.raises(CursorInvalid):
        not_scored(session, community, cursor=encoded(["not_scored", moment, "p1"]))


@pytest.mark.parametrize("post_id", ["\0", "\ud800", 5])
def test_a_bad_id_in_a_cursor_is_named(session: Session, community: CommunityRow, post_id: object) -> None:
    with pytest.raises(CursorInvalid):
        not_scored(session, community, cursor=encoded(["not_scored", NOW.isoformat(), post_id]))


probability = st.sampled_from([0.71, 0.8, 0.85, 0.99])
meanwhile = st.lists(st.tuples(st.sampled_from(["add", "decide", "claim"]), st.integers(0, 30)), max_size=2)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(probability, st.integers(0, 3)), min_size=1, max_size=9),
    st.integers(1, 4),
    st.sampled_from(ORDERS),
    st.lists(meanwhile, max_size=5),
)
def test_what_nobody_touches_is_listed_once_while_the_queue_changes(
    session: Session,
    found: list[tuple[float, int]],
    limit: int,
    order: Order,
    changes: list[list[tuple[str, int]]],
) -> None:
    with undone(session):
        community = new_community(session)
        anna = new_moderator(session, community)
        for n, (p, minutes) in enumerate(found):
            post = new_post(session, community, f"p{n}")
            sync(session, community, post, Flag("toxic", p, 0.7, {}), now=NOW + minutes * MINUTE)
        untouched = {row.id for row in rows_of(session, community)}
        listed: list[int] = []
        cursor, turn = None, 0
        while True:
            page = list_flags(session, community.id, FlagFilter(order=order), now=NOW, cursor=cursor, limit=limit)
            listed += [item.flag_id for item in page.items]
            assert len(listed) == len(set(listed))
            cursor = page.next_cursor
            if cursor is None:
                break
            for change, which in changes[turn] if turn < len(changes) else []:
                untouched -= {change_queue(session, community, anna, change, which)}
            turn += 1
        assert untouched <= set(listed)


def change_queue(session: Session, community: CommunityRow, anna: ModeratorRow, change: str, which: int) -> int | None:
    rows = rows_of(session, community)
    row = rows[which % len(rows)]
    if change == "add":
        flag_post(session, community, INSULT, post_id=f"new{len(rows)}")
    elif change == "claim" and row.status == "open":
        claim_flag(session, community.id, row.id, anna.id, now=NOW)
    elif change == "decide" and row.status == "open":
        disagree(session, community, row, "review", anna)
        return row.id
    return None


# --- counts, and what has no judgement ---


def test_counts(session: Session, community: CommunityRow, anna: ModeratorRow) -> None:
    assert queue_counts(session, community.id, now=NOW).oldest_opened_at is None
    first, second, third = (new_post(session, community, f"p{n}") for n in range(3))
    sync(session, community, first, UNHAPPY, INSULT, now=NOW + MINUTE)
    sync(session, community, second, UNHAPPY, now=NOW)
    sync(session, community, third, UNHAPPY, now=NOW - MINUTE)
    rows = rows_of(session, community)
    claim_flag(session, community.id, rows[0].id, anna.id, now=NOW)
    disagree(session, community, rows[2], "answer", anna)
    counts = queue_counts(session, community.id, now=NOW)
    assert (counts.n_open, counts.n_claimed, counts.oldest_opened_at) == (2, 1, NOW)
    assert counts.open_by_lane == {"answer": 2, "placement": 0, "review": 1}
    assert queue_counts(session, community.id, now=NOW + 10 * MINUTE).n_claimed == 0


def not_scored(session: Session, community: CommunityRow, **page: Any) -> Any:
    return list_not_scored(session, community.id, now=NOW, waiting_longer_than=30 * MINUTE, **page)


def test_what_could_not_be_scored_is_listed_and_never_silently_clean(session: Session, community: CommunityRow) -> None:
    """Regression 8 (Coral #4280)."""
    new_post(session, community, "scored")
    new_post(session, community, "failed", not_scored_reason="the model gave no answer", received_at=NOW - 5 * MINUTE)
    new_post(session, community, "slow", waiting_since=NOW - 31 * MINUTE)
    new_post(session, community, "fresh", waiting_since=NOW - 29 * MINUTE)
    new_post(session, community, "gone", not_scored_reason="no words", deleted_at=NOW)
    found = not_scored(session, community).posts
    assert [(post.post_id, post.reason, post.since) for post in found] == [
        ("slow", "waiting", NOW - 31 * MINUTE),
        ("failed", "the model gave no answer", NOW - 5 * MINUTE),
    ]


def test_the_list_of_what_could_not_be_scored_goes_on_after_a_page(session: Session, community: CommunityRow) -> None:
    for n in range(5):
        new_post(session, community, f"p{n}", not_scored_reason="no words", received_at=NOW)
    first = not_scored(session, community, limit=3)
    second = not_scored(session, community, limit=3, cursor=first.next_cursor)
    assert [post.post_id for post in first.posts + second.posts] == [f"p{n}" for n in range(5)]
    assert second.next_cursor is None


def add_score(session: Session, post: PostRow, *, topic_id: int, language: str) -> None:
    score = ScoreRow(community_id=post.community_id, post_id=post.id, model_version=MODEL, words_hash="w")
    score.language, score.n_words, score.signals, score.topic_id = language, 4, [None] * 8, topic_id
    session.add(score)
    session.flush()


@contextmanager
def counted_statements(session: Session) -> Iterator[list[str]]:
    statements: list[str] = []

    def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", count)
