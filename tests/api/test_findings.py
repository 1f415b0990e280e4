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
    "splits": {"proposals": [], "refused": [{"reason": "too_few_active_members", "figures": {}}]},
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


@pytest.mark.parametrize("path", [*PATH_OF.values(), "/topics/3", "/episodes", "/members/u1"])
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


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ["e1", "e2", "e3", "e4", "e5"]),
        ({"state": "open"}, ["e1", "e4"]),
        ({"state": "answered"}, ["e2", "e3"]),
        ({"state": "corrected"}, ["e3"]),
        ({"topic": 3, "since": "2026-11-02T11:00:00+01:00"}, ["e2", "e3", "e5"]),
        ({"since": "2026-11-05T10:00:01Z"}, []),
    ],
)
def test_episodes_are_narrowed_page_by_page(fitted: Tenant, params: dict[str, Any], expected: list[str]) -> None:
    assert [found["id"] for found in all_pages(fitted, "/episodes", limit=2, **params)] == expected
