from typing import Any

import pytest

from moderation.db import Database
from moderation.proposals import record_proposals, shown_splits
from moderation.subcommunities import propose_subcommunities
from moderation.tables import FindingRow
from tests.api.conftest import NOW, Tenant
from tests.moderation.test_subcommunities import planted_corpus


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return propose_subcommunities(*planted_corpus()[:2])


@pytest.fixture
def proposed(tenant: Tenant, database: Database, found: dict[str, Any]) -> Tenant:
    """A community for which a split was found."""
    with database.transaction() as session:
        community_id = tenant.community.id
        stamped = record_proposals(session, community_id, found, left_out=(), now=NOW)
        contents = shown_splits(session, community_id, stamped)
        session.add(
            FindingRow(
                community_id=community_id, kind="splits", found_at=NOW, n_posts=9, model_version="t", contents=contents
            )
        )
    return tenant


def the_split(tenant: Tenant) -> int:
    [proposal] = tenant.get("/proposals", params={"kind": "split"}).json()["items"]
    return int(proposal["id"])


def decide(tenant: Tenant, proposal_id: int, decision: str, **fields: Any) -> Any:
    return tenant.post(f"/proposals/{proposal_id}/decision", json={"decision": decision, **fields})


def test_a_proposal_is_listed_with_its_card(proposed: Tenant) -> None:
    [item] = proposed.get("/proposals", params={"kind": "split"}).json()["items"]
    assert (item["kind"], item["state"], item["followed"]) == ("split", "proposed", None)
    assert len(item["contents"]["parts"]) == 2
    assert proposed.get("/proposals", params={"state": "declined"}).json()["items"] == []
    assert proposed.get("/splits").json()["proposals"][0]["proposal_id"] == item["id"]


def test_what_was_never_proposed_is_not_there(proposed: Tenant) -> None:
    assert proposed.get(f"/proposals/{2**40}").status_code == 404
    assert decide(proposed, 2**40, "accept").status_code == 404


def test_a_declined_proposal_goes_and_says_when_it_comes_back(proposed: Tenant) -> None:
    proposal_id = the_split(proposed)
    answer = decide(proposed, proposal_id, "decline", note="Nog niet")
    assert answer.status_code == 200
    assert answer.json()["proposal"]["state"] == "declined"
    assert answer.json()["comes_back_when"]["n_active_at_least"] == 63  # a quarter more than 50
    assert [(event["kind"], event["note"]) for event in answer.json()["events"]] == [
        ("proposed", None),
        ("declined", "Nog niet"),
    ]
    splits = proposed.get("/splits").json()
    assert splits["proposals"] == []
    assert [(each["proposal_id"], each["state"]) for each in splits["decided"]] == [(proposal_id, "declined")]


def test_a_decided_proposal_is_not_decided_twice(proposed: Tenant) -> None:
    proposal_id = the_split(proposed)
    assert decide(proposed, proposal_id, "accept").status_code == 200
    refused = decide(proposed, proposal_id, "decline")
    assert (refused.status_code, refused.json()["state"]) == (409, "accepted")
    assert decide(proposed, proposal_id, "reopen").json()["proposal"]["state"] == "proposed"


def test_an_unknown_decision_is_refused(proposed: Tenant) -> None:
    assert decide(proposed, the_split(proposed), "split").status_code == 422
