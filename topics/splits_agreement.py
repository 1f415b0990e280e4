"""Measures the split proposals on communities whose parts are known, such as merged newsgroups."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from topics.members import Activity
from topics.splits import propose_splits


@dataclass(frozen=True)
class SplitFigures:
    """What came out for one set of spaces.

    Attributes
    ----------
    rand : adjusted Rand index of the proposed parts and the members' main spaces, over all members of the window,
        unassigned members being one part; None if nothing was proposed, or if there is only one space.
    failed_gates : names of the gates that were not passed.
    """

    spaces: tuple[int, ...]
    n_members: int
    n_active: int
    n_parts: int
    rand: float | None
    failed_gates: tuple[str, ...]

    @property
    def proposed(self) -> bool:
        """Whether a split, space or tag was proposed."""
        return not self.failed_gates


def measure_spaces(
    activity: Activity,
    space: NDArray[np.int64],
    spaces: tuple[int, ...],
    *,
    sort_posts: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> SplitFigures:
    """Merge some spaces as if they were one community, and see whether they are found again.

    Parameters
    ----------
    space : shape (n_posts,), the space of each post; the proposals never see it.
    sort_posts : given the rows of the merged community's posts, their topics; -1 = unsorted.
    """
    rows = np.flatnonzero(np.isin(space, spaces))
    merged = replace(_take(activity, rows), topic=sort_posts(rows))
    findings = propose_splits(merged)
    present = findings.window.posts_per_member() > 0
    proposal = findings.proposal
    return SplitFigures(
        spaces=spaces,
        n_members=int(present.sum()),
        n_active=int(findings.active.sum()),
        n_parts=proposal.division.n_parts if proposal else 0,
        rand=_rand(proposal.division.part[present], _main_space(merged, space[rows])[present]) if proposal else None,
        failed_gates=tuple(gate.name for gate in findings.gates if gate.passed is False),
    )


def _take(activity: Activity, rows: NDArray[np.int64]) -> Activity:
    """Some of the posts, with members and rows numbered anew in the same order."""
    members, author = np.unique(activity.author[rows], return_inverse=True)
    strangers = int((members < 0).sum())  # 0 or 1: number -1 comes first
    new_row = np.full(len(activity) + 1, -1, dtype=np.int64)
    new_row[rows] = np.arange(len(rows))
    return Activity(
        author=author - strangers,
        thread=activity.thread[rows],
        parent=new_row[activity.parent[rows]],
        posted_at=activity.posted_at[rows],
        topic=activity.topic[rows],
        language=activity.language[rows],
        vectors=None if activity.vectors is None else activity.vectors[rows],
        n_members=len(members) - strangers,
    )


def _main_space(activity: Activity, space: NDArray[np.int64]) -> NDArray[np.int64]:
    """The space where each member posts most, of equals the first."""
    rows = np.flatnonzero(activity.author >= 0)
    counts = np.zeros((activity.n_members, int(space.max()) + 1), dtype=np.int64)
    np.add.at(counts, (activity.author[rows], space[rows]), 1)
    return np.asarray(counts.argmax(axis=1))


def _rand(part: NDArray[np.int64], space: NDArray[np.int64]) -> float | None:
    return float(adjusted_rand_score(space, part)) if space.min() < space.max() else None
