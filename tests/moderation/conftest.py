import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from moderation.communities import save_community
from moderation.config import load_community
from moderation.db import Database
from moderation.incoming import judge_posts, score_waiting
from moderation.ingest import store_posts
from moderation.pipeline import Models
from moderation.tables import CommunityRow, PostRow, ScoreRow
from tests.service import NOW

SAMPLE = Path(__file__).parents[2] / "examples" / "sample"
N_POSTS = 150


@pytest.fixture(scope="session")
def sample_records() -> list[dict[str, Any]]:
    """The first posts of the sample community."""
    lines = (SAMPLE / "posts.jsonl").read_text(encoding="utf-8").splitlines()[:N_POSTS]
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def scored_sample(database: Database, models: Models, sample_records: list[dict[str, Any]]) -> CommunityRow:
    """Those posts, stored, scored and judged in a community that has not been fitted; not to be changed."""
    settings = load_community(SAMPLE / "community.toml")
    with database.transaction() as session:
        community = save_community(session, f"sample-{uuid4().hex[:8]}", settings)
        outcomes = store_posts(session, community, sample_records, now=NOW)
    post_ids = [str(outcome.id) for outcome in outcomes if outcome.status == "accepted"]
    score_waiting(database, models, community.id, post_ids)
    judge_posts(database, models, community.id, post_ids, now=NOW)
    return community


@pytest.fixture(scope="session")
def copy_of(database: Database) -> Callable[[CommunityRow], CommunityRow]:
    """Makes another community with the same posts and scores; its queue is empty."""

    def copy(community: CommunityRow) -> CommunityRow:
        with database.transaction() as session:
            made = CommunityRow(slug=f"copy-{uuid4().hex[:8]}", settings=community.settings)
            session.add(made)
            session.flush()
            for table in (PostRow, ScoreRow):
                columns = ", ".join(column.name for column in table.__table__.columns if column.name != "community_id")
                session.execute(
                    text(
                        f"INSERT INTO {table.__tablename__} (community_id, {columns}) "
                        f"SELECT :made, {columns} FROM {table.__tablename__} WHERE community_id = :source"
                    ),
                    {"made": made.id, "source": community.id},
                )
        return made

    return copy
