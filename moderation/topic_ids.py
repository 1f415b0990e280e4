"""Lets topics keep their ids when a community is fitted anew."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from moderation.assignments import Topics
from topics.ledger import match_topics


def keep_topic_ids(topics: Topics, earlier_topic_of: NDArray[np.int64], *, highest_id: int) -> Topics:
    """The same topics under the ids of the earlier topics that they go on from; new ones get ids never used before.

    Parameters
    ----------
    topics : numbered from 1, in this order.
    earlier_topic_of : shape (n,), by row; 0 = unsorted.
    highest_id : the highest id that any topic of the community ever had.
    """
    ids = match_topics(earlier_topic_of, topics.topic_of, highest_id=highest_id)
    return replace(
        topics,
        topic_of=np.concatenate([[0], ids])[topics.topic_of],
        topics=tuple(replace(topic, id=int(ids[topic.id - 1])) for topic in topics.topics),
    )
