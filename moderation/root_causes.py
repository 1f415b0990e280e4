"""What answers do not repair: topics that members stay unhappy about for weeks although they are answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from scipy import stats

from moderation.assignments import Topics, negative_share
from moderation.corpus import Corpus
from moderation.corrections import CORRECTION_WINDOW

#: Unhappiness that lasts: episodes in so many calendar weeks, of so many writers, in so many threads.
MIN_WEEKS = 4
MIN_AUTHORS = 4
MIN_EPISODES = 6

#: Answered, yet not put right: at least half are answered, and the share corrected among those is below half with
#: 95 % certainty.
MIN_ANSWERED_SHARE = 0.5
MAX_CORRECTED_SHARE = 0.5

#: A cause counts while an episode began in the last so many days of the data.
STILL_DAYS = 56

NO_SIGNAL = "negative word of mouth is not scored in this community"

Contents = dict[str, Any]


def find_root_causes(
    corpus: Corpus, topics: Topics, episodes: Sequence[Mapping[str, Any]], *, timezone: str
) -> Contents:
    """List the topics whose unhappiness goes on although it is answered: no answer and no points repair those.

    Parameters
    ----------
    episodes : as in response_times.json.

    Returns
    -------
    `causes`, the topics with most episodes first, each with its episodes; `reason` where there are
    none because nothing could be scored.
    """
    overall = negative_share(corpus, np.flatnonzero(corpus.visible))
    if overall.share is None:
        return {"causes": [], "reason": NO_SIGNAL}
    zone = ZoneInfo(timezone)
    causes = [
        _cause_json(corpus, topics, topic_id, of_topic, overall=overall.share, zone=zone)
        for topic_id, of_topic in _by_topic(episodes).items()
        if _lasts(corpus, of_topic, zone)
        and _is_answered_in_vain(_Outcomes.of(of_topic, end_at=corpus.posts[-1].created_at), len(of_topic))
    ]
    kept = [cause for cause in causes if cause["negative_share_interval"][0] > cause["community_negative_share"]]
    return {"causes": sorted(kept, key=lambda cause: (-cause["n_episodes"], cause["topic_id"])), "reason": None}


def _by_topic(episodes: Sequence[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    by_topic: dict[int, list[Mapping[str, Any]]] = {}
    for episode in sorted(episodes, key=lambda each: (each["started_at"], each["id"])):
        if episode["topic_id"] is not None:
            by_topic.setdefault(episode["topic_id"], []).append(episode)
    return by_topic


def _lasts(corpus: Corpus, episodes: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> bool:
    """Whether unhappiness comes back over weeks, from several people, and has not ended."""
    posts = [corpus.posts[corpus.row_of[episode["id"]]] for episode in episodes]
    weeks = {_week(post.created_at, zone) for post in posts}
    authors = {post.author_id for post in posts} - {None}
    goes_on = corpus.posts[-1].created_at - posts[-1].created_at <= timedelta(days=STILL_DAYS)
    return len(posts) >= MIN_EPISODES and len(weeks) >= MIN_WEEKS and len(authors) >= MIN_AUTHORS and goes_on


def _week(at: datetime, zone: ZoneInfo) -> int:
    """The number of the calendar week."""
    return (at.astimezone(zone).date().toordinal() - 1) // 7


def _is_answered_in_vain(outcomes: "_Outcomes", n_episodes: int) -> bool:
    if outcomes.n_decided == 0 or outcomes.n_answered < MIN_ANSWERED_SHARE * n_episodes:
        return False
    return _interval(outcomes.n_corrected, outcomes.n_decided)[1] < MAX_CORRECTED_SHARE


@dataclass(frozen=True)
class _Outcomes:
    """How many episodes were answered, of how many of those 72 hours have passed since, and how many were put right."""

    n_answered: int
    n_decided: int
    n_corrected: int

    @classmethod
    def of(cls, episodes: Sequence[Mapping[str, Any]], *, end_at: datetime) -> "_Outcomes":
        answered = [episode for episode in episodes if episode["first_answer_at"] is not None]
        decided = [
            episode
            for episode in answered
            if episode["corrected"] or datetime.fromisoformat(episode["first_answer_at"]) + CORRECTION_WINDOW <= end_at
        ]
        return cls(len(answered), len(decided), sum(episode["corrected"] is not None for episode in decided))


def _interval(n_hits: int, n: int) -> tuple[float, float]:
    found = stats.binomtest(n_hits, n).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def _cause_json(
    corpus: Corpus,
    topics: Topics,
    topic_id: int,
    episodes: Sequence[Mapping[str, Any]],
    *,
    overall: float,
    zone: ZoneInfo,
) -> Contents:
    outcomes = _Outcomes.of(episodes, end_at=corpus.posts[-1].created_at)
    negative = negative_share(corpus, np.flatnonzero((topics.topic_of == topic_id) & corpus.visible))
    posts = [corpus.posts[corpus.row_of[episode["id"]]] for episode in episodes]
    return {
        "topic_id": topic_id,
        "n_episodes": len(episodes),
        "n_authors": len({post.author_id for post in posts} - {None}),
        "n_weeks": len({_week(post.created_at, zone) for post in posts}),
        "first_at": episodes[0]["started_at"],
        "last_at": episodes[-1]["started_at"],
        "n_answered": outcomes.n_answered,
        "n_decided": outcomes.n_decided,
        "n_corrected": outcomes.n_corrected,
        "corrected_share": _rounded(outcomes.n_corrected / outcomes.n_decided),
        "corrected_interval": [_rounded(bound) for bound in _interval(outcomes.n_corrected, outcomes.n_decided)],
        "negative_share": None if negative.share is None else _rounded(negative.share),
        "negative_share_interval": [_rounded(bound) for bound in negative.interval or (0.0, 1.0)],
        "community_negative_share": _rounded(overall),
        "episode_ids": [episode["id"] for episode in episodes],
    }


def _rounded(share: float) -> float:
    return round(share, 6)
