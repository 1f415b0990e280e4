from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from moderation.assignments import assign_topics
from moderation.root_causes import NO_SIGNAL, find_root_causes
from tests.moderation.topic_corpus import corpus_of, talk

N = 600  # four hours apart: a hundred days
IN_VAIN = {"first_answer": True, "corrected": False}


def unhappy_lounge(post):
    return 0.9 if "lounge" in post.text and int(post.id[2:]) % 2 else 0.1


def found_in(outcome_of, *, negative=unhappy_lounge, kept=lambda place: True):
    """Every negative lounge post is an episode; what became of it is a function of its place."""
    corpus = corpus_of(talk(N), negative=negative)
    topics = assign_topics(corpus)
    episodes = []
    for row in np.flatnonzero(corpus.above_threshold("negative_wom")).tolist():
        post, place = corpus.posts[row], int(corpus.posts[row].id[2:])
        if kept(place):
            outcome = outcome_of(place)
            answered_at = (post.created_at + timedelta(hours=5)).isoformat() if outcome["first_answer"] else None
            episodes.append(
                {
                    "id": post.id,
                    "started_at": post.created_at.isoformat(),
                    "topic_id": topics.topic_id_of[row],
                    "first_answer_at": answered_at,
                    "corrected": {"by": "staff"} if outcome["corrected"] else None,
                }
            )
    return corpus, topics, find_root_causes(corpus, topics, episodes, timezone="Europe/Amsterdam")


def test_what_stays_wrong_although_it_is_answered_is_listed_with_its_episodes():
    _, topics, found = found_in(lambda place: IN_VAIN)
    (cause,) = found["causes"]
    assert "lounge" in topics.terms[cause["topic_id"]]
    assert cause["n_episodes"] == len(cause["episode_ids"]) == cause["n_answered"] > 90
    assert cause["n_decided"] < cause["n_answered"]  # the last ones may still be put right
    assert cause["n_corrected"] == 0
    assert cause["corrected_interval"][1] < 0.05
    assert cause["n_weeks"] >= 14
    assert cause["negative_share"] > cause["community_negative_share"]


@pytest.mark.parametrize(
    ("outcome_of", "kept"),
    [
        (lambda place: {"first_answer": True, "corrected": True}, lambda place: True),
        (lambda place: {"first_answer": False, "corrected": False}, lambda place: True),
        (lambda place: IN_VAIN, lambda place: place >= N - 90),  # two weeks
        (lambda place: IN_VAIN, lambda place: place < 200),  # over since two months
    ],
    ids=["put right", "not answered", "not yet for weeks", "over"],
)
def test_no_cause_is_seen_in_what_was(outcome_of, kept):
    assert found_in(outcome_of, kept=kept)[2] == {"causes": [], "reason": None}


def test_without_the_signal_the_reason_is_given():
    corpus = corpus_of(talk(N))
    unscored = replace(corpus, signals=np.full_like(corpus.signals, np.nan))
    found = find_root_causes(unscored, assign_topics(unscored), [], timezone="Europe/Amsterdam")
    assert found == {"causes": [], "reason": NO_SIGNAL}
