from dataclasses import replace

import numpy as np
import pytest

from moderation.assignments import DELETED, NO_WORDS, TOO_SHORT, assign_topics, mix_with_threads
from tests.moderation.topic_corpus import START, corpus_of, talk


@pytest.fixture(scope="module")
def community():
    return corpus_of(talk(240), negative=lambda post: 0.9 if post.id == "en00003" else 0.1)


@pytest.fixture(scope="module")
def topics(community):
    return assign_topics(community)


def test_subjects_become_topics_with_ids_from_one(community, topics):
    assert [topic.id for topic in topics.topics] == [1, 2, 3]
    assert sorted(topics.topic_of[topics.topic_of > 0].tolist()) == sorted(topics.topic_of.tolist())
    for subject in range(3):
        assert len(set(topics.topic_of[subject::3].tolist())) == 1


def test_topics_are_named_by_their_words(topics):
    named = " ".join(topics.terms[int(topics.topic_of[0])]).casefold()
    assert "invoice" in named
    assert "annual fee" in named


def test_the_file_holds_what_other_programs_read(community, topics):
    contents = topics.as_json()
    for topic in contents["topics"]:
        assert {"id", "name", "terms", "size", "share", "exemplar_ids", "negative_share"} <= set(topic)
        assert len(set(topic["exemplar_ids"])) == 3
        assert all(topics.topic_of[community.row_of[id_]] == topic["id"] for id_ in topic["exemplar_ids"])
    assert sum(topic["share"] for topic in contents["topics"]) == pytest.approx(1, abs=1e-5)
    assert contents["unsorted"] == {"count": 0, "share": 0.0, "reasons": {}}


def test_negative_share_has_an_interval_and_leaves_staff_out(community, topics):
    first = topics.topics[int(topics.topic_of[3]) - 1]
    assert first.negative.share == pytest.approx(1 / 80)
    assert first.negative.interval[0] < 1 / 80 < first.negative.interval[1]
    staff = tuple(replace(post, role="staff") if post.id != "en00003" else post for post in community.posts)
    contents = assign_topics(replace(community, posts=staff)).as_json()["topics"]
    assert [topic["negative_share_n_posts"] for topic in contents].count(0) == 2
    unscored = next(topic for topic in contents if topic["negative_share_n_posts"] == 0)
    assert unscored["negative_share"] is None
    assert unscored["negative_share_reason"]


def test_every_unsorted_post_says_why():
    talked = talk(240)
    odd = [
        (replace(talked[0][0], id="gone", deleted_at=START), talked[0][1]),
        (replace(talked[0][0], id="empty", text=""), talked[0][1]),
        (replace(talked[0][0], id="short", text="ok", thread_id="alone"), -talked[0][1]),
    ]
    corpus = corpus_of(talked + odd)
    topics = assign_topics(corpus)
    reasons = {id_: topics.unsorted_reasons[corpus.row_of[id_]] for id_ in ("gone", "empty", "short")}
    assert reasons == {"gone": DELETED, "empty": NO_WORDS, "short": TOO_SHORT}
    assert topics.as_json()["unsorted"]["reasons"] == {NO_WORDS: 1, TOO_SHORT: 1}
    assert topics.as_json()["unsorted"]["share"] == pytest.approx(2 / 242, abs=1e-5)
    assert topics.topic_id_of[corpus.row_of["gone"]] is None


def test_a_short_answer_is_found_with_its_thread():
    talked = talk(240)
    question, about = talked[0]
    elsewhere = talked[1][1]
    me_too = (
        replace(question, id="me too", text="same here please", parent_id=question.id),
        0.6 * about + 0.8 * elsewhere,
    )
    corpus = corpus_of(
        [
            *talked,
            *[(replace(question, id=f"more {n}", text=f"{question.text} again"), about) for n in range(3)],
            me_too,
        ]
    )
    topics = assign_topics(corpus)
    assert topics.topic_of[corpus.row_of["me too"]] == topics.topic_of[corpus.row_of[question.id]]


def test_dutch_and_english_posts_share_their_topics():
    corpus = corpus_of([*talk(150), *talk(150, language="nl", seed=1)])
    topics = assign_topics(corpus)
    assert len(topics.topics) == 3
    is_dutch = np.array(corpus.languages) == "nl"
    for topic in topics.topics:
        assert 0.4 < is_dutch[topics.topic_of == topic.id].mean() < 0.6


def test_too_few_posts_have_no_topics():
    contents = assign_topics(corpus_of(talk(12))).as_json()
    assert contents["topics"] == []
    assert contents["unsorted"]["reasons"] == {"too few posts": 12}


def test_no_posts_at_all():
    corpus = corpus_of(talk(1))
    empty = replace(corpus, posts=(), readings=(), languages=(), vectors=corpus.vectors[:0], signals=corpus.signals[:0])
    contents = assign_topics(empty).as_json()
    assert contents["topics"] == []
    assert contents["unsorted"]["share"] is None


def test_a_post_alone_in_its_thread_keeps_its_vector_and_a_long_one_nearly():
    vectors = np.eye(3, dtype=np.float32)
    mixed = mix_with_threads(vectors, np.array([0, 1, 1]), np.array([5, 5, 400]))
    assert mixed[0].tolist() == [1, 0, 0]
    assert mixed[1] @ vectors[1] == pytest.approx(0.5**0.5)
    assert mixed[2] @ vectors[2] > 0.99
