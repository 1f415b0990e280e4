"""The pages for whoever runs a community, on real posts: in both languages, wide and narrow, by keyboard."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from moderation.accounts import make_moderator
from moderation.communities import save_community
from moderation.config import load_community
from moderation.db import Database
from moderation.incoming import judge_posts, score_waiting
from moderation.ingest import store_posts
from moderation.pipeline import Models
from moderation.refit import refit
from moderation.tables import CommunityRow, FindingRow, TopicEventRow
from tests.api.test_pages_changes import GROUP
from tests.api.test_pages_in_a_browser import (  # noqa: F401
    CHROMIUM,
    DESKTOP,
    PASSWORD,
    PHONE,
    address,
    chromium,
    playwright,
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine; its package is `chromium`")

SAMPLE = Path(__file__).parents[2] / "examples" / "sample"
N_POSTS = 120
MANAGER_PAGES = ("/response", "/topics", "/changes", "/topic-events")
LANGUAGE_LOCALES = {"nl": "nl-NL", "en": "en-GB"}
# What a reader that cannot see would stumble over: ids that are there twice, headings that skip a level, links, buttons
# and fields without a name, tables that scroll and cannot be reached.
STUMBLES = """() => {
  const said = [], named = e => (e.innerText || e.textContent || '').trim() || e.getAttribute('aria-label');
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  ids.filter((id, place) => ids.indexOf(id) !== place).forEach(id => said.push('twice: ' + id));
  let level = 0;
  document.querySelectorAll('h1,h2,h3,h4').forEach(h => {
    const own = Number(h.tagName[1]);
    if (own > level + 1) said.push('skips: ' + h.innerText);
    level = own;
  });
  document.querySelectorAll('a[href],button,summary').forEach(e => named(e) || said.push('no name: ' + e.outerHTML));
  document.querySelectorAll('input:not([type=hidden]),select').forEach(
    e => e.labels.length || said.push('no label: ' + e.outerHTML));
  document.querySelectorAll('svg[role=img]').forEach(e => e.getAttribute('aria-label') || said.push('silent drawing'));
  document.querySelectorAll('main .scroll').forEach(
    e => e.scrollWidth <= e.clientWidth || e.tabIndex === 0 || said.push('cannot be reached: ' + e.innerText));
  return said;
}"""


@pytest.fixture(scope="module")
def community(database: Database, models: Models) -> CommunityRow:
    """The newest posts of the sample, the last of them written yesterday, with a group to propose and a split."""
    lines = (SAMPLE / "posts.jsonl").read_text(encoding="utf-8").splitlines()[-N_POSTS:]
    records = [json.loads(line) for line in lines]
    now = max(datetime.fromisoformat(record["created_at"]) for record in records) + timedelta(days=1)
    with database.transaction() as session:
        settings = load_community(SAMPLE / "community.toml")
        community = save_community(session, f"manager-{uuid4().hex[:8]}", settings)
        make_moderator(session, community.id, name="Anna", password=PASSWORD)
        outcomes = store_posts(session, community, records, now=now)
    post_ids = [str(outcome.id) for outcome in outcomes if outcome.status == "accepted"]
    score_waiting(database, models, community.id, post_ids)
    judge_posts(database, models, community.id, post_ids, now=now)
    refit(database, models, community.id, now=now)
    with database.transaction() as session:
        drift = session.get_one(FindingRow, (community.id, "drift"))
        group = {**GROUP, "post_ids": post_ids[-5:]}
        drift.contents = {**drift.contents, "emerging": {**drift.contents["emerging"], "slow": [group]}}
        flow = [{"topic_id": 2, "n_posts": 9, "share": 0.3}]
        sizes = {"n_posts_before": 30, "n_posts_after": 21, "other_ids": [2], "went_to": flow, "came_from": []}
        about = {"topic_id": 1, "kind": "split", "name": "points", "name_before": "points"}
        session.add(TopicEventRow(community_id=community.id, happened_at=now + timedelta(hours=1), **about, **sizes))
    return community


@pytest.fixture(scope="module")
def cookies(chromium: Browser, address: str, community: CommunityRow) -> Any:  # noqa: F811
    """Of a browser in which Anna signed in once."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{address}/c/{community.slug}/queue")
    page.locator("input[name=name]").fill("Anna")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button").click()
    page.wait_for_url("**/queue")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def opened(chromium: Browser, address: str, community: CommunityRow, cookies: Any) -> Iterator[Callable[..., Page]]:  # noqa: F811
    contexts = []

    def open_page(path: str, *, language: str = "en", **options: Any) -> Page:
        locale = LANGUAGE_LOCALES[language]
        context = chromium.new_context(storage_state=cookies, base_url=address, locale=locale, **options)
        context.add_cookies([{"name": "klankbord_language", "value": language, "url": address}])
        contexts.append(context)
        page = context.new_page()
        page.goto(f"/c/{community.slug}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_every_page_fits_is_silent_and_can_be_heard(
    opened: Callable[..., Page], tmp_path: Path, language: str, viewport: Any
) -> None:
    page, complaints = opened("/topics", language=language, viewport=viewport), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    base = page.url.removesuffix("/topics")
    for path in MANAGER_PAGES:
        page.goto(base + path)
        assert page.evaluate("document.documentElement.lang") == language
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"], path
        assert page.evaluate(STUMBLES) == [], path
        page.screenshot(path=tmp_path / f"{path[1:]}.png", full_page=True)
    assert complaints == []


def test_from_a_figure_to_the_post_by_keyboard_alone(opened: Callable[..., Page]) -> None:
    page = opened("/queue", java_script_enabled=False)
    page.get_by_role("link", name="Response times").press("Enter")
    expect(page.get_by_role("heading", name="Response times", level=1)).to_be_visible()
    expect(page.get_by_role("img", name="What share still waits").first).to_be_visible()
    page.locator("section[aria-labelledby=open-heading] .list a[href*='/episodes/']").first.press("Enter")
    expect(page.get_by_role("heading", name="A complaint, step by step")).to_be_visible()
    page.locator("main a[href*='/posts/']").first.press("Enter")
    expect(page.get_by_role("heading", name="In its thread")).to_be_visible()


def test_from_a_proposed_topic_to_its_posts_by_keyboard_alone(opened: Callable[..., Page]) -> None:
    page = opened("/topics", java_script_enabled=False)
    page.get_by_role("link", name="What changes and comes up").press("Enter")
    folded = page.locator("main .list details").first
    expect(folded.locator("a").first).not_to_be_visible()
    folded.locator("summary").press("Enter")
    folded.locator("a[href*='/posts/']").first.press("Enter")
    expect(page.get_by_role("heading", name="In its thread")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="What became of topics").press("Enter")
    expect(page.get_by_text("was split: of its 30 posts, 9 are now in")).to_be_visible()


def test_one_width_of_each_chart_is_seen(opened: Callable[..., Page]) -> None:
    for viewport, kind in ((PHONE, "narrow"), (DESKTOP, "wide")):
        page = opened("/response", viewport=viewport)
        n_charts = page.locator("figure.chart").count()
        assert n_charts > 0
        assert page.locator("figure.chart svg:visible").count() == n_charts
        assert page.locator(f"figure.chart .{kind} svg:visible").count() == n_charts


def test_the_report_of_the_service_tells_what_became_of_topics(opened: Callable[..., Page]) -> None:
    page = opened("/report/page", language="nl")
    expect(page.get_by_role("heading", name="Wat er van de onderwerpen werd")).to_be_attached()
    expect(page.get_by_text("onderwerpen werden gevonden")).to_be_attached()
