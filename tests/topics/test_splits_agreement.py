import numpy as np

from tests.topics.planted import planted_activity
from topics.splits_agreement import measure_spaces


def test_merged_spaces_are_measured_and_a_single_one_is_refused() -> None:
    activity, group = planted_activity(n_groups=3, group_size=60, inside=0.97)
    space = group[activity.author]
    both = measure_spaces(activity, space, (0, 2), sort_posts=lambda rows: activity.topic[rows])
    assert both.proposed
    assert both.n_parts == 2
    assert both.rand is not None
    assert both.rand > 0.95
    alone = measure_spaces(activity, space, (1,), sort_posts=lambda rows: activity.topic[rows])
    assert not alone.proposed
    assert alone.rand is None
    assert alone.n_members == 60


def test_strangers_are_no_members() -> None:
    activity, group = planted_activity(n_groups=2, group_size=40, inside=0.97)
    space = group[activity.author]
    author = np.where(activity.author == 0, -1, activity.author)
    both = measure_spaces(
        type(activity)(**{**activity.__dict__, "author": author}),
        space,
        (0, 1),
        sort_posts=lambda rows: activity.topic[rows],
    )
    assert both.n_members == 79
