from collections.abc import Callable
from datetime import datetime, timedelta

from moderation.db import Database
from moderation.emergence_watch import EMERGENCE, watch_wording
from moderation.pipeline import Models
from moderation.refit import refit
from moderation.tables import CommunityRow, FindingRow
from tests.service import NOW, record, store

LATER = NOW + timedelta(minutes=10)


def emergence_of(database: Database, community: CommunityRow) -> FindingRow | None:
    with database.transaction() as session:
        return session.get(FindingRow, (community.id, EMERGENCE))


def watch(database: Database, models: Models, community: CommunityRow) -> None:
    with database.transaction() as session:
        watch_wording(session, session.get_one(CommunityRow, community.id), models, now=LATER)


def test_a_burst_of_new_posts_is_found_between_two_refits(
    scored_sample: CommunityRow,
    copy_of: Callable[[CommunityRow], CommunityRow],
    database: Database,
    models: Models,
) -> None:
    community = copy_of(scored_sample)
    watch(database, models, community)
    assert emergence_of(database, community) is None  # nothing is known yet of what is usual

    refit(database, models, community.id, now=NOW)
    before = emergence_of(database, community)
    watch(database, models, community)
    unchanged = emergence_of(database, community)
    assert before is not None
    assert unchanged is not None
    assert unchanged.found_at == NOW  # no post came since

    newest = datetime.fromisoformat(before.contents["fast_until"])
    for number in range(8):
        at = (newest + timedelta(minutes=number)).isoformat()
        store(database, community, record(f"outage {number}", "Ineens melding zegelkluis geblokkeerd", created_at=at))
    watch(database, models, community)
    after = emergence_of(database, community)
    assert after is not None
    assert after.found_at == LATER
    assert after.contents["slow"] == before.contents["slow"]
    burst = after.contents["fast"][0]
    assert "zegelkluis" in " ".join([burst["phrase"], *burst["other_phrases"]])
    assert burst["post_ids"] == [f"outage {number}" for number in range(burst["n_posts"])]
