"""What a card says of one group of members: who and how many, how it fares, and what it would be without the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.answered_questions import AskedQuestion, answered_share, asked_by
from moderation.corpus import Corpus
from topics.group_health import Alone, GroupHealth, MemberShare, Trend, measure_alone, measure_group, window_span
from topics.members import Activity
from topics.splits import MIN_POSTS


@dataclass(frozen=True)
class Window:
    """The posts that groups are looked at in, beside all posts.

    Attributes
    ----------
    rows : row of the corpus for each row of `activity`.
    author_ids : what member numbers stand for.
    questions : those that were asked in the window.
    """

    corpus: Corpus
    activity: Activity
    posts: Activity
    rows: NDArray[np.int64]
    author_ids: tuple[str, ...]
    questions: Sequence[AskedQuestion]

    def ids(self, members: NDArray[np.int64]) -> list[str]:
        """The author ids of some members."""
        return [self.author_ids[member] for member in members.tolist()]

    def rows_of(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of the corpus that some members wrote in the window."""
        start = window_span(self.posts).start
        is_theirs = np.isin(self.activity.author, members) & (self.activity.posted_at >= start)
        return self.rows[is_theirs]


def group_figures(window: Window, members: NDArray[np.int64]) -> dict[str, Any]:
    """Activity and trend, newcomers, who stayed, languages and answered questions of a group.

    Every share that cannot be told is null with a reason beside it.
    """
    health = measure_group(window.activity, window.posts, members, min_posts=MIN_POSTS)
    return {
        **_activity_json(health),
        "newcomers": share_json(health.newcomers),
        "stayed": share_json(health.stayed),
        "languages": _languages(window, members),
        "answered": share_json(answered_share(asked_by(window.questions, window.ids(members)), None)),
    }


def if_it_goes(window: Window, members: NDArray[np.int64]) -> dict[str, Any]:
    """What a group, and those who are left, would be without each other, from what was written in the window."""
    present = np.flatnonzero(window.posts.posts_per_member() > 0)
    others = np.setdiff1d(present, members)
    return {"group": _alone(window, members), "others": _alone(window, others) if len(others) else None}


def _alone(window: Window, members: NDArray[np.int64]) -> dict[str, Any]:
    alone: Alone = measure_alone(window.posts, members, min_posts=MIN_POSTS)
    ids = window.ids(members)
    asked = asked_by(window.questions, ids)
    return {
        "posts_a_week": {"now": rounded(alone.posts_a_week_now), "then": rounded(alone.posts_a_week)},
        "active_members": {"now": alone.n_active_now, "then": alone.n_active},
        "answered": {"now": share_json(answered_share(asked, None)), "then": share_json(answered_share(asked, ids))},
    }


def _activity_json(health: GroupHealth) -> dict[str, Any]:
    return {
        "posts_a_week": rounded(health.posts_a_week),
        "trend": {"posts": _trend_json(health.posts_trend), "writers": _trend_json(health.writers_trend)},
        "trend_reason": None if health.posts_trend else "window_too_short",
    }


def _trend_json(trend: Trend | None) -> dict[str, Any] | None:
    if trend is None:
        return None
    return {
        "direction": trend.direction,
        "ratio": rounded(trend.ratio),
        "interval": [rounded(trend.low), rounded(trend.high)],
    }


def share_json(share: MemberShare) -> dict[str, Any]:
    """A share with its interval and what it is a share of."""
    interval = None if share.interval is None else [rounded(bound) for bound in share.interval]
    return {"share": rounded(share.share), "interval": interval, "n": share.n, "reason": share.reason}


def _languages(window: Window, members: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Share of the group's posts in each language, the most frequent first; "unknown" for what is too short to tell."""
    counts = Counter(window.corpus.languages[row] for row in window.rows_of(members).tolist())
    in_order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"language": code, "share": rounded(n / counts.total())} for code, n in in_order]


def rounded(figure: float | None) -> float | None:
    """Six digits, as all files have them."""
    return None if figure is None else round(float(figure), 6)
