from collections.abc import Callable
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from moderation.accounts import make_moderator
from moderation.communities import save_community
from moderation.config import Community
from moderation.db import Database
from moderation.tables import CommunityRow, FindingRow
from tests.api.test_findings import TOPIC
from tests.api.test_pages_in_a_browser import CHROMIUM, PASSWORD, address, chromium, playwright, sign_in  # noqa: F401
from tests.service import NOW

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine; its package is `chromium`")

FACTS = {"negative_share_interval": [0.1, 0.4], "negative_share_n_posts": 12, "negative_share_reason": None}
DOUGH = {**TOPIC, **FACTS, "id": 4, "name": "dough, bread", "theme": 3, "size": 9, "share": 0.3}
THEME = {"id": 3, "name": "points, dough", "terms": [], "language": "en", "topic_ids": [3, 4], "size": 21}


@pytest.fixture
def community(database: Database) -> CommunityRow:
    with database.transaction() as session:
        community = save_community(session, f"topics-{uuid4().hex[:8]}", Community(name="Card Club", languages=("en",)))
        make_moderator(session, community.id, name="Anna", password=PASSWORD)
        contents = {
            "topics": [{**TOPIC, **FACTS, "name": "points, expired", "theme": 3}, DOUGH],
            "themes": [THEME],
            "unsorted": {"count": 2, "share": 0.1, "reasons": {}},
            "highest_topic_id": 4,
        }
        session.add(
            FindingRow(
                community_id=community.id, kind="topics", found_at=NOW, n_posts=30, model_version="t", contents=contents
            )
        )
    return community


def test_a_topic_is_renamed_merged_and_both_are_taken_back_with_the_keyboard(sign_in: Callable[..., Page]) -> None:  # noqa: F811
    page = sign_in("Anna", java_script_enabled=False)
    page.get_by_role("link", name="Topics").press("Enter")
    expect(page.get_by_text("Theme: points, dough")).to_be_visible()
    page.get_by_role("link", name="points, expired").press("Enter")
    page.get_by_label("New name").fill("Loyalty points")
    page.get_by_role("button", name="Rename").press("Enter")
    expect(page.get_by_role("heading", name="Loyalty points")).to_be_visible()
    expect(page.get_by_text("Named by a moderator")).to_be_visible()
    page.get_by_role("button", name="Pin", exact=True).press("Enter")
    page.get_by_label("Merge into").select_option("4")
    page.get_by_role("button", name="Merge", exact=True).press("Enter")
    expect(page.get_by_text("This topic is pinned. Unpin it first.")).to_be_visible()
    page.get_by_role("button", name="Unpin").press("Enter")
    page.get_by_label("Merge into").select_option("4")
    page.get_by_role("button", name="Merge", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="dough, bread")).to_be_visible()
    page.locator("button", has_text="topic 3: merged into").press("Enter")
    expect(page.get_by_role("heading", name="What became of topics")).to_be_visible()
    expect(page.get_by_text("Taken back by Anna").first).to_be_visible()
