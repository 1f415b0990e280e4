"""Topics keep their ids: the topics of a new clustering are matched to those of the one before."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

#: Two topics are the same where at least this share of the posts that either holds is in both.
MIN_SHARED = 1 / 3


def match_topics(old: NDArray[np.int64], new: NDArray[np.int64], *, highest_id: int) -> NDArray[np.int64]:
    """Give each topic of a new clustering the id of the old topic that it goes on from, or an id never used before.

    One to one: of a topic that fell in two, the part that shares the most posts with it keeps the id, if it shares
    enough. The pairs are those with the largest overlap (Jaccard) in all.

    Parameters
    ----------
    old : shape (n_posts,), the permanent ids of the posts that both clusterings know; 0 = unsorted.
    new : shape (n_posts,), the new clustering's topics, from 1; 0 = unsorted.
    highest_id : the highest id that any topic ever had.

    Returns
    -------
    Shape (n_topics,): the permanent id of each new topic in the order of its number. It depends on the posts as a
    set, not on their order.
    """
    old_ids = np.unique(old[old > 0])
    n_topics = int(new.max(initial=0))
    ids = np.zeros(n_topics, dtype=np.int64)
    overlap = _overlap(np.searchsorted(old_ids, old), old > 0, new, shape=(len(old_ids), n_topics))
    for old_place, topic in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
        if overlap[old_place, topic] > 0:
            ids[topic] = old_ids[old_place]
    is_new = ids == 0
    ids[is_new] = max(highest_id, int(old_ids.max(initial=0))) + 1 + np.arange(is_new.sum())
    return ids


def _overlap(
    old_place: NDArray[np.int64], is_sorted: NDArray[np.bool_], new: NDArray[np.int64], *, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Posts in both over posts in either, for each pair of topics; 0 where that is too little to be the same."""
    in_both = is_sorted & (new > 0)
    n_both = np.zeros(shape, dtype=np.int64)
    np.add.at(n_both, (old_place[in_both], new[in_both] - 1), 1)
    n_old = np.bincount(old_place[is_sorted], minlength=shape[0])[:, None]
    n_new = np.bincount(new[new > 0] - 1, minlength=shape[1])[None, :]
    shares = n_both / np.maximum(n_old + n_new - n_both, 1)
    return np.where(shares >= MIN_SHARED, shares, 0.0)
