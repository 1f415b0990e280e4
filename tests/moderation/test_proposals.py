from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from moderation.db import Database
from moderation.errors import ProposalDecisionRefused, ProposalUnknown
from moderation.proposal_decisions import decide_proposal, find_proposal, list_proposals
from moderation.proposals import (
    comes_back_when,
    events_of,
    evidence_of,
    forget_author,
    has_grown,
    record_proposals,
    shown_splits,
)
from moderation.tables import CommunityRow, ModeratorRow, ProposalEventRow
from tests.service import NOW, new_community

DAY = timedelta(days=1)


def part(first: int, n: int) -> dict[str, Any]:
    return {"author_ids": [f"m{number}" for number in range(first, first + n)], "n_active_authors": n, "n_authors": n}


def split(*, n_small: int = 40, conductance: float = 0.2) -> dict[str, Any]:
    return {"action": "space", "parts": [part(100, 80), part(0, n_small)], "conductance": conductance}


def niche(first: int = 0, n: int = 20) -> dict[str, Any]:
    return {**part(first, n), "cohesion": 0.8}


def found(**lists: list[dict[str, Any]]) -> dict[str, Any]:
    return {"proposals": [], "refused": [], "niches": [], "merge": [], "revive": [], **lists}


class Refits:
    """A community whose refits find what a test says, a day after each other."""

    def __init__(self, session: Session, community: CommunityRow, moderator: ModeratorRow) -> None:
        self.session, self.community, self.moderator, self.now = session, community, moderator, NOW

    def refit(self, left_out: tuple[str, ...] = (), **lists: list[dict[str, Any]]) -> dict[str, Any]:
        self.now += DAY
        stamped = record_proposals(self.session, self.community.id, found(**lists), left_out=left_out, now=self.now)
        return shown_splits(self.session, self.community.id, stamped)

    def decide(self, proposal_id: int, decision: Any) -> None:
        decide_proposal(
            self.session, self.community, proposal_id, decision, note=None, moderator=self.moderator, now=self.now
        )

    def events(self, proposal_id: int) -> list[str]:
        return [event.row.kind for event in events_of(self.session, proposal_id)]


@pytest.fixture
def refits(database: Database):
    community = new_community(database)
    with database.transaction() as session:
        moderator = ModeratorRow(community_id=community.id, name="Noor", password_hash=None)
        session.add(moderator)
        session.flush()
        yield Refits(session, community, moderator)


def test_a_proposal_keeps_its_id_while_its_parts_are_mostly_the_same(refits: Refits) -> None:
    first = refits.refit(proposals=[split()])["proposals"][0]["proposal_id"]
    second = refits.refit(proposals=[split(n_small=55)])["proposals"][0]
    assert second["proposal_id"] == first
    assert second["state"] == "proposed"
    assert refits.events(first) == ["proposed"]
    row = find_proposal(refits.session, refits.community.id, first)
    assert len(row.parts["parts"][1]) == 55
    assert row.last_found_at == refits.now > row.first_found_at


def test_another_group_is_another_proposal(refits: Refits) -> None:
    one = refits.refit(niches=[niche()])["niches"][0]["proposal_id"]
    both = refits.refit(niches=[niche(), niche(first=50)])["niches"]
    assert both[0]["proposal_id"] == one
    assert both[1]["proposal_id"] > one


def test_what_is_not_found_any_more_is_withdrawn_and_may_return(refits: Refits) -> None:
    proposal_id = refits.refit(proposals=[split()])["proposals"][0]["proposal_id"]
    assert refits.refit()["proposals"] == []
    assert find_proposal(refits.session, refits.community.id, proposal_id).state == "withdrawn"
    [back] = refits.refit(proposals=[split()])["proposals"]
    assert (back["proposal_id"], back["state"]) == (proposal_id, "returned")
    assert refits.events(proposal_id) == ["proposed", "withdrawn", "returned"]


def test_a_declined_one_stays_away_until_its_evidence_has_grown_by_the_stated_amount(refits: Refits) -> None:
    proposal_id = refits.refit(proposals=[split()])["proposals"][0]["proposal_id"]
    refits.decide(proposal_id, "decline")
    shown = refits.refit(proposals=[split(n_small=49)])
    assert shown["proposals"] == []
    [decided] = shown["decided"]
    assert decided["comes_back_when"] == {"n_active_at_least": 50, "leaving_at_most": 0.15}
    [back] = refits.refit(proposals=[split(n_small=50)])["proposals"]
    assert (back["proposal_id"], back["state"]) == (proposal_id, "returned")
    assert refits.events(proposal_id) == ["proposed", "declined", "returned"]


def test_a_declined_one_that_is_not_found_says_nothing(refits: Refits) -> None:
    proposal_id = refits.refit(proposals=[split()])["proposals"][0]["proposal_id"]
    refits.decide(proposal_id, "decline")
    refits.refit()
    assert refits.events(proposal_id) == ["proposed", "declined"]
    assert refits.refit(proposals=[split()])["proposals"] == []


def test_fewer_ties_that_lead_out_are_evidence_too(refits: Refits) -> None:
    proposal_id = refits.refit(proposals=[split()])["proposals"][0]["proposal_id"]
    refits.decide(proposal_id, "decline")
    assert refits.refit(proposals=[split(conductance=0.16)])["proposals"] == []
    assert len(refits.refit(proposals=[split(conductance=0.15)])["proposals"]) == 1


def test_an_accepted_one_stays_as_it_was_accepted(refits: Refits) -> None:
    proposal_id = refits.refit(niches=[niche()])["niches"][0]["proposal_id"]
    refits.decide(proposal_id, "accept")
    shown = refits.refit(niches=[niche(n=25)])
    assert shown["niches"] == []
    assert [(each["proposal_id"], each["state"]) for each in shown["decided"]] == [(proposal_id, "accepted")]
    assert find_proposal(refits.session, refits.community.id, proposal_id).contents["n_active_authors"] == 20
    refits.refit()
    assert refits.events(proposal_id) == ["proposed", "accepted"]


def test_a_decision_is_taken_once_and_can_be_opened_again(refits: Refits) -> None:
    proposal_id = refits.refit(niches=[niche()])["niches"][0]["proposal_id"]
    with pytest.raises(ProposalDecisionRefused):
        refits.decide(proposal_id, "reopen")
    refits.decide(proposal_id, "accept")
    with pytest.raises(ProposalDecisionRefused) as caught:
        refits.decide(proposal_id, "decline")
    assert caught.value.state == "accepted"
    refits.decide(proposal_id, "reopen")
    assert refits.refit(niches=[niche()])["niches"][0]["state"] == "proposed"
    last = events_of(refits.session, proposal_id)[-1]
    assert (last.row.kind, last.moderator) == ("reopened", refits.moderator.name)


def test_events_are_never_changed(refits: Refits) -> None:
    proposal_id = refits.refit(niches=[niche()])["niches"][0]["proposal_id"]
    event = events_of(refits.session, proposal_id)[0].row
    change = update(ProposalEventRow).where(ProposalEventRow.id == event.id).values(kind="withdrawn")
    with refits.session.begin_nested() as savepoint:
        with pytest.raises(DBAPIError, match="append-only"):
            refits.session.execute(change)
        savepoint.rollback()


def test_spaces_and_threads_are_recognised_by_name(refits: Refits) -> None:
    spaces = {"of": "spaces", "spaces": ["a", "b"], "n_members": 12, "figures": {}}
    threads = {"of": "threads", "thread_ids": ["t1", "t2"], "n_members": 2, "figures": {}}
    one = refits.refit(merge=[spaces, threads])["merge"]
    other = refits.refit(merge=[{**threads, "thread_ids": ["t1", "t2", "t3"]}, spaces])["merge"]
    assert [each["proposal_id"] for each in other] == [one[1]["proposal_id"], one[0]["proposal_id"]]


def test_members_who_are_left_out_or_erased_are_in_no_proposal(refits: Refits) -> None:
    meeting = {"place": {"name": "Goor", "evidence": [{"author_id": "m1", "quote": "…"}, {"author_id": "m2"}]}}
    proposal_id = refits.refit(niches=[{**niche(), "meeting": meeting}])["niches"][0]["proposal_id"]
    refits.refit(left_out=("m1",))
    row = find_proposal(refits.session, refits.community.id, proposal_id)
    assert "m1" not in str([row.parts, row.contents]).replace("'", " ").split()
    assert row.contents["meeting"]["place"]["evidence"] == [{"author_id": "m2"}]
    assert forget_author(refits.session, refits.community.id, "m2") == 1
    assert row.contents["meeting"]["place"]["evidence"] == []
    assert forget_author(refits.session, refits.community.id, "m2") == 0


def test_proposals_are_listed_by_state_and_kind(refits: Refits) -> None:
    refits.refit(proposals=[split()], niches=[niche()])
    refits.refit(niches=[niche()])
    session, community_id = refits.session, refits.community.id
    assert [row.kind for row in list_proposals(session, community_id, limit=9)] == ["niche", "split"]
    assert [row.kind for row in list_proposals(session, community_id, states=["withdrawn"], limit=9)] == ["split"]
    assert [row.kind for row in list_proposals(session, community_id, kinds=["niche"], limit=9)] == ["niche"]
    newest = list_proposals(session, community_id, limit=1)[0]
    assert [row.kind for row in list_proposals(session, community_id, before=newest.id, limit=9)] == ["split"]


def test_a_proposal_of_another_community_is_unknown(refits: Refits, database: Database) -> None:
    proposal_id = refits.refit(niches=[niche()])["niches"][0]["proposal_id"]
    with pytest.raises(ProposalUnknown):
        find_proposal(refits.session, refits.community.id + 1, proposal_id)


@pytest.mark.parametrize(
    ("then", "now", "grown"),
    [
        ({"n_active": 40, "leaving": 0.2}, {"n_active": 50, "leaving": 0.2}, True),
        ({"n_active": 40, "leaving": 0.2}, {"n_active": 49, "leaving": 0.16}, False),
        ({"n_active": 40, "leaving": 0.2}, {"n_active": 30, "leaving": 0.15}, True),
        ({"n_active": 40, "leaving": 0.04}, {"n_active": 40, "leaving": 0.0}, False),
        ({"n_active": 2, "leaving": None}, {"n_active": 3, "leaving": None}, True),
        ({"n_active": 3, "leaving": None}, {"n_active": 3, "leaving": 0.0}, False),
    ],
)
def test_evidence_grows_by_members_or_by_ties(then: dict[str, Any], now: dict[str, Any], grown: bool) -> None:
    assert has_grown(then, now) is grown
    assert comes_back_when(then)["n_active_at_least"] > then["n_active"]


def test_the_evidence_of_a_split_is_its_smallest_part() -> None:
    assert evidence_of("split", split(n_small=33)) == {"n_active": 33, "leaving": 0.2}
    assert evidence_of("niche", niche()) == {"n_active": 20, "leaving": pytest.approx(0.2)}
