from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from moderation.backlog import Backlog, measure_backlog, n_waiting
from moderation.db import Database
from moderation.tables import PostRow
from tests.moderation.queue_rows import ASKS, ELSEWHERE, INSULT, flag_post
from tests.service import NOW, fresh_database, new_community, record, store


@pytest.fixture(scope="module")
def quiet(database: Database) -> Iterator[Database]:
    """A database in which nothing waits but what these tests put there."""
    with fresh_database(database) as fresh:
        yield fresh


def measured(database: Database) -> Backlog:
    with database.transaction() as session:
        return measure_backlog(session)


def test_what_waits_is_counted_over_all_communities(quiet: Database) -> None:
    assert measured(quiet) == Backlog(0, None, None, 0, 0, {})
    one, other = new_community(quiet), new_community(quiet)
    before = datetime.now(UTC)
    store(quiet, one, record("p1"), record("p2"))
    store(quiet, other, record("p1"))
    with quiet.transaction() as session:
        session.get_one(PostRow, (one.id, "p2")).waiting_since = NOW - timedelta(hours=3)
        failed = session.get_one(PostRow, (other.id, "p1"))
        failed.waiting_since, failed.not_scored_reason = None, "ValueError"
        flag_post(session, one, INSULT, ASKS, post_id="f1")
        flag_post(session, one, ASKS, ELSEWHERE, post_id="f2")
    backlog = measured(quiet)
    assert (backlog.n_waiting_posts, backlog.oldest_waiting_at) == (2, NOW - timedelta(hours=3))
    assert (backlog.n_failed_posts, backlog.n_failed_jobs) == (1, 0)
    assert backlog.oldest_job_at is not None
    assert backlog.oldest_job_at >= before
    assert backlog.n_open_flags == {"answer": 2, "placement": 1, "review": 1}
    with quiet.transaction() as session:
        assert (n_waiting(session, one.id), n_waiting(session, other.id)) == (2, 0)
