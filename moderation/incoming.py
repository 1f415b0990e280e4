"""Stages 2 to 5 for posts that come in: score them, then judge their threads and bring the queue in line."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Any

import numpy as np
from sqlalchemy import Integer, Select, cast, exists, func, select, update
from sqlalchemy.dialects.postgresql import REGCONFIG, insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from moderation.alarm_rules import watch_episodes
from moderation.communities import community_of
from moderation.corpus import Corpus, ReplyBackground
from moderation.db import Database
from moderation.errors import ScoresUnusable
from moderation.explanations import Explanation, explain_signals, with_known
from moderation.fits import Fit, Placed, apply_fit
from moderation.flag_sync import JudgedPost, sync_flags
from moderation.flags import Flag, raise_flags
from moderation.ingest import to_post, words_hash
from moderation.job_queue import defer_scoring
from moderation.pipeline import Models
from moderation.placement import place_posts
from moderation.relevance import N_EVIDENCE
from moderation.replies import unknown_background
from moderation.scoring import read_posts, score_posts
from moderation.stored_corpus import StoredCorpus, end_of_data, load_corpus
from moderation.tables import CommunityRow, FitRow, PostRow, ScoreRow
from moderation.topic_orders import merged_into, standing_orders
from moderation.wait_records import n_replies
from moderation.wait_rows import Judged, forget_waits, judge_waits, without_ruled_out

#: The full-text dictionaries of PostgreSQL that are named after a language of ours.
DICTIONARIES: Mapping[str, str] = {
    "da": "danish",
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "it": "italian",
    "nl": "dutch",
    "pt": "portuguese",
    "sv": "swedish",
}

#: A text vector holds at most a megabyte.
MAX_SEARCHED_CHARACTERS = 200_000

#: Reading a fit takes longer than using it; about 3 MB each.
MAX_FITS = 32
_FITS: dict[tuple[int, str, datetime], Fit] = {}
_FITS_LOCK = Lock()


def score_waiting(database: Database, models: Models, community_id: int, post_ids: Sequence[str]) -> int:
    """Read, encode and score those of some posts whose words are new; returns how many.

    The models run outside any transaction. Scores are kept only if the words are still the same then.
    """
    with database.transaction() as session:
        community = session.get_one(CommunityRow, community_id)
        posts = [to_post(row) for row in session.scalars(_unscored(community_id, post_ids, models.version))]
    if not posts:
        return 0
    read = read_posts(posts, languages=community_of(community).languages)
    corpus = score_posts(read, models.encoder, models.heads, advance=lambda _: None).corpus
    _check_vectors(corpus)
    explained = explain_signals(corpus, encoder=models.encoder, heads=models.heads)
    with database.transaction() as session:
        _store_scores(session, community_id, corpus, explained, model_version=models.version)
    return len(posts)


def judge_posts(
    database: Database, models: Models, community_id: int, post_ids: Sequence[str], *, now: datetime
) -> None:
    """Judge the threads of some posts: topic, relevance, who waits; then flags. Those posts wait no more.

    One transaction at a time for each community, so that a judgement never rests on a thread older than another's.
    """
    with database.transaction() as session:
        community = lock_community(session, community_id)
        mine = PostRow.community_id == community_id, PostRow.id == func.any(list(post_ids))
        threads = set(session.scalars(select(PostRow.thread_id).where(*mine)))
        judge_threads(session, community, models, threads, now=now)
        session.execute(update(PostRow).where(*mine, _has_scores(models.version)).values(waiting_since=None))


def judge_threads(
    session: Session, community: CommunityRow, models: Models, thread_ids: Collection[str], *, now: datetime
) -> None:
    """Judge some whole threads; the caller holds the community's lock."""
    stored = load_corpus(session, community, models, thread_ids=thread_ids)
    if not len(stored.corpus):
        forget_waits(session, community.id, thread_ids)
        return
    fit, merged = load_fit(session, community.id, models.version), merged_into(standing_orders(session, community.id))
    placed = _with_earlier(apply_fit(fit, stored.corpus, merged=merged), stored)
    topic_of = [row.placed_topic_id or topic_id for row, topic_id in zip(stored.rows, placed.topic_id_of, strict=True)]
    end_at = end_of_data(session, community.id)
    assert end_at is not None  # there are posts
    moment = Judged(community.id, models.version, end_at=max(end_at, now), at=now)
    corpus = replace(stored.corpus, background=_background(fit, models))
    waits, overrides = judge_waits(session, corpus, moment, topic_of=topic_of, thread_ids=thread_ids)
    raised = without_ruled_out(raise_flags(stored.corpus, placed.relevance, waits), stored.corpus, waits, overrides)
    flags = [
        tuple(_with_nearest(session, community, models, _with_sentences(flag, score), row) for flag in of_row)
        for row, score, of_row in zip(stored.rows, stored.scores, raised, strict=True)
    ]
    _store_places(stored, placed, now=now)
    sync_flags(session, community, judged_posts(stored, flags, waits), model_version=models.version, now=now)
    watch_episodes(session, community, stored.corpus, waits, now=now)


def _background(fit: Fit | None, models: Models) -> ReplyBackground:
    """What replies are compared with: what the last fit kept, whichever threads are judged together."""
    return unknown_background(models.encoder.dim) if fit is None or fit.replies is None else fit.replies


def lock_community(session: Session, community_id: int) -> CommunityRow:
    """Wait until nobody else judges this community, until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext("judge"), cast(community_id, Integer))))
    return session.get_one(CommunityRow, community_id)


def load_fit(session: Session, community_id: int, model_version: str) -> Fit | None:
    """What new posts are measured against; None while the community has not been fitted."""
    mine = FitRow.community_id == community_id, FitRow.model_version == model_version
    fitted_at = session.scalar(select(FitRow.fitted_at).where(*mine))
    if fitted_at is None:
        return None
    key = (community_id, model_version, fitted_at)
    with _FITS_LOCK:
        fit = _FITS.get(key)
    if fit is None:
        fit = Fit.from_bytes(session.scalars(select(FitRow.arrays).where(*mine)).one())
        with _FITS_LOCK:
            _FITS[key] = fit
            while len(_FITS) > MAX_FITS:
                del _FITS[next(iter(_FITS))]
    return fit


def judged_posts(stored: StoredCorpus, flags: Sequence[tuple[Flag, ...]], waits: Mapping[str, Any]) -> list[JudgedPost]:
    """What the queue wants to know of each post that has scores."""
    corpus = stored.corpus
    episode_of = {post_id: episode for episode in waits["episodes"] for post_id in _posts_of(episode)}
    asks = corpus.above_threshold("question")
    replies = n_replies(corpus)
    judged = []
    for position, (row, score) in enumerate(zip(stored.rows, stored.scores, strict=True)):
        if score is None:
            continue
        episode = episode_of.get(row.id)
        # A question that no longer waits has its answer, unless nobody could give one any more.
        first_post = corpus.posts[corpus.threads[row.thread_id][0]]
        is_answered_question = asks[position] and not flags[position] and first_post.locked_at is None
        is_answered_complaint = episode is not None and episode["first_answer_at"] is not None
        judged.append(
            JudgedPost(
                post_id=row.id,
                thread_id=row.thread_id,
                revision=row.revision,
                created_at=row.created_at,
                flags=flags[position],
                n_replies=replies[position],
                n_amplifiers=episode["n_amplifiers"] if episode is not None and episode["id"] == row.id else 0,
                likes=row.likes,
                is_answered=bool(is_answered_question or is_answered_complaint),
            )
        )
    return judged


def _posts_of(episode: Mapping[str, Any]) -> list[str]:
    return [episode["id"], *episode["amplifying_post_ids"]]


def await_other_models(session: Session, model_version: str, *, now: datetime) -> int:
    """Have every post scored that only other models have read, after an update say; returns how many.

    Posts that these models could not score before are tried again too.
    """
    statement = (
        update(PostRow)
        .where(
            PostRow.kind == "post",
            PostRow.deleted_at.is_(None),
            PostRow.waiting_since.is_(None),
            ~_has_scores(model_version),
        )
        .values(waiting_since=now, not_scored_reason=None, is_backfill=True)
        .returning(PostRow.community_id, PostRow.id)
        .execution_options(synchronize_session=False)
    )
    by_community: dict[int, list[str]] = {}
    for community_id, post_id in sorted((row.community_id, row.id) for row in session.execute(statement)):
        by_community.setdefault(community_id, []).append(post_id)
    for community_id, post_ids in by_community.items():
        defer_scoring(session, community_id, post_ids, is_backfill=True)
    return sum(map(len, by_community.values()))


def _unscored(community_id: int, post_ids: Sequence[str], model_version: str) -> Select[PostRow]:
    """Posts among these that are there and have no scores for the words they have now."""
    return (
        select(PostRow)
        .where(
            PostRow.community_id == community_id,
            PostRow.id == func.any(list(post_ids)),
            PostRow.kind == "post",
            PostRow.deleted_at.is_(None),
            ~_has_scores(model_version),
        )
        .order_by(PostRow.created_at, PostRow.id)
    )


def _has_scores(model_version: str) -> ColumnElement[bool]:
    return exists().where(
        ScoreRow.community_id == PostRow.community_id,
        ScoreRow.post_id == PostRow.id,
        ScoreRow.model_version == model_version,
        ScoreRow.words_hash == PostRow.words_hash,
    )


def _check_vectors(corpus: Corpus) -> None:
    """Refuse what the encoder made if any post that has words has no vector.

    Raises
    ------
    ScoresUnusable
    """
    has_words = np.array([bool(reading.words) for reading in corpus.readings])
    if not np.isfinite(corpus.vectors[has_words]).all():
        raise ScoresUnusable("the encoder gave numbers that are none; check the model's files")


def _store_scores(
    session: Session,
    community_id: int,
    corpus: Corpus,
    explained: Sequence[Mapping[str, Explanation]],
    *,
    model_version: str,
) -> None:
    """Keep the scores of each post whose words have not changed while they were read."""
    hashes = {post.id: words_hash(post) for post in corpus.posts}
    unchanged = select(PostRow.id, PostRow.words_hash).where(
        PostRow.community_id == community_id, PostRow.id == func.any(sorted(hashes))
    )
    locked = session.execute(unchanged.order_by(PostRow.id).with_for_update())
    current = {post_id for post_id, hashed in locked if hashes[post_id] == hashed}
    for row, post in enumerate(corpus.posts):
        if post.id not in current:
            continue
        reading, language = corpus.readings[row], corpus.languages[row]
        dictionary = cast(DICTIONARIES.get(language, "simple"), REGCONFIG)
        scores: dict[str, Any] = {
            "words_hash": hashes[post.id],
            "language": language,
            "n_words": reading.n_words,
            "vector": None if np.isnan(corpus.vectors[row, 0]) else corpus.vectors[row],
            "signals": [None if np.isnan(p) else round(float(p), 6) for p in corpus.signals[row]],
            "talk": _talk_of(corpus, row),
            "sentences": explained[row],
            "words": func.to_tsvector(dictionary, reading.words[:MAX_SEARCHED_CHARACTERS]),
            "scored_at": func.clock_timestamp(),
            "judged_at": None,
        }
        key = {"community_id": community_id, "post_id": post.id, "model_version": model_version}
        session.execute(
            insert(ScoreRow).values(**key, **scores).on_conflict_do_update(index_elements=list(key), set_=scores)
        )


def _talk_of(corpus: Corpus, row: int) -> list[float | None] | None:
    if corpus.talk is None:
        return None
    return [or_none(float(number)) for number in corpus.talk.log_odds[row]]


def _with_earlier(placed: Placed, stored: StoredCorpus) -> Placed:
    """Keep what was found before for posts whose words have not changed since: a refit knows them better."""
    known = [row for row, score in enumerate(stored.scores) if score is not None and score.judged_at is not None]
    relevance = placed.relevance
    topic_ids, cosine, reasons = list(placed.topic_id_of), placed.topic_cosine.copy(), list(placed.unsorted_reasons)
    p_purpose, purpose_reasons = relevance.p_off_purpose.copy(), list(relevance.off_purpose_reasons)
    p_thread, thread_reasons = relevance.p_off_thread.copy(), list(relevance.off_thread_reasons)
    for row in known:
        score = stored.scores[row]
        assert score is not None
        topic_ids[row], cosine[row], reasons[row] = score.topic_id, _or_nan(score.topic_cosine), score.unsorted_reason
        p_purpose[row], purpose_reasons[row] = _or_nan(score.off_purpose), score.off_purpose_reason
        p_thread[row], thread_reasons[row] = _or_nan(score.off_thread), score.off_thread_reason
    placements = relevance.placements
    if relevance.better_spaces is not None:
        placements = place_posts(stored.corpus, p_purpose, relevance.better_spaces)
    return Placed(
        topic_id_of=tuple(topic_ids),
        topic_cosine=cosine,
        unsorted_reasons=tuple(reasons),
        relevance=replace(
            relevance,
            p_off_purpose=p_purpose,
            off_purpose_reasons=tuple(purpose_reasons),
            p_off_thread=p_thread,
            off_thread_reasons=tuple(thread_reasons),
            placements=placements,
        ),
    )


def _store_places(stored: StoredCorpus, placed: Placed, *, now: datetime) -> None:
    relevance = placed.relevance
    for row, score in enumerate(stored.scores):
        if score is None or score.judged_at is not None:
            continue
        score.topic_id = placed.topic_id_of[row]
        score.topic_cosine = or_none(placed.topic_cosine[row])
        score.unsorted_reason = placed.unsorted_reasons[row]
        score.off_purpose = or_none(relevance.p_off_purpose[row])
        score.off_purpose_reason = relevance.off_purpose_reasons[row]
        score.off_thread = or_none(relevance.p_off_thread[row])
        score.off_thread_reason = relevance.off_thread_reasons[row]
        score.judged_at = now


def _with_sentences(flag: Flag, score: ScoreRow | None) -> Flag:
    return with_known(flag, None if score is None else score.sentences)


def _with_nearest(session: Session, community: CommunityRow, models: Models, flag: Flag, row: PostRow) -> Flag:
    """Name the posts of other threads that a misplaced post resembles most, for a person to compare."""
    if flag.reason not in ("off_purpose", "other_space"):
        return flag
    better_space = flag.evidence.get("space")
    in_it = [] if better_space is None else [PostRow.space == better_space]
    own = select(ScoreRow.vector).where(
        ScoreRow.community_id == community.id,
        ScoreRow.post_id == row.id,
        ScoreRow.model_version == models.version,
    )
    nearest = (
        select(PostRow.id)
        .join(ScoreRow, (ScoreRow.community_id == PostRow.community_id) & (ScoreRow.post_id == PostRow.id))
        .where(
            PostRow.community_id == community.id,
            PostRow.thread_id != row.thread_id,
            PostRow.deleted_at.is_(None),
            ScoreRow.model_version == models.version,
            ScoreRow.vector.is_not(None),
            *in_it,
        )
        .order_by(ScoreRow.vector.cosine_distance(own.scalar_subquery()), PostRow.id)
        .limit(N_EVIDENCE)
    )
    return replace(flag, evidence={**flag.evidence, "nearest_posts": list(session.scalars(nearest))})


def _or_nan(number: float | None) -> float:
    return float("nan") if number is None else number


def or_none(number: float) -> float | None:
    """A stored number: NaN is None."""
    return None if np.isnan(number) else round(float(number), 6)
