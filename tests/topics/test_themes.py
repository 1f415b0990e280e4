import numpy as np
import pytest

from topics.themes import NO_DISTINCT_THEMES, TOO_FEW_TOPICS, find_themes


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def communities(n_themes, topics_each, *, n_posts=40, closeness=2.0, seed=0):
    """Posts of topics that lie around the centres of themes."""
    rng = np.random.default_rng(seed)
    themes = unit(rng.normal(size=(n_themes, 128)))
    own = unit(rng.normal(size=(n_themes * topics_each, 128)))
    centres = unit(closeness * np.repeat(themes, topics_each, axis=0) + own)
    labels = np.repeat(np.arange(len(centres)), n_posts)
    return unit(centres[labels] + 0.8 * unit(rng.normal(size=(len(labels), 128)))).astype(np.float32), labels


def test_topics_that_lie_together_are_a_theme():
    points, labels = communities(4, 3)
    found = find_themes(points, labels)
    assert found.reason is None
    assert found.stability > 0.9
    planted = np.repeat(np.arange(4), 3)
    assert all(len(set(planted[found.theme_of == theme])) == 1 for theme in set(found.theme_of.tolist()))
    assert found.theme_of.max() + 1 <= 6


@pytest.mark.parametrize("seed", range(3))
def test_topics_far_from_each_other_have_no_themes(seed):
    points, labels = communities(1, 12, closeness=0.0, seed=seed, n_posts=8)
    found = find_themes(points, labels)
    assert found.reason == NO_DISTINCT_THEMES
    assert (found.theme_of == -1).all()


def test_a_short_list_needs_no_themes():
    points, labels = communities(2, 3)
    found = find_themes(points, labels)
    assert (found.reason, found.stability) == (TOO_FEW_TOPICS, None)
    assert find_themes(points[:0], labels[:0]).theme_of.shape == (0,)


def test_unsorted_posts_take_no_part():
    points, labels = communities(4, 3)
    noise = unit(np.random.default_rng(1).normal(size=(200, 128))).astype(np.float32)
    with_noise = find_themes(np.concatenate([points, noise]), np.concatenate([labels, np.full(200, -1)]))
    np.testing.assert_array_equal(with_noise.theme_of, find_themes(points, labels).theme_of)
