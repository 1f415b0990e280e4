"""Posts that are stored, as the corpus that the stages work on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.languages import UNKNOWN
from models.signals import SIGNALS
from models.talk import N_TALK
from moderation.communities import community_of
from moderation.corpus import Corpus, Talk
from moderation.exports import link_parents
from moderation.ingest import to_post
from moderation.pipeline import Models
from moderation.posts import Post
from moderation.reading import read_words
from moderation.scoring import thresholds_of
from moderation.tables import CommunityRow, PostRow, ScoreRow


@dataclass(frozen=True)
class StoredCorpus:
    """Whole threads of a community with what the service keeps about each post.

    Attributes
    ----------
    corpus : posts of kind "post" only, sorted by (created_at, id); a post that still waits has no signals.
    rows : the row of each post of the corpus.
    scores : the scores of the words that the post has now; None = still waiting, or not scored.
    """

    corpus: Corpus
    rows: tuple[PostRow, ...]
    scores: tuple[ScoreRow | None, ...]


def load_corpus(
    session: Session, community: CommunityRow, models: Models, *, thread_ids: Collection[str] | None = None
) -> StoredCorpus:
    """Load some whole threads, or all of them (None)."""
    rows = {row.id: row for row in session.scalars(_posts(community.id, thread_ids))}
    scores = {row.post_id: row for row in session.scalars(_scores(community.id, models.version, thread_ids))}
    staff = frozenset(community_of(community).staff)
    linked, _ = link_parents({post_id: _with_role(to_post(row), staff) for post_id, row in rows.items()}, {})
    posts = [post for post in linked if post.kind == "post"]
    current = [_current(rows[post.id], scores.get(post.id)) for post in posts]
    return StoredCorpus(_corpus(posts, current, models), tuple(rows[post.id] for post in posts), tuple(current))


def end_of_data(session: Session, community_id: int) -> datetime | None:
    """The newest `created_at` of a community; None while it is empty."""
    return session.scalar(select(func.max(PostRow.created_at)).where(PostRow.community_id == community_id))


def to_float32(vector: object, dim: int) -> NDArray[np.float32]:
    """A stored half-precision vector at unit length; a row of NaN for None."""
    if vector is None:
        return np.full(dim, np.nan, dtype=np.float32)
    full = np.asarray(vector, dtype=np.float32)
    return np.asarray(full / np.linalg.norm(full), dtype=np.float32)


def _posts(community_id: int, thread_ids: Collection[str] | None) -> Select[PostRow]:
    statement = select(PostRow).where(PostRow.community_id == community_id)
    return statement if thread_ids is None else statement.where(PostRow.thread_id == func.any(sorted(thread_ids)))


def _scores(community_id: int, model_version: str, thread_ids: Collection[str] | None) -> Select[ScoreRow]:
    statement = select(ScoreRow).where(ScoreRow.community_id == community_id, ScoreRow.model_version == model_version)
    if thread_ids is None:
        return statement
    in_threads = _posts(community_id, thread_ids).with_only_columns(PostRow.id)
    return statement.where(ScoreRow.post_id.in_(in_threads))


def _with_role(post: Post, staff: frozenset[str]) -> Post:
    """The staff list of today decides, whatever it was when the post came in."""
    return replace(post, role="staff") if post.author_id in staff else post


def _current(post: PostRow, score: ScoreRow | None) -> ScoreRow | None:
    return score if score is not None and score.words_hash == post.words_hash else None


def _corpus(posts: Sequence[Post], scores: Sequence[ScoreRow | None], models: Models) -> Corpus:
    languages = tuple(UNKNOWN if score is None else score.language for score in scores)
    dim = models.encoder.dim
    vectors = [to_float32(None if score is None else score.vector, dim) for score in scores]
    signals = [[None] * len(SIGNALS) if score is None else score.signals for score in scores]
    talk = [[None] * N_TALK if score is None or score.talk is None else score.talk for score in scores]
    log_odds = np.array(talk, dtype=np.float64).reshape(len(posts), N_TALK)
    return Corpus(
        posts=tuple(posts),
        readings=tuple(read_words(post) for post in posts),
        languages=languages,
        vectors=np.array(vectors, dtype=np.float32).reshape(len(posts), dim),
        signals=np.array(signals, dtype=np.float64).reshape(len(posts), len(SIGNALS)),
        thresholds=thresholds_of(models.heads, languages),
        talk=None if models.heads.talk is None else Talk(log_odds, models.heads.talk),
    )
