"""The posts of the compared periods, cut into pieces."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.corpus import Corpus
from moderation.periods import Calendar, Period
from topics.drift import ShareChange, share_change


@dataclass(frozen=True)
class Timeline:
    """The compared posts, cut into pieces: the posts of one thread in one period.

    Attributes
    ----------
    rows : the posts in compared periods.
    piece : shape (len(rows),), the piece of each.
    period : shape (n_pieces,), the period of each piece.
    """

    calendar: Calendar
    rows: NDArray[np.int64]
    piece: NDArray[np.int64]
    period: NDArray[np.int64]

    @property
    def latest(self) -> Period:
        """The period whose changes are reported."""
        return self.calendar.periods[-1]

    def is_latest(self) -> NDArray[np.bool_]:
        """Which of the rows lie in the latest period."""
        return np.asarray(self.period[self.piece] == len(self.calendar.periods) - 1, dtype=bool)

    def share_change(self, hits: NDArray[np.bool_], of: NDArray[np.bool_]) -> ShareChange | None:
        """Compare the share of hits among the posts `of`; both shape (len(rows),)."""
        n_hits = np.bincount(self.piece[hits & of], minlength=len(self.period))
        n_posts = np.bincount(self.piece[of], minlength=len(self.period))
        counted = n_posts > 0
        return share_change(
            n_hits[counted], n_posts[counted], self.period[counted], n_periods=len(self.calendar.periods)
        )


def read_timeline(corpus: Corpus, visible: NDArray[np.int64], calendar: Calendar) -> Timeline:
    """Cut the visible posts into the pieces that are compared."""
    periods = np.array([-1 if place is None else place for place in calendar.period_of], dtype=np.int64)
    periods[~_is_on_compared_weekday(corpus, visible, calendar)] = -1
    rows = visible[periods >= 0]
    threads = np.unique([corpus.posts[row].thread_id for row in rows.tolist()], return_inverse=True)[1]
    pieces, piece = np.unique(np.column_stack([threads, periods[periods >= 0]]), axis=0, return_inverse=True)
    return Timeline(calendar=calendar, rows=rows, piece=piece, period=pieces[:, 1])


def _is_on_compared_weekday(corpus: Corpus, visible: NDArray[np.int64], calendar: Calendar) -> NDArray[np.bool_]:
    """Where the latest week is not over yet, only the same weekdays of the weeks before are compared with it.

    What people write about at weekends would otherwise seem to have gone on every Wednesday.
    """
    weekdays = [corpus.posts[row].created_at.astimezone(calendar.zone).weekday() for row in visible.tolist()]
    last_weekday = weekdays[-1] if calendar.unit == "week" and calendar.periods[-1].is_partial else 6
    return np.array(weekdays, dtype=np.int64) <= last_weekday
