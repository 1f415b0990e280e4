from dataclasses import replace

import numpy as np
import pytest

from moderation.assignments import Topics, assign_topics
from moderation.corpus import Corpus
from moderation.topic_ids import EarlierTopics
from tests.moderation.topic_corpus import corpus_of, talk
from topics.ledger import Orders


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return corpus_of(talk(300, subject_of=lambda place: place % 3, hours=1))


@pytest.fixture(scope="module")
def topics(corpus: Corpus) -> Topics:
    """Three topics, numbered from 1."""
    found = assign_topics(corpus)
    assert [topic.id for topic in found.topics] == [1, 2, 3]
    return found


def earlier_of(topics: Topics, ids: list[int], **known: object) -> EarlierTopics:
    return replace(EarlierTopics(np.array([0, *ids])[topics.topic_of], 55), **known)  # type: ignore[arg-type]


def test_topics_go_on_under_the_ids_that_their_posts_had(corpus: Corpus, topics: Topics) -> None:
    earlier = earlier_of(topics, [40, 7, 12])
    kept = assign_topics(corpus, earlier)
    np.testing.assert_array_equal(kept.topic_of, earlier.topic_of)
    assert [topic.id for topic in kept.topics] == [40, 7, 12]
    assert kept.topic_id_of == tuple(topic_id or None for topic_id in earlier.topic_of.tolist())


def test_a_new_topic_gets_an_id_that_no_topic_ever_had(corpus: Corpus, topics: Topics) -> None:
    kept = assign_topics(corpus, earlier_of(topics, [40, 0, 12]))
    assert [topic.id for topic in kept.topics] == [40, 56, 12]


def test_nothing_but_the_ids_changes(corpus: Corpus, topics: Topics) -> None:
    kept = assign_topics(corpus, earlier_of(topics, [40, 7, 12]))
    for before, after in zip(topics.topics, kept.topics, strict=True):
        assert replace(after, id=before.id) == before
    assert kept.unsorted_reasons == topics.unsorted_reasons
    np.testing.assert_array_equal(kept.cosine, topics.cosine)


def test_moderators_names_stay_and_the_softwares_stay_while_they_fit(corpus: Corpus, topics: Topics) -> None:
    first, second, third = topics.topics
    turned = ", ".join(reversed(second.name.terms[:2]))
    names = {
        2: replace(second.name, name=turned),
        3: replace(third.name, name="something else, altogether"),
    }
    kept = assign_topics(corpus, earlier_of(topics, [1, 2, 3], names=names, given_names={1: "The first"}))
    assert [topic.name.name for topic in kept.topics] == ["The first", turned, third.name.name]
    assert [topic.name.is_given for topic in kept.topics] == [True, False, False]
    assert kept.topics[0].name.terms == first.name.terms
    assert kept.as_json()["topics"][0]["named_by_moderator"] is True


def test_what_moderators_asked_for_outlives_the_clustering(corpus: Corpus, topics: Topics) -> None:
    halves = np.where(topics.topic_of == 1, np.arange(len(corpus)) % 2 * 50, topics.topic_of) + 1
    pinned = EarlierTopics(halves, 60, orders=Orders(pinned=frozenset({51})))
    kept = assign_topics(corpus, pinned)
    assert 51 in kept.topic_of
    assert {topic.id: topic.size for topic in kept.topics} == {
        topic.id: int((kept.topic_of == topic.id).sum()) for topic in kept.topics
    }
    assert sorted(topic.size for topic in kept.topics)[::-1] == [topic.size for topic in kept.topics]
    merged = EarlierTopics(np.where(topics.topic_of == 2, 1, topics.topic_of), 60, orders=Orders(merged=frozenset({1})))
    assert {topic.id for topic in assign_topics(corpus, merged).topics} == {1, 3}
