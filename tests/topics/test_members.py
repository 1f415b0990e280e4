from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.topics.planted import planted_activity
from topics.members import (
    RECIPROCITY_BONUS,
    THREAD_REACH,
    Activity,
    build_member_graph,
    interest_ties,
    member_interests,
    reply_ties,
    thread_ties,
)


def posts(author: list[int], *, thread: list[int] | None = None, parent: list[int] | None = None) -> Activity:
    n_posts = len(author)
    return Activity(
        author=np.array(author),
        thread=np.array(thread if thread is not None else [0] * n_posts),
        parent=np.array(parent if parent is not None else [-1] * n_posts),
        posted_at=np.arange(n_posts) * 3600,
        topic=np.full(n_posts, -1),
        language=np.full(n_posts, -1),
        vectors=None,
        n_members=max(author) + 1,
    )


def test_answers_are_damped_and_both_ways_earn_a_bonus() -> None:
    one_way = reply_ties(posts([0, 1, 1, 1], parent=[-1, 0, 0, 0]))
    both_ways = reply_ties(posts([0, 1, 0], parent=[-1, 0, 1]))
    assert one_way[0, 1] == pytest.approx(np.log(4))
    assert one_way[1, 0] == one_way[0, 1]
    assert both_ways[0, 1] == pytest.approx(2 * np.log(2) * (1 + RECIPROCITY_BONUS))


def test_answers_to_oneself_and_to_strangers_make_no_tie() -> None:
    assert reply_ties(posts([0, 0, -1, 1], parent=[-1, 0, 0, 2])).nnz == 0


def test_a_thread_everybody_shares_ties_nobody_above_chance() -> None:
    """Two members in one thread only are tied as much as chance; a pair that meets again and again is tied more."""
    twice = thread_ties(posts([0, 1, 2, 3, 0, 1, 2, 3], thread=[0, 0, 1, 1, 2, 2, 3, 3]))
    assert twice[0, 1] == pytest.approx(2 - 2 * 2 / 8)
    crowd = thread_ties(posts([0, 1], thread=[0, 0]))
    assert crowd[0, 1] == pytest.approx(1 - 1 / 2)


def test_a_huge_thread_makes_few_ties() -> None:
    n_members = 500
    ties = thread_ties(posts(list(range(n_members))))
    assert np.diff(ties.indptr).max() <= 2 * THREAD_REACH
    assert ties.sum(axis=1).max() < 1


def test_interests_tie_members_who_write_about_the_same() -> None:
    activity, group = planted_activity(n_groups=2, group_size=40, inside=0.5)
    ties = interest_ties(member_interests(activity)).tocoo()
    assert ties.data[group[ties.row] == group[ties.col]].sum() > 0.95 * ties.sum()


def test_a_member_without_words_has_no_interests() -> None:
    activity, _ = planted_activity(n_groups=2, group_size=10)
    assert activity.vectors is not None
    vectors = activity.vectors.copy()
    vectors[activity.author == 3] = np.nan
    interests = member_interests(replace(activity, vectors=vectors))
    assert np.isnan(interests[3]).all()
    assert not np.isnan(np.delete(interests, 3, axis=0)).any()
    assert np.diff(interest_ties(interests).indptr)[3] == 0


def test_topics_stand_in_for_vectors() -> None:
    activity, group = planted_activity(n_groups=2, group_size=20, inside=1.0)
    interests = member_interests(replace(activity, vectors=None))
    assert interests @ interests.T == pytest.approx(np.equal.outer(group, group).astype(float))


def test_layers_weigh_the_same_in_the_joint_graph() -> None:
    activity, _ = planted_activity(n_groups=2, group_size=30)
    graph = build_member_graph(activity)
    weights = [ties.sum() for ties in graph.layers.values()]
    rebuilt = sum(ties / weight for ties, weight in zip(graph.layers.values(), weights, strict=True))
    scale = graph.joint.sum() / rebuilt.sum()
    assert abs(graph.joint - rebuilt * scale).max() < 1e-9
    assert graph.joint.data.mean() == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 6), st.integers(0, 4), st.integers(-1, 30)), min_size=1, max_size=40))
def test_the_joint_graph_is_symmetric_without_loops_or_negatives(rows: list[tuple[int, int, int]]) -> None:
    author = [row[0] for row in rows] + [6]
    thread = [row[1] for row in rows] + [0]
    parent = [min(row[2], place - 1) for place, row in enumerate(rows)] + [-1]
    joint = build_member_graph(posts(author, thread=thread, parent=parent)).joint
    assert abs(joint - joint.T).sum() == pytest.approx(0)
    assert (joint.diagonal() == 0).all()
    assert (joint.data > 0).all()


def test_a_window_keeps_the_members_and_cuts_ties_to_what_is_outside() -> None:
    activity = posts([0, 1, 0], parent=[-1, 0, 1])
    later = activity.between(3600, 3 * 3600)
    assert later.author.tolist() == [1, 0]
    assert later.parent.tolist() == [-1, 0]
    assert later.n_members == 2
