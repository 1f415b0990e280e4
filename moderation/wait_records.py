"""Episodes and questions as they are kept and listed: when, who, what came of it, and why each step counts."""

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from moderation.corpus import Corpus
from moderation.episode_evidence import reply_json
from moderation.replies import ReplyJudgement
from moderation.response_clocks import iso, rounded
from moderation.subcommunities import answered_row
from moderation.waits import MeasuredEpisode, MeasuredQuestion

WaitKind = Literal["episode", "question"]
SPREADS_WITHIN = timedelta(hours=24)
LOUD_CUES = 3
"""So many signs of excitement make a text as loud as it gets; each is counted once."""

_CUES: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"!\s*!|\?\s*!|!\s*\?"), 1),
    (re.compile(r"\b[A-ZÀ-ÖØ-Þ]{4,}\b"), 2),
    (re.compile(r"([^\W\d_])\1{3,}", re.IGNORECASE), 1),
    (re.compile("[\U0001f620\U0001f621\U0001f624\U0001f92c\U0001f595\U0001f4a9]"), 1),
)
"""Strings of exclamation marks, words in capitals, stretched words, angry faces; with how many it takes."""


@dataclass(frozen=True)
class WaitRecord:
    """A negative episode or a question of a member, as it is kept.

    Attributes
    ----------
    row : the post that opened it.
    is_open : nobody has answered, and somebody still can.
    answer_row : the first answer, or that which is marked as the solution; None = none.
    worked : what shows that the answer worked; None = nothing does.
    contents : ready to be written as JSON.
    """

    kind: WaitKind
    row: int
    topic_id: int | None
    is_open: bool
    answer_row: int | None
    worked: Literal["corrected", "accepted"] | None
    contents: Mapping[str, Any]


def wait_records(
    corpus: Corpus,
    episodes: Sequence[MeasuredEpisode],
    questions: Sequence[MeasuredQuestion],
    *,
    listed: Sequence[Mapping[str, Any]],
    topic_of: Sequence[int | None],
) -> list[WaitRecord]:
    """Every episode and question of some whole threads, episodes first, each in time order.

    Parameters
    ----------
    listed : the episodes as response_times.json has them, in the order of `episodes`.
    topic_of : topic id by row of `corpus`, None = unsorted.
    """
    replies = n_replies(corpus)
    of_episodes = [
        _of_episode(corpus, episode, {**as_listed, **_harm(corpus, episode, replies[episode.row])})
        for episode, as_listed in zip(episodes, listed, strict=True)
    ]
    return of_episodes + [
        _of_question(corpus, question, topic_of[question.row], replies[question.row]) for question in questions
    ]


def n_replies(corpus: Corpus) -> Counter[int]:
    """How many posts by others answer each row; posts of unknown authors count."""
    counted: Counter[int] = Counter()
    for row, post in enumerate(corpus.posts):
        answered = answered_row(corpus, row)
        if answered is not None and post.deleted_at is None:
            counted[answered] += post.author_id is None or post.author_id != corpus.posts[answered].author_id
    return counted


def tone_strength(corpus: Corpus, row: int) -> float | None:
    """How strong the tone of a post is, in [0, 1]: half of it how negative, half of it how loud; None = not scored.

    No model reads excitement; the signs of it are exclamation marks, capitals, stretched words and angry faces.
    """
    p_negative = float(corpus.p("negative")[row])
    if math.isnan(p_negative):
        return None
    return round(0.5 * p_negative + 0.5 * min(1.0, n_loud_cues(corpus.readings[row].words) / LOUD_CUES), 6)


def n_loud_cues(words: str) -> int:
    """How many kinds of signs of excitement a text has, 0 to 4."""
    return sum(len(cue.findall(words)) >= n_needed for cue, n_needed in _CUES)


def most_within_a_day(moments: Sequence[datetime]) -> int:
    """The largest number of some moments, in time order, that lie within 24 hours of each other."""
    return max((bisect_right(moments, at + SPREADS_WITHIN) - turn for turn, at in enumerate(moments)), default=0)


def _of_episode(corpus: Corpus, episode: MeasuredEpisode, contents: Mapping[str, Any]) -> WaitRecord:
    answer = None if episode.times is None else episode.times.answer
    is_corrected = contents["corrected"] is not None
    return WaitRecord(
        kind="episode",
        row=episode.row,
        topic_id=contents["topic_id"],
        is_open=answer is None and contents["censored"] == "end",
        answer_row=answer,
        worked="corrected" if is_corrected and answer is not None else None,
        contents={
            **contents,
            "ended_at": None if episode.end is None else iso(episode.end.at),
            "ended_by": None if episode.end is None else episode.end.code,
            "replies": _replies_json(corpus, episode.replies),
        },
    )


def _replies_json(corpus: Corpus, replies: Sequence[tuple[int, ReplyJudgement]]) -> list[dict[str, Any]]:
    """Every post by others that speaks to an episode or a question, what it was judged to be and why."""
    return [
        {**reply_json(corpus, row, judgement), "role": corpus.posts[row].role, "at": iso(corpus.posts[row].created_at)}
        for row, judgement in replies
    ]


def _harm(corpus: Corpus, episode: MeasuredEpisode, n_answering: int) -> dict[str, Any]:
    """What says how much harm an open episode may do; see `moderation.worklist_order`."""
    first_at: dict[str, datetime] = {}
    for row in episode.amplifying_rows:
        post = corpus.posts[row]
        first_at.setdefault(post.author_id or f"\0{post.id}", post.created_at)
    return {
        "tone_strength": tone_strength(corpus, episode.row),
        "n_replies": n_answering,
        "n_joined_within_a_day": most_within_a_day(sorted(first_at.values())),
    }


def _of_question(corpus: Corpus, question: MeasuredQuestion, topic_id: int | None, n_answering: int) -> WaitRecord:
    post, accepted = corpus.posts[question.row], _solution(corpus, question)
    answer = question.answer_row if accepted is None else accepted
    contents = {
        "id": post.id,
        "thread_id": post.thread_id,
        "started_at": iso(post.created_at),
        "language": corpus.languages[question.row],
        "topic_id": topic_id,
        "p_question": rounded(float(corpus.p("question")[question.row])),
        "first_answer_at": None if answer is None else iso(corpus.posts[answer].created_at),
        "answer_post_id": None if answer is None else corpus.posts[answer].id,
        "tone_strength": tone_strength(corpus, question.row),
        "n_replies": n_answering,
        "n_joined_within_a_day": 0,
        "n_amplifiers": 0,
        "replies": _replies_json(corpus, question.replies),
    }
    return WaitRecord(
        kind="question",
        row=question.row,
        topic_id=topic_id,
        is_open=question.waits,
        answer_row=answer,
        worked=None if accepted is None else "accepted",
        contents=contents,
    )


def _solution(corpus: Corpus, question: MeasuredQuestion) -> int | None:
    """The post by somebody else that is marked as the solution of the thread that a question opens.

    One that a moderator said is no answer is none.
    """
    post = corpus.posts[question.row]
    thread = corpus.threads[post.thread_id]
    if thread[0] != question.row:
        return None
    refused = {row for row, judgement in question.replies if judgement.kind != "answer"}
    return next(
        (
            other
            for other in thread
            if corpus.posts[other].accepted
            and other not in refused
            and corpus.posts[other].deleted_at is None
            and corpus.posts[other].author_id not in (None, post.author_id)
        ),
        None,
    )
