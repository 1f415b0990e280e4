"""What members contribute, and what they care about: the contents of members.json.

Nobody is given a rank, a type or a single label. Names are left out; the organisation's loyalty programme knows its
members by id.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.corpus import Corpus
from moderation.episodes import find_questions
from moderation.replies import judge_replies
from moderation.subcommunities import Membership, SortedPosts, answered_row, read_membership, staff_ids
from topics.members import topic_counts
from topics.mixtures import Mixtures, topic_mixtures

#: Posts in sorted topics from which on interests are shown.
MIN_SORTED_POSTS = 5

#: Who writes for the first time in the first days of the data may have been there long before.
NEWCOMER_AFTER = timedelta(days=30)


def member_ledger(corpus: Corpus, topics: SortedPosts, response_times: Mapping[str, Any]) -> dict[str, Any]:
    """Contents of members.json: contributions of members and, apart, of staff; members' mixtures of interests.

    Every contribution is counted for the author of the post that made it:

    - n_answers: posts that were the first answer to a negative episode, or answered somebody's question;
    - n_episodes_corrected: negative episodes whose author recovered after this member's answer, the first;
    - n_ideas_supported: other people's ideas that the member replied to without a negative tone;
    - n_newcomers_welcomed: first replies to somebody's first post;
    - n_accepted_answers: posts marked as the solution in threads that somebody else started.

    Parameters
    ----------
    response_times : contents of response_times.json.
    """
    episodes = response_times["episodes"]
    newcomers_from = _newcomers_from(corpus)
    credited = _credited_rows(corpus, episodes, newcomers_from=newcomers_from)
    counts = {name: _count_authors(corpus, rows) for name, rows in credited.items()}
    if newcomers_from is None:
        counts["n_newcomers_welcomed"] = None
    membership = read_membership(corpus, topics.topic_of)
    entries = _entries(corpus, counts)
    interests = _interests(membership)
    staff = staff_ids(corpus)
    return {
        "members": [{**entries[author_id], **interests[author_id]} for author_id in membership.author_ids],
        "staff": [entries[author_id] for author_id in sorted(staff & entries.keys())],
        "left_out": _left_out(corpus, staff),
        "newcomers_from": _moment(newcomers_from),
        "newcomers_reason": "data_too_short" if newcomers_from is None else None,
        "min_sorted_posts": MIN_SORTED_POSTS,
    }


def _credited_rows(
    corpus: Corpus, episodes: Sequence[Mapping[str, Any]], *, newcomers_from: datetime | None
) -> dict[str, list[int]]:
    """The rows that count for each contribution, by its name in the ledger."""
    visible = [int(row) for row in np.flatnonzero(corpus.visible)]
    first_rows = {rows[0] for rows in corpus.threads.values()}
    return {
        "n_posts": visible,
        "n_threads_started": [row for row in visible if row in first_rows],
        "n_answers": sorted({*_episode_answers(corpus, episodes), *_question_answers(corpus)}),
        "n_episodes_corrected": _episode_answers(corpus, [each for each in episodes if _corrected_by_peer(each)]),
        "n_ideas_supported": _idea_support(corpus),
        "n_newcomers_welcomed": _welcomes(corpus, newcomers_from),
        "n_accepted_answers": [row for row in visible if corpus.posts[row].accepted and not _own_thread(corpus, row)],
    }


def _count_authors(corpus: Corpus, rows: Iterable[int]) -> Counter[str] | None:
    return Counter(author_id for author_id in (corpus.posts[row].author_id for row in rows) if author_id is not None)


def _episode_answers(corpus: Corpus, episodes: Sequence[Mapping[str, Any]]) -> list[int]:
    answers = [episode["answer_post_id"] for episode in episodes]
    return [corpus.row_of[post_id] for post_id in answers if post_id is not None]


def _corrected_by_peer(episode: Mapping[str, Any]) -> bool:
    return episode["corrected"] is not None and episode["corrected"]["by"] == "peer"


def _question_answers(corpus: Corpus) -> list[int]:
    pairs = [(question.row, reply) for question in find_questions(corpus) for reply in question.replies]
    judgements = judge_replies(corpus, pairs)
    return [reply for (_, reply), judged in zip(pairs, judgements, strict=True) if judged.kind == "answer"]


def _idea_support(corpus: Corpus) -> list[int]:
    """The first reply of each other person to each idea, unless its tone is negative."""
    is_idea, is_negative = corpus.above_threshold("idea"), corpus.above_threshold("negative")
    supported: dict[tuple[int, str], int] = {}
    for row, answered in _replies_to_others(corpus):
        if is_idea[answered] and not is_negative[row]:
            supported.setdefault((answered, corpus.posts[row].author_id or ""), row)
    return list(supported.values())


def _welcomes(corpus: Corpus, newcomers_from: datetime | None) -> list[int]:
    """The first reply to each newcomer's first post."""
    first_post_of: dict[str, int] = {}
    for first_row in np.flatnonzero(corpus.visible).tolist():
        post = corpus.posts[first_row]
        if post.author_id is not None and post.role == "member":
            first_post_of.setdefault(post.author_id, first_row)
    if newcomers_from is None:
        return []
    first_posts = {row for row in first_post_of.values() if corpus.posts[row].created_at >= newcomers_from}
    welcomed: dict[int, int] = {}
    for row, answered in _replies_to_others(corpus):
        if answered in first_posts:
            welcomed.setdefault(answered, row)
    return list(welcomed.values())


def _replies_to_others(corpus: Corpus) -> list[tuple[int, int]]:
    """Row and answered row of each reply by one known person to another, in time order; bots are no persons."""
    replies = []
    for row in np.flatnonzero(corpus.visible):
        answered = answered_row(corpus, int(row))
        if answered is None or not corpus.visible[answered] or corpus.posts[row].role == "bot":
            continue
        author_ids = {corpus.posts[row].author_id, corpus.posts[answered].author_id}
        if len(author_ids) == 2 and None not in author_ids:
            replies.append((int(row), answered))
    return replies


def _own_thread(corpus: Corpus, row: int) -> bool:
    post = corpus.posts[row]
    return corpus.posts[corpus.threads[post.thread_id][0]].author_id == post.author_id


def _newcomers_from(corpus: Corpus) -> datetime | None:
    """From when on a first post is a newcomer's; None if the data end before."""
    if not corpus.posts:
        return None
    start = corpus.posts[0].created_at + NEWCOMER_AFTER
    return start if start <= corpus.posts[-1].created_at else None


def _entries(corpus: Corpus, counts: Mapping[str, Counter[str] | None]) -> dict[str, dict[str, Any]]:
    """One ledger line for everybody who wrote, by author id."""
    entries: dict[str, dict[str, Any]] = {}
    for row in np.flatnonzero(corpus.visible):
        post = corpus.posts[row]
        if post.author_id is None:
            continue
        entry = entries.get(post.author_id)
        if entry is None:
            contributions = {name: None if count is None else count[post.author_id] for name, count in counts.items()}
            first_seen = {"n_likes_received": 0, "first_seen_at": _moment(post.created_at)}
            entry = entries[post.author_id] = {"author_id": post.author_id, **contributions, **first_seen}
        entry["n_likes_received"] += post.likes
        entry["last_seen_at"] = _moment(post.created_at)
    return entries


def _interests(membership: Membership) -> dict[str, dict[str, Any]]:
    """Each member's mixture of topics, or why there is none; by author id."""
    counts = topic_counts(membership.activity)
    mixtures = topic_mixtures(counts)
    n_posts = membership.activity.posts_per_member()
    return {
        author_id: _interest_entry(mixtures, counts[member], membership.topic_ids, member, int(n_posts[member]))
        for member, author_id in enumerate(membership.author_ids)
    }


def _interest_entry(
    mixtures: Mixtures, counts: NDArray[np.float64], topic_ids: Sequence[int], member: int, n_posts: int
) -> dict[str, Any]:
    if counts.sum() < MIN_SORTED_POSTS:
        reason = "too_few_posts" if n_posts < MIN_SORTED_POSTS else "too_few_sorted_posts"
        return {"interests": None, "interests_reason": reason}
    share = np.round(mixtures.share[member], 6)
    written = sorted(np.flatnonzero(counts).tolist(), key=lambda topic: (-share[topic], topic))
    interests = [
        {
            "topic_id": topic_ids[topic],
            "n_posts": int(counts[topic]),
            "share": float(share[topic]),
            "interval": [round(float(bound[member, topic]), 6) for bound in (mixtures.low, mixtures.high)],
        }
        for topic in written
    ]
    return {"interests": interests, "interests_reason": None}


def _left_out(corpus: Corpus, staff: frozenset[str]) -> dict[str, int]:
    """Posts that count for no member: by nobody known, and by bots."""
    posts = [post for post in corpus.posts if post.deleted_at is None]
    bots = {post.author_id for post in posts if post.role == "bot" and post.author_id is not None} - staff
    return {
        "n_posts_unknown_author": sum(post.author_id is None for post in posts),
        "n_posts_by_bots": sum(post.role == "bot" for post in posts),
        "n_bots": len(bots),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
