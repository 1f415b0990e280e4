from dataclasses import replace

import numpy as np
import pytest

from models.heads import Threshold
from models.signals import SIGNALS
from moderation.flags import LANE_OF_REASON, raise_flags
from moderation.relevance import Relevance
from tests.moderation.test_relevance import corpus_of, unit

N = 6
NO_EPISODES = {"episodes": [], "unanswered_questions": []}


@pytest.fixture
def corpus():
    vectors = unit(np.random.default_rng(0).normal(size=(N, 32)))
    return corpus_of(vectors, np.zeros(N, dtype=int))


def relevance(p_off_purpose=0.0, p_off_thread=0.0):
    nothing = (None,) * N
    return Relevance(
        np.full(N, p_off_purpose), nothing, ((1, 2),) * N, np.full(N, p_off_thread), nothing, np.full(N, 0.9)
    )


def with_signal(corpus, signal, p):
    signals = corpus.signals.copy()
    signals[0, SIGNALS.index(signal)] = p
    return replace(corpus, signals=signals)


def with_role(corpus, role, **changes):
    return replace(corpus, posts=tuple(replace(post, role=role, **changes) for post in corpus.posts))


def reasons(flags):
    return [[flag.reason for flag in of_post] for of_post in flags]


@pytest.mark.parametrize(("signal", "lane"), [("negative_wom", "answer"), ("toxic", "review"), ("spam", "review")])
def test_a_signal_at_its_threshold_raises_one_flag_in_its_lane(corpus, signal, lane):
    flags = raise_flags(with_signal(corpus, signal, 0.5), relevance(), NO_EPISODES)
    assert reasons(flags) == [[signal], [], [], [], [], []]
    assert flags[0][0].lane == lane


def test_unhappy_is_never_a_reason_for_review(corpus):
    flags = raise_flags(with_signal(corpus, "negative", 0.99), relevance(), NO_EPISODES)
    assert reasons(flags) == [[]] * N
    assert LANE_OF_REASON["negative_wom"] == "answer"


def test_a_post_can_be_in_two_lanes_for_two_reasons(corpus):
    angry = with_signal(with_signal(corpus, "negative_wom", 0.9), "toxic", 0.8)
    assert [flag.lane for flag in raise_flags(angry, relevance(), NO_EPISODES)[0]] == ["review", "answer"]


def test_a_signal_without_a_threshold_for_the_language_never_flags(corpus):
    unreachable = Threshold(None, "unreachable", None, None, 40)
    thresholds = {**corpus.thresholds, ("toxic", "nl"): unreachable}
    sure = replace(with_signal(corpus, "toxic", 1.0), thresholds=thresholds)
    assert reasons(raise_flags(sure, relevance(), NO_EPISODES)) == [[]] * N


def test_staff_are_not_told_to_answer_or_place_their_own_posts(corpus):
    staff = with_role(with_signal(corpus, "negative_wom", 0.9), "staff")
    assert reasons(raise_flags(staff, relevance(0.99, 0.99), NO_EPISODES)) == [[]] * N


def test_staff_who_send_links_are_not_spammers_but_abuse_by_staff_is_shown(corpus):
    scored = with_role(with_signal(with_signal(corpus, "spam", 0.99), "toxic", 0.9), "staff")
    assert reasons(raise_flags(scored, relevance(), NO_EPISODES))[0] == ["toxic"]


def test_bots_and_deleted_posts_raise_nothing(corpus):
    abusive = with_signal(corpus, "toxic", 0.9)
    assert reasons(raise_flags(with_role(abusive, "bot"), relevance(0.99), NO_EPISODES)) == [[]] * N
    deleted = with_role(abusive, "member", deleted_at=corpus.posts[0].created_at)
    assert reasons(raise_flags(deleted, relevance(0.99), NO_EPISODES)) == [[]] * N


def test_placement_flags_name_the_posts_they_rest_on(corpus):
    flags = raise_flags(corpus, relevance(p_off_purpose=0.9), NO_EPISODES)
    assert flags[0][0].as_json() == {
        "lane": "placement",
        "reason": "off_purpose",
        "probability": 0.9,
        "threshold": 0.8,
        "evidence": {"outcome": None, "nearest_posts": [corpus.posts[1].id, corpus.posts[2].id]},
    }


def test_raising_a_threshold_never_adds_flags(corpus):
    scored = replace(corpus, signals=np.random.default_rng(2).uniform(size=(N, 8)))
    counts = []
    for p in np.linspace(0, 1, 11):
        limit = {key: replace(threshold, probability=float(p)) for key, threshold in corpus.thresholds.items()}
        counts.append(sum(map(len, raise_flags(replace(scored, thresholds=limit), relevance(), NO_EPISODES))))
    assert counts == sorted(counts, reverse=True)


def test_an_answered_complaint_says_so(corpus):
    answered = {"id": corpus.posts[0].id, "first_answer_at": "2026-01-01T01:00:00Z", "censored": None}
    times = {"episodes": [answered], "unanswered_questions": []}
    evidence = raise_flags(with_signal(corpus, "negative_wom", 0.9), relevance(), times)[0][0].evidence
    assert evidence["first_answer_at"] == "2026-01-01T01:00:00Z"
