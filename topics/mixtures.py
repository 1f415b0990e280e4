"""What a person writes about, as a mixture of topics with its uncertainty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

#: The community's own mixture counts as so many posts of everybody: a member with five posts is not yet read as a
#: specialist, a member with fifty is hardly moved.
PRIOR_POSTS = 2.0


@dataclass(frozen=True)
class Mixtures:
    """Shares of topics and their 95 % intervals, in [0, 1]; shape (n_members, n_topics) each.

    The intervals are NaN for topics that a member never wrote about.
    """

    share: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def topic_mixtures(counts: NDArray[np.float64]) -> Mixtures:
    """Posterior of each member's topic shares under a Dirichlet prior with the community's mixture.

    Parameters
    ----------
    counts : shape (n_members, n_topics), posts.
    """
    community = counts.sum(axis=0) / max(float(counts.sum()), 1.0)
    hits = counts + PRIOR_POSTS * community
    totals = hits.sum(axis=1, keepdims=True)
    low, high = np.full(counts.shape, np.nan), np.full(counts.shape, np.nan)
    written = counts > 0
    # Each share by itself follows a beta distribution; where there is but one topic, it is all of the mixture.
    misses = (totals - hits)[written]
    only_one = misses < 1e-9
    for quantile, bound in ((0.025, low), (0.975, high)):
        bound[written] = np.where(only_one, 1.0, betaincinv(hits[written], np.maximum(misses, 1e-9), quantile))
    return Mixtures(share=hits / np.maximum(totals, 1e-9), low=low, high=high)
