"""Finding posts by what they mean and by the words they use, the best post of each thread."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, and_, case, cast, func, or_, select
from sqlalchemy.dialects.postgresql import REGCONFIG
from sqlalchemy.orm import Session

from moderation.incoming import DICTIONARIES
from moderation.ingest import to_post
from moderation.reading import read_words
from moderation.tables import PostRow, ScoreRow

N_CANDIDATES = 200
"""Posts that each of the two lists holds; beyond them nobody reads."""
RANK_OFFSET = 60
"""Of reciprocal rank fusion, as Cormack, Clarke and Büttcher (SIGIR 2009) propose it; no figure of ours."""
SNIPPET_CHARACTERS = 240
NO_DICTIONARY = "simple"


@dataclass(frozen=True)
class Query:
    """What to look for.

    Attributes
    ----------
    words : as typed; quotes keep words together and a minus leaves them out.
    vector : shape (dim,), unit length, of the same words.
    """

    words: str
    vector: NDArray[np.float32]


@dataclass(frozen=True)
class SearchFilter:
    """Which posts to look at; None does not narrow.

    Attributes
    ----------
    topic_id : where a moderator put the post, else where it was found.
    since : when the post was written.
    """

    space: str | None = None
    topic_id: int | None = None
    since: datetime | None = None
    language: str | None = None


@dataclass(frozen=True)
class Found:
    """The best post of a thread, and how it was found.

    Attributes
    ----------
    cosine : between the query and the post, in [-1, 1]; None = it is not among those nearest in meaning.
    has_words : whether it is among those that have the query's words.
    rank : the sum of 1 / (60 + place) over both lists; only its order means something.
    n_posts : posts of the thread that were found.
    snippet : the part of the words around the first one that was looked for; plain text.
    """

    post: PostRow
    language: str
    topic_id: int | None
    cosine: float | None
    has_words: bool
    rank: float
    n_posts: int
    snippet: str


@dataclass(frozen=True)
class _Candidate:
    post_id: str
    thread_id: str
    cosine: float | None
    has_words: bool
    rank: float


def search_posts(
    session: Session,
    community_id: int,
    query: Query,
    wanted: SearchFilter,
    *,
    model_version: str,
    after: tuple[float, str] | None,
    limit: int,
) -> list[Found]:
    """Find posts, the best one of each thread, best threads first. Deleted posts are never found.

    Every vector is compared: up to some hundred thousand posts of a community that is faster than it is worth an index,
    and nothing is missed under a filter.

    Parameters
    ----------
    model_version : the one that made the query's vector.
    after : rank and thread of the last one of the page before; None = from the best.
    """
    searched = _searched(community_id, wanted, model_version)
    candidates = _fused(_nearest(session, searched, query.vector), _with_words(session, searched, query.words))
    threads: dict[str, list[_Candidate]] = {}
    for candidate in candidates:
        threads.setdefault(candidate.thread_id, []).append(candidate)
    ranked = [(posts[0], len(posts)) for posts in threads.values()]
    shown = [(best, n_posts) for best, n_posts in ranked if after is None or _place(best) > (-after[0], after[1])]
    return _load(session, community_id, shown[:limit], query.words, model_version=model_version)


def _searched(community_id: int, wanted: SearchFilter, model_version: str) -> Select[str, str]:
    """Posts that may be found: scored for the words they have now, and not deleted."""
    topic_id = func.coalesce(PostRow.placed_topic_id, ScoreRow.topic_id)
    conditions = [
        None if wanted.space is None else PostRow.space == wanted.space,
        None if wanted.topic_id is None else topic_id == wanted.topic_id,
        None if wanted.since is None else PostRow.created_at >= wanted.since,
        None if wanted.language is None else ScoreRow.language == wanted.language,
    ]
    return (
        select(PostRow.id, PostRow.thread_id)
        .join(ScoreRow, _scores_of_post(model_version))
        .where(PostRow.community_id == community_id, PostRow.deleted_at.is_(None))
        .where(*(condition for condition in conditions if condition is not None))
    )


def _scores_of_post(model_version: str) -> ColumnElement[bool]:
    return and_(
        ScoreRow.community_id == PostRow.community_id,
        ScoreRow.post_id == PostRow.id,
        ScoreRow.model_version == model_version,
        ScoreRow.words_hash == PostRow.words_hash,
    )


def _nearest(session: Session, searched: Select[str, str], vector: NDArray[np.float32]) -> list[tuple[str, str, float]]:
    """Id, thread and cosine of the posts nearest in meaning, nearest first."""
    distance = ScoreRow.vector.cosine_distance(vector)
    statement = searched.add_columns(distance).where(ScoreRow.vector.is_not(None))
    found = session.execute(statement.order_by(distance, PostRow.id).limit(N_CANDIDATES))
    return [(post_id, thread_id, round(1.0 - far, 6)) for post_id, thread_id, far in found]


def _with_words(session: Session, searched: Select[str, str], words: str) -> list[tuple[str, str]]:
    """Id and thread of the posts that have the words, each read with the dictionary of its language."""
    plain = ScoreRow.language.not_in(sorted(DICTIONARIES))
    readings: list[tuple[ColumnElement[bool], ColumnElement[Any]]] = [(plain, _asked(words, NO_DICTIONARY))]
    readings += [(ScoreRow.language == language, _asked(words, name)) for language, name in DICTIONARIES.items()]
    matches = [and_(is_language, ScoreRow.words.op("@@")(asked)) for is_language, asked in readings]
    weight = func.ts_rank_cd(ScoreRow.words, _case(readings))
    statement = searched.where(or_(*matches)).order_by(weight.desc(), PostRow.created_at.desc(), PostRow.id)
    return [(post_id, thread_id) for post_id, thread_id in session.execute(statement.limit(N_CANDIDATES))]


def _asked(words: str, dictionary: str) -> ColumnElement[Any]:
    return func.websearch_to_tsquery(cast(dictionary, REGCONFIG), words)


def _case(readings: Sequence[tuple[ColumnElement[bool], ColumnElement[Any]]]) -> ColumnElement[Any]:
    (_, otherwise), *by_language = readings
    return case(*by_language, else_=otherwise)


def _fused(nearest: Sequence[tuple[str, str, float]], with_words: Sequence[tuple[str, str]]) -> list[_Candidate]:
    """Both lists as one, best first."""
    thread_of = {post_id: thread_id for post_id, thread_id, _ in nearest} | dict(with_words)
    cosines = {post_id: cosine for post_id, _, cosine in nearest}
    ranks = dict.fromkeys(thread_of, 0.0)
    for ordered in ([post_id for post_id, *_ in nearest], [post_id for post_id, *_ in with_words]):
        for place, post_id in enumerate(ordered, start=1):
            ranks[post_id] += 1 / (RANK_OFFSET + place)
    has_words = {post_id for post_id, _ in with_words}
    candidates = [
        _Candidate(post_id, thread_id, cosines.get(post_id), post_id in has_words, round(ranks[post_id], 9))
        for post_id, thread_id in thread_of.items()
    ]
    return sorted(candidates, key=lambda candidate: (*_place(candidate), candidate.post_id))


def _place(candidate: _Candidate) -> tuple[float, str]:
    return -candidate.rank, candidate.thread_id


def _load(
    session: Session,
    community_id: int,
    shown: Sequence[tuple[_Candidate, int]],
    words: str,
    *,
    model_version: str,
) -> list[Found]:
    """The posts of a page with what is shown of them."""
    topic_id = func.coalesce(PostRow.placed_topic_id, ScoreRow.topic_id)
    statement = (
        select(PostRow, ScoreRow.language, topic_id)
        .join(ScoreRow, _scores_of_post(model_version))
        .where(PostRow.community_id == community_id, PostRow.id == func.any([best.post_id for best, _ in shown]))
    )
    rows = {post.id: (post, language, topic) for post, language, topic in session.execute(statement)}
    found = []
    for best, n_posts in shown:
        post, language, topic = rows[best.post_id]
        text = read_words(to_post(post)).words
        found.append(
            Found(
                post=post,
                language=language,
                topic_id=topic,
                cosine=best.cosine,
                has_words=best.has_words,
                rank=best.rank,
                n_posts=n_posts,
                snippet=make_snippet(text, words),
            )
        )
    return found


def make_snippet(text: str, words: str) -> str:
    """The part of a text around the first of some words, cut between words; its beginning if it has none of them."""
    text = " ".join(text.split())
    stems = [re.escape(word[: max(4, len(word) - 3)]) for word in re.findall(r"\w{3,}", words.lower())]
    match = re.search(rf"\b(?:{'|'.join(stems)})", text, re.IGNORECASE) if stems else None
    middle = match.start() if match else 0
    start = max(0, min(middle - SNIPPET_CHARACTERS // 3, len(text) - SNIPPET_CHARACTERS))
    if start > 0:
        start = text.find(" ", start) + 1 or start
    end = start + SNIPPET_CHARACTERS
    cut = text[start:end]
    if end < len(text) and " " in cut:
        cut = cut[: cut.rfind(" ")]
    return ("… " if start > 0 else "") + cut + (" …" if start + len(cut) < len(text) else "")
