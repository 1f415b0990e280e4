"""A corpus in a few lines: posts with the signals and the subject that a test needs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from models.heads import Threshold
from models.signals import SIGNALS
from moderation.corpus import Corpus
from moderation.posts import Post
from moderation.reading import read_words

START = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
SUBJECTS = ("billing", "app", "delivery", "points", "parking")
TRY_THIS = "You can switch it off in the settings under notifications."


@dataclass(frozen=True)
class Row:
    post: Post
    signals: dict
    about: str | None


def at(minutes):
    return START + timedelta(minutes=minutes)


def row(id_, minutes, author, text=TRY_THIS, *, thread="t", about="billing", signals=None, **fields):
    post = Post(id=id_, thread_id=thread, created_at=at(minutes), text=text, author_id=author, **fields)
    return Row(post, signals or {}, about)


def unhappy(id_, minutes, author, text="The app loses my points every week.", **fields):
    return row(id_, minutes, author, text, signals={"negative_wom": 0.9, "negative": 0.9}, **fields)


def small_corpus(rows, *, threshold=0.5):
    """Signals not named are 0.05; `about` sets the vector, None leaves the post without one."""
    rows = sorted(rows, key=lambda r: (r.post.created_at, r.post.id))
    posts = tuple(r.post for r in rows)
    vectors = np.stack([_vector(r.about) for r in rows])
    languages = tuple(post.language or "en" for post in posts)
    thresholds = {
        (signal, language): Threshold(threshold, "validated", 0.9, 0.6, 400)
        for signal in SIGNALS
        for language in set(languages)
    }
    return Corpus(
        posts=posts,
        readings=tuple(read_words(post) for post in posts),
        languages=languages,
        vectors=vectors,
        signals=np.array([[r.signals.get(signal, 0.05) for signal in SIGNALS] for r in rows]),
        thresholds=thresholds,
    )


def _vector(about):
    if about is None:
        return np.full(len(SUBJECTS) + 1, np.nan, dtype=np.float32)
    vector = np.full(len(SUBJECTS) + 1, 0.2, dtype=np.float32)
    vector[SUBJECTS.index(about)] += 1
    return vector / np.linalg.norm(vector)
