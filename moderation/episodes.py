"""Negative episodes: where somebody is unhappy, who spoke to it, and whether it was put right.

A thread is read once, parents before their replies. Each post either opens something that waits for an answer, or
belongs to what its parent belongs to; a flat reply (no parent named) speaks to the openings that it resembles most.
The same reading finds the questions that wait.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moderation.corpus import Corpus
from moderation.corrections import Correction, Corrections
from moderation.posts import Post
from moderation.replies import ReplyJudgement

MAX_CANDIDATES = 64
"""A flat reply is compared with so many of the latest openings of its thread, so that work grows with the posts."""
COSINE_PER_LOG_POST = 0.03
"""What a flat reply must gain in cosine to reach back over e times as many posts: people mostly answer what is near.

On 266 replies of a forum whose parent is known, among five posts of their thread, the right one came out first for 40 %
by cosine alone and for 80 % with this; on 49 tweets for 37 % and 67 %.
"""
ALIKE_COSINE = 0.92
MARGIN_COSINE = 0.02
"""A flat reply also answers the openings that say the same as the one it answers (cosine 0.92 or more between them) and
that it resembles about as much (within 0.02): one "fixed now" ends an outage for all who reported it. The three figures
are for the bundled encoder, whose cosines lie between 0.7 and 0.95.
"""
EndCode = Literal["deleted", "locked"]


@dataclass(frozen=True)
class Opening:
    """A post that waits for an answer, with what came after it.

    Attributes
    ----------
    row : the post that opened it.
    first_row : the first post of its thread.
    replies : rows of posts by others that speak to it, none older than it, in time order; deleted posts, bots and
        members without a known author are left out.
    """

    row: int
    first_row: int
    replies: tuple[int, ...]


@dataclass(frozen=True)
class End:
    """When and why nobody could answer any more."""

    at: datetime
    code: EndCode


@dataclass(frozen=True)
class EpisodeTimes:
    """Rows of the first replies of each kind, None = none yet; and the correction, None = not corrected.

    Attributes
    ----------
    judged : why each of these replies counts, by row.
    """

    touch: int | None = None
    answer: int | None = None
    staff_answer: int | None = None
    peer_answer: int | None = None
    deflected: int | None = None
    acknowledged: int | None = None
    correction: Correction | None = None
    judged: Mapping[int, ReplyJudgement] = field(default_factory=dict)


def find_episodes(corpus: Corpus, ruled: Mapping[int, bool] = MappingProxyType({})) -> list[Opening]:
    """Find every negative episode, in time order.

    An episode starts at a member's post above the threshold for negative word of mouth, unless an ancestor or an
    earlier post by the same author in the thread belongs to an episode; staff and bots never start one.

    Parameters
    ----------
    ruled : rows of which a person said whether they start an episode, which then holds.
    """
    is_negative = corpus.above_threshold("negative_wom")

    def opening_rule() -> OpeningRule:
        unhappy_authors: set[str] = set()

        def opens(row: int, belongs_to: int | None) -> bool:
            post = corpus.posts[row]
            if post.role != "member" or not ruled.get(row, is_negative[row]):
                return False
            starts = row in ruled or (belongs_to is None and post.author_id not in unhappy_authors)
            if post.author_id is not None and (starts or belongs_to is not None):
                unhappy_authors.add(post.author_id)
            return starts

        return opens

    return _find_openings(corpus, opening_rule)


def find_questions(corpus: Corpus, ruled: Mapping[int, bool] = MappingProxyType({})) -> list[Opening]:
    """Find every question by a member that is still there, in time order; a question may stand under a question.

    Parameters
    ----------
    ruled : rows of which a person said whether they are a question, which then holds.
    """
    asks = corpus.above_threshold("question")

    def opens(row: int, belongs_to: int | None) -> bool:
        post = corpus.posts[row]
        return ruled.get(row, bool(asks[row])) and post.role == "member" and post.deleted_at is None

    return _find_openings(corpus, lambda: opens)


def end_of_waiting(corpus: Corpus, opening: Opening) -> End | None:
    """When the post was deleted or its thread locked, whichever came first; None = neither."""
    post = corpus.posts[opening.row]
    locked_at = corpus.posts[opening.first_row].locked_at
    moments: tuple[tuple[datetime | None, EndCode], ...] = ((post.deleted_at, "deleted"), (locked_at, "locked"))
    ends = [End(at, code) for at, code in moments if at is not None and at >= post.created_at]
    return min(ends, key=lambda end: end.at, default=None)


OpeningRule = Callable[[int, int | None], bool]
"""Whether a row opens something, given the row of the opening that its parent belongs to (None = none)."""


def _find_openings(corpus: Corpus, opening_rule: Callable[[], OpeningRule]) -> list[Opening]:
    openings: list[Opening] = []
    for rows in corpus.threads.values():
        openings += _read_thread(corpus, rows, opening_rule())
    return sorted(openings, key=lambda opening: opening.row)


def _read_thread(corpus: Corpus, rows: list[int], opens: OpeningRule) -> list[Opening]:
    """Read one thread from its first post on; `belongs_to` maps each row to the opening it stands under.

    A flat post that opens something itself speaks to what the thread's first post opened and to no other opening.
    """
    parent_of = _parents(corpus, rows)
    first_row = next(row for row in rows if parent_of[row] is None)
    in_order = _parents_first(rows, parent_of)
    flat_reader = _FlatReader(corpus, {row: turn for turn, row in enumerate(in_order)})
    belongs_to: dict[int, int | None] = {}
    spoken_to: dict[int, list[int]] = {}
    latest: list[int] = []
    for row in in_order:
        parent = parent_of[row]
        above = belongs_to.get(first_row) if parent is None else belongs_to[parent]
        owner, addressed = above, [above] if above is not None else []
        is_opening = opens(row, above)
        if parent is None and row != first_row and not is_opening:
            candidates = [opening for opening in latest if opening != first_row]
            owner, addressed = flat_reader.read(row, candidates, first_row, opened_by_first=first_row in spoken_to)
        for opening in addressed:
            spoken_to[opening].append(row)
        if is_opening:
            owner, spoken_to[row] = row, []
            latest = [*latest[1 - MAX_CANDIDATES :], row]
        belongs_to[row] = owner
    return [
        Opening(row, first_row, tuple(r for r in sorted(spoken) if is_reply(corpus.posts[r], corpus.posts[row])))
        for row, spoken in spoken_to.items()
    ]


def is_reply(reply: Post, opening: Post) -> bool:
    """Whether a post is by another human and not older; a member without a name might be the writer himself."""
    is_someone_else = reply.author_id != opening.author_id if reply.author_id is not None else reply.role == "staff"
    return (
        is_someone_else and reply.role != "bot" and reply.deleted_at is None and reply.created_at >= opening.created_at
    )


def _parents(corpus: Corpus, rows: list[int]) -> dict[int, int | None]:
    row_of_id = {corpus.posts[row].id: row for row in rows}
    return {row: row_of_id.get(corpus.posts[row].parent_id or "") for row in rows}


def _parents_first(rows: list[int], parent_of: dict[int, int | None]) -> list[int]:
    """Rows in time order, but a reply that is dated before its parent right after that parent."""
    children: dict[int, list[int]] = {}
    for row in rows:
        parent = parent_of[row]
        if parent is not None:
            children.setdefault(parent, []).append(row)
    turn: dict[int, tuple[int, int]] = {}
    waiting = [(row, row, 0) for row in rows if parent_of[row] is None]
    while waiting:
        row, latest, depth = waiting.pop()
        turn[row] = (latest, depth)
        waiting += [(child, max(child, latest), depth + 1) for child in children.get(row, ())]
    return sorted(turn, key=lambda row: (*turn[row], row))


class _FlatReader:
    """Says which openings of a thread a reply without a named parent speaks to; `turns` numbers its rows in order."""

    def __init__(self, corpus: Corpus, turns: dict[int, int]) -> None:
        self.corpus = corpus
        self.turns = turns

    def read(
        self, row: int, openings: list[int], first_row: int, *, opened_by_first: bool
    ) -> tuple[int | None, list[int]]:
        """Return the opening that the reply stands under (None = none), and every opening that it speaks to.

        Parameters
        ----------
        openings : rows of the thread's latest openings but for its first post.
        opened_by_first : whether the thread's first post is an opening too.
        """
        post = self.corpus.posts[row]
        known = [first_row] * opened_by_first + [opening for opening in openings if self._is_open(opening, post)]
        own = [opening for opening in known if self._same_author(opening, post)]
        others = [opening for opening in known if opening not in own]
        named = [opening for opening in others if _names(post, self.corpus.posts[opening])]
        by_likeness = [first_row] * (first_row not in own) + [opening for opening in others if opening != first_row]
        nearest = named or self._nearest(row, by_likeness)
        addressed = [opening for opening in nearest if opening != first_row or opened_by_first]
        if own:
            return own[0], addressed
        return (addressed[0] if addressed and addressed[0] == nearest[0] else None), addressed

    def _is_open(self, opening: int, post: Post) -> bool:
        deleted_at = self.corpus.posts[opening].deleted_at
        return deleted_at is None or deleted_at > post.created_at

    def _same_author(self, opening: int, post: Post) -> bool:
        return post.author_id is not None and self.corpus.posts[opening].author_id == post.author_id

    def _nearest(self, row: int, candidates: list[int]) -> list[int]:
        """The nearest candidate and those that say the same; without a vector, the first candidate."""
        if len(candidates) < 2 or not self.corpus.encoded[row]:
            return candidates[:1]
        cosine = self._cosine(row, candidates)
        n_back = np.array([self.turns[row] - self.turns[candidate] for candidate in candidates])
        nearest = int(np.argmax(np.round(cosine - COSINE_PER_LOG_POST * np.log(n_back), 6)))
        alike = self._cosine(candidates[nearest], candidates) >= ALIKE_COSINE
        also = np.flatnonzero(alike & (cosine >= cosine[nearest] - MARGIN_COSINE))
        return [candidates[nearest], *(candidates[i] for i in also if i != nearest)]

    def _cosine(self, row: int, candidates: list[int]) -> NDArray[np.float64]:
        # Not centred: which of two openings is nearer must not change when posts come in elsewhere.
        # einsum and not BLAS: its sums do not depend on how many candidates there are.
        vectors = self.corpus.vectors
        cosine = np.einsum("ij,j->i", vectors[candidates].astype(np.float64), vectors[row].astype(np.float64))
        return np.where(np.isnan(cosine), -1.0, np.round(cosine, 6))


def _names(reply: Post, opening: Post) -> bool:
    """Whether a reply calls the opening's author by an @name."""
    name = opening.author_name or opening.author_id
    if "@" not in reply.text:
        return False
    return name is not None and re.search(rf"(?<!\w)@{re.escape(name)}(?!\w)", reply.text, re.IGNORECASE) is not None


class EpisodeMeter:
    """Measures episodes: first replies of each kind, amplification, and whether the episode was corrected."""

    def __init__(self, corpus: Corpus, episodes: Sequence[Opening]) -> None:
        self.corpus = corpus
        self._start_rows = {episode.row for episode in episodes}
        self._is_negative_wom = corpus.above_threshold("negative_wom")
        self._corrections = Corrections(corpus)

    def amplifying_rows(self, episode: Opening) -> list[int]:
        """Rows of the later negative posts by other members that speak to an episode and start none themselves."""
        return [
            row
            for row in episode.replies
            if self._is_negative_wom[row] and self.corpus.posts[row].role == "member" and row not in self._start_rows
        ]

    def measure(self, episode: Opening, judgements: Sequence[ReplyJudgement], *, until: datetime) -> EpisodeTimes:
        """Find the first touch, the first answers and the correction of one episode.

        Parameters
        ----------
        judgements : of each of `episode.replies`, in that order.
        until : when a deletion, a lock or the end of the data stopped the clocks; later posts do not count.
        """
        posts = self.corpus.posts
        judged = {
            row: judgement
            for row, judgement in zip(episode.replies, judgements, strict=True)
            if posts[row].created_at <= until
        }
        answers = [row for row, judgement in judged.items() if judgement.kind == "answer"]
        firsts = {
            "touch": next(iter(judged), None),
            "answer": next(iter(answers), None),
            "staff_answer": next((row for row in answers if posts[row].role == "staff"), None),
            "peer_answer": next((row for row in answers if posts[row].role == "member"), None),
            "deflected": next((row for row, judgement in judged.items() if judgement.kind == "deflected"), None),
            "acknowledged": next((row for row, judgement in judged.items() if judgement.kind == "acknowledged"), None),
        }
        return EpisodeTimes(
            **firsts,
            correction=self._correction(episode, answers, until=until) if answers else None,
            judged={row: judged[row] for row in sorted({row for row in firsts.values() if row is not None})},
        )

    def _correction(self, episode: Opening, answers: list[int], *, until: datetime) -> Correction | None:
        return self._corrections.find(episode.row, episode.replies, answers, first_row=episode.first_row, until=until)
