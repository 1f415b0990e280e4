"""Which words of a topic are used more or less than before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from moderation.assignments import Topics
from moderation.corpus import Corpus
from moderation.timeline import Timeline
from topics.drift import word_change
from topics.terms import incidence, single_words

N_WORDS = 5
#: A change must come from so many threads.
MIN_THREADS = 3

#: Standard deviations from which on a word explains a change; a word alone is a change only beyond chance over all
#: words of all topics.
MIN_WORD_Z = 3.0


@dataclass(frozen=True)
class WordShift:
    """The words of one topic that are used more or less than before, the surest first.

    Attributes
    ----------
    rising, falling : words with |z| above 3.
    leading : the surest of all, None where there is none, and its p, corrected for all words of all topics.
    """

    rising: tuple[str, ...]
    falling: tuple[str, ...]
    leading: str | None
    p_adjusted: float


@dataclass(frozen=True)
class WordUse:
    """Which posts of the timeline use which words; `used` has shape (len(timeline.rows), n_words)."""

    number_of: Mapping[str, int]
    words: tuple[str, ...]
    used: sparse.csr_array


def read_word_use(corpus: Corpus, timeline: Timeline) -> WordUse:
    """Collect the words of every post, each counted once."""
    number_of: dict[str, int] = {}
    used = incidence([sorted(single_words(corpus.readings[row].words)) for row in timeline.rows.tolist()], number_of)
    return WordUse(number_of, tuple(number_of), used)


def word_shifts(word_use: WordUse, topics: Topics, timeline: Timeline) -> dict[int, WordShift]:
    """The shift of words in each topic, where both sides have enough threads."""
    z_of = {topic.id: word_z(word_use, topics.topic_of[timeline.rows] == topic.id, timeline) for topic in topics.topics}
    n_tests = sum(int(np.count_nonzero(z)) for z in z_of.values())
    return {topic_id: _word_shift(z, word_use.words, n_tests) for topic_id, z in z_of.items() if z.any()}


def word_z(word_use: WordUse, in_topic: NDArray[np.bool_], timeline: Timeline) -> NDArray[np.float64]:
    """Z of each word's change within a topic, counted by threads; 0 for words in fewer threads than a line needs."""
    members = np.flatnonzero(in_topic)
    if len(members) == 0:  # every post of the topic lies in periods that are not compared
        return np.zeros(len(word_use.words))
    pieces, piece = np.unique(timeline.piece[members], return_inverse=True)
    in_piece = sparse.csr_array((np.ones(len(members), dtype=np.int64), (piece, np.arange(len(members)))))
    heard = (in_piece @ word_use.used[members]).sign()
    is_latest = timeline.period[pieces] == len(timeline.calendar.periods) - 1
    if min(is_latest.sum(), (~is_latest).sum()) < MIN_THREADS:
        return np.zeros(len(word_use.words))
    now, before = (np.asarray(heard[side].sum(axis=0), dtype=np.int64) for side in (is_latest, ~is_latest))
    z = word_change(before, now)
    return np.where(np.maximum(before, now) >= MIN_THREADS, np.round(z, 6), 0.0)


def _word_shift(z: NDArray[np.float64], words: Sequence[str], n_tests: int) -> WordShift:
    surest_first = sorted(
        np.flatnonzero(np.abs(z) > MIN_WORD_Z).tolist(), key=lambda word: (-abs(z[word]), words[word])
    )
    return WordShift(
        rising=tuple(words[word] for word in surest_first if z[word] > 0)[:N_WORDS],
        falling=tuple(words[word] for word in surest_first if z[word] < 0)[:N_WORDS],
        leading=words[surest_first[0]] if surest_first else None,
        p_adjusted=float(min(1.0, n_tests * 2 * stats.norm.sf(np.abs(z).max()))),
    )
