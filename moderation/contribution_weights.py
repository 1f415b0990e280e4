"""What each contribution counts for, with every reason why it counts for less than one.

Rules never add up: the strictest one holds. A post that put an unhappy member right always counts in full for that,
however short it is, unless it was done within a ring or for an account that may be the writer's own.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from moderation.contributions import Contribution, ContributionKind
from moderation.corpus import Corpus
from moderation.second_accounts import MAX_HOURS_RANK, MAX_WORDING_RANK, MIN_DAYS, MIN_POSTS, MIN_SHARE, SecondAccount
from moderation.second_accounts import WEIGHT as SECOND_ACCOUNT_WEIGHT
from moderation.thanking_rings import MAX_FALSE, MAX_RING, MIN_CLOSED, MIN_LIFT, Ring

TINY_WORDS = 8
FREE_FOR_ONE_MEMBER = 3
ONE_MEMBER_WITHIN = timedelta(days=30)

LowerReason = Literal["same_thread", "same_member", "tiny_answers", "ring", "second_account", "own_post"]
SPARED: frozenset[ContributionKind] = frozenset({"correction", "accepted_answer"})
"""Somebody else showed that these helped; how many or how short they are says nothing against them."""


@dataclass(frozen=True)
class Weighed:
    """A contribution and what it counts for.

    Attributes
    ----------
    weight : in [0, 1].
    lowered_by : the figures of every rule that lowers it, by its reason; the strictest one holds.
    """

    contribution: Contribution
    weight: float
    lowered_by: Mapping[LowerReason, Mapping[str, Any]] = field(default_factory=dict)


def weigh_contributions(
    corpus: Corpus, contributions: Sequence[Contribution], rings: Sequence[Ring], accounts: Sequence[SecondAccount]
) -> list[Weighed]:
    """What each contribution counts for, in the same order.

    Parameters
    ----------
    contributions : in time order.
    """
    corrected = {each.row for each in contributions if each.kind == "correction"}
    counter = _Counter(corpus)
    weighed = []
    for each in contributions:
        repeats = counter.count(each)
        lowered = {} if each.kind in SPARED or each.row in corrected else repeats
        lowered |= _between_accounts(each, rings, accounts)
        weight = min((found[1] for found in lowered.values()), default=1.0)
        reasons = {reason: {**figures, "weight": factor} for reason, (figures, factor) in lowered.items()}
        weighed.append(Weighed(each, round(weight, 6), reasons))
    return weighed


_Lowered = dict[LowerReason, tuple[dict[str, Any], float]]


class _Counter:
    """Counts repeats as contributions come by in time order."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._n_in_thread: dict[tuple[str, str, str], int] = defaultdict(int)
        self._to_member: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        self._n_tiny: dict[tuple[str, str, Any], int] = defaultdict(int)

    def count(self, each: Contribution) -> _Lowered:
        """The rules about repeats that lower the next contribution."""
        found: _Lowered = {}
        in_thread = self._nth_in_thread(each)
        if in_thread > 1:
            found["same_thread"] = {"nth_in_thread": in_thread}, round(1 / in_thread, 6)
        to_member = self._nth_to_member(each)
        if to_member > FREE_FOR_ONE_MEMBER:
            found["same_member"] = {"nth_within_30_days": to_member}, round(FREE_FOR_ONE_MEMBER / to_member, 6)
        n_words, tiny = self._corpus.readings[each.row].n_words, self._nth_tiny(each)
        if tiny > 1:
            found["tiny_answers"] = {"n_words": n_words, "nth_tiny_of_the_day": tiny}, round(1 / tiny, 6)
        return found

    def _nth_in_thread(self, each: Contribution) -> int:
        place = each.author_id, each.kind, self._corpus.posts[each.row].thread_id
        self._n_in_thread[place] += 1
        return self._n_in_thread[place]

    def _nth_to_member(self, each: Contribution) -> int:
        if each.to_author_id is None:
            return 1
        earlier = self._to_member[each.author_id, each.kind, each.to_author_id]
        since = self._corpus.posts[each.row].created_at - ONE_MEMBER_WITHIN
        earlier[:] = [row for row in earlier if self._corpus.posts[row].created_at > since] + [each.row]
        return len(earlier)

    def _nth_tiny(self, each: Contribution) -> int:
        """1 also for what is not tiny."""
        reading = self._corpus.readings[each.row]
        if reading.n_words >= TINY_WORDS or reading.has_code or reading.n_links:
            return 1
        day = each.author_id, each.kind, self._corpus.posts[each.row].created_at.date()
        self._n_tiny[day] += 1
        return self._n_tiny[day]


def _between_accounts(each: Contribution, rings: Sequence[Ring], accounts: Sequence[SecondAccount]) -> _Lowered:
    found: _Lowered = {}
    if each.to_author_id == each.author_id:
        found["own_post"] = {}, 0.0
    for ring in rings:
        if {each.author_id, each.to_author_id} <= set(ring.author_ids) and each.to_author_id != each.author_id:
            figures = {
                "author_ids": list(ring.author_ids),
                "n_exchanged": ring.n_exchanged,
                "expected": ring.n_expected,
            }
            found["ring"] = figures, ring.weight
    for account in accounts:
        if account.needs_a_look and (each.author_id, each.to_author_id) == (account.author_id, account.other_id):
            figures = {"other_author_id": account.other_id, "share": account.share}
            found["second_account"] = figures, SECOND_ACCOUNT_WEIGHT
    return found


def looks_json(corpus: Corpus, rings: Sequence[Ring], accounts: Sequence[SecondAccount]) -> dict[str, Any]:
    """What a person may want to look at, with its figures; nobody is accused of anything.

    Returns
    -------
    rings, second_accounts (those that match), accounts_not_compared (those of which too little is known), and the
    limits by which they were found.
    """
    return {
        "rings": [_ring_json(corpus, ring) for ring in rings],
        "second_accounts": [_account_json(corpus, each) for each in accounts if each.needs_a_look],
        "accounts_not_compared": [
            {"author_id": each.author_id, "other_author_id": each.other_id, "reason": each.abstained}
            for each in accounts
            if each.abstained is not None
        ],
        "limits": {
            "ring": {"lift": MIN_LIFT, "false_share": MAX_FALSE, "share_among_them": MIN_CLOSED, "members": MAX_RING},
            "second_account": {
                "share": MIN_SHARE,
                "posts": MIN_POSTS,
                "days": MIN_DAYS,
                "hours_rank": MAX_HOURS_RANK,
                "wording_rank": MAX_WORDING_RANK,
            },
        },
    }


def _ring_json(corpus: Corpus, ring: Ring) -> dict[str, Any]:
    return {
        "author_ids": list(ring.author_ids),
        "n_exchanged": ring.n_exchanged,
        "n_expected": ring.n_expected,
        "n_given": ring.n_given,
        "n_received": ring.n_received,
        "n_threads": ring.n_threads,
        "p": ring.p,
        "weight": ring.weight,
        "post_ids": [corpus.posts[row].id for row in ring.rows],
    }


def _account_json(corpus: Corpus, account: SecondAccount) -> dict[str, Any]:
    return {
        "author_id": account.author_id,
        "other_author_id": account.other_id,
        "n_contributions": account.n_contributions,
        "share": account.share,
        "hours_rank": account.hours_rank,
        "wording_rank": account.wording_rank,
        "weight": SECOND_ACCOUNT_WEIGHT,
        "post_ids": [corpus.posts[row].id for row in account.rows],
    }
