"""Who is best placed to answer, and which earlier answers worked, by what became of what was most like it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

SIMILAR_COSINE = 0.88
"""From here two posts are alike enough for what became of one to say something about the other.

For the bundled encoder: of random pairs, 0.5 % (Stack Overflow titles) to 5 % (tweets to companies) reach it, and the
20th nearest of 4,000 posts of one community has a median of 0.88. In a community about a single subject more do.
"""
N_NEAREST = 20
MIN_ANSWERS = 2
"""Somebody who answered one thing like it may have passed by; whoever answered two is asked."""
MAX_MEMBERS, MAX_EARLIER = 3, 3
ACTIVE_WITHIN = timedelta(days=90)

Reason = Literal["nothing_alike", "no_member", "mostly_staff"]
"""Why it is for the staff: nothing like it was answered before; no member answered two of them who may be asked and was
here lately; the staff answered most of them.
"""


@dataclass(frozen=True)
class EarlierAnswer:
    """What became of an episode or question that is like another.

    Attributes
    ----------
    opening_id : the post that opened it; `answer_id` the first answer, or that which is marked as the solution.
    author_id : who answered; None = unknown.
    worked : what shows that the answer worked; None = nothing does.
    cosine : of both openings, in [-1, 1].
    """

    opening_id: str
    thread_id: str
    answer_id: str
    author_id: str | None
    is_staff: bool
    worked: str | None
    cosine: float


@dataclass(frozen=True)
class Members:
    """What decides whom to ask.

    Attributes
    ----------
    last_seen : the newest post of each author that is known.
    not_asked : those who do not want to be asked.
    """

    last_seen: Mapping[str, datetime]
    not_asked: Collection[str]


def nearest_answers(answers: Sequence[EarlierAnswer]) -> list[EarlierAnswer]:
    """The nearest that are alike enough, the nearest first; ties by id."""
    alike = [answer for answer in answers if round(answer.cosine, 4) >= SIMILAR_COSINE]
    return sorted(alike, key=lambda answer: (-round(answer.cosine, 4), answer.opening_id))[:N_NEAREST]


def best_placed(
    nearest: Sequence[EarlierAnswer], members: Members, *, writer_id: str | None, now: datetime
) -> dict[str, Any]:
    """Who should answer: members who answered at least two such things before, or the staff.

    An answer that worked counts twice. Members are asked unless the staff weighs more.

    Parameters
    ----------
    nearest : as `nearest_answers` gives them.

    Returns
    -------
    who ("peer" or "staff"), members (up to three: author_id, n_answered, n_worked, answer_post_ids), n_similar, and why
    it is for the staff (None = it is not).
    """
    by_member: dict[str, list[EarlierAnswer]] = {}
    for answer in nearest:
        if answer.author_id is not None and not answer.is_staff:
            by_member.setdefault(answer.author_id, []).append(answer)
    asked = {
        author_id: given
        for author_id, given in by_member.items()
        if len(given) >= MIN_ANSWERS and _may_be_asked(author_id, members, writer_id=writer_id, now=now)
    }
    of_staff = _weight([answer for answer in nearest if answer.is_staff])
    of_members = sum(_weight(given) for given in asked.values())
    reason: Reason | None = None
    if not nearest:
        reason = "nothing_alike"
    elif not asked:
        reason = "no_member"
    elif of_staff > of_members:
        reason = "mostly_staff"
    ranked = sorted(asked, key=lambda author_id: (-_weight(asked[author_id]), author_id))[:MAX_MEMBERS]
    return {
        "who": "peer" if reason is None else "staff",
        "members": [_member_json(author_id, asked[author_id]) for author_id in ranked],
        "n_similar": len(nearest),
        "reason": reason,
    }


def answers_that_worked(nearest: Sequence[EarlierAnswer]) -> list[dict[str, Any]]:
    """The nearest earlier answers after which the complaint was put right, or that were marked as the solution."""
    found: dict[str, EarlierAnswer] = {}
    for answer in nearest:
        if answer.worked is not None:
            found.setdefault(answer.answer_id, answer)
    return [
        {
            "answer_post_id": answer.answer_id,
            "opening_post_id": answer.opening_id,
            "thread_id": answer.thread_id,
            "worked": answer.worked,
            "by": "staff" if answer.is_staff else "peer",
            "cosine": round(answer.cosine, 4),
        }
        for answer in list(found.values())[:MAX_EARLIER]
    ]


def _may_be_asked(author_id: str, members: Members, *, writer_id: str | None, now: datetime) -> bool:
    last_seen = members.last_seen.get(author_id)
    is_here = last_seen is not None and now - last_seen <= ACTIVE_WITHIN
    return is_here and author_id != writer_id and author_id not in members.not_asked


def _weight(given: Sequence[EarlierAnswer]) -> int:
    return sum(1 if answer.worked is None else 2 for answer in given)


def _member_json(author_id: str, given: Sequence[EarlierAnswer]) -> dict[str, Any]:
    return {
        "author_id": author_id,
        "n_answered": len(given),
        "n_worked": sum(answer.worked is not None for answer in given),
        "answer_post_ids": [answer.answer_id for answer in given],
    }
