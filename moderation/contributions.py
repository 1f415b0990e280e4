"""What members did for others: every contribution with the post that made it, for whom, and about what.

Likes are no contribution: an export says how many a post got, never from whom.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np

from moderation.corpus import Corpus
from moderation.episode_overrides import NONE, Overrides
from moderation.subcommunities import answered_row
from moderation.waits import answers_among, judge_questions, questions_of_members

ContributionKind = Literal["answer", "correction", "idea_support", "welcome", "accepted_answer"]

COUNT_OF: Mapping[ContributionKind, str] = {
    "answer": "n_answers",
    "correction": "n_episodes_corrected",
    "idea_support": "n_ideas_supported",
    "welcome": "n_newcomers_welcomed",
    "accepted_answer": "n_accepted_answers",
}
"""What each kind is called where it is counted, in the order in which they are shown."""

NEWCOMER_AFTER = timedelta(days=30)
"""Who writes for the first time in the first days of the data may have been there long before."""


@dataclass(frozen=True)
class Contribution:
    """One thing that somebody did for somebody else.

    Attributes
    ----------
    row : the post that made it.
    about_row : the complaint, question, idea or first post that it answers.
    author_id : who made it; never None, a contribution of nobody known is not counted.
    to_author_id : for whom; None = not known.
    """

    kind: ContributionKind
    row: int
    about_row: int
    author_id: str
    to_author_id: str | None


def find_contributions(
    corpus: Corpus, episodes: Sequence[Mapping[str, Any]], overrides: Overrides = NONE
) -> list[Contribution]:
    """Every contribution, in time order; a post can be several, of different kinds, and one of each kind at most.

    - answer: the first answer to a negative episode, or an answer to somebody's question;
    - correction: a negative episode whose author recovered after this answer, the first;
    - idea_support: the first reply of a person to another's idea, unless its tone is negative;
    - welcome: the first reply to a newcomer's first post;
    - accepted_answer: marked as the solution in a thread that somebody else started.

    Parameters
    ----------
    episodes : as in response_times.json.
    overrides : what moderators said about questions and their replies; about episodes it is in `episodes` already.
    """
    first_answers = _episode_answers(corpus, episodes)
    corrected = _episode_answers(corpus, [each for each in episodes if _corrected_by_peer(each)])
    pairs_of: Mapping[ContributionKind, list[tuple[int, int]]] = {
        "answer": first_answers + _question_answers(corpus, overrides),
        "correction": corrected,
        "idea_support": _idea_support(corpus),
        "welcome": _welcomes(corpus, newcomers_from(corpus)),
        "accepted_answer": _accepted_answers(corpus),
    }
    found = [each for kind, pairs in pairs_of.items() for each in _contributions(corpus, kind, pairs)]
    order = list(COUNT_OF)
    return sorted(found, key=lambda each: (each.row, order.index(each.kind)))


def newcomers_from(corpus: Corpus) -> datetime | None:
    """From when on a first post is a newcomer's; None if the data end before."""
    if not corpus.posts:
        return None
    start = corpus.posts[0].created_at + NEWCOMER_AFTER
    return start if start <= corpus.posts[-1].created_at else None


def replies_to_others(corpus: Corpus) -> list[tuple[int, int]]:
    """Row and answered row of each reply by one known person to another, in time order; bots are no persons."""
    replies = []
    for row in np.flatnonzero(corpus.visible):
        answered = answered_row(corpus, int(row))
        if answered is None or not corpus.visible[answered] or corpus.posts[row].role == "bot":
            continue
        author_ids = {corpus.posts[row].author_id, corpus.posts[answered].author_id}
        if len(author_ids) == 2 and None not in author_ids:
            replies.append((int(row), answered))
    return replies


def _contributions(corpus: Corpus, kind: ContributionKind, pairs: Sequence[tuple[int, int]]) -> list[Contribution]:
    """One for each row, about the first that it was found for."""
    about_of: dict[int, int] = {}
    for row, about in pairs:
        about_of.setdefault(row, about)
    return [
        Contribution(kind, row, about, author_id, corpus.posts[about].author_id)
        for row, about in about_of.items()
        if (author_id := corpus.posts[row].author_id) is not None
    ]


def _episode_answers(corpus: Corpus, episodes: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    return [
        (corpus.row_of[episode["answer_post_id"]], _opening_row(corpus, episode))
        for episode in episodes
        if episode["answer_post_id"] is not None
    ]


def _opening_row(corpus: Corpus, episode: Mapping[str, Any]) -> int:
    return corpus.row_of[episode["id"]]


def _corrected_by_peer(episode: Mapping[str, Any]) -> bool:
    return episode["corrected"] is not None and episode["corrected"]["by"] == "peer"


def _question_answers(corpus: Corpus, overrides: Overrides) -> list[tuple[int, int]]:
    return [
        (reply, question.row)
        for question, judgements in judge_questions(corpus, questions_of_members(corpus, overrides), overrides)
        for reply in answers_among(question, judgements)
    ]


def _idea_support(corpus: Corpus) -> list[tuple[int, int]]:
    is_idea, is_negative = corpus.above_threshold("idea"), corpus.above_threshold("negative")

    def supporter(row: int, answered: int) -> tuple[int, str | None] | None:
        supports = is_idea[answered] and not is_negative[row]
        return (answered, corpus.posts[row].author_id) if supports else None

    return _first_of_each(corpus, supporter)


def _welcomes(corpus: Corpus, since: datetime | None) -> list[tuple[int, int]]:
    if since is None:
        return []
    first_post_of: dict[str, int] = {}
    for first_row in np.flatnonzero(corpus.visible).tolist():
        post = corpus.posts[first_row]
        if post.author_id is not None and post.role == "member":
            first_post_of.setdefault(post.author_id, first_row)
    first_posts = {row for row in first_post_of.values() if corpus.posts[row].created_at >= since}
    return _first_of_each(corpus, lambda _, answered: (answered, None) if answered in first_posts else None)


def _first_of_each(
    corpus: Corpus, group_of: Callable[[int, int], tuple[int, str | None] | None]
) -> list[tuple[int, int]]:
    """The first reply of each group, by reply and answered row; those of no group are left out."""
    first: dict[tuple[int, str | None], tuple[int, int]] = {}
    for row, answered in replies_to_others(corpus):
        group = group_of(row, answered)
        if group is not None:
            first.setdefault(group, (row, answered))
    return list(first.values())


def _accepted_answers(corpus: Corpus) -> list[tuple[int, int]]:
    pairs = []
    for row in np.flatnonzero(corpus.visible).tolist():
        post = corpus.posts[row]
        first = corpus.threads[post.thread_id][0]
        if post.accepted and corpus.posts[first].author_id != post.author_id:
            pairs.append((row, first))
    return pairs
