"""Reads a text that somebody is about to post: what would be found in it, without keeping anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from models.signals import SIGNALS
from moderation.communities import community_of
from moderation.corpus import Corpus, Talk
from moderation.db import Database
from moderation.explanations import explain_flags, quoted_json
from moderation.fits import Fit, apply_fit, nearest_topics
from moderation.flags import Flag, not_scored_reason, placement_json, raise_flags
from moderation.incoming import load_fit, or_none
from moderation.pipeline import Models
from moderation.posts import Post
from moderation.response_times import who_waits
from moderation.scoring import read_posts, score_posts
from moderation.stored_corpus import load_corpus
from moderation.tables import CommunityRow, FindingRow
from moderation.topic_orders import merged_into, standing_orders

CHECKED_ID = "\0"
"""No stored post can have this id."""
N_TOPICS = 3


@dataclass(frozen=True)
class Checked:
    """A text that is not stored, as if somebody had just posted it."""

    title: str | None
    text: str
    language: str | None = None
    thread_id: str | None = None


def check_text(
    database: Database, community: CommunityRow, models: Models, checked: Checked, *, now: datetime
) -> dict[str, Any]:
    """Score a text and say which flags it would get; the models run outside any transaction.

    Returns
    -------
    language, signals, null_reasons, topics (nearest first, each id, name, cosine), off_purpose, off_thread, placement,
    flags (as in posts.jsonl).
    """
    post = Post(
        id=CHECKED_ID,
        thread_id=checked.thread_id or CHECKED_ID,
        created_at=now,
        text=checked.text,
        title=checked.title,
        language=checked.language,
    )
    read = read_posts([post], languages=community_of(community).languages)
    scored = score_posts(read, models.encoder, models.heads, advance=lambda _: None).corpus
    with database.transaction() as session:
        fit = load_fit(session, community.id, models.version)
        corpus = _in_thread(session, community, models, scored, thread_id=checked.thread_id)
        names = _topic_names(session, community.id)
        merged = merged_into(standing_orders(session, community.id))
    row = corpus.row_of[CHECKED_ID]
    placed = apply_fit(fit, corpus, merged=merged)
    waits = who_waits(corpus, topic_of=placed.topic_id_of, end_at=now)
    relevance = placed.relevance
    flags = _flags_of_row(corpus, row, raise_flags(corpus, relevance, waits)[row], models)
    reasons = {
        "signals": not_scored_reason(corpus, row),
        "off_purpose": relevance.off_purpose_reasons[row],
        "off_thread": relevance.off_thread_reasons[row],
        "topics": None if fit is not None else "the community has not been fitted yet",
    }
    return {
        "language": corpus.languages[row],
        "signals": {signal: or_none(float(p)) for signal, p in zip(SIGNALS, corpus.signals[row], strict=True)},
        "off_purpose": or_none(float(relevance.p_off_purpose[row])),
        "off_thread": or_none(float(relevance.p_off_thread[row])),
        "placement": placement_json(corpus, relevance, row),
        "null_reasons": {name: reason for name, reason in reasons.items() if reason is not None},
        "topics": _topics(fit, corpus, row, names=names, merged=merged),
        "flags": flags,
    }


def _flags_of_row(corpus: Corpus, row: int, flags: tuple[Flag, ...], models: Models) -> list[dict[str, Any]]:
    """The flags of one row with the sentences that carry them."""
    of_rows = [flags if other == row else () for other in range(len(corpus))]
    explained = explain_flags(corpus, of_rows, encoder=models.encoder, heads=models.heads)[row]
    return [quoted_json(flag, corpus.readings[row].words) for flag in explained]


def _in_thread(
    session: Session, community: CommunityRow, models: Models, scored: Corpus, *, thread_id: str | None
) -> Corpus:
    """The text as the last post of its thread, or alone."""
    if thread_id is None:
        return scored
    thread = load_corpus(session, community, models, thread_ids=[thread_id]).corpus
    return Corpus(
        posts=(*thread.posts, *scored.posts),
        readings=(*thread.readings, *scored.readings),
        languages=(*thread.languages, *scored.languages),
        vectors=np.concatenate([thread.vectors, scored.vectors]),
        signals=np.concatenate([thread.signals, scored.signals]),
        thresholds={**thread.thresholds, **scored.thresholds},
        talk=_joined_talk(thread.talk, scored.talk),
    )


def _joined_talk(thread: Talk | None, scored: Talk | None) -> Talk | None:
    if thread is None or scored is None:
        return None
    return Talk(np.concatenate([thread.log_odds, scored.log_odds]), scored.heads)


def _topic_names(session: Session, community_id: int) -> dict[int, str]:
    finding = session.get(FindingRow, (community_id, "topics"))
    return {} if finding is None else {topic["id"]: topic["name"] for topic in finding.contents["topics"]}


def _topics(
    fit: Fit | None, corpus: Corpus, row: int, *, names: Mapping[int, str], merged: Mapping[int, int]
) -> list[dict[str, Any]]:
    if fit is None:
        return []
    nearest = nearest_topics(fit, corpus, row, merged=merged)[:N_TOPICS]
    return [{"id": topic_id, "name": names.get(topic_id), "cosine": round(cosine, 6)} for topic_id, cosine in nearest]
