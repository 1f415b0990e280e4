import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import text

from moderation.db import Database
from moderation.incoming import judge_posts, score_waiting
from moderation.ingest import store_posts
from moderation.pipeline import Models
from moderation.tables import CommunityRow
from tests.api.test_pages import HOSTILE, Browser
from tests.api.test_pages import anna as anna
from tests.api.test_pages import community as community
from tests.api.test_pages import new_browser as new_browser
from tests.api.test_pages import password_hash as password_hash
from tests.moderation.queue_rows import NOW
from tests.service import ANSWERS, ASKS, UNHAPPY, record


@pytest.fixture
def work_off(database: Database, models: Models, community: CommunityRow) -> Callable[..., None]:
    jobs = text(
        "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'score_posts' "
        "AND CAST(args ->> 'community_id' AS bigint) = :community RETURNING id, args"
    )

    def work(at: Any = NOW + timedelta(seconds=1)) -> None:
        with database.transaction() as session:
            found = sorted(session.execute(jobs, {"community": community.id}).all())
        for _, arguments in found:
            score_waiting(database, models, community.id, arguments["post_ids"])
            judge_posts(database, models, community.id, arguments["post_ids"], now=at)

    return work


@pytest.fixture
def thread(database: Database, community: CommunityRow, work_off: Callable[..., None]) -> None:
    """A complaint with an answer, one without, and a question; whatever people write is shown as text."""
    of_thread = {"thread_id": "t"}
    records = [
        record("q/1", UNHAPPY, author_id="anna", author_name=HOSTILE, **of_thread),
        record("a", ANSWERS, minutes=5, author_id="carl", parent_id="q/1", **of_thread),
        record("h", HOSTILE, minutes=6, author_id="dirk", parent_id="q/1", **of_thread),
        record("open", UNHAPPY, minutes=20),
        record("asks", ASKS, minutes=30),
    ]
    with database.transaction() as session:
        store_posts(session, community, records, now=NOW)
    work_off(NOW - timedelta(seconds=1))


def words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_nobody_looks_who_is_not_signed_in(new_browser: Callable[..., Browser]) -> None:
    stranger = new_browser("Stranger", signed_in=False)
    for path in ("/worklist", "/episodes/q"):
        assert stranger.get(path).status_code == 303
    assert stranger.post("/episodes/q/corrections", {"action": "no_episode"}).status_code == 401


def test_an_empty_worklist_says_so(anna: Browser) -> None:
    assert "Nobody waits for an answer." in anna.get("/worklist").text


@pytest.mark.usefixtures("thread")
def test_the_worklist_says_who_waits_and_who_should_answer(anna: Browser) -> None:
    page = anna.get("/worklist").text
    assert "2 posts wait for an answer." in page
    assert page.index(UNHAPPY[:30]) < page.index(ASKS[:30])
    assert "Best placed to answer: the staff." in words(page)
    (link,) = re.findall(r'href="[^"]*(/episodes/[^"]*)"', page)
    assert anna.get(link).status_code == 200


@pytest.mark.usefixtures("thread")
def test_an_episode_is_shown_step_by_step_and_only_as_text(anna: Browser) -> None:
    page = anna.get("/episodes/q%2F1").text
    assert "First answered by a member" in page
    assert "An answer" in page
    assert "<script>alert" not in page
    assert HOSTILE in unescape(page)


@pytest.mark.usefixtures("thread")
def test_a_correction_is_shown_applied_and_undone(anna: Browser, work_off: Callable[..., None]) -> None:
    form = {"action": "reply_kind", "post_id": "a", "kind": "deflected", "note": "only a link"}
    sent = anna.post("/episodes/q%2F1/corrections", form)
    assert sent.status_code == 303
    page = anna.client.get(sent.headers["location"]).text
    assert "being read anew" in page
    assert 'hx-trigger="every 2s"' in page
    work_off()
    page = anna.get("/episodes/q%2F1").text
    assert "being read anew" not in page
    said = words(page)
    assert "Nobody has given a real answer yet." in said
    assert "as a moderator said" in said
    assert "Changed by Anna on" in said
    (undo,) = re.findall(r'action="[^"]*(/corrections/\d+/undo)"', page)
    assert anna.post(undo, {}).status_code == 303
    work_off(NOW + timedelta(seconds=2))
    assert "First answered by a member" in anna.get("/episodes/q%2F1").text


@pytest.mark.usefixtures("thread")
def test_what_is_no_complaint_can_become_one_again(anna: Browser, work_off: Callable[..., None]) -> None:
    anna.post("/episodes/open/corrections", {"action": "no_episode"})
    work_off()
    page = anna.get("/episodes/open").text
    assert "This is not kept as a complaint" in page
    assert 'value="episode"' in page
    assert anna.get("/episodes/asks").status_code == 404


@pytest.mark.usefixtures("thread")
def test_a_correction_that_cannot_be_is_said_in_words(anna: Browser) -> None:
    refused = anna.post("/episodes/q%2F1/corrections", {"action": "amplifies", "post_id": "open"})
    assert refused.status_code == 422
    assert "name another, later post" in refused.text
    without_token = anna.post("/episodes/q%2F1/corrections", {"action": "no_episode", "csrf": "x"})
    assert without_token.status_code == 403


@pytest.mark.usefixtures("thread")
def test_everything_is_there_in_dutch(anna: Browser) -> None:
    anna.client.cookies.set("klankbord_language", "nl")
    assert "Wie wacht" in anna.get("/worklist").text
    assert "Een klacht, stap voor stap" in anna.get("/episodes/q%2F1").text


@pytest.mark.usefixtures("thread")
def test_the_queue_leads_to_the_episode(anna: Browser) -> None:
    assert "/episodes/open" in anna.get("/queue?lane=answer").text
