from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy.orm import Session

from models.languages import UNKNOWN
from models.signals import SIGNALS
from moderation.communities import save_community
from moderation.config import Community
from moderation.ingest import store_posts
from moderation.pipeline import Models
from moderation.stored_corpus import end_of_data, load_corpus, to_float32
from moderation.tables import CommunityRow, PostRow, ScoreRow
from tests.service import NOW, posts_of, record


def add(session: Session, community: CommunityRow, *records: dict[str, Any]) -> None:
    store_posts(session, community, records, now=NOW)


def score(session: Session, post: PostRow, models: Models, **fields: Any) -> None:
    known: dict[str, Any] = {
        "model_version": models.version,
        "words_hash": post.words_hash,
        "language": "nl",
        "n_words": 5,
        "vector": np.eye(models.encoder.dim)[0],
        "signals": [0.25] * len(SIGNALS),
    }
    session.add(ScoreRow(community_id=post.community_id, post_id=post.id, **{**known, **fields}))
    session.flush()


def test_whole_threads_sorted_by_time_and_id(session: Session, community: CommunityRow, models: Models) -> None:
    add(
        session,
        community,
        record("c", minutes=2, thread_id="t1"),
        record("b", minutes=1, thread_id="t1"),
        record("a", minutes=1, thread_id="t1"),
        record("z", minutes=0, thread_id="t2"),
        record("y", minutes=0, thread_id="t3"),
    )
    everything = load_corpus(session, community, models)
    assert [post.id for post in everything.corpus.posts] == ["y", "z", "a", "b", "c"]
    some = load_corpus(session, community, models, thread_ids={"t2", "t1"})
    assert [post.id for post in some.corpus.posts] == [row.id for row in some.rows] == ["z", "a", "b", "c"]


@pytest.mark.parametrize("thread_ids", [[], ["unknown"]])
def test_no_threads_make_an_empty_corpus(
    session: Session, community: CommunityRow, models: Models, thread_ids: Sequence[str]
) -> None:
    add(session, community, record("a"))
    stored = load_corpus(session, community, models, thread_ids=thread_ids)
    assert len(stored.corpus) == 0
    assert stored.corpus.vectors.shape == (0, models.encoder.dim)


def test_threads_of_another_community_stay_there(session: Session, community: CommunityRow, models: Models) -> None:
    other = save_community(session, "another", Community())
    add(session, other, record("a", thread_id="t1"))
    add(session, community, record("b", thread_id="t1"))
    assert [row.id for row in load_corpus(session, community, models).rows] == ["b"]


def test_a_post_that_waits_has_no_signals(session: Session, community: CommunityRow, models: Models) -> None:
    add(session, community, record("a"), record("b"))
    score(session, posts_of(session, community)["a"], models)
    stored = load_corpus(session, community, models)
    assert [score is None for score in stored.scores] == [False, True]
    np.testing.assert_array_equal(stored.corpus.signals[0], 0.25)
    assert np.isnan(stored.corpus.signals[1]).all()
    assert np.isnan(stored.corpus.vectors[1]).all()
    assert stored.corpus.languages == ("nl", UNKNOWN)


@pytest.mark.parametrize("fields", [{"words_hash": "of older words"}, {"model_version": "an older model"}])
def test_scores_of_other_words_or_models_do_not_count(
    session: Session, community: CommunityRow, models: Models, fields: dict[str, str]
) -> None:
    add(session, community, record("a"))
    score(session, posts_of(session, community)["a"], models, **fields)
    assert load_corpus(session, community, models).scores == (None,)


def test_a_missing_signal_is_no_number(session: Session, community: CommunityRow, models: Models) -> None:
    add(session, community, record("a", "…"))
    score(session, posts_of(session, community)["a"], models, vector=None, signals=[None] * len(SIGNALS))
    corpus = load_corpus(session, community, models).corpus
    assert np.isnan(corpus.signals).all()
    assert np.isnan(corpus.vectors).all()


def test_system_posts_and_whispers_are_left_out(session: Session, community: CommunityRow, models: Models) -> None:
    add(session, community, record("a"), record("b", kind="system"), record("c", kind="whisper"))
    assert [row.id for row in load_corpus(session, community, models).rows] == ["a"]


def test_a_parent_in_another_thread_is_none(session: Session, community: CommunityRow, models: Models) -> None:
    add(
        session,
        community,
        record("a", thread_id="t1"),
        record("b", minutes=1, thread_id="t1", parent_id="a"),
        record("c", minutes=2, thread_id="t2", parent_id="a"),
        record("d", minutes=3, thread_id="t2", parent_id="nobody"),
    )
    corpus = load_corpus(session, community, models).corpus
    assert [post.parent_id for post in corpus.posts] == [None, "a", None, None]


def test_the_staff_list_of_today_decides(session: Session, community: CommunityRow, models: Models) -> None:
    add(session, community, record("a", author_id="new colleague"))
    save_community(session, community.slug, Community(staff=("new colleague",)))
    assert load_corpus(session, community, models).corpus.posts[0].role == "staff"


def test_the_data_end_with_the_newest_post(session: Session, community: CommunityRow) -> None:
    assert end_of_data(session, community.id) is None
    add(session, community, record("b", minutes=5), record("a", minutes=1))
    assert end_of_data(session, community.id) == NOW - timedelta(hours=12) + timedelta(minutes=5)


def test_stored_vectors_come_back_at_unit_length() -> None:
    vector = np.random.default_rng(3).normal(size=384)
    vector /= np.linalg.norm(vector)
    read = to_float32(vector.astype(np.float16), 384)
    assert read.dtype == np.float32
    assert np.linalg.norm(read) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(read, vector, atol=1e-3)
    assert np.isnan(to_float32(None, 384)).all()
