"""Bursts of wording: what several people suddenly write within a day, against how often it was written before."""

import re
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from topics.stopwords import STOP_WORDS

DAY_SECONDS = 86_400.0

#: A burst happens within this time; its rate before is that of the eight weeks before.
WINDOW_SECONDS = DAY_SECONDS
PAST_SECONDS = 56 * DAY_SECONDS

#: Fewer people than this are no burst; before so much past is known nothing is said.
MIN_VOICES = 3
MIN_PAST_POSTS = 100

#: In one thread people repeat one another's words: there it takes twice as many.
MIN_VOICES_IN_ONE_THREAD = 6

#: However quiet a community is: less likely than one in a thousand (minus log10) at the wording's own rate before.
MIN_SURPRISE = 3.0

#: A wording never seen before counts as half a use in all that was seen (Jeffreys' prior).
PRIOR_USES = 0.5

#: The usual strength of a day's strongest burst is read from so many days before it, and from no fewer than the least.
REPLAYED_DAYS = 180
MIN_REPLAYED_DAYS = 28

#: False alarms a day that a community can bear: one in a month.
MAX_FALSE_PER_DAY = 1 / 30

#: Wordings that share more than this part of their posts are one burst.
SAME_POSTS = 0.5

MAX_WORDS_READ = 150
MAX_WORD_LENGTH = 40
# A mention is a person and an address is no wording; a number says something only beside a word: "error 503".
WORD = re.compile(r"https?://\S+|@\w+|\w(?:[\w'’-]*\w)?|[^\w\s]")


@dataclass(frozen=True)
class Burst:
    """One wording that several people wrote within a day.

    Attributes
    ----------
    wordings : numbers of the wordings, the most surprising first; the others stand in the same posts.
    rows : the posts with the first wording in the window, in order.
    n_authors : distinct writers of them.
    surprise : minus the decimal logarithm of the chance of so many writers at the rate before.
    p_false_per_day : chance that an ordinary day of this community holds anything as surprising, in [0, 1].
    """

    wordings: tuple[int, ...]
    rows: tuple[int, ...]
    n_authors: int
    surprise: float
    p_false_per_day: float


@dataclass(frozen=True)
class _Sightings:
    """Every moment at which one more person used a wording within the window; one entry each.

    Attributes
    ----------
    row, wording : of the post that made it so.
    n_voices : writers in the window.
    n_past, n_now, n_posts_past : earlier posts with the wording, posts in the window, earlier posts in all.
    """

    row: NDArray[np.int64]
    wording: NDArray[np.int64]
    n_voices: NDArray[np.int64]
    n_past: NDArray[np.int64]
    n_now: NDArray[np.int64]
    n_posts_past: NDArray[np.int64]

    def surprise(self) -> NDArray[np.float64]:
        """Minus log10 of the tail of the Gamma-Poisson mixture (negative binomial), rounded."""
        share_past = self.n_posts_past / (self.n_posts_past + self.n_now)
        log_tail = stats.nbinom.logsf(self.n_voices - 1, self.n_past + PRIOR_USES, share_past)
        return np.asarray(np.round(-log_tail / np.log(10), 4), dtype=np.float64)


def wordings(text: str) -> list[str]:
    """The casefolded words of a text and its pairs of neighbouring words, each once, in alphabetical order."""
    found: set[str] = set()
    before = ""
    for token in WORD.findall(text)[:MAX_WORDS_READ]:
        word = token.casefold().replace("’", "'")
        if not word[0].isalnum() or "://" in word or len(word) > MAX_WORD_LENGTH:
            before = ""
        elif word in STOP_WORDS:
            continue  # "de app doet het niet" and "app doet niet" are one wording
        else:
            if len(word) > 1 and not word.isdigit():
                found.add(word)
                if before:
                    found.add(f"{before} {word}")
            elif before and not before.isdigit():
                found.add(f"{before} {word}")
            before = word
    return sorted(found)


@dataclass(frozen=True)
class Stream:
    """Posts by known authors in the order in which they were written.

    Attributes
    ----------
    seconds : shape (n,), ascending.
    authors, threads : shape (n,), numbers from 0.
    wordings_of : numbers of the wordings in each post, each once.
    """

    seconds: NDArray[np.float64]
    authors: NDArray[np.int64]
    threads: NDArray[np.int64]
    wordings_of: Sequence[Sequence[int]]


def find_bursts(stream: Stream) -> tuple[Burst, ...]:
    """Replay the posts one by one and find the bursts that stand out among all days before them.

    How surprising a wording is follows from its own rate before; how surprising is too surprising, from what an
    ordinary day of the same community brings: its conversations repeat words, too. So the share of false alarms does
    not rest on independent posts.

    Returns
    -------
    In the order in which they became known. A burst that goes on is told once.
    """
    sightings = _replay(stream)
    if len(sightings.row) == 0:
        return ()
    surprise = sightings.surprise()
    day = ((stream.seconds - stream.seconds[0]) // DAY_SECONDS).astype(np.int64)
    p_false = _p_false_per_day(surprise, day[sightings.row], n_days=int(day[-1]) + 1)
    alarming = np.flatnonzero((p_false <= MAX_FALSE_PER_DAY) & (surprise >= MIN_SURPRISE))
    bursts: list[Burst] = []
    for place in alarming[np.lexsort((sightings.wording[alarming], -surprise[alarming], sightings.row[alarming]))]:
        new = Burst(
            wordings=(int(sightings.wording[place]),),
            rows=_rows_of(stream, int(sightings.row[place]), int(sightings.wording[place])),
            n_authors=int(sightings.n_voices[place]),
            surprise=float(surprise[place]),
            p_false_per_day=float(p_false[place]),
        )
        _add(bursts, new, stream.seconds)
    return tuple(bursts)


class _Window:
    """Who wrote which wording, and in which threads, among the posts of the last day."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._writers: dict[int, Counter[int]] = {}
        self._threads: dict[int, Counter[int]] = {}

    def add(self, row: int) -> list[tuple[int, int]]:
        """Take a post in; the wordings that are spreading by it, each with its number of writers."""
        author, thread = int(self._stream.authors[row]), int(self._stream.threads[row])
        spreading = []
        for wording in self._stream.wordings_of[row]:
            writers = self._writers.setdefault(wording, Counter())
            threads = self._threads.setdefault(wording, Counter())
            writers[author] += 1
            threads[thread] += 1
            least = MIN_VOICES if len(threads) > 1 else MIN_VOICES_IN_ONE_THREAD
            if len(writers) >= least and (writers[author] == 1 or threads[thread] == 1):
                spreading.append((wording, len(writers)))
        return spreading

    def remove(self, row: int) -> None:
        """Let a post go."""
        for wording in self._stream.wordings_of[row]:
            _take_one(self._writers, wording, int(self._stream.authors[row]))
            _take_one(self._threads, wording, int(self._stream.threads[row]))


def _take_one(counters: dict[int, Counter[int]], wording: int, number: int) -> None:
    counter = counters[wording]
    counter[number] -= 1
    if not counter[number]:
        del counter[number]
    if not counter:
        del counters[wording]


def _replay(stream: Stream) -> _Sightings:
    window, in_window, past = _Window(stream), deque[int](), deque[int]()
    n_past: Counter[int] = Counter()
    seen: list[tuple[int, int, int, int, int, int]] = []
    seconds = stream.seconds.tolist()
    for row, at in enumerate(seconds):
        while in_window and seconds[in_window[0]] < at - WINDOW_SECONDS:
            window.remove(in_window[0])
            n_past.update(stream.wordings_of[in_window[0]])
            past.append(in_window.popleft())
        while past and seconds[past[0]] < at - PAST_SECONDS:
            n_past.subtract(stream.wordings_of[past.popleft()])
        in_window.append(row)
        spreading = window.add(row)
        if len(past) >= MIN_PAST_POSTS:
            seen += [(row, each, n, n_past[each], len(in_window), len(past)) for each, n in spreading]
    return _Sightings(*np.array(seen, dtype=np.int64).reshape(-1, 6).T)


def _p_false_per_day(surprise: NDArray[np.float64], day: NDArray[np.int64], *, n_days: int) -> NDArray[np.float64]:
    """How likely an ordinary day holds anything as surprising, judged by the days before; 1 while there are too few.

    The larger of two estimates. One counts the days that did. The other is an exponential tail (Gumbel 1958) through
    the days at the median and at nine tenths, which tells rare from very rare where no day ever did.
    """
    strongest = np.zeros(n_days)
    np.maximum.at(strongest, day, surprise)
    p_false = np.ones(len(surprise))
    for today in np.unique(day).tolist():
        before = strongest[max(0, today - REPLAYED_DAYS) : today]
        if len(before) < MIN_REPLAYED_DAYS:
            continue
        median, high = np.quantile(before, [0.5, 0.9])
        scale = max((high - median) / np.log(5), 1 / np.log(10))
        excess = np.maximum(surprise[day == today] - max(median, 1.0), 0)
        n_days_as_strong = len(before) - np.searchsorted(np.sort(before), surprise[day == today])
        by_count = (1 + n_days_as_strong) / (1 + len(before))
        p_false[day == today] = np.round(np.maximum(by_count, 0.5 * np.exp(-excess / scale)), 6)
    return p_false


def _rows_of(stream: Stream, row: int, wording: int) -> tuple[int, ...]:
    first = int(np.searchsorted(stream.seconds, stream.seconds[row] - WINDOW_SECONDS))
    return tuple(each for each in range(first, row + 1) if wording in stream.wordings_of[each])


def _add(bursts: list[Burst], new: Burst, seconds: NDArray[np.float64]) -> None:
    """Join a wording to the burst that it is part of: the same wording going on, or another one in the same posts."""
    for place in range(len(bursts) - 1, -1, -1):
        known = bursts[place]
        if seconds[new.rows[-1]] - seconds[known.rows[-1]] > WINDOW_SECONDS:
            continue
        n_both = len(set(known.rows) & set(new.rows))
        if new.wordings[0] == known.wordings[0]:
            bursts[place] = Burst(
                known.wordings,
                tuple(sorted({*known.rows, *new.rows})),
                max(known.n_authors, new.n_authors),
                max(known.surprise, new.surprise),
                min(known.p_false_per_day, new.p_false_per_day),
            )
            return
        if new.wordings[0] in known.wordings or n_both > SAME_POSTS * min(len(known.rows), len(new.rows)):
            others = known.wordings if new.wordings[0] in known.wordings else (*known.wordings, *new.wordings)
            bursts[place] = Burst(others, known.rows, known.n_authors, known.surprise, known.p_false_per_day)
            return
    bursts.append(new)
