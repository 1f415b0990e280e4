import numpy as np
import pytest

from moderation.leaving import MIN_SIGNS, NEXT_DAYS, check_on_the_past, leaving_signs
from tests.moderation.episode_corpus import row, small_corpus, unhappy

DAY = 24 * 60
SPAN = 900
NOTHING = {"episodes": [], "unanswered_questions": []}


def days_of_a_crowd(*, leave_share, n=160, seed=5):
    """People who write every few days; some of them stop for good at some moment."""
    rng = np.random.default_rng(seed)
    days = {}
    for number in range(n):
        end = int(rng.integers(200, SPAN)) if rng.random() < leave_share else SPAN
        written = np.cumsum(rng.geometric(1 / rng.choice([3.0, 6.0]), size=400)) + int(rng.integers(100))
        days[f"m{number:03d}"] = [int(day) for day in written if day <= end]
    return {author_id: written for author_id, written in days.items() if written}


def test_signs_that_hold_on_the_past_are_shown():
    days = days_of_a_crowd(leave_share=0.6)
    check = check_on_the_past(days, today=SPAN)
    assert check["reason"] is None
    assert check["n_signs"] >= MIN_SIGNS
    assert check["precision"] > 0.9 > check["base_share"]
    assert check["precision_ci"][0] <= check["precision"] <= check["precision_ci"][1]


def test_where_nobody_ever_left_nothing_can_be_checked():
    assert check_on_the_past(days_of_a_crowd(leave_share=0.0), today=SPAN)["reason"] == "too_few_to_check"


def test_what_came_after_a_look_does_not_change_it():
    days = days_of_a_crowd(leave_share=0.6)
    then = SPAN - NEXT_DAYS
    known_then = {author_id: [day for day in written if day <= then + NEXT_DAYS] for author_id, written in days.items()}
    assert check_on_the_past(days, today=SPAN, n_looks=1) == check_on_the_past(known_then, today=SPAN, n_looks=1)


@pytest.fixture(scope="module")
def corpus():
    """The crowd, and somebody whose last post was a complaint that nobody answered."""
    rows = [
        row(f"{author_id}-{day}", day * DAY, author_id, "x", thread=f"{author_id}-{day}")
        for author_id, days in days_of_a_crowd(leave_share=0.6).items()
        for day in days
    ]
    rows += [row(f"ann-{day}", day * DAY, "ann", "x", thread=f"ann-{day}") for day in range(400, 800, 4)]
    rows.append(unhappy("ann-last", 800 * DAY, "ann", thread="ann-last"))
    rows += [row(f"new-{day}", day * DAY, "new", "x", thread=f"new-{day}") for day in (890, 893)]
    return small_corpus(rows)


@pytest.fixture(scope="module")
def found(corpus):
    author_ids = sorted({post.author_id for post in corpus.posts})
    episode = {"id": "ann-last", "first_answer_at": None, "censored": "end"}
    return leaving_signs(corpus, author_ids, {"episodes": [episode], "unanswered_questions": []})


def test_a_silence_beyond_the_own_rhythm_is_a_sign_with_what_came_before(found):
    entries, summary = found
    sign = entries["ann"]["leaving"]
    assert entries["ann"]["leaving_reason"] is None
    assert sign["silent_days"] == SPAN - 800
    assert sign["usual_gap_days"] == pytest.approx(4.3, abs=0.2)
    assert sign["p_gap"] <= 0.05
    assert sign["p_silent_90_days"] >= 0.6
    assert sign["what_happened_last"]["unanswered_post_ids"] == ["ann-last"]
    assert sign["what_happened_last"]["last_was_unanswered"]
    assert sign["what_happened_last"]["last_post_id"] == "ann-last"
    assert sign["what_happened_last"]["tone"]["is_falling"]
    assert summary["reason"] is None
    assert summary["n_signs"] == sum(entry["leaving"] is not None for entry in entries.values())


def test_a_member_of_a_few_days_has_no_rhythm(found):
    assert found[0]["new"] == {"leaving": None, "leaving_reason": "too_few_days"}


def test_who_left_long_ago_and_who_still_writes_give_no_sign(found):
    reasons = {entry["leaving_reason"] for entry in found[0].values()}
    assert {"has_left", "within_rhythm"} <= reasons


def test_in_short_data_nothing_is_said():
    rows = [row(f"a{day}", day * DAY, "ann", thread=f"t{day}") for day in range(0, 60, 5)]
    entries, summary = leaving_signs(small_corpus(rows), ["ann"], NOTHING)
    assert entries == {"ann": {"leaving": None, "leaving_reason": "too_few_gaps"}}
    assert (summary["reason"], summary["n_signs"]) == ("too_few_gaps", None)
