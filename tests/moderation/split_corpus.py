"""Small communities with spaces, threads and times of their own, and the sample as analysed: for tests of proposals."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from models.heads import Threshold
from models.signals import SIGNALS
from moderation.corpus import Corpus
from moderation.posts import Post
from moderation.reading import read_words

START = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)


def written(number: int, days: float, author_id: str | None, **fields: Any) -> Post:
    known = {"thread_id": f"t{number}", "text": "some words to read", "space": None}
    return Post(
        id=f"p{number:05d}", created_at=START + timedelta(days=days), author_id=author_id, **{**known, **fields}
    )


def corpus_of(
    posts: Sequence[Post],
    *,
    vectors: np.ndarray | None = None,
    languages: Sequence[str] | None = None,
    questions: Sequence[str] = (),
) -> Corpus:
    """Posts in time order with their vectors and languages; `questions` are ids of posts that ask something."""
    order = sorted(range(len(posts)), key=lambda place: (posts[place].created_at, posts[place].id))
    in_order = tuple(posts[place] for place in order)
    n = len(posts)
    signals = np.full((n, len(SIGNALS)), np.nan)
    if questions:
        signals[:] = 0.0
        signals[[post.id in questions for post in in_order], SIGNALS.index("question")] = 1.0
    codes = tuple((languages or ["en"] * n)[place] for place in order)
    return Corpus(
        posts=in_order,
        readings=tuple(read_words(post) for post in in_order),
        languages=codes,
        vectors=np.ones((n, 2), dtype=np.float32) if vectors is None else vectors[order],
        signals=signals,
        thresholds={
            (signal, code): Threshold(0.5, "validated", 0.9, 0.6, 400) for signal in SIGNALS for code in {*codes, "en"}
        },
    )
