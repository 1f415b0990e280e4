"""What changed in a community: shares against their own past, whole mixtures, and the words inside a topic.

Posts of one thread resemble one another, so what is counted, compared and shuffled here is a *piece*, the posts of one
thread in one period, never the single post.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

SEED = 20
N_PERMUTATIONS = 999
CONFIDENCE = 0.95

#: What is known of a word beforehand counts as so many words (Monroe, Colaresi & Quinn 2008).
PRIOR_WORDS = 500.0


@dataclass(frozen=True)
class ShareChange:
    """A share in the latest period against its own baseline.

    Attributes
    ----------
    before, now : in [0, 1].
    interval : 95 %, of the change `now - before`.
    p : two-sided, of no change.
    """

    before: float
    now: float
    interval: tuple[float, float]
    p: float


@dataclass(frozen=True)
class MixtureChange:
    """How far the mixtures of two successive periods lie apart.

    Attributes
    ----------
    divergence : Jensen-Shannon divergence in bits, in [0, 1].
    expected : its mean where threads are shuffled over the two periods: what chance alone gives.
    p : share of shuffles that lie at least as far apart, the observed one counted.
    contributions : shape (n_topics,), non-negative, adding up to `divergence`.
    """

    divergence: float
    expected: float
    p: float
    contributions: NDArray[np.float64]


def share_change(
    hits: NDArray[np.int64], totals: NDArray[np.int64], periods: NDArray[np.int64], *, n_periods: int
) -> ShareChange | None:
    """Compare the share of hits in the last period with that in all earlier periods together.

    The binomial variance is multiplied by the design effect of threads (Kish 1965). Where the earlier periods differ by
    more than that explains, the surplus counts as their spread (DerSimonian & Laird 1986) and is added for the last
    period too: a topic that always came and went must move further before it has changed. Degrees of freedom
    by Welch and Satterthwaite.

    Parameters
    ----------
    hits, totals : shape (n_pieces,): posts that count and posts in all; no total is 0.
    periods : shape (n_pieces,), from 0 to `n_periods - 1`, the last one being the latest.

    Returns
    -------
    None where the last period or all earlier ones have no posts.
    """
    n_hits = np.bincount(periods, hits, minlength=n_periods)
    n_posts = np.bincount(periods, totals, minlength=n_periods)
    known = np.flatnonzero(n_posts[:-1])
    if len(known) == 0 or n_posts[-1] == 0:
        return None
    before = n_hits[known].sum() / n_posts[known].sum()
    now = n_hits[-1] / n_posts[-1]
    design_effect = _design_effect(hits, totals)
    of_periods = design_effect * _smooth_variance(n_hits.sum(), n_posts.sum(), n_posts[known])
    spread = _spread(n_hits[known] / n_posts[known], of_periods)
    weight = n_posts[known] / n_posts[known].sum()
    from_spread = spread * (1 + float(np.sum(weight**2)))
    from_counts = design_effect * float(
        _smooth_variance(n_hits[known].sum(), n_posts[known].sum(), n_posts[known].sum())
        + _smooth_variance(n_hits[-1], n_posts[-1], n_posts[-1])
    )
    standard_error = (from_spread + from_counts) ** 0.5
    freedom = (len(known) - 1) * (1 + from_counts / from_spread) ** 2 if from_spread > 0 else np.inf
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * standard_error
    return ShareChange(
        before=float(before),
        now=float(now),
        interval=(float(max(-1.0, now - before - reach)), float(min(1.0, now - before + reach))),
        p=float(2 * stats.t.sf(abs(now - before) / standard_error, freedom)),
    )


def _design_effect(hits: NDArray[np.int64], totals: NDArray[np.int64]) -> float:
    """How many times the variance between pieces exceeds the binomial one; at least 1."""
    n_pieces, n_posts = len(totals), totals.sum()
    share = hits.sum() / n_posts
    if n_pieces < 2 or share in (0.0, 1.0):
        return 1.0
    between = n_pieces / (n_pieces - 1) * np.sum((hits - share * totals) ** 2)
    return max(1.0, float(between / (n_posts * share * (1 - share))))


def _smooth_variance(n_hits: float, n_posts: float, n_drawn: ArrayLike) -> NDArray[np.float64]:
    """Binomial variance of the share of `n_drawn` posts; half a hit and half a miss are added so that it is never 0."""
    share = (n_hits + 0.5) / (n_posts + 1)
    return np.asarray(share * (1 - share) / np.asarray(n_drawn), dtype=np.float64)


def _spread(shares: NDArray[np.float64], variances: NDArray[np.float64]) -> float:
    """The variance between periods beyond what their own variances explain (DerSimonian & Laird's estimate)."""
    if len(shares) < 2:
        return 0.0
    weight = 1 / variances
    mean = np.sum(weight * shares) / weight.sum()
    surplus = np.sum(weight * (shares - mean) ** 2) - (len(shares) - 1)
    return max(0.0, float(surplus / (weight.sum() - np.sum(weight**2) / weight.sum())))


def mixture_change(before: NDArray[np.int64], now: NDArray[np.int64]) -> MixtureChange:
    """Compare the topics of two successive periods as a whole.

    Parameters
    ----------
    before, now : posts by piece and topic, shape (n_pieces, n_topics); neither period is empty.
    """
    pieces = np.concatenate([before, now]).astype(np.float64)
    contributions = _divergence(before.sum(axis=0), now.sum(axis=0))
    generator = np.random.default_rng(SEED)
    is_before = np.zeros((N_PERMUTATIONS, len(pieces)), dtype=np.float64)
    for shuffle in is_before:
        shuffle[generator.permutation(len(pieces))[: len(before)]] = 1
    # Whole numbers throughout, so the product is exact on any number of threads.
    counts = is_before @ pieces
    divergences = np.round(_divergence(counts, pieces.sum(axis=0) - counts).sum(axis=1), 9)
    observed = round(float(contributions.sum()), 9)
    return MixtureChange(
        divergence=observed,
        expected=float(divergences.mean()),
        p=float((1 + np.sum(divergences >= observed)) / (1 + N_PERMUTATIONS)),
        contributions=contributions,
    )


def _divergence(some: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each topic adds to the Jensen-Shannon divergence, in bits (Lin 1991); topics in the last axis."""
    p = some / np.maximum(some.sum(axis=-1, keepdims=True), 1)
    q = others / np.maximum(others.sum(axis=-1, keepdims=True), 1)
    middle = np.where(p + q > 0, (p + q) / 2, 1)
    return np.asarray((_information(p, middle) + _information(q, middle)) / 2, dtype=np.float64)


def _information(share: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(share * np.log2(np.where(share > 0, share, middle) / middle), dtype=np.float64)


def word_change(before: NDArray[np.int64], now: NDArray[np.int64]) -> NDArray[np.float64]:
    """How surely each word is used more (positive) or less (negative) than before.

    z of the log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008, equations 15 to 22).

    Parameters
    ----------
    before, now : uses of each word, shape (n_words,); their sum is the prior.

    Returns
    -------
    Shape (n_words,), standard deviations; 0 for words without uses, and for all words where one side has none.
    """
    z = np.zeros(len(now))
    if before.sum() == 0 or now.sum() == 0:
        return z
    used = np.flatnonzero(before + now)
    z[used] = _z_of_used_words(before[used], now[used])
    return z


def _z_of_used_words(before: NDArray[np.int64], now: NDArray[np.int64]) -> NDArray[np.float64]:
    prior = PRIOR_WORDS * (before + now) / (before + now).sum()
    log_odds = [np.log((uses + prior) / (uses.sum() + PRIOR_WORDS - uses - prior)) for uses in (now, before)]
    variance = 1 / (now + prior) + 1 / (before + prior)
    return np.asarray((log_odds[0] - log_odds[1]) / np.sqrt(variance), dtype=np.float64)
