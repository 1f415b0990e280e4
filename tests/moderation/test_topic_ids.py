from dataclasses import replace

import numpy as np
import pytest

from moderation.assignments import Topics, assign_topics
from moderation.topic_ids import keep_topic_ids
from tests.moderation.topic_corpus import corpus_of, talk


@pytest.fixture(scope="module")
def topics() -> Topics:
    """Three topics, numbered from 1."""
    found = assign_topics(corpus_of(talk(300, subject_of=lambda place: place % 3, hours=1)))
    assert [topic.id for topic in found.topics] == [1, 2, 3]
    return found


def test_topics_go_on_under_the_ids_that_their_posts_had(topics: Topics) -> None:
    earlier = np.array([0, 40, 7, 12])[topics.topic_of]
    kept = keep_topic_ids(topics, earlier, highest_id=55)
    np.testing.assert_array_equal(kept.topic_of, earlier)
    assert [topic.id for topic in kept.topics] == [40, 7, 12]
    assert kept.topic_id_of == tuple(topic_id or None for topic_id in earlier.tolist())


def test_a_new_topic_gets_an_id_that_no_topic_ever_had(topics: Topics) -> None:
    earlier = np.array([0, 40, 0, 12])[topics.topic_of]
    kept = keep_topic_ids(topics, earlier, highest_id=55)
    assert [topic.id for topic in kept.topics] == [40, 56, 12]


def test_all_topics_are_new_the_first_time(topics: Topics) -> None:
    kept = keep_topic_ids(topics, np.zeros(len(topics.topic_of), dtype=np.int64), highest_id=0)
    assert [topic.id for topic in kept.topics] == [1, 2, 3]


def test_nothing_but_the_ids_changes(topics: Topics) -> None:
    kept = keep_topic_ids(topics, np.array([0, 40, 7, 12])[topics.topic_of], highest_id=55)
    for before, after in zip(topics.topics, kept.topics, strict=True):
        assert replace(after, id=before.id) == before
    assert kept.unsorted_reasons == topics.unsorted_reasons
    np.testing.assert_array_equal(kept.cosine, topics.cosine)
