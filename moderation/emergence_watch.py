"""Looks every few minutes for wording that spreads, between one refit and the next."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.alarm_rules import watch_emergence
from moderation.emergence import fast_findings, told_until
from moderation.pipeline import Models
from moderation.refit import store_finding
from moderation.stored_corpus import StoredCorpus, end_of_data, load_corpus
from moderation.tables import CommunityRow, FindingRow, PostRow

EMERGENCE = "emergence"

#: The newest posts, with all of their threads: enough to know what is usual, few enough to be read every ten minutes.
MAX_WATCHED_POSTS = 5_000


def watch_wording(session: Session, community: CommunityRow, models: Models, *, now: datetime) -> None:
    """Bring the bursts of wording up to date; what grows slowly stays as the last refit found it.

    Nothing is done before the first refit, nor where no post came since the last look.
    """
    found = session.get(FindingRow, (community.id, EMERGENCE))
    until = told_until(end_of_data(session, community.id))
    if found is None or found.contents["fast_until"] == until:
        return
    stored = load_corpus(session, community, models, thread_ids=_newest_threads(session, community.id))
    contents = {
        **found.contents,
        "fast": fast_findings(stored.corpus, _topic_of(stored)),
        "fast_until": until,
    }
    store_finding(session, community.id, EMERGENCE, contents, n_posts=len(stored.rows), models=models, now=now)
    watch_emergence(session, community.id, contents, now=now)


def _newest_threads(session: Session, community_id: int) -> list[str]:
    newest = (
        select(PostRow.thread_id)
        .where(PostRow.community_id == community_id, PostRow.deleted_at.is_(None))
        .order_by(PostRow.created_at.desc(), PostRow.id.desc())
        .limit(MAX_WATCHED_POSTS)
    )
    return sorted(set(session.scalars(newest)))


def _topic_of(stored: StoredCorpus) -> NDArray[np.int64]:
    """The topic that each row has now; 0 = none."""
    pairs = zip(stored.rows, stored.scores, strict=True)
    ids = [post.placed_topic_id or (score.topic_id if score is not None else None) or 0 for post, score in pairs]
    return np.array(ids, dtype=np.int64)
