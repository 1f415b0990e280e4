from dataclasses import replace

import numpy as np
import pytest

from tests.topics.planted import HOUR, planted_activity
from topics.divides import (
    busiest_thread_share,
    explained_share,
    language_share,
    main_language,
    time_zone_share,
    topic_divergence,
)

PARTS = np.arange(200) % 2


def test_a_kind_that_tells_the_part_explains_all_of_it() -> None:
    assert explained_share(PARTS, 5 - PARTS) == pytest.approx(1, abs=0.01)


def test_a_kind_that_tells_nothing_explains_nothing() -> None:
    kind = np.random.default_rng(0).integers(8, size=200)
    assert explained_share(PARTS, kind) == pytest.approx(0, abs=0.02)


def test_one_language_shared_by_two_parts_of_three_explains_some() -> None:
    parts = np.arange(300) % 3
    assert explained_share(parts, (parts == 2).astype(np.int64)) == pytest.approx(0.58, abs=0.01)


def test_nothing_known_is_not_zero() -> None:
    assert explained_share(PARTS, np.full(200, -1)) is None


def test_main_language_goes_by_most_posts() -> None:
    activity, _ = planted_activity(n_groups=2, group_size=5)
    language = np.where(activity.author == 2, 1, 0)
    language[np.flatnonzero(activity.author == 2)[0]] = 0
    language[activity.author == 4] = -1
    assert main_language(replace(activity, language=language)).tolist() == [0, 0, 1, 0, -1, 0, 0, 0, 0, 0]


def test_a_language_divide_is_seen() -> None:
    activity, group = planted_activity(n_groups=2, group_size=50)
    language = group[activity.author]
    assert language_share(replace(activity, language=language), group) == pytest.approx(1, abs=0.02)
    assert language_share(activity, group) == 0


def test_a_time_zone_divide_is_seen() -> None:
    activity, group = planted_activity(n_groups=2, group_size=50)
    active = np.ones(100, dtype=bool)
    rng = np.random.default_rng(0)
    evening = rng.normal(19, 2, size=len(activity))
    day = (activity.posted_at // 86400) * 86400
    local = day + (evening * HOUR).astype(np.int64)
    overseas = local - 9 * HOUR * group[activity.author]
    assert time_zone_share(replace(activity, posted_at=overseas), group, active) == pytest.approx(1, abs=0.1)
    assert time_zone_share(replace(activity, posted_at=local), group, active) == pytest.approx(0, abs=0.1)


def test_topics_of_two_groups_differ() -> None:
    activity, group = planted_activity(n_groups=2, group_size=50, inside=0.9)
    found = topic_divergence(activity, group, seed=0)
    assert found is not None
    assert 0.3 < found.low < found.bits < found.high < 1


def test_topics_drawn_by_lot_do_not_differ() -> None:
    activity, group = planted_activity(n_groups=2, group_size=50, topic_per_group=False)
    found = topic_divergence(activity, group, seed=0)
    assert found is not None
    assert found.low < 0 < found.high


def test_the_two_parts_most_alike_decide() -> None:
    activity, group = planted_activity(n_groups=3, group_size=40, inside=0.95)
    merged = np.where(activity.topic == 2, 1, activity.topic)
    found = topic_divergence(replace(activity, topic=merged), group, seed=0)
    assert found is not None
    assert found.low < 0


def test_without_sorted_posts_nothing_is_known_of_topics() -> None:
    activity, group = planted_activity(n_groups=2, group_size=20)
    assert topic_divergence(replace(activity, topic=np.full(len(activity), -1)), group, seed=0) is None


def test_the_busiest_thread_is_found() -> None:
    activity, group = planted_activity(n_groups=2, group_size=20)
    in_one = np.where(group[activity.author] == 1, 10**4, activity.thread)
    assert busiest_thread_share(replace(activity, thread=in_one), group) == 1
    assert busiest_thread_share(activity, group) < 0.05
