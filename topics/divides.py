"""What tells the parts of a community apart: topics, or merely language, time zone or one thread."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from topics.members import Activity, topic_counts

N_BOOTSTRAPS = 200
HOUR_BANDS = 6


@dataclass(frozen=True)
class Divergence:
    """Jensen-Shannon divergence of two topic mixtures in bits above what chance gives, with a 95 % interval."""

    bits: float
    low: float
    high: float


def topic_divergence(activity: Activity, part: NDArray[np.int64], *, seed: int) -> Divergence | None:
    """How far apart the topics of the two most alike parts are; None if a part has no sorted post.

    Members are drawn again with replacement, because the posts of one member hang together. The divergence of two
    samples is above 0 even if both come from one mixture, so each draw is set against a draw of the same sizes from
    both parts together.

    Parameters
    ----------
    part : shape (n_members,), part of each member, -1 = outside.
    """
    counts = topic_counts(activity)
    writes = counts.sum(axis=1) > 0
    members = [np.flatnonzero((part == each) & writes) for each in range(int(part.max()) + 1)]
    if any(len(each) == 0 for each in members):
        return None
    rng = np.random.default_rng(seed)
    pairs = [
        divergence_of_two(counts[one], counts[other], rng)
        for place, one in enumerate(members)
        for other in members[:place]
    ]
    return min(pairs, key=lambda divergence: divergence.low)


def divergence_of_two(one: NDArray[np.float64], other: NDArray[np.float64], rng: np.random.Generator) -> Divergence:
    """How far apart two mixtures are, above chance.

    Parameters
    ----------
    one, other : shape (n_members_of_it, n_topics), posts; no row is empty.
    """
    both = np.concatenate([one, other])
    parted = _divergence_bits(_redraw(one, len(one), rng), _redraw(other, len(other), rng))
    mixed = _divergence_bits(_redraw(both, len(one), rng), _redraw(both, len(other), rng))
    above_chance = parted - mixed
    low, high = np.quantile(above_chance, [0.025, 0.975])
    return Divergence(bits=float(above_chance.mean()), low=float(low), high=float(high))


def _redraw(counts: NDArray[np.float64], n_drawn: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Topic mixtures of members drawn with replacement; shape (N_BOOTSTRAPS, n_topics)."""
    times = rng.multinomial(n_drawn, np.full(len(counts), 1 / len(counts)), size=N_BOOTSTRAPS)
    sums = np.einsum("bm,mt->bt", times.astype(np.float64), counts, optimize=False)
    return np.asarray(sums / sums.sum(axis=1, keepdims=True))


def _divergence_bits(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Jensen-Shannon divergence of the rows, in [0, 1] (Lin 1991)."""
    return _entropy_bits((one + other) / 2) - (_entropy_bits(one) + _entropy_bits(other)) / 2


def _entropy_bits(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logs).sum(axis=-1))


def language_share(activity: Activity, part: NDArray[np.int64]) -> float | None:
    """Share of the division that the members' main languages explain, in [0, 1]; None if no language is known."""
    return explained_share(part, main_language(activity))


def main_language(activity: Activity) -> NDArray[np.int64]:
    """The language that each member writes most (of equals, the first); -1 = unknown; shape (n_members,)."""
    rows = np.flatnonzero((activity.author >= 0) & (activity.language >= 0))
    counts = np.zeros((activity.n_members, int(activity.language.max(initial=0)) + 1), dtype=np.int64)
    np.add.at(counts, (activity.author[rows], activity.language[rows]), 1)
    return np.where(counts.any(axis=1), counts.argmax(axis=1), -1)


def time_zone_share(activity: Activity, part: NDArray[np.int64], active: NDArray[np.bool_]) -> float | None:
    """Share of the division that the active members' usual hours of the day explain, in [0, 1]."""
    return explained_share(part, np.where(active, _hour_band(activity), -1))


def _hour_band(activity: Activity) -> NDArray[np.int64]:
    """Four-hour band of each member's mean hour on the clock's circle, in UTC; -1 = no posts."""
    rows = np.flatnonzero(activity.author >= 0)
    angle = (activity.posted_at[rows] % 86400) / 86400 * 2 * np.pi
    east = np.bincount(activity.author[rows], weights=np.cos(angle), minlength=activity.n_members)
    north = np.bincount(activity.author[rows], weights=np.sin(angle), minlength=activity.n_members)
    turn = np.round(np.arctan2(north, east) / (2 * np.pi), 9) % 1
    band = np.minimum((turn * HOUR_BANDS).astype(np.int64), HOUR_BANDS - 1)
    return np.where(np.hypot(north, east) > 1e-9, band, -1)


def explained_share(part: NDArray[np.int64], kind: NDArray[np.int64]) -> float | None:
    """Mutual information of part and kind over the entropy of the parts, corrected for chance; in [0, 1].

    1 = knowing a member's kind is knowing the part; 0 = it says nothing. The correction is that of Miller and
    Madow (1955) for small samples. None if no member has both.
    """
    known = (part >= 0) & (kind >= 0)
    if not known.any():
        return None
    table = np.zeros((int(part[known].max()) + 1, int(kind[known].max()) + 1))
    np.add.at(table, (part[known], kind[known]), 1.0)
    n_parts, n_kinds = int(table.any(axis=1).sum()), int(table.any(axis=0).sum())
    if n_parts < 2:
        return None
    shares = table / table.sum()
    parts_bits = float(_entropy_bits(shares.sum(axis=1)))
    shared_bits = parts_bits + float(_entropy_bits(shares.sum(axis=0))) - float(_entropy_bits(shares.ravel()))
    by_chance = (n_parts - 1) * (n_kinds - 1) / (2 * table.sum() * np.log(2))
    return float(np.clip((shared_bits - by_chance) / parts_bits, 0.0, 1.0))


def busiest_thread_share(activity: Activity, part: NDArray[np.int64]) -> float:
    """The largest share of a part's posts that stand in one thread, over the parts; in (0, 1]."""
    return max(_share_in_one_thread(activity, np.flatnonzero(part == each)) for each in range(int(part.max()) + 1))


def _share_in_one_thread(activity: Activity, members: NDArray[np.int64]) -> float:
    posts_in_thread = np.bincount(activity.thread[np.isin(activity.author, members)])
    return float(posts_in_thread.max() / posts_in_thread.sum())
