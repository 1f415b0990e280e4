"""Posts that come in at once or in many batches, in whatever order: the same topics, names and alarms after a refit."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from moderation.communities import save_community
from moderation.config import load_community
from moderation.db import Database
from moderation.incoming import judge_posts, score_waiting
from moderation.pipeline import Models
from moderation.refit import refit
from moderation.tables import AlarmRow, CommunityRow, FindingRow, TopicEventRow
from tests.service import NOW, scores_of, store

SAMPLE = Path(__file__).parents[2] / "examples" / "sample"
N_BEFORE, N_POSTS = 60, 90


def arrive(
    database: Database, models: Models, community: CommunityRow, records: list[dict[str, Any]], *, size: int, day: int
) -> None:
    for start in range(0, len(records), size):
        batch = records[start : start + size]
        store(database, community, *batch)
        post_ids = [record["id"] for record in batch]
        score_waiting(database, models, community.id, post_ids)
        judge_posts(database, models, community.id, post_ids, now=NOW + timedelta(days=day))


def told_of(database: Database, community: CommunityRow) -> dict[str, Any]:
    """What members and moderators see: the topic of every post, all names, what comes up, the ledger and the alarms."""
    with database.transaction() as session:
        findings = {
            kind: session.get_one(FindingRow, (community.id, kind)).contents
            for kind in ("topics", "drift", "emergence", "root_causes")
        }
        alarms = session.scalars(select(AlarmRow).where(AlarmRow.community_id == community.id))
        events = session.scalars(select(TopicEventRow).where(TopicEventRow.community_id == community.id))
        return {
            "topic_of": {post_id: score.topic_id for post_id, score in scores_of(session, community).items()},
            "findings": findings,
            "alarms": sorted((row.kind, row.cause, row.closed_at is None) for row in alarms),
            "events": sorted((row.kind, row.topic_id, row.n_posts_before, row.n_posts_after) for row in events),
        }


def grown(database: Database, models: Models, records: list[dict[str, Any]], *, size: int, seed: int) -> dict[str, Any]:
    """Two refits, at the same posts, whatever the batches between them."""
    with database.transaction() as session:
        community = save_community(session, f"batches-{uuid4().hex[:8]}", load_community(SAMPLE / "community.toml"))
    for day, part in enumerate((records[:N_BEFORE], records[N_BEFORE:N_POSTS])):
        shuffled = random.Random(seed).sample(part, len(part))
        arrive(database, models, community, shuffled, size=size, day=day)
        refit(database, models, community.id, now=NOW + timedelta(days=day, hours=1))
    return told_of(database, community)


def test_batches_and_their_order_change_nothing(
    database: Database, models: Models, sample_records: list[dict[str, Any]]
) -> None:
    at_once = grown(database, models, sample_records, size=N_POSTS, seed=1)
    in_batches = grown(database, models, sample_records, size=5, seed=2)
    assert at_once["findings"]["topics"]["topics"]
    assert in_batches == at_once
