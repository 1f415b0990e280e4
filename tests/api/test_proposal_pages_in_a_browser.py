from collections.abc import Callable
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from moderation.accounts import make_moderator
from moderation.communities import save_community
from moderation.config import Community
from moderation.db import Database
from moderation.proposals import record_proposals, shown_splits
from moderation.subcommunities import propose_subcommunities
from moderation.tables import CommunityRow, FindingRow
from tests.api.test_pages_in_a_browser import CHROMIUM, PASSWORD, address, chromium, playwright, sign_in  # noqa: F401
from tests.moderation.test_subcommunities import planted_corpus
from tests.service import NOW

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine; its package is `chromium`")


@pytest.fixture
def community(database: Database) -> CommunityRow:
    with database.transaction() as session:
        community = save_community(session, f"splits-{uuid4().hex[:8]}", Community(name="Card Club", languages=("en",)))
        make_moderator(session, community.id, name="Anna", password=PASSWORD)
        found = propose_subcommunities(*planted_corpus()[:2])
        stamped = record_proposals(session, community.id, found, left_out=(), now=NOW)
        contents = shown_splits(session, community.id, stamped)
        session.add(
            FindingRow(
                community_id=community.id, kind="splits", found_at=NOW, n_posts=9, model_version="t", contents=contents
            )
        )
    return community


def test_a_proposal_is_declined_with_a_reason_and_opened_again_with_the_keyboard(
    sign_in: Callable[..., Page],  # noqa: F811
) -> None:
    page = sign_in("Anna", java_script_enabled=False)
    page.get_by_role("link", name="Proposals").press("Enter")
    expect(page.get_by_role("heading", name="Spaces, tags and splits")).to_be_visible()
    page.get_by_text("The groups and the figures").first.press("Enter")
    expect(page.get_by_text("posts a week").first).to_be_visible()
    page.get_by_placeholder("Why (optional)").first.fill("First the summer")
    page.get_by_role("button", name="Decline").first.press("Enter")
    expect(page.get_by_text("Declined by Anna")).to_be_visible()
    expect(page.get_by_text("First the summer")).to_be_visible()
    expect(page.get_by_text("Proposed again at 63 active members")).to_be_visible()
    page.get_by_role("button", name="Open again").press("Enter")
    expect(page.get_by_text("Declined by Anna")).to_be_hidden()
