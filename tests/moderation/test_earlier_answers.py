from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from moderation.earlier_answers import (
    N_NEAREST,
    SIMILAR_COSINE,
    EarlierAnswer,
    Members,
    answers_that_worked,
    best_placed,
    nearest_answers,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HERE = Members({"carl": NOW, "dora": NOW, "gone": NOW - timedelta(days=91)}, ())


def answered(number, by="carl", *, worked=None, cosine=0.95, staff=False):
    return EarlierAnswer(f"q{number}", f"t{number}", f"a{number}", by, staff, worked, cosine)


def placed(*answers, members=HERE, writer_id="anna"):
    return best_placed(nearest_answers(answers), members, writer_id=writer_id, now=NOW)


def test_who_answered_two_alike_is_asked():
    found = placed(answered(1), answered(2, worked="corrected"), answered(3, "dora"))
    assert found["who"] == "peer"
    assert [(member["author_id"], member["n_answered"], member["n_worked"]) for member in found["members"]] == [
        ("carl", 2, 1)
    ]
    assert found["members"][0]["answer_post_ids"] == ["a1", "a2"]


def test_an_answer_that_worked_counts_twice():
    members = [*(answered(n) for n in (1, 2, 3)), *(answered(n, "dora", worked="accepted") for n in (4, 5))]
    assert [member["author_id"] for member in placed(*members)["members"]] == ["dora", "carl"]


def test_nothing_alike_is_for_the_staff():
    assert placed()["reason"] == "nothing_alike"
    assert placed(answered(1, cosine=SIMILAR_COSINE - 0.01), answered(2, cosine=0.5))["reason"] == "nothing_alike"


def test_those_who_do_not_want_to_be_asked_are_left_alone():
    members = Members({"carl": NOW}, ("carl",))
    found = placed(answered(1), answered(2), members=members)
    assert (found["who"], found["members"], found["reason"]) == ("staff", [], "no_member")


def test_nobody_is_asked_about_their_own_post_or_after_they_left():
    assert placed(answered(1), answered(2), writer_id="carl")["reason"] == "no_member"
    assert placed(answered(1, "gone"), answered(2, "gone"))["reason"] == "no_member"
    assert placed(answered(1, None), answered(2, None))["reason"] == "no_member"


def test_what_the_staff_mostly_answered_stays_with_the_staff():
    found = placed(*(answered(n, "s1", staff=True, worked="corrected") for n in (1, 2, 3)), answered(4), answered(5))
    assert (found["who"], found["reason"]) == ("staff", "mostly_staff")
    assert [member["author_id"] for member in found["members"]] == ["carl"]


def test_only_answers_that_worked_are_shown_the_nearest_first_each_once():
    nearest = nearest_answers(
        [
            answered(1, worked="corrected", cosine=0.90),
            answered(2, worked="accepted", cosine=0.99),
            answered(3, cosine=0.98),
            EarlierAnswer("q9", "t9", "a2", "carl", False, "accepted", 0.97),
        ]
    )
    assert [(found["answer_post_id"], found["worked"]) for found in answers_that_worked(nearest)] == [
        ("a2", "accepted"),
        ("a1", "corrected"),
    ]


ANSWERS = st.lists(
    st.builds(
        answered,
        st.integers(0, 60),
        st.sampled_from(["carl", "dora", "gone", None]),
        worked=st.sampled_from([None, "corrected"]),
        cosine=st.floats(-1, 1),
        staff=st.booleans(),
    ),
    max_size=40,
    unique_by=lambda answer: answer.opening_id,
)


@given(answers=ANSWERS, seed=st.randoms(use_true_random=False))
def test_the_order_of_the_answers_does_not_matter(answers, seed):
    shuffled = list(answers)
    seed.shuffle(shuffled)
    assert nearest_answers(shuffled) == nearest_answers(answers)
    assert len(nearest_answers(answers)) <= N_NEAREST
    found = placed(*answers)
    assert (found["who"] == "peer") == (found["reason"] is None)
    assert all(member["author_id"] in ("carl", "dora") for member in found["members"])
