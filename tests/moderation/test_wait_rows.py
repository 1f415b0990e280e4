from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from moderation.accounts import moderator_named
from moderation.db import Database
from moderation.episode_corrections import CorrectionRequest, record_correction, undo_correction
from moderation.errors import EpisodeCorrectionRefused, EpisodeCorrectionUndone, EpisodeUnknown, KlankbordError
from moderation.incoming import judge_posts, judge_threads, lock_community, score_waiting
from moderation.ingest import delete_post, recover_post, store_posts
from moderation.pipeline import Models
from moderation.refit import refit
from moderation.tables import CommunityRow, PostRow, WaitRow
from moderation.wait_rows import episode_json, find_episode, list_episodes
from tests.service import ANSWERS, ASKS, NOW, SOUP, UNHAPPY, new_community, open_reasons, record

THANKS = "Dank je wel, dat was het, het is nu helemaal opgelost. Fijn dat je zo snel hielp!"
SORRY = "Wat vervelend om te horen, onze excuses voor het ongemak."
ALSO = "Ik heb precies hetzelfde probleem met deze waardeloze winkel, al weken geen geld terug en niemand reageert."
TEXTS = (UNHAPPY, ASKS, ANSWERS, THANKS, SORRY, ALSO, SOUP)


class Desk:
    """A community whose jobs are done as soon as they are asked for."""

    def __init__(self, database: Database, models: Models) -> None:
        self.database, self.models = database, models
        self.community = new_community(database, staff=("s1",))
        with database.transaction() as session:
            self.moderator = moderator_named(session, self.community.id, "Zoë")

    def take_in(self, *records: dict[str, Any]) -> None:
        with self.database.transaction() as session:
            store_posts(session, self.community, records, now=NOW)
        self.work_off()

    def work_off(self) -> None:
        jobs = text(
            "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'score_posts' "
            "AND CAST(args ->> 'community_id' AS bigint) = :community RETURNING id, args"
        )
        with self.database.transaction() as session:
            found = sorted(session.execute(jobs, {"community": self.community.id}).all())
        for _, arguments in found:
            score_waiting(self.database, self.models, self.community.id, arguments["post_ids"])
            judge_posts(self.database, self.models, self.community.id, arguments["post_ids"], now=NOW)

    def correct(self, episode_id: str, **said: Any) -> int:
        with self.database.transaction() as session:
            row = record_correction(
                session,
                self.community,
                episode_id,
                CorrectionRequest(**said),
                moderator=self.moderator,
                model_version=self.models.version,
                now=NOW,
            )
        self.work_off()
        return row.id

    def undo(self, correction_id: int) -> None:
        with self.database.transaction() as session:
            undo_correction(session, self.community, correction_id, moderator=self.moderator, now=NOW)
        self.work_off()

    def waits(self) -> dict[tuple[str, str], dict[str, Any]]:
        with self.database.transaction() as session:
            return waits_of(session, self.community)

    def episode(self, post_id: str) -> dict[str, Any]:
        return self.waits()["episode", post_id]["contents"]


def waits_of(session: Session, community: CommunityRow) -> dict[tuple[str, str], dict[str, Any]]:
    """All that is kept, but for when it was."""
    statement = select(WaitRow).where(WaitRow.community_id == community.id)
    moments = {"first_seen_at", "worked_out_at"}
    names = [column.name for column in WaitRow.__table__.columns if column.name not in moments]
    rows = session.scalars(statement.execution_options(populate_existing=True))
    return {(row.kind, row.post_id): {name: getattr(row, name) for name in names} for row in rows}


@pytest.fixture
def desk(database: Database, models: Models) -> Desk:
    return Desk(database, models)


def complaint(post_id: str = "q", **fields: Any) -> dict[str, Any]:
    return record(post_id, UNHAPPY, thread_id="t", author_id="anna", **fields)


def answer(post_id: str = "a", minutes: float = 10, **fields: Any) -> dict[str, Any]:
    return record(post_id, ANSWERS, minutes=minutes, thread_id="t", author_id="carl", parent_id="q", **fields)


def test_an_answer_is_seen_at_once_and_missed_when_it_is_gone(desk: Desk) -> None:
    desk.take_in(complaint())
    assert desk.waits()["episode", "q"]["is_open"]
    desk.take_in(answer())
    assert desk.waits()["episode", "q"]["answer_post_id"] == "a"
    assert [reply["post_id"] for reply in desk.episode("q")["replies"]] == ["a"]
    with desk.database.transaction() as session:
        delete_post(session, desk.community, "a", at=NOW)
    desk.work_off()
    assert desk.waits()["episode", "q"]["is_open"]
    with desk.database.transaction() as session:
        recover_post(session, desk.community, "a", now=NOW)
    desk.work_off()
    assert desk.waits()["episode", "q"]["answer_post_id"] == "a"


def test_an_edit_that_calms_down_ends_the_episode(desk: Desk) -> None:
    desk.take_in(complaint())
    desk.take_in({**complaint(), "text": SOUP, "updated_at": NOW.isoformat()})
    assert desk.waits() == {}


def test_a_thread_that_is_merged_into_another_takes_its_episode_along(desk: Desk) -> None:
    desk.take_in(complaint(), record("other", SOUP, minutes=-5, thread_id="t2", author_id="dirk"))
    desk.take_in({**complaint(), "thread_id": "t2", "updated_at": NOW.isoformat()})
    assert {wait["thread_id"] for wait in desk.waits().values()} == {"t2"}
    desk.take_in({**complaint(), "thread_id": "t3", "kind": "system", "updated_at": (NOW + timedelta(1)).isoformat()})
    assert desk.waits() == {}


def test_a_deleted_complaint_is_no_longer_open_at_once(desk: Desk) -> None:
    desk.take_in(complaint())
    with desk.database.transaction() as session:
        delete_post(session, desk.community, "q", at=NOW)
    desk.work_off()
    assert not desk.waits()["episode", "q"]["is_open"]
    assert desk.episode("q")["censored"] == "deleted"


def test_when_it_was_first_seen_stays(desk: Desk) -> None:
    desk.take_in(complaint())
    later = NOW + timedelta(hours=3)
    with desk.database.transaction() as session:
        judge_threads(session, lock_community(session, desk.community.id), desk.models, ["t"], now=later)
    with desk.database.transaction() as session:
        row = find_episode(session, desk.community.id, "q")
        assert (row.first_seen_at, row.worked_out_at) == (NOW, later)


OPERATIONS = st.tuples(
    st.sampled_from(["write", "write", "write", "move", "delete", "recover", "correct", "undo"]),
    st.integers(0, 5),
    st.integers(0, len(TEXTS) - 1),
    st.integers(0, 2),
)


@settings(max_examples=6)
@given(operations=st.lists(OPERATIONS, min_size=6, max_size=14))
def test_step_by_step_is_as_all_at_once(
    database: Database, models: Models, operations: Sequence[tuple[str, int, int, int]]
) -> None:
    desk = Desk(database, models)
    corrections: list[int] = []
    for turn, (action, number, words, thread) in enumerate(operations):
        post_id, updated_at = f"p{number}", (NOW + timedelta(seconds=turn)).isoformat()
        author = "s1" if TEXTS[words] == SORRY else f"m{number % 3}"
        written = record(post_id, TEXTS[words], minutes=number, author_id=author, thread_id=f"t{thread}")
        try:
            if action in ("write", "move"):
                desk.take_in({**written, "updated_at": updated_at})
            elif action in ("delete", "recover"):
                with database.transaction() as session:
                    if action == "delete":
                        delete_post(session, desk.community, post_id, at=NOW)
                    else:
                        recover_post(session, desk.community, post_id, now=NOW)
                desk.work_off()
            elif action == "correct":
                said: Sequence[dict[str, Any]] = (
                    {"action": "no_episode"},
                    {"action": "reply_kind", "post_id": f"p{words % 6}", "kind": "answer"},
                    {"action": "other_start", "post_id": f"p{words % 6}"},
                )
                corrections.append(desk.correct(post_id, **said[thread]))
            elif corrections:
                desk.undo(corrections[words % len(corrections)])
        except KlankbordError:  # what is not there cannot be deleted or corrected
            desk.work_off()
    step_by_step = desk.waits()
    with database.transaction() as session:
        session.execute(delete(WaitRow).where(WaitRow.community_id == desk.community.id))
        threads = set(session.scalars(select(PostRow.thread_id).where(PostRow.community_id == desk.community.id)))
        judge_threads(session, lock_community(session, desk.community.id), models, threads, now=NOW)
    assert desk.waits() == step_by_step


def test_a_correction_outlives_a_refit_and_a_new_judgement(desk: Desk) -> None:
    desk.take_in(complaint(), answer(), record("x", SORRY, minutes=20, thread_id="t", author_id="s1", parent_id="q"))
    desk.correct("q", action="reply_kind", post_id="a", kind="other")
    assert desk.episode("q")["answer_post_id"] is None
    desk.take_in(record("new", SOUP, minutes=30, thread_id="t", author_id="dirk", parent_id="q"))
    refit(desk.database, desk.models, desk.community.id, now=NOW)
    reply = desk.episode("q")["replies"][0]
    assert (reply["post_id"], reply["kind"], reply["rule"]) == ("a", "other", "moderator")
    with desk.database.transaction() as session:
        assert open_reasons(session, desk.community)["q"] == ["negative_wom"]


def test_no_episode_takes_the_complaint_out_of_the_queue_until_it_is_undone(desk: Desk) -> None:
    desk.take_in(complaint())
    correction_id = desk.correct("q", action="no_episode")
    with desk.database.transaction() as session:
        assert open_reasons(session, desk.community) == {}
    desk.undo(correction_id)
    with desk.database.transaction() as session:
        assert open_reasons(session, desk.community) == {"q": ["negative_wom"]}
    with pytest.raises(EpisodeCorrectionUndone):
        desk.undo(correction_id)


@pytest.mark.parametrize(
    ("episode_id", "said", "error"),
    [
        ("a", {"action": "no_episode"}, EpisodeUnknown),
        ("q", {"action": "reply_kind", "kind": "answer"}, EpisodeCorrectionRefused),
        ("q", {"action": "reply_kind", "post_id": "a"}, EpisodeCorrectionRefused),
        ("q", {"action": "no_episode", "post_id": "a"}, EpisodeCorrectionRefused),
        ("q", {"action": "corrected", "post_id": "a"}, EpisodeCorrectionRefused),
        ("q", {"action": "amplifies", "post_id": "own"}, EpisodeCorrectionRefused),
        ("q", {"action": "amplifies", "post_id": "elsewhere"}, EpisodeCorrectionRefused),
        ("s", {"action": "episode"}, EpisodeCorrectionRefused),
        ("q", {"action": "other_start", "post_id": "s"}, EpisodeCorrectionRefused),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, episode_id: str, said: dict[str, Any], error: type[Exception]) -> None:
    desk.take_in(
        complaint(),
        answer(),
        record("own", SOUP, minutes=20, thread_id="t", author_id="anna"),
        record("s", SORRY, minutes=21, thread_id="t", author_id="s1", parent_id="q"),
        record("elsewhere", SOUP, minutes=22),
    )
    with pytest.raises(error):
        desk.correct(episode_id, **said)


def test_only_time_ends_the_three_days_after_an_answer(desk: Desk) -> None:
    desk.take_in(complaint(), answer())
    with desk.database.transaction() as session:
        row = find_episode(session, desk.community.id, "q")
        before = episode_json(row, now=NOW)["corrected_reason"]
        after = episode_json(row, now=NOW + timedelta(days=4))["corrected_reason"]
    assert before == "the 72 hours after the answer are not over"
    assert after == "neither the author nor other members turned the tone within 72 hours"


def test_episodes_are_listed_by_state_in_time_order(desk: Desk) -> None:
    desk.take_in(
        complaint(),
        answer(),
        *(record(f"e{n}", UNHAPPY, minutes=n, author_id=f"m{n}") for n in (3, 2)),
    )

    def listed(**wanted: Any) -> list[str]:
        known = {"state": None, "topic_id": None, "since": None, "after": None, "limit": 10}
        with desk.database.transaction() as session:
            return [row.post_id for row in list_episodes(session, desk.community.id, **{**known, **wanted})]

    assert listed() == ["q", "e2", "e3"]
    assert listed(state="open") == ["e2", "e3"]
    assert listed(state="answered") == ["q"]
    assert listed(state="corrected") == []
    assert listed(limit=1) == ["q"]
    assert listed(after=(NOW - timedelta(hours=12), "q")) == ["e2", "e3"]
