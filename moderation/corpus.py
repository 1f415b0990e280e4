"""Every analysed post of a community with what was read into it, aligned by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.heads import Threshold
from models.signals import SIGNALS
from models.talk import TalkHeads
from moderation.posts import Post
from moderation.reading import Reading
from moderation.word_evidence import PostWords, words_of_posts


@dataclass(frozen=True)
class Talk:
    """What every post would be as a reply, and as its writer's return.

    Attributes
    ----------
    log_odds : shape (n, `models.talk.N_TALK`); NaN rows for posts that were not read.
    heads : what gave the log odds and what judges by them.
    """

    log_odds: NDArray[np.float64]
    heads: TalkHeads


@dataclass(frozen=True)
class ReplyBackground:
    """What replies are compared with beside their own openings; fixed, so that one thread is judged as all of them are.

    Attributes
    ----------
    mean : shape (dim,), what all posts of the community share; NaN = not known, and nothing is compared.
    openings : shape (n, dim), of other threads, less the mean, unit rows.
    thread_ids : shape (n,), text: the thread of each opening.
    """

    mean: NDArray[np.float64]
    openings: NDArray[np.float32]
    thread_ids: NDArray[np.str_]


@dataclass(frozen=True)
class Corpus:
    """The rows that every later stage works on, sorted by (created_at, id).

    Holds posts of kind "post" only, deleted ones included: a deleted post can end an episode, but it is left out
    of topics, flags, exemplars and member statistics (see `visible`).

    Attributes
    ----------
    languages : ISO 639-1 codes, or "unknown" for short or mixed text.
    vectors : shape (n, dim), float32, unit rows; NaN rows for posts without any words.
    signals : shape (n, 8), float64 in [0, 1], columns as `models.signals.SIGNALS`; NaN = not scored.
    thresholds : by (signal, language) for every signal and every language in `languages`.
    talk : None where nothing is to be judged as a reply or a return; every reply is then "other", not read.
    background : None = worked out from the corpus itself.
    """

    posts: tuple[Post, ...]
    readings: tuple[Reading, ...]
    languages: tuple[str, ...]
    vectors: NDArray[np.float32]
    signals: NDArray[np.float64]
    thresholds: Mapping[tuple[str, str], Threshold]
    talk: Talk | None = None
    background: ReplyBackground | None = None

    def __len__(self) -> int:
        return len(self.posts)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each post id."""
        return {post.id: row for row, post in enumerate(self.posts)}

    @cached_property
    def visible(self) -> NDArray[np.bool_]:
        """Which rows are still there to be shown (not deleted); shape (n,)."""
        return np.array([post.deleted_at is None for post in self.posts], dtype=bool)

    @cached_property
    def encoded(self) -> NDArray[np.bool_]:
        """Which rows have a vector; shape (n,)."""
        return np.asarray(~np.isnan(self.vectors[:, 0]), dtype=bool)

    @cached_property
    def threads(self) -> dict[str, list[int]]:
        """Rows of each thread in time order, keyed by thread id in order of first post."""
        rows: dict[str, list[int]] = {}
        for row, post in enumerate(self.posts):
            rows.setdefault(post.thread_id, []).append(row)
        return rows

    def p(self, signal: str) -> NDArray[np.float64]:
        """The probability of one signal for every row, NaN where not scored; shape (n,)."""
        return self.signals[:, SIGNALS.index(signal)]

    @cached_property
    def distinct_words(self) -> PostWords:
        """The distinct words of every row."""
        return words_of_posts([reading.words for reading in self.readings])

    def above_threshold(self, signal: str) -> NDArray[np.bool_]:
        """Rows whose signal reaches its language's threshold; a language without a threshold never does."""
        probability_of = {language: self.thresholds[signal, language].probability for language in set(self.languages)}
        limit_of = {language: np.inf if limit is None else limit for language, limit in probability_of.items()}
        limits = np.array([limit_of[language] for language in self.languages])
        return np.asarray(self.p(signal) >= limits, dtype=bool)
