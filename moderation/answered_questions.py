"""Which questions of members were answered in time, and by whom: what a group is to itself, with and without others."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from moderation.corpus import Corpus
from moderation.episodes import find_questions
from moderation.replies import judge_replies
from topics.group_health import MemberShare, wilson_share

#: An answer counts if it came within this time; younger questions are not looked at, so that all had as long.
IN_TIME = timedelta(hours=72)

NO_QUESTIONS = "no_questions"


@dataclass(frozen=True)
class AskedQuestion:
    """A question of a member with those who answered it in time.

    Attributes
    ----------
    row : the row of the corpus.
    answered_by : ids of the members who gave an answer within 72 hours.
    by_staff : whether staff gave one within 72 hours.
    """

    row: int
    author_id: str | None
    asked_at: datetime
    answered_by: frozenset[str]
    by_staff: bool


def read_questions(corpus: Corpus, staff: Collection[str]) -> list[AskedQuestion]:
    """Every question that is old enough, in time order.

    Parameters
    ----------
    staff : author ids of those who answer for the organisation.
    """
    if not len(corpus):
        return []
    last = corpus.posts[-1].created_at - IN_TIME
    asked = [question for question in find_questions(corpus) if corpus.posts[question.row].created_at <= last]
    pairs = [
        (question.row, reply)
        for question in asked
        for reply in question.replies
        if _in_time(corpus, question.row, reply)
    ]
    judged = judge_replies(corpus, pairs)
    answers: dict[int, list[str]] = {}
    for (row, reply), judgement in zip(pairs, judged, strict=True):
        author_id = corpus.posts[reply].author_id
        if judgement.kind == "answer" and author_id is not None:
            answers.setdefault(row, []).append(author_id)
    return [
        AskedQuestion(
            row=question.row,
            author_id=corpus.posts[question.row].author_id,
            asked_at=corpus.posts[question.row].created_at,
            answered_by=frozenset(answers.get(question.row, ())) - frozenset(staff),
            by_staff=any(author_id in staff for author_id in answers.get(question.row, ())),
        )
        for question in asked
    ]


def answered_share(questions: Sequence[AskedQuestion], group: Collection[str] | None) -> MemberShare:
    """The share answered in time: by anybody, or with a group given by its members and staff only."""
    if not questions:
        return MemberShare(None, None, 0, NO_QUESTIONS)
    helpers = None if group is None else frozenset(group)
    answered = [
        question.by_staff or bool(question.answered_by if helpers is None else question.answered_by & helpers)
        for question in questions
    ]
    return wilson_share(sum(answered), len(answered))


def asked_by(questions: Sequence[AskedQuestion], group: Collection[str]) -> list[AskedQuestion]:
    """The questions of some members."""
    members = frozenset(group)
    return [question for question in questions if question.author_id in members]


def _in_time(corpus: Corpus, row: int, reply: int) -> bool:
    return corpus.posts[reply].created_at - corpus.posts[row].created_at <= IN_TIME
