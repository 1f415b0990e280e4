import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from api.app import create_app
from moderation.accounts import make_moderator
from moderation.communities import save_community
from moderation.config import Community
from moderation.db import Database
from moderation.flags import Flag
from moderation.pipeline import Models
from moderation.tables import CommunityRow
from tests.moderation.queue_rows import new_post, sync

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PASSWORD = "correct horse battery"
MEASURED = {"language": "en", "threshold_basis": "validated", "precision_at_threshold": 0.8}
UNHAPPY = Flag("negative_wom", 0.92, 0.6, {**MEASURED, "episode": "a", "first_answer_at": None, "censored": "end"})
INSULT = Flag("toxic", 0.85, 0.7, MEASURED)
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine; its package is `chromium`")


@contextmanager
def listening(server: uvicorn.Server) -> Iterator[str]:
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(database: Database, models: Models) -> Iterator[str]:
    config = uvicorn.Config(
        create_app(database, models), port=0, log_level="warning", ws="none", timeout_graceful_shutdown=1
    )
    with listening(uvicorn.Server(config)) as base:
        yield base


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM)
    yield browser
    browser.close()


@pytest.fixture
def community(database: Database) -> CommunityRow:
    spaces = [{"slug": "pay", "name": "Payments"}]
    with database.transaction() as session:
        community = save_community(
            session, f"browser-{uuid4().hex[:8]}", Community(name="Card Club", languages=("en",), spaces=spaces)
        )
        for name in ("Anna", "Bo"):
            make_moderator(session, community.id, name=name, password=PASSWORD)
        for number in range(3):
            add_item(session, community, number)
        add_item(session, community, 9, Flag("off_purpose", 0.93, 0.8, {"nearest_posts": ["p0", "p1"]}))
        new_post(
            session,
            community,
            "w1",
            thread_id="t8",
            not_scored_reason="the text could not be read",
            text="A post that nothing is known of.",
        )
    return community


def add_item(session: Any, community: CommunityRow, number: int, *flags: Flag) -> None:
    posted_at = datetime.now(UTC) - timedelta(hours=5 - number)
    about = {"thread_id": f"t{number}", "space": "pay", "author_id": "u1", "author_name": "Kim"}
    post = new_post(
        session,
        community,
        f"p{number}",
        title=f"Points gone {number}",
        text="> They come back within a week\n\nThree weeks now and still nothing. I have had enough of this card.",
        created_at=posted_at,
        **about,
    )
    answer = {**about, "author_name": "Sam", "author_id": "s1", "role": "staff"}
    new_post(
        session, community, f"a{number}", text="We will look.", created_at=posted_at + timedelta(hours=1), **answer
    )
    sync(session, community, post, *(flags or (UNHAPPY, INSULT)), now=datetime.now(UTC))


@pytest.fixture
def sign_in(chromium: Browser, address: str, community: CommunityRow) -> Iterator[Callable[..., Page]]:
    contexts = []

    def open_as(name: str, **options: Any) -> Page:
        context = chromium.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{address}/c/{community.slug}/queue")
        assert page.get_by_label("Community").input_value() == community.slug
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Queue", exact=True)).to_be_visible()
        return page

    yield open_as
    for context in contexts:
        context.close()


def test_two_moderators_see_each_other_work(
    sign_in: Callable[..., Page], database: Database, community: CommunityRow
) -> None:
    anna, bo = sign_in("Anna"), sign_in("Bo")
    complaints: list[str] = []
    for page in (anna, bo):
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))

    item_of_anna = anna.locator("article", has_text="Points gone 0")
    item_of_bo = bo.locator("article", has_text="Points gone 0")
    item_of_bo.get_by_label("Note for colleagues").fill("half a sentence")
    item_of_anna.get_by_role("button", name="I take this one").click()
    expect(item_of_anna.get_by_text("Yours until")).to_be_visible()
    expect(item_of_bo.get_by_text("Anna is working on this until")).to_be_visible()
    expect(item_of_bo.get_by_role("button", name="Needs an answer")).to_be_disabled()
    assert item_of_bo.get_by_label("Note for colleagues").input_value() == "half a sentence"

    item_of_anna.get_by_role("button", name="No answer needed").click()
    expect(anna.get_by_text("Decided: No answer needed.")).to_be_visible()
    expect(anna.locator(".lanes a", has_text="Answer")).to_contain_text("2")
    expect(item_of_bo.get_by_text("No answer needed", exact=False).first).to_be_visible()
    expect(item_of_bo.locator(".state")).to_contain_text("Anna on")

    anna.get_by_role("button", name="Undo").click()
    expect(
        anna.locator("article", has_text="Points gone 0").get_by_role("button", name="Needs an answer")
    ).to_be_visible()

    with database.transaction() as session:
        add_item(session, community, 3)
    expect(bo.get_by_role("link", name="1 new item")).to_be_visible()
    assert complaints == []


def test_everything_works_without_scripts_and_with_the_keyboard(sign_in: Callable[..., Page]) -> None:
    page = sign_in("Anna", java_script_enabled=False)
    take = page.locator("article", has_text="Points gone 1").get_by_role("button", name="I take this one")
    take.press("Enter")
    item = page.locator("article", has_text="Points gone 1")
    expect(item.get_by_text("Yours until")).to_be_visible()
    item.get_by_role("button", name="Needs an answer").press("Enter")
    expect(page.get_by_text("Decided: Needs an answer.")).to_be_visible()
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_text("the item is open again")).to_be_visible()


def test_the_queue_is_worked_with_keys(sign_in: Callable[..., Page]) -> None:
    page = sign_in("Anna")
    items = page.locator("#live article")
    expect(items).to_have_count(3)
    first, second = items.nth(0), items.nth(1)
    help_with_keys = page.get_by_role("dialog", name="Keyboard shortcuts")

    page.keyboard.press("?")
    expect(help_with_keys).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    expect(help_with_keys).not_to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("k")
    expect(page.locator("article:focus")).to_have_count(0)

    page.keyboard.press("j")
    expect(first).to_be_focused()
    page.keyboard.press("j")
    expect(second).to_be_focused()
    page.keyboard.press("k")
    expect(first).to_be_focused()
    assert buttons_with_numbers(page) == ["1", "2", "3", "4"]

    page.keyboard.press("c")
    expect(first.get_by_text("Yours until")).to_be_visible()
    expect(first).to_be_focused()

    note = first.get_by_label("Note for colleagues")
    note.focus()
    page.keyboard.type("j k c 1 ?")
    expect(note).to_have_value("j k c 1 ?")
    expect(note).to_be_focused()
    expect(help_with_keys).not_to_be_visible()

    first.get_by_role("checkbox").focus()
    page.keyboard.press("Control+3")
    page.keyboard.press("9")
    page.keyboard.press("3")
    expect(first.get_by_text("Decided: No answer needed.")).to_be_visible()
    expect(first).to_be_focused()
    page.keyboard.press("1")
    page.keyboard.press("j")
    expect(second).to_be_focused()
    expect(second.get_by_role("button", name="Needs an answer")).to_be_visible()
    expect(page.locator("#live article.is-done")).to_have_count(1)


def test_the_keys_can_be_turned_off(sign_in: Callable[..., Page]) -> None:
    page = sign_in("Anna")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_role("checkbox", name="Use these shortcuts").uncheck()
    page.get_by_role("button", name="Close").click()
    for _ in range(2):
        page.keyboard.press("j")
        expect(page.locator("article:focus")).to_have_count(0)
        page.reload()
    page.keyboard.press("?")
    page.get_by_role("checkbox", name="Use these shortcuts").check()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("#live article").first).to_be_focused()


def test_a_held_key_decides_nothing_and_an_item_of_a_colleague_is_left_alone(sign_in: Callable[..., Page]) -> None:
    anna, bo = sign_in("Anna"), sign_in("Bo")
    anna.keyboard.press("j")
    bo.locator("#live article").first.get_by_role("button", name="I take this one").click()
    item = anna.locator("#live article").first
    expect(item.get_by_text("Bo is working on this until")).to_be_visible()
    expect(item).to_be_focused()
    anna.keyboard.press("c")
    anna.keyboard.press("1")
    anna.keyboard.press("j")
    held = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: '3', repeat: true, bubbles: true}))"
    anna.evaluate(held)
    anna.keyboard.press("c")
    expect(anna.locator("#live article").nth(1).get_by_text("Yours until")).to_be_visible()
    anna.reload()
    expect(anna.locator("#live article")).to_have_count(3)
    expect(anna.locator(".standing")).to_contain_text("2 items are being worked on")


def buttons_with_numbers(page: Page) -> list[str]:
    """The numbers that the decision buttons on the page show."""
    shown: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(".decide button")]
        .filter(button => getComputedStyle(button, "::before").content.startsWith("counter"))
        .map((_, index) => String(index + 1))"""
    )
    return shown


PATHS = (
    "queue?lane=answer",
    "queue?lane=placement",
    "queue?lane=review&order=newest",
    "queue?status=decided",
    "decisions",
    "topics",
    "report",
    "not-scored",
    "search?q=card",
    "nowhere",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_pages_fit_the_screen_and_can_be_read(
    sign_in: Callable[..., Page], community: CommunityRow, tmp_path: Path, scheme: str, size: dict[str, int]
) -> None:
    page = sign_in("Bo", viewport=size, color_scheme=scheme)
    page.locator("article").first.get_by_role("button", name="Answered elsewhere").click()
    expect(page.get_by_text("Decided: Answered elsewhere.")).to_be_visible()
    page.locator("article").nth(1).get_by_role("button", name="I take this one").click()
    expect(page.get_by_text("Yours until")).to_be_visible()
    base = page.url.split("/c/")[0] + f"/c/{community.slug}/"
    for number, path in enumerate((None, *PATHS)):
        if path is not None:
            page.goto(base + path)
        page.screenshot(path=tmp_path / f"{scheme}-{size['width']}-{number}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        assert low_contrast(page) == [], path


def low_contrast(page: Page) -> list[str]:
    """Texts with a contrast below that of WCAG 2.2 AA (4.5, large text 3) against the colour that they stand on."""
    found: list[str] = page.evaluate(
        """() => {
        const parse = colour => colour.match(/[\\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
            .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = element => {
            for (let e = element; e; e = e.parentElement) {
                const colour = parse(getComputedStyle(e).backgroundColor);
                if (colour.length === 3 || colour[3] === 1) return colour;
            }
            return [255, 255, 255];
        };
        const wrong = [];
        for (const e of document.querySelectorAll("body *")) {
            const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
            if (!own || !e.checkVisibility() || e.disabled || e.closest("fieldset:disabled")) continue;
            const style = getComputedStyle(e), size = parseFloat(style.fontSize);
            const [one, two] = [light(parse(style.color)), light(behind(e))];
            const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
            const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
            const told = `${contrast.toFixed(2)} ${e.textContent.trim().slice(0, 40)}`;
            if (contrast < (isLarge ? 3 : 4.5)) wrong.push(told);
        }
        return wrong;
    }"""
    )
    return found
