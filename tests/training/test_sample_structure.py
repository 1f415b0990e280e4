from typing import Any

import pytest

from tests.training.sample_cases import line, many, record, run_of, sample_of, truth
from training.sample_check import Share
from training.sample_structure import PlantedChange, compare_drift, compare_split, compare_topics


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
