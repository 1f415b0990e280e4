"""What members contribute, and what they care about: the contents of members.json.

Nobody is given a rank, a type or a single label. Names are left out; the organisation's loyalty programme knows its
members by id.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.contribution_weights import Weighed, looks_json, weigh_contributions
from moderation.contributions import COUNT_OF, Contribution, find_contributions, newcomers_from
from moderation.corpus import Corpus
from moderation.episode_overrides import NONE, Overrides
from moderation.leaving import leaving_signs
from moderation.left_out import count_left_out, hide_left_out
from moderation.second_accounts import find_second_accounts
from moderation.subcommunities import Membership, SortedPosts, read_membership, staff_ids
from moderation.thanking_rings import find_rings
from topics.members import topic_counts
from topics.mixtures import Mixtures, topic_mixtures

#: Posts in sorted topics from which on interests are shown.
MIN_SORTED_POSTS = 5
LATELY = timedelta(days=90)


def member_ledger(
    corpus: Corpus,
    topics: SortedPosts,
    response_times: Mapping[str, Any],
    *,
    left_out: Collection[str] = (),
    overrides: Overrides = NONE,
) -> dict[str, Any]:
    """Contents of members.json: contributions of members and, apart, of staff; members' mixtures of interests.

    Every contribution is counted for the author of the post that made it (`moderation.contributions`), and beside it
    what it counts for once repeats, rings and second accounts are weighed (`moderation.contribution_weights`).

    Parameters
    ----------
    response_times : contents of response_times.json.
    left_out : author ids of those who want no statistics; they are counted, and are in nothing else.
    overrides : what moderators said about questions and their replies.
    """
    counted = hide_left_out(corpus, left_out)
    contributions = find_contributions(counted, response_times["episodes"], overrides)
    membership = read_membership(counted, topics.topic_of)
    rings = find_rings(counted, contributions, membership.author_ids)
    accounts = find_second_accounts(counted, contributions, membership.author_ids, topic_of=topics.topic_of)
    weighed = weigh_contributions(counted, contributions, rings, accounts)
    entries = _entries(counted, contributions)
    interests = _interests(membership)
    evidence = _evidence(counted, weighed)
    leaving, leaving_summary = leaving_signs(counted, membership.author_ids, response_times)
    staff = staff_ids(counted)
    since = newcomers_from(counted)
    return {
        "members": [
            {
                **entries[author_id],
                **_weighed_json(evidence.get(author_id, ()), since),
                **interests[author_id],
                **leaving[author_id],
            }
            for author_id in membership.author_ids
        ],
        "staff": [entries[author_id] for author_id in sorted(staff & entries.keys())],
        "left_out": {**_left_out(corpus, staff, left_out), **count_left_out(corpus, left_out)},
        "newcomers_from": _moment(since),
        "newcomers_reason": "data_too_short" if since is None else None,
        "min_sorted_posts": MIN_SORTED_POSTS,
        "needs_a_look": looks_json(counted, rings, accounts),
        "leaving": leaving_summary,
    }


def _evidence(corpus: Corpus, weighed: Iterable[Weighed]) -> dict[str, list[dict[str, Any]]]:
    """Every contribution of each author with its posts and weight, in time order."""
    of_author: dict[str, list[dict[str, Any]]] = {}
    for each in weighed:
        made = each.contribution
        line = {
            "kind": made.kind,
            "post_id": corpus.posts[made.row].id,
            "about_post_id": corpus.posts[made.about_row].id,
            "to_author_id": made.to_author_id,
            "at": _moment(corpus.posts[made.row].created_at),
            "weight": each.weight,
            "lowered_by": each.lowered_by,
        }
        of_author.setdefault(made.author_id, []).append(line)
    return of_author


def _weighed_json(evidence: Sequence[Mapping[str, Any]], since: datetime | None) -> dict[str, Any]:
    """The weighted counts beside the counted ones, how many were lowered for which reason, and every contribution."""
    weighted: dict[str, float | None] = {
        name: round(sum((line["weight"] for line in evidence if line["kind"] == kind), 0.0), 2)
        for kind, name in COUNT_OF.items()
    }
    if since is None:
        weighted["n_newcomers_welcomed"] = None
    lowered = Counter(reason for line in evidence for reason in line["lowered_by"])
    return {"weighted": weighted, "lowered": dict(sorted(lowered.items())), "contributions": list(evidence)}


def _entries(corpus: Corpus, contributions: Iterable[Contribution]) -> dict[str, dict[str, Any]]:
    """One ledger line for everybody who wrote, by author id."""
    made = {name: Counter[str]() for name in COUNT_OF.values()}
    for each in contributions:
        made[COUNT_OF[each.kind]][each.author_id] += 1
    entries: dict[str, dict[str, Any]] = {}
    knows_newcomers = newcomers_from(corpus) is not None
    first_rows = {rows[0] for rows in corpus.threads.values()}
    for row in np.flatnonzero(corpus.visible).tolist():
        post = corpus.posts[row]
        if post.author_id is None:
            continue
        entry = entries.get(post.author_id)
        if entry is None:
            entry = entries[post.author_id] = {
                "author_id": post.author_id,
                "n_posts": 0,
                "n_threads_started": 0,
                **{name: counts[post.author_id] for name, counts in made.items()},
                "n_likes_received": 0,
                "first_seen_at": _moment(post.created_at),
            }
            if not knows_newcomers:
                entry["n_newcomers_welcomed"] = None
        entry["n_posts"] += 1
        entry["n_threads_started"] += row in first_rows
        entry["n_likes_received"] += post.likes
        entry["last_seen_at"] = _moment(post.created_at)
    return entries


def _interests(membership: Membership) -> dict[str, dict[str, Any]]:
    """Each member's mixture of topics over all the time and over the last 90 days, or why there is none.

    Lately is told where there were enough posts before as well: else it says nothing that the whole does not.
    """
    activity = membership.activity
    since = int(activity.posted_at.max(initial=0)) - int(LATELY.total_seconds())
    lately = activity.between(since, int(activity.posted_at.max(initial=0)) + 1)
    counts, counts_lately = topic_counts(activity), topic_counts(lately)
    mixtures, mixtures_lately = topic_mixtures(counts), topic_mixtures(counts_lately)
    n_posts = activity.posts_per_member()
    found: dict[str, dict[str, Any]] = {}
    for member, author_id in enumerate(membership.author_ids):
        n_sorted, n_lately = int(counts[member].sum()), int(counts_lately[member].sum())
        reason = _why_no_interests(int(n_posts[member]), n_sorted)
        reason_lately = _why_none_lately(n_sorted - n_lately, n_lately)
        topic_ids = membership.topic_ids
        found[author_id] = {
            "interests": None if reason else _shares(mixtures, counts[member], topic_ids, member),
            "interests_reason": reason,
            "interests_lately": None
            if reason_lately
            else _shares(mixtures_lately, counts_lately[member], topic_ids, member),
            "interests_lately_reason": reason_lately,
        }
    return found


def _why_no_interests(n_posts: int, n_sorted: int) -> str | None:
    if n_sorted >= MIN_SORTED_POSTS:
        return None
    return "too_few_posts" if n_posts < MIN_SORTED_POSTS else "too_few_sorted_posts"


def _why_none_lately(n_before: int, n_lately: int) -> str | None:
    if n_lately < MIN_SORTED_POSTS:
        return "too_few_posts_lately"
    return "too_few_posts_before" if n_before < MIN_SORTED_POSTS else None


def _shares(
    mixtures: Mixtures, counts: NDArray[np.float64], topic_ids: Sequence[int], member: int
) -> list[dict[str, Any]]:
    """The topics that a member wrote about, the largest share first."""
    share = np.round(mixtures.share[member], 6)
    written = sorted(np.flatnonzero(counts).tolist(), key=lambda topic: (-share[topic], topic))
    return [
        {
            "topic_id": topic_ids[topic],
            "n_posts": int(counts[topic]),
            "share": float(share[topic]),
            "interval": [round(float(bound[member, topic]), 6) for bound in (mixtures.low, mixtures.high)],
        }
        for topic in written
    ]


def _left_out(corpus: Corpus, staff: frozenset[str], left_out: Collection[str]) -> dict[str, int]:
    """Posts that count for no member: by nobody known, and by bots."""
    posts = [post for post in corpus.posts if post.deleted_at is None]
    bots = {post.author_id for post in posts if post.role == "bot" and post.author_id is not None} - staff
    bots -= frozenset(left_out)
    return {
        "n_posts_unknown_author": sum(post.author_id is None for post in posts),
        "n_posts_by_bots": sum(post.role == "bot" for post in posts),
        "n_bots": len(bots),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
