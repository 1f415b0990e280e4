"""How well topics that were found agree with labels that people gave."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, fowlkes_mallows_score


@dataclass(frozen=True)
class TopicAgreement:
    """Agreement of two partitions of the same posts, unsorted posts counted as one more topic.

    Attributes
    ----------
    ami : adjusted mutual information; 0 = chance, 1 = the same.
    fmi : Fowlkes-Mallows index, in [0, 1].
    ari : adjusted Rand index; 0 = chance, 1 = the same.
    n_topics : topics found, unsorted not counted.
    unsorted_share : in [0, 1].
    """

    ami: float
    fmi: float
    ari: float
    n_topics: int
    unsorted_share: float
    n_posts: int


def compare_with_labels(found: NDArray[np.int64], labels: ArrayLike) -> TopicAgreement:
    """Compare topics with labels.

    Parameters
    ----------
    found : shape (n,), topics from 0, -1 = unsorted.
    labels : shape (n,), any names or numbers.
    """
    truth = np.asarray(labels)
    return TopicAgreement(
        ami=float(adjusted_mutual_info_score(truth, found)),
        fmi=float(fowlkes_mallows_score(truth, found)),
        ari=float(adjusted_rand_score(truth, found)),
        n_topics=len(np.unique(found[found >= 0])),
        unsorted_share=float(np.mean(found < 0)),
        n_posts=len(found),
    )
