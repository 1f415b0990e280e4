"""Threads that several members opened with the same words in mind: what questions that return and ideas have in
common.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from moderation.corpus import Corpus
from topics.clustering import centre_rows, group_means
from topics.repeats import MAX_ROWS, find_repeats


@dataclass(frozen=True)
class SameSubject:
    """Rows of the corpus that say the same, in time order.

    Attributes
    ----------
    typical : the one that says best what all of them say.
    """

    rows: tuple[int, ...]
    typical: int


def group_rows(corpus: Corpus, rows: Sequence[int]) -> list[SameSubject]:
    """Group rows that say the same, those that stand alone too; rows without a vector, and of very many the oldest, are
    left out.

    Parameters
    ----------
    rows : rising.
    """
    kept = newest(corpus, rows)
    return [
        SameSubject(tuple(kept[place] for place in repeat.rows), kept[repeat.typical])
        for repeat in find_repeats(without_what_all_share(corpus, kept))
    ]


def first_rows(corpus: Corpus) -> list[int]:
    """The first post of each thread, those that are still there."""
    return sorted(rows[0] for rows in corpus.threads.values() if corpus.visible[rows[0]])


def without_what_all_share(corpus: Corpus, rows: Sequence[int]) -> NDArray[np.float32]:
    """The vectors of some rows without what the first posts of all threads in their language have in common.

    Shape (n_rows, dim), unit rows.
    """
    numbers = {language: number for number, language in enumerate(sorted(set(corpus.languages)))}
    language = np.array([numbers[code] for code in corpus.languages], dtype=np.int64)
    firsts = [row for row in first_rows(corpus) if corpus.encoded[row]]
    with threadpool_limits(1):
        shared = group_means(corpus.vectors[firsts], language[firsts], n_groups=len(numbers))
        return centre_rows(corpus.vectors[list(rows)], shared[language[list(rows)]])


def newest(corpus: Corpus, rows: Sequence[int]) -> list[int]:
    """The rows that can be compared."""
    return [row for row in rows if corpus.encoded[row]][-MAX_ROWS:]


def authors_of(corpus: Corpus, rows: Sequence[int]) -> set[str]:
    """The known authors of some rows."""
    return {author for row in rows if (author := corpus.posts[row].author_id) is not None}


def as_json(corpus: Corpus, subject: SameSubject, topic_of: Sequence[int | None]) -> dict[str, Any]:
    """What is said of every group: its posts, authors, time, languages and topic.

    Parameters
    ----------
    topic_of : topic id by row of `corpus`, None = unsorted.
    """
    posts = [corpus.posts[row] for row in subject.rows]
    topics = Counter(topic_id for row in subject.rows if (topic_id := topic_of[row]) is not None)
    return {
        "id": posts[0].id,
        "typical_post_id": corpus.posts[subject.typical].id,
        "post_ids": [post.id for post in posts],
        "n_posts": len(posts),
        "n_authors": len(authors_of(corpus, subject.rows)),
        "first_at": iso(posts[0].created_at),
        "last_at": iso(posts[-1].created_at),
        "languages": sorted({corpus.languages[row] for row in subject.rows}),
        "topic_id": min(topics, key=lambda topic_id: (-topics[topic_id], topic_id), default=None),
    }


def iso(moment: datetime) -> str:
    """A moment as the files hold it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
