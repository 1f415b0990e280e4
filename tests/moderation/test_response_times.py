import gzip
import json
import warnings
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from episode_corpus import at, planted_talk, row, small_corpus, unhappy
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
from moderation.response_times import measure_response_times
from moderation.survival import estimate_waits
from moderation.waits import episode_waits, measure_episodes

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
    talk = planted_talk(["answer" if reading.n_words > 45 else "acknowledged" for reading in readings], is_unhappy)
    return Corpus(tuple(posts), readings, ("nl",) * len(posts), vectors, signals, thresholds, talk)


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


def test_staff_clock_over_both_clock_changes_and_kings_day():
    """Asked on Friday at 17:00, answered on Monday at 09:30: an hour of opening time whatever the clock did between.

    On King's Day (Monday 27 April 2026) nobody works, so the same answer comes a working day later.
    """
    community = Community(name="Test", timezone="Europe/Amsterdam", opening_hours=OFFICE, holidays="NL")
    amsterdam = ZoneInfo("Europe/Amsterdam")
    for asked, answered, calendar_hours in (
        ("2025-03-28T17:00", "2025-03-31T09:30", 63.5),
        ("2025-10-24T17:00", "2025-10-27T09:30", 65.5),
        ("2026-04-24T17:00", "2026-04-28T09:30", 88.5),
    ):
        moments = [datetime.fromisoformat(each).replace(tzinfo=amsterdam) for each in (asked, answered)]
        start, end = ((moment - at(0)).total_seconds() / 60 for moment in moments)
        rows = complaint(0, start=start, wait=end - start, role="staff")
        found = measure(rows, end=end + DAY, community=community)
        assert found["clocks"]["staff"]["median_seconds"] == calendar_hours * 3600
        assert found["staff_business_hours"]["median_seconds"] == 3600


@pytest.mark.parametrize(("holidays", "opening_hours"), [("BE", 1), ("NL", 9.5), (None, 9.5)])
def test_staff_clock_stands_still_on_belgian_holidays_in_belgium(holidays, opening_hours):
    """21 July 2025, a Monday: Belgium's national day."""
    community = Community(name="Test", timezone="Europe/Brussels", opening_hours=OFFICE, holidays=holidays)
    start, end = ((datetime.fromisoformat(each) - at(0)).total_seconds() / 60 for each in BELGIAN_WEEKEND)
    found = measure(complaint(0, start=start, wait=end - start, role="staff"), end=end + DAY, community=community)
    assert found["staff_business_hours"]["median_seconds"] == opening_hours * 3600


BELGIAN_WEEKEND = ("2025-07-18T17:00+02:00", "2025-07-22T09:30+02:00")


def test_deleted_and_locked_are_ends_without_an_answer():
    rows = [r for i in range(5) for r in complaint(i, wait=30)]
    rows += [r for i in range(5, 8) for r in complaint(i, deleted_at=at(i * HOUR + 10))]
    rows += [r for i in range(8, 10) for r in complaint(i, locked_at=at(i * HOUR + 120))]
    found = measure(rows)
    outcomes = found["outcomes"]
    assert outcomes["n"] == 10
    assert outcomes["answered"]["within"]["1h"] == pytest.approx(0.5)
    assert outcomes["deleted"]["within"]["1h"] == pytest.approx(0.3)
    assert outcomes["locked"]["within"] == {"1h": 0, "4h": 0.2, "24h": 0.2, "72h": 0.2}
    assert found["clocks"]["any"]["answered_within"]["1h"] == pytest.approx(5 / 7, abs=1e-6)


def test_threads_that_came_along_because_they_were_open_count_from_then_on():
    """Nine answered before the import did not come along, so the one that did says nothing about earlier."""
    community = Community(name="Test", watched_since=at(30 * DAY))
    rows = complaint(0, start=0, wait=31 * DAY) + complaint(1, start=10 * DAY, wait=30)
    rows += [r for i in range(2, 7) for r in complaint(i, start=40 * DAY + i, wait=30)]
    clock = measure(rows, community=community)["clocks"]["any"]
    assert (clock["n"], clock["n_watched_late"]) == (6, 1)
    assert clock["median_seconds"] == 30 * 60
    assert clock["answered_within"]["1h"] == 1
    assert measure(rows)["clocks"]["any"]["n_watched_late"] == 0


def test_a_late_watch_that_began_and_ended_while_closed_does_no_harm():
    """Watched from Saturday noon, answered that night: no opening second in between."""
    saturday = 5 * DAY
    community = Community(name="Test", opening_hours=OFFICE, watched_since=at(saturday))
    clock = measure(complaint(0, start=0, wait=saturday + 5, role="staff"), community=community)
    assert clock["staff_business_hours"]["n_answered"] == 1


def test_without_a_median_there_is_a_mean_up_to_a_stated_time():
    clock = measure(complaint(0, wait=60) + complaint(1) + complaint(2), end=2 * DAY)["clocks"]["any"]
    assert clock["median_seconds"] is None
    assert clock["restricted_to_seconds"] == 24 * 3600
    assert clock["restricted_mean_seconds"] == pytest.approx((1 + 24 + 24) / 3 * 3600)


def test_topics_languages_and_periods_are_compared():
    fast = [r for i in range(12) for r in complaint(i, wait=10, start=i * 8 * DAY)]
    slow = [r for i in range(12, 24) for r in complaint(i, wait=20 * HOUR, start=(i - 12) * 8 * DAY + 5, language="nl")]
    few = [r for i in range(24, 27) for r in complaint(i, wait=5, language="de")]
    corpus = small_corpus([*fast, *slow, *few])
    topic_of = [{"en": 1, "nl": 2, "de": 3}[language] for language in corpus.languages]
    found = measure_response_times(corpus, topic_of=topic_of, community=COMMUNITY, end_at=at(120 * DAY))
    languages = found["comparisons"]["languages"]
    assert [(group["language"], group["n"], group["median_seconds"]) for group in languages["groups"]] == [
        ("en", 12, 600),
        ("nl", 12, 72_000),
    ]
    assert languages["n_left_out"] == 3
    assert languages["logrank"]["p"] < 0.001
    topics = found["comparisons"]["topics"]["groups"]
    assert [(group["topic_id"], group["than_the_rest"]) for group in topics] == [(1, "faster"), (2, "slower")]
    assert all(group["p"] <= group["p_adjusted"] for group in topics)
    assert found["comparisons"]["periods"]["logrank"]["reason"]
    assert found["trend"]["unit"] == "week"
    assert sum(period["n"] for period in found["trend"]["periods"]) == 27
    assert all(period["reason"] for period in found["trend"]["periods"] if period["answered_within_72h"] is None)


def test_a_change_is_found_with_both_sides_of_it():
    """Nobody is answered for thirty weeks; then everybody within the hour."""
    rows = [
        r for i in range(120) for r in complaint(i, start=i * 3.5 * DAY, wait=40 if i >= 60 else None, role="staff")
    ]
    changes = measure(rows, end=430 * DAY)["changes"]
    found = next(change for change in changes if (change["clock"], change["by"]) == ("staff", "answer_written"))
    assert found["from"] == at(30 * 7 * DAY).date().isoformat()
    assert found["more_often"]
    assert (found["before"]["n_answers"], found["after"]["n_answers"]) == (0, 60)
    assert found["before"]["posts_written_then"]["answered_within_72h"] == 0
    assert found["after"]["posts_written_then"]["answered_within_72h"] == 1
    assert {change["clock"] for change in changes} == {"any", "staff", "touched"}
