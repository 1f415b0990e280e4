from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from moderation.db import Database
from moderation.findings import find_findings
from moderation.fits import NOT_FITTED
from moderation.incoming import load_fit
from moderation.pipeline import Models
from moderation.proposal_decisions import list_proposals
from moderation.refit import GROWTH, LONGEST, note_failure, refit, refit_is_due
from moderation.tables import CommunityRow, EventRow, FindingRow, FitRow, ScoreRow
from tests.moderation.queue_rows import rows_of
from tests.service import NOW, new_community, posts_of, record, scores_of, store

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def sample(scored_sample: CommunityRow, copy_of: Callable[[CommunityRow], CommunityRow]) -> CommunityRow:
    """A scored community that has not been fitted yet."""
    return copy_of(scored_sample)


@pytest.fixture(scope="module")
def fitted(
    scored_sample: CommunityRow,
    copy_of: Callable[[CommunityRow], CommunityRow],
    database: Database,
    models: Models,
) -> CommunityRow:
    """One that was fitted once; not to be changed."""
    community = copy_of(scored_sample)
    refit(database, models, community.id, now=NOW)
    return community


def contents(database: Database, community: CommunityRow, kind: str) -> dict[str, Any]:
    with database.transaction() as session:
        return session.get_one(FindingRow, (community.id, kind)).contents


def topics_of_posts(database: Database, community: CommunityRow) -> dict[str, int | None]:
    with database.transaction() as session:
        return {post_id: score.topic_id for post_id, score in scores_of(session, community).items()}


def test_every_finding_is_there(database: Database, models: Models, fitted: CommunityRow) -> None:
    with database.transaction() as session:
        rows = session.scalars(select(FindingRow).where(FindingRow.community_id == fitted.id)).all()
        kinds = {"topics", "drift", "splits", "response_times", "members", "faq", "ideas", "report"}
        assert {row.kind for row in rows} == kinds | {"emergence", "root_causes"}
        assert {(row.found_at, row.model_version) for row in rows} == {(NOW, models.version)}
        assert find_findings(session, fitted.id, "response_times").contents["episodes"]


def test_every_proposal_has_its_id(database: Database, fitted: CommunityRow) -> None:
    splits = contents(database, fitted, "splits")
    assert splits["decided"] == []
    entries = [entry for name in ("proposals", "niches", "merge", "revive") for entry in splits[name]]
    assert all(entry["proposal_id"] > 0 and entry["state"] == "proposed" for entry in entries)
    with database.transaction() as session:
        assert len(list_proposals(session, fitted.id, limit=99)) == len(entries)


def test_the_report_can_be_read_in_both_languages(database: Database, fitted: CommunityRow) -> None:
    report = contents(database, fitted, "report")
    assert {language: f'<html lang="{language}"' in page for language, page in report.items()} == {
        "nl": True,
        "en": True,
    }
    assert "Mandeveld Community" in report["nl"]


def test_posts_stand_in_the_topics_that_the_findings_list(database: Database, fitted: CommunityRow) -> None:
    topics = contents(database, fitted, "topics")["topics"]
    of_posts = topics_of_posts(database, fitted)
    assert len(topics) > 1
    assert {topic["id"]: topic["size"] for topic in topics} == {
        topic["id"]: sum(topic_id == topic["id"] for topic_id in of_posts.values()) for topic in topics
    }
    with database.transaction() as session:
        for score in scores_of(session, fitted).values():
            assert (score.topic_id is None) == (score.unsorted_reason is not None)
            assert NOT_FITTED not in (score.unsorted_reason, score.off_purpose_reason, score.off_thread_reason)


def test_the_queue_is_brought_in_line(database: Database, fitted: CommunityRow) -> None:
    with database.transaction() as session:
        lanes = {lane for row in rows_of(session, fitted) for lane in row.lanes if row.status == "open"}
        told = set(session.scalars(select(EventRow.kind).where(EventRow.community_id == fitted.id)))
    assert {"answer", "review"} <= lanes
    assert {"findings", "flag_opened"} <= told


def test_new_posts_can_be_measured_against_it(database: Database, models: Models, fitted: CommunityRow) -> None:
    with database.transaction() as session:
        fit = load_fit(session, fitted.id, models.version)
        n_scored = len(scores_of(session, fitted))
        assert session.get_one(FitRow, (fitted.id, models.version)).n_posts == n_scored
    assert fit is not None
    assert set(fit.topics.ids.tolist()) == {topic["id"] for topic in contents(database, fitted, "topics")["topics"]}


def test_the_same_posts_again_find_the_same(database: Database, models: Models, sample: CommunityRow) -> None:
    refit(database, models, sample.id, now=NOW)
    before = topics_of_posts(database, sample), contents(database, sample, "topics")
    with database.transaction() as session:
        flags = [(row.id, row.status, row.updated_at) for row in rows_of(session, sample)]
    refit(database, models, sample.id, now=LATER)
    assert (topics_of_posts(database, sample), contents(database, sample, "topics")) == before
    with database.transaction() as session:
        assert [(row.id, row.status, row.updated_at) for row in rows_of(session, sample)] == flags
        assert session.get_one(FitRow, (sample.id, models.version)).fitted_at == LATER


def test_topics_keep_their_ids_when_posts_are_gone(database: Database, models: Models, sample: CommunityRow) -> None:
    refit(database, models, sample.id, now=NOW)
    before = topics_of_posts(database, sample)
    with database.transaction() as session:
        posts = posts_of(session, sample)
        for post_id in sorted(posts)[::40]:
            posts[post_id].deleted_at = NOW
    refit(database, models, sample.id, now=LATER)
    after = topics_of_posts(database, sample)
    sorted_twice = [post_id for post_id in after if before[post_id] is not None and after[post_id] is not None]
    stayed = sum(before[post_id] == after[post_id] for post_id in sorted_twice)
    assert stayed > 0.7 * len(sorted_twice) > 0


def test_the_id_of_a_topic_that_is_gone_is_not_given_out_again(
    database: Database, models: Models, sample: CommunityRow
) -> None:
    refit(database, models, sample.id, now=NOW)
    highest = contents(database, sample, "topics")["highest_topic_id"]
    with database.transaction() as session:
        session.execute(update(ScoreRow).where(ScoreRow.community_id == sample.id).values(topic_id=None))
    refit(database, models, sample.id, now=LATER)
    found = contents(database, sample, "topics")
    ids = [topic["id"] for topic in found["topics"]]
    assert min(ids) > highest
    assert found["highest_topic_id"] == max(ids)


def test_a_community_without_posts_has_nothing_to_find(database: Database, models: Models) -> None:
    community = new_community(database)
    refit(database, models, community.id, now=NOW)
    with database.transaction() as session:
        assert session.scalars(select(FindingRow).where(FindingRow.community_id == community.id)).all() == []


@pytest.mark.parametrize(
    ("share_of_posts", "age", "is_due"),
    [
        (1, timedelta(hours=1), False),
        (1, 2 * LONGEST, False),
        (1 - GROWTH / 2, timedelta(hours=1), False),
        (1 - GROWTH / 2, 2 * LONGEST, True),
        (1 - 2 * GROWTH, timedelta(hours=1), True),
        (1 + 2 * GROWTH, timedelta(hours=1), True),
    ],
)
def test_a_refit_is_due_when_the_posts_have_changed_enough(
    database: Database, models: Models, sample: CommunityRow, share_of_posts: float, age: timedelta, is_due: bool
) -> None:
    with database.transaction() as session:
        n_posts = round(len(scores_of(session, sample)) * share_of_posts)
        session.add(
            FitRow(community_id=sample.id, model_version=models.version, fitted_at=NOW, n_posts=n_posts, arrays=b"")
        )
    with database.transaction() as session:
        assert refit_is_due(session, sample.id, model_version=models.version, now=NOW + age) is is_due


def test_the_first_refit_waits_until_all_posts_are_scored(
    database: Database, models: Models, sample: CommunityRow
) -> None:
    def is_due(community: CommunityRow) -> bool:
        with database.transaction() as session:
            return refit_is_due(session, community.id, model_version=models.version, now=NOW)

    assert is_due(sample)
    store(database, sample, record("new"))
    assert not is_due(sample)
    assert not is_due(new_community(database))


def test_a_failed_refit_is_remembered_with_its_reason(database: Database, models: Models) -> None:
    community = new_community(database)
    for reason in ("MemoryError", "ValueError"):
        with database.transaction() as session:
            note_failure(session, community.id, reason=reason, models=models, now=NOW)
    assert contents(database, community, "failure") == {"reason": "ValueError"}
