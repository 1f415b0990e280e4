from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from moderation.db import Database
from moderation.incoming import judge_posts, score_waiting
from moderation.pipeline import Models
from tests.api.conftest import NOW, Tenant
from tests.api.test_flag_routes import ANNA, all_pages
from tests.service import ANSWERS, ASKS, SOUP, UNHAPPY, record

ANSWER_KIND = {"action": "reply_kind", "post_id": "a", "kind": "other", "note": "says nothing new"}


@pytest.fixture
def work_off(database: Database, models: Models, tenant: Tenant) -> Callable[..., None]:
    """Do what the worker has to do for this tenant."""
    jobs = text(
        "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'score_posts' "
        "AND CAST(args ->> 'community_id' AS bigint) = :community RETURNING id, args"
    )

    def work(at: datetime = NOW + timedelta(seconds=1)) -> None:
        with database.transaction() as session:
            found = sorted(session.execute(jobs, {"community": tenant.community.id}).all())
        for _, arguments in found:
            score_waiting(database, models, tenant.community.id, arguments["post_ids"])
            judge_posts(database, models, tenant.community.id, arguments["post_ids"], now=at)

    return work


@pytest.fixture
def unhappy_thread(tenant: Tenant, work_off: Callable[..., None]) -> Tenant:
    """A complaint that was answered, one that was not, and a question."""
    thread = {"thread_id": "t"}
    records = [
        record("q", UNHAPPY, author_id="anna", **thread),
        record("a", ANSWERS, minutes=5, author_id="carl", parent_id="q", **thread),
        record("late", SOUP, minutes=9, author_id="dirk", parent_id="q", **thread),
        record("open", UNHAPPY, minutes=20),
        record("asks/1", ASKS, minutes=30),
    ]
    assert tenant.post("/posts", json={"posts": records}).status_code == 200
    work_off(NOW - timedelta(seconds=1))
    return tenant


def correct(tenant: Tenant, body: dict[str, Any], **request: Any) -> Any:
    return tenant.post("/episodes/q/corrections", json=body, **{"scope": "moderate", "headers": ANNA, **request})


@pytest.mark.parametrize("path", ["/episodes", "/episodes/q", "/worklist"])
def test_nothing_is_read_without_a_key_of_the_community(
    unhappy_thread: Tenant, new_tenant: Callable[..., Tenant], path: str
) -> None:
    assert unhappy_thread.client.get(unhappy_thread.base + path).status_code == 401
    assert unhappy_thread.get(path, scope="ingest").status_code == 403
    if path == "/episodes/q":
        answer = new_tenant().get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:klankbord:problem:episode-unknown")
    else:
        assert new_tenant().get(path).json()["items"] == []


def test_who_only_reads_corrects_nothing_403(unhappy_thread: Tenant) -> None:
    assert correct(unhappy_thread, ANSWER_KIND, scope="read").status_code == 403


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"action": "corrected", "post_id": "nowhere", "put_right_by": "staff"}, 404, "post-unknown"),
        ({"action": "undo", "undoes": 1}, 404, "episode-correction-unknown"),
        ({"action": "undo"}, 422, "request-invalid"),
        ({"action": "no_episode", "undoes": 3}, 422, "request-invalid"),
        ({"action": "reply_kind", "post_id": "a"}, 422, "episode-correction-refused"),
        ({"action": "amplifies", "post_id": "open"}, 422, "episode-correction-refused"),
        ({"action": "reply_kind", "post_id": "a", "kind": "wonderful"}, 422, "request-invalid"),
        ({"action": "delete"}, 422, "request-invalid"),
    ],
)
def test_corrections_that_cannot_be(unhappy_thread: Tenant, body: dict[str, Any], status: int, kind: str) -> None:
    answer = correct(unhappy_thread, body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:klankbord:problem:{kind}")


def test_a_post_that_opens_no_episode_404(unhappy_thread: Tenant) -> None:
    answer = unhappy_thread.post("/episodes/a/corrections", json={"action": "no_episode"})
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:klankbord:problem:episode-unknown")
    assert unhappy_thread.get("/episodes/a").status_code == 404


def test_episodes_say_why_each_step_counts(unhappy_thread: Tenant) -> None:
    found = {episode["id"]: episode for episode in all_pages(unhappy_thread, "/episodes", limit=1)}
    assert list(found) == ["q", "open"]
    answer = found["q"]["replies"][0]
    assert (answer["post_id"], answer["kind"], answer["role"]) == ("a", "answer", "member")
    assert {"rule", "p", "p_answer", "next_kind", "p_next"} <= answer.keys()
    assert [each["id"] for each in all_pages(unhappy_thread, "/episodes", state="open")] == ["open"]
    assert [each["id"] for each in all_pages(unhappy_thread, "/episodes", since=NOW.isoformat())] == []


def test_a_correction_is_shown_at_once_and_applied_by_the_worker(
    unhappy_thread: Tenant, work_off: Callable[[], None]
) -> None:
    given = correct(unhappy_thread, ANSWER_KIND).json()
    assert (given["action"], given["moderator"], given["before"]["reply"]["kind"]) == ("reply_kind", "Anna", "answer")
    pending = unhappy_thread.get("/episodes/q").json()
    assert (pending["is_up_to_date"], pending["corrections"][0]["note"]) == (False, "says nothing new")
    work_off()
    found = unhappy_thread.get("/episodes/q").json()
    assert found["is_up_to_date"]
    assert found["episode"]["first_answer_at"] is None
    assert found["episode"]["replies"][0]["rule"] == "moderator"


def test_a_correction_is_taken_back_once(unhappy_thread: Tenant, work_off: Callable[[], None]) -> None:
    given = correct(unhappy_thread, ANSWER_KIND).json()
    undo = {"action": "undo", "undoes": given["id"]}
    assert unhappy_thread.post("/episodes/open/corrections", json=undo).status_code == 404
    assert correct(unhappy_thread, undo).json()["undoes"] == given["id"]
    work_off()
    found = unhappy_thread.get("/episodes/q").json()
    assert found["episode"]["answer_post_id"] == "a"
    assert found["corrections"][0]["undone_by"] == "Anna"
    again = correct(unhappy_thread, undo)
    assert (again.status_code, again.json()["type"]) == (409, "urn:klankbord:problem:episode-correction-undone")


def test_the_same_request_twice_is_one_correction(unhappy_thread: Tenant) -> None:
    headers = {**ANNA, "Idempotency-Key": "once"}
    first, second = (correct(unhappy_thread, ANSWER_KIND, headers=headers).json() for _ in range(2))
    assert first == second
    assert len(unhappy_thread.get("/episodes/q").json()["corrections"]) == 1


def test_the_worklist_comes_page_by_page_and_leaves_out_what_was_settled(
    unhappy_thread: Tenant, database: Database
) -> None:
    items = all_pages(unhappy_thread, "/worklist", limit=1)
    assert [(item["kind"], item["post_id"]) for item in items] == [("episode", "open"), ("question", "asks/1")]
    assert items[0]["waiting_seconds"] == timedelta(hours=12, minutes=-20).total_seconds()
    assert items[0]["priority"] > items[1]["priority"]
    assert items[0]["best_placed"]["who"] == "staff"
    flags = {item["post_id"]: item["id"] for item in all_pages(unhappy_thread, "/flags", lane="answer")}
    decided = {"action": "answered_elsewhere", "revision": 1, "lane": "answer"}
    assert unhappy_thread.post(f"/flags/{flags['open']}/decisions", json=decided).status_code == 200
    assert [item["post_id"] for item in all_pages(unhappy_thread, "/worklist")] == ["asks/1"]


def test_a_cursor_of_another_list_422(unhappy_thread: Tenant) -> None:
    assert unhappy_thread.get("/worklist", params={"cursor": "WyJ4IiwgInkiXQ"}).status_code == 422
