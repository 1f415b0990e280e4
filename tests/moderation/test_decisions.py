from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from moderation.config import Space
from moderation.db import Database
from moderation.decisions import (
    LANE_OF_ACTION,
    Action,
    BulkRequest,
    DecisionRequest,
    ShownItem,
    record_decision,
    record_decisions,
    undo_decision,
)
from moderation.errors import (
    ActionNotPossible,
    DecisionAlreadyUndone,
    DecisionNotNewest,
    DecisionRefused,
    DecisionUnknown,
    FlagAlreadyDecided,
    FlagClaimed,
    FlagClosed,
    FlagUnknown,
    LaneNeeded,
    PostEdited,
)
from moderation.flag_queue import FlagFilter, claim_flag, list_flags, queue_counts, release_flag
from moderation.flags import LANE_OF_REASON, Lane
from moderation.ingest import delete_post, recover_post
from moderation.tables import CommunityRow, DecisionRow, EventRow, FindingRow, FlagRow, ModeratorRow, PostRow
from tests.moderation.queue_rows import (
    ADVERTISES,
    ELSEWHERE,
    INSULT,
    MODEL,
    NOW,
    UNHAPPY,
    at_once,
    edit,
    events_of,
    flag_post,
    new_community,
    new_moderator,
    new_post,
    only_row,
    rows_of,
    statuses,
    sync,
    undone,
)

ACTIONS: tuple[Action, ...] = get_args(Action)
LANES: tuple[Lane, ...] = get_args(Lane)


@pytest.fixture
def community(session: Session) -> CommunityRow:
    community = new_community(session)
    add_topics(session, community, 4, 5)
    return community


@pytest.fixture
def anna(session: Session, community: CommunityRow) -> ModeratorRow:
    return new_moderator(session, community, "Anna")


@pytest.fixture
def bram(session: Session, community: CommunityRow) -> ModeratorRow:
    return new_moderator(session, community, "Bram")


def add_topics(session: Session, community: CommunityRow, *topic_ids: int) -> None:
    contents = {"topics": [{"id": topic_id} for topic_id in topic_ids]}
    session.add(
        FindingRow(
            community_id=community.id, kind="topics", found_at=NOW, n_posts=9, model_version=MODEL, contents=contents
        )
    )
    session.flush()


def decide(session: Session, row: FlagRow, action: Action, moderator: ModeratorRow, **more: Any) -> DecisionRow:
    community = session.get_one(CommunityRow, row.community_id)
    request = DecisionRequest(action, more.pop("revision", row.revision), **more)
    return record_decision(session, community, row.id, request, moderator=moderator, now=NOW)


def undo(session: Session, community: CommunityRow, decision: DecisionRow, moderator: ModeratorRow) -> DecisionRow:
    return undo_decision(session, community, decision.id, moderator=moderator, now=NOW + timedelta(minutes=1))


def decisions_of(session: Session, community: CommunityRow) -> list[DecisionRow]:
    statement = select(DecisionRow).where(DecisionRow.community_id == community.id).order_by(DecisionRow.id)
    return list(session.scalars(statement))


# --- deciding ---


@pytest.mark.parametrize(
    ("action", "lane"),
    [
        ("agree", "answer"),
        ("agree", "placement"),
        ("agree", "review"),
        ("disagree", "answer"),
        ("disagree", "placement"),
        ("disagree", "review"),
        ("place", "placement"),
        ("answered_elsewhere", "answer"),
        ("recommend_removal", "review"),
    ],
)
def test_a_decision_closes_its_lane_and_no_other(
    session: Session, community: CommunityRow, anna: ModeratorRow, action: Action, lane: Lane
) -> None:
    post, row = flag_post(session, community, UNHAPPY, ELSEWHERE, INSULT, ADVERTISES)
    decision = decide(session, row, action, anna, lane=lane, note="as agreed")
    assert statuses(row) == {
        name: "decided" if LANE_OF_REASON[name] == lane else "open"
        for name in ("negative_wom", "off_purpose", "toxic", "spam")
    }
    assert (row.status, row.lanes) == ("open", sorted(set(LANES) - {lane}))
    assert (decision.lane, decision.revision, decision.note, decision.mode) == (lane, 1, "as agreed", "live")
    assert (decision.moderator_id, decision.decided_at, decision.model_version) == (anna.id, NOW, MODEL)
    assert {reason["lane"] for reason in decision.reasons} == {lane}
    assert (post.deleted_at, post.text, post.placed_topic_id) == (None, "the words of p1", None)


def test_the_last_lane_takes_the_item_out_of_the_queue(
    session: Session, community: CommunityRow, anna: ModeratorRow
) -> None:
    _, row = flag_post(session, community, INSULT)
    decide(session, row, "agree", anna)
    assert (row.status, row.closed_reason, row.closed_at, row.lanes) == ("decided", None, NOW, [])
    event = session.scalars(select(EventRow).order_by(EventRow.id.desc()).limit(1)).one()
    assert (event.kind, event.payload["action"], event.payload["status"]) == ("decision", "agree", "decided")
    assert "the words" not in str(event.payload)


def test_what_is_left_is_ranked_by_itself(session: Session, community: CommunityRow, anna: ModeratorRow) -> None:
    _, row = flag_post(session, community, UNHAPPY, ELSEWHERE)
    _, alone = flag_post(session, community, ELSEWHERE, post_id="p2")
    decision = decide(session, row, "agree", anna, lane="answer")
    assert (row.priority, row.priority_parts) == (alone.priority, alone.priority_parts)
    undo(session, community, decision, anna)
    assert row.priority_parts["strongest"]["reason"] == "negative_wom"


def test_several_open_lanes_need_a_name(session: Session, community: CommunityRow, anna: ModeratorRow) -> None:
    _, row = flag_post(session, community, UNHAPPY, INSULT)
    with pytest.raises(LaneNeeded) as refusal:
        decide(session, row, "agree", anna)
    assert refusal.value.lanes == ("answer", "review")


@pytest.mark.parametrize(
    ("action", "more", "field"),
    [
        ("recommend_removal", {"lane": "answer"}, "action"),
        ("recommend_removal", {"lane": "placement"}, "action"),
        ("place", {"lane": "review"}, "action"),
        ("answered_elsewhere", {"lane": "placement"}, "action"),
        ("agree", {"lane": "answer", "space": "cards"}, "space"),
        ("agree", {"lane": "answer", "topic_id": 4}, "topic_id"),
        ("place", {"lane": "placement", "space": "cards", "topic_id": 4}, "topic_id"),
        ("place", {"lane": "placement", "topic_id": 6}, "topic_id"),
    ],
)
def test_what_does_not_go_together_is_refused(
    session: Session, community: CommunityRow, anna: ModeratorRow, action: Action, more: dict[str, Any], field: str
) -> None:
    _, row = flag_post(session, community, UNHAPPY, ELSEWHERE, INSULT)
    with pytest.raises(ActionNotPossible) as refusal:
        decide(session, row, action, anna, **more)
    assert refusal.value.field == field
    assert decisions_of(session, community) == []


def test_a_lane_without_an_open_reason_is_refused(
    session: Session, community: CommunityRow, anna: ModeratorRow
) -> None:
    _, row = flag_post(session, community, INSULT)
    with pytest.raises(ActionNotPossible, match="no open reason in lane answer, only in review"):
        decide(session, row, "agree", anna, lane="answer")


def test_a_named_space_must_be_one_of_the_community(session: Session) -> None:
    community = new_community(session, spaces=(Space(slug="cards", name="Cards"),))
    anna = new_moderator(session, community)
    _, row = flag_post(session, community, ELSEWHERE)
    with pytest.raises(ActionNotPossible, match="no space 'travel'; the community has cards"):
        decide(session, row, "place", anna, space="travel")
    assert decide(session, row, "place", anna, space="cards").space == "cards"


def test_placing_in_a_topic_moves_the_post_there_and_undoing_moves_it_back(
    session: Session, community: CommunityRow, anna: ModeratorRow
) -> None:
    post, first = flag_post(session, community, ELSEWHERE)
    decide(session, first, "place", anna, topic_id=4)
    edit(session, post, "other words")
    sync(session, community, post, ELSEWHERE)
    second = rows_of(session, community)[1]
    decision = decide(session, second, "place", anna, topic_id=5)
    assert post.placed_topic_id == 5
    undo(session, community, decision, anna)
    assert (post.placed_topic_id, second.status) == (4, "open")
    decide(session, second, "place", anna)
    assert post.placed_topic_id == 4


def test_a_shadow_decision_touches_the_queue_only(
    session: Session, community: CommunityRow, anna: ModeratorRow
) -> None:
    post, row = flag_post(session, community, ELSEWHERE)
    decide(session, row, "place", anna, topic_id=4, mode="shadow")
    assert (row.status, post.placed_topic_id) == ("decided", None)


def test_skipping_leaves_the_item_for_others_and_releases_it(
    session: Session, community: CommunityRow, anna: ModeratorRow, bram: ModeratorRow
) -> None:
    _, row = flag_post(session, community, INSULT)
    claim_flag(session, community.id, row.id, anna.id, now=NOW)
    skip = decide(session, row, "skip", anna)
    assert (row.status, row.claimed_by, statuses(row)) == ("open", None, {"toxic": "open"})
    undo(session, community, skip, anna)
    assert len(list_flags(session, community.id, FlagFilter(for_moderator=anna.id), now=NOW).items) == 1
    decide(session, row, "agree", bram)


# --- refusals ---


def test_the_second_to_decide_learns_who_was_first(
    session: Session, community: CommunityRow, anna: ModeratorRow, bram: ModeratorRow
) -> None:
    """Regression 9."""
    _, row = flag_post(session, community, UNHAPPY, INSULT)
    first = decide(session, row, "agree", anna, lane="review")
    with pytest.raises(FlagAlreadyDecided) as refusal:
        decide(session, row, "disagree", bram, lane="review")
    told = refusal.value
    assert (told.decision_id, told.moderator, told.action, told.decided_at) == (first.id, "Anna", "agree", NOW)
    last = decide(session, row, "agree", anna)
    with pytest.raises(FlagAlreadyDecided) as refusal:
        decide(session, row, "disagree", bram)
    assert refusal.value.decision_id == last.id
    assert len(decisions_of(session, community)) == 2


def test_a_post_that_was_edited_meanwhile_is_refused_with_its_new_text(
    session: Session, community: CommunityRow, anna: ModeratorRow
) -> None:
    """Regression 9 (Coral PR 3020): approving while the author edits."""
    post, row = flag_post(session, community, INSULT)
    edit(session, post, "other words")
    with pytest.raises(PostEdited) as refusal:
        decide(session, row, "agree", anna)
    assert (refusal.value.revision, refusal.value.text, refusal.value.flag_id) == (2, "other words", None)
    assert "other words" not in str(refusal.value)
    with pytest.raises(PostEdited):
        decide(session, row, "agree", anna, revision=2)
    sync(session, community, post, INSULT)
    with pytest.raises(PostEdited) as refusal:
        decide(session, row, "agree", anna)
    new = rows_of(session, community)[1]
    assert refusal.value.flag_id == new.id
    assert decisions_of(session, community) == []
    decide(session, new, "agree", anna)


def test_what_the_software_closed_is_refused_with_its_reason(
    session: Session, community: CommunityRow, anna: ModeratorRow
) -> None:
    post, row = flag_post(session, community, UNHAPPY)
    sync(session, community, post, is_answered=True)
    with pytest.raises(FlagClosed) as refusal:
        decide(session, row, "agree", anna)
    assert refusal.value.closed_reason == "answered"
    delete_post(session, community, post.id, at=NOW)
    with pytest.raises(FlagClosed) as refusal:
        decide(session, row, "agree", anna)
    assert refusal.value.closed_reason == "deleted"


def test_what_another_is_working_on_is_refused(
    session: Session, community: CommunityRow, anna: ModeratorRow, bram: ModeratorRow
) -> None:
    _, row = flag_post(session, community, INSULT)
    claim_flag(session, community.id, row.id, anna.id, now=NOW)
    for action in ("agree", "skip"):
        with pytest.raises(FlagClaimed):
            decide(session, row, action, bram)
    claim_flag(session, community.id, row.id, anna.id, now=NOW - timedelta(minutes=10))
    decide(session, row, "agree", bram)


def test_items_of_another_community_do_not_exist(session: Session, community: CommunityRow) -> None:
    _, row = flag_post(session, community, INSULT)
    other = new_community(session)
    stranger = new_moderator(session, other)
    with pytest.raises(FlagUnknown):
        record_decision(session, other, row.id, DecisionRequest("agree", 1), moderator=stranger, now=NOW)
    with pytest.raises(DecisionUnknown):
        undo_decision(session, other, 1, moderator=stranger, now=NOW)


@pytest.mark.parametrize("change", [update(DecisionRow).values(note="other"), delete(DecisionRow)])
def test_the_database_refuses_to_change_a_decision(
    session: Session, community: CommunityRow, anna: ModeratorRow, change: Any
) -> None:
    _, row = flag_post(session, community, INSULT)
    decide(session, row, "agree", anna)
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.execute(change)


# --- undo ---


@pytest.mark.parametrize("action", [action for action in ACTIONS if action != "skip"])
def test_an_undo_reverts_every_effect(
    session: Session, community: CommunityRow, anna: ModeratorRow, bram: ModeratorRow, action: Action
) -> None:
    """Regression 11."""
    post, row = flag_post(session, community, UNHAPPY, ELSEWHERE, INSULT)
    lane = {"place": "placement", "answered_elsewhere": "answer"}.get(action, "review")
    before = (row.id, row.status, row.reasons, row.lanes, row.priority, row.priority_parts, post.placed_topic_id)
    decision = decide(session, row, action, anna, lane=lane, topic_id=4 if action == "place" else None)
    claim_flag(session, community.id, row.id, bram.id, now=NOW)
    taken_back = undo(session, community, decision, bram)
    after = (row.id, row.status, row.reasons, row.lanes, row.priority, row.priority_parts, post.placed_topic_id)
    assert after == before
    assert (row.claimed_by, row.closed_at) == (None, None)
    assert (taken_back.undoes, taken_back.moderator_id, taken_back.reasons) == (
        decision.id,
        bram.id,
        decision.reasons,
    )
    assert events_of(session, community)[-1] == "decision"
    (item,) = list_flags(session, community.id, FlagFilter(), now=NOW).items
    assert item.decisions == ()


def test_a_decision_is_taken_back_once_and_can_be_taken_again(
    session: Session, community: CommunityRow, anna: ModeratorRow
) -> None:
    _, row = flag_post(session, community, INSULT)
    decision = decide(session, row, "agree", anna)
    taken_back = undo(session, community, decision, anna)
    with pytest.raises(DecisionAlreadyUndone):
        undo(session, community, decision, anna)
    with pytest.raises(ActionNotPossible):
        undo(session, community, taken_back, anna)
    again = decide(session, row, "disagree", anna)
    assert again.id > taken_back.id


def test_only_the_newest_decision_of_a_lane_is_taken_back(
    session: Session, community: CommunityRow, anna: ModeratorRow
) -> None:
    _, row = flag_post(session, community, UNHAPPY, INSULT)
    skip = decide(session, row, "skip", anna, lane="review")
    review = decide(session, row, "agree", anna, lane="review")
    decide(session, row, "agree", anna, lane="answer")
    with pytest.raises(DecisionNotNewest):
        undo(session, community, skip, anna)
    undo(session, community, review, anna)
    assert (row.status, row.lanes) == ("open", ["review"])


def test_an_undo_takes_nobodys_claim(
    session: Session, community: CommunityRow, anna: ModeratorRow, bram: ModeratorRow
) -> None:
    _, row = flag_post(session, community, UNHAPPY, INSULT)
    decision = decide(session, row, "agree", anna, lane="review")
    claim_flag(session, community.id, row.id, bram.id, now=NOW)
    with pytest.raises(FlagClaimed):
        undo(session, community, decision, anna)


@pytest.mark.parametrize("change", ["deleted", "edited"])
def test_the_undo_of_an_item_whose_post_has_changed_is_recorded_and_opens_nothing(
    session: Session, community: CommunityRow, anna: ModeratorRow, change: str
) -> None:
    post, row = flag_post(session, community, INSULT)
    decision = decide(session, row, "agree", anna)
    if change == "deleted":
        delete_post(session, community, post.id, at=NOW)
    else:
        edit(session, post, "other words")
        sync(session, community, post, INSULT)
    undo(session, community, decision, anna)
    assert (row.status, row.closed_reason, statuses(row)) == ("closed", change, {"toxic": "gone"})
    assert [found.action for found in decisions_of(session, community)] == ["agree", "undo"]


# --- several at once ---


def test_each_item_of_a_bulk_decision_is_decided_or_refused_by_itself(
    session: Session, community: CommunityRow, anna: ModeratorRow, bram: ModeratorRow
) -> None:
    fine = flag_post(session, community, INSULT, post_id="fine")[1]
    edited_post, edited = flag_post(session, community, INSULT, post_id="edited")
    edit(session, edited_post, "other words")
    decided = flag_post(session, community, INSULT, post_id="decided")[1]
    decide(session, decided, "agree", bram)
    two_lanes = flag_post(session, community, INSULT, UNHAPPY, post_id="two")[1]
    claimed = flag_post(session, community, INSULT, post_id="claimed")[1]
    claim_flag(session, community.id, claimed.id, bram.id, now=NOW)
    shown = [ShownItem(row.id, 1) for row in (fine, edited, decided, two_lanes, claimed, fine)]
    shown += [ShownItem(two_lanes.id, 1, lane="review"), ShownItem(0, 1)]
    request = BulkRequest("disagree", "a known campaign")
    outcomes = record_decisions(session, community, shown, request, moderator=anna, now=NOW)
    assert [type(outcome.refusal) for outcome in outcomes] == [
        type(None),
        PostEdited,
        FlagAlreadyDecided,
        LaneNeeded,
        FlagClaimed,
        FlagAlreadyDecided,
        type(None),
        FlagUnknown,
    ]
    made = [outcome.decision for outcome in outcomes if outcome.decision is not None]
    assert [(found.flag_id, found.lane, found.note) for found in made] == [
        (fine.id, "review", "a known campaign"),
        (two_lanes.id, "review", "a known campaign"),
    ]
    assert len(decisions_of(session, community)) == 3


@pytest.mark.parametrize(("action", "note"), [("agree", " "), ("skip", "later")])
def test_a_bulk_decision_needs_a_reason_and_decides(
    session: Session, community: CommunityRow, anna: ModeratorRow, action: Action, note: str
) -> None:
    _, row = flag_post(session, community, INSULT)
    with pytest.raises(ActionNotPossible):
        record_decisions(session, community, [ShownItem(row.id, 1)], BulkRequest(action, note), moderator=anna, now=NOW)
    assert row.status == "open"


# --- races ---


def flagged(database: Database, n_items: int, n_people: int) -> tuple[CommunityRow, list[int], list[ModeratorRow]]:
    with database.transaction() as session:
        community = new_community(session)
        flag_ids = [flag_post(session, community, INSULT, post_id=f"p{n}")[1].id for n in range(n_items)]
        return community, flag_ids, [new_moderator(session, community, f"person {n}") for n in range(n_people)]


def test_forty_items_and_four_people_make_forty_decisions(database: Database) -> None:
    """Regression 9: one audit row each, the others learn who was first."""
    community, flag_ids, people = flagged(database, 40, 4)
    winners: dict[int, str] = {}
    losers: list[tuple[int, str]] = []

    def work(person: ModeratorRow) -> None:
        for flag_id in flag_ids:
            try:
                with database.transaction() as session:
                    request = DecisionRequest("agree", 1)
                    record_decision(session, community, flag_id, request, moderator=person, now=NOW)
                winners[flag_id] = person.name
            except FlagAlreadyDecided as refusal:
                losers.append((flag_id, refusal.moderator))

    at_once([lambda person=person: work(person) for person in people])
    with database.transaction() as session:
        assert Counter(found.flag_id for found in decisions_of(session, community)) == Counter(flag_ids)
        assert {row.status for row in rows_of(session, community)} == {"decided"}
    assert len(losers) == 120
    assert all(name == winners[flag_id] for flag_id, name in losers)


def test_a_decision_waits_for_an_edit_that_is_being_written(database: Database) -> None:
    """Regression 9 (Coral PR 3020): the edit commits while the decision is on its way."""
    community, (flag_id,), (person,) = flagged(database, 1, 1)
    is_connected = Event()

    def work() -> None:
        with database.transaction() as session:
            session.connection()
            is_connected.set()
            request = DecisionRequest("agree", 1)
            record_decision(session, community, flag_id, request, moderator=person, now=NOW)

    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as session:
            edit(session, session.get_one(PostRow, (community.id, "p0")), "other words")
            deciding = threads.submit(work)
            assert is_connected.wait(timeout=10)
            with pytest.raises(TimeoutError):
                deciding.result(timeout=1)
        with pytest.raises(PostEdited):
            deciding.result()


def test_bulk_decisions_in_other_orders_neither_wait_in_a_circle_nor_decide_twice(database: Database) -> None:
    community, flag_ids, people = flagged(database, 20, 4)
    made: list[int] = []

    def work(turn: int) -> None:
        order = flag_ids[turn * 5 :] + flag_ids[: turn * 5]
        with database.transaction() as session:
            items = [ShownItem(flag_id, 1) for flag_id in reversed(order)]
            request = BulkRequest("agree", "seen together")
            outcomes = record_decisions(session, community, items, request, moderator=people[turn], now=NOW)
        made.extend(outcome.flag_id for outcome in outcomes if outcome.decision is not None)

    at_once([lambda turn=turn: work(turn) for turn in range(4)])
    assert sorted(made) == flag_ids


def test_an_undo_wins_once(database: Database) -> None:
    community, (flag_id,), people = flagged(database, 1, 4)
    with database.transaction() as session:
        request = DecisionRequest("agree", 1)
        decision = record_decision(session, community, flag_id, request, moderator=people[0], now=NOW)
    refused: list[str] = []

    def work(person: ModeratorRow) -> None:
        try:
            with database.transaction() as session:
                undo_decision(session, community, decision.id, moderator=person, now=NOW)
        except DecisionAlreadyUndone:
            refused.append(person.name)

    at_once([lambda person=person: work(person) for person in people])
    with database.transaction() as session:
        assert [found.action for found in decisions_of(session, community)] == ["agree", "undo"]
        assert only_row(session, community).status == "open"
    assert len(refused) == 3


def test_deciding_while_the_judgement_changes_leaves_one_row_per_item(database: Database) -> None:
    community, flag_ids, people = flagged(database, 20, 1)

    def judge() -> None:
        for n in reversed(range(20)):
            with database.transaction() as session:
                post = session.get_one(PostRow, (community.id, f"p{n}"))
                sync(session, community, post, INSULT, UNHAPPY)

    def work() -> None:
        for flag_id in flag_ids:
            with database.transaction() as session:
                request = DecisionRequest("agree", 1, lane="review")
                record_decision(session, community, flag_id, request, moderator=people[0], now=NOW)

    at_once([judge, work])
    with database.transaction() as session:
        rows = rows_of(session, community)
        assert [row.id for row in rows] == flag_ids
        assert {tuple(statuses(row).items()) for row in rows} == {(("negative_wom", "open"), ("toxic", "decided"))}


# --- any sequence ---

FLAGS = (UNHAPPY, ELSEWHERE, INSULT, ADVERTISES)
which = st.integers(0, 30)
steps = st.one_of(
    st.tuples(st.just("sync"), which, st.sets(st.sampled_from(range(len(FLAGS)))), st.booleans()),
    st.tuples(st.just("decide"), which, st.sampled_from(ACTIONS), which, which),
    st.tuples(st.just("undo"), which, which),
    st.tuples(st.sampled_from(["claim", "release"]), which, which),
    st.tuples(st.sampled_from(["edit", "delete", "recover"]), which),
    st.tuples(st.just("wait"), st.integers(1, 15)),
)


@dataclass
class Story:
    """A community that lives through random steps; what is refused changes nothing."""

    session: Session
    community: CommunityRow
    people: list[ModeratorRow]
    now: datetime = NOW
    posts: list[PostRow] = field(default_factory=list)

    def step(self, name: str, *how: Any) -> None:
        with suppress(DecisionRefused):
            getattr(self, name)(*how)

    def sync(self, post: int, flags: set[int], is_answered: bool) -> None:
        raised = [FLAGS[number] for number in sorted(flags)]
        at = self.posts[post % len(self.posts)]
        sync(self.session, self.community, at, *raised, is_answered=is_answered, now=self.now)

    def decide(self, row: int, action: Action, lane_number: int, person: int) -> None:
        flag = self._row(row)
        if flag.lanes:
            lane = LANE_OF_ACTION.get(action, flag.lanes[lane_number % len(flag.lanes)])
            request = DecisionRequest(action, flag.revision, lane, topic_id=4 + row % 2 if action == "place" else None)
            moderator = self.people[person % len(self.people)]
            record_decision(self.session, self.community, flag.id, request, moderator=moderator, now=self.now)

    def undo(self, decision: int, person: int) -> None:
        if found := decisions_of(self.session, self.community):
            moderator, chosen = self.people[person % len(self.people)], found[decision % len(found)]
            undo_decision(self.session, self.community, chosen.id, moderator=moderator, now=self.now)

    def claim(self, row: int, person: int) -> None:
        moderator_id = self.people[person % len(self.people)].id
        claim_flag(self.session, self.community.id, self._row(row).id, moderator_id, now=self.now)

    def release(self, row: int, person: int) -> None:
        moderator_id = self.people[person % len(self.people)].id
        release_flag(self.session, self.community.id, self._row(row).id, moderator_id, now=self.now)

    def edit(self, post: int) -> None:
        edit(self.session, self.posts[post % len(self.posts)], "other words")

    def delete(self, post: int) -> None:
        delete_post(self.session, self.community, self.posts[post % len(self.posts)].id, at=self.now)

    def recover(self, post: int) -> None:
        recover_post(self.session, self.community, self.posts[post % len(self.posts)].id, now=self.now)

    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def _row(self, row: int) -> FlagRow:
        rows = rows_of(self.session, self.community)
        return rows[row % len(rows)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(steps, min_size=8, max_size=40))
def test_the_decisions_alone_tell_what_was_decided_and_the_rows_what_is_open(
    session: Session, story_steps: list[tuple[Any, ...]]
) -> None:
    """Replaying the decisions gives the rows; counters equal the rows (regression 14, Coral #4134)."""
    with undone(session):
        community = new_community(session)
        add_topics(session, community, 4, 5)
        people = [new_moderator(session, community, name) for name in ("Anna", "Bram")]
        story = Story(session, community, people)
        story.posts = [new_post(session, community, f"p{n}") for n in range(2)]
        for number in range(2):
            story.step("sync", number, {0, 1, 2}, False)
        for step in story_steps:
            story.step(*step)
        session.flush()
        rows, found = rows_of(session, community), decisions_of(session, community)
        check_replay(rows, found, story.posts)
        check_rows(rows, story.posts)
        check_counts(session, community, rows, story.now)


def check_replay(rows: list[FlagRow], found: list[DecisionRow], posts: list[PostRow]) -> None:
    decided: dict[tuple[int, str], DecisionRow] = {}
    placed: dict[str, dict[int, int]] = {post.id: {} for post in posts}
    by_id = {decision.id: decision for decision in found}
    for decision in found:
        if decision.action == "undo":
            taken_back = by_id[decision.undoes or 0]
            placed[decision.post_id].pop(taken_back.id, None)
            if taken_back.action != "skip":
                assert decided.pop((decision.flag_id, decision.lane)) is taken_back
        elif decision.action != "skip":
            assert (decision.flag_id, decision.lane) not in decided, "decided twice"
            decided[decision.flag_id, decision.lane] = decision
            if decision.topic_id is not None:
                placed[decision.post_id][decision.id] = decision.topic_id
    replayed = {
        (flag_id, reason["reason"]) for (flag_id, _), decision in decided.items() for reason in decision.reasons
    }
    assert replayed == {(row.id, name) for row in rows for name, state in statuses(row).items() if state == "decided"}
    for post in posts:
        assert post.placed_topic_id == (placed[post.id][max(placed[post.id])] if placed[post.id] else None)


def check_rows(rows: list[FlagRow], posts: list[PostRow]) -> None:
    assert len({(row.post_id, row.revision) for row in rows}) == len(rows)
    by_id = {post.id: post for post in posts}
    for row in rows:
        open_lanes = sorted({reason["lane"] for reason in row.reasons if reason["status"] == "open"})
        assert row.lanes == open_lanes
        assert (row.status == "open") == bool(open_lanes)
        assert (row.status == "closed") == (row.closed_reason is not None)
        assert row.status == "open" or row.claimed_by is None
        if row.status == "open":
            assert by_id[row.post_id].deleted_at is None
        decided_lanes = {reason["lane"] for reason in row.reasons if reason["status"] == "decided"}
        assert not decided_lanes & set(open_lanes)


def check_counts(session: Session, community: CommunityRow, rows: list[FlagRow], now: datetime) -> None:
    open_rows = [row for row in rows if row.status == "open"]
    counts = queue_counts(session, community.id, now=now)
    assert counts.n_open == len(open_rows)
    assert counts.open_by_lane == {lane: sum(lane in row.lanes for row in open_rows) for lane in LANES}
    assert counts.n_claimed == sum(row.claimed_until is not None and row.claimed_until > now for row in open_rows)
    assert counts.oldest_opened_at == min((row.opened_at for row in open_rows), default=None)
