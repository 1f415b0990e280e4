from typing import Any

import pytest
from episode_corpus import at, row, small_corpus
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from moderation.episode_corrections import export_corrections
from moderation.episode_overrides import Override, standing_overrides
from moderation.errors import EpisodeCorrectionRefused, EpisodeUnknown
from moderation.wait_records import wait_records
from moderation.waits import measure_questions
from tests.moderation.test_wait_rows import Desk
from tests.moderation.test_wait_rows import desk as desk
from tests.service import ANSWERS, ASKS, SOUP, open_reasons, record

ASKED = [
    row("q", 0, "anna", "How do I move my points?", signals={"question": 0.9}),
    row("same", 1, "bo", "Same here.", parent_id="q", kind="same_here"),
    row("a", 2, "carl", "In the app, under My card.", parent_id="q"),
    row("b", 3, "dirk", "Or at the desk, with both cards.", parent_id="q"),
]


def questions(rows: Any, *said: Override) -> dict[str, str | None]:
    """The questions that are found once a moderator said something, each with its answer; "waits" = none yet."""
    corpus = small_corpus(rows)
    found = measure_questions(corpus, end_at=at(1000), overrides=standing_overrides(said))
    records = wait_records(corpus, [], found, listed=[], topic_of=[None] * len(corpus))
    return {
        corpus.posts[each.row].id: "waits"
        if each.is_open
        else None
        if each.answer_row is None
        else corpus.posts[each.answer_row].id
        for each in records
    }


def test_a_post_that_is_said_to_be_no_question_waits_for_nothing() -> None:
    assert questions(ASKED) == {"q": "a"}
    assert questions(ASKED, Override("q", "no_question")) == {}
    assert questions(ASKED, Override("q", "no_question"), Override("q", "question")) == {"q": "a"}


def test_a_question_that_was_missed_is_one_from_then_on() -> None:
    assert questions(ASKED[1:]) == {}
    assert questions(ASKED, Override("b", "question")) == {"q": "a", "b": "waits"}


def test_which_post_answers_is_what_a_moderator_says() -> None:
    not_a = Override("q", "reply_kind", "a", "other")
    assert questions(ASKED, not_a) == {"q": "b"}
    assert questions(ASKED, not_a, Override("q", "reply_kind", "b", "off_thread")) == {"q": "waits"}
    assert questions(ASKED, Override("q", "reply_kind", "same", "answer")) == {"q": "same"}


def test_a_solution_that_is_said_to_be_no_answer_is_none() -> None:
    solved = [*ASKED[:3], row("b", 3, "dirk", "Or at the desk.", parent_id="q", accepted=True)]
    assert questions(solved) == {"q": "b"}
    said = [Override("q", "reply_kind", post_id, "other") for post_id in ("a", "b")]
    assert questions(solved, *said) == {"q": "waits"}


@given(st.permutations([Override("q", "no_question"), Override("q", "no_episode"), Override("q", "not_corrected")]))
def test_what_is_said_of_a_complaint_is_not_said_of_the_question(said: list[Override]) -> None:
    overrides = standing_overrides(said)
    assert overrides.asks == {"q": False}
    assert overrides.starts == {"q": False}
    assert standing_overrides([one for one in said if one.action != "no_question"]).asks == {}


def ask(desk: Desk) -> None:
    desk.take_in(
        record("ask", ASKS, thread_id="t", author_id="anna"),
        record("soup", SOUP, minutes=4, thread_id="t", author_id="bo", parent_id="ask"),
        record("reply", ANSWERS, minutes=5, thread_id="t", author_id="carl", parent_id="ask"),
    )


def test_no_question_leaves_the_worklist_and_the_queue_until_it_is_undone(desk: Desk) -> None:
    desk.take_in(record("ask", ASKS, thread_id="t", author_id="anna"))
    correction_id = desk.correct("ask", action="no_question")
    assert ("question", "ask") not in desk.waits()
    with desk.database.transaction() as session:
        assert "ask" not in open_reasons(session, desk.community)
    desk.undo(correction_id)
    assert desk.waits()["question", "ask"]["is_open"]
    with desk.database.transaction() as session:
        assert open_reasons(session, desk.community)["ask"] == ["unanswered_question"]


def test_the_answer_is_the_post_that_a_moderator_names(desk: Desk) -> None:
    ask(desk)
    assert desk.waits()["question", "ask"]["answer_post_id"] == "reply"
    desk.correct("ask", action="reply_kind", post_id="reply", kind="other")
    kept = desk.waits()["question", "ask"]
    assert (kept["is_open"], kept["answer_post_id"]) == (True, None)
    desk.correct("ask", action="reply_kind", post_id="soup", kind="answer")
    kept = desk.waits()["question", "ask"]
    assert (kept["is_open"], kept["answer_post_id"]) == (False, "soup")
    assert {reply["rule"] for reply in kept["contents"]["replies"]} == {"moderator"}


def test_a_question_that_was_missed_waits_without_a_flag(desk: Desk) -> None:
    desk.take_in(record("soup", SOUP, thread_id="t", author_id="anna"))
    desk.correct("soup", action="question")
    assert desk.waits()["question", "soup"]["is_open"]
    with desk.database.transaction() as session:
        assert "unanswered_question" not in open_reasons(session, desk.community).get("soup", [])


def test_what_was_said_is_kept_with_what_the_software_had_said(desk: Desk) -> None:
    ask(desk)
    desk.correct("ask", action="reply_kind", post_id="reply", kind="other")
    desk.correct("ask", action="no_question", note="a greeting")
    with desk.database.transaction() as session:
        by_reply, whole = _exported(session, desk)
    assert by_reply["before"]["reply"]["kind"] == "answer"
    assert 0.5 < whole["before"]["p_question"] <= 1
    assert (whole["action"], whole["note"], whole["episode"]["text"]) == ("no_question", "a greeting", ASKS)


def _exported(session: Session, desk: Desk) -> list[dict[str, Any]]:
    return list(export_corrections(session, desk.community.id))


@pytest.mark.parametrize(
    ("post_id", "said", "error"),
    [
        ("soup", {"action": "no_question"}, EpisodeUnknown),
        ("soup", {"action": "reply_kind", "post_id": "reply", "kind": "answer"}, EpisodeUnknown),
        ("ask", {"action": "no_episode"}, EpisodeUnknown),
        ("ask", {"action": "no_question", "post_id": "reply"}, EpisodeCorrectionRefused),
        ("staff", {"action": "question"}, EpisodeCorrectionRefused),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, post_id: str, said: dict[str, Any], error: type[Exception]) -> None:
    ask(desk)
    desk.take_in(record("staff", ASKS, minutes=9, thread_id="t", author_id="s1"))
    with pytest.raises(error):
        desk.correct(post_id, **said)
