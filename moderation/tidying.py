"""Spaces that died or double each other, and threads that belong together: proposals only, with their figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from threadpoolctl import threadpool_limits

from moderation.corpus import Corpus
from moderation.group_card import rounded
from moderation.repeats import first_rows, iso, newest, without_what_all_share
from topics.divides import divergence_of_two
from topics.splits import MIN_POSTS, WINDOW_DAYS

#: Two spaces double each other where so many of the active members of either write in the other as well, and their
#: topics are this near for sure (the upper end of the interval). Of halves of a newsgroup, cut by thread, 19 of 20 are;
#: of pairs of two groups none is: the least overlap of halves is 0.32, the largest of two groups 0.17. By the
#: divergence itself 16 pairs of spaces of the Urho3D forum came and went 44 times in eight years; with it none does.
MIN_SHARED_MEMBERS, MAX_DIVERGENCE_BITS = 0.25, 0.1
MIN_ACTIVE = 10

#: A space is quiet against its own past: blocks of eight weeks, the last one against those before.
BLOCK, N_BLOCKS, MIN_BLOCKS = timedelta(weeks=8), 6, 3
#: Each of those before had this share of a usual one: a space that was never steady is as ever. Without this limit
#: small spaces of the Urho3D forum were found quiet for a month or so 26 times in eight years; with it 6 times.
STEADY_SHARE = 0.5
#: Posts that a usual block had; the share of them that is left; the share after allowing for how the whole community
#: went meanwhile.
MIN_USUAL, MAX_LEFT, MAX_LEFT_OF_COMMUNITY = 12.0, 0.2, 0.25

#: Threads belong together whose first posts are this alike (cosine, without what first posts in their language share),
#: on the same topic, within two weeks. Read on the Urho3D forum: mostly one writer's second try, or one failure.
MIN_COSINE = 0.55
THREADS_APART = timedelta(days=14)
#: More than these nobody reads; the most alike are kept.
MAX_THREADS = 20
#: The distance of threads that cannot be one, farther than any two cosines.
FAR = 3.0


def propose_tidying(corpus: Corpus, topic_of: NDArray[np.int64]) -> dict[str, list[dict[str, Any]]]:
    """The lists `merge` and `revive` of splits.json.

    Parameters
    ----------
    topic_of : shape (n,), topic id of each row, 0 or less = unsorted.
    """
    if not corpus.visible.any():
        return {"merge": [], "revive": []}
    twins = _twin_spaces(corpus, topic_of)
    merge = [*twins, *_twin_threads(corpus, topic_of)]
    return {"merge": merge, "revive": _quiet_spaces(corpus, twins)}


def _twin_spaces(corpus: Corpus, topic_of: NDArray[np.int64]) -> list[dict[str, Any]]:
    counts = _posts_by_member(corpus, topic_of)
    large = [slug for slug, of_space in counts.items() if _is_active(of_space).sum() >= MIN_ACTIVE]
    judged = (_judge_pair(one, other, counts) for one, other in combinations(sorted(large), 2))
    found = [pair for pair in judged if pair is not None]
    return sorted(found, key=lambda pair: (-pair["figures"]["shared_members"], pair["spaces"]))


def _posts_by_member(corpus: Corpus, topic_of: NDArray[np.int64]) -> dict[str, sparse.csr_array]:
    """Sorted posts of each member on each topic in the last 90 days, by space; shape (n_members, n_topics) each."""
    since = corpus.posts[-1].created_at - timedelta(days=WINDOW_DAYS)
    rows = [
        row
        for row in np.flatnonzero(corpus.visible & (topic_of > 0)).tolist()
        if (post := corpus.posts[row]).space and post.author_id and post.role == "member" and post.created_at > since
    ]
    authors, member = np.unique([corpus.posts[row].author_id for row in rows], return_inverse=True)
    topics, topic = np.unique(topic_of[rows], return_inverse=True)
    slugs, space = np.unique([corpus.posts[row].space or "" for row in rows], return_inverse=True)
    shape = (len(authors), len(topics))
    return {
        slug: sparse.coo_array(
            (np.ones(int((space == number).sum())), (member[space == number], topic[space == number])), shape=shape
        ).tocsr()
        for number, slug in enumerate(slugs.tolist())
    }


def _is_active(counts: sparse.csr_array) -> NDArray[np.bool_]:
    return np.asarray(counts.sum(axis=1) >= MIN_POSTS)


def _judge_pair(one: str, other: str, counts: Mapping[str, sparse.csr_array]) -> dict[str, Any] | None:
    of_one, of_other = counts[one], counts[other]
    writes, also = of_one.sum(axis=1) > 0, of_other.sum(axis=1) > 0
    shared = min(
        float((_is_active(of_one) & also).sum() / _is_active(of_one).sum()),
        float((_is_active(of_other) & writes).sum() / _is_active(of_other).sum()),
    )
    if round(shared, 4) < MIN_SHARED_MEMBERS:
        return None
    mixtures = (of_one[np.flatnonzero(writes)].toarray(), of_other[np.flatnonzero(also)].toarray())
    apart = divergence_of_two(*mixtures, np.random.default_rng(0))
    if round(apart.high, 4) > MAX_DIVERGENCE_BITS:
        return None
    return {
        "of": "spaces",
        "spaces": [one, other],
        "n_members": int((writes & also).sum()),
        "figures": {
            "shared_members": rounded(shared),
            "shared_members_at_least": MIN_SHARED_MEMBERS,
            "divergence_bits": rounded(apart.bits),
            "divergence_bits_interval": [rounded(apart.low), rounded(apart.high)],
            "divergence_bits_at_most": MAX_DIVERGENCE_BITS,
            "n_posts": [int(of_one.sum()), int(of_other.sum())],
        },
    }


def _quiet_spaces(corpus: Corpus, twins: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Spaces with hardly a post in the last eight weeks where there used to be many, while the community went on."""
    by_block = _posts_by_block(corpus)
    everybody = np.sum(list(by_block.values()), axis=0) if by_block else np.zeros(0)
    found = []
    for slug, blocks in sorted(by_block.items()):
        past = blocks[1:]
        if len(past) < MIN_BLOCKS:
            continue
        usual, usual_all = float(np.median(past)), float(np.median(everybody[1:]))
        if usual < MIN_USUAL or past.min() < STEADY_SHARE * usual or not everybody[0]:
            continue
        left = blocks[0] / usual
        left_of_community = left / (everybody[0] / usual_all)
        if round(left, 4) <= MAX_LEFT and round(left_of_community, 4) <= MAX_LEFT_OF_COMMUNITY:
            into = next((_other_of(pair, slug) for pair in twins if slug in pair["spaces"]), None)
            found.append(_quiet_json(corpus, slug, blocks, left, left_of_community, into=into))
    return found


def _posts_by_block(corpus: Corpus) -> dict[str, NDArray[np.float64]]:
    """Visible posts of each space by block of eight weeks, the newest first; as many blocks as the space has, whole."""
    last = corpus.posts[-1].created_at
    counts: dict[str, Counter[int]] = {}
    for post, visible in zip(corpus.posts, corpus.visible.tolist(), strict=True):
        block = (last - post.created_at) // BLOCK
        if visible and post.space and block <= N_BLOCKS:
            counts.setdefault(post.space, Counter())[block] += 1
    n_whole = min(N_BLOCKS + 1, (last - corpus.posts[0].created_at) // BLOCK)
    return {
        slug: np.array([of_space[block] for block in range(n_whole)], dtype=np.float64)
        for slug, of_space in counts.items()
    }


def _other_of(pair: Mapping[str, Any], slug: str) -> str:
    one, other = pair["spaces"]
    return str(other if one == slug else one)


def _quiet_json(
    corpus: Corpus,
    slug: str,
    blocks: NDArray[np.float64],
    left: float,
    left_of_community: float,
    *,
    into: str | None,
) -> dict[str, Any]:
    regulars = _regulars_still_here(corpus, slug)
    return {
        "of": "spaces",
        "spaces": [slug],
        "n_members": len(regulars),
        "author_ids": regulars,
        "into": into,
        "figures": {
            "n_posts_last_block": int(blocks[0]),
            "usual_posts_a_block": rounded(float(np.median(blocks[1:]))),
            "n_blocks": len(blocks) - 1,
            "n_days_a_block": BLOCK.days,
            "left": rounded(left),
            "left_at_most": MAX_LEFT,
            "left_of_community": rounded(left_of_community),
            "left_of_community_at_most": MAX_LEFT_OF_COMMUNITY,
            "last_post_at": _last_post_at(corpus, slug),
        },
    }


def _regulars_still_here(corpus: Corpus, slug: str) -> list[str]:
    """Members who were active in a space and wrote elsewhere in the last eight weeks: who could bring it back."""
    since = corpus.posts[-1].created_at - BLOCK
    in_space, of_late = Counter[str](), set()
    for post, visible in zip(corpus.posts, corpus.visible.tolist(), strict=True):
        if not visible or post.author_id is None or post.role != "member":
            continue
        if post.space == slug:
            in_space[post.author_id] += 1
        elif post.created_at > since:
            of_late.add(post.author_id)
    return sorted(author_id for author_id, n in in_space.items() if n >= MIN_POSTS and author_id in of_late)


def _last_post_at(corpus: Corpus, slug: str) -> str:
    in_space = zip(corpus.posts, corpus.visible.tolist(), strict=True)
    return iso(max(post.created_at for post, visible in in_space if visible and post.space == slug))


def _twin_threads(corpus: Corpus, topic_of: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Threads of the last 90 days whose first posts say nearly the same, each like every other of its group."""
    since = corpus.posts[-1].created_at - timedelta(days=WINDOW_DAYS)
    rows = newest(
        corpus, [row for row in first_rows(corpus) if corpus.posts[row].created_at > since and topic_of[row] > 0]
    )
    if len(rows) < 2:
        return []
    cosines = _cosines(corpus, rows)
    apart = np.where(_may_be_one(corpus, topic_of[rows], rows), 1 - cosines, FAR)
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform(apart, checks=False), "complete")
    group_of = fcluster(tree, round(1 - MIN_COSINE, 6), "distance")
    groups = [np.flatnonzero(group_of == group) for group in np.unique(group_of)]
    found = [_threads_json(corpus, topic_of, rows, places, cosines) for places in groups if len(places) > 1]
    nearest = sorted(found, key=lambda threads: (-threads["figures"]["cosine_highest"], threads["post_ids"]))
    return nearest[:MAX_THREADS]


def _cosines(corpus: Corpus, rows: Sequence[int]) -> NDArray[np.float64]:
    points = without_what_all_share(corpus, rows)
    with threadpool_limits(1):
        cosines = np.round((points @ points.T).astype(np.float64), 6)
    return np.asarray(np.clip(np.minimum(cosines, cosines.T), -1.0, 1.0), dtype=np.float64)


def _may_be_one(corpus: Corpus, topics: NDArray[np.int64], rows: Sequence[int]) -> NDArray[np.bool_]:
    """Which pairs are on one topic and near enough in time; shape (n_rows, n_rows)."""
    at = np.array([corpus.posts[row].created_at.timestamp() for row in rows])
    near = np.abs(at[:, None] - at) <= THREADS_APART.total_seconds()
    return np.asarray(near & (topics[:, None] == topics))


def _threads_json(
    corpus: Corpus,
    topic_of: NDArray[np.int64],
    rows: Sequence[int],
    places: NDArray[np.int64],
    cosines: NDArray[np.float64],
) -> dict[str, Any]:
    posts = [corpus.posts[rows[place]] for place in places.tolist()]
    of_pairs = cosines[np.ix_(places, places)][np.triu_indices(len(places), 1)]
    days: list[datetime] = [post.created_at for post in posts]
    return {
        "of": "threads",
        "thread_ids": [post.thread_id for post in posts],
        "post_ids": [post.id for post in posts],
        "topic_id": int(topic_of[rows[places[0]]]),
        "n_members": len({post.author_id for post in posts if post.author_id is not None}),
        "figures": {
            "cosine_highest": rounded(float(of_pairs.max())),
            "cosine_at_least": MIN_COSINE,
            "n_days_apart": rounded((days[-1] - days[0]) / timedelta(days=1)),
            "n_days_at_most": THREADS_APART.days,
        },
    }
