from collections.abc import Mapping
from typing import Any

import pytest

from models.signals import SIGNALS
from training.intervals import wilson_interval
from training.sample_check import (
    PlantedChange,
    Run,
    Sample,
    Share,
    TruthIncomplete,
    check_truth,
    compare_drift,
    compare_episodes,
    compare_placement,
    compare_questions,
    compare_signals,
    compare_split,
    compare_topics,
    wrong_spaces,
)

THRESHOLDS = {(signal, language): 0.5 for signal in SIGNALS for language in ("nl", "en")}


def record(post_id: str, **fields: Any) -> dict[str, Any]:
    day = int(post_id.lstrip("p")) % 28 + 1
    at_noon = f"2026-08-{day:02}T12:00:00+02:00"
    return {"id": post_id, "author_id": "m1", "role": "member", "created_at": at_noon, "text": post_id, **fields}


def truth(post_id: str, *labels: str, **fields: Any) -> dict[str, Any]:
    nothing = {
        "episode": None,
        "off_purpose": False,
        "belongs_in": None,
        "off_thread": False,
        "subject": "points",
        "amplifies": None,
        "question_answered": None,
    }
    return {"id": post_id, "labels": list(labels), **nothing, **fields}


def line(post_id: str, *, language: str = "nl", topic_id: int | None = 1, **fields: Any) -> dict[str, Any]:
    probabilities = {signal: fields.pop(signal, 0.1) for signal in SIGNALS}
    nothing = {"off_purpose": 0.0, "off_thread": 0.0, "null_reasons": {}}
    return {
        "id": post_id,
        "language": language,
        "topic_id": topic_id,
        "signals": probabilities,
        **nothing,
        **fields,
    }


def sample_of(records: list[dict[str, Any]], truths: list[dict[str, Any]]) -> Sample:
    return Sample({each["id"]: each for each in records}, {each["id"]: each for each in truths})


def run_of(lines: list[dict[str, Any]], **files: Mapping[str, Any]) -> Run:
    empty: dict[str, Mapping[str, Any]] = {
        "topics": {"topics": []},
        "response_times": {"episodes": [], "unanswered_questions": []},
        "splits": {"proposals": [], "refused": []},
        "drift": {"periods": [], "lines": []},
        "thresholds": THRESHOLDS,
    }
    return Run(posts={each["id"]: each for each in lines}, **{**empty, **files})  # type: ignore[arg-type]


def many(n: int, **fields: Any) -> tuple[list[str], list[dict[str, Any]]]:
    ids = [f"p{number}" for number in range(n)]
    return ids, [record(post_id, **fields) for post_id in ids]


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
    assert (elsewhere.post_id, elsewhere.outcome, elsewhere.note) == ("p2", "missed", "winkels → recepten")


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
    assert (check.amplifying, check.n_amplifying_wrong) == (Share(1, 1), 1)
    assert [(each.post_id, each.outcome) for each in check.amplifying_mistakes] == [("p4", "wrong")]


def test_an_answer_is_by_staff_when_the_staff_clock_stops_with_the_first_one():
    sample = sample_of([record("p1")], [truth("p1", episode=meant_episode(answered_by="staff"))])
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


def topic(topic_id: int, name: str) -> dict[str, Any]:
    return {"id": topic_id, "name": name, "language": "nl"}


def test_subjects_are_sought_in_the_topics():
    ids, records = many(50)
    records[0]["deleted_at"] = "2026-08-20T12:00:00+02:00"
    # 20 on points (one deleted), 18 on the app, 12 on cheese, which are too few to be expected as a topic.
    subjects = ["points"] * 20 + ["app"] * 18 + ["cheese"] * 12
    topics = [1] * 15 + [2] * 5 + [1] * 9 + [2] * 8 + [None] + [2] * 12
    sample = sample_of(records, [truth(i, subject=about) for i, about in zip(ids, subjects, strict=True)])
    run = run_of(
        [line(post_id, topic_id=topic_id) for post_id, topic_id in zip(ids, topics, strict=True)],
        topics={"topics": [topic(1, "punten"), topic(2, "kaas")]},
    )
    check = compare_topics(sample, run)
    points, app = check.subjects
    assert (points.subject, points.topic_name) == ("points", "punten")
    assert (points.found, points.pure, points.in_own_topics) == (Share(14, 19), Share(14, 23), Share(14, 19))
    assert (app.topic_id, app.found, app.pure) == (1, Share(9, 18), Share(9, 23))
    assert (app.is_found, app.in_own_topics) == (False, Share(0, 18))
    assert check.topics[1].subjects == (("cheese", 12), ("app", 8), ("points", 5))
    assert check.agreement.n_posts == 37
    assert check.agreement.unsorted_share == pytest.approx(1 / 37)


WINDOW = {"window": {"start": "2026-08-01T00:00:00Z", "end": "2026-08-30T00:00:00Z"}}


def written(author: str, subject: str, number: int, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    post_id = f"p{number}"
    return record(post_id, author_id=author, **fields), truth(post_id, subject=subject)


def test_a_niche_is_compared_with_the_part_that_holds_most_of_it():
    posts = [
        *(written(author, "sourdough", number) for number, author in enumerate(["b1", "b1", "b2", "b2", "b3"])),
        *(written(author, "points", number) for number, author in enumerate(["m1", "m2", "m2", "m3", "b2"], start=5)),
        written("b3", "sourdough", 10, created_at="2026-06-01T12:00:00+02:00"),
        *(written("s1", "sourdough", number, role="staff") for number in (11, 12)),
    ]
    sample = sample_of([each for each, _ in posts], [each for _, each in posts])
    lines = [line(post_id) for post_id in sample.records]
    proposal = {"parts": [{"author_ids": ["m1", "m2", "b2"]}, {"author_ids": ["b1", "m3"]}, {"author_ids": ["b9"]}]}
    check = compare_split(
        sample,
        run_of(lines, splits={"proposals": [proposal], "refused": [], "looked_at": WINDOW}),
        subject="sourdough",
    )
    assert check.n_members == 2  # b3 wrote once in the window, and staff is no member
    assert check.part == (0, 1)  # equal overlap: the smaller part
    assert (check.precision, check.recall) == (Share(1, 2), Share(1, 2))
    assert (check.missed, check.wrong) == (("b2",), ("m3",))
    assert check.shares == {
        "points": (Share(4, 5), Share(1, 5), Share(0, 5)),
        "sourdough": (Share(2, 5), Share(2, 5), Share(0, 5)),
    }
    nothing = compare_split(
        sample, run_of(lines, splits={"proposals": [], "refused": [], "looked_at": WINDOW}), subject="sourdough"
    )
    assert (nothing.part, nothing.recall, nothing.missed) == (None, Share(0, 2), ("b1", "b2"))


def test_a_line_tells_a_planted_change_of_its_subject_and_direction():
    ids = [f"p{number}" for number in range(6)]
    days = ["2026-07-31T23:30:00+02:00", *["2026-08-01T00:30:00+02:00"] * 3, *["2026-07-02T00:00:00+02:00"] * 2]
    subjects = ["coupons", "coupons", "coupons", "hamper", "hamper", "hamper"]
    sample = sample_of(
        [record(post_id, created_at=at) for post_id, at in zip(ids, days, strict=True)],
        [truth(post_id, subject=subject) for post_id, subject in zip(ids, subjects, strict=True)],
    )
    rises = {"kind": "topic_share", "topic_id": 1, "from": 0.1, "to": 0.5}
    other_words = {"kind": "topic_words", "topic_id": 2, "from": 0.5, "to": 0.1}
    drift = {
        "periods": [
            {"start": "2026-06-30T22:00:00Z", "first_day": "2026-07-01"},
            {"start": "2026-07-31T22:00:00Z", "first_day": "2026-08-01"},
        ],
        "lines": [rises, other_words],
    }
    run = run_of(
        [
            line(post_id, topic_id=1 if subject == "coupons" else 2)
            for post_id, subject in zip(ids, subjects, strict=True)
        ],
        topics={"topics": [topic(1, "coupon"), topic(2, "pakket")]},
        drift=drift,
    )
    coupons = PlantedChange("coupons", rises=True, description="coupons are lost")
    hamper = PlantedChange("hamper", rises=False, description="the hamper is gone")
    check = compare_drift(sample, run, (coupons, hamper))
    told, words = check.lines
    assert (told.planted, told.topic_name, told.about) == (coupons, "coupon", (("coupons", 3),))
    assert (told.truly_before, told.truly_now) == (Share(1, 3), Share(2, 3))
    assert words.planted is None
    assert check.not_told == (hamper,)
    assert check.n_posts["coupons", "2026-07-01"] == 1  # half past eleven in Amsterdam is still July
    assert check.n_posts["coupons", "2026-08-01"] == 2
