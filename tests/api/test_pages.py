import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from api.pages.sign_in import is_own_path
from api.routes.flags import WAITS_LONG
from moderation.accounts import MAX_FAILED_SIGN_INS, make_moderator
from moderation.communities import save_community
from moderation.config import Community
from moderation.db import Database
from moderation.decisions import DecisionRequest, record_decision
from moderation.explanations import NO_SENTENCE
from moderation.flag_queue import claim_flag
from moderation.flags import Flag
from moderation.reports.wording import messages as report_messages
from moderation.tables import CommunityRow, DecisionRow, FindingRow, FlagRow, ModeratorRow, PostRow, ScoreRow, SignInRow
from tests.moderation.queue_rows import ELSEWHERE, MODEL, NOW, edit, new_moderator, new_post, sync

PASSWORD = "correct horse battery"
HOSTILE = '<script>alert(1)</script> "><img src=x onerror=alert(2)> {{ 7 * 7 }}'
MESSAGES = Path(__file__).parents[2] / "api" / "pages" / "messages"
TEMPLATES = MESSAGES.parent / "templates"
PART = {"HX-Request": "true"}
MEASURED = {"language": "en", "threshold_basis": "validated", "precision_at_threshold": 0.8}
WAITS = {"episode": "p1", "first_answer_at": None, "censored": "end"}
UNHAPPY = Flag("negative_wom", 0.92, 0.6, {**MEASURED, **WAITS})
INSULT = Flag("toxic", 0.85, 0.7, MEASURED)


class Markup(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@dataclass
class Browser:
    """A browser of one moderator: cookies, and forms sent as the page would send them."""

    client: TestClient
    community: CommunityRow
    name: str
    csrf: str = ""

    @property
    def base(self) -> str:
        return f"/c/{self.community.slug}"

    def get(self, path: str, **request: Any) -> Any:
        return self.client.get(self.base + path, **request)

    def post(self, path: str, form: dict[str, Any], **request: Any) -> Any:
        form = {"csrf": self.csrf, **form}
        return self.client.post(self.base + path, data=form, **request)

    def sign_in(self, password: str = PASSWORD, **form: str) -> Any:
        page = self.client.get("/sign-in").text
        (token,) = re.findall(r'name="csrf" value="([^"]+)"', page)
        filled = {"community": self.community.slug, "name": self.name, "password": password, "csrf": token, **form}
        return self.client.post("/sign-in", data=filled)


@pytest.fixture
def community(database: Database) -> CommunityRow:
    settings = Community(
        name="Proef",
        languages=("en", "nl"),
        spaces=[{"slug": "pay", "name": "Payments"}, {"slug": "chat", "name": "Chat"}],
    )
    with database.transaction() as session:
        return save_community(session, f"pages-{uuid4().hex[:10]}", settings)


@pytest.fixture(scope="session")
def password_hash(database: Database) -> str:
    """What is stored of the password of everybody here; hashing is slow on purpose, so it is done once."""
    with database.transaction() as session:
        elsewhere = save_community(session, f"pages-{uuid4().hex[:10]}", Community())
        stored = make_moderator(session, elsewhere.id, name="Anna", password=PASSWORD).password_hash
    assert stored is not None
    return stored


@pytest.fixture
def new_browser(
    app: FastAPI, database: Database, community: CommunityRow, password_hash: str
) -> Iterator[Callable[..., Browser]]:
    opened: list[TestClient] = []

    def make(name: str = "Anna", *, of: CommunityRow = community, signed_in: bool = True) -> Browser:
        client = TestClient(
            app,
            base_url="https://klankbord.test",
            raise_server_exceptions=False,
            follow_redirects=False,
        )
        opened.append(client)
        browser = Browser(client, of, name)
        with database.transaction() as session:
            moderator = new_moderator(session, of, name)
            moderator.password_hash = password_hash
            if signed_in:
                sign_in_already(session, browser, moderator)
        return browser

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def anna(new_browser: Callable[..., Browser]) -> Browser:
    return new_browser("Anna")


@pytest.fixture
def put(database: Database, community: CommunityRow) -> Callable[..., int]:
    """Puts a post with flags into the queue; returns the item's id."""

    def make(*flags: Flag, post_id: str = "p1", **fields: Any) -> int:
        with database.transaction() as session:
            post = new_post(session, community, post_id, **fields)
            sync(session, community, post, *flags)
            return session.scalars(
                select(FlagRow.id).where(FlagRow.community_id == community.id, FlagRow.post_id == post_id)
            ).one()

    return make


def sign_in_already(session: Session, browser: Browser, moderator: ModeratorRow) -> None:
    """Give a browser the cookie of a sign-in of before; checking a password is slow and has tests of its own."""
    token, browser.csrf = uuid4().hex, uuid4().hex
    hashed, until = sha256(token.encode()).hexdigest(), NOW + timedelta(hours=1)
    session.add(SignInRow(token_hash=hashed, moderator_id=moderator.id, csrf_token=browser.csrf, expires_at=until))
    browser.client.cookies.set("klankbord_session", token)


def decisions_of(database: Database, community: CommunityRow) -> list[DecisionRow]:
    with database.transaction() as session:
        return list(
            session.scalars(
                select(DecisionRow).where(DecisionRow.community_id == community.id).order_by(DecisionRow.id)
            )
        )


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def moderator_of(database: Database, browser: Browser) -> ModeratorRow:
    mine = ModeratorRow.community_id == browser.community.id, ModeratorRow.name == browser.name
    with database.transaction() as session:
        return session.scalars(select(ModeratorRow).where(*mine)).one()


# Signing in


def test_signing_in_opens_the_queue_with_a_cookie_that_scripts_cannot_read(new_browser: Callable[..., Browser]) -> None:
    browser = new_browser(signed_in=False)
    answer = browser.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, f"{browser.base}/queue")
    (cookie,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith("klankbord_session=")]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Secure"))
    assert browser.get("/queue").status_code == 200


@pytest.mark.parametrize("wrong", [{"password": "wrong password"}, {"name": "Nobody"}, {"community": "elsewhere"}])
def test_a_wrong_sign_in_says_one_line_and_never_which_part_is_wrong(new_browser: Any, wrong: dict[str, str]) -> None:
    browser = new_browser(signed_in=False)
    answer = browser.sign_in(**wrong)
    assert answer.status_code == 401
    assert "check the community, the name and the password" in answer.text
    assert PASSWORD not in answer.text


def test_signing_in_needs_the_form_of_this_browser(new_browser: Callable[..., Browser]) -> None:
    browser = new_browser(signed_in=False)
    assert browser.sign_in(csrf="made up").status_code == 403
    assert browser.get("/queue").status_code == 303


def test_a_page_that_needs_signing_in_is_opened_afterwards(new_browser: Callable[..., Browser]) -> None:
    browser = new_browser(signed_in=False)
    answer = browser.get("/topics")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/sign-in?community={browser.community.slug}&next=")
    assert browser.sign_in(next=f"{browser.base}/topics").headers["location"] == f"{browser.base}/topics"


@pytest.mark.parametrize("elsewhere", ["//evil.test", "/c/other/queue"])
def test_signing_in_never_leads_elsewhere(new_browser: Callable[..., Browser], elsewhere: str) -> None:
    browser = new_browser(signed_in=False)
    assert browser.sign_in(next=elsewhere).headers["location"] == f"{browser.base}/queue"


@pytest.mark.parametrize(
    ("path", "is_own"),
    [
        ("/c/x/queue", True),
        ("https://evil.test/", False),
        ("//evil.test", False),
        ("/\\evil.test", False),
        ("/\n/evil.test", False),
        ("/c/x\\evil.test", False),
        ("x", False),
        ("", False),
    ],
)
def test_own_paths(path: str, is_own: bool) -> None:
    assert is_own_path(path) is is_own


def test_signing_out_ends_the_session(anna: Browser) -> None:
    assert anna.client.post("/sign-out", data={"csrf": "made up"}).status_code == 403
    cookie = anna.client.cookies["klankbord_session"]
    assert anna.client.post("/sign-out", data={"csrf": anna.csrf}).headers["location"] == "/sign-in"
    anna.client.cookies.set("klankbord_session", cookie)
    assert anna.get("/queue").status_code == 303


def test_the_eleventh_wrong_sign_in_has_to_wait(app: FastAPI, new_browser: Callable[..., Browser]) -> None:
    browser = new_browser(signed_in=False)
    for _ in range(MAX_FAILED_SIGN_INS - 2):
        app.state.service.sign_in_attempts.failed(browser.community.id, browser.name, now=NOW)
    assert [browser.sign_in("wrong password").status_code for _ in range(2)] == [401, 401]
    assert browser.sign_in().status_code == 429


# Who may see what


PAGES = (
    "/queue",
    "/decisions",
    "/topics",
    "/topics/1",
    "/topic-events",
    "/changes",
    "/response",
    "/posts/1",
    "/questions/1",
    "/report",
    "/report/page",
    "/search",
    "/not-scored",
    "/events?after=0",
)


@pytest.mark.parametrize("path", [*PAGES, "/flags/1/state?lane=answer"])
def test_pages_of_another_community_are_not_there(
    new_browser: Callable[..., Browser], database: Database, anna: Browser, path: str
) -> None:
    with database.transaction() as session:
        other = save_community(session, f"pages-{uuid4().hex[:10]}", Community())
    answer = anna.client.get(f"/c/{other.slug}{path}")
    assert answer.status_code == 404
    assert "This page is not there" in answer.text
    assert new_browser("Bo", signed_in=False).get(path).status_code == 303


def test_no_page_of_a_community_opens_without_signing_in(app: FastAPI, new_browser: Callable[..., Browser]) -> None:
    browser = new_browser(signed_in=False)
    routes = {
        (method, context.path)
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ()
        if context.path and context.path.startswith("/c/")
    }
    assert len(routes) > 12
    for method, path in sorted(routes):
        address = re.sub(r"{\w+}", "1", path.replace("{slug}", browser.community.slug))
        answer = browser.client.request(method, address, data={"lane": "answer"} if method == "POST" else None)
        assert answer.status_code == (401 if method == "POST" else 303), (method, path)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/flags/1/claim", {"lane": "answer"}),
        ("/flags/1/release", {"lane": "answer"}),
        ("/flags/1/decisions", {"lane": "answer", "action": "agree", "revision": "1"}),
        ("/decisions", {"lane": "answer", "action": "agree"}),
        ("/decisions/1/undo", {}),
        ("/not-scored/again", {}),
    ],
)
def test_forms_without_the_token_and_from_elsewhere_are_refused(anna: Browser, path: str, form: dict[str, str]) -> None:
    assert anna.post(path, {**form, "csrf": ""}).status_code == 403
    assert anna.post(path, {**form, "csrf": "made up"}).status_code == 403
    assert anna.post(path, form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_an_item_of_another_community_cannot_be_touched(
    new_browser: Callable[..., Browser], database: Database, put: Callable[..., int]
) -> None:
    flag_id = put(UNHAPPY)
    with database.transaction() as session:
        other = save_community(session, f"pages-{uuid4().hex[:10]}", Community())
    stranger = new_browser("Eve", of=other)
    form = {"lane": "answer", "action": "agree", "revision": "1"}
    assert stranger.post(f"/flags/{flag_id}/decisions", form).status_code == 404
    assert stranger.post(f"/flags/{flag_id}/claim", {"lane": "answer"}).status_code == 404


def test_every_form_of_a_page_carries_the_token_of_this_browser(anna: Browser, put: Callable[..., int]) -> None:
    flag_id = put(UNHAPPY)
    put(UNHAPPY, post_id="p2")
    form = {"lane": "answer", "action": "agree", "revision": "1"}
    told = anna.post(f"/flags/{flag_id}/decisions", form).headers["location"].removeprefix(anna.base)
    for path in (told, "/decisions"):
        elements = Markup(anna.get(path).text).elements
        n_forms = sum(tag == "form" and attributes.get("method") == "post" for tag, attributes in elements)
        tokens = [attributes["value"] for _, attributes in elements if attributes.get("name") == "csrf"]
        assert n_forms > 1
        assert tokens == [anna.csrf] * n_forms


# The queue


def test_an_item_shows_its_evidence(
    anna: Browser, put: Callable[..., int], database: Database, community: CommunityRow
) -> None:
    with database.transaction() as session:
        new_post(
            session, community, "p0", created_at=NOW - timedelta(days=1), title="My first order", text="It came late."
        )
    put(UNHAPPY, text="> you said soon\n\nI have had enough of this.", author_name="Kim", author_id="u1", space="pay")
    with database.transaction() as session:
        new_post(session, community, "p2", created_at=NOW - timedelta(hours=1), text="We will look into it.")
    page = unescape(anna.get("/queue").text)
    for words in (
        "I have had enough of this.",
        "Kim",
        "in Payments",
        "Unhappy about the organisation: 92% likely",
        "Shown from 60%. At that threshold about 8 of 10 are right, measured on posts in English.",
        "No real answer for 5 hours.",
        "My first order",
        "1 answer after it",
        "We will look into it.",
        "Why at this place: 92% chance",
        "I take this one",
    ):
        assert words in page
    (own_words,) = re.findall(r'<blockquote class="words"[^>]*>(.*?)</blockquote>', page, re.DOTALL)
    assert "you said soon" not in own_words
    assert "you said soon" in page


def test_the_sentence_that_carries_a_reason_stands_out(anna: Browser, put: Callable[..., int]) -> None:
    sentence = {"begin": 15, "end": 29, "log_odds_drop": 2.0, "share": 0.8}
    put(
        replace(INSULT, evidence={"language": "en", "sentences": [sentence]}),
        title="Hello",
        text="Morning. You 1 < 2 & 3! Bye.",
    )
    page = anna.get("/queue?lane=review").text
    assert 'Morning. <mark class="strongest">You 1 &lt; 2 &amp; 3!</mark> Bye.' in page
    assert "Mostly because of: “You 1 &lt; 2 &amp; 3!”" in page


def test_a_reason_that_no_sentence_carries_says_so(anna: Browser, put: Callable[..., int]) -> None:
    put(replace(INSULT, evidence={"language": "en", "sentences": None, "sentences_reason": NO_SENTENCE}))
    page = anna.get("/queue?lane=review").text
    assert "No sentence does this alone" in page
    assert "<mark" not in page


def test_what_members_write_is_never_markup(
    anna: Browser, put: Callable[..., int], database: Database, community: CommunityRow
) -> None:
    flag_id = put(INSULT, title=HOSTILE, text=HOSTILE + " http://x.test/?<b>", author_name=HOSTILE, space=HOSTILE)
    note = {"action": "agree", "lane": "review", "revision": "1", "note": HOSTILE}
    assert anna.post(f"/flags/{flag_id}/decisions", note).status_code == 303
    put(INSULT, post_id="p5", text=HOSTILE, is_html=False, author_name=HOSTILE)
    for path in ("/queue?lane=review", "/queue?lane=review&status=decided", "/decisions", f"/search?q={HOSTILE}"):
        page = anna.get(path)
        assert page.status_code == 200
        assert "script-src 'self'" in page.headers["content-security-policy"]
        for tag, attributes in Markup(page.text).elements:
            assert tag not in ("img", "b")
            assert tag != "script" or str(attributes["src"]).startswith("/static/")
            assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_the_lanes_are_counted_and_what_waits_is_told(
    anna: Browser, put: Callable[..., int], database: Database, community: CommunityRow
) -> None:
    put(UNHAPPY, INSULT)
    with database.transaction() as session:
        new_post(session, community, "w1", waiting_since=NOW - timedelta(minutes=3))
        new_post(session, community, "w2", not_scored_reason="the text could not be read")
    page = re.sub(r"<[^>]+>", "", anna.get("/queue").text)
    assert re.findall(r"(Answer|Placement|Review)(\d)", page) == [("Answer", "1"), ("Placement", "0"), ("Review", "1")]
    assert "1 post waits to be scored, for 3 minutes" in page
    assert "1 post could not be scored" in page
    listed = anna.get("/not-scored").text
    assert "Could not be scored: the text could not be read" in listed
    assert "words of w2" in listed


def test_posts_that_could_not_be_scored_are_tried_again(
    anna: Browser, database: Database, community: CommunityRow
) -> None:
    with database.transaction() as session:
        new_post(session, community, "w2", not_scored_reason="the text could not be read")
    assert anna.post("/not-scored/again", {}).headers["location"].endswith("/not-scored?again=1")
    with database.transaction() as session:
        assert session.get_one(PostRow, (community.id, "w2")).waiting_since == NOW


def test_a_filter_narrows_and_an_unreadable_one_is_refused(anna: Browser, put: Callable[..., int]) -> None:
    put(UNHAPPY, post_id="p1", space="pay", text="about paying")
    put(UNHAPPY, post_id="p2", space="chat", text="about chatting")
    page = anna.get("/queue?lane=answer&topic=&space=pay&language=&status=open&order=newest").text
    assert "about paying" in page
    assert "about chatting" not in page
    assert anna.get("/queue?lane=nonsense").status_code == 422
    assert anna.get("/queue?cursor=nonsense").status_code == 422


def test_pages_of_the_queue_follow_each_other(anna: Browser, put: Callable[..., int]) -> None:
    ids = {put(UNHAPPY, post_id=f"p{number}", thread_id=f"t{number}") for number in range(17)}
    first = anna.get("/queue").text
    (link,) = re.findall(r'href="([^"]+)" rel="next"', first)
    second = anna.client.get(unescape(link)).text
    seen = [int(found) for found in re.findall(r'<article class="item" id="flag-(\d+)"', first + second)]
    assert len(seen) == 17
    assert set(seen) == ids


@pytest.fixture
def put_full_item(database: Database, community: CommunityRow, put: Callable[..., int]) -> Callable[[int], int]:
    """Puts a reply into the queue that has everything an item can have: a thread, examples, scores and two lanes."""

    def make(number: int) -> int:
        about = {"thread_id": f"t{number}"}
        with database.transaction() as session:
            for name, hours in (("first", 9), ("parent", 8), ("like", 7), ("answer", 1)):
                at = NOW - timedelta(hours=hours)
                new_post(session, community, f"{name}{number}", created_at=at, title=f"Title {name} {number}", **about)
        resembles = Flag("off_purpose", 0.9, 0.8, {"nearest_posts": [f"like{number}"]})
        flag_id = put(UNHAPPY, resembles, post_id=f"p{number}", parent_id=f"parent{number}", **about)
        scored = {"model_version": MODEL, "words_hash": "w", "language": "en", "n_words": 3, "signals": []}
        with database.transaction() as session:
            vector = [0.6, 0.8]
            session.add(ScoreRow(community_id=community.id, post_id=f"p{number}", vector=vector, topic_id=4, **scored))
        return flag_id

    return make


@pytest.mark.parametrize("lane", ["answer", "placement"])
def test_a_page_takes_as_many_queries_for_fifteen_items_as_for_one(
    anna: Browser, put_full_item: Callable[[int], int], database: Database, lane: str
) -> None:
    claimed = {"lane": lane}
    assert anna.post(f"/flags/{put_full_item(0)}/claim", claimed).status_code == 303
    with statements(database) as for_one:
        anna.get(f"/queue?lane={lane}")
    for number in range(1, 15):
        assert anna.post(f"/flags/{put_full_item(number)}/claim", claimed).status_code == 303
    with statements(database) as for_all:
        page = anna.get(f"/queue?lane={lane}").text
    assert page.count('<article class="item"') == page.count("Yours until") == 15
    for number in range(15):
        for name in ("first", "parent", "answer", *(["like"] if lane == "placement" else [])):
            assert f"Title {name} {number}<" in page
    assert len(for_all) == len(for_one)
    assert len(for_all) < 24
    assert not [statement for statement in for_all if "scores.vector" in statement]


def test_decided_items_and_decisions_take_as_many_queries_however_many_they_are(
    anna: Browser, put: Callable[..., int], database: Database
) -> None:
    n_queries: dict[str, set[int]] = {"/queue?status=decided": set(), "/decisions": set()}
    for number in range(4):
        flag_id = put(UNHAPPY, post_id=f"p{number}", thread_id=f"t{number}")
        form = {"lane": "answer", "action": "agree", "revision": "1"}
        address = anna.post(f"/flags/{flag_id}/decisions", form).headers["location"]
        assert anna.post(f"/decisions/{address.partition('did=')[2]}/undo", {}).status_code == 303
        assert anna.post(f"/flags/{flag_id}/decisions", form).status_code == 303
        for path, seen in n_queries.items():
            with statements(database) as asked:
                page = anna.get(path).text
            assert page.count("Needs an answer") >= number + 1
            seen.add(len(asked))
    assert [len(seen) for seen in n_queries.values()] == [1, 1]


def headings(page: str) -> list[tuple[str, bool]]:
    """The heading of every item, and whether it can be seen."""
    found = re.findall(r'<h2 id="heading-\d+" dir="auto"( class="hidden-words")?>(.*?)</h2>', page)
    return [(unescape(words), not hidden) for hidden, words in found]


def test_an_item_without_a_title_is_headed_by_its_thread_or_not_at_all(
    anna: Browser, put: Callable[..., int], database: Database, community: CommunityRow
) -> None:
    put(UNHAPPY, post_id="p1", text="where is my card", author_name="Kim", author_id="u1")
    page = anna.get("/queue").text
    assert headings(page) == [("Post by Kim", False)]
    assert page.count("where is my card") == 1
    with database.transaction() as session:
        session.get_one(PostRow, (community.id, "p1")).title = "Late " * 40 + "card"
        new_post(session, community, "q1", thread_id="t2", created_at=NOW - timedelta(days=1), title="Lost & found")
    put(INSULT, post_id="q2", thread_id="t2", text="you fool")
    assert headings(anna.get("/queue").text) == [("Late " * 40 + "card", True)]
    page = anna.get("/queue?lane=review").text
    assert headings(page) == [("In reply to: Lost & found", True)]
    assert page.count("you fool") == 1


def test_a_decided_item_keeps_its_reasons_and_is_listed_once_every_lane_is_decided(
    anna: Browser, put: Callable[..., int]
) -> None:
    flag_id, form = put(UNHAPPY, INSULT), {"action": "agree", "revision": "1"}
    listed = "/queue?lane=answer&status=decided"
    assert "Decided in every lane</option>" in anna.get(listed).text
    assert anna.post(f"/flags/{flag_id}/decisions", {**form, "lane": "answer"}).status_code == 303
    assert f'id="flag-{flag_id}"' not in anna.get(listed).text
    assert anna.post(f"/flags/{flag_id}/decisions", {**form, "lane": "review"}).status_code == 303
    page = anna.get(listed).text
    assert "Unhappy about the organisation: 92% likely" in page
    assert "An insult, threat or hate: 85% likely" in page


def test_posts_that_wait_long_are_listed_as_the_api_lists_them(
    anna: Browser, database: Database, community: CommunityRow
) -> None:
    with database.transaction() as session:
        for post_id, waits in (("long", WAITS_LONG + timedelta(seconds=1)), ("short", WAITS_LONG)):
            new_post(session, community, post_id, waiting_since=NOW - waits)
    page = anna.get("/not-scored").text
    assert "words of long" in page
    assert "words of short" not in page


# Claims and decisions


def test_a_claim_is_shown_to_both_and_given_back(
    new_browser: Callable[..., Browser], anna: Browser, put: Callable[..., int]
) -> None:
    bo, flag_id = new_browser("Bo"), put(UNHAPPY)
    assert anna.post(f"/flags/{flag_id}/claim", {"lane": "answer"}).status_code == 303
    assert "Yours until" in anna.get("/queue").text
    page = bo.get("/queue").text
    assert "Anna is working on this until" in page
    assert re.search(r"<fieldset disabled>", page)
    refused = bo.post(f"/flags/{flag_id}/claim", {"lane": "answer", "note": "half a note"}, headers=PART)
    assert refused.status_code == 409
    assert "Anna is working on this." in refused.text
    assert "half a note" in refused.text
    assert anna.post(f"/flags/{flag_id}/release", {"lane": "answer"}, headers=PART).status_code == 200
    assert "Anna is working" not in bo.get("/queue").text


@pytest.mark.parametrize("is_part", [True, False])
def test_deciding_takes_the_item_out_and_undo_brings_it_back(
    anna: Browser, put: Callable[..., int], database: Database, community: CommunityRow, is_part: bool
) -> None:
    flag_id, headers = put(UNHAPPY), PART if is_part else {}
    form = {
        "lane": "answer",
        "action": "agree",
        "revision": "1",
        "note": " call her ",
        "view": "lane=answer&order=newest",
    }
    answer = anna.post(f"/flags/{flag_id}/decisions", form, headers=headers)
    (decision,) = decisions_of(database, community)
    assert (decision.action, decision.lane, decision.note) == ("agree", "answer", "call her")
    if is_part:
        assert answer.status_code == 200
        assert 'id="standing" hx-swap-oob="true"' in answer.text
        shown = answer.text
    else:
        assert answer.headers[
            "location"
        ] == f"{anna.base}/queue?lane=answer&order=newest&did={decision.id}" or answer.headers["location"].endswith(
            f"did={decision.id}"
        )
        shown = anna.client.get(answer.headers["location"]).text
    assert "Decided: Needs an answer." in shown
    assert f"/decisions/{decision.id}/undo" in shown
    undone = anna.post(f"/decisions/{decision.id}/undo", {"view": "lane=answer"}, headers=headers)
    page = undone.text if is_part else anna.client.get(undone.headers["location"]).text
    assert f'<article class="item" id="flag-{flag_id}"' in page
    again = anna.post(f"/decisions/{decision.id}/undo", {"view": "lane=answer"}, headers=headers)
    assert again.status_code == 409
    assert "This was taken back already." in again.text
    assert "Undone: Needs an answer" in anna.get("/decisions").text


@pytest.mark.parametrize("is_part", [True, False])
def test_the_second_to_decide_sees_the_winner(
    new_browser: Callable[..., Browser],
    anna: Browser,
    put: Callable[..., int],
    database: Database,
    community: CommunityRow,
    is_part: bool,
) -> None:
    bo, flag_id = new_browser("Bo"), put(UNHAPPY)
    form = {"lane": "answer", "action": "disagree", "revision": "1"}
    assert anna.post(f"/flags/{flag_id}/decisions", form).status_code == 303
    lost = bo.post(
        f"/flags/{flag_id}/decisions", {**form, "action": "agree", "note": "my note"}, headers=PART if is_part else {}
    )
    assert lost.status_code == 409
    for words in ("Anna was first.", "No answer needed", "undo it and decide anew", "Your note was: my note"):
        assert words in lost.text
    assert len(decisions_of(database, community)) == 1


def test_an_edited_post_is_shown_anew_before_it_is_decided(
    anna: Browser, put: Callable[..., int], database: Database, community: CommunityRow
) -> None:
    flag_id = put(UNHAPPY, text="the old words")
    form = {"lane": "answer", "action": "agree", "revision": "1", "note": "my note"}
    with database.transaction() as session:
        post = session.get_one(PostRow, (community.id, "p1"))
        edit(session, post, "the new words")
    waits = anna.post(f"/flags/{flag_id}/decisions", form, headers=PART)
    assert waits.status_code == 409
    assert all(words in waits.text for words in ("the new words", "being judged again", "Your note was: my note"))
    with database.transaction() as session:
        sync(session, community, session.get_one(PostRow, (community.id, "p1")), UNHAPPY)
    anew = anna.post(f"/flags/{flag_id}/decisions", form, headers=PART)
    assert anew.status_code == 409
    assert all(
        words in anew.text
        for words in ("the new words", "Read it again", 'value="my note"', 'name="revision" value="2"')
    )
    assert decisions_of(database, community) == []


def test_an_item_that_is_gone_says_why(
    anna: Browser, put: Callable[..., int], database: Database, community: CommunityRow
) -> None:
    flag_id = put(UNHAPPY)
    with database.transaction() as session:
        sync(session, community, session.get_one(PostRow, (community.id, "p1")), UNHAPPY, is_answered=True)
    form = {"lane": "answer", "action": "agree", "revision": "1"}
    answer = anna.post(f"/flags/{flag_id}/decisions", form, headers=PART)
    assert answer.status_code == 409
    assert "somebody answered" in answer.text
    assert anna.post("/flags/999999999/decisions", form).status_code == 404


@pytest.mark.parametrize(
    ("place", "space", "topic_id", "words"),
    [
        ("space:chat", "chat", None, "Belongs in Chat"),
        ("topic:4", None, 4, "Belongs in refunds"),
        ("new", None, None, "Belongs in a new topic"),
    ],
)
def test_placing_names_the_place(
    anna: Browser,
    put: Callable[..., int],
    database: Database,
    community: CommunityRow,
    place: str,
    space: str | None,
    topic_id: int | None,
    words: str,
) -> None:
    add_topics(database, community)
    flag_id = put(ELSEWHERE)
    page = anna.get("/queue?lane=placement").text
    assert 'value="space:chat"' in page
    assert 'value="topic:4"' in page
    form = {"lane": "placement", "action": "place", "revision": "1", "place": place}
    assert words in anna.post(f"/flags/{flag_id}/decisions", form, headers=PART).text
    (decision,) = decisions_of(database, community)
    assert (decision.space, decision.topic_id) == (space, topic_id)


def test_a_place_that_is_not_there_is_refused_in_place(anna: Browser, put: Callable[..., int]) -> None:
    flag_id = put(ELSEWHERE)
    form = {"lane": "placement", "action": "place", "revision": "1", "note": "my note"}
    refused = anna.post(f"/flags/{flag_id}/decisions", {**form, "place": "space:nowhere"}, headers=PART)
    assert refused.status_code == 422
    assert 'value="my note"' in refused.text
    assert anna.post(f"/flags/{flag_id}/decisions", {**form, "place": "nonsense"}).status_code == 422


def test_removal_can_be_recommended_in_review_only(
    anna: Browser, put: Callable[..., int], database: Database, community: CommunityRow
) -> None:
    flag_id = put(UNHAPPY, INSULT)
    assert "Recommend removal" not in anna.get("/queue?lane=answer").text
    form = {"lane": "answer", "action": "recommend_removal", "revision": "1"}
    assert anna.post(f"/flags/{flag_id}/decisions", form, headers=PART).status_code == 422
    assert anna.post(f"/flags/{flag_id}/decisions", {**form, "lane": "review"}, headers=PART).status_code == 200
    assert 'id="flag-' in anna.get("/queue?lane=answer").text


def test_several_are_decided_with_a_reason_and_what_failed_is_told(
    new_browser: Callable[..., Browser],
    anna: Browser,
    put: Callable[..., int],
    database: Database,
    community: CommunityRow,
) -> None:
    bo = new_browser("Bo")
    one, two, three = (put(INSULT, post_id=f"p{n}", title=f"Title {n}") for n in range(3))
    form = {"lane": "review", "action": "disagree", "note": "a quarrel among friends"}
    assert anna.post("/decisions", form).status_code == 422
    assert anna.post("/decisions", {**form, "item": [f"{one}:1"], "note": " "}).status_code == 422
    assert anna.post("/decisions", {**form, "item": ["nonsense"]}).status_code == 422
    assert anna.post("/decisions", {**form, "item": [f"{one}:1"]}).headers["location"].endswith("told=bulk-1")
    assert bo.post(f"/flags/{three}/claim", {"lane": "review"}).status_code == 303
    answer = anna.post("/decisions", {**form, "item": [f"{one}:1", f"{two}:1", f"{three}:1"]})
    assert answer.status_code == 409
    for words in ("1 item decided.", "Title 0: Anna was first.", "Title 2: Bo is working on this."):
        assert words in answer.text
    assert [decision.flag_id for decision in decisions_of(database, community)] == [one, two]


def test_what_somebody_skipped_is_left_for_others(
    new_browser: Callable[..., Browser], anna: Browser, put: Callable[..., int]
) -> None:
    bo, flag_id = new_browser("Bo"), put(UNHAPPY)
    assert (
        anna.post(f"/flags/{flag_id}/decisions", {"lane": "answer", "action": "skip", "revision": "1"}).status_code
        == 303
    )
    assert f'id="flag-{flag_id}"' not in anna.get("/queue").text
    assert f'id="flag-{flag_id}"' in bo.get("/queue").text


def test_watching_tells_what_others_do_and_ends_when_signed_out(
    new_browser: Callable[..., Browser],
    anna: Browser,
    put: Callable[..., int],
    database: Database,
    community: CommunityRow,
) -> None:
    bo, flag_id = new_browser("Bo"), put(UNHAPPY)
    with database.transaction() as session:
        claim_flag(session, community.id, flag_id, moderator_of(database, bo).id, now=NOW)
    heard = anna.get("/events?after=0").text
    assert '"kind":"flag_opened"' in heard.replace(" ", "")
    assert '"moderator":"Bo"' in heard.replace(" ", "")
    assert "words of" not in heard
    state = anna.get(f"/flags/{flag_id}/state?lane=answer", headers=PART).text
    assert "Bo is working on this until" in state
    assert "data-closed" in state
    with database.transaction() as session:
        agree = DecisionRequest("agree", 1, lane="answer")
        record_decision(session, community, flag_id, agree, moderator=moderator_of(database, bo), now=NOW)
    assert "Bo on 20 November 2026" in anna.get(f"/flags/{flag_id}/state?lane=answer", headers=PART).text


# Topics, report, search, language, errors


def add_finding(session: Session, community: CommunityRow, kind: str, contents: dict[str, Any]) -> None:
    about = {"found_at": NOW, "n_posts": 30, "model_version": "m"}
    session.add(FindingRow(community_id=community.id, kind=kind, contents=contents, **about))


def add_topics(database: Database, community: CommunityRow) -> None:
    topic = {
        "id": 4,
        "name": "refunds",
        "terms": ["refund", "money <b>"],
        "language": "en",
        "size": 12,
        "share": 0.4,
        "exemplar_ids": ["p1", "gone"],
        "negative_share": 0.25,
        "negative_share_interval": [0.1, 0.5],
        "negative_share_n_posts": 12,
        "negative_share_reason": None,
    }
    unsorted = {"count": 3, "share": 0.1, "reasons": {"too short": 3}}
    reports = {"nl": "<!doctype html><title>Rapport</title>", "en": "<!doctype html><title>Report</title>"}
    with database.transaction() as session:
        add_finding(session, community, "topics", {"topics": [topic], "unsorted": unsorted})
        add_finding(session, community, "report", reports)


def test_topics_show_size_tone_and_posts(
    anna: Browser, put: Callable[..., int], database: Database, community: CommunityRow
) -> None:
    assert "not been worked out yet" in anna.get("/topics").text
    add_topics(database, community)
    put(UNHAPPY, text="where is my refund", placed_topic_id=4)
    page = anna.get("/topics").text
    assert "refunds" in page
    assert "money &lt;b&gt;" in page
    topic = unescape(re.sub(r"\s+", " ", anna.get("/topics/4").text))
    assert "12 posts, 40% of everything" in topic or "12 posts" in topic
    assert "25%" in topic
    assert topic.count("where is my refund") == 2
    assert anna.get("/topics/5").status_code == 404


def test_the_report_is_shown_in_a_frame_that_runs_nothing(
    anna: Browser, database: Database, community: CommunityRow
) -> None:
    assert anna.get("/report/page").status_code == 404
    assert "no report yet" in anna.get("/report").text
    with database.transaction() as session:
        add_finding(session, community, "failure", {"reason": "out of memory"})
    assert "The last attempt failed: out of memory." in anna.get("/report").text
    add_topics(database, community)
    assert f'src="{anna.base}/report/page"' in anna.get("/report").text
    page = anna.get("/report/page")
    assert "<title>Report</title>" in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    assert "script-src" not in page.headers["content-security-policy"]


def test_the_language_follows_the_community_and_can_be_changed(anna: Browser) -> None:
    assert "<h1>Queue</h1>" in anna.get("/queue").text
    answer = anna.client.get("/language", params={"to": "nl", "next": f"{anna.base}/queue"})
    assert answer.headers["location"] == f"{anna.base}/queue"
    assert "<h1>Wachtrij</h1>" in anna.get("/queue").text
    assert anna.client.get("/language", params={"to": "nl", "next": "//evil.test"}).headers["location"] == "/"
    assert anna.client.get("/language", params={"to": "tlh"}).status_code == 404


@pytest.mark.parametrize("path", ["/queue?topic=abc", "/topics/abc", "/search?q=" + "x" * 501])
def test_errors_are_one_clear_line(anna: Browser, path: str) -> None:
    answer = anna.get(path)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html")
    assert "Something was filled in wrongly" in answer.text


def test_the_api_keeps_its_own_errors(anna: Browser) -> None:
    answer = anna.client.get(f"/v1/communities/{anna.community.slug}/flags")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_fault_is_a_page_without_a_trace(anna: Browser, database: Database, community: CommunityRow) -> None:
    with database.transaction() as session:
        add_finding(session, community, "topics", {"nonsense": "the words of a member"})
    answer = anna.get("/topics")
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.text
    assert "Traceback" not in answer.text
    assert "KeyError" not in answer.text


def test_search_finds_nothing_before_posts_are_scored(anna: Browser) -> None:
    assert "Nothing was found" in anna.get("/search?q=refund").text


def test_every_text_is_there_in_both_languages() -> None:
    spoken = {code: tomllib.loads((MESSAGES / f"{code}.toml").read_text()) for code in ("nl", "en")}
    assert list(spoken["nl"]) == list(spoken["en"])
    for key, text in spoken["en"].items():
        other = spoken["nl"][key]
        assert type(other) is type(text)
        for said, meant in zip(
            [other] if isinstance(other, str) else other, [text] if isinstance(text, str) else text, strict=True
        ):
            assert set(re.findall(r"{\w+}", said)) <= set(re.findall(r"{\w+}", meant)), key
    used = set()
    for file in (*TEMPLATES.glob("*.j2"), *TEMPLATES.parent.glob("*.py")):
        used |= set(
            re.findall(
                r"""\b(?:say|count|Told\(visitor\.texts\.count)\(\s*["']([a-z0-9_. ]+)["']\s*[,)]""", file.read_text()
            )
        )
    own = used - set(report_messages("en"))
    assert own <= set(spoken["en"])
