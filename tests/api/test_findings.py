from collections.abc import Callable
from typing import Any

import pytest

from moderation.db import Database
from moderation.refit import FAILURE
from moderation.tables import FindingRow, PostRow
from tests.api.conftest import NOW, Tenant, record
from tests.api.test_flag_routes import all_pages
from tests.api.test_posts import scored

TOPIC = {
    "id": 3,
    "name": "punten, verlopen",
    "terms": ["punten"],
    "size": 12,
    "share": 0.4,
    "exemplar_ids": ["p1"],
    "negative_share": 0.25,
}


def episode(number: int, **fields: Any) -> dict[str, Any]:
    known = {
        "id": f"e{number}",
        "thread_id": "t1",
        "started_at": f"2026-11-{number:02}T10:00:00Z",
        "topic_id": 3,
        "first_answer_at": None,
        "corrected": None,
        "censored": "end",
    }
    return {**known, **fields}


ANSWERED = {"first_answer_at": "2026-11-19T00:00:00Z", "censored": None}
CONTENTS: dict[str, dict[str, Any]] = {
    "topics": {"topics": [TOPIC], "unsorted": {"count": 2, "share": 0.1, "reasons": {}}},
    "drift": {"periods": [], "lines": [], "divergence": [], "coverage": {}},
    "splits": {
        "proposals": [],
        "refused": [{"reason": "too_few_active_members", "figures": {}}],
        "niches": [],
        "merge": [],
        "revive": [],
        "decided": [],
    },
    "response_times": {
        "clocks": {"any": {"n": 4}},
        "corrected": {"n": 1},
        "unanswered_questions": [],
        "episodes": [
            episode(1),
            episode(2, **ANSWERED),
            episode(3, **ANSWERED, corrected={"by": "staff", "at": "2026-11-19T01:00:00Z"}),
            episode(4, topic_id=None),
            episode(5, censored="locked"),
        ],
    },
    "members": {
        "members": [{"author_id": "u1", "n_answers": 4}, {"author_id": "u/2", "n_answers": 0}],
        "staff": [{"author_id": "s1", "n_answers": 9}],
    },
}
PATH_OF = {
    "topics": "/topics",
    "drift": "/drift",
    "splits": "/splits",
    "response_times": "/response-times",
}


@pytest.fixture
def fitted(tenant: Tenant, database: Database) -> Tenant:
    with database.transaction() as session:
        for kind, contents in CONTENTS.items():
            session.add(
                FindingRow(
                    community_id=tenant.community.id,
                    kind=kind,
                    found_at=NOW,
                    n_posts=30,
                    model_version="m",
                    contents=contents,
                )
            )
    return tenant


@pytest.mark.parametrize("path", [*PATH_OF.values(), "/topics/3", "/members/u1", "/expected-reply-time"])
def test_what_was_not_worked_out_yet_404(tenant: Tenant, path: str) -> None:
    answer = tenant.get(path, scope="read")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:klankbord:problem:findings-missing"
    assert answer.json()["title"] == "Not worked out yet"


def test_a_failure_to_work_it_out_is_told_404(tenant: Tenant, database: Database) -> None:
    with database.transaction() as session:
        contents = {"reason": "MemoryError"}
        session.add(
            FindingRow(
                community_id=tenant.community.id,
                kind=FAILURE,
                found_at=NOW,
                n_posts=0,
                model_version="m",
                contents=contents,
            )
        )
    answer = tenant.get("/topics")
    assert (answer.status_code, answer.json()["failure"]) == (404, "MemoryError")


def test_findings_of_another_community_are_not_there(fitted: Tenant, new_tenant: Callable[..., Tenant]) -> None:
    assert new_tenant().get("/topics").status_code == 404


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/topics/9", "topic-unknown"),
        ("/topics/9223372036854775807", "topic-unknown"),
        ("/members/u9", "member-unknown"),
    ],
)
def test_what_is_not_among_them_404(fitted: Tenant, path: str, kind: str) -> None:
    answer = fitted.get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, f"urn:klankbord:problem:{kind}")


@pytest.mark.parametrize("path", ["/topics/0", "/topics/x", "/topics/9223372036854775808", "/members/%00"])
def test_what_cannot_be_asked_for_422(fitted: Tenant, path: str) -> None:
    assert fitted.get(path).status_code == 422


@pytest.mark.parametrize(("kind", "path"), list(PATH_OF.items()))
def test_findings_are_given_as_they_were_stored(fitted: Tenant, kind: str, path: str) -> None:
    found = fitted.get(path, scope="read").json()
    expected = {name: part for name, part in CONTENTS[kind].items() if name != "episodes"}
    assert found == {**expected, "found_at": NOW.isoformat(), "n_posts": 30, "model_version": "m"}


WAITS = {
    "started": [NOW.timestamp() - 86_400 * n for n in range(80, 0, -1)],
    "wait_seconds": [600.0 * (1 + n % 5) for n in range(80)],
    "answered": [n % 5 != 4 for n in range(80)],
    "watched_from_seconds": [0.0] * 80,
    "topic_ids": [3 if n % 2 else 0 for n in range(80)],
    "timezone": "Europe/Amsterdam",
}
NOT_CHECKED = {"n_trained": 0, "n_checked": 0, "nominal": 0.8, "coverage": None, "coverage_ci": None, "reason": "few"}
REFUTED = {"n_trained": 56, "n_checked": 24, "nominal": 0.8, "coverage": 0.4, "coverage_ci": [0.2, 0.6], "reason": None}


@pytest.fixture
def expecting(fitted: Tenant, database: Database) -> Tenant:
    """With past waits of which the check of complaints failed."""
    with database.transaction() as session:
        row = session.get_one(FindingRow, (fitted.community.id, "response_times"))
        row.contents = {
            **row.contents,
            "past_waits": {"question": WAITS, "complaint": WAITS},
            "expected_reply": {"question": {"check": NOT_CHECKED}, "complaint": {"check": REFUTED}},
        }
    return fitted


def test_a_reply_time_is_expected_from_past_waits(expecting: Tenant) -> None:
    found = expecting.get("/expected-reply-time", scope="read", params={"topic_id": 3, "at": NOW.isoformat()}).json()
    assert (found["kind"], found["topic_id"], found["at"]) == ("question", 3, NOW.isoformat())
    assert (found["n_waits"], found["n_same_topic"]) == (80, 40)
    low, high = found["range_seconds"]
    assert 600 <= low < found["median_seconds"] <= 2400
    assert high is None
    assert found["answered_within"]["1h"] > 0.6
    assert found["check"] == NOT_CHECKED
    assert found["found_at"] == NOW.isoformat()


def test_the_hour_is_now_unless_another_is_asked_for(expecting: Tenant) -> None:
    now, later = (
        expecting.get("/expected-reply-time", params=params).json() for params in ({}, {"at": "2026-11-21T03:00Z"})
    )
    assert now["n_same_hour"] > 0
    assert later["n_same_hour"] == 0


def test_nothing_is_promised_where_it_did_not_hold(expecting: Tenant) -> None:
    found = expecting.get("/expected-reply-time", params={"kind": "complaint"}).json()
    assert (found["median_seconds"], found["range_seconds"], found["reason"]) == (None, [None, None], "did_not_hold")
    assert found["check"] == REFUTED


def test_findings_from_before_there_were_expectations_404(fitted: Tenant) -> None:
    answer = fitted.get("/expected-reply-time")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:klankbord:problem:findings-missing")


@pytest.mark.parametrize("params", [{"kind": "praise"}, {"at": "2026-11-20T12:00"}, {"topic_id": 0}])
def test_a_reply_time_that_cannot_be_asked_for_422(expecting: Tenant, params: dict[str, Any]) -> None:
    assert expecting.get("/expected-reply-time", params=params).status_code == 422


def test_past_waits_are_not_sent_with_the_response_times(expecting: Tenant) -> None:
    found = expecting.get("/response-times").json()
    assert "past_waits" not in found
    assert found["expected_reply"]["question"]["check"] == NOT_CHECKED


@pytest.mark.parametrize("author_id", ["u1", "u/2", "s1"])
def test_a_member_is_found(fitted: Tenant, author_id: str) -> None:
    assert fitted.get(f"/members/{author_id}").json()["member"]["author_id"] == author_id


def test_a_topic_comes_with_its_newest_posts(fitted: Tenant, database: Database) -> None:
    model_version = fitted.client.app.state.service.models.version
    records = [record(f"p{n}", created_at=f"2026-11-0{n}T10:00:00Z") for n in range(1, 8)]
    fitted.post("/posts", json={"posts": records})
    for n in range(1, 6):
        scored(database, fitted, f"p{n}", model_version=model_version, topic_id=3 if n < 5 else 4)
    scored(database, fitted, "p6", model_version="an older model", topic_id=3)
    with database.transaction() as session:
        session.get_one(PostRow, (fitted.community.id, "p4")).placed_topic_id = 9
        session.get_one(PostRow, (fitted.community.id, "p5")).placed_topic_id = 3
        session.get_one(PostRow, (fitted.community.id, "p7")).placed_topic_id = 3
    fitted.delete("/posts/p2")
    assert fitted.get("/topics/3").json()["topic"] == TOPIC
    assert [post["id"] for post in all_pages(fitted, "/topics/3", limit=2)] == ["p7", "p5", "p3", "p1"]
