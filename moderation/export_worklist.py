"""The worklist of an export: the same order and advice as in the service, worked out over all posts at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from moderation.config import Community
from moderation.corpus import Corpus
from moderation.earlier_answers import (
    SIMILAR_COSINE,
    EarlierAnswer,
    Members,
    answers_that_worked,
    best_placed,
    nearest_answers,
)
from moderation.priority import Reach, points_at
from moderation.wait_records import WaitRecord
from moderation.worklist_order import NEWCOMER_POSTS, OpenWait, rate_wait

MAX_LISTED = 200
"""Nobody works off more than this from a file; everybody who waits is in the other lists of response_times.json."""


def export_worklist(
    corpus: Corpus, records: Sequence[WaitRecord], *, community: Community, end_at: datetime
) -> list[dict[str, Any]]:
    """The first of those who wait, as `worklist` of response_times.json.

    Parameters
    ----------
    end_at : the end of the data; whoever waited longer counts as if it had been a day.
    """
    waiting: dict[int, WaitRecord] = {}
    for record in records:
        if record.is_open and corpus.visible[record.row]:
            waiting.setdefault(record.row, record)  # an episode comes before a question
    n_earlier = _earlier_posts(corpus)
    rated = [
        (rate_wait(_open_wait(corpus, record, n_earlier.get(row), end_at)), row) for row, record in waiting.items()
    ]
    rated.sort(key=lambda item: (-points_at(item[0], end_at), corpus.posts[item[1]].id))
    shown = rated[:MAX_LISTED]
    nearest = _nearest(corpus, [row for _, row in shown], records)
    members = _members(corpus, community)
    return [_item_json(corpus, row, parts, nearest.get(row), members=members, end_at=end_at) for parts, row in shown]


def _item_json(
    corpus: Corpus,
    row: int,
    parts: Mapping[str, Any],
    nearest: Sequence[EarlierAnswer] | None,
    *,
    members: Members,
    end_at: datetime,
) -> dict[str, Any]:
    post = corpus.posts[row]
    placed = None if nearest is None else best_placed(nearest, members, writer_id=post.author_id, now=end_at)
    return {
        "kind": parts["kind"],
        "post_id": post.id,
        "thread_id": post.thread_id,
        "points": points_at(parts, end_at),
        "parts": parts,
        "best_placed": placed,
        "best_placed_reason": "no words to compare by" if placed is None else None,
        "earlier_answers": answers_that_worked(nearest or ()),
    }


def _open_wait(corpus: Corpus, record: WaitRecord, n_earlier_posts: int | None, end_at: datetime) -> OpenWait:
    post, contents = corpus.posts[record.row], record.contents
    return OpenWait(
        kind=record.kind,
        post_id=post.id,
        started_at=post.created_at,
        first_seen_at=end_at,
        p=contents["p_negative_wom" if record.kind == "episode" else "p_question"],
        tone_strength=contents["tone_strength"],
        reach=Reach(contents["n_replies"], contents["n_amplifiers"], post.likes),
        n_joined_within_a_day=contents["n_joined_within_a_day"],
        n_earlier_posts=n_earlier_posts,
    )


def _earlier_posts(corpus: Corpus) -> dict[int, int]:
    """How many visible posts the writer of each row had written before, up to `NEWCOMER_POSTS`."""
    written: dict[str, list[datetime]] = {}
    counted: dict[int, int] = {}
    for row, post in enumerate(corpus.posts):
        if post.author_id is None:
            continue
        earlier = written.setdefault(post.author_id, [])
        counted[row] = sum(at < post.created_at for at in earlier)
        if post.deleted_at is None and len(earlier) < NEWCOMER_POSTS:
            earlier.append(post.created_at)
    return counted


def _members(corpus: Corpus, community: Community) -> Members:
    last_seen = {post.author_id: post.created_at for post in corpus.posts if post.author_id is not None}
    return Members(last_seen, frozenset(community.not_asked) | frozenset(community.left_out))


def _nearest(corpus: Corpus, rows: Sequence[int], records: Sequence[WaitRecord]) -> dict[int, list[EarlierAnswer]]:
    """The answered openings of other threads that are most like each row; rows without a vector are left out."""
    answered: dict[int, WaitRecord] = {}
    for record in records:
        answer = record.answer_row
        if answer is not None and corpus.visible[answer] and corpus.encoded[record.row]:
            answered.setdefault(record.row, record)
    library = sorted(answered)
    asked = [row for row in rows if corpus.encoded[row]]
    if not library:
        return {row: [] for row in asked}
    with threadpool_limits(1):
        cosine = corpus.vectors[asked].astype(np.float64) @ corpus.vectors[library].astype(np.float64).T
    return {
        row: _answers_like(corpus, row, cosine[place], [answered[other] for other in library])
        for place, row in enumerate(asked)
    }


def _answers_like(
    corpus: Corpus, row: int, cosine: NDArray[np.float64], library: Sequence[WaitRecord]
) -> list[EarlierAnswer]:
    places = np.flatnonzero(np.round(cosine, 4) >= SIMILAR_COSINE).tolist()
    alike = [(library[place], float(cosine[place])) for place in places]
    thread_id = corpus.posts[row].thread_id
    elsewhere = [found for found in alike if corpus.posts[found[0].row].thread_id != thread_id]
    return nearest_answers([_earlier_answer(corpus, record, how_alike) for record, how_alike in elsewhere])


def _earlier_answer(corpus: Corpus, record: WaitRecord, cosine: float) -> EarlierAnswer:
    assert record.answer_row is not None  # only answered openings are in the library
    opening, answer = corpus.posts[record.row], corpus.posts[record.answer_row]
    return EarlierAnswer(
        opening_id=opening.id,
        thread_id=opening.thread_id,
        answer_id=answer.id,
        author_id=answer.author_id,
        is_staff=answer.role == "staff",
        worked=record.worked,
        cosine=cosine,
    )
