"""Accounts that mostly answer one other account, write at the same hours and in the same manner: worth a look.

Nothing here proves that two accounts are one person's: there are no addresses to compare, and couples, colleagues and
admirers look alike. Where either account wrote little, nothing is said.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from moderation.contributions import Contribution
from moderation.corpus import Corpus

MIN_CONTRIBUTIONS = 5
MIN_SHARE = 0.8
"""Of what an account did for others, so much went to one account."""
MIN_POSTS, MIN_DAYS = 15, 5
"""Of either account, with words; below, hours and wording say nothing."""
MIN_OTHERS = 20
"""So many other members have to be known as well to tell what alikeness is worth."""
MAX_HOURS_RANK, MAX_WORDING_RANK = 0.1, 0.05
"""The other account is among so many of the most alike, of all members that are known as well."""
WEIGHT = 0.5
"""What a contribution to such an account counts for until a person has looked."""
HOURS_WIDTH = 1.5
"""Hours on either side that an hour of writing stands for."""

Abstained = Literal["too_few_posts", "too_few_others"]


@dataclass(frozen=True)
class SecondAccount:
    """An account that mostly answers one other, and what the two have in common.

    Attributes
    ----------
    author_id : the account that answers.
    other_id : the one that is answered.
    share : of the account's contributions, in [0, 1].
    hours_rank, wording_rank : the share of other members who are at least as alike in their hours of the day and in
        their wording, in [0, 1]; None = not enough is known.
    abstained : why nothing is said; None = enough is known.
    """

    author_id: str
    other_id: str
    n_contributions: int
    share: float
    rows: tuple[int, ...]
    hours_rank: float | None
    wording_rank: float | None
    abstained: Abstained | None

    @property
    def needs_a_look(self) -> bool:
        """Whether both hours and wording match."""
        if self.hours_rank is None or self.wording_rank is None:
            return False
        return self.hours_rank <= MAX_HOURS_RANK and self.wording_rank <= MAX_WORDING_RANK


def find_second_accounts(
    corpus: Corpus, contributions: Sequence[Contribution], members: Collection[str], *, topic_of: NDArray[np.int64]
) -> list[SecondAccount]:
    """Every member whose contributions mostly go to one other member, whether or not the two are alike.

    Parameters
    ----------
    topic_of : shape (n,), topic id of each row, 0 or less for unsorted.
    """
    turned_to = _turned_to_one(contributions, frozenset(members))
    if not turned_to:
        return []
    with threadpool_limits(1):
        habits = _read_habits(corpus, frozenset(members), topic_of)
    return [_compare(author_id, other_id, rows, n, habits) for author_id, other_id, rows, n in turned_to]


@dataclass(frozen=True)
class _Habits:
    """When and how the members write of whom enough is known; one row each."""

    row_of: dict[str, int]
    hours: NDArray[np.float64]
    wording: NDArray[np.float64]


def _turned_to_one(
    contributions: Sequence[Contribution], members: frozenset[str]
) -> list[tuple[str, str, tuple[int, ...], int]]:
    """Member, the one that most was done for, the posts that did it, and how many posts did anything for anybody."""
    given: dict[str, dict[int, str | None]] = defaultdict(dict)
    for each in contributions:
        if each.author_id in members and each.to_author_id != each.author_id:
            given[each.author_id].setdefault(each.row, each.to_author_id)
    found = []
    for author_id, receiver_of in sorted(given.items()):
        counts = Counter(receiver for receiver in receiver_of.values() if receiver in members)
        other_id, n_to_other = min(counts.items(), key=lambda item: (-item[1], item[0] or ""), default=(None, 0))
        if other_id is not None and n_to_other >= max(MIN_CONTRIBUTIONS, MIN_SHARE * len(receiver_of)):
            rows = tuple(sorted(row for row, receiver in receiver_of.items() if receiver == other_id))
            found.append((author_id, other_id, rows, len(receiver_of)))
    return found


def _compare(author_id: str, other_id: str, rows: tuple[int, ...], n_given: int, habits: _Habits) -> SecondAccount:
    hours = wording = None
    abstained: Abstained | None = None
    if author_id not in habits.row_of or other_id not in habits.row_of:
        abstained = "too_few_posts"
    elif len(habits.row_of) - 2 < MIN_OTHERS:
        abstained = "too_few_others"
    else:
        pair = habits.row_of[author_id], habits.row_of[other_id]
        hours, wording = _rank(habits.hours, *pair), _rank(habits.wording, *pair)
    share = round(len(rows) / n_given, 6)
    return SecondAccount(author_id, other_id, len(rows), share, rows, hours, wording, abstained)


def _rank(unit_rows: NDArray[np.float64], one: int, other: int) -> float:
    """The share of the others who are at least as alike to one member as another is."""
    cosine = np.round(unit_rows @ unit_rows[one], 6)
    others = np.ones(len(cosine), dtype=bool)
    others[[one, other]] = False
    return round(float((cosine[others] >= cosine[other]).mean()), 6)


def _read_habits(corpus: Corpus, members: frozenset[str], topic_of: NDArray[np.int64]) -> _Habits:
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero(corpus.encoded & corpus.visible).tolist():
        author_id = corpus.posts[row].author_id
        if author_id in members:
            rows_of[author_id].append(row)
    known = sorted(author_id for author_id, rows in rows_of.items() if _writes_enough(corpus, rows))
    if not known:
        return _Habits({}, np.empty((0, 24)), np.empty((0, corpus.vectors.shape[1])))
    subject_mean = _subject_means(corpus, topic_of)
    wording = [(corpus.vectors[rows_of[each]] - subject_mean[rows_of[each]]).mean(axis=0) for each in known]
    hours = [_hours(corpus, rows_of[each]) for each in known]
    return _Habits({author_id: row for row, author_id in enumerate(known)}, _unit(hours), _unit(wording))


def _writes_enough(corpus: Corpus, rows: Sequence[int]) -> bool:
    return len(rows) >= MIN_POSTS and len({corpus.posts[row].created_at.date() for row in rows}) >= MIN_DAYS


def _subject_means(corpus: Corpus, topic_of: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean vector of each row's topic: what is left of a post without it is nearer to how it is said."""
    usable = corpus.encoded & corpus.visible
    topics, group = np.unique(np.maximum(topic_of, 0), return_inverse=True)
    means = np.stack(
        [
            corpus.vectors[usable & (group == place)].mean(axis=0, dtype=np.float64)
            if (usable & (group == place)).any()
            else np.zeros(corpus.vectors.shape[1])
            for place in range(len(topics))
        ]
    )
    return np.asarray(means[group])


def _hours(corpus: Corpus, rows: Sequence[int]) -> NDArray[np.float64]:
    """How much is written around each hour of the day, in UTC; shape (24,)."""
    written_at = [corpus.posts[row].created_at for row in rows]
    hour = np.array([moment.hour + moment.minute / 60 for moment in written_at])
    away = np.abs(np.arange(24)[:, None] + 0.5 - hour[None, :])
    around = np.exp(-0.5 * (np.minimum(away, 24 - away) / HOURS_WIDTH) ** 2).sum(axis=1)
    return np.asarray(around - around.mean())


def _unit(rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    stacked = np.stack(rows)
    return np.asarray(stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-9))
