"""Stage 2: the words of every post in, its vector and signals out, in one pass of the encoder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from models.encoder import Encoder
from models.heads import HeadSet, Threshold
from models.languages import detect_languages
from models.signals import SIGNALS
from models.talk import N_TALK
from moderation.corpus import Corpus, Talk
from moderation.posts import Post
from moderation.reading import Reading, read_words

BATCH_SIZE = 256


@dataclass(frozen=True)
class ReadPosts:
    """Posts of kind "post" with their words and languages, by row."""

    posts: tuple[Post, ...]
    readings: tuple[Reading, ...]
    languages: tuple[str, ...]


@dataclass(frozen=True)
class Scored:
    """A corpus, and the seconds that the heads took of the time that the scoring took."""

    corpus: Corpus
    signals_seconds: float


def read_posts(posts: Sequence[Post], *, languages: Sequence[str]) -> ReadPosts:
    """Reduce each post to the words that count and name its language; system posts and whispers are left out."""
    kept = tuple(post for post in posts if post.kind == "post")
    readings = tuple(read_words(post) for post in kept)
    detected = detect_languages(
        [reading.words for reading in readings], languages=languages, hints=[post.language for post in kept]
    )
    return ReadPosts(kept, readings, tuple(detected))


def score_posts(
    read: ReadPosts,
    encoder: Encoder,
    heads: HeadSet,
    *,
    batch_size: int = BATCH_SIZE,
    advance: Callable[[int], None],
) -> Scored:
    """Encode every distinct text once and score it.

    Parameters
    ----------
    batch_size : distinct texts per batch; results do not depend on it.
    advance : called after each batch with the number of distinct texts it held.

    Returns
    -------
    The corpus in the order of `read`; posts without any words have NaN rows.
    """
    texts, text_of = _distinct_texts(read)
    vectors = np.full((len(texts) + 1, encoder.dim), np.nan, dtype=np.float32)
    signals = np.full((len(texts) + 1, len(SIGNALS)), np.nan, dtype=np.float64)
    talk = np.full((len(texts) + 1, N_TALK), np.nan, dtype=np.float64)
    languages = [language for _, language in texts]
    signals_seconds, begin = 0.0, 0
    for encoding in encoder.encode([words for words, _ in texts], batch_size=batch_size):
        end = begin + len(encoding.vectors)
        vectors[begin:end] = encoding.vectors
        heads_start = perf_counter()
        signals[begin:end] = heads.probabilities(encoding.hidden, languages[begin:end])
        if heads.talk is not None:
            talk[begin:end] = heads.talk.log_odds(encoding.hidden)
        signals_seconds += perf_counter() - heads_start
        advance(end - begin)
        begin = end
    thresholds = thresholds_of(heads, read.languages)
    corpus = Corpus(
        posts=read.posts,
        readings=read.readings,
        languages=read.languages,
        vectors=vectors[text_of],
        signals=signals[text_of],
        thresholds=thresholds,
        talk=None if heads.talk is None else Talk(talk[text_of], heads.talk),
    )
    return Scored(corpus, signals_seconds)


def thresholds_of(heads: HeadSet, languages: Sequence[str]) -> dict[tuple[str, str], Threshold]:
    """The threshold of every signal in every language that occurs."""
    return {
        (signal, language): heads.threshold(signal, language)
        for signal in SIGNALS
        for language in sorted(set(languages))
    }


def _distinct_texts(read: ReadPosts) -> tuple[list[tuple[str, str]], NDArray[np.intp]]:
    """Distinct (words, language) pairs in row order, and each row's pair; rows without words point past the end."""
    index: dict[tuple[str, str], int] = {}
    rows = []
    for reading, language in zip(read.readings, read.languages, strict=True):
        rows.append(index.setdefault((reading.words, language), len(index)) if reading.words else -1)
    return list(index), np.array(rows, dtype=np.intp)
