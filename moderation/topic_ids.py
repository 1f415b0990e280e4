"""Lets topics keep their ids, and as far as they are the same their names, when a community is fitted anew."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from topics.clustering import Clustering, regroup
from topics.ledger import UNSORTED, Orders, carry_on
from topics.names import TopicName


@dataclass(frozen=True)
class EarlierTopics:
    """What a new run goes on from.

    Attributes
    ----------
    topic_of : shape (n,), the permanent id of each row of the corpus; 0 = unsorted, or a new post.
    highest_id : the highest id that any topic of the community ever had.
    names : what each topic was called, by id.
    given_names : what moderators called topics, by id.
    orders : what else moderators asked for.
    found_at : when the last refit was; a post that came in since was only placed in its topics, one by one, and counts
        as new, so that it does not matter in how many batches posts come. None = there was none.
    """

    topic_of: NDArray[np.int64]
    highest_id: int
    names: Mapping[int, TopicName] = field(default_factory=dict)
    given_names: Mapping[int, str] = field(default_factory=dict)
    orders: Orders = field(default_factory=Orders)
    found_at: datetime | None = None

    def labels_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """The topics of some rows numbered from 0, -1 = in none; None where no row was in any."""
        of_rows = self.topic_of[rows]
        ids = np.unique(of_rows[of_rows != UNSORTED])
        return np.where(of_rows == UNSORTED, -1, np.searchsorted(ids, of_rows)) if len(ids) else None


def carry_topics_on(
    clustering: Clustering, rows: NDArray[np.int64], earlier: EarlierTopics | None
) -> tuple[Clustering, NDArray[np.int64]]:
    """The clustering as moderators let it be, and the permanent id of each of its topics; shape (n_topics,).

    Parameters
    ----------
    rows : shape (n,), the row of the corpus for each row of the clustering.
    earlier : None = a single run: topics are numbered by size, from 1.
    """
    if earlier is None:
        return clustering, np.arange(1, int(clustering.labels.max(initial=-1)) + 2)
    old, new = earlier.topic_of[rows], clustering.labels + 1
    topic_of = carry_on(old, new, highest_id=earlier.highest_id, orders=earlier.orders)
    ids, labels = np.unique(topic_of[topic_of != UNSORTED], return_inverse=True)
    wanted = np.full(len(topic_of), -1, dtype=np.int64)
    wanted[topic_of != UNSORTED] = labels
    settled = regroup(clustering, wanted)
    first = [int(topic_of[np.argmax(settled.labels == label)]) for label in range(len(ids))]
    return settled, np.array(first, dtype=np.int64)


def keep_name(topic_id: int, found: TopicName, earlier: EarlierTopics | None) -> TopicName:
    """What a topic is called from now on: as a moderator named it, as before while that still fits, or anew."""
    if earlier is None:
        return found
    if topic_id in earlier.given_names:
        return replace(found, name=earlier.given_names[topic_id], is_given=True)
    before = earlier.names.get(topic_id)
    if before is None or before.language != found.language or not before.name:
        return found
    now = {term.casefold() for term in found.terms}
    still_fits = all(term.casefold() in now for term in before.name.split(", "))
    return replace(found, name=before.name) if still_fits and not before.is_given else found
