from datetime import timedelta

from episode_corpus import row, small_corpus

from moderation.answered_questions import IN_TIME, answered_share, read_questions
from moderation.contributions import find_contributions
from moderation.episode_overrides import NONE, Overrides

IN_TIME_MINUTES = int(IN_TIME / timedelta(minutes=1))
ANSWER = "You can move them in the app under My card: choose Share points and enter the other number."
ROWS = [
    row("q", 0, "anna", "How do I move my points?", thread="t", signals={"question": 0.9}),
    row("in-time", 10, "bo", ANSWER, thread="t", parent_id="q"),
    row("late", IN_TIME_MINUTES + 1, "carl", ANSWER, thread="t", parent_id="q"),
    row("end", 2 * IN_TIME_MINUTES, "dirk", "Something else.", thread="u", about="parking"),
]


def asked(overrides=NONE):
    return read_questions(small_corpus(ROWS), {"webcare"}, overrides)


def contributors(overrides=NONE):
    return {each.author_id for each in find_contributions(small_corpus(ROWS), [], overrides) if each.kind == "answer"}


def test_answers_count_for_a_group_only_when_they_came_in_time():
    (question,) = asked()
    assert question.answered_by == {"bo"}
    assert not question.by_staff
    assert answered_share([question], None).share == 1
    assert answered_share([question], {"carl"}).share == 0
    assert contributors() == {"bo", "carl"}


def test_a_moderators_word_about_a_reply_decides_who_answered():
    overrides = Overrides(kinds={("q", "in-time"): "thanks"})
    assert asked(overrides)[0].answered_by == set()
    assert contributors(overrides) == {"carl"}


def test_what_a_moderator_says_is_no_question_has_no_answers():
    overrides = Overrides(asks={"q": False})
    assert asked(overrides) == []
    assert contributors(overrides) == set()
