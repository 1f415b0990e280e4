import numpy as np
import pytest
from scipy import sparse

from tests.topics.planted import planted_activity
from topics.members import build_member_graph
from topics.partition import (
    agreement,
    bootstrap_ties,
    conductances,
    highest_modularity,
    large_parts,
    merge_to,
    modularity,
    part_ties,
    symmetric,
)

TWO_TRIANGLES = symmetric(
    np.array([0, 0, 1, 3, 3, 4, 2]), np.array([1, 2, 2, 4, 5, 5, 3]), np.ones(7), n=7
)  # member 6 has no ties
HALVES = np.array([0, 0, 0, 1, 1, 1, -1])


def test_measures_of_two_triangles_joined_by_an_edge() -> None:
    between = part_ties(TWO_TRIANGLES, HALVES)
    assert between.tolist() == [[6, 1, 0], [1, 6, 0], [0, 0, 0]]
    assert conductances(between) == pytest.approx([1 / 7, 1 / 7])
    assert modularity(between) == pytest.approx(12 / 14 - 1 / 2)
    assert highest_modularity(between) == pytest.approx(1 / 2)


def test_members_outside_lower_modularity() -> None:
    between = part_ties(TWO_TRIANGLES, np.array([0, 0, 0, -1, -1, -1, -1]))
    assert modularity(between) == pytest.approx(6 / 14 - 1 / 4)


def test_a_part_without_ties_has_no_conductance() -> None:
    between = part_ties(TWO_TRIANGLES, np.array([0, 0, 0, 0, 0, 0, 1]))
    assert np.isnan(conductances(between)[1])


def test_large_parts_take_in_the_small_ones_that_hang_on_them() -> None:
    activity, group = planted_activity(n_groups=2, group_size=50, inside=0.95)
    joint = build_member_graph(activity).joint
    hanger_on, loner = 100, 101
    edges = sparse.triu(joint, format="coo")
    ties = symmetric(np.append(edges.row, 0), np.append(edges.col, hanger_on), np.append(edges.data, 0.01), n=loner + 1)
    part = large_parts(ties, np.ones(102, dtype=bool), min_active=30, resolution=0.5, seed=1)
    assert part[hanger_on] == part[0]
    assert part[loner] == -1
    assert len({*zip(part[:100].tolist(), group.tolist(), strict=True)}) == 2


def test_one_large_community_is_no_division() -> None:
    activity, _ = planted_activity(n_groups=2, group_size=50, inside=0.95)
    joint = build_member_graph(activity).joint
    part = large_parts(joint, np.ones(100, dtype=bool), min_active=60, resolution=0.5, seed=1)
    assert (part == -1).all()


def test_parts_are_numbered_by_active_members() -> None:
    activity, group = planted_activity(n_groups=2, group_size=50, inside=0.95)
    joint = build_member_graph(activity).joint
    active = group == 1
    active[:10] = True
    part = large_parts(joint, active, min_active=5, resolution=0.5, seed=1)
    assert (part[group == 1] == 0).mean() > 0.9


def test_merging_ends_with_the_two_triangles() -> None:
    merged = merge_to(TWO_TRIANGLES.toarray()[:6, :6], 2)
    assert merged * 14 == pytest.approx(part_ties(TWO_TRIANGLES, HALVES))


def test_agreement_is_one_for_the_same_parts_and_nothing_without_parts() -> None:
    nobody = np.full(7, -1)
    assert agreement([HALVES, 1 - HALVES]) == pytest.approx(1)
    assert agreement([HALVES, nobody]) == 0
    assert agreement([nobody, nobody]) == 0


def test_a_bootstrap_draws_as_many_edges_on_average() -> None:
    activity, _ = planted_activity(n_groups=2, group_size=50)
    joint = build_member_graph(activity).joint
    drawn = bootstrap_ties(joint, np.random.default_rng(0))
    assert drawn.sum() == pytest.approx(joint.sum(), rel=0.1)
    assert drawn.nnz == pytest.approx(joint.nnz * (1 - np.exp(-1)), rel=0.05)
    assert abs(drawn - drawn.T).sum() == 0
