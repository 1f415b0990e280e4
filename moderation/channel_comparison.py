"""Is negative word of mouth corrected faster inside the community than outside it?

The same clocks on another channel's posts, a log-rank test, and the shares corrected side by side. Where a channel
cannot show that something was put right, the answer is that it cannot be said, with the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from moderation.corpus import Corpus
from moderation.response_clocks import Wait, clock_json, counts_of, iso, logrank_json
from moderation.wait_tests import LogRank, compare_groups
from moderation.waits import MeasuredEpisode, correction_waits, episode_waits, measure_episodes

REPORTED_CLOCKS = ("any", "staff", "peer")
MIN_EPISODES = 10
"""With fewer episodes on a channel nothing is said about which is faster."""
MIN_RETURNS = 5
"""With fewer authors who ever came back on a channel, no correction could show there."""
SIGNIFICANT_P = 0.05
NO_ANSWERS = "nobody was answered while both channels had people waiting"

Finding = Literal["inside_faster", "outside_faster", "no_difference", "cannot_be_said"]


@dataclass(frozen=True)
class Channel:
    """One channel with its episodes.

    Attributes
    ----------
    end_at : its newest post; open waits are watched until then.
    watched_since : as for `moderation.waits.episode_waits`.
    """

    corpus: Corpus
    episodes: Sequence[MeasuredEpisode]
    end_at: datetime
    watched_since: datetime | None = None

    def waits(self, clock: str) -> list[Wait]:
        """The waits on one clock; "corrected" = until it was put right."""
        if clock == "corrected":
            return correction_waits(self.episodes, watched_since=self.watched_since)
        return episode_waits(self.corpus, self.episodes, clock, watched_since=self.watched_since)

    def n_returns(self) -> int:
        """Episodes whose author wrote in the thread again, in whatever tone."""
        last_row: dict[tuple[str, str], int] = {}
        for row, post in enumerate(self.corpus.posts):
            if post.author_id is not None and post.deleted_at is None:
                last_row[post.thread_id, post.author_id] = row
        posts = (self.corpus.posts[episode.row] for episode in self.episodes)
        rows = [episode.row for episode in self.episodes]
        return sum(
            post.author_id is not None and last_row.get((post.thread_id, post.author_id), -1) > row
            for post, row in zip(posts, rows, strict=True)
        )


def outside_channel(outside: Corpus, *, end_at: datetime | None) -> Channel:
    """Find and measure the episodes of another channel; it holds at least one post."""
    last = end_at or outside.posts[-1].created_at
    return Channel(outside, measure_episodes(outside, end_at=last), last)


def comparison_json(inside: Channel, outside: Channel, corrected: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of the other channel, the tests, and the answer to the question.

    Parameters
    ----------
    corrected : the share corrected outside, as response_times.json gives it.
    """
    tests = {clock: _test(inside, outside, clock) for clock in (*REPORTED_CLOCKS, "corrected")}
    written = {clock: logrank_json(test, NO_ANSWERS) for clock, test in tests.items()}
    return {
        "end_at": iso(outside.end_at),
        "n_episodes": len(outside.episodes),
        "n_episodes_without_author": sum(episode.times is None for episode in outside.episodes),
        "clocks": {clock: clock_json(outside.waits(clock)) for clock in REPORTED_CLOCKS},
        "touched": clock_json(outside.waits("touched")),
        "logrank": written["any"],
        "logrank_by_clock": {clock: written[clock] for clock in REPORTED_CLOCKS},
        "corrected": dict(corrected),
        "correction": {
            "inside": _correction_json(inside),
            "outside": _correction_json(outside),
            "logrank": written["corrected"],
            **_finding(inside, outside, tests["corrected"]),
        },
        "answered": _answered_finding(inside, outside, tests["any"]),
    }


def _test(inside: Channel, outside: Channel, clock: str) -> LogRank | None:
    waits, others = inside.waits(clock), outside.waits(clock)
    return compare_groups([counts_of(waits), counts_of(others)]) if waits and others else None


def _correction_json(channel: Channel) -> dict[str, Any]:
    """How long it takes until something is put right, with what was never put right counted as open."""
    return {**clock_json(channel.waits("corrected")), "n_author_returns": channel.n_returns()}


def _finding(inside: Channel, outside: Channel, test: LogRank | None) -> dict[str, Any]:
    """Which channel corrects faster, or why that cannot be said."""
    for name, channel in (("inside", inside), ("outside", outside)):
        if len(channel.waits("corrected")) < MIN_EPISODES:
            return {"finding": "cannot_be_said", "why": f"too_few_{name}"}
        if channel.n_returns() < MIN_RETURNS:
            return {"finding": "cannot_be_said", "why": f"nobody_returns_{name}"}
    return _by_test(test)


def _answered_finding(inside: Channel, outside: Channel, test: LogRank | None) -> dict[str, Any]:
    for name, channel in (("inside", inside), ("outside", outside)):
        if len(channel.waits("any")) < MIN_EPISODES:
            return {"finding": "cannot_be_said", "why": f"too_few_{name}"}
    return _by_test(test)


def _by_test(test: LogRank | None) -> dict[str, Any]:
    if test is None:
        return {"finding": "cannot_be_said", "why": "no_events"}
    finding: Finding = "no_difference"
    if test.p < SIGNIFICANT_P:
        finding = "inside_faster" if test.first_less_expected > 0 else "outside_faster"
    return {"finding": finding, "why": None}
