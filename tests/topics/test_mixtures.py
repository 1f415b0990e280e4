import numpy as np
import pytest
from scipy.stats import beta

from topics.mixtures import PRIOR_POSTS, topic_mixtures


def test_shares_lean_towards_the_community_and_less_so_with_more_posts() -> None:
    counts = np.array([[5.0, 0.0], [50.0, 0.0], [0.0, 55.0]])
    mixtures = topic_mixtures(counts)
    assert mixtures.share.sum(axis=1) == pytest.approx([1, 1, 1])
    assert mixtures.share[0, 0] == pytest.approx((5 + PRIOR_POSTS / 2) / (5 + PRIOR_POSTS))
    assert mixtures.share[1, 0] > mixtures.share[0, 0]
    assert mixtures.high[0, 0] - mixtures.low[0, 0] > mixtures.high[1, 0] - mixtures.low[1, 0]


def test_intervals_are_those_of_the_beta_distribution() -> None:
    mixtures = topic_mixtures(np.array([[3.0, 7.0], [7.0, 3.0]]))
    hits, misses = 3 + PRIOR_POSTS / 2, 7 + PRIOR_POSTS / 2
    assert mixtures.low[0, 0] == pytest.approx(beta.ppf(0.025, hits, misses))
    assert mixtures.high[0, 0] == pytest.approx(beta.ppf(0.975, hits, misses))


def test_topics_never_written_about_have_no_interval() -> None:
    mixtures = topic_mixtures(np.array([[6.0, 0.0], [0.0, 4.0]]))
    assert np.isnan(mixtures.low[0, 1])
    assert np.isnan(mixtures.high[0, 1])


def test_one_topic_is_all_there_is() -> None:
    mixtures = topic_mixtures(np.array([[6.0], [1.0]]))
    assert mixtures.share.tolist() == [[1.0], [1.0]]
    assert mixtures.low.tolist() == [[1.0], [1.0]]
