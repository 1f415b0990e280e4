"""Was it put right: what the author's return, a mark as the solution, or the tone of others says about an episode."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np

from models.talk import OUTCOMES
from moderation.corpus import Corpus

CORRECTION_WINDOW = timedelta(hours=72)
TONE_MARGIN = 0.2
"""How far both negative signals must fall for a tone to be clearly less negative, in probability."""
MIN_TONE_WORDS = 3
MIN_TURNING_MEMBERS = 2

Corrector = Literal["staff", "peer", "community"]
Sign = Literal["return", "accepted", "tone", "moderator"]
"""What showed it: the author came back recovered, a post was marked as the solution, other members turned the tone, or
a moderator said so.
"""


@dataclass(frozen=True)
class Correction:
    """Who put an episode right, when, and what shows it.

    Attributes
    ----------
    row : the post that shows it.
    evidence : numbers behind it; of a return, the probability of each outcome and how both negative signals changed.
    """

    by: Corrector
    at: datetime
    row: int
    sign: Sign
    evidence: Mapping[str, Any]


class Corrections:
    """Finds the correction of one episode after another."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self._is_negative_wom = corpus.above_threshold("negative_wom")
        self._is_negative = corpus.above_threshold("negative")
        self._p_negative = np.stack([corpus.p("negative_wom"), corpus.p("negative")])
        self._rows_by_author: dict[tuple[str, str], list[int]] = {}
        for row, post in enumerate(corpus.posts):
            if post.author_id is not None and post.deleted_at is None:
                self._rows_by_author.setdefault((post.thread_id, post.author_id), []).append(row)

    def find(
        self, start: int, replies: Sequence[int], answers: list[int], *, first_row: int, until: datetime
    ) -> Correction | None:
        """The author's own recovery if there is one, else the turn that other members brought about.

        Parameters
        ----------
        start : row of the episode's first post.
        replies : rows of posts by others that speak to it, in time order.
        answers : rows of those that are answers, at least one.
        first_row : row of the thread's first post.
        until : later posts do not count.
        """
        posts = self.corpus.posts

        def follows_answer(row: int) -> bool:
            n_before = bisect_left(answers, row)
            at = posts[row].created_at
            return n_before > 0 and at <= min(until, posts[answers[n_before - 1]].created_at + CORRECTION_WINDOW)

        returns = [row for row in self._returns(start) if follows_answer(row) and self._recovers(row)]
        solutions = self._accepted_rows(start, replies, first_row=first_row)
        solutions = [row for row in solutions if row in answers or follows_answer(row)]
        by: Corrector = "staff" if posts[answers[0]].role == "staff" else "peer"
        earliest = min((*returns, *solutions), default=None)
        if earliest is None:
            return self._turn(start, [row for row in replies if follows_answer(row)])
        if earliest in solutions:
            return Correction(by, posts[earliest].created_at, earliest, "accepted", {})
        return Correction(by, posts[earliest].created_at, earliest, "return", self._of_return(start, earliest))

    def _returns(self, start: int) -> list[int]:
        """Rows of the author's own later posts in the thread, in time order."""
        post = self.corpus.posts[start]
        own = self._rows_by_author.get((post.thread_id, post.author_id or ""), [])
        return own[bisect_right(own, start) :]

    def _p_outcomes(self, row: int) -> Mapping[str, float] | None:
        """Probability of each outcome; None where the post was not read."""
        talk = self.corpus.talk
        if talk is None or np.isnan(talk.log_odds[row]).any():
            return None
        p = talk.heads.p_outcomes(talk.log_odds[row : row + 1])[0]
        return dict(zip(OUTCOMES, p.tolist(), strict=True))

    def _recovers(self, row: int) -> bool:
        p, talk = self._p_outcomes(row), self.corpus.talk
        return p is not None and talk is not None and p["recovered"] >= talk.heads.recovered_threshold

    def _of_return(self, start: int, row: int) -> Mapping[str, Any]:
        change = np.round(self._p_negative[:, row] - self._p_negative[:, start], 6).tolist()
        return {
            "p_outcomes": self._p_outcomes(row),
            "change_negative_wom": None if np.isnan(change[0]) else change[0],
            "change_negative": None if np.isnan(change[1]) else change[1],
        }

    def _accepted_rows(self, start: int, replies: Sequence[int], *, first_row: int) -> list[int]:
        """Posts marked as the solution, where the episode's author could mark them: the one who opened the thread."""
        author_id = self.corpus.posts[start].author_id
        if author_id is None or author_id != self.corpus.posts[first_row].author_id:
            return []
        return [row for row in (*replies, *self._returns(start)) if self.corpus.posts[row].accepted]

    def _turn(self, start: int, later: Sequence[int]) -> Correction | None:
        """The post at which the tone had turned: two members calmer than the start, more calm posts than negative."""
        calm: list[int] = []
        n_negative = 0
        for row in later:
            post = self.corpus.posts[row]
            if post.role != "member" or post.author_id is None:
                continue
            if self._is_negative_wom[row]:
                n_negative += 1
            elif self._is_clearly_calmer(start, row):
                calm.append(row)
            authors = {self.corpus.posts[calm_row].author_id for calm_row in calm}
            if len(authors) >= MIN_TURNING_MEMBERS and len(calm) > n_negative:
                evidence = {"calm_post_ids": [self.corpus.posts[i].id for i in calm], "n_negative": n_negative}
                return Correction("community", post.created_at, row, "tone", evidence)
        return None

    def _is_clearly_calmer(self, start: int, later: int) -> bool:
        """Both negative signals below their thresholds and lower by the margin; False where a signal is missing."""
        if self.corpus.readings[later].n_words < MIN_TONE_WORDS or self._is_negative_wom[later]:
            return False
        fall = np.round(self._p_negative[:, start] - self._p_negative[:, later], 6)
        return not self._is_negative[later] and bool((fall >= TONE_MARGIN).all())
