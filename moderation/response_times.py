"""How long members wait: the contents of response_times.json."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, overload

from scipy import stats

from moderation.config import Community
from moderation.corpus import Corpus
from moderation.episodes import (
    CORRECTION_WINDOW,
    End,
    EpisodeMeter,
    EpisodeTimes,
    Opening,
    end_of_waiting,
    find_episodes,
    find_questions,
)
from moderation.opening_hours import OpenStretches, open_stretches
from moderation.replies import ReplyJudgement, judge_replies
from moderation.survival import HORIZONS_SECONDS, WaitCurve, compare_waits, estimate_waits

MIN_DECIDED_EPISODES = 5
"""With fewer episodes no share corrected is given: its interval would span most of 0 to 1."""
RESTRICTED_TO_SECONDS = HORIZONS_SECONDS["72h"]
UNKNOWN_AUTHOR = "unknown author: another person's reply cannot be told from the writer's own"

Measure = Callable[[datetime, datetime], float]
"""Seconds from one moment to another, by the calendar or by the opening hours."""


@dataclass(frozen=True)
class MeasuredEpisode:
    """One negative episode with its clocks.

    Attributes
    ----------
    stopped_at : when waiting was no longer watched: deletion, lock or the end of the data, whichever came first.
    end : the deletion or lock, None where the end of the data came first.
    times : None for an unknown author.
    """

    row: int
    started_at: datetime
    stopped_at: datetime
    end: End | None
    times: EpisodeTimes | None
    amplifying_rows: tuple[int, ...]


@dataclass(frozen=True)
class Wait:
    """A wait from a start until an answer, or until it was no longer watched."""

    started_at: datetime
    ended_at: datetime
    answered: bool
    code: str | None


def measure_response_times(
    corpus: Corpus,
    *,
    topic_of: Sequence[int | None],
    community: Community,
    end_at: datetime,
    outside: Corpus | None = None,
    outside_end_at: datetime | None = None,
) -> dict[str, Any]:
    """Measure how fast, by whom and how well negative episodes are answered, and who still waits.

    Parameters
    ----------
    topic_of : topic id by row of `corpus`, None = unsorted.
    end_at : the newest `created_at` that was read, system posts included; open waits are watched until then.
    outside : the posts of another channel, to compare with.
    outside_end_at : the same as `end_at` for that channel; None = its newest analysed post.

    Returns
    -------
    The contents of response_times.json: only dictionaries, lists, text, numbers and None; floats at six digits;
    episodes and questions in time order.
    """
    episodes = measure_episodes(corpus, end_at=end_at)
    return {
        "end_at": _iso(end_at),
        **_who_waits(corpus, episodes, topic_of=topic_of, end_at=end_at),
        "n_episodes_without_author": sum(episode.times is None for episode in episodes),
        "clocks": _clocks_json(corpus, episodes),
        "staff_business_hours": _business_clock_json(corpus, episodes, community, end_at),
        "corrected": _corrected_json(corpus, episodes, end_at),
        **_outside_json(corpus, episodes, outside, outside_end_at),
    }


def who_waits(corpus: Corpus, *, topic_of: Sequence[int | None], end_at: datetime) -> dict[str, Any]:
    """The episodes and the unanswered questions of some whole threads, as in response_times.json."""
    return _who_waits(corpus, measure_episodes(corpus, end_at=end_at), topic_of=topic_of, end_at=end_at)


def _who_waits(
    corpus: Corpus, episodes: Sequence[MeasuredEpisode], *, topic_of: Sequence[int | None], end_at: datetime
) -> dict[str, Any]:
    return {
        "episodes": [_episode_json(corpus, episode, topic_of[episode.row], end_at) for episode in episodes],
        "unanswered_questions": unanswered_questions(corpus, topic_of=topic_of, end_at=end_at),
    }


def measure_episodes(corpus: Corpus, *, end_at: datetime) -> list[MeasuredEpisode]:
    """Find and measure every negative episode that started by `end_at`, in time order."""
    found = [episode for episode in find_episodes(corpus) if corpus.posts[episode.row].created_at <= end_at]
    meter = EpisodeMeter(corpus, found)
    judgements = _judge_all(corpus, found)
    return [_measure(corpus, meter, episode, judged, end_at) for episode, judged in zip(found, judgements, strict=True)]


def _measure(
    corpus: Corpus, meter: EpisodeMeter, episode: Opening, judged: Sequence[ReplyJudgement], end_at: datetime
) -> MeasuredEpisode:
    post = corpus.posts[episode.row]
    end = end_of_waiting(corpus, episode)
    if end is not None and end.at > end_at:
        end = None
    stopped_at = end_at if end is None else end.at
    times = None if post.author_id is None else meter.measure(episode, judged, until=stopped_at)
    return MeasuredEpisode(episode.row, post.created_at, stopped_at, end, times, tuple(meter.amplifying_rows(episode)))


def _judge_all(corpus: Corpus, openings: Sequence[Opening]) -> list[list[ReplyJudgement]]:
    """Judge the replies to every opening in one go."""
    judged = iter(judge_replies(corpus, [(opening.row, reply) for opening in openings for reply in opening.replies]))
    return [[next(judged) for _ in opening.replies] for opening in openings]


def unanswered_questions(corpus: Corpus, *, topic_of: Sequence[int | None], end_at: datetime) -> list[dict[str, Any]]:
    """List the members' questions that nobody else has answered, longest waiting first.

    A question is answered by the same kinds of reply as a complaint is. A locked thread, or one whose first question
    has a post marked as the solution, even by the asker, waits no more.
    """
    questions = find_questions(corpus)
    solved_threads = {post.thread_id for post in corpus.posts if post.accepted}
    waiting = [
        question.row
        for question, judged in zip(questions, _judge_all(corpus, questions), strict=True)
        if end_of_waiting(corpus, question) is None
        and not (question.row == question.first_row and corpus.posts[question.row].thread_id in solved_threads)
        and not any(judgement.kind == "answer" for judgement in judged)
        and corpus.posts[question.row].created_at <= end_at
    ]
    return [
        {
            "post_id": corpus.posts[row].id,
            "thread_id": corpus.posts[row].thread_id,
            "asked_at": _iso(corpus.posts[row].created_at),
            "waiting_seconds": _rounded((end_at - corpus.posts[row].created_at).total_seconds()),
            "language": corpus.languages[row],
            "topic_id": topic_of[row],
            "p_question": _rounded(float(corpus.p("question")[row])),
        }
        for row in waiting
    ]


def _episode_json(corpus: Corpus, episode: MeasuredEpisode, topic_id: int | None, end_at: datetime) -> dict[str, Any]:
    posts = corpus.posts
    times = episode.times or EpisodeTimes()
    amplifier_ids = {posts[row].author_id for row in episode.amplifying_rows}
    correction = times.correction
    return {
        "id": posts[episode.row].id,
        "thread_id": posts[episode.row].thread_id,
        "started_at": _iso(episode.started_at),
        "language": corpus.languages[episode.row],
        "topic_id": topic_id,
        "p_negative_wom": _rounded(float(corpus.p("negative_wom")[episode.row])),
        "first_touch_at": _at(corpus, times.touch),
        "first_answer_at": _at(corpus, times.answer),
        "first_staff_answer_at": _at(corpus, times.staff_answer),
        "first_peer_answer_at": _at(corpus, times.peer_answer),
        "deflected_at": _at(corpus, times.deflected),
        "acknowledged_at": _at(corpus, times.acknowledged),
        "answer_post_id": None if times.answer is None else posts[times.answer].id,
        "n_amplifiers": len(amplifier_ids - {None}),
        "amplifier_ids": sorted(author_id for author_id in amplifier_ids if author_id is not None),
        "n_amplifying_posts": len(episode.amplifying_rows),
        "amplifying_post_ids": [posts[row].id for row in episode.amplifying_rows],
        "corrected": None if correction is None else {"by": correction.by, "at": _iso(correction.at)},
        "corrected_reason": _why_not_corrected(corpus, episode, end_at),
        "censored": _code(episode, times.answer) if episode.times is not None else None,
        "clocks_reason": UNKNOWN_AUTHOR if episode.times is None else None,
    }


def _why_not_corrected(corpus: Corpus, episode: MeasuredEpisode, end_at: datetime) -> str | None:
    if episode.times is None:
        return UNKNOWN_AUTHOR
    if episode.times.correction is not None:
        return None
    if episode.times.answer is None:
        return "nobody has answered"
    if corpus.posts[episode.times.answer].created_at + CORRECTION_WINDOW > end_at:
        return "the 72 hours after the answer are not over"
    return "neither the author nor other members turned the tone within 72 hours"


def _code(episode: MeasuredEpisode, answer: int | None) -> str | None:
    if answer is not None:
        return None
    return "end" if episode.end is None else episode.end.code


_CLOCKS: Mapping[str, Callable[[EpisodeTimes], int | None]] = {
    "any": lambda times: times.answer,
    "staff": lambda times: times.staff_answer,
    "peer": lambda times: times.peer_answer,
}


def episode_waits(corpus: Corpus, episodes: Sequence[MeasuredEpisode], clock: str) -> list[Wait]:
    """Each episode's wait on one clock ("any", "staff" or "peer"); episodes without a known author are left out."""
    waits = []
    for episode in episodes:
        if episode.times is None:
            continue
        answer = _CLOCKS[clock](episode.times)
        ended_at = episode.stopped_at if answer is None else corpus.posts[answer].created_at
        waits.append(Wait(episode.started_at, ended_at, answer is not None, _code(episode, answer)))
    return waits


def _clocks_json(corpus: Corpus, episodes: Sequence[MeasuredEpisode]) -> dict[str, Any]:
    return {clock: _clock_json(episode_waits(corpus, episodes, clock), _calendar_seconds) for clock in _CLOCKS}


def _calendar_seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def _business_clock_json(
    corpus: Corpus, episodes: Sequence[MeasuredEpisode], community: Community, end_at: datetime
) -> dict[str, Any]:
    waits = episode_waits(corpus, episodes, "staff")
    stretches = _opening_hours(community, waits, end_at)
    if stretches is None:
        return {**_clock_json([], _calendar_seconds), "reason": "the community has no opening hours"}
    return _clock_json(waits, stretches.seconds_between)


def _opening_hours(community: Community, waits: Sequence[Wait], end_at: datetime) -> OpenStretches | None:
    if not community.opening_hours:
        return None
    first = min((wait.started_at for wait in waits), default=end_at)
    return open_stretches(
        community.opening_hours,
        timezone=community.timezone,
        holidays=community.holidays,
        first=first,
        last=end_at,
    )


def _clock_json(waits: Sequence[Wait], measure: Measure) -> dict[str, Any]:
    """The figures of one clock; every null has a reason beside it."""
    counts = {
        "n": len(waits),
        "n_answered": sum(wait.answered for wait in waits),
        "n_open": sum(wait.code == "end" for wait in waits),
        "n_deleted": sum(wait.code == "deleted" for wait in waits),
        "n_locked": sum(wait.code == "locked" for wait in waits),
    }
    if not waits:
        return {**counts, **_no_figures(), "reason": "no negative episodes with a known author"}
    seconds = [measure(wait.started_at, wait.ended_at) for wait in waits]
    return {**counts, **_figures(estimate_waits(seconds, [wait.answered for wait in waits])), "reason": None}


def _no_figures() -> dict[str, Any]:
    return {
        "median_seconds": None,
        "median_ci": None,
        "answered_within": dict.fromkeys(HORIZONS_SECONDS),
        "answered_within_ci": dict.fromkeys(HORIZONS_SECONDS),
        "restricted_mean_seconds": None,
        "longest_wait_seconds": None,
        "curve": [],
    }


def _figures(curve: WaitCurve) -> dict[str, Any]:
    median = curve.median()
    within = {name: curve.answered_within(seconds) for name, seconds in HORIZONS_SECONDS.items()}
    restricted_mean = curve.restricted_mean_seconds(RESTRICTED_TO_SECONDS)
    return {
        "median_seconds": _rounded(median.seconds),
        "median_ci": [_rounded(median.low), _rounded(median.high)],
        "median_reason": _median_reason(median.seconds, median.low, median.high),
        "answered_within": {name: _rounded(share.share) for name, share in within.items()},
        "answered_within_ci": {name: [_rounded(share.low), _rounded(share.high)] for name, share in within.items()},
        "answered_within_reason": _beyond_reason(curve),
        "restricted_mean_seconds": _rounded(restricted_mean),
        "restricted_mean_reason": "no wait was watched for 72 hours" if restricted_mean is None else None,
        "longest_wait_seconds": _rounded(curve.longest_wait_seconds),
        "curve": [[_rounded(number) for number in point] for point in curve.points()],
    }


def _median_reason(seconds: float | None, low: float | None, high: float | None) -> str | None:
    if seconds is None:
        return "fewer than half had been answered when they were last watched"
    if low is None or high is None:
        return "too few answers to bound the median on both sides"
    return None


def _beyond_reason(curve: WaitCurve) -> str | None:
    """Say which shares are only a lower bound, because nobody who still waits was watched for so long."""
    beyond = [name for name, seconds in HORIZONS_SECONDS.items() if seconds > curve.longest_wait_seconds]
    if not beyond or curve.waiting[-1] == 0:
        return None
    return f"at least, for {', '.join(beyond)}: no open wait was watched that long"


def _corrected_json(corpus: Corpus, episodes: Sequence[MeasuredEpisode], end_at: datetime) -> dict[str, Any]:
    """Share corrected among the episodes whose outcome can be known, answered or not, with a Wilson interval.

    An episode is decided when 72 hours have passed since its first answer or, unanswered, since its start. Whether it
    was corrected plays no part in that, and leaving the unanswered out would flatter. `by` counts every correction
    seen so far.
    """
    known = [(episode, episode.times) for episode in episodes if episode.times is not None]
    decided = [times for episode, times in known if _counts_from(corpus, episode, times) + CORRECTION_WINDOW <= end_at]
    corrections = [times.correction for _, times in known if times.correction is not None]
    n_corrected = sum(times.correction is not None for times in decided)
    return {
        "n": len(decided),
        "n_corrected": n_corrected,
        "n_undecided": len(known) - len(decided),
        **_share_json(n_corrected, len(decided)),
        "by": {by: sum(correction.by == by for correction in corrections) for by in ("staff", "peer", "community")},
    }


def _counts_from(corpus: Corpus, episode: MeasuredEpisode, times: EpisodeTimes) -> datetime:
    return episode.started_at if times.answer is None else corpus.posts[times.answer].created_at


def _share_json(n_yes: int, n: int) -> dict[str, Any]:
    if n < MIN_DECIDED_EPISODES:
        reason = f"not enough data: {n} episodes with a known outcome, {MIN_DECIDED_EPISODES} needed"
        return {"share": None, "interval": None, "reason": reason}
    interval = stats.binomtest(n_yes, n).proportion_ci(confidence_level=0.95, method="wilson")
    return {"share": _rounded(n_yes / n), "interval": [_rounded(interval.low), _rounded(interval.high)], "reason": None}


def _outside_json(
    corpus: Corpus, episodes: Sequence[MeasuredEpisode], outside: Corpus | None, outside_end_at: datetime | None
) -> dict[str, Any]:
    """The same figures on the other channel, and whether the two wait equally long."""
    if outside is None:
        return {"outside": None, "outside_reason": "no outside channel was given to compare with"}
    if len(outside) == 0:
        return {"outside": None, "outside_reason": "the outside channel holds no posts"}
    end_at = outside_end_at or outside.posts[-1].created_at
    others = measure_episodes(outside, end_at=end_at)
    tests = {
        clock: _logrank_json(episode_waits(corpus, episodes, clock), episode_waits(outside, others, clock))
        for clock in _CLOCKS
    }
    figures = {
        "end_at": _iso(end_at),
        "n_episodes": len(others),
        "n_episodes_without_author": sum(episode.times is None for episode in others),
        "clocks": _clocks_json(outside, others),
        "logrank": tests["any"],
        "logrank_by_clock": tests,
        "corrected": _corrected_json(outside, others, end_at),
    }
    return {"outside": figures, "outside_reason": None}


def _logrank_json(inside: Sequence[Wait], outside: Sequence[Wait]) -> dict[str, Any]:
    (seconds, answered), (other_seconds, other_answered) = _columns(inside), _columns(outside)
    test = compare_waits(seconds, answered, other_seconds, other_answered)
    if test is None:
        return {"statistic": None, "p": None, "reason": "nobody was answered while both channels had people waiting"}
    return {"statistic": _rounded(test.statistic), "p": _rounded(test.p), "reason": None}


def _columns(waits: Sequence[Wait]) -> tuple[list[float], list[bool]]:
    return [_calendar_seconds(wait.started_at, wait.ended_at) for wait in waits], [wait.answered for wait in waits]


def _at(corpus: Corpus, row: int | None) -> str | None:
    return None if row is None else _iso(corpus.posts[row].created_at)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@overload
def _rounded(number: float) -> float: ...
@overload
def _rounded(number: None) -> None: ...
@overload
def _rounded(number: float | None) -> float | None: ...
def _rounded(number: float | None) -> float | None:
    return None if number is None else round(float(number), 6)
