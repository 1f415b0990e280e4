"""What the card of a split proposal says beside its proof: each part, what lies between them, what a refusal lacks."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from moderation.group_card import Window, group_figures, if_it_goes, rounded
from topics.splits import Division, Gate, Proposal, SplitFindings

Direction = Literal["at_least", "at_most", "above"]

#: Of each gate: the figure that was too low or too high, the limit, and on which side of it the figure has to be.
_NEEDS: dict[str, tuple[str, str, Direction]] = {
    "enough_active_members": ("n_active", "n_needed", "at_least"),
    "parts_stable": ("agreement", "at_least", "at_least"),
    "parts_hold_together": ("conductance", "at_most", "at_most"),
    "not_a_language_divide": ("explained", "at_most", "at_most"),
    "not_a_time_zone_divide": ("explained", "at_most", "at_most"),
    "not_a_single_thread": ("share", "at_most", "at_most"),
    "modularity_above_chance": ("modularity", "null_modularity_p99", "above"),
    "held_over_time": ("n_windows_held", "n_windows_needed", "at_least"),
}


def part_figures(part: int, proposal: Proposal, findings: SplitFindings, window: Window) -> dict[str, Any]:
    """How a part fares, how far it holds together, who bridges, and what it would be without the others."""
    division = proposal.division
    members = np.flatnonzero((division.part == part) & (findings.window.posts_per_member() > 0))
    bridging = proposal.bridging[division.part[proposal.bridging] == part]
    return {
        **group_figures(window, members),
        "cohesion": _cohesion(findings, division, part, members),
        "bridging_author_ids": window.ids(bridging),
        "if_it_goes": if_it_goes(window, members),
    }


def between_parts(division: Division) -> list[dict[str, Any]]:
    """The ties between each two parts: their share of the ties of the part that has fewer."""
    between = division.between
    volume = between.sum(axis=1)
    return [
        {
            "parts": [one, other],
            "conductance": rounded(between[one, other] / max(min(volume[one], volume[other]), 1e-12)),
        }
        for one in range(division.n_parts)
        for other in range(one + 1, division.n_parts)
    ]


def what_is_lacking(gate: Gate) -> dict[str, Any]:
    """What would have to change for a failed gate to pass: the figure now, and the one that is needed."""
    figures = gate.figures
    if gate.name == "parts_large_enough":
        measure = "n_active_smallest_part" if "n_active_smallest_part" in figures else "n_active_second_part"
        return _lacking(measure, figures[measure], figures["n_needed_per_part"], "at_least")
    if gate.name == "topics_differ":
        return _lacking("divergence_low", figures.get("low"), 0, "above")
    measure, limit, direction = _NEEDS[gate.name]
    return _lacking(measure, figures[measure], figures[limit], direction)


def _lacking(measure: str, now: object, needed: object, direction: Direction) -> dict[str, Any]:
    now, needed = (round(each, 6) if isinstance(each, float) else each for each in (now, needed))
    return {"measure": measure, "now": now, "needed": needed, "direction": direction}


def _cohesion(
    findings: SplitFindings, division: Division, part: int, members: NDArray[np.int64]
) -> dict[str, float | None]:
    """The share of a part's ties that stay within, and of its pairs of members that have a tie."""
    assert findings.graph is not None  # there is no division without it
    between = division.between
    inside = findings.graph.joint[members][:, members]
    n_pairs = len(members) * (len(members) - 1)
    volume = float(between[part].sum())
    return {
        "ties_inside": rounded(between[part, part] / volume) if volume else None,
        "pairs_tied": rounded(inside.nnz / n_pairs) if n_pairs else None,
    }
