"""Questions that return, with the answers that served best: the contents of faq.json.

Only questions that open a thread count: one in a reply is mostly asked of one person. On a forum of 9,730 posts,
counting replies too gave 26 groups instead of 3, most of them the likes of "does it work on mobile?".
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from moderation.corpus import Corpus
from moderation.corrections import CORRECTION_WINDOW
from moderation.episode_overrides import NONE, Overrides
from moderation.episodes import Opening
from moderation.repeats import SameSubject, as_json, authors_of, group_rows, newest
from moderation.reply_phrases import gives_thanks, read_clauses
from moderation.waits import answers_among, judge_questions, questions_of_members
from topics.repeats import SAME_COSINE

MIN_AUTHORS = 3
MIN_SPAN = timedelta(days=7)
"""What three people ask within a week is an incident, and a subject for the drift report."""
N_ANSWERS = 3


def find_faq(corpus: Corpus, *, topic_of: Sequence[int | None], overrides: Overrides = NONE) -> dict[str, Any]:
    """Find the questions that different members ask again and again.

    Parameters
    ----------
    topic_of : topic id by row of `corpus`, None = unsorted.
    overrides : what moderators said about questions and their replies.

    Returns
    -------
    The contents of faq.json: `questions`, the most asked first, each with its posts and the answers that served best;
    `reason` says why there is none.
    """
    found = questions_of_members(corpus, overrides)
    asked = {question.row: question for question in found if question.row == question.first_row}
    returning = [subject for subject in group_rows(corpus, list(asked)) if _returns(corpus, subject)]
    questions = [
        {**as_json(corpus, subject, topic_of), **_answers(corpus, [asked[row] for row in subject.rows], overrides)}
        for subject in returning
    ]
    n_read = len(newest(corpus, list(asked)))
    return {
        "questions": sorted(questions, key=lambda entry: (-entry["n_authors"], -entry["n_posts"], entry["id"])),
        "n_questions_read": n_read,
        "n_questions_left_out": len(asked) - n_read,
        "min_authors": MIN_AUTHORS,
        "min_days": MIN_SPAN.days,
        "min_cosine": SAME_COSINE,
        "reason": None if questions else "no question was asked by three members over a week or more",
    }


def _returns(corpus: Corpus, subject: SameSubject) -> bool:
    """Whether enough members asked, over enough time."""
    first, last = corpus.posts[subject.rows[0]], corpus.posts[subject.rows[-1]]
    return len(authors_of(corpus, subject.rows)) >= MIN_AUTHORS and last.created_at - first.created_at >= MIN_SPAN


def _answers(corpus: Corpus, questions: Sequence[Opening], overrides: Overrides) -> dict[str, Any]:
    """How many of the questions got an answer, and the best ones: accepted, then most liked, then followed by the
    asker's thanks, then the newest.
    """
    answers = [
        (question, reply)
        for question, judgements in judge_questions(corpus, questions, overrides)
        for reply in answers_among(question, judgements)
    ]
    best = sorted(answers, key=lambda pair: _rank(corpus, *pair))[:N_ANSWERS]
    return {
        "n_answered": len({question.row for question, _ in answers}),
        "answers": [_answer_json(corpus, question, reply) for question, reply in best],
        "answers_reason": None if answers else "nobody has answered any of them",
    }


def _rank(corpus: Corpus, question: Opening, reply: int) -> tuple[bool, int, bool, int]:
    post = corpus.posts[reply]
    return not post.accepted, -post.likes, not _is_thanked(corpus, question, reply), -reply


def _answer_json(corpus: Corpus, question: Opening, reply: int) -> dict[str, Any]:
    post = corpus.posts[reply]
    return {
        "post_id": post.id,
        "question_id": corpus.posts[question.row].id,
        "role": post.role,
        "accepted": post.accepted,
        "likes": post.likes,
        "asker_gave_thanks": _is_thanked(corpus, question, reply),
    }


def _is_thanked(corpus: Corpus, question: Opening, reply: int) -> bool:
    """Whether the asker came back with thanks within 72 hours of a reply."""
    asker, answered_at = corpus.posts[question.row].author_id, corpus.posts[reply].created_at
    rows = corpus.threads[corpus.posts[reply].thread_id]
    later = rows[bisect_right(rows, reply) :]
    return asker is not None and any(
        corpus.posts[row].author_id == asker
        and corpus.visible[row]
        and corpus.posts[row].created_at <= answered_at + CORRECTION_WINDOW
        and gives_thanks(read_clauses(corpus.readings[row].words, by_staff=False))
        for row in later
    )
