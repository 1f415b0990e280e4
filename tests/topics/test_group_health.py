import numpy as np
import pytest

from topics.group_health import (
    DAY_SECONDS,
    NOTHING_BEFORE,
    TOO_FEW,
    TOO_SHORT,
    measure_alone,
    measure_group,
    wilson_share,
)
from topics.members import Activity


def written(posts: list[tuple[int, float]], *, parents: list[int] | None = None, n_members: int = 12) -> Activity:
    """Posts as (member, day), in time order."""
    author, days = zip(*posts, strict=True)
    n = len(posts)
    return Activity(
        author=np.array(author, dtype=np.int64),
        thread=np.zeros(n, dtype=np.int64),
        parent=np.array(parents or [-1] * n, dtype=np.int64),
        posted_at=(np.array(days) * DAY_SECONDS).astype(np.int64),
        topic=np.zeros(n, dtype=np.int64),
        language=np.zeros(n, dtype=np.int64),
        vectors=None,
        n_members=n_members,
    )


def test_figures_of_a_group_that_grows() -> None:
    old = [(member, 0.0) for member in range(4)]
    first = [(member, 50 + member) for member in range(6)]
    second = [(member % 6, 100 + number / 10) for number, member in enumerate(range(60))]
    activity = written([*old, *first, *second, (11, 120.0)])
    window = activity.between(50 * DAY_SECONDS, 200 * DAY_SECONDS)
    health = measure_group(activity, window, np.arange(6), min_posts=2)
    assert (health.n_members, health.n_active, health.n_posts) == (6, 6, 66)
    assert health.posts_a_week == pytest.approx(66 / 10, rel=1e-3)
    assert health.posts_trend is not None
    assert health.posts_trend.direction == "up"
    assert health.posts_trend.ratio == pytest.approx(60.5 / 6.5)
    assert health.posts_trend.low > 1
    assert health.writers_trend is not None
    assert health.writers_trend.direction == "unclear"
    assert health.newcomers.share == pytest.approx(2 / 6)
    assert health.stayed.share == 1
    assert health.stayed.n == 6


def test_a_short_history_says_so_instead_of_a_figure() -> None:
    activity = written([(0, 0.0), (1, 5.0), (0, 10.0)])
    health = measure_group(activity, activity, np.array([0, 1]), min_posts=2)
    assert health.posts_trend is None
    assert health.writers_trend is None
    assert (health.stayed.share, health.stayed.reason) == (None, TOO_SHORT)
    assert (health.newcomers.share, health.newcomers.reason) == (None, NOTHING_BEFORE)


def test_too_few_members_of_the_first_half_say_nothing_about_who_stays() -> None:
    activity = written([(0, 0.0), (1, 5.0), (0, 60.0)])
    health = measure_group(activity, activity, np.array([0, 1]), min_posts=2)
    assert (health.stayed.share, health.stayed.n, health.stayed.reason) == (None, 2, TOO_FEW)


def test_alone_a_group_loses_its_answers_to_others_and_keeps_those_to_staff() -> None:
    # 0 and 1 are the group, 5 is another member, -1 is staff.
    posts = [(0, 0.0), (1, 1.0), (5, 2.0), (0, 3.0), (0, 4.0), (-1, 5.0), (1, 14.0)]
    activity = written(posts, parents=[-1, 0, -1, 2, 2, -1, 5])
    alone = measure_alone(activity, np.array([0, 1]), min_posts=2)
    assert (alone.n_active_now, alone.n_active) == (2, 1)
    assert alone.posts_a_week_now == pytest.approx(2.5, rel=1e-3)
    assert alone.posts_a_week == pytest.approx(1.5, rel=1e-3)


def test_everybody_alone_is_as_now() -> None:
    activity = written([(0, 0.0), (1, 1.0), (2, 2.0), (1, 20.0)], parents=[-1, 0, 1, 2])
    alone = measure_alone(activity, np.arange(3), min_posts=2)
    assert (alone.n_active, alone.posts_a_week) == (alone.n_active_now, alone.posts_a_week_now)


def test_a_share_of_nobody_is_none_with_a_reason() -> None:
    assert wilson_share(0, 0).reason == TOO_FEW
    share = wilson_share(1, 4)
    assert share.interval is not None
    assert share.interval[0] < 0.25 < share.interval[1]
