import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score

from topics.clustering import (
    BETWEEN_TOPICS,
    NO_DISTINCT_TOPICS,
    NOTHING_SIMILAR,
    TOO_FEW_POSTS,
    centre_rows,
    find_topics,
    group_means,
    is_within_reach,
    reach_of_topics,
)
from topics.graph import topic_centroids

DIM = 48


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def planted(n, n_topics=6, *, noise=0.12, seed=0):
    """Vectors in a narrow cone, as sentence encoders make them, and the topic of each."""
    rng = np.random.default_rng(seed)
    topic = rng.integers(n_topics, size=n)
    centres = rng.normal(size=(n_topics, DIM)) / DIM**0.5
    return unit(3 * np.eye(DIM)[0] + centres[topic] + noise * rng.normal(size=(n, DIM))), topic


@pytest.mark.parametrize("n", [120, 600, 3000])
def test_planted_topics_are_found_whatever_the_number_of_posts(n):
    vectors, topic = planted(n)
    clustering = find_topics(vectors)
    assert len(clustering.centroids) == 6
    assert adjusted_mutual_info_score(topic, clustering.labels) > 0.9


def test_topics_are_numbered_by_size():
    vectors, _ = planted(500)
    sizes = np.bincount(find_topics(vectors).labels + 1)[1:]
    assert (np.diff(sizes) <= 0).all()


def test_a_seamless_cloud_has_no_topics():
    clustering = find_topics(unit(np.random.default_rng(1).normal(size=(800, DIM))))
    assert set(clustering.reasons) == {NO_DISTINCT_TOPICS}
    assert (clustering.labels == -1).all()
    assert np.isnan(clustering.cosine).all()


@pytest.mark.parametrize("n", [0, 1, 39])
def test_a_handful_of_posts_has_no_topics(n):
    clustering = find_topics(planted(50)[0][:n])
    assert clustering.reasons == (TOO_FEW_POSTS,) * n
    assert clustering.stability is None


def test_equal_texts_only():
    clustering = find_topics(np.repeat(planted(1)[0], 200, axis=0))
    assert set(clustering.reasons) == {NO_DISTINCT_TOPICS}


def test_copies_of_one_text_are_sorted_alike():
    vectors, _ = planted(400)
    vectors[50:110] = vectors[7]
    assert len(set(find_topics(vectors).labels[50:110])) == 1


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([60, 200]))
def test_every_row_is_sorted_or_says_why_not(seed, n):
    vectors, _ = planted(n, noise=0.3, seed=seed)
    clustering = find_topics(vectors)
    for label, reason in zip(clustering.labels, clustering.reasons, strict=True):
        assert (label == -1) == (reason is not None)
    assert set(clustering.reasons) <= {None, BETWEEN_TOPICS, NOTHING_SIMILAR, NO_DISTINCT_TOPICS}
    assert ((clustering.cosine <= 1) | np.isnan(clustering.cosine)).all()


def test_a_post_between_two_topics_or_far_from_all_stays_out():
    vectors, topic = planted(600)
    between = unit(vectors[topic == 0][:1] + vectors[topic == 1][:1])
    strange = unit(-np.eye(DIM)[:1])
    fitted = np.arange(602) < 600
    clustering = find_topics(np.concatenate([vectors, between, strange]), fitted=fitted)
    assert clustering.labels[-2:].tolist() == [-1, -1]
    assert clustering.reasons[-1] == NOTHING_SIMILAR


def test_rows_that_are_not_fitted_join_a_topic_only_where_that_is_clear():
    vectors, topic = planted(600, noise=0.05)
    fitted = np.arange(600) < 500
    clustering = find_topics(vectors, fitted=fitted)
    late = np.flatnonzero(~fitted)
    joined = late[clustering.labels[late] >= 0]
    assert len(joined) > 60
    assert adjusted_mutual_info_score(topic[joined], clustering.labels[joined]) == pytest.approx(1)


def test_topics_are_not_languages():
    vectors, topic = planted(800, noise=0.1)
    language = np.arange(800) % 2
    shifted = unit(vectors + 0.6 * np.eye(DIM)[1 + language])
    clustering = find_topics(shifted, groups=language)
    assert adjusted_mutual_info_score(topic, clustering.labels) > 0.9
    assert abs(adjusted_mutual_info_score(language, clustering.labels)) < 0.02


def nested(n, seed=0):
    """Four subjects of four parts each, with the subject and the part of each vector."""
    rng = np.random.default_rng(seed)
    subject = rng.integers(4, size=n)
    part = subject * 4 + rng.integers(4, size=n)
    subjects, parts = (rng.normal(size=(n_centres, DIM)) / DIM**0.5 for n_centres in (4, 16))
    noise = 0.1 * rng.normal(size=(n, DIM))
    return unit(3 * np.eye(DIM)[0] + subjects[subject] + 0.4 * parts[part] + noise), subject, part


def test_topics_that_are_carried_on_stay_as_fine_as_they_were():
    vectors, subject, part = nested(2000)
    assert len(find_topics(vectors).centroids) == 16
    assert len(find_topics(vectors, earlier=part).centroids) == 16
    assert len(find_topics(vectors, earlier=subject).centroids) < 8


def test_shuffled_rows_put_back_in_order_give_the_same_bits():
    vectors, _ = planted(700, noise=0.2)
    shuffled = np.random.default_rng(3).permutation(700)
    back = vectors[shuffled][np.argsort(shuffled)]
    one, other = find_topics(vectors), find_topics(back)
    assert one.labels.tobytes() == other.labels.tobytes()
    assert one.cosine.tobytes() == other.cosine.tobytes()


DIGEST = """
import numpy as np
from tests.topics.test_clustering import digest_of_a_run
print(digest_of_a_run())
"""


def digest_of_a_run():
    clustering = find_topics(planted(2500, 9, noise=0.25)[0])
    return hashlib.sha256(clustering.labels.tobytes() + clustering.cosine.tobytes()).hexdigest()


@pytest.mark.parametrize("settings", [{"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1"}, {"OPENBLAS_NUM_THREADS": "4"}])
def test_threads_and_hash_seed_change_no_bit(settings):
    run = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env={**os.environ, **settings},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == digest_of_a_run()


def test_points_and_centroids_can_be_worked_out_again_from_the_labels():
    vectors, _ = planted(300)
    groups = np.arange(300) % 2
    clustering = find_topics(vectors, groups=groups)
    points = centre_rows(vectors, group_means(vectors, groups, n_groups=2)[groups])
    assert np.array_equal(points, clustering.points)
    assert np.array_equal(topic_centroids(points, clustering.labels), clustering.centroids)


def test_the_reach_of_a_topic_leaves_out_its_farthest_members():
    cosine, labels = np.array([0.9, 0.8, 0.7, 0.5, 0.1]), np.array([0, 0, 0, 1, -1])
    assert reach_of_topics(cosine, labels, 0.0).tolist() == [0.7, 0.5]
    assert reach_of_topics(cosine, labels, 0.5).tolist() == [0.8, 0.5]
    assert reach_of_topics(cosine[:0], labels[:0], 0.5).tolist() == []


def test_close_and_clear_are_told_apart():
    cosines, reach = np.array([[0.8, 0.1], [0.8, 0.78], [0.3, 0.0]]), np.array([0.5, 0.5])
    is_close, is_clear = is_within_reach(cosines, reach, 0.05)
    assert is_close.tolist() == [True, True, False]
    assert is_clear.tolist() == [True, False, True]
    assert is_within_reach(cosines[:, :1], reach[:1], 0.05)[1].all()
