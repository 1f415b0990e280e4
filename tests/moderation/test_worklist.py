from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from moderation.communities import save_community
from moderation.config import Community
from moderation.db import Database
from moderation.episode_corrections import export_corrections
from moderation.findings import find_findings
from moderation.live_clocks import live_clocks
from moderation.pipeline import Models
from moderation.refit import refit
from moderation.tables import CommunityRow, WaitRow
from moderation.worklist import WorklistItem, list_worklist, n_open_waits
from tests.moderation.test_wait_rows import Desk, complaint
from tests.service import ANSWERS, ASKS, NOW, record


@pytest.fixture
def desk(database: Database, models: Models) -> Desk:
    return Desk(database, models)


def solved(number: int, by: str = "carl") -> list[dict[str, Any]]:
    """A question that somebody asked before, with the answer that was marked as the solution."""
    thread = {"thread_id": f"old{number}"}
    return [
        record(f"old{number}", ASKS, minutes=-60 * number, author_id=f"m{number}", **thread),
        record(
            f"fix{number}",
            ANSWERS,
            minutes=-60 * number + 5,
            author_id=by,
            parent_id=f"old{number}",
            accepted=True,
            **thread,
        ),
    ]


def worklist(desk: Desk, **wanted: Any) -> list[WorklistItem]:
    with desk.database.transaction() as session:
        community = session.get_one(CommunityRow, desk.community.id)
        return list_worklist(session, community, **{"now": NOW, "after": None, "limit": 10, **wanted})


def test_who_answered_such_questions_before_is_best_placed(desk: Desk) -> None:
    desk.take_in(*solved(1), *solved(2), record("asks", ASKS, minutes=5))
    (item,) = worklist(desk)
    assert item.best_placed is not None
    assert [member["author_id"] for member in item.best_placed["members"]] == ["carl"]
    assert [answer["answer_post_id"] for answer in item.earlier_answers] == ["fix1", "fix2"]
    assert item.earlier_answers[0]["worked"] == "accepted"


@pytest.mark.parametrize("setting", ["not_asked", "left_out"])
def test_who_does_not_want_to_be_asked_is_not_named(desk: Desk, setting: str) -> None:
    desk.take_in(*solved(1), *solved(2), record("asks", ASKS, minutes=5))
    with desk.database.transaction() as session:
        save_community(session, desk.community.slug, Community.model_validate({"staff": ["s1"], setting: ["carl"]}))
    (item,) = worklist(desk)
    assert item.best_placed is not None
    assert (item.best_placed["who"], item.best_placed["reason"]) == ("staff", "no_member")


def test_a_newcomer_is_one_with_fewer_than_three_posts_before(desk: Desk) -> None:
    desk.take_in(complaint())
    assert worklist(desk)[0].parts["is_newcomer"]
    desk.take_in(*(record(f"b{n}", minutes=-n, author_id="anna") for n in (1, 2)))
    assert worklist(desk)[0].parts["is_newcomer"]
    desk.take_in(record("b3", minutes=-3, author_id="anna"))
    assert not worklist(desk)[0].parts["is_newcomer"]


def test_every_one_comes_once_over_the_pages(desk: Desk) -> None:
    desk.take_in(complaint(), *(record(f"a{n}", ASKS, minutes=n) for n in range(4)))
    seen, after = [], None
    while page := worklist(desk, after=after, limit=2):
        seen += [item.post.id for item in page]
        after = page[-1].rank, page[-1].post.id
    assert seen[0] == "q"
    assert sorted(seen) == ["a0", "a1", "a2", "a3", "q"]
    assert seen == [item.post.id for item in worklist(desk)]
    with desk.database.transaction() as session:
        assert n_open_waits(session, desk.community.id) == 5


def test_the_order_stays_the_same_while_time_passes(desk: Desk) -> None:
    desk.take_in(complaint(), *(record(f"a{n}", ASKS, minutes=90 * n) for n in range(3)))
    later = worklist(desk, now=NOW + timedelta(days=3))
    assert [item.post.id for item in later] == [item.post.id for item in worklist(desk)]
    assert later[0].priority == pytest.approx(worklist(desk)[0].priority + 30)


def test_what_was_corrected_is_exported_with_its_words(desk: Desk) -> None:
    desk.take_in(complaint(), record("a", ANSWERS, minutes=5, thread_id="t", author_id="carl", parent_id="q"))
    first = desk.correct("q", action="reply_kind", post_id="a", kind="other", note="no news")
    desk.correct("q", action="no_episode")
    desk.undo(first)
    with desk.database.transaction() as session:
        lines = list(export_corrections(session, desk.community.id))
    assert [(line["action"], line["undone_at"] is not None) for line in lines] == [
        ("reply_kind", True),
        ("no_episode", False),
    ]
    assert lines[0]["post"]["text"] == ANSWERS
    assert lines[0]["before"]["reply"]["kind"] == "answer"
    assert (lines[0]["moderator"], lines[0]["note"]) == ("Zoë", "no news")
    assert lines[1]["post"] is None


def test_the_service_keeps_what_the_export_finds(
    database: Database, models: Models, scored_sample: CommunityRow, copy_of: Callable[[CommunityRow], CommunityRow]
) -> None:
    """After a refit the rows and the findings, which are worked out over all posts at once, say the same."""
    community = copy_of(scored_sample)
    refit(database, models, community.id, now=NOW)
    with database.transaction() as session:
        findings = find_findings(session, community.id, "response_times").contents
        rows = session.scalars(
            select(WaitRow).where(WaitRow.community_id == community.id, WaitRow.kind == "episode")
        ).all()
        kept = {row.post_id: row.contents for row in rows}
        clocks = live_clocks(session, community)
        listed = {item.post.id for item in list_worklist(session, community, now=NOW, after=None, limit=200)}
    by_time = {"corrected_reason"}
    assert kept.keys() == {episode["id"] for episode in findings["episodes"]}
    for episode in findings["episodes"]:
        assert {name: kept[episode["id"]][name] for name in episode.keys() - by_time} == {
            name: episode[name] for name in episode.keys() - by_time
        }
    assert listed == {item["post_id"] for item in findings["worklist"]}
    assert clocks == {name: findings[name] for name in ("end_at", "clocks", "touched", "staff_business_hours")}
