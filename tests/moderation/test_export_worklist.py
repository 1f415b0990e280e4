from dataclasses import replace

import pytest
from episode_corpus import at, row, small_corpus, unhappy

from moderation.config import Community
from moderation.response_times import measure_response_times
from moderation.wait_records import most_within_a_day, n_loud_cues, tone_strength

QUESTION = {"question": 0.9}
EARLIER = [
    line
    for n in (1, 2)
    for line in (
        unhappy(f"old{n}", n, f"m{n}", thread=f"o{n}", about="app"),
        row(f"fix{n}", n + 0.5, "carl", thread=f"o{n}", about="app", parent_id=f"old{n}"),
        row(f"thanks{n}", n + 0.6, f"m{n}", "Thanks, that was it!", thread=f"o{n}", about="app"),
    )
]
NEW = unhappy("new", 100, "anna", thread="n", about="app")


def worklist(rows, **settings):
    corpus = small_corpus(rows)
    community = Community(**settings)
    found = measure_response_times(corpus, topic_of=[None] * len(corpus), community=community, end_at=at(200))
    return {item["post_id"]: item for item in found["worklist"]}


def test_who_corrected_such_complaints_before_is_best_placed_and_the_answer_is_shown():
    item = worklist([*EARLIER, NEW])["new"]
    assert item["best_placed"]["who"] == "peer"
    assert [member["author_id"] for member in item["best_placed"]["members"]] == ["carl"]
    assert [answer["answer_post_id"] for answer in item["earlier_answers"]] == ["fix1", "fix2"]


def test_who_does_not_want_to_be_asked_is_not_named():
    assert worklist([*EARLIER, NEW], not_asked=("carl",))["new"]["best_placed"]["reason"] == "no_member"


def test_what_is_about_something_else_says_nothing():
    assert worklist([*EARLIER, replace(NEW, about="parking")])["new"]["best_placed"]["reason"] == "nothing_alike"


def test_a_post_without_words_is_compared_with_nothing():
    item = worklist([*EARLIER, replace(NEW, about=None)])["new"]
    assert item["best_placed"] is None
    assert item["best_placed_reason"] == "no words to compare by"


def test_those_come_first_whose_complaint_spreads():
    rows = [
        unhappy("quiet", 100, "anna", thread="n1"),
        unhappy("spreads", 100, "bo", thread="n2"),
        *(unhappy(f"amp{n}", 101 + n, f"x{n}", thread="n2", parent_id="spreads") for n in (1, 2)),
        row("asks", 100, "eva", thread="n3", signals=QUESTION),
        unhappy("answered", 100, "fay", thread="n4"),
        row("answer", 101, "carl", thread="n4", parent_id="answered"),
    ]
    found = worklist(rows)
    assert list(found) == ["spreads", "quiet", "asks"]
    assert found["spreads"]["parts"]["n_joined_within_a_day"] == 2
    assert found["quiet"]["parts"]["is_newcomer"]


def test_a_complaint_that_is_a_question_too_is_listed_once_as_a_complaint():
    both = row("both", 1, "anna", signals={"negative_wom": 0.9, "question": 0.9})
    assert [item["kind"] for item in worklist([both]).values()] == ["episode"]


@pytest.mark.parametrize(
    ("words", "n_cues"),
    [
        ("De app werkt niet.", 0),
        ("De app werkt niet!!", 1),
        ("Wat is dit nou weer?!", 1),
        ("HTML is mooi", 0),
        ("DIT KAN ECHT NIET MEER", 1),
        ("zooooo slecht", 1),
        ("Waardeloos 😡", 1),
        ("WAAROM DOET NIEMAND IETS!!! zoooo boos 🤬", 4),
    ],
)
def test_loudness_is_counted_by_kind(words, n_cues):
    assert n_loud_cues(words) == n_cues


def test_a_loud_complaint_is_stronger_than_a_quiet_one_and_an_unscored_one_is_unknown():
    corpus = small_corpus(
        [unhappy("a", 0, "x", "It does not work."), unhappy("b", 1, "y", "It does NOT WORK AT ALL, EVER!!")]
    )
    quiet, loud = tone_strength(corpus, 0), tone_strength(corpus, 1)
    assert 0 < quiet < loud <= 1
    assert tone_strength(replace(corpus, signals=corpus.signals * float("nan")), 0) is None


@pytest.mark.parametrize(("hours", "n"), [([], 0), ([1], 1), ([0, 23, 24, 25, 60], 3), ([0, 30, 60], 1)])
def test_how_many_joined_within_a_day(hours, n):
    assert most_within_a_day([at(60 * hour) for hour in hours]) == n
