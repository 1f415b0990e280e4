import gzip
import json
import warnings
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from episode_corpus import at, row, small_corpus, unhappy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models.heads import Threshold
from models.signals import SIGNALS
from moderation.config import Community
from moderation.corpus import Corpus
from moderation.exports import read_exports
from moderation.posts import Post
from moderation.reading import Reading, read_words
from moderation.response_times import episode_waits, measure_episodes, measure_response_times
from moderation.survival import estimate_waits

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from lifelines import KaplanMeierFitter
    from lifelines.statistics import logrank_test
    from lifelines.utils import qth_survival_times

HOUR = 60
DAY = 24 * HOUR
COMMUNITY = Community(name="Test", timezone="Europe/Amsterdam")
OFFICE = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:30")


def measure(rows, *, end=100 * DAY, community=COMMUNITY, **options):
    corpus = small_corpus(rows)
    return measure_response_times(corpus, topic_of=[None] * len(corpus), community=community, end_at=at(end), **options)


def complaint(i, *, wait=None, start=None, role="member", prefix="q", **fields):
    """One thread: a complaint, and an answer after `wait` minutes if there is one."""
    start = i * HOUR if start is None else start
    rows = [unhappy(f"{prefix}{i}", start, f"{prefix}author{i}", thread=f"{prefix}{i}", **fields)]
    if wait is not None:
        rows.append(
            row(f"{prefix}{i}a", start + wait, "webcare", role=role, parent_id=f"{prefix}{i}", thread=f"{prefix}{i}")
        )
    return rows


def test_unanswered_complaints_count_in_the_median():
    """Three answered within an hour and four never: the mean over the answered would say half an hour."""
    rows = [r for i in range(3) for r in complaint(i, wait=30)] + [r for i in range(3, 7) for r in complaint(i)]
    clock = measure(rows)["clocks"]["any"]
    assert (clock["n"], clock["n_answered"], clock["n_open"]) == (7, 3, 4)
    assert clock["median_seconds"] is None
    assert clock["median_reason"]
    assert clock["answered_within"]["72h"] == pytest.approx(3 / 7, abs=1e-6)


def test_three_clocks():
    rows = [
        unhappy("q", 0, "anna"),
        row("p", 10, "bo", parent_id="q"),
        row("s", 40, "webcare", role="staff", parent_id="q"),
    ]
    found = measure(rows)
    medians = {name: clock["median_seconds"] for name, clock in found["clocks"].items()}
    assert medians == {"any": 600, "staff": 2400, "peer": 600}
    episode = found["episodes"][0]
    assert episode["first_answer_at"] == "2025-03-03T09:10:00Z"
    assert episode["answer_post_id"] == "p"
    assert episode["censored"] is None


def test_deleted_and_locked_complaints_are_censored_with_their_codes():
    rows = complaint(0, deleted_at=at(5)) + complaint(1, locked_at=at(90)) + complaint(2)
    found = measure(rows)
    assert [episode["censored"] for episode in found["episodes"]] == ["deleted", "locked", "end"]
    clock = found["clocks"]["any"]
    assert (clock["n_deleted"], clock["n_locked"], clock["n_open"]) == (1, 1, 1)
    assert clock["longest_wait_seconds"] == (100 * DAY - 2 * HOUR) * 60


def test_staff_clock_in_business_hours():
    """Monday 10:00 in Amsterdam: asked at 17:00, answered on Tuesday at 09:30 = 30 + 30 minutes of opening time."""
    community = Community(name="Test", timezone="Europe/Amsterdam", opening_hours=OFFICE, holidays="NL")
    found = measure(complaint(0, start=7 * HOUR, wait=16 * HOUR + 30, role="staff"), community=community)
    assert found["clocks"]["staff"]["median_seconds"] == (16 * HOUR + 30) * 60
    assert found["staff_business_hours"]["median_seconds"] == 60 * 60
    assert measure(complaint(0))["staff_business_hours"]["reason"] == "the community has no opening hours"


def test_an_unknown_author_is_counted_without_clocks():
    found = measure([*complaint(0, wait=5), unhappy("x", 30, None, thread="x")])
    assert len(found["episodes"]) == 2
    assert found["n_episodes_without_author"] == 1
    assert found["episodes"][1]["clocks_reason"]
    assert found["clocks"]["any"]["n"] == 1


def test_no_episodes():
    found = measure([row("a", 0, "anna")])
    assert found["episodes"] == []
    assert found["clocks"]["any"]["n"] == 0
    assert found["clocks"]["any"]["reason"]
    assert found["corrected"]["share"] is None
    assert found["corrected"]["reason"]
    assert found["outside"] is None
    assert found["outside_reason"]


def test_share_corrected_leaves_out_what_is_not_decided():
    rows = [r for i in range(8) for r in complaint(i, wait=30)]
    rows += [row(f"back{i}", i * HOUR + 60, f"qauthor{i}", "Thanks, solved!", thread=f"q{i}") for i in range(2)]
    rows += complaint(8) + complaint(9, start=9 * DAY, wait=30) + complaint(10, start=9 * DAY)
    found = measure(rows, end=10 * DAY)["corrected"]
    assert (found["n"], found["n_corrected"], found["n_undecided"]) == (9, 2, 2)
    interval = stats.binomtest(2, 9).proportion_ci(method="wilson")
    assert found["interval"] == pytest.approx([interval.low, interval.high], abs=1e-6)
    assert found["by"] == {"staff": 0, "peer": 2, "community": 0}


def test_the_outside_channel_is_measured_with_the_same_clocks():
    inside = [r for i in range(12) for r in complaint(i, wait=20 + i)]
    outside = [r for i in range(12) for r in complaint(i, wait=300 + i, prefix="o")] + complaint(13, prefix="o")
    found = measure(inside, outside=small_corpus(outside))["outside"]
    assert found["clocks"]["any"]["n"] == 13
    last = 13 * HOUR * 60
    theirs = logrank_test(
        [(20 + i) * 60 for i in range(12)],
        [(300 + i) * 60 for i in range(12)] + [found["clocks"]["any"]["longest_wait_seconds"]],
        [1] * 12,
        [1] * 12 + [0],
    )
    assert last >= found["clocks"]["any"]["longest_wait_seconds"]
    assert found["logrank"]["statistic"] == pytest.approx(theirs.test_statistic, abs=1e-6)
    assert found["logrank"]["p"] == pytest.approx(theirs.p_value, abs=1e-6)


def question(id_, minutes, author, **fields):
    return row(id_, minutes, author, "How do I do this?", signals={"question": 0.8}, **fields)


def test_unanswered_questions():
    rows = [
        question("open", 0, "anna", thread="1"),
        row("self", 5, "anna", parent_id="open", thread="1"),
        row("same", 6, "bo", "Same here", parent_id="open", thread="1"),
        question("answered", 1, "anna", thread="2"),
        row("a", 9, "bo", thread="2"),
        question("staff", 2, "webcare", role="staff", thread="3"),
        question("gone", 2, "anna", thread="4", deleted_at=at(7)),
        question("locked", 2, "anna", thread="5", locked_at=at(7)),
        question("solved", 2, "anna", thread="6"),
        row("own", 9, "anna", thread="6", accepted=True),
        question("unknown", 3, None, thread="7"),
        question("reply", 12, "carl", thread="2", parent_id="a"),
    ]
    waiting = measure(rows, end=60)["unanswered_questions"]
    assert [w["post_id"] for w in waiting] == ["open", "unknown", "reply"]
    assert waiting[0]["waiting_seconds"] == 3600
    assert waiting[0]["p_question"] == 0.8


complaints = st.lists(
    st.tuples(st.integers(0, 3 * DAY), st.none() | st.integers(0, 2 * DAY), st.sampled_from(["member", "staff"])),
    min_size=1,
    max_size=12,
)


def rows_of(drawn):
    return [r for i, (start, wait, role) in enumerate(drawn) for r in complaint(i, start=start, wait=wait, role=role)]


@settings(deadline=None, max_examples=60)
@given(complaints, st.randoms(use_true_random=False))
def test_shuffling_changes_nothing(drawn, random):
    rows = rows_of(drawn)
    expected = json.dumps(measure(rows, end=6 * DAY), allow_nan=False)
    random.shuffle(rows)
    assert json.dumps(measure(rows, end=6 * DAY), allow_nan=False) == expected


@settings(deadline=None, max_examples=60)
@given(complaints, st.integers(0, 3 * DAY))
def test_one_more_open_complaint_never_shortens_the_median(drawn, start):
    rows = rows_of(drawn)
    before = measure(rows, end=6 * DAY)["clocks"]["any"]["median_seconds"]
    after = measure([*rows, *complaint(99, start=start)], end=6 * DAY)["clocks"]["any"]["median_seconds"]
    assert after is None or (before is not None and after >= before)


UNHAPPY_WORDS = ("slecht", "nooit", "onbereikbaar", "mauvais", "jamais", "nul", "horrible", "terrible", "bad", "never")


def keytrade_corpus(path):
    """Reviews as threads; a handful of words stands in for the head, which is not what is tested here."""
    posts = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            fields = {name: record.get(name) for name in ("parent_id", "author_id", "title", "role")}
            created_at = datetime.fromisoformat(record["created_at"])
            posts.append(Post(record["id"], record["thread_id"], created_at, record["text"], **fields))
    posts.sort(key=lambda post: (post.created_at, post.id))
    readings = tuple(read_words(post) for post in posts)
    signals = np.full((len(posts), len(SIGNALS)), 0.1)
    is_unhappy = [any(word in reading.words.lower() for word in UNHAPPY_WORDS) for reading in readings]
    signals[is_unhappy, : SIGNALS.index("negative_wom") + 1] = 0.9
    thresholds = {(signal, "nl"): Threshold(0.5, "pooled", 0.8, 0.5, 100) for signal in SIGNALS}
    vectors = np.full((len(posts), 3), np.nan, dtype=np.float32)
    return Corpus(tuple(posts), readings, ("nl",) * len(posts), vectors, signals, thresholds)


def test_clocks_of_a_real_channel_equal_lifelines(shared_data):
    corpus = keytrade_corpus(shared_data / "threads" / "keytrade.jsonl.gz")
    end_at = corpus.posts[-1].created_at
    found = measure_response_times(corpus, topic_of=[None] * len(corpus), community=COMMUNITY, end_at=end_at)
    episodes, clock = found["episodes"], found["clocks"]["staff"]
    assert len(episodes) > 100
    assert clock["n_answered"] > 5
    assert all(e["first_staff_answer_at"] is None or e["first_staff_answer_at"] >= "2023-09" for e in episodes)
    assert all(e["first_peer_answer_at"] is None for e in episodes)

    started = [datetime.fromisoformat(e["started_at"]) for e in episodes]
    answers = [e["first_staff_answer_at"] and datetime.fromisoformat(e["first_staff_answer_at"]) for e in episodes]
    seconds = [((answer or end_at) - start).total_seconds() for start, answer in zip(started, answers, strict=True)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = KaplanMeierFitter().fit(seconds, [answer is not None for answer in answers])
    waits = episode_waits(corpus, measure_episodes(corpus, end_at=end_at), "staff")
    ours = estimate_waits([(w.ended_at - w.started_at).total_seconds() for w in waits], [w.answered for w in waits])
    edges = [float(np.squeeze(qth_survival_times(0.5, theirs.confidence_interval_.iloc[:, [i]]))) for i in (0, 1)]
    np.testing.assert_allclose(ours.waiting, theirs.survival_function_.iloc[:, 0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.low, theirs.confidence_interval_.iloc[:, 0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.high, theirs.confidence_interval_.iloc[:, 1], rtol=0, atol=1e-9)

    def or_none(edge):
        return None if np.isinf(edge) else edge

    assert clock["median_seconds"] == or_none(theirs.median_survival_time_)
    assert clock["median_ci"] == [or_none(edge) for edge in edges]
    assert clock["curve"] == [[round(number, 6) for number in point] for point in ours.points()]
    for name, hours in (("1h", 1), ("4h", 4), ("24h", 24), ("72h", 72)):
        assert clock["answered_within"][name] == round(1 - theirs.predict(hours * 3600), 6)


def test_topics_of_a_real_forum_that_nobody_else_touched(shared_data):
    """With every first post taken for a complaint by a member, 612 of them never met another person."""
    export = read_exports([shared_data / "threads" / "urho3d-discourse-topics.tar.gz"])
    posts = [post for post in export.posts if post.kind == "post"]
    first_ids = {}
    for post in posts:
        first_ids.setdefault(post.thread_id, post.id)
    posts = [replace(p, role="member") if first_ids[p.thread_id] == p.id else p for p in posts]
    signals = np.full((len(posts), len(SIGNALS)), 0.1)
    signals[[first_ids[p.thread_id] == p.id for p in posts]] = 0.9
    reading = Reading("word", 1, False, False, 0, (), False, False)
    corpus = Corpus(
        tuple(posts),
        (reading,) * len(posts),
        ("en",) * len(posts),
        np.full((len(posts), 3), np.nan, dtype=np.float32),
        signals,
        {(signal, "en"): Threshold(0.5, "pooled", 0.8, 0.5, 100) for signal in SIGNALS},
    )
    found = measure_response_times(corpus, topic_of=[None] * len(posts), community=COMMUNITY, end_at=export.end_at)
    untouched = [episode for episode in found["episodes"] if episode["first_touch_at"] is None]
    assert len(found["episodes"]) == len(first_ids)
    assert len(untouched) == 612
