import shutil

import pytest
from report_fixtures import run_of

from moderation.reports.page import write_page
from moderation.reports.wording import REPORT_LANGUAGES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LONG = "x" * 400


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium found: install it to look at the page (apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM)
        yield opened
        opened.close()


@pytest.fixture(params=REPORT_LANGUAGES)
def written(request, sample, tmp_path):
    path = tmp_path / "report.html"
    write_page(sample, run_of(sample), path, language=request.param)
    return path


@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_fits_and_is_silent(browser, written, tmp_path, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    messages, requests = [], []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(written.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.evaluate(f"document.querySelector('blockquote').append('{LONG}')")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert messages == []
    assert requests == [written.as_uri()]
    assert page.evaluate("document.documentElement.lang") in REPORT_LANGUAGES
    page.screenshot(path=tmp_path / f"report-{width}.png", full_page=True)
    page.close()


def test_tables_fit_on_a_telephone_and_links_can_be_tapped(browser, written):
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(written.as_uri())
    widths = page.evaluate(
        "[...document.querySelectorAll('.scroll')].map(each => [each.scrollWidth, each.clientWidth])"
    )
    assert widths
    assert all(needed <= there for needed, there in widths)
    seen = "[...document.querySelectorAll('a, summary')].filter(each => each.getClientRects().length)"
    heights = page.evaluate(f"{seen}.map(each => each.getBoundingClientRect().height)")
    assert min(heights) >= 24
    page.close()


def test_one_width_of_each_chart_is_seen(browser, written):
    page = browser.new_page(viewport={"width": 360, "height": 900})
    page.goto(written.as_uri())
    assert page.locator("figure svg:visible").count() == page.locator("figure").count()
    assert page.locator(".narrow svg:visible").count() == page.locator("figure").count()
    page.close()


def test_paper_shows_what_is_folded_on_the_screen(browser, written):
    page = browser.new_page()
    page.goto(written.as_uri())
    folded = page.locator(".actions details blockquote").first
    assert not folded.is_visible()
    page.emulate_media(media="print")
    assert folded.is_visible()
    page.close()


def test_an_action_leads_to_its_place_on_the_page(browser, written):
    page = browser.new_page()
    page.goto(written.as_uri())
    page.locator(".actions a").first.click()
    target = page.evaluate("document.querySelector(':target').id")
    assert page.url.endswith(f"#{target}")
    page.close()
