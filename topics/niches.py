"""Small groups of members who keep to one another and to a subject, inside a community that is about more."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from topics.divides import busiest_thread_share, explained_share, main_language
from topics.members import Activity, Layer, MemberGraph, topic_counts
from topics.partition import bootstrap_ties, leiden_communities
from topics.splits import MAX_EXPLAINED, MAX_THREAD_SHARE, MIN_POSTS, Gate

#: Active members that a niche needs, and the share of all active members above which it is no niche but the community.
MIN_MEMBERS = 10
MAX_MEMBERS_SHARE = 0.5
#: Mean Jaccard index with the likest community of re-drawn ties from which on a group counts as there (Hennig 2007).
MIN_STABILITY = 0.75
#: Of the ties of a niche's people to others, by answers and threads, those that must stay within.
MIN_COHESION = 0.5
#: A topic belongs to a group's subject if it holds so many times what it holds of all posts, and this share of the
#: group's posts or, with a few posts at least, this share of its own posts are the group's.
SUBJECT_LIFT, SUBJECT_SHARE, OWN_TOPIC_SHARE, MIN_TOPIC_POSTS = 2.0, 0.1, 0.5, 3
#: Of a group's posts, those that must be on its subject.
MIN_ON_SUBJECT = 0.5

#: Around plain modularity and above, where communities get smaller.
RESOLUTIONS = (0.7, 1.0, 1.4, 2.0, 2.8)
N_REDRAWS = 5
#: Exchanges: what members do with each other, and not that they are alike.
EXCHANGE_LAYERS: tuple[Layer, ...] = ("replies", "threads")


@dataclass(frozen=True)
class Niche:
    """A group with its subject.

    Attributes
    ----------
    members : who belongs to it, active or not, rising.
    n_active : of those, members with two posts or more.
    topics : the topics that are its subject, the most written about first.
    on_subject : share of its members' sorted posts that are in these topics, in [0, 1].
    own_share : share of all members' posts in these topics that are its members', in [0, 1].
    cohesion : share of its members' ties, by answers and threads, that stay among them; None = they have no ties.
    cohesion_by_chance : the share if ties went to anybody, in proportion to everybody's ties; None as above.
    stability : mean Jaccard index with the likest community of re-drawn ties; None = it failed before that was tried.
    gates : what it was held against.
    """

    members: NDArray[np.int64]
    n_active: int
    topics: tuple[int, ...]
    on_subject: float
    own_share: float
    cohesion: float | None
    cohesion_by_chance: float | None
    stability: float | None
    gates: tuple[Gate, ...]

    @property
    def is_niche(self) -> bool:
        """Whether every gate holds that the data can answer."""
        return all(gate.passed is not False for gate in self.gates)


@dataclass(frozen=True)
class _Seen:
    """What every group is held against."""

    window: Activity
    active: NDArray[np.bool_]
    counts: NDArray[np.float64]
    exchanges: sparse.csr_array
    seed: int


def find_niches(window: Activity, graph: MemberGraph, *, seed: int = 0) -> tuple[list[Niche], list[Niche]]:
    """Find groups of members in the member graph, and hold them against every gate.

    Parameters
    ----------
    window : the posts that are looked at; `graph` is made of them.

    Returns
    -------
    Niches, the most stable first, no two with a member in common; and the groups of sufficient size that are none, the
    nearest to being one first, as far as they have nobody in common with those before.
    """
    active = window.posts_per_member() >= MIN_POSTS
    if graph.joint.nnz == 0 or int(active.sum()) < 2 * MIN_MEMBERS:
        return [], []
    seen = _Seen(window, active, topic_counts(window), exchange_ties(graph), seed)
    with ThreadPoolExecutor() as pool:  # Leiden works outside the interpreter's lock
        cuts = list(pool.map(lambda each: leiden_communities(graph.joint, resolution=each, seed=seed), RESOLUTIONS))
    judged = [[_judge(members, seen) for members in _groups(cut, active)] for cut in cuts]
    judged = _with_stability(graph.joint, judged, seen)
    niches = _apart([group for groups in judged for group in groups if group.is_niche], [])
    others = _apart([group for groups in judged for group in groups if not group.is_niche], niches)
    return niches, others


def exchange_ties(graph: MemberGraph) -> sparse.csr_array:
    """Ties by answers and by threads together, each kind of the same total weight; not those by interest alone."""
    ties = sparse.csr_array((graph.n_members, graph.n_members), dtype=np.float64)
    for name in EXCHANGE_LAYERS:
        layer = graph.layers[name]
        if layer.nnz:
            ties = ties + layer / layer.sum()
    return sparse.csr_array(ties)


def cohesion_of(ties: sparse.csr_array, group: NDArray[np.int64]) -> tuple[float | None, float | None]:
    """The share of a group's ties that stay within, and the share if they went to anybody; None = it has no ties."""
    volume = np.asarray(ties.sum(axis=1)).ravel()
    own = float(volume[group].sum())
    if own <= 0:
        return None, None
    inside = float(ties[group][:, group].sum())
    return inside / own, own / float(volume.sum())


def subject_of(counts: NDArray[np.float64], group: NDArray[np.int64]) -> tuple[int, ...]:
    """The topics that a group writes about far more than all do, the most written about first.

    Parameters
    ----------
    counts : shape (n_members, n_topics), posts.
    """
    own, everybody = counts[group].sum(axis=0), counts.sum(axis=0)
    if not own.sum():
        return ()
    share = np.round(own / own.sum(), 6)
    more_than_all = share >= np.round(SUBJECT_LIFT * everybody / everybody.sum(), 6)
    mostly_theirs = (own >= MIN_TOPIC_POSTS) & (own >= OWN_TOPIC_SHARE * everybody)
    topics = np.flatnonzero(more_than_all & ((share >= SUBJECT_SHARE) | mostly_theirs))
    return tuple(sorted(topics.tolist(), key=lambda topic: (-own[topic], topic)))


def _groups(cut: NDArray[np.int64], active: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The members of each community with enough active ones, and of no more than half of them all."""
    n_active = np.bincount(cut[active], minlength=int(cut.max()) + 1)
    at_most = MAX_MEMBERS_SHARE * int(active.sum())
    fit = np.flatnonzero((n_active >= MIN_MEMBERS) & (n_active <= at_most))
    return [np.flatnonzero(cut == community) for community in fit]


def _judge(members: NDArray[np.int64], seen: _Seen) -> Niche:
    """Hold one group against the gates that need no more than its posts and ties."""
    counts = seen.counts
    topics = subject_of(counts, members)
    on_subject, everybody = counts[members][:, list(topics)].sum(), counts[:, list(topics)].sum()
    cohesion, by_chance = cohesion_of(seen.exchanges, members)
    group = Niche(
        members=members,
        n_active=int(seen.active[members].sum()),
        topics=topics,
        on_subject=float(on_subject / max(counts[members].sum(), 1.0)),
        own_share=float(on_subject / max(everybody, 1.0)),
        cohesion=cohesion,
        cohesion_by_chance=by_chance,
        stability=None,
        gates=(),
    )
    return replace(group, gates=_cheap_gates(group))


def _cheap_gates(group: Niche) -> tuple[Gate, ...]:
    inside = group.cohesion
    return (
        Gate(
            "has_a_subject",
            round(group.on_subject, 4) >= MIN_ON_SUBJECT,
            {"on_subject": group.on_subject, "at_least": MIN_ON_SUBJECT},
        ),
        Gate(
            "keeps_together",
            inside is not None and round(inside, 4) >= MIN_COHESION,
            {"cohesion": inside, "at_least": MIN_COHESION},
        ),
    )


def _divide_gates(group: Niche, seen: _Seen) -> tuple[Gate, ...]:
    """That what sets the group apart is neither a language nor one thread."""
    inside = np.zeros(seen.window.n_members, dtype=bool)
    inside[group.members] = True
    part = np.where(seen.active, 1 - inside.astype(np.int64), -1)
    explained = explained_share(part, main_language(seen.window))
    in_one_thread = busiest_thread_share(seen.window, np.where(inside, 0, -1))
    return (
        Gate(
            "not_a_language_divide",
            None if explained is None else round(explained, 4) <= MAX_EXPLAINED,
            {"explained": explained, "at_most": MAX_EXPLAINED},
        ),
        Gate(
            "not_a_single_thread",
            round(in_one_thread, 4) <= MAX_THREAD_SHARE,
            {"share": in_one_thread, "at_most": MAX_THREAD_SHARE},
        ),
    )


def _with_stability(ties: sparse.csr_array, judged: Sequence[list[Niche]], seen: _Seen) -> list[list[Niche]]:
    """Re-draw the ties for the resolutions that gave a group which passed so far; the others stay as they are."""
    rng = np.random.default_rng(seen.seed)
    redrawn = [bootstrap_ties(ties, rng) for _ in range(N_REDRAWS)]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(partial(_judge_stability, redrawn, seen=seen), judged, RESOLUTIONS))


def _judge_stability(
    redrawn: Sequence[sparse.csr_array], groups: list[Niche], resolution: float, *, seen: _Seen
) -> list[Niche]:
    if not any(group.is_niche for group in groups):
        return groups
    cuts = [
        leiden_communities(ties, resolution=resolution, seed=seen.seed + number)
        for number, ties in enumerate(redrawn, start=1)
    ]
    return [_tested(group, cuts, seen) if group.is_niche else group for group in groups]


def _tested(group: Niche, cuts: Sequence[NDArray[np.int64]], seen: _Seen) -> Niche:
    stability = float(np.mean([_likest(group.members, cut, seen.active) for cut in cuts]))
    gate = Gate(
        "found_again", round(stability, 4) >= MIN_STABILITY, {"stability": stability, "at_least": MIN_STABILITY}
    )
    tested = replace(group, stability=stability, gates=(*group.gates, gate))
    return replace(tested, gates=tested.gates + _divide_gates(group, seen)) if gate.passed else tested


def _likest(members: NDArray[np.int64], cut: NDArray[np.int64], active: NDArray[np.bool_]) -> float:
    """Highest Jaccard index of a group with a community, over active members."""
    own = members[active[members]]
    n_communities = int(cut.max()) + 1
    shared = np.bincount(cut[own], minlength=n_communities)
    together = len(own) + np.bincount(cut[active], minlength=n_communities) - shared
    return float((shared / together).max())


def _apart(groups: Sequence[Niche], before: Sequence[Niche]) -> list[Niche]:
    """The most stable first, each only if nobody of it is in one before; then those that passed most gates."""
    taken = {member for group in before for member in group.members.tolist()}
    chosen = []
    for group in sorted(groups, key=_rank):
        members = set(group.members.tolist())
        if not members & taken:
            chosen.append(group)
            taken |= members
    return chosen


def _rank(group: Niche) -> tuple[float, ...]:
    n_passed = sum(gate.passed is True for gate in group.gates)
    return (-round(group.stability or 0.0, 2), -n_passed, -group.n_active, int(group.members[0]))
