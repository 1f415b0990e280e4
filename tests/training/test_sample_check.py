from typing import Any

import pytest

from tests.training.sample_cases import THRESHOLDS, line, many, record, run_of, sample_of, truth
from training.intervals import wilson_interval
from training.sample_check import (
    Share,
    TruthIncomplete,
    check_truth,
    compare_episodes,
    compare_placement,
    compare_questions,
    compare_signals,
    wrong_spaces,
)


def test_a_share_has_a_wilson_interval_and_nothing_of_nothing_has_no_share():
    assert Share(3, 4).figure == 0.75
    assert Share(3, 4).interval == wilson_interval(3, 4)
    assert (Share(0, 0).figure, Share(0, 0).interval) == (None, None)


def test_a_truth_of_other_posts_is_refused():
    with pytest.raises(TruthIncomplete, match="1 analysed posts have no truth, p2 first"):
        check_truth(sample_of([record("p1"), record("p2")], [truth("p1")]), run_of([line("p1"), line("p2")]))


def test_signals_are_counted_at_the_threshold_of_their_language():
    _, records = many(4)
    sample = sample_of(records, [truth("p0", "idea"), truth("p1", "idea"), truth("p2"), truth("p3")])
    run = run_of(
        [line("p0", idea=0.5), line("p1", idea=0.3), line("p2", idea=0.8, language="en"), line("p3", idea=0.49)],
        thresholds={**THRESHOLDS, ("idea", "en"): 0.7},
    )
    (idea,) = [each for each in compare_signals(sample, run) if each.name == "idea"]
    assert (idea.n_posts, idea.n_true, idea.n_found, idea.n_right, idea.n_missed) == (4, 2, 2, 1, 1)
    assert (idea.precision, idea.recall) == (Share(1, 2), Share(1, 2))
    assert idea.auc == 0.25  # one of the four pairs of a post with and one without is in the right order
    assert [(each.post_id, each.outcome, each.probability) for each in idea.mistakes] == [
        ("p1", "missed", 0.3),
        ("p2", "wrong", 0.8),
    ]
    (in_english,) = [each for each in compare_signals(sample, run, language="en") if each.name == "idea"]
    assert (in_english.n_posts, in_english.n_true, in_english.n_found, in_english.auc) == (1, 0, 1, None)


def test_without_a_threshold_or_a_probability_a_signal_is_missed():
    sample = sample_of([record("p1"), record("p2")], [truth("p1", "spam"), truth("p2", "spam")])
    run = run_of(
        [line("p1", spam=0.99), line("p2", language="en", spam=None, null_reasons={"signals": "no words"})],
        thresholds={**THRESHOLDS, ("spam", "nl"): None},
    )
    (spam,) = [each for each in compare_signals(sample, run) if each.name == "spam"]
    assert (spam.n_found, spam.n_missed, spam.n_not_scored) == (0, 2, 1)
    assert [each.note for each in spam.mistakes] == ["", "no words"]


def test_a_post_is_quoted_on_one_line_and_cut():
    sample = sample_of([record("p1", title="Koffie", text="duur\n\nen  op")], [truth("p1")])
    assert sample.quote("p1") == "Koffie duur en op"
    long = sample_of([record("p1", text="x" * 200)], [truth("p1")])
    assert long.quote("p1") == "x" * 160 + "…"


def test_placement_is_found_from_the_threshold_of_its_queue_on():
    _, records = many(3, space="winkels")
    sample = sample_of(
        records,
        [truth("p0", off_purpose=True), truth("p1", off_thread=True), truth("p2", belongs_in="recepten")],
    )
    unread = line("p1", off_thread=None, null_reasons={"off_thread": "starts its thread"})
    run = run_of([line("p0", off_purpose=0.8), unread, line("p2", off_purpose=0.79)])
    purpose, thread = compare_placement(sample, run)
    assert (purpose.n_right, purpose.n_found, purpose.mistakes) == (1, 1, ())
    assert [(each.post_id, each.outcome, each.note) for each in thread.mistakes] == [
        ("p1", "missed", "starts its thread")
    ]
    (elsewhere,) = wrong_spaces(sample, run)
    assert (elsewhere.post_id, elsewhere.outcome, elsewhere.note) == (
        "p2",
        "missed",
        "winkels → recepten, found none",
    )
    found = run_of([line("p0", placement={"space": None}), unread, line("p2", placement={"space": "recepten"})])
    assert wrong_spaces(sample, found) == ()


def meant_episode(**fields: Any) -> dict[str, Any]:
    nothing = {
        "answered_by": None,
        "acknowledged": False,
        "deflected": False,
        "corrected_by": None,
        "answer_post_id": None,
        "corrected_post_id": None,
        "censored": None,
    }
    return {**nothing, **fields}


def found_episode(post_id: str, **fields: Any) -> dict[str, Any]:
    nothing = {
        "id": post_id,
        "first_answer_at": None,
        "first_staff_answer_at": None,
        "acknowledged_at": None,
        "deflected_at": None,
        "corrected": None,
        "answer_post_id": None,
        "censored": "end",
        "amplifying_post_ids": [],
    }
    return {**nothing, **fields}


def test_episodes_are_matched_by_their_first_post():
    ids, records = many(6)
    meant = meant_episode(answered_by="staff", answer_post_id="p1", corrected_by="peer", corrected_post_id="p5")
    sample = sample_of(
        records,
        [
            truth("p0", "negative_wom", episode=meant),
            truth("p1"),
            truth("p2", "negative_wom", amplifies="p0"),
            truth("p3", "negative_wom", episode=meant_episode()),
            truth("p4", "negative_wom", episode=meant_episode()),
            truth("p5", "praise"),
        ],
    )
    answered = found_episode(
        "p0",
        first_answer_at="2026-08-02T10:00:00Z",
        first_staff_answer_at="2026-08-03T10:00:00Z",
        answer_post_id="p2",
        deflected_at="2026-08-02T10:00:00Z",
        amplifying_post_ids=["p2", "p4"],
    )
    run = run_of(
        [*map(line, ids[:3]), line("p3", negative_wom=0.2), line("p4", negative_wom=0.9), line("p5")],
        response_times={"episodes": [answered, found_episode("p5")], "unanswered_questions": []},
    )
    check = compare_episodes(sample, run)
    assert (check.n_true, check.n_found, check.n_both) == (3, 2, 1)
    assert (check.precision, check.recall) == (Share(1, 2), Share(1, 3))
    assert [(each.post_id, each.outcome, each.note) for each in check.mistakes] == [
        ("p3", "missed", "not seen as negative"),
        ("p4", "missed", "counted in the episode of p0"),
        ("p5", "wrong", "no negative word of mouth: praise"),
    ]
    of = {each.name: each for each in check.confusions}
    assert of["answered by"].counts == {("staff", "peer"): 1}
    assert [each.note for each in of["answered by"].mistakes] == ["meant staff (p1), found peer (p2)"]
    assert of["deflected"].counts == {("no", "yes"): 1}
    assert of["acknowledged"].right == Share(1, 1)
    assert of["corrected by"].counts == {("peer", "nobody"): 1}
    assert [each.note for each in of["corrected by"].mistakes] == ["meant peer (p5), found nobody"]
    assert of["cut short"].counts == {("no", "no"): 1}
    assert check.same_answer == Share(0, 1)
    assert check.joined_as_answer == Share(1, 1)
    assert (check.amplifying, check.n_amplifying_wrong) == (Share(1, 1), 1)
    assert [(each.post_id, each.outcome) for each in check.amplifying_mistakes] == [("p4", "wrong")]


def test_an_answer_is_by_staff_when_the_staff_clock_stops_with_the_first_one():
    unhappy = truth("p1", episode=meant_episode(answered_by="staff"))
    sample = sample_of([record("p1"), record("p2")], [unhappy, truth("p2")])
    at = "2026-08-02T10:00:00Z"
    episode = found_episode("p1", first_answer_at=at, first_staff_answer_at=at, answer_post_id="p2", censored="locked")
    run = run_of([line("p1")], response_times={"episodes": [episode], "unanswered_questions": []})
    of = {each.name: each.counts for each in compare_episodes(sample, run).confusions}
    assert of["answered by"] == {("staff", "staff"): 1}
    assert of["cut short"] == {("no", "locked"): 1}


def test_questions_are_mistaken_only_where_the_list_of_waiting_ones_is():
    ids, records = many(5)
    sample = sample_of(
        records,
        [
            truth("p0", "question", question_answered=True),
            truth("p1", "question", question_answered=True),
            truth("p2", "question", question_answered=False),
            truth("p3", "question", question_answered=False),
            truth("p4"),
        ],
    )
    run = run_of(
        [line("p0", question=0.9), line("p1"), line("p2", question=0.9), *(line(each) for each in ids[3:])],
        response_times={"episodes": [], "unanswered_questions": [{"post_id": "p4"}]},
    )
    check = compare_questions(sample, run)
    assert check.counts == {
        ("answered", "answered"): 1,
        ("answered", "no question"): 1,
        ("waiting", "answered"): 1,
        ("waiting", "no question"): 1,
        ("no question", "waiting"): 1,
    }
    assert check.right == Share(1, 5)
    assert [(each.post_id, each.outcome) for each in check.mistakes] == [
        ("p2", "missed"),
        ("p3", "missed"),
        ("p4", "wrong"),
    ]
