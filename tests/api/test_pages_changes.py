"""What changes, what comes up and what answers do not repair, each line one click from its posts; and the ledger."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from moderation.db import Database
from moderation.tables import CommunityRow, TopicEventRow, WaitRow
from tests.api.test_pages import HOSTILE, Browser, add_finding, add_topics, statements
from tests.api.test_pages import anna as anna
from tests.api.test_pages import community as community
from tests.api.test_pages import new_browser as new_browser
from tests.api.test_pages import password_hash as password_hash
from tests.api.test_pages_episodes import words
from tests.moderation.queue_rows import NOW, new_post

PERIOD = {"first_day": "2026-07-01", "last_day": "2026-07-31", "n_posts": 80, "is_partial": False}
N_LINES = 7


def line(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "kind": "topic_share",
        "since": "2026-08-01T22:00:00Z",
        "before_since": None,
        "topic_id": 4,
        "word": None,
        "from": 0.04,
        "to": 0.18,
        "interval": [0.05, 0.22],
        "n_posts": 9,
        "n_authors": 8,
        "exemplar_ids": [f"p{number}", "gone"],
        "posts_from": "latest",
        "words": None,
        **changed,
    }


GROUP = {
    "action": "space",
    "terms": ["coupons", "update"],
    "post_ids": ["g1", "g2", "deleted"],
    "exemplar_ids": ["g1"],
    "n_posts": 31,
    "n_threads": 16,
    "n_authors": 30,
    "since": "2026-07-22T12:00:00Z",
    "new_share": 0.9,
    "topic_id": None,
    "negative_share": 0.5,
}
BURST = {
    "phrase": "app <b>down</b>",
    "other_phrases": ["log in"],
    "post_ids": ["b1"],
    "n_authors": 5,
    "n_posts": 6,
    "since": "2026-08-02T08:00:00Z",
    "until": "2026-08-02T11:00:00Z",
    # A moderator merged it into another one since.
    "topic_id": 17,
    "negative_share": None,
}
CAUSE = {
    "topic_id": 4,
    "n_episodes": 6,
    "n_authors": 5,
    "n_weeks": 4,
    "first_at": "2026-05-04T08:00:00Z",
    "last_at": "2026-07-20T08:00:00Z",
    "n_answered": 6,
    "n_decided": 6,
    "n_corrected": 0,
    "corrected_share": 0.0,
    "corrected_interval": [0.0, 0.39],
    "negative_share": 0.5,
    "negative_share_interval": [0.3, 0.7],
    "community_negative_share": 0.1,
    "episode_ids": ["c/1", "c2"],
}
HISTORY = {
    "first_days": ["2026-06-01", "2026-06-08", "2026-06-15", "2026-06-22"],
    "n_posts": [10, 10, 10, 10],
    "topics": [{"topic_id": topic_id, "n_posts": [1, 2, 3, 4], "change_points": []} for topic_id in (4, 17)],
}
DRIFT = {
    "unit": "month",
    "periods": [PERIOD, {**PERIOD, "first_day": "2026-08-01"}],
    "lines": [line(number) for number in range(N_LINES)],
    "divergence": [{"p": 0.01}],
    "coverage": {"n_posts": 1, "scored_share": 1.0, "sorted_share": 0.7},
    "history": HISTORY,
    "emerging": {"slow": [GROUP], "fast": [BURST], "fast_false_alarms_per_day": 1 / 30},
    "root_causes": {"causes": [CAUSE], "reason": None},
}


@pytest.fixture
def found(database: Database, community: CommunityRow) -> None:
    """Findings of every kind, and the posts that they name, but for one that is gone and one that was deleted."""
    add_topics(database, community)
    with database.transaction() as session:
        add_finding(session, community, "drift", DRIFT)
        named = [*(f"p{number}" for number in range(N_LINES)), "g1", "g2", "b1", "c/1", "c2"]
        for number, post_id in enumerate(named):
            new_post(session, community, post_id, created_at=NOW - timedelta(days=number), text=f"{HOSTILE} {post_id}")
        new_post(session, community, "deleted", deleted_at=NOW)


def test_before_anything_is_worked_out_it_says_so(anna: Browser) -> None:
    assert "has not been worked out yet" in anna.get("/changes").text


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_line_is_one_click_from_its_posts(anna: Browser, language: str) -> None:
    anna.client.cookies.set("klankbord_language", language)
    page = anna.get("/changes").text
    # Where a line folds its posts out, they link to their pages.
    folded = re.findall(r"<details><summary>(.*?)</summary><ul class=\"thread\">(.*?)</ul></details>", page, re.DOTALL)
    linked = [re.findall(r'href="/c/[^/"]*/posts/([^"]*)"', posts) for _, posts in folded]
    assert linked == [*([f"p{number}"] for number in range(N_LINES)), ["g1", "g2"], ["b1"], ["c2", "c%2F1"]]
    assert all(anna.get(f"/posts/{post_id}").status_code == 200 for posts in linked for post_id in posts)
    heading = words(folded[0][0])
    assert heading.startswith({"en": "1 of the 9 posts behind this", "nl": "1 van de 9 berichten"}[language])
    assert "<script>alert" not in page
    assert "app &lt;b&gt;down" in page


@pytest.mark.usefixtures("found")
def test_what_answers_do_not_repair_leads_to_its_complaints(
    anna: Browser, database: Database, community: CommunityRow
) -> None:
    page = anna.get("/changes").text
    assert re.findall(r'href="/c/[^/"]*/episodes/([^"]*)"', page) == ["c2", "c%2F1"]
    assert "Proposed as a space" in words(page)
    assert "topic 17" in words(page).lower()
    assert "refunds" in words(page)


@pytest.mark.usefixtures("found")
def test_topics_over_time_are_drawn_and_topics_that_are_gone_left_out(anna: Browser) -> None:
    page = anna.get("/topics").text
    assert page.count("<svg") == 2
    assert page.count(">refunds</text>") == 2
    assert "“refunds”: 25% of the posts" in unescape(page)
    # The pages forbid styles inside elements: a browser would leave them out.
    assert not re.search(r"<svg[^>]* style=", page)


def test_topics_without_a_history_are_listed_alone(anna: Browser, database: Database, community: CommunityRow) -> None:
    add_topics(database, community)
    assert "<svg" not in anna.get("/topics").text
    with database.transaction() as session:
        add_finding(session, community, "drift", {**DRIFT, "history": None})
    page = anna.get("/topics").text
    assert "<svg" not in page
    assert "refunds" in page


def event(community: CommunityRow, topic_id: int, kind: str, **fields: Any) -> TopicEventRow:
    sizes = {"n_posts_before": 12, "n_posts_after": 12, "other_ids": [], "went_to": [], "came_from": []}
    known = {"happened_at": NOW, "name": f"name <i>{topic_id}</i>", "name_before": f"old {topic_id}", **sizes}
    return TopicEventRow(community_id=community.id, topic_id=topic_id, kind=kind, **{**known, **fields})


def test_the_ledger_says_in_sentences_what_became_of_topics(
    anna: Browser, database: Database, community: CommunityRow
) -> None:
    add_topics(database, community)
    first = NOW - timedelta(days=30)
    with database.transaction() as session:
        session.add_all([event(community, topic_id, "new", happened_at=first) for topic_id in (4, 5)])
        flow = {"topic_id": 31, "n_posts": 64, "share": 0.53}
        session.add(event(community, 4, "split", n_posts_before=120, other_ids=[31], went_to=[flow]))
        session.add(event(community, 31, "split", n_posts_before=0, n_posts_after=64, other_ids=[4]))
        session.add(event(community, 6, "kept"))
    page = anna.get("/topic-events").text
    said = words(page)
    assert (
        "Topic 4 “name <i>4</i>” was split: of its 120 posts, 64 are now in topic 31 “name <i>31</i>”. "
        "See the topic : refunds" in said
    )
    assert "split off" not in said
    assert "1 other topic stayed as it was." in said
    assert "The first 2 topics were found." in said
    assert "name &lt;i&gt;31&lt;/i&gt;" in page
    # A topic's own page tells its side.
    assert "was split" in words(anna.get("/topics/4").text)
    anna.client.cookies.set("klankbord_language", "nl")
    assert "is gesplitst: van de 120 berichten zitten er 64 nu in onderwerp 31" in words(anna.get("/topic-events").text)


def complaint(community: CommunityRow, post_id: str, **changed: Any) -> WaitRow:
    """A complaint that is kept and that nobody has answered."""
    about = {"post_id": post_id, "thread_id": "t1", "topic_id": None, "answer_post_id": None, "worked": None}
    times = {"first_touch_at": None, "first_answer_at": None, "first_staff_answer_at": None}
    contents = {
        "id": post_id,
        "started_at": changed["started_at"].isoformat(),
        **times,
        "first_peer_answer_at": None,
        "deflected_at": None,
        "acknowledged_at": None,
        "ended_at": None,
        "ended_by": None,
        "clocks_reason": None,
        "n_amplifiers": 2,
        "p_negative_wom": 0.9,
        "tone_strength": None,
        "n_replies": 0,
        "n_joined_within_a_day": 0,
    }
    moments = {"first_seen_at": NOW, "worked_out_at": NOW, "model_version": "m"}
    known = {"kind": "episode", "is_open": True, "contents": contents, **about, **moments}
    return WaitRow(community_id=community.id, **{**known, **changed})


def test_before_anybody_complained_the_response_page_says_so(anna: Browser) -> None:
    page = anna.get("/response").text
    assert "No posts were found in which somebody is unhappy" in page
    assert "have not been worked out yet" in page
    assert "<svg" not in page


def test_open_complaints_are_listed_with_their_age_the_old_ones_apart(
    anna: Browser, database: Database, community: CommunityRow
) -> None:
    ages = {"new": 1, "newest": 0.5, "old": 20, "oldest": 40}
    with database.transaction() as session:
        for post_id, days in ages.items():
            began = NOW - timedelta(days=days)
            new_post(session, community, post_id, created_at=began, text=f"{HOSTILE} {post_id}")
            session.add(complaint(community, post_id, started_at=began))
    page = anna.get("/response").text
    assert re.findall(r'<strong><a href="/c/[^/"]*/episodes/(\w+)"', page) == ["new", "newest", "old", "oldest"]
    assert re.findall(r'href="/c/[^/"]*/posts/(\w+)"', page) == ["new", "newest", "old", "oldest"]
    said = words(page)
    assert "2 unhappy posts of the last 14 days have no real answer yet." in said
    assert "2 older ones were never answered; the oldest has been open for 40 days." in said
    assert "waiting 12 hours" in said
    assert "2 joined in" in said
    assert "4 times not yet" in said
    assert "<script>alert" not in page


def test_the_response_page_takes_as_many_queries_for_many_as_for_one(
    anna: Browser, database: Database, community: CommunityRow
) -> None:
    def add(*numbers: int) -> None:
        with database.transaction() as session:
            for number in numbers:
                began = NOW - timedelta(hours=number)
                new_post(session, community, f"n{number}", created_at=began)
                session.add(complaint(community, f"n{number}", started_at=began))

    counts = []
    for numbers in ((1,), (2, 3, 4, 5, 6)):
        add(*numbers)
        with statements(database) as asked:
            anna.get("/response")
        counts.append(len(asked))
    assert counts[0] == counts[1]
