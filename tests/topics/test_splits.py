from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from tests.topics.planted import HOUR, planted_activity
from topics.members import Activity
from topics.splits import SplitFindings, part_minimum, propose_splits

DAY = 24 * HOUR


def failed(findings: SplitFindings) -> list[str]:
    return [gate.name for gate in findings.gates if gate.passed is False]


def gate(findings: SplitFindings, name: str):
    return next(gate for gate in findings.gates if gate.name == name)


@pytest.fixture(scope="module")
def two_groups() -> tuple[Activity, np.ndarray]:
    return planted_activity(n_groups=2, group_size=60, inside=0.9)


@pytest.mark.parametrize(("inside", "proposed"), [(0.90, True), (0.75, True), (0.30, False)])
def test_planted_groups_are_found_while_they_keep_to_themselves(inside: float, proposed: bool) -> None:
    activity, group = planted_activity(n_groups=4, group_size=150, inside=inside)
    findings = propose_splits(activity)
    assert (findings.proposal is not None) == proposed
    if findings.proposal:
        assert adjusted_rand_score(group, findings.proposal.division.part) > 0.95


def test_a_split_is_proposed_only_where_parts_hardly_touch() -> None:
    actions = {}
    for inside in (1.0, 0.9, 0.7):
        activity, _ = planted_activity(n_groups=2, group_size=60, inside=inside, threads_per_member=12)
        findings = propose_splits(activity)
        assert findings.proposal, failed(findings)
        actions[inside] = findings.proposal.action
    assert actions == {1.0: "split", 0.9: "space", 0.7: "tag"}


def test_parts_are_a_partition_and_large_enough(two_groups) -> None:
    findings = propose_splits(two_groups[0])
    assert findings.proposal
    part = findings.proposal.division.part
    assert set(part.tolist()) <= {-1, 0, 1}
    for each in (0, 1):
        assert findings.active[part == each].sum() >= part_minimum(int(findings.active.sum()))


def test_bridging_members_stand_in_both_parts(two_groups) -> None:
    activity, group = two_groups
    author = activity.author.copy()
    ours = np.flatnonzero(activity.author == 0)
    other_threads = np.flatnonzero((group[author] == 1) & (activity.parent >= 0))[: len(ours)]
    author[other_threads] = 0  # member 0 of group 0 also answers in group 1
    findings = propose_splits(replace(activity, author=author))
    assert findings.proposal
    assert 0 in findings.proposal.bridging.tolist()
    assert findings.proposal.bridging_share < 0.3


def test_too_few_members_are_refused_with_the_figures() -> None:
    activity, _ = planted_activity(n_groups=2, group_size=6)
    findings = propose_splits(activity)
    assert failed(findings) == ["enough_active_members"]
    assert findings.gates[0].figures == {"n_active": 12, "n_needed": 60}


def test_one_group_is_refused() -> None:
    activity, _ = planted_activity(n_groups=2, group_size=60, inside=0.5, topic_per_group=False)
    findings = propose_splits(activity)
    assert findings.proposal is None
    assert failed(findings)


def test_groups_smaller_than_a_part_are_refused() -> None:
    activity, _ = planted_activity(n_groups=5, group_size=20, inside=1.0)
    findings = propose_splits(activity)
    assert "parts_large_enough" in failed(findings) or "parts_stable" in failed(findings)


def test_a_language_divide_is_refused(two_groups) -> None:
    activity, group = two_groups
    findings = propose_splits(replace(activity, language=group[activity.author]))
    assert failed(findings) == ["not_a_language_divide"]
    assert gate(findings, "not_a_language_divide").figures["explained"] > 0.7


def test_a_time_zone_divide_is_refused(two_groups) -> None:
    activity, group = two_groups
    day = activity.posted_at // DAY * DAY
    noon = day + 12 * HOUR - 8 * HOUR * group[activity.author]
    findings = propose_splits(replace(activity, posted_at=noon))
    assert failed(findings) == ["not_a_time_zone_divide"]


def test_a_single_thread_divide_is_refused(two_groups) -> None:
    activity, group = two_groups
    one_thread = np.where(group[activity.author] == 1, len(activity), activity.thread)
    findings = propose_splits(replace(activity, thread=one_thread))
    assert "not_a_single_thread" in failed(findings)


def test_parts_that_write_about_the_same_are_refused(two_groups) -> None:
    activity, _ = two_groups
    topic = np.random.default_rng(0).integers(5, size=len(activity))
    findings = propose_splits(replace(activity, topic=topic))
    assert failed(findings) == ["topics_differ"]


def test_posts_without_topics_are_refused(two_groups) -> None:
    activity, _ = two_groups
    findings = propose_splits(replace(activity, topic=np.full(len(activity), -1)))
    assert gate(findings, "topics_differ").figures == {"divergence_bits": None, "reason": "no_sorted_posts"}


def test_short_data_say_that_they_cannot_show_persistence(two_groups) -> None:
    findings = propose_splits(two_groups[0])
    held = gate(findings, "held_over_time")
    assert held.passed is None
    assert held.figures["reason"] == "earlier_windows_too_small"


def _earlier(activity: Activity, n_days: int) -> Activity:
    return replace(activity, posted_at=activity.posted_at - n_days * DAY)


def _joined(*periods: Activity) -> Activity:
    """Periods one after another, the oldest first; each thread once a period."""
    rows = np.cumsum([0, *(len(period) for period in periods)])
    threads = np.cumsum([0, *(period.thread.max() + 1 for period in periods)])
    return Activity(
        author=np.concatenate([period.author for period in periods]),
        thread=np.concatenate([period.thread + threads[i] for i, period in enumerate(periods)]),
        parent=np.concatenate([np.where(p.parent < 0, -1, p.parent + rows[i]) for i, p in enumerate(periods)]),
        posted_at=np.concatenate([period.posted_at for period in periods]),
        topic=np.concatenate([period.topic for period in periods]),
        language=np.concatenate([period.language for period in periods]),
        vectors=np.concatenate([period.vectors for period in periods]),
        n_members=periods[0].n_members,
    )


def test_parts_must_have_been_there_before() -> None:
    now, _ = planted_activity(n_groups=2, group_size=60, inside=0.95, n_days=89, seed=1)
    parted, _ = planted_activity(n_groups=2, group_size=60, inside=0.95, n_days=89, seed=2)
    mixed, _ = planted_activity(n_groups=2, group_size=60, inside=0.5, n_days=89, seed=3, topic_per_group=False)
    held = propose_splits(_joined(_earlier(parted, 180), _earlier(parted, 90), now))
    assert held.proposal
    assert gate(held, "held_over_time").figures["n_windows_held"] == 3
    new = propose_splits(_joined(_earlier(parted, 180), _earlier(mixed, 90), now))
    assert failed(new) == ["held_over_time"]
    assert gate(new, "held_over_time").figures["n_windows_held"] == 1


def test_the_same_posts_give_the_same_findings(two_groups) -> None:
    one, other = propose_splits(two_groups[0]), propose_splits(two_groups[0])
    assert one.gates == other.gates
    assert one.layers == other.layers
    assert one.proposal
    assert other.proposal
    assert (one.proposal.division.part == other.proposal.division.part).all()


def test_a_tenth_of_a_large_community_is_the_least_part() -> None:
    assert part_minimum(100) == 30
    assert part_minimum(300) == 30
    assert part_minimum(301) == 31
