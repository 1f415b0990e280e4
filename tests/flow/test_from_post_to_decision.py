"""The service's promise, followed once: a post comes in, is read, is put before a person, who decides."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from moderation.accounts import create_key
from moderation.db import Database
from moderation.jobs import Service
from moderation.pipeline import Models
from moderation.worker import running_worker
from tests.service import ANSWERS, ASKS, INSULT, SOUP, UNHAPPY, fresh_database, new_community, record, wait_for

Call = Callable[..., Any]


@pytest.fixture
def service(database: Database, models: Models) -> Iterator[Service]:
    with fresh_database(database) as fresh:
        yield Service(fresh, models)


@pytest.fixture
def call(service: Service) -> Iterator[Call]:
    """Calls the API of one community, as its platform does: `klankbord keys create` gave it a key."""
    community = new_community(service.database)
    with service.database.transaction() as session:
        token = create_key(session, community.id, name="platform", scope="admin").token
    with TestClient(create_app(service.database, service.models)) as client:

        def send(method: str, path: str = "", *, moderator: str | None = None, **request: Any) -> Any:
            headers = {"Authorization": f"Bearer {token}"}
            if moderator is not None:
                headers["Klankbord-Moderator"] = moderator
            return client.request(method, f"/v1/communities/{community.slug}{path}", headers=headers, **request)

        yield send


def test_from_post_to_decision(service: Service, call: Call) -> None:
    # The platform says what the community is for, and sends posts as they are written.
    settings = {"name": "Proef", "purpose": "Klanten helpen elkaar met punten en de winkel.", "staff": ["s1"]}
    assert call("PUT", json=settings).status_code == 200
    posts = [
        record("complaint", UNHAPPY, title="Drie weken"),
        record("question", ASKS),
        record("insult", INSULT),
        record("soup", SOUP),
    ]
    sent = call("POST", "/posts", json={"posts": [*posts, {"id": "broken"}]}).json()
    assert (sent["accepted"], sent["rejected"]) == (4, 1)
    assert sent["posts"][4]["pointer"] == "/posts/4/thread_id"
    assert call("GET", "/posts/insult").json()["scores"] is None

    # A worker reads them; what somebody should see is in the queue, the rest is not.
    with running_worker(service):
        wait_for(lambda: len(queue(call)) == 3, seconds=30)
        items = queue(call)
        assert {post_id: item["lanes"] for post_id, item in items.items()} == {
            "complaint": ["answer"],
            "question": ["answer"],
            "insult": ["review"],
        }
        complaint, insult = items["complaint"], items["insult"]
        assert complaint["reasons"][0]["probability"] >= complaint["reasons"][0]["threshold"]
        assert (complaint["title"], complaint["text"]) == ("Drie weken", UNHAPPY)

        # Noor takes an item; Bram sees who works on it and takes another.
        claim = f"/flags/{complaint['id']}/claim"
        assert call("POST", claim, moderator="Noor").json()["holder"] == "Noor"
        taken = call("POST", claim, moderator="Bram")
        assert (taken.status_code, taken.json()["holder"]) == (409, "Noor")

        # She agrees: somebody should answer. The item leaves the queue; nothing happens to the post.
        decided = decide(call, complaint, "Noor", action="agree")
        assert decided.status_code == 200
        assert set(queue(call)) == {"question", "insult"}
        too_late = decide(call, complaint, "Bram", action="disagree")
        assert (too_late.status_code, too_late.json()["moderator"]) == (409, "Noor")

        # Bram recommends a removal and takes it back; both stay on record.
        removal = decide(call, insult, "Bram", action="recommend_removal", note="scheldt").json()
        assert "insult" not in queue(call)
        undo = {"action": "undo", "undoes": removal["id"]}
        assert call("POST", f"/flags/{insult['id']}/decisions", json=undo, moderator="Bram").status_code == 200
        assert "insult" in queue(call)
        log = call("GET", "/decisions").json()["items"]
        assert [(one["action"], one["moderator"]) for one in log] == [
            ("undo", "Bram"),
            ("recommend_removal", "Bram"),
            ("agree", "Noor"),
        ]

        # The question is answered in the community, the insult is deleted there: nobody need look at either.
        call("POST", "/posts", json={"posts": [record("answer", ANSWERS, thread_id="t-question", minutes=30)]})
        assert call("DELETE", "/posts/insult").status_code == 204
        wait_for(lambda: queue(call) == {})


def queue(call: Call) -> dict[str, Any]:
    """The open items by post."""
    return {item["post_id"]: item for item in call("GET", "/flags").json()["items"]}


def decide(call: Call, item: dict[str, Any], moderator: str, **decision: Any) -> Any:
    body = {"revision": item["revision"], **decision}
    return call("POST", f"/flags/{item['id']}/decisions", json=body, moderator=moderator)
