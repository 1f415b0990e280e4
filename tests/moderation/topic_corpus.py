"""A community that talks about planted subjects, with the words, threads and times that a test needs."""

from datetime import UTC, datetime, timedelta

import numpy as np

from models.heads import Threshold
from models.signals import SIGNALS
from moderation.corpus import Corpus
from moderation.posts import Post
from moderation.reading import read_words

START = datetime(2025, 1, 6, 8, tzinfo=UTC)
DIM = 32
WORDS = {
    "en": {
        "billing": "the invoice holds an annual fee that nobody agreed to",
        "app": "the boarding pass vanished from the app after its update",
        "lounge": "the lounge at the airport was crowded and the coffee cold",
    },
    "nl": {
        "billing": "op de factuur staat jaarlijkse bijdrage zonder akkoord",
        "app": "de instapkaart verdween uit de app na de update",
        "lounge": "de lounge op de luchthaven zat vol en koude koffie",
    },
}
SUBJECTS = tuple(WORDS["en"])
CENTRES = np.random.default_rng(7).normal(size=(len(SUBJECTS), DIM)) / DIM**0.5


def talk(n=300, *, subject_of=lambda place: place % 3, language="en", hours=4.0, seed=0, **fields):
    """`n` threads of one post each, every `hours`; other fields of the posts are functions of their place."""
    return [
        (
            Post(
                **{
                    "id": f"{language}{place:05}",
                    "thread_id": f"{language}t{place}",
                    "created_at": START + timedelta(hours=hours * place),
                    "text": WORDS[language][SUBJECTS[subject_of(place)]],
                    "author_id": f"member {place % 50}",
                    "language": language,
                    **{name: field(place) for name, field in fields.items()},
                }
            ),
            CENTRES[subject_of(place)] + 0.1 * np.random.default_rng([seed, place]).normal(size=DIM),
        )
        for place in range(n)
    ]


def corpus_of(talked, *, negative=lambda post: 0.1):
    """Vectors lie in one narrow cone with a corner for each language; posts without words get none."""
    talked = sorted(talked, key=lambda one: (one[0].created_at, one[0].id))
    posts = tuple(post for post, _ in talked)
    readings = tuple(read_words(post) for post in posts)
    languages = tuple(post.language for post in posts)
    corner = {language: 2 * np.eye(DIM)[place] for place, language in enumerate(("en", "nl"))}
    vectors = np.array([vector + 3 * np.eye(DIM)[5] + corner[post.language] for post, vector in talked])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[[not reading.words for reading in readings]] = np.nan
    signals = np.full((len(posts), len(SIGNALS)), np.nan)
    signals[:, SIGNALS.index("negative_wom")] = [negative(post) for post in posts]
    thresholds = {
        (signal, language): Threshold(0.5, "validated", 0.9, 0.6, 400)
        for signal in SIGNALS
        for language in ("en", "nl")
    }
    return Corpus(posts, readings, languages, vectors.astype(np.float32), signals, thresholds)
