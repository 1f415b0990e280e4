"""Whether a community falls into parts that are worth a space of their own, with the proof or the refusal."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from topics.divides import busiest_thread_share, language_share, time_zone_share, topic_divergence
from topics.members import Activity, Layer, MemberGraph, build_member_graph
from topics.partition import (
    agreement,
    bootstrap_ties,
    community_ties,
    conductances,
    highest_modularity,
    large_parts,
    leiden_communities,
    merge_to,
    modularity,
    part_ties,
)
from topics.random_graphs import degree_preserving_graphs

Action = Literal["tag", "space", "split"]
Figures = Mapping[str, float | int | str | None]

DAY_SECONDS = 86400
WINDOW_DAYS = 90
N_WINDOWS = 3

#: Posts in the window that make a member active.
MIN_POSTS = 2
#: Active members that a part needs: so many, and such a share of all.
MIN_PART = 30
MIN_PART_SHARE = 0.10
MIN_AGREEMENT = 0.7
MAX_CONDUCTANCE = 0.3
MIN_Z = 3.0
#: Above this share of the division explained by language or hour of the day, that is what divides. Two equal parts
#: that each write 85 % in a language of their own are at 0.39.
MAX_EXPLAINED = 0.4
MAX_THREAD_SHARE = 0.5
#: Members of a part seen in an earlier window, without whom the part was not there yet.
MIN_SEEN_BEFORE = 10

#: From plain modularity down to the largest communities; each is tried, the most stable division is kept.
RESOLUTIONS = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05)

LARGE_GRAPH = 100_000
N_BOOTSTRAPS = 5
N_RANDOM_GRAPHS, N_FIRST_RANDOM_GRAPHS, N_GRAPHS_AT_ONCE = 100, 20, 4
#: So far above the first random graphs, the 99th percentile of more of them cannot change the outcome.
CLEAR_Z = 8.0

#: An active member with at least this share of ties to other parts would be cut off by a split.
BRIDGING_TIES = 0.25


@dataclass(frozen=True)
class Gate:
    """One condition of a proposal, with the figures it was judged by.

    `passed` is None where the data cannot tell; the figures then say why, and the gate does not count.
    """

    name: str
    passed: bool | None
    figures: Figures


@dataclass(frozen=True)
class Division:
    """The most stable way found to cut the members into large parts.

    Attributes
    ----------
    part : shape (n_members,), numbered by active members, largest first; -1 = stays with the parent.
    between : ties between parts, as `topics.partition.part_ties`.
    stability : mean adjusted mutual information over edge bootstraps with other seeds, over active members.
    """

    part: NDArray[np.int64]
    between: NDArray[np.float64]
    resolution: float
    stability: float

    @property
    def n_parts(self) -> int:
        """How many parts there are."""
        return len(self.between) - 1

    @property
    def modularity(self) -> float:
        """Modularity of the parts, members outside counted as communities of one."""
        return modularity(self.between)

    @property
    def highest_conductance(self) -> float:
        """Conductance of the part that is tied most to the others, rounded to four digits."""
        return float(np.round(conductances(self.between).max(), 4))


@dataclass(frozen=True)
class RandomGraphs:
    """Modularity of the best division of random graphs with the same degrees, brought to the same part sizes."""

    p99: float
    z: float
    n_graphs: int


@dataclass(frozen=True)
class LayerView:
    """What one layer of the member graph says by itself.

    `agreement` is the adjusted mutual information of the layer's own parts with the division, over active members;
    None if the layer alone has fewer than two large parts. `conductance` is the division's highest on this layer.
    """

    n_edges: int
    n_parts: int
    agreement: float | None
    conductance: float | None


@dataclass(frozen=True)
class Proposal:
    """A division that passed every gate, and the weakest action that suffices."""

    action: Action
    division: Division
    random_graphs: RandomGraphs
    bridging: NDArray[np.int64]
    bridging_share: float
    outside_share: float


@dataclass(frozen=True)
class SplitFindings:
    """What was looked at and what came out; a proposal, or at least one gate that failed.

    Attributes
    ----------
    window : the posts that were looked at.
    graph, division, layers : None or empty if the search ended before.
    """

    window: Activity
    active: NDArray[np.bool_]
    graph: MemberGraph | None
    division: Division | None
    layers: Mapping[Layer, LayerView]
    gates: tuple[Gate, ...]
    proposal: Proposal | None


def propose_splits(activity: Activity, *, seed: int = 0) -> SplitFindings:
    """Look for parts among the members of the last 90 days and hold them against every gate.

    The dear gates (random graphs, earlier windows) are tried only where all others hold.

    Parameters
    ----------
    activity : all posts, at least one; older ones serve to see whether the parts were there before.
    """
    end = int(activity.posted_at.max()) + 1
    window = activity.between(end - WINDOW_DAYS * DAY_SECONDS, end)
    active = window.posts_per_member() >= MIN_POSTS
    enough = enough_active(active)
    if not enough.passed:
        return SplitFindings(window, active, None, None, {}, (enough,), None)
    graph = build_member_graph(window)
    division = find_division(graph.joint, active, seed=seed)
    if division is None:
        none_large = no_large_parts(graph.joint, active, seed=seed)
        return SplitFindings(window, active, graph, None, {}, (enough, none_large), None)
    gates: tuple[Gate, ...] = (enough, *cheap_gates(window, active, division, seed=seed))
    layers = layer_views(graph, active, division, seed=seed)
    if any(gate.passed is False for gate in gates):
        return SplitFindings(window, active, graph, division, layers, gates, None)
    random_graphs = compare_with_random(graph.joint, division, seed=seed)
    gates += (above_random(division, random_graphs), held_before(activity, division, end=end))
    holds = all(gate.passed is not False for gate in gates)
    proposal = weakest_action(graph.joint, active, division, random_graphs) if holds else None
    return SplitFindings(window, active, graph, division, layers, gates, proposal)


def part_minimum(n_active: int) -> int:
    """Active members that a part needs in a community with so many."""
    return max(MIN_PART, int(np.ceil(np.round(MIN_PART_SHARE * n_active, 6))))


def find_division(ties: sparse.csr_array, active: NDArray[np.bool_], *, seed: int) -> Division | None:
    """Find the number of parts, and the parts, that random re-draws of the ties change least.

    For each number of parts that some resolution gives, the most modular division is kept. Only divisions whose parts
    hold together compete, unless there is none; then the best joined one is returned, for its figures. None if there
    never are two parts of sufficient size.
    """
    with ThreadPoolExecutor() as pool:  # Leiden works outside the interpreter's lock
        divisions = list(pool.map(partial(divide, ties, active, seed=seed), RESOLUTIONS))
    found = _most_modular(divisions)
    if not found:
        return None
    together = [each for each in found if each.highest_conductance <= MAX_CONDUCTANCE]
    competing = together or [min(found, key=lambda each: each.highest_conductance)]
    rng = np.random.default_rng(seed)
    redrawn = [bootstrap_ties(ties, rng) for _ in range(N_BOOTSTRAPS)]
    with ThreadPoolExecutor() as pool:
        seeds = range(seed + 1, seed + 1 + N_BOOTSTRAPS)
        again = list(pool.map(lambda each, other: divide_again(each, active, competing, seed=other), redrawn, seeds))
    stable = [
        replace(each, stability=agreement([part[active] for part in (each.part, *same_number)]))
        for each, same_number in zip(competing, zip(*again, strict=True), strict=True)
    ]
    return max(stable, key=lambda each: (round(each.stability, 2), round(each.modularity, 3)))


def divide(ties: sparse.csr_array, active: NDArray[np.bool_], resolution: float, *, seed: int) -> Division:
    """The division that one resolution gives; its stability is not yet known."""
    minimum = part_minimum(int(active.sum()))
    part = large_parts(ties, active, min_active=minimum, resolution=resolution, seed=seed)
    return Division(part, part_ties(ties, part), resolution, stability=float("nan"))


def _most_modular(divisions: Sequence[Division]) -> list[Division]:
    """The most modular division for each number of parts from two on; of equals, that of the higher resolution."""
    numbers = sorted({each.n_parts for each in divisions if each.n_parts >= 2})
    by_number = [[each for each in divisions if each.n_parts == number] for number in numbers]
    return [max(rivals, key=lambda each: round(each.modularity, 6)) for rivals in by_number]


def divide_again(
    ties: sparse.csr_array, active: NDArray[np.bool_], divisions: Sequence[Division], *, seed: int
) -> list[NDArray[np.int64]]:
    """Divide re-drawn ties into as many parts as each division, from scratch.

    A re-drawn graph falls apart at a somewhat different resolution, so the nearest one that gives the number of parts
    is taken. Members are all outside where none does.
    """
    parts_at: dict[float, Division] = {}
    again = []
    for division in divisions:
        part = np.full(len(active), -1, dtype=np.int64)
        for resolution in sorted(RESOLUTIONS, key=lambda each: round(abs(np.log(each / division.resolution)), 6)):
            if resolution not in parts_at:
                parts_at[resolution] = divide(ties, active, resolution, seed=seed)
            if parts_at[resolution].n_parts == division.n_parts:
                part = parts_at[resolution].part
                break
        again.append(part)
    return again


def enough_active(active: NDArray[np.bool_]) -> Gate:
    """Two parts of the least size must be possible at all."""
    n_active = int(active.sum())
    n_needed = 2 * part_minimum(n_active)
    return Gate("enough_active_members", n_active >= n_needed, {"n_active": n_active, "n_needed": n_needed})


def no_large_parts(ties: sparse.csr_array, active: NDArray[np.bool_], *, seed: int) -> Gate:
    """The refusal when no resolution gives two parts: how many active members the second part had at best."""
    minimum = part_minimum(int(active.sum()))
    seconds = [_second_largest(leiden_communities(ties, resolution=each, seed=seed)[active]) for each in RESOLUTIONS]
    figures = {"n_active": int(active.sum()), "n_needed_per_part": minimum, "n_active_second_part": max(seconds)}
    return Gate("parts_large_enough", False, figures)


def _second_largest(community: NDArray[np.int64]) -> int:
    sizes = np.sort(np.bincount(community))[::-1]
    return int(sizes[1]) if len(sizes) > 1 else 0


def cheap_gates(window: Activity, active: NDArray[np.bool_], division: Division, *, seed: int) -> tuple[Gate, ...]:
    """Every gate but those that need other graphs."""
    sizes = np.bincount(division.part[active & (division.part >= 0)])
    minimum = part_minimum(int(active.sum()))
    return (
        Gate(
            "parts_large_enough",
            bool(sizes.min() >= minimum),
            {"n_parts": division.n_parts, "n_active_smallest_part": int(sizes.min()), "n_needed_per_part": minimum},
        ),
        at_least("parts_stable", "agreement", division.stability, MIN_AGREEMENT),
        at_most("parts_hold_together", "conductance", division.highest_conductance, MAX_CONDUCTANCE),
        topics_differ(window, division, seed=seed),
        at_most("not_a_language_divide", "explained", language_share(window, division.part), MAX_EXPLAINED),
        at_most("not_a_time_zone_divide", "explained", time_zone_share(window, division.part, active), MAX_EXPLAINED),
        at_most("not_a_single_thread", "share", busiest_thread_share(window, division.part), MAX_THREAD_SHARE),
    )


def at_least(name: str, figure: str, measured: float, limit: float) -> Gate:
    """A gate that asks for a figure of at least the limit, after rounding to four digits."""
    return Gate(name, round(measured, 4) >= limit, {figure: measured, "at_least": limit})


def at_most(name: str, figure: str, measured: float | None, limit: float) -> Gate:
    """A gate that asks for a figure of at most the limit, after rounding to four digits."""
    if measured is None:
        return Gate(name, None, {figure: None, "at_most": limit, "reason": "nothing_known"})
    return Gate(name, round(measured, 4) <= limit, {figure: measured, "at_most": limit})


def topics_differ(window: Activity, division: Division, *, seed: int) -> Gate:
    """Each two parts must write about different things, more than chance would have it."""
    found = topic_divergence(window, division.part, seed=seed)
    if found is None:
        return Gate("topics_differ", False, {"divergence_bits": None, "reason": "no_sorted_posts"})
    figures = {"divergence_bits": found.bits, "low": found.low, "high": found.high}
    return Gate("topics_differ", round(found.low, 4) > 0, figures)


def compare_with_random(ties: sparse.csr_array, division: Division, *, seed: int) -> RandomGraphs:
    """Divide random graphs with the same degrees into as many parts, and take their modularity.

    Unequal parts cannot reach the modularity of equal ones, so what a random graph reaches, as a share of the
    highest possible for its parts, is applied to the highest possible for the division's parts.
    """
    tied = np.flatnonzero(np.diff(ties.indptr))
    within = ties[tied][:, tied].tocsr()
    measured = division.modularity
    n_graphs = N_FIRST_RANDOM_GRAPHS if ties.nnz > 2 * LARGE_GRAPH else N_RANDOM_GRAPHS
    graphs = degree_preserving_graphs(within, n_graphs=n_graphs, seed=seed)
    reached: list[float] = []
    with ThreadPoolExecutor() as pool:
        while batch := list(islice(graphs, N_GRAPHS_AT_ONCE)):
            reached += pool.map(lambda graph: _modularity_by_chance(graph, division, seed=seed), batch)
            if len(reached) >= N_FIRST_RANDOM_GRAPHS and _z(measured, reached) >= CLEAR_Z:
                break
    return RandomGraphs(p99=float(np.quantile(reached, 0.99)), z=_z(measured, reached), n_graphs=len(reached))


def _modularity_by_chance(graph: sparse.csr_array, division: Division, *, seed: int) -> float:
    community = leiden_communities(graph, resolution=1.0, seed=seed)
    merged = merge_to(community_ties(graph, community).toarray(), division.n_parts)
    return modularity(merged) / highest_modularity(merged) * highest_modularity(division.between)


def _z(measured: float, by_chance: list[float]) -> float:
    return float((measured - np.mean(by_chance)) / max(float(np.std(by_chance, ddof=1)), 1e-9))


def above_random(division: Division, random_graphs: RandomGraphs) -> Gate:
    """More modular than the 99th percentile of random graphs; from 20 graphs, by z too."""
    measured = division.modularity
    passed = round(measured, 4) > round(random_graphs.p99, 4) and random_graphs.z >= MIN_Z
    figures = {
        "modularity": measured,
        "null_modularity_p99": random_graphs.p99,
        "z": random_graphs.z,
        "n_random_graphs": random_graphs.n_graphs,
    }
    return Gate("modularity_above_chance", passed, figures)


def held_before(activity: Activity, division: Division, *, end: int) -> Gate:
    """In the two windows before, the members of each part who were there already kept to themselves as well."""
    length = WINDOW_DAYS * DAY_SECONDS
    windows = [activity.between(end - (back + 1) * length, end - back * length) for back in range(1, N_WINDOWS)]
    n_active = [int((window.posts_per_member() >= MIN_POSTS).sum()) for window in windows]
    figures: dict[str, float | int | str | None] = {
        "n_windows_needed": N_WINDOWS,
        "n_days": (end - int(activity.posted_at.min())) // DAY_SECONDS,
        "n_active_least_window": min(n_active),
    }
    if min(n_active) < 2 * MIN_PART:
        return Gate("held_over_time", None, figures | {"reason": "earlier_windows_too_small"})
    held = [_held_in(window, division) for window in windows]
    return Gate("held_over_time", all(held), figures | {"n_windows_held": 1 + int(np.cumprod(held).sum())})


def _held_in(window: Activity, division: Division) -> bool:
    seen = np.where(window.posts_per_member() >= MIN_POSTS, division.part, -1)
    n_seen = np.bincount(seen[seen >= 0], minlength=division.n_parts)
    if n_seen.min() < MIN_SEEN_BEFORE:
        return False
    members = np.flatnonzero(seen >= 0)
    ties = build_member_graph(window).joint[members][:, members].tocsr()
    highest = np.round(conductances(part_ties(ties, seen[members])), 4)
    return bool((highest <= MAX_CONDUCTANCE).all())  # NaN, a part without any tie, does not hold


def layer_views(
    graph: MemberGraph, active: NDArray[np.bool_], division: Division, *, seed: int
) -> dict[Layer, LayerView]:
    """Each layer's own parts beside those of the joint graph."""
    return {name: _layer_view(ties, active, division, seed=seed) for name, ties in graph.layers.items()}


def _layer_view(ties: sparse.csr_array, active: NDArray[np.bool_], division: Division, *, seed: int) -> LayerView:
    if ties.nnz == 0:
        return LayerView(n_edges=0, n_parts=0, agreement=None, conductance=None)
    minimum = part_minimum(int(active.sum()))
    own = large_parts(ties, active, min_active=minimum, resolution=division.resolution, seed=seed)
    n_parts = int(own.max()) + 1
    highest = float(conductances(part_ties(ties, division.part)).max())
    return LayerView(
        n_edges=int(ties.nnz // 2),
        n_parts=n_parts,
        agreement=agreement([division.part[active], own[active]]) if n_parts else None,
        conductance=None if np.isnan(highest) else highest,
    )


def weakest_action(
    ties: sparse.csr_array, active: NDArray[np.bool_], division: Division, random_graphs: RandomGraphs
) -> Proposal:
    """Propose no more than the parts call for: a tag, a space, or, if they hardly touch, a split."""
    bridging = bridging_members(ties, active, division)
    in_parts = int((active & (division.part >= 0)).sum())
    bridging_share = len(bridging) / in_parts
    outside_share = 1 - in_parts / int(active.sum())
    return Proposal(
        action=_action(division.highest_conductance, bridging_share, outside_share),
        division=division,
        random_graphs=random_graphs,
        bridging=bridging,
        bridging_share=bridging_share,
        outside_share=outside_share,
    )


#: A split needs parts that hardly touch, next to nobody cut off, and next to nobody left over; members who overlap
#: more than the second pair of limits are served by a tag, and all between by a space.
SPLIT_CONDUCTANCE, SPLIT_BRIDGING, SPLIT_OUTSIDE = 0.05, 0.05, 0.10
SPACE_CONDUCTANCE, SPACE_BRIDGING = 0.20, 0.15


def _action(conductance: float, bridging_share: float, outside_share: float) -> Action:
    if conductance > SPACE_CONDUCTANCE or bridging_share > SPACE_BRIDGING:
        return "tag"
    if conductance > SPLIT_CONDUCTANCE or bridging_share > SPLIT_BRIDGING or outside_share > SPLIT_OUTSIDE:
        return "space"
    return "split"


def bridging_members(ties: sparse.csr_array, active: NDArray[np.bool_], division: Division) -> NDArray[np.int64]:
    """Active members of a part with a good share of their ties in other parts, in order of number."""
    edges = ties.tocoo()
    here, there = division.part[edges.row], division.part[edges.col]
    crosses = (here >= 0) & (there >= 0) & (here != there)
    across = np.bincount(edges.row[crosses], weights=edges.data[crosses], minlength=ties.shape[0])
    total = np.asarray(ties.sum(axis=1)).ravel()
    bridges = active & (division.part >= 0) & (across > 0) & (np.round(across - BRIDGING_TIES * total, 9) >= 0)
    return np.flatnonzero(bridges)
