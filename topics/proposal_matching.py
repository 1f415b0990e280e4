"""Recognises a proposal that was made before, by what its parts have in common with those of the earlier one."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

#: Parts are the same where they share this much of what is in either (Jaccard index), as topics are.
MIN_OVERLAP = 1 / 3

Parts = Sequence[frozenset[str]]


def overlap(one: Parts, other: Parts) -> float:
    """How much two proposals are the same: the least Jaccard index of their parts, paired as well as can be.

    The least, because the largest part is often everybody else: two groups that have nobody in common would seem the
    same by it. Where one has more parts, those without a partner do not count.
    """
    if not one or not other:
        return 0.0
    shared = np.array([[_jaccard(mine, theirs) for theirs in other] for mine in one])
    pairs = linear_sum_assignment(-np.round(shared, 9))
    return float(shared[pairs].min())


def match_proposals(found: Sequence[Parts], known: Mapping[int, Parts]) -> list[int | None]:
    """The id of the known proposal that each found one is, one to one; None = a new one.

    The pairs with the largest overlap first; of equals, the one known longest (the lowest id).
    """
    pairs = [
        (-round(overlap(parts, theirs), 9), proposal_id, place)
        for place, parts in enumerate(found)
        for proposal_id, theirs in known.items()
    ]
    matched: list[int | None] = [None] * len(found)
    taken: set[int] = set()
    for negative, proposal_id, place in sorted(pairs):
        if -negative >= round(MIN_OVERLAP, 9) and matched[place] is None and proposal_id not in taken:
            matched[place] = proposal_id
            taken.add(proposal_id)
    return matched


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    together = len(one | other)
    return len(one & other) / together if together else 0.0
