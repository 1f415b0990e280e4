"""What became of an accepted proposal: growth, who stays and answers, before and after, against the rest meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from moderation.answered_questions import AskedQuestion, read_questions
from moderation.corpus import Corpus
from moderation.episode_corrections import load_overrides
from moderation.episode_overrides import NONE
from moderation.group_card import rounded
from moderation.proposals import accepted_proposals
from moderation.subcommunities import staff_ids
from topics.before_after import MIN_N, MIN_WEEKS, Counted, Effect, effect_on_counts, effect_on_share

#: As many weeks after as before, and no more than these.
MAX_WEEKS = 13
WEEK = timedelta(weeks=1)

NOTHING_TO_FOLLOW, NO_HISTORY = "nothing_to_follow", "no_history_before"


@dataclass(frozen=True)
class _Posts:
    """Posts of members, on the proposal's subject or in its spaces, or else.

    Attributes
    ----------
    week : shape (n,), of each post, counted from the first week before; those outside are left out.
    in_second_half : shape (n,), whether it lies in the second half of its period.
    """

    week: NDArray[np.int64]
    author: NDArray[np.str_]
    in_second_half: NDArray[np.bool_]


def follow(
    corpus: Corpus,
    topic_of: NDArray[np.int64],
    questions: Sequence[AskedQuestion],
    contents: Mapping[str, Any],
    *,
    accepted_at: datetime,
) -> dict[str, Any]:
    """Compare as many weeks after a proposal was accepted as before, on its subject and everywhere else.

    Parameters
    ----------
    topic_of : shape (n,), topic id of each row, 0 or less = unsorted.
    contents : the entry of splits.json when it was accepted.
    """
    end = corpus.posts[-1].created_at
    n_weeks = min(MAX_WEEKS, (end - accepted_at) // WEEK)
    known = {"n_weeks": n_weeks, "n_weeks_needed": MIN_WEEKS, "n_needed": MIN_N}
    is_treated = _treated_rows(corpus, topic_of, contents)
    reason = _why_not(corpus, is_treated, accepted_at, n_weeks)
    if reason is not None:
        return {**known, "reason": reason, "effects": None}
    is_other = _other_rows(corpus, topic_of, contents) & ~is_treated
    treated, others = (_posts(corpus, mask, accepted_at, n_weeks) for mask in (is_treated, is_other))
    sides = {"subject": (treated, is_treated), "elsewhere": (others, is_other)}
    stayed = {name: _stayed(posts, n_weeks) for name, (posts, _) in sides.items()}
    answered = {name: _answered(questions, mask, accepted_at, n_weeks) for name, (_, mask) in sides.items()}
    posts = {name: _by_week(of_side, n_weeks) for name, (of_side, _) in sides.items()}
    writers = {name: _writers_by_week(of_side, n_weeks) for name, (of_side, _) in sides.items()}
    return {
        **known,
        "reason": None,
        "effects": {
            "posts": _counts_json(posts, n_weeks),
            "writers": _counts_json(writers, n_weeks),
            "stayed": _share_json(stayed),
            "answered": _share_json(answered),
        },
    }


def _treated_rows(corpus: Corpus, topic_of: NDArray[np.int64], contents: Mapping[str, Any]) -> NDArray[np.bool_]:
    """What the proposal is about: its topics, of a split those of all parts but the largest; else its spaces."""
    spaces = contents.get("spaces") if contents.get("of") == "spaces" else None
    if spaces is not None:
        return np.asarray(
            _members_posts(corpus) & np.array([post.space in spaces for post in corpus.posts], dtype=bool)
        )
    return np.asarray(_members_posts(corpus) & np.isin(topic_of, _topic_ids(contents)))


def _topic_ids(contents: Mapping[str, Any]) -> list[int]:
    if "parts" not in contents:
        return list(contents.get("topic_ids", []))
    parts = sorted(contents["parts"], key=lambda part: -part["n_authors"])[1:]
    return [topic_id for part in parts for topic_id in part["topic_ids"]]


def _other_rows(corpus: Corpus, topic_of: NDArray[np.int64], contents: Mapping[str, Any]) -> NDArray[np.bool_]:
    if contents.get("of") == "spaces":
        return np.asarray(_members_posts(corpus) & np.array([bool(post.space) for post in corpus.posts], dtype=bool))
    return np.asarray(_members_posts(corpus) & (topic_of > 0))


def _members_posts(corpus: Corpus) -> NDArray[np.bool_]:
    of_members = [post.author_id is not None and post.role == "member" for post in corpus.posts]
    return np.asarray(np.array(of_members, dtype=bool) & corpus.visible)


def _why_not(corpus: Corpus, is_treated: NDArray[np.bool_], accepted_at: datetime, n_weeks: int) -> str | None:
    if not is_treated.any():
        return NOTHING_TO_FOLLOW
    if n_weeks < MIN_WEEKS:
        return "too_few_weeks"
    return NO_HISTORY if corpus.posts[0].created_at > accepted_at - n_weeks * WEEK else None


def _posts(corpus: Corpus, mask: NDArray[np.bool_], accepted_at: datetime, n_weeks: int) -> _Posts:
    start = accepted_at - n_weeks * WEEK
    rows = [
        row
        for row in np.flatnonzero(mask).tolist()
        if 0 <= (corpus.posts[row].created_at - start) // WEEK < 2 * n_weeks
    ]
    passed = [(corpus.posts[row].created_at - start) / WEEK for row in rows]
    weeks = np.array(passed, dtype=np.float64)
    return _Posts(
        week=weeks.astype(np.int64),
        author=np.array([corpus.posts[row].author_id for row in rows], dtype=np.str_),
        in_second_half=np.asarray((weeks % n_weeks) >= n_weeks / 2),
    )


def _by_week(posts: _Posts, n_weeks: int) -> NDArray[np.float64]:
    return np.bincount(posts.week, minlength=2 * n_weeks).astype(np.float64)


def _writers_by_week(posts: _Posts, n_weeks: int) -> NDArray[np.float64]:
    pairs = sorted(set(zip(posts.week.tolist(), posts.author.tolist(), strict=True)))
    return np.bincount([week for week, _ in pairs], minlength=2 * n_weeks).astype(np.float64)


def _stayed(posts: _Posts, n_weeks: int) -> Counted:
    """Of the members with a post in the first half of each period, those with one in its second half."""
    found = []
    for is_after in (False, True):
        period = (posts.week >= n_weeks) == is_after
        first, second = (
            set(posts.author[period & half].tolist()) for half in (~posts.in_second_half, posts.in_second_half)
        )
        found.append((len(first & second), len(first)))
    return Counted(*found)


def _answered(
    questions: Sequence[AskedQuestion], mask: NDArray[np.bool_], accepted_at: datetime, n_weeks: int
) -> Counted:
    found = []
    for start in (accepted_at - n_weeks * WEEK, accepted_at):
        asked = [each for each in questions if mask[each.row] and start <= each.asked_at < start + n_weeks * WEEK]
        found.append((sum(bool(each.answered_by) or each.by_staff for each in asked), len(asked)))
    return Counted(*found)


def _counts_json(by_week: Mapping[str, NDArray[np.float64]], n_weeks: int) -> dict[str, Any]:
    figures = {
        name: {"before": rounded(float(counts[:n_weeks].mean())), "after": rounded(float(counts[n_weeks:].mean()))}
        for name, counts in by_week.items()
    }
    return {**figures, **_effect_json(effect_on_counts(by_week["subject"], by_week["elsewhere"], n_before=n_weeks))}


def _share_json(counted: Mapping[str, Counted]) -> dict[str, Any]:
    figures = {
        name: {
            "before": {"n_hits": each.before[0], "n": each.before[1]},
            "after": {"n_hits": each.after[0], "n": each.after[1]},
        }
        for name, each in counted.items()
    }
    return {**figures, **_effect_json(effect_on_share(counted["subject"], counted["elsewhere"]))}


def _effect_json(effect: Effect) -> dict[str, Any]:
    interval = None if effect.interval is None else [rounded(bound) for bound in effect.interval]
    return {"change": rounded(effect.change), "interval": interval, "reason": effect.reason}


def follow_accepted(session: Session, community_id: int, corpus: Corpus, topic_of: NDArray[np.int64]) -> None:
    """Work out anew what became of every accepted proposal of a community."""
    accepted = accepted_proposals(session, community_id)
    overrides = load_overrides(session, community_id) if accepted else NONE
    questions = read_questions(corpus, staff_ids(corpus), overrides) if accepted else []
    for row, accepted_at in accepted:
        row.followed = follow(corpus, topic_of, questions, row.contents, accepted_at=accepted_at)
    session.flush()
