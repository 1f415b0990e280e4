"""Who waits, since when, and until what: every negative episode and every question with what stopped its clocks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from moderation.corpus import Corpus
from moderation.episode_overrides import (
    NONE,
    Overrides,
    apply_to_amplification,
    apply_to_correction,
    apply_to_judgements,
    ruled_questions,
    ruled_starts,
    with_ruled_replies,
)
from moderation.episodes import (
    End,
    EpisodeMeter,
    EpisodeTimes,
    Opening,
    end_of_waiting,
    find_episodes,
    find_questions,
)
from moderation.replies import ReplyJudgement, judge_replies
from moderation.response_clocks import Wait


@dataclass(frozen=True)
class MeasuredEpisode:
    """One negative episode with its clocks.

    Attributes
    ----------
    stopped_at : when waiting was no longer watched: deletion, lock or the end of the data, whichever came first.
    end : the deletion or lock, None where the end of the data came first.
    times : None for an unknown author.
    replies : every post by others that speaks to it, in time order, with what it was judged to be.
    """

    row: int
    started_at: datetime
    stopped_at: datetime
    end: End | None
    times: EpisodeTimes | None
    amplifying_rows: tuple[int, ...]
    replies: tuple[tuple[int, ReplyJudgement], ...]


@dataclass(frozen=True)
class MeasuredQuestion:
    """One question of a member.

    Attributes
    ----------
    answer_row : the first answer by somebody else; None = none.
    waits : whether it still waits at the end of the data.
    wait : None for an unknown author: another person's reply cannot be told from the asker's own.
    replies : every post by others that speaks to it, in time order, with what it was judged to be.
    """

    row: int
    answer_row: int | None
    waits: bool
    wait: Wait | None
    replies: tuple[tuple[int, ReplyJudgement], ...]


def measure_episodes(corpus: Corpus, *, end_at: datetime, overrides: Overrides = NONE) -> list[MeasuredEpisode]:
    """Find and measure every negative episode that started by `end_at`, in time order.

    Parameters
    ----------
    overrides : what moderators said, over what is found.
    """
    episodes = find_episodes(corpus, ruled_starts(corpus, overrides))
    found = [
        with_ruled_replies(corpus, episode, overrides)
        for episode in episodes
        if corpus.posts[episode.row].created_at <= end_at
    ]
    meter = EpisodeMeter(corpus, found)
    return [
        _measure(meter, episode, judged, overrides, end_at=end_at)
        for episode, judged in zip(found, _judge_all(corpus, found), strict=True)
    ]


def _measure(
    meter: EpisodeMeter,
    episode: Opening,
    by_model: Sequence[ReplyJudgement],
    overrides: Overrides,
    *,
    end_at: datetime,
) -> MeasuredEpisode:
    corpus, post = meter.corpus, meter.corpus.posts[episode.row]
    judged = apply_to_judgements(corpus, episode, by_model, overrides)
    end = end_of_waiting(corpus, episode)
    if end is not None and end.at > end_at:
        end = None
    stopped_at = end_at if end is None else end.at
    times = None
    if post.author_id is not None:
        measured = meter.measure(episode, judged, until=stopped_at)
        times = apply_to_correction(corpus, episode, measured, overrides)
    return MeasuredEpisode(
        row=episode.row,
        started_at=post.created_at,
        stopped_at=stopped_at,
        end=end,
        times=times,
        amplifying_rows=apply_to_amplification(corpus, episode, meter.amplifying_rows(episode), overrides),
        replies=tuple(zip(episode.replies, judged, strict=True)),
    )


def _judge_all(corpus: Corpus, openings: Sequence[Opening]) -> list[list[ReplyJudgement]]:
    """Judge the replies to every opening in one go."""
    judged = iter(judge_replies(corpus, [(opening.row, reply) for opening in openings for reply in opening.replies]))
    return [[next(judged) for _ in opening.replies] for opening in openings]


CLOCKS: Mapping[str, Callable[[EpisodeTimes], int | None]] = {
    "any": lambda times: times.answer,
    "staff": lambda times: times.staff_answer,
    "peer": lambda times: times.peer_answer,
    "touched": lambda times: times.touch,
}
"""The reply that stops each clock. "touched": any reply at all, a bare apology among them."""


def episode_waits(
    corpus: Corpus, episodes: Sequence[MeasuredEpisode], clock: str, *, watched_since: datetime | None = None
) -> list[Wait]:
    """Each episode's wait on one of the `CLOCKS`; episodes without a known author are left out.

    Parameters
    ----------
    watched_since : before this moment only what still waited came along: earlier episodes count from then on, and those
        whose clock had stopped by then are left out. None = everything was watched from its start.
    """
    waits = []
    for episode in episodes:
        if episode.times is None:
            continue
        reply = CLOCKS[clock](episode.times)
        replied_at = None if reply is None else corpus.posts[reply].created_at
        waits.append(_wait(episode, replied_at, episode_code(episode, reply), watched_since))
    return [wait for wait in waits if wait.was_watched]


def correction_waits(episodes: Sequence[MeasuredEpisode], *, watched_since: datetime | None = None) -> list[Wait]:
    """Each episode's wait until it was put right; otherwise as `episode_waits`."""
    waits = []
    for episode in episodes:
        if episode.times is None:
            continue
        correction = episode.times.correction
        code = episode_code(episode, None) if correction is None else None
        waits.append(_wait(episode, None if correction is None else correction.at, code, watched_since))
    return [wait for wait in waits if wait.was_watched]


def _wait(
    episode: MeasuredEpisode, replied_at: datetime | None, code: str | None, watched_since: datetime | None
) -> Wait:
    return Wait(
        started_at=episode.started_at,
        ended_at=replied_at or episode.stopped_at,
        answered=replied_at is not None,
        code=code,
        watched_from=_watched_from(episode.started_at, watched_since),
        row=episode.row,
    )


def _watched_from(started_at: datetime, watched_since: datetime | None) -> datetime:
    return started_at if watched_since is None else max(started_at, watched_since)


def episode_code(episode: MeasuredEpisode, reply: int | None) -> str | None:
    """Why a clock stopped without a reply; None where there is one."""
    if reply is not None:
        return None
    return "end" if episode.end is None else episode.end.code


def measure_questions(
    corpus: Corpus, *, end_at: datetime, watched_since: datetime | None = None, overrides: Overrides = NONE
) -> list[MeasuredQuestion]:
    """Find and measure every question by a member that is still there and was asked by `end_at`, in time order.

    A question is answered by the same kinds of reply as a complaint is. A locked thread, or one whose first question
    has a post marked as the solution, even by the asker, waits no more; unless a moderator said that it is no answer.

    Parameters
    ----------
    overrides : what moderators said, over what is found.
    """
    solved_at = _first_solutions(corpus, overrides)
    found = questions_of_members(corpus, overrides)
    asked = [question for question in found if corpus.posts[question.row].created_at <= end_at]
    return [
        _measure_question(corpus, question, judged, solved_at, end_at=end_at, watched_since=watched_since)
        for question, judged in judge_questions(corpus, asked, overrides)
    ]


def questions_of_members(corpus: Corpus, overrides: Overrides = NONE) -> list[Opening]:
    """Every question by a member that is still there, in time order.

    Parameters
    ----------
    overrides : what moderators said, over what is found.
    """
    found = find_questions(corpus, ruled_questions(corpus, overrides))
    return [with_ruled_replies(corpus, question, overrides) for question in found]


def judge_questions(
    corpus: Corpus, questions: Sequence[Opening], overrides: Overrides = NONE
) -> list[tuple[Opening, list[ReplyJudgement]]]:
    """Each question with what each of its replies is; judging costs most, so leave out first what is not asked for.

    Parameters
    ----------
    overrides : what moderators said, over what is found.
    """
    return [
        (question, apply_to_judgements(corpus, question, judged, overrides))
        for question, judged in zip(questions, _judge_all(corpus, questions), strict=True)
    ]


def answers_among(question: Opening, judgements: Sequence[ReplyJudgement]) -> list[int]:
    """The rows of the replies that answer, in time order."""
    return [reply for reply, judged in zip(question.replies, judgements, strict=True) if judged.kind == "answer"]


def _first_solutions(corpus: Corpus, overrides: Overrides) -> dict[str, datetime]:
    """When the first post that is marked as the solution of a thread was written, by thread."""
    solved_at: dict[str, datetime] = {}
    for post in corpus.posts:
        asked = corpus.posts[corpus.threads[post.thread_id][0]].id
        if post.accepted and overrides.kinds.get((asked, post.id), "answer") == "answer":
            solved_at.setdefault(post.thread_id, post.created_at)
    return solved_at


def _measure_question(
    corpus: Corpus,
    question: Opening,
    judged: Sequence[ReplyJudgement],
    solved_at: Mapping[str, datetime],
    *,
    end_at: datetime,
    watched_since: datetime | None,
) -> MeasuredQuestion:
    post = corpus.posts[question.row]
    answer_row = next(
        (row for row, judgement in zip(question.replies, judged, strict=True) if judgement.kind == "answer"), None
    )
    end = end_of_waiting(corpus, question)
    is_first = question.row == question.first_row
    closed_at = solved_at.get(post.thread_id) if is_first else None
    waits = answer_row is None and end is None and closed_at is None
    stops = (end_at, None if end is None else end.at, closed_at)
    stopped_at = max(post.created_at, min(at for at in stops if at is not None))
    answered_at = None if answer_row is None else corpus.posts[answer_row].created_at
    is_answered = answered_at is not None and answered_at <= stopped_at
    watched_from = _watched_from(post.created_at, watched_since)
    ended_at = answered_at if is_answered and answered_at is not None else stopped_at
    wait = Wait(post.created_at, ended_at, is_answered, None if is_answered else "end", watched_from, question.row)
    is_known = post.author_id is not None and wait.was_watched
    replies = tuple(zip(question.replies, judged, strict=True))
    return MeasuredQuestion(question.row, answer_row, waits, wait if is_known else None, replies)
