import random

import pytest

from moderation.episode_overrides import Overrides
from moderation.faq import find_faq
from tests.moderation.episode_corpus import row, small_corpus

DAY = 24 * 60
ANSWER = "You can move them in the app under My card: choose Share points and enter the other number."


def asks(id_, day, author, text="How do I move my points to another card?", **fields):
    return row(id_, day * DAY, author, text, thread=f"t-{id_}", signals={"question": 0.9}, **fields)


def answers(id_, day, author, to, text=ANSWER, *, minutes=60, **fields):
    return row(id_, day * DAY + minutes, author, text, thread=f"t-{to}", parent_id=to, **fields)


def other_talk():
    """Threads about other subjects, so that something is common to all and something is not."""
    subjects = ("app", "delivery", "points", "parking")
    return [row(f"o{n}", n * 300, f"z{n}", thread=f"t-o{n}", about=subjects[n % 4]) for n in range(12)]


def faq_of(rows, **said):
    corpus = small_corpus([*rows, *other_talk()])
    return find_faq(corpus, topic_of=[7] * len(corpus), overrides=Overrides(**said))


def test_a_question_of_three_members_over_weeks_returns_with_its_answers():
    found = faq_of([asks("q1", 0, "a"), asks("q2", 20, "b"), asks("q3", 40, "c"), answers("r1", 20, "s1", "q2")])
    (question,) = found["questions"]
    assert question["id"] == "q1"
    assert question["post_ids"] == ["q1", "q2", "q3"]
    assert (question["n_authors"], question["n_answered"], question["topic_id"]) == (3, 1, 7)
    assert [answer["post_id"] for answer in question["answers"]] == ["r1"]
    assert found["reason"] is None


def test_a_moderator_says_what_a_question_is_and_what_answers_it():
    rows = [asks("q1", 0, "a"), asks("q2", 20, "b"), asks("q3", 40, "c"), answers("r1", 20, "s1", "q2")]
    (question,) = faq_of(rows, kinds={("q2", "r1"): "other"})["questions"]
    assert (question["n_answered"], question["answers"]) == (0, [])
    assert faq_of(rows, asks={"q2": False})["questions"] == []


@pytest.mark.parametrize(
    "rows",
    [
        [asks("q1", 0, "a"), asks("q2", 20, "b")],
        [asks("q1", 0, "a"), asks("q2", 20, "a"), asks("q3", 40, "b")],
        [asks("q1", 0, "a"), asks("q2", 2, "b"), asks("q3", 5, "c")],
        [asks("q1", 0, "a"), asks("q2", 20, "b"), asks("q3", 40, None)],
        [asks("q1", 0, "a"), asks("q2", 20, "b", about="app"), asks("q3", 40, "c", about="parking")],
        [asks("q1", 0, "a"), asks("q2", 20, "b"), asks("q3", 40, "s1", role="staff")],
    ],
    ids=["two members", "one member twice", "within a week", "unknown author", "other questions", "staff"],
)
def test_what_does_not_return_is_left_out_with_the_reason(rows):
    found = faq_of(rows)
    assert found["questions"] == []
    assert found["reason"] == "no question was asked by three members over a week or more"


def test_questions_in_replies_and_deleted_ones_do_not_count():
    in_reply = row("q3", 40 * DAY, "c", "How do I move my points?", thread="t-q1", signals={"question": 0.9})
    gone = asks("q4", 50, "d", deleted_at=asks("x", 51, "x").post.created_at)
    assert faq_of([asks("q1", 0, "a"), asks("q2", 20, "b"), in_reply, gone])["questions"] == []


def test_the_best_answer_is_accepted_then_liked_then_thanked_for():
    rows = [asks("q1", 0, "a"), asks("q2", 20, "b"), asks("q3", 40, "c")]
    rows += [answers("liked", 0, "x", "q1", likes=9), answers("accepted", 20, "y", "q2", accepted=True)]
    rows += [answers("thanked", 40, "z", "q3"), answers("thanks", 40, "c", "q3", "Thank you so much!", minutes=90)]
    rows += [answers("plain", 40, "w", "q3", minutes=120)]
    (question,) = faq_of(rows)["questions"]
    assert [answer["post_id"] for answer in question["answers"]] == ["accepted", "liked", "thanked"]
    assert question["answers"][2]["asker_gave_thanks"]


def test_nobody_answered_is_said():
    (question,) = faq_of([asks("q1", 0, "a"), asks("q2", 20, "b"), asks("q3", 40, "c")])["questions"]
    assert (question["n_answered"], question["answers"]) == (0, [])
    assert question["answers_reason"] == "nobody has answered any of them"


def test_the_order_of_reading_changes_nothing():
    rows = [asks("q1", 0, "a"), asks("q2", 20, "b"), asks("q3", 40, "c"), answers("r1", 20, "s1", "q2")]
    shuffled = random.Random(3).sample(rows, len(rows))
    assert faq_of(shuffled) == faq_of(rows)


def test_an_empty_community_has_no_questions():
    found = find_faq(small_corpus(other_talk()), topic_of=[None] * 12)
    assert (found["questions"], found["n_questions_read"]) == ([], 0)
