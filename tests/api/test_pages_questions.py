import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from moderation.db import Database
from moderation.ingest import store_posts
from moderation.tables import CommunityRow
from tests.api.test_pages import HOSTILE, Browser
from tests.api.test_pages import anna as anna
from tests.api.test_pages import community as community
from tests.api.test_pages import new_browser as new_browser
from tests.api.test_pages import password_hash as password_hash
from tests.api.test_pages_episodes import words
from tests.api.test_pages_episodes import work_off as work_off
from tests.moderation.queue_rows import NOW
from tests.service import ANSWERS, ASKS, SOUP, UNHAPPY, record


@pytest.fixture
def asked(database: Database, community: CommunityRow, work_off: Callable[..., None]) -> None:
    """A question with two replies of which one answers it, an open question, a complaint and a post about soup."""
    of_thread = {"thread_id": "t", "parent_id": "q/1"}
    records = [
        record("q/1", ASKS, author_id="anna", thread_id="t"),
        record("a", ANSWERS, minutes=5, author_id="carl", author_name=HOSTILE, **of_thread),
        record("own", SOUP, minutes=6, author_id="anna", **of_thread),
        record("h", SOUP, minutes=7, author_id="dirk", **of_thread),
        record("open", ASKS, minutes=30),
        record("unhappy", UNHAPPY, minutes=40),
        record("soup", SOUP, minutes=50),
    ]
    with database.transaction() as session:
        store_posts(session, community, records, now=NOW)
    work_off(NOW - timedelta(seconds=1))


def forms_of(page: str, address: str) -> list[dict[str, str]]:
    """The hidden fields of every form that a page sends to an address."""
    forms = re.findall(rf'<form[^>]*action="[^"]*{re.escape(address)}"[^>]*>(.*?)</form>', page, re.DOTALL)
    fields = [re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form) for form in forms]
    return [{name: unescape(value) for name, value in form} for form in fields]


def sent(anna: Browser, path: str, form: dict[str, Any]) -> str:
    answer = anna.post(path, form)
    assert answer.status_code == 303
    page: str = anna.client.get(answer.headers["location"]).text
    return page


@pytest.mark.usefixtures("asked")
def test_the_worklist_leads_to_the_question_and_to_the_post(anna: Browser) -> None:
    page = anna.get("/worklist").text
    links = set(re.findall(r'href="/c/[^/"]*(/(?:questions|episodes|posts)/[^"]*)"', page))
    assert links == {"/questions/open", "/posts/open", "/episodes/unhappy", "/posts/unhappy"}
    assert all(anna.get(link).status_code == 200 for link in links)


@pytest.mark.usefixtures("asked")
def test_a_question_says_who_answered_and_shows_words_as_text(anna: Browser) -> None:
    page = anna.get("/questions/q%2F1").text
    assert "First answered by a member" in page
    assert "By the one who asks" in page
    assert "<script>alert" not in page
    assert HOSTILE in unescape(page)
    assert "Nobody has given a real answer yet." in anna.get("/questions/open").text


@pytest.mark.usefixtures("asked")
def test_the_buttons_say_what_answers_and_what_does_not(anna: Browser, work_off: Callable[..., None]) -> None:
    address = "/questions/q%2F1/corrections"
    by_post = {form.get("post_id"): form for form in forms_of(anna.get("/questions/q%2F1").text, address)}
    assert {post_id: form["kind"] for post_id, form in by_post.items() if post_id} == {"a": "other", "h": "answer"}
    page = sent(anna, address, by_post["a"])
    assert "being read anew" in page
    work_off()
    assert "Nobody has given a real answer yet." in anna.get("/questions/q%2F1").text
    sent(anna, address, by_post["h"])
    work_off(NOW + timedelta(seconds=2))
    said = words(anna.get("/questions/q%2F1").text)
    assert "First answered by a member" in said
    assert said.count("as a moderator said") == 2


@pytest.mark.usefixtures("asked")
def test_what_is_no_question_can_become_one_again(anna: Browser, work_off: Callable[..., None]) -> None:
    (form,) = forms_of(anna.get("/questions/open").text, "/questions/open/corrections")
    sent(anna, "/questions/open/corrections", form)
    work_off()
    page = anna.get("/questions/open").text
    assert "This is not kept as a question." in page
    assert 'hx-trigger="every 2s"' not in page
    assert "/questions/open" not in anna.get("/worklist").text
    (undo,) = re.findall(r'action="[^"]*(/corrections/\d+/undo)"', page)
    page = sent(anna, undo, {"of": "question"})
    assert "A question, and what came after it" in page
    work_off(NOW + timedelta(seconds=2))
    assert "/questions/open" in anna.get("/worklist").text


@pytest.mark.usefixtures("asked")
def test_the_page_of_a_post_takes_up_what_was_missed(anna: Browser, work_off: Callable[..., None]) -> None:
    page = anna.get("/posts/soup").text
    assert "It is the only post of its thread." in page
    assert anna.get("/questions/soup").status_code == 404
    (form,) = forms_of(page, "/questions/soup/corrections")
    page = sent(anna, "/questions/soup/corrections", form)
    assert "being read anew" in page
    work_off()
    assert "Nobody has given a real answer yet." in anna.get("/questions/soup").text
    assert "It is kept as a question" in anna.get("/posts/soup").text


@pytest.mark.usefixtures("asked")
def test_a_post_stands_in_its_thread(anna: Browser) -> None:
    page = anna.get("/posts/a").text
    assert words(page).count("This post.") == 1
    assert {"/posts/q%2F1", "/posts/own", "/posts/h"} == set(re.findall(r'href="/c/[^/"]*(/posts/[^"]*)"', page))
    assert "Unhappy" not in words(page)
    assert "It waits in the queue: Answer" in anna.get("/posts/unhappy").text
    assert anna.get("/posts/nowhere").status_code == 404


@pytest.mark.usefixtures("asked")
def test_what_cannot_be_is_refused_in_words(anna: Browser) -> None:
    refused = anna.post("/questions/open/corrections", {"action": "reply_kind", "post_id": "a", "kind": "answer"})
    assert refused.status_code == 422
    assert "name a later post of the same thread" in refused.text
    assert anna.post("/questions/open/corrections", {"action": "no_episode"}).status_code == 422
    assert anna.post("/questions/open/corrections", {"action": "no_question", "csrf": "x"}).status_code == 403
    assert anna.post("/questions/soup/corrections", {"action": "no_question"}).status_code == 404


@pytest.mark.usefixtures("asked")
def test_everything_is_there_in_dutch(anna: Browser) -> None:
    anna.client.cookies.set("klankbord_language", "nl")
    assert "Een vraag, en wat erna kwam" in anna.get("/questions/q%2F1").text
    assert "Dit bericht." in anna.get("/posts/a").text
