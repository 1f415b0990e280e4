"""How a group of members fares: its activity and trend, its newcomers, who stays, and what it is without the others."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from topics.members import Activity

Direction = Literal["up", "down", "unclear"]

DAY_SECONDS, WEEK_SECONDS = 86400, 7 * 86400
#: Shorter than this, the two halves of a window do not show a trend or who stayed.
MIN_WINDOW_DAYS = 28
#: Who writes for the first time in the first days of the data may have been there long before.
NEWCOMER_AFTER_DAYS = 30
#: Members of the first half of the window from whom on a share of them is given.
MIN_TO_STAY = 5
N_BOOTSTRAPS = 400
SEED = 13

TOO_SHORT, TOO_FEW, NOTHING_BEFORE = "window_too_short", "too_few_members", "data_too_short"


@dataclass(frozen=True)
class Trend:
    """The second half of a window against the first.

    Attributes
    ----------
    ratio : of the second to the first, half a post (or member) added to each; 1 = as many.
    low, high : 95 % interval over draws of the members with replacement.
    """

    ratio: float
    low: float
    high: float

    @property
    def direction(self) -> Direction:
        """Up or down where the interval does not hold 1."""
        if round(self.low, 3) > 1:
            return "up"
        return "down" if round(self.high, 3) < 1 else "unclear"


@dataclass(frozen=True)
class MemberShare:
    """A share of members with its 95 % Wilson interval; None with a reason where it cannot be told."""

    share: float | None
    interval: tuple[float, float] | None
    n: int
    reason: str | None


@dataclass(frozen=True)
class GroupHealth:
    """A group over a window.

    Attributes
    ----------
    n_active : members with two posts or more.
    posts_trend, writers_trend : None where the window is too short; writers are members with a post.
    newcomers : share of its members who wrote for the first time in the window.
    stayed : share of its members with a post in the first half who have one in the second half too.
    """

    n_members: int
    n_active: int
    n_posts: int
    posts_a_week: float
    posts_trend: Trend | None
    writers_trend: Trend | None
    newcomers: MemberShare
    stayed: MemberShare


@dataclass(frozen=True)
class Alone:
    """What is left of a group's activity if nobody else were there: its posts but those that answer others.

    Attributes
    ----------
    n_active : members with two such posts or more.
    posts_a_week, posts_a_week_now : of such posts, and of all.
    """

    n_active: int
    n_active_now: int
    posts_a_week: float
    posts_a_week_now: float


@dataclass(frozen=True)
class Span:
    """From when to before when posts are looked at, in seconds since 1970."""

    start: int
    end: int

    @property
    def n_weeks(self) -> float:
        """Its length in weeks."""
        return (self.end - self.start) / WEEK_SECONDS


def window_span(window: Activity) -> Span:
    """From the first post of a window to its last."""
    return Span(int(window.posted_at.min()), int(window.posted_at.max()) + 1)


def measure_group(activity: Activity, window: Activity, members: NDArray[np.int64], *, min_posts: int) -> GroupHealth:
    """How a group fares in a window.

    Parameters
    ----------
    activity : all posts; older ones show who is new.
    members : numbers of the members, at least one.
    min_posts : posts in the window that make a member active.
    """
    span, n_posts = window_span(window), window.posts_per_member()[members]
    halves = _posts_by_half(window, span)[members]
    return GroupHealth(
        n_members=int((n_posts > 0).sum()),
        n_active=int((n_posts >= min_posts).sum()),
        n_posts=int(n_posts.sum()),
        posts_a_week=float(n_posts.sum() / span.n_weeks),
        posts_trend=_trend(halves, span),
        writers_trend=_trend((halves > 0).astype(np.float64), span),
        newcomers=_newcomers(activity, window, members, span),
        stayed=_stayed(halves, span),
    )


def measure_alone(window: Activity, members: NDArray[np.int64], *, min_posts: int) -> Alone:
    """What stays of a group's posts without the others: all but its answers to members who are not in it."""
    inside = np.zeros(window.n_members + 1, dtype=bool)  # the last place is for nobody known
    inside[members] = True
    answered = np.where(window.parent >= 0, window.author[window.parent], -1)
    stays = inside[window.author] & (window.author >= 0) & (inside[answered] | (answered < 0))
    n_weeks = window_span(window).n_weeks
    own = np.bincount(window.author[stays], minlength=window.n_members)[members]
    now = window.posts_per_member()[members]
    return Alone(
        n_active=int((own >= min_posts).sum()),
        n_active_now=int((now >= min_posts).sum()),
        posts_a_week=float(own.sum() / n_weeks),
        posts_a_week_now=float(now.sum() / n_weeks),
    )


def wilson_share(n_hits: int, n: int) -> MemberShare:
    """A share with its interval; None of both where there is nobody."""
    if n == 0:
        return MemberShare(None, None, 0, TOO_FEW)
    interval = stats.binomtest(n_hits, n).proportion_ci(method="wilson")
    return MemberShare(n_hits / n, (float(interval.low), float(interval.high)), n, None)


def _posts_by_half(window: Activity, span: Span) -> NDArray[np.float64]:
    """Posts of each member in the two halves of the window; shape (n_members, 2)."""
    rows = np.flatnonzero(window.author >= 0)
    is_second = window.posted_at[rows] >= (span.start + span.end) // 2
    halves = np.zeros((window.n_members, 2))
    np.add.at(halves, (window.author[rows], is_second.astype(np.int64)), 1.0)
    return halves


def _trend(halves: NDArray[np.float64], span: Span) -> Trend | None:
    if span.n_weeks * 7 < MIN_WINDOW_DAYS:
        return None
    rng = np.random.default_rng(SEED)
    times = rng.multinomial(len(halves), np.full(len(halves), 1 / len(halves)), size=N_BOOTSTRAPS)
    drawn = times @ halves + 0.5
    low, high = np.quantile(drawn[:, 1] / drawn[:, 0], [0.025, 0.975])
    first, second = halves.sum(axis=0) + 0.5
    return Trend(float(second / first), float(low), float(high))


def _newcomers(activity: Activity, window: Activity, members: NDArray[np.int64], span: Span) -> MemberShare:
    rows = np.flatnonzero(activity.author >= 0)
    known_since = int(activity.posted_at.min()) + NEWCOMER_AFTER_DAYS * DAY_SECONDS
    if known_since > span.start:
        return MemberShare(None, None, 0, NOTHING_BEFORE)
    first_at = np.full(activity.n_members, np.iinfo(np.int64).max)
    np.minimum.at(first_at, activity.author[rows], activity.posted_at[rows])
    present = members[window.posts_per_member()[members] > 0]
    return wilson_share(int((first_at[present] >= span.start).sum()), len(present))


def _stayed(halves: NDArray[np.float64], span: Span) -> MemberShare:
    if span.n_weeks * 7 < MIN_WINDOW_DAYS:
        return MemberShare(None, None, 0, TOO_SHORT)
    first = halves[:, 0] > 0
    if int(first.sum()) < MIN_TO_STAY:
        return MemberShare(None, None, int(first.sum()), TOO_FEW)
    return wilson_share(int((first & (halves[:, 1] > 0)).sum()), int(first.sum()))
