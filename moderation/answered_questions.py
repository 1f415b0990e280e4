"""Which questions of members were answered in time, and by whom: what a group is to itself, with and without others."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from moderation.corpus import Corpus
from moderation.episode_overrides import NONE, Overrides
from moderation.episodes import Opening
from moderation.replies import ReplyJudgement
from moderation.waits import answers_among, judge_questions, questions_of_members
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


def read_questions(corpus: Corpus, staff: Collection[str], overrides: Overrides = NONE) -> list[AskedQuestion]:
    """Every question that is old enough, in time order.

    Parameters
    ----------
    staff : author ids of those who answer for the organisation.
    overrides : what moderators said about questions and their replies.
    """
    if not len(corpus):
        return []
    last = corpus.posts[-1].created_at - IN_TIME
    found = questions_of_members(corpus, overrides)
    old_enough = [question for question in found if corpus.posts[question.row].created_at <= last]
    asked = [
        (question.row, _answerers(corpus, question, judgements))
        for question, judgements in judge_questions(corpus, old_enough, overrides)
    ]
    return [
        AskedQuestion(
            row=row,
            author_id=corpus.posts[row].author_id,
            asked_at=corpus.posts[row].created_at,
            answered_by=answerers - frozenset(staff),
            by_staff=bool(answerers & frozenset(staff)),
        )
        for row, answerers in asked
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


def _answerers(corpus: Corpus, question: Opening, judgements: Sequence[ReplyJudgement]) -> frozenset[str]:
    """Ids of the known authors who answered in time."""
    last = corpus.posts[question.row].created_at + IN_TIME
    answers = [corpus.posts[reply] for reply in answers_among(question, judgements)]
    return frozenset(post.author_id for post in answers if post.created_at <= last and post.author_id is not None)
