from dataclasses import replace

import numpy as np
import pytest

from tests.topics.planted import planted_activity
from topics.members import Activity, build_member_graph
from topics.niches import MIN_MEMBERS, cohesion_of, exchange_ties, find_niches, subject_of


def with_a_niche(*, group_size: int = 20, seed: int = 0, own_language: bool = False) -> tuple[Activity, np.ndarray]:
    """Eight groups: the first keeps to its subject, the others write about everything with everybody."""
    activity, group = planted_activity(n_groups=8, group_size=group_size, inside=0.95, seed=seed)
    rng = np.random.default_rng(seed)
    n_threads = len(activity) // 2
    mixed = np.repeat(activity.topic[::2] > 0, 2)
    others = np.flatnonzero(group > 0)
    author = np.where(mixed, rng.choice(others, size=len(activity)), activity.author)
    topic = np.where(mixed, np.repeat(rng.integers(1, 8, size=n_threads), 2), 0)
    is_niche = group[author] == 0
    author = np.where(~mixed & ~is_niche, rng.choice(np.flatnonzero(group == 0), size=len(activity)), author)
    centres = np.random.default_rng(9).normal(size=(8, 16))
    vectors = centres[topic] + rng.normal(size=(len(activity), 16))
    changed = replace(
        activity,
        author=author,
        topic=topic,
        language=np.where(mixed, 0, 1) if own_language else activity.language,
        vectors=(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
    )
    return changed, group


def found_in(activity: Activity):
    return find_niches(activity, build_member_graph(activity))


@pytest.mark.parametrize("seed", range(3))
def test_a_small_group_with_a_subject_of_its_own_is_found_and_nothing_else(seed: int) -> None:
    activity, group = with_a_niche(seed=seed)
    [niche], _ = found_in(activity)
    assert set(group[niche.members]) == {0}
    assert niche.n_active == 20
    assert niche.topics == (0,)
    assert niche.on_subject == niche.own_share == 1
    assert niche.cohesion is not None
    assert niche.cohesion_by_chance is not None
    assert niche.cohesion > 0.9 > 4 * niche.cohesion_by_chance
    assert niche.stability is not None
    assert niche.stability >= 0.75


def test_members_who_all_write_about_everything_form_no_niche() -> None:
    activity, _ = planted_activity(n_groups=4, group_size=40, inside=0.25, topic_per_group=False)
    niches, others = found_in(activity)
    assert niches == []
    assert all(any(gate.passed is False for gate in group.gates) for group in others)


def test_a_group_of_another_language_is_no_niche() -> None:
    activity, group = with_a_niche(own_language=True)
    niches, others = found_in(activity)
    assert niches == []
    [refused] = [other for other in others if set(group[other.members]) == {0}]
    failed = {gate.name: gate.figures for gate in refused.gates if gate.passed is False}
    assert list(failed) == ["not_a_language_divide"]
    assert failed["not_a_language_divide"]["explained"] > 0.9


def test_too_few_members_are_no_niche() -> None:
    activity, group = with_a_niche(group_size=MIN_MEMBERS - 5)
    niches, _ = found_in(activity)
    assert all(0 not in set(group[niche.members]) for niche in niches)


def test_nobody_is_in_two_niches() -> None:
    activity, _ = planted_activity(n_groups=5, group_size=30, inside=0.9)
    niches, others = found_in(activity)
    assert len(niches) == 5
    members = np.concatenate([group.members for group in (*niches, *others)])
    assert len(members) == len(set(members.tolist()))


def test_a_community_without_ties_has_none() -> None:
    activity, _ = planted_activity(n_groups=2, group_size=4, threads_per_member=1.0)
    assert found_in(activity) == ([], [])


def test_cohesion_is_the_share_of_ties_that_stay_within() -> None:
    activity, group = with_a_niche()
    ties = exchange_ties(build_member_graph(activity))
    everybody = np.arange(activity.n_members)
    assert cohesion_of(ties, everybody) == (pytest.approx(1), pytest.approx(1))
    inside, by_chance = cohesion_of(ties, np.flatnonzero(group == 0))
    dense = ties.toarray()
    own = group == 0
    assert inside == pytest.approx(dense[np.ix_(own, own)].sum() / dense[own].sum())
    assert by_chance == pytest.approx(dense[own].sum() / dense.sum())


def test_a_subject_is_what_a_group_writes_about_more_than_all_do() -> None:
    counts = np.array([[6.0, 0, 4, 0], [6, 0, 4, 0], [0, 9, 4, 0], [1, 9, 4, 0], [0, 9, 4, 1]])
    assert subject_of(counts, np.array([0, 1])) == (0,)
    assert subject_of(counts, np.array([2])) == ()  # twice its share of all posts it is not
    assert subject_of(np.zeros((2, 3)), np.array([0])) == ()
