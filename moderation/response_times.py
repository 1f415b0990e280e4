"""How long members wait: the contents of response_times.json."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from scipy import stats

from moderation.channel_comparison import Channel, comparison_json, outside_channel
from moderation.config import Community
from moderation.corpus import Corpus
from moderation.corrections import CORRECTION_WINDOW
from moderation.episode_evidence import episode_evidence
from moderation.episode_overrides import NONE, Overrides
from moderation.episodes import EpisodeTimes
from moderation.expected_reply import expected_reply_json, past_waits
from moderation.export_worklist import export_worklist
from moderation.response_clocks import business_clock_json, clock_json, iso, outcomes_json, rounded
from moderation.response_comparisons import comparisons_json
from moderation.response_trend import changes_json, trend_json, trend_periods
from moderation.wait_records import wait_records
from moderation.waits import (
    MeasuredEpisode,
    MeasuredQuestion,
    episode_code,
    measure_episodes,
    measure_questions,
)

MIN_DECIDED_EPISODES = 5
"""With fewer episodes no share corrected is given: its interval would span most of 0 to 1."""
WINDOW_OPEN = "the 72 hours after the answer are not over"
NOT_TURNED = "neither the author nor other members turned the tone within 72 hours"
UNKNOWN_AUTHOR = "unknown author: another person's reply cannot be told from the writer's own"
CLOCKS = ("any", "staff", "peer")


def measure_response_times(
    corpus: Corpus,
    *,
    topic_of: Sequence[int | None],
    community: Community,
    end_at: datetime,
    outside: Corpus | None = None,
    outside_end_at: datetime | None = None,
    overrides: Overrides = NONE,
) -> dict[str, Any]:
    """Measure how fast, by whom and how well negative episodes are answered, and who still waits.

    Parameters
    ----------
    topic_of : topic id by row of `corpus`, None = unsorted.
    end_at : the newest `created_at` that was read, system posts included; open waits are watched until then.
    outside : the posts of another channel, to compare with.
    outside_end_at : the same as `end_at` for that channel; None = its newest analysed post.
    overrides : what moderators said about the episodes.

    Returns
    -------
    The contents of response_times.json: only dictionaries, lists, text, numbers and None; floats at six digits;
    episodes and questions in time order.
    """
    episodes = measure_episodes(corpus, end_at=end_at, overrides=overrides)
    questions = measure_questions(corpus, end_at=end_at, watched_since=community.watched_since, overrides=overrides)
    inside = Channel(corpus, episodes, end_at, community.watched_since)
    waits = waits_json(corpus, episodes, questions, topic_of=topic_of, end_at=end_at)
    records = wait_records(corpus, episodes, questions, listed=waits["episodes"], topic_of=topic_of)
    return {
        "end_at": iso(end_at),
        **waits,
        "worklist": export_worklist(corpus, records, community=community, end_at=end_at),
        "n_episodes_without_author": sum(episode.times is None for episode in episodes),
        "clocks": {clock: clock_json(inside.waits(clock)) for clock in CLOCKS},
        "staff_business_hours": business_clock_json(inside.waits("staff"), community, end_at),
        "touched": clock_json(inside.waits("touched")),
        **_over_time_json(inside, topic_of, community),
        "corrected": _corrected_json(corpus, episodes, end_at),
        **_expected_replies(inside, questions, topic_of, community),
        **_outside_json(inside, outside, outside_end_at),
    }


def _over_time_json(inside: Channel, topic_of: Sequence[int | None], community: Community) -> dict[str, Any]:
    """What became of the waits, how that changed, and who waits longer than whom."""
    waits = {clock: inside.waits(clock) for clock in (*CLOCKS, "touched")}
    unit, periods = trend_periods(waits["any"], timezone=community.timezone)
    return {
        "outcomes": outcomes_json(waits["any"]),
        "trend": trend_json(unit, periods),
        "changes": changes_json(waits, timezone=community.timezone, end_at=inside.end_at),
        "comparisons": comparisons_json(inside.corpus, waits["any"], topic_of=topic_of, periods=periods),
    }


def _expected_replies(
    inside: Channel, questions: Sequence[MeasuredQuestion], topic_of: Sequence[int | None], community: Community
) -> dict[str, Any]:
    """How soon somebody who asks or complains now may expect an answer from anybody, and the waits that say so."""
    waits = {
        "question": [question.wait for question in questions if question.wait is not None],
        "complaint": inside.waits("any"),
    }
    past = {kind: past_waits(each, topic_of=topic_of, timezone=community.timezone) for kind, each in waits.items()}
    return {
        "expected_reply": {kind: expected_reply_json(each) for kind, each in past.items()},
        "past_waits": {kind: each.as_json() for kind, each in past.items()},
    }


def _outside_json(inside: Channel, outside: Corpus | None, outside_end_at: datetime | None) -> dict[str, Any]:
    """The same figures on the other channel, and whether the two wait equally long."""
    if outside is None:
        return {"outside": None, "outside_reason": "no outside channel was given to compare with"}
    if len(outside) == 0:
        return {"outside": None, "outside_reason": "the outside channel holds no posts"}
    other = outside_channel(outside, end_at=outside_end_at)
    corrected = _corrected_json(outside, other.episodes, other.end_at)
    return {"outside": comparison_json(inside, other, corrected), "outside_reason": None}


def who_waits(corpus: Corpus, *, topic_of: Sequence[int | None], end_at: datetime) -> dict[str, Any]:
    """The episodes and the unanswered questions of some whole threads, as in response_times.json."""
    episodes = measure_episodes(corpus, end_at=end_at)
    questions = measure_questions(corpus, end_at=end_at)
    return waits_json(corpus, episodes, questions, topic_of=topic_of, end_at=end_at)


def waits_json(
    corpus: Corpus,
    episodes: Sequence[MeasuredEpisode],
    questions: Sequence[MeasuredQuestion],
    *,
    topic_of: Sequence[int | None],
    end_at: datetime,
) -> dict[str, Any]:
    """The same of what has been measured already."""
    waiting = [question.row for question in questions if question.waits]
    return {
        "episodes": [_episode_json(corpus, episode, topic_of[episode.row], end_at) for episode in episodes],
        "unanswered_questions": [_question_json(corpus, row, topic_of[row], end_at) for row in waiting],
    }


def _question_json(corpus: Corpus, row: int, topic_id: int | None, end_at: datetime) -> dict[str, Any]:
    post = corpus.posts[row]
    return {
        "post_id": post.id,
        "thread_id": post.thread_id,
        "asked_at": iso(post.created_at),
        "waiting_seconds": rounded((end_at - post.created_at).total_seconds()),
        "language": corpus.languages[row],
        "topic_id": topic_id,
        "p_question": rounded(float(corpus.p("question")[row])),
    }


def _episode_json(corpus: Corpus, episode: MeasuredEpisode, topic_id: int | None, end_at: datetime) -> dict[str, Any]:
    posts = corpus.posts
    times = episode.times or EpisodeTimes()
    amplifier_ids = {posts[row].author_id for row in episode.amplifying_rows}
    correction = times.correction
    return {
        "id": posts[episode.row].id,
        "thread_id": posts[episode.row].thread_id,
        "started_at": iso(episode.started_at),
        "language": corpus.languages[episode.row],
        "topic_id": topic_id,
        "p_negative_wom": rounded(float(corpus.p("negative_wom")[episode.row])),
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
        "corrected": None if correction is None else {"by": correction.by, "at": iso(correction.at)},
        "corrected_reason": _why_not_corrected(corpus, episode, end_at),
        "censored": episode_code(episode, times.answer) if episode.times is not None else None,
        "clocks_reason": UNKNOWN_AUTHOR if episode.times is None else None,
        "evidence": episode_evidence(corpus, times),
    }


def _why_not_corrected(corpus: Corpus, episode: MeasuredEpisode, end_at: datetime) -> str | None:
    if episode.times is None:
        return UNKNOWN_AUTHOR
    if episode.times.correction is not None:
        return None
    if episode.times.answer is None:
        return "nobody has answered"
    if corpus.posts[episode.times.answer].created_at + CORRECTION_WINDOW > end_at:
        return WINDOW_OPEN
    return NOT_TURNED


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
    return {"share": rounded(n_yes / n), "interval": [rounded(interval.low), rounded(interval.high)], "reason": None}


def _at(corpus: Corpus, row: int | None) -> str | None:
    return None if row is None else iso(corpus.posts[row].created_at)
