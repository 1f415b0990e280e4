"""Since when: topics and words that moved to another level at some moment of the whole history, and stayed there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from moderation.assignments import Topics
from moderation.corpus import Corpus
from topics.change_points import MIN_LENGTH, Segment, find_segments, single_change
from topics.drift import ShareChange, share_change
from topics.terms import incidence, single_words

#: Chance of any turning point among all topics, and among all words, of a community where nothing ever changes.
MAX_P_FALSE = 0.05

#: What turned longer ago than this is no news; the charts still show it.
TOLD_DAYS = 365

#: A word is looked at from so many pieces on, and told where so many people used it while it was in use.
MIN_PIECES_OF_WORD = 8
MIN_AUTHORS_OF_WORD = 4
MIN_THREADS = 3
MAX_WORD_TURNS = 3

#: A word is told by a topic that holds more than this share of its posts, or by another word with as many of them.
TOLD_BY = 0.5


@dataclass(frozen=True)
class History:
    """All visible posts by calendar week in the community's time zone.

    Attributes
    ----------
    starts : the Monday of each week, without gaps.
    rows : visible rows of the corpus.
    week : shape (len(rows),), the week of each.
    piece : shape (len(rows),): what one author wrote in one thread in one week is one piece.
    week_of_piece : shape (n_pieces,).
    """

    zone: ZoneInfo
    starts: tuple[date, ...]
    rows: NDArray[np.int64]
    week: NDArray[np.int64]
    piece: NDArray[np.int64]
    week_of_piece: NDArray[np.int64]

    @property
    def pieces_by_week(self) -> NDArray[np.int64]:
        """How many pieces each week has."""
        return np.bincount(self.week_of_piece, minlength=len(self.starts)).astype(np.int64)

    def posts_by_week(self, of: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of some posts were written in each week; `of` has shape (len(rows),)."""
        return np.bincount(self.week[of], minlength=len(self.starts)).astype(np.int64)

    def begins_at(self, week: int) -> datetime:
        """The first moment of a week, in UTC."""
        return datetime.combine(self.starts[week], time(), tzinfo=self.zone).astimezone(UTC)


@dataclass(frozen=True)
class Turn:
    """The last change of a level.

    Attributes
    ----------
    topic_id : None = a word of the whole community.
    words : that turned together, the surest first; empty for a topic.
    week, from_week : where the present level and the one before it begin.
    change : posts since then against posts at the level before.
    p_adjusted : for all moments and all topics (words) that were looked at.
    rows : posts that show it, the most typical first: since then, or of before where it fell.
    """

    topic_id: int | None
    words: tuple[str, ...]
    week: int
    from_week: int
    change: ShareChange
    p_adjusted: float
    rows: NDArray[np.int64]


def read_history(corpus: Corpus, *, timezone: str) -> History:
    """Sort the visible posts into weeks; there is at least one."""
    zone = ZoneInfo(timezone)
    rows = np.flatnonzero(corpus.visible)
    posts = [corpus.posts[row] for row in rows.tolist()]
    days = [post.created_at.astimezone(zone).date() for post in posts]
    monday = days[0] - timedelta(days=days[0].weekday())
    week = np.array([(day - monday).days // 7 for day in days], dtype=np.int64)
    voices = [f"{post.thread_id}\0{post.author_id or post.id}" for post in posts]
    voice = np.unique(np.array(voices, dtype=np.str_), return_inverse=True)[1]
    pieces, piece = np.unique(np.column_stack([voice, week]), axis=0, return_inverse=True)
    starts = tuple(monday + timedelta(weeks=number) for number in range(int(week[-1]) + 1))
    return History(zone, starts, rows, week, piece.ravel(), pieces[:, 1])


def topic_segments(history: History, topics: Topics) -> dict[int, tuple[Segment, ...]]:
    """The levels of every topic over the whole history, counted in pieces."""
    p_false = MAX_P_FALSE / max(1, len(topics.topics))
    return {
        topic.id: find_segments(
            _pieces_with(history, topics.topic_of[history.rows] == topic.id), history.pieces_by_week, p_false=p_false
        )
        for topic in topics.topics
    }


def topic_turns(history: History, topics: Topics, segments: Mapping[int, tuple[Segment, ...]]) -> dict[int, Turn]:
    """The last turning point of each topic that has one within the last year."""
    found: dict[int, Turn] = {}
    for topic_id, levels in segments.items():
        turn = _turn(history, topics.topic_of[history.rows] == topic_id, levels, n_tests=len(segments))
        if turn is not None:
            typical_first = np.lexsort((turn.rows, -np.round(topics.cosine[turn.rows], 6)))
            found[topic_id] = replace(turn, topic_id=topic_id, rows=turn.rows[typical_first])
    return found


def word_turns(corpus: Corpus, history: History, topic_of: NDArray[np.int64], told: Iterable[int]) -> list[Turn]:
    """The words that came up or went out of use within the last year, for all posts together.

    Parameters
    ----------
    topic_of : shape (n,), by row of the corpus.
    told : topics whose change is told already; words that mostly stand in one of them are left out.
    """
    found = [turn for turn in _every_word_turn(corpus, history) if _is_told_by_many(corpus, turn)]
    told_topics = frozenset(told)
    return _joined([turn for turn in found if not _is_told(topic_of[turn.rows], told_topics)])[:MAX_WORD_TURNS]


def _every_word_turn(corpus: Corpus, history: History) -> list[Turn]:
    number_of: dict[str, int] = {}
    used = incidence([sorted(single_words(corpus.readings[row].words)) for row in history.rows.tolist()], number_of)
    heard = (_indicator(history.piece, len(history.week_of_piece)) @ used).sign().tocsr()
    often = np.flatnonzero(np.asarray(heard.sum(axis=0)).ravel() >= MIN_PIECES_OF_WORD)
    if len(often) == 0 or len(history.starts) < 2 * MIN_LENGTH:
        return []
    by_week = (_indicator(history.week_of_piece, len(history.starts)) @ heard[:, often]).toarray().T.astype(np.int64)
    # A first look at a single change spares the search for several in all words that have none.
    limit = float(stats.chi2.isf(MAX_P_FALSE / len(often) / len(history.starts), 1))
    words = list(number_of)
    found = []
    for place in np.flatnonzero(single_change(by_week, history.pieces_by_week) >= limit).tolist():
        levels = find_segments(by_week[place], history.pieces_by_week, p_false=MAX_P_FALSE / len(often))
        has_word = used[:, [int(often[place])]].toarray().ravel() > 0
        turn = _turn(history, has_word, levels, n_tests=len(often))
        if turn is not None:
            found.append(replace(turn, words=(words[often[place]],)))
    return found


def _pieces_with(history: History, of: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many pieces of each week hold one of some posts."""
    pieces = np.unique(history.piece[of])
    return np.bincount(history.week_of_piece[pieces], minlength=len(history.starts)).astype(np.int64)


def _turn(history: History, of: NDArray[np.bool_], levels: Sequence[Segment], *, n_tests: int) -> Turn | None:
    """The last change of level, if it is recent, of posts and not only of pieces."""
    if len(levels) < 2 or (history.starts[-1] - history.starts[levels[-1].start]).days > TOLD_DAYS:
        return None
    before, now = levels[-2], levels[-1]
    period = np.where(history.week >= now.start, 1, np.where(history.week >= before.start, 0, -1))
    change = _share_change(history, of, period)
    if change is None or (change.now >= change.before) != (now.share >= before.share):
        return None
    shown = of & (period == int(change.now >= change.before))
    p_adjusted = min(1.0, change.p * n_tests * len(history.starts))
    return Turn(None, (), now.start, before.start, change, p_adjusted, history.rows[shown])


def _share_change(history: History, of: NDArray[np.bool_], period: NDArray[np.int64]) -> ShareChange | None:
    counted = period >= 0
    n_pieces = len(history.week_of_piece)
    n_posts = np.bincount(history.piece[counted], minlength=n_pieces)
    n_hits = np.bincount(history.piece[counted & of], minlength=n_pieces)
    period_of_piece = np.zeros(n_pieces, dtype=np.int64)
    period_of_piece[history.piece[counted]] = period[counted]
    kept = n_posts > 0
    return share_change(n_hits[kept], n_posts[kept], period_of_piece[kept], n_periods=2)


def _is_told_by_many(corpus: Corpus, turn: Turn) -> bool:
    posts = [corpus.posts[row] for row in turn.rows.tolist()]
    authors = {post.author_id or post.id for post in posts}
    return len(authors) >= MIN_AUTHORS_OF_WORD and len({post.thread_id for post in posts}) >= MIN_THREADS


def _is_told(topics: NDArray[np.int64], told: frozenset[int]) -> bool:
    counts = np.bincount(topics)
    return int(counts.argmax()) in told and bool(counts.max() > TOLD_BY * len(topics))


def _joined(turns: list[Turn]) -> list[Turn]:
    """Words that stand in the same posts are one turn; the largest change first."""
    surest_first = sorted(turns, key=lambda turn: (turn.p_adjusted, -_size(turn), turn.words))
    kept: list[Turn] = []
    for turn in surest_first:
        rows = set(turn.rows.tolist())
        place = next((place for place, other in enumerate(kept) if _shares(rows, set(other.rows.tolist()))), None)
        if place is None:
            kept.append(turn)
        else:
            kept[place] = replace(kept[place], words=kept[place].words + turn.words)
    return sorted(kept, key=lambda turn: (-_size(turn), turn.words))


def _shares(some: set[int], others: set[int]) -> bool:
    return len(some & others) > TOLD_BY * min(len(some), len(others))


def _size(turn: Turn) -> float:
    return round(abs(turn.change.now - turn.change.before), 6)


def _indicator(group: NDArray[np.int64], n_groups: int) -> sparse.csr_array:
    ones = np.ones(len(group), dtype=np.int64)
    return sparse.csr_array((ones, (group, np.arange(len(group)))), shape=(n_groups, len(group)))
