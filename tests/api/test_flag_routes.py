from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from api.deps import get_now
from moderation.db import Database
from moderation.flags import Flag
from moderation.tables import CommunityRow, DecisionRow, FlagRow, PostRow, ScoreRow
from tests.api.conftest import NOW, Tenant
from tests.moderation.queue_rows import ELSEWHERE, INSULT, MODEL, UNHAPPY, new_post, sync

ANNA, BEN = {"Klankbord-Moderator": "Anna"}, {"Klankbord-Moderator": "Ben"}


@pytest.fixture
def raise_flag(tenant: Tenant, database: Database) -> Callable[..., int]:
    """Put a post with some reasons in the queue; returns the item's id."""

    def put(post_id: str = "p1", *flags: Flag, **fields: Any) -> int:
        with database.transaction() as session:
            community = session.get_one(CommunityRow, tenant.community.id)
            post = new_post(session, community, post_id, **fields)
            sync(session, community, post, *(flags or (UNHAPPY,)), now=NOW)
            mine = FlagRow.community_id == community.id, FlagRow.post_id == post_id
            return session.scalars(select(FlagRow.id).where(*mine)).one()

    return put


def agree(tenant: Tenant, flag_id: int, headers: Any = None, **body: Any) -> Any:
    sent = {"action": "agree", "revision": 1, **body}
    return tenant.post(f"/flags/{flag_id}/decisions", scope="moderate", json=sent, headers=headers)


def all_pages(tenant: Tenant, path: str, **params: Any) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        page = tenant.get(path, params={**params, **({"cursor": cursor} if cursor else {})})
        assert page.status_code == 200
        found += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("flag_id", ["0", "-1", "x", "9223372036854775808", "9" * 40, "1.5", "%00"])
def test_ids_that_are_none_422(tenant: Tenant, flag_id: str) -> None:
    answer = tenant.post(f"/flags/{flag_id}/claim")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "flag_id"


def test_unknown_items_404(tenant: Tenant) -> None:
    for answer in (
        tenant.post("/flags/9223372036854775807/claim"),
        tenant.delete("/flags/9223372036854775807/claim"),
        agree(tenant, 9223372036854775807),
    ):
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:klankbord:problem:flag-unknown"


def test_items_of_another_community_404(
    tenant: Tenant, new_tenant: Callable[..., Tenant], raise_flag: Callable[..., int]
) -> None:
    flag_id, other = raise_flag(), new_tenant()
    assert other.post(f"/flags/{flag_id}/claim").status_code == 404
    assert agree(other, flag_id).status_code == 404
    assert other.get("/flags").json()["items"] == []


def test_an_item_that_somebody_works_on_409(tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    flag_id = raise_flag()
    claim = tenant.post(f"/flags/{flag_id}/claim", headers=ANNA)
    assert claim.json() == {"flag_id": flag_id, "holder": "Anna", "until": "2026-11-20T12:10:00Z"}
    for refused in (
        tenant.post(f"/flags/{flag_id}/claim", headers=BEN),
        tenant.delete(f"/flags/{flag_id}/claim", headers=BEN),
        agree(tenant, flag_id, BEN),
    ):
        assert refused.status_code == 409
        assert refused.json()["holder"] == "Anna"
        assert refused.json()["until"] == "2026-11-20T12:10:00+00:00"


def test_a_claim_is_seen_by_others_and_given_back(tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    flag_id = raise_flag()
    tenant.post(f"/flags/{flag_id}/claim", headers=ANNA)
    assert tenant.get("/flags", scope="read").json()["items"][0]["claim"]["holder"] == "Anna"
    assert tenant.delete(f"/flags/{flag_id}/claim", headers=ANNA).status_code == 204
    assert tenant.post(f"/flags/{flag_id}/claim", headers=BEN).status_code == 200


def test_a_claim_ends_by_itself(app: FastAPI, tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    flag_id = raise_flag()
    tenant.post(f"/flags/{flag_id}/claim", headers=ANNA)
    clock = app.dependency_overrides[get_now]
    app.dependency_overrides[get_now] = lambda: NOW + timedelta(minutes=10)
    try:
        assert tenant.post(f"/flags/{flag_id}/claim", headers=BEN).status_code == 200
    finally:
        app.dependency_overrides[get_now] = clock


def test_a_decided_item_409_with_the_winner(tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    flag_id = raise_flag()
    won = agree(tenant, flag_id, ANNA)
    assert won.status_code == 200
    lost = agree(tenant, flag_id, BEN, action="disagree")
    assert lost.status_code == 409
    assert lost.json()["type"] == "urn:klankbord:problem:flag-already-decided"
    assert (lost.json()["moderator"], lost.json()["action"], lost.json()["decision_id"]) == (
        "Anna",
        "agree",
        won.json()["id"],
    )


def test_an_edited_post_409_with_the_new_text(
    tenant: Tenant, database: Database, raise_flag: Callable[..., int]
) -> None:
    flag_id = raise_flag()
    with database.transaction() as session:
        post = session.get_one(PostRow, (tenant.community.id, "p1"))
        post.title, post.text, post.revision = "T", "the new words", 2
    refused = agree(tenant, flag_id)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:klankbord:problem:post-edited"
    assert (refused.json()["revision"], refused.json()["text"]) == (2, "the new words")
    assert (refused.json()["title"], refused.json()["post_title"]) == ("The post was edited after it was shown", "T")
    assert "the new words" not in refused.json()["detail"]


def test_two_decide_at_once_and_one_wins(tenant: Tenant, database: Database, raise_flag: Callable[..., int]) -> None:
    flag_id = raise_flag()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: agree(tenant, flag_id, {"Klankbord-Moderator": f"m{n}"}), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    with database.transaction() as session:
        rows = session.scalars(select(DecisionRow).where(DecisionRow.flag_id == flag_id)).all()
    assert len(rows) == 1
    winner = next(answer for answer in answers if answer.status_code == 200).json()["moderator"]
    assert {answer.json()["moderator"] for answer in answers} == {winner}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"action": "remove", "revision": 1}, "/action"),
        ({"action": "agree"}, ""),
        ({"action": "undo"}, ""),
        ({"action": "agree", "revision": 1, "undoes": 4}, ""),
        ({"action": "agree", "revision": 2**63}, "/revision"),
        ({"action": "agree", "revision": 1, "note": "a\x00b"}, "/note"),
        ({"action": "agree", "revision": 1, "note": "x" * 2001}, "/note"),
        ({"action": "agree", "revision": 1, "space": "punten"}, "/space"),
        ({"action": "place", "revision": 1, "space": "nowhere"}, "/space"),
        ({"action": "place", "revision": 1, "topic_id": 99}, "/topic_id"),
        ({"action": "recommend_removal", "revision": 1}, "/action"),
        ({"action": "agree", "revision": 1, "lane": "review"}, "/lane"),
        ({"action": "agree", "revision": 1, "more": 1}, "/more"),
    ],
)
def test_decisions_that_cannot_be_taken_422(
    tenant: Tenant, raise_flag: Callable[..., int], body: dict[str, Any], pointer: str
) -> None:
    answer = tenant.post(f"/flags/{raise_flag()}/decisions", json=body)
    assert answer.status_code == 422
    assert [mistake["pointer"] for mistake in answer.json()["errors"]] == [pointer]


def test_an_item_in_two_lanes_needs_the_lane_422(tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    flag_id = raise_flag("p1", UNHAPPY, INSULT)
    refused = agree(tenant, flag_id)
    assert (refused.status_code, refused.json()["lanes"]) == (422, ["answer", "review"])
    assert agree(tenant, flag_id, lane="review").status_code == 200
    (item,) = tenant.get("/flags").json()["items"]
    assert item["lanes"] == ["answer"]


def test_a_decision_is_kept_as_it_was_taken(tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    flag_id = raise_flag("p1", ELSEWHERE)
    answer = agree(tenant, flag_id, ANNA, action="place", space="punten", note="about points")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["moderator"], found["action"], found["space"], found["note"], found["lane"]) == (
        "Anna",
        "place",
        "punten",
        "about points",
        "placement",
    )
    assert found["reasons"][0]["evidence"] == {"nearest_posts": ["p7", "p9"]}
    assert tenant.get("/decisions", scope="read").json()["items"] == [found]


def test_without_a_header_the_key_decides(tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    assert agree(tenant, raise_flag()).json()["moderator"] == "moderate key"


def test_an_undo_puts_the_item_back(tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    flag_id = raise_flag()
    decision_id = agree(tenant, flag_id, ANNA).json()["id"]
    assert tenant.get("/flags").json()["items"] == []
    undo = tenant.post(f"/flags/{flag_id}/decisions", json={"action": "undo", "undoes": decision_id}, headers=BEN)
    assert undo.status_code == 200
    assert (undo.json()["action"], undo.json()["undoes"], undo.json()["moderator"]) == ("undo", decision_id, "Ben")
    assert [item["id"] for item in tenant.get("/flags").json()["items"]] == [flag_id]
    again = tenant.post(f"/flags/{flag_id}/decisions", json={"action": "undo", "undoes": decision_id})
    assert (again.status_code, again.json()["type"]) == (409, "urn:klankbord:problem:decision-already-undone")


def test_an_undo_names_a_decision_about_that_item(tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    first, second = raise_flag("p1"), raise_flag("p2")
    decision_id = agree(tenant, first).json()["id"]
    for flag_id, undoes in ((second, decision_id), (first, 9223372036854775807)):
        answer = tenant.post(f"/flags/{flag_id}/decisions", json={"action": "undo", "undoes": undoes})
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:klankbord:problem:decision-unknown")
    assert len(tenant.get("/decisions").json()["items"]) == 1


def test_a_decision_that_is_sent_twice_is_taken_once(tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    flag_id = raise_flag()
    answers = [agree(tenant, flag_id, {**ANNA, "Idempotency-Key": "k1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert [answer.status_code for answer in answers] == [200, 200]


def test_items_in_bulk_stand_by_themselves(tenant: Tenant, database: Database, raise_flag: Callable[..., int]) -> None:
    good, edited, held = raise_flag("p1"), raise_flag("p2"), raise_flag("p3")
    with database.transaction() as session:
        session.get_one(PostRow, (tenant.community.id, "p2")).revision = 2
    tenant.post(f"/flags/{held}/claim", headers=BEN)
    items = [{"flag_id": flag_id, "revision": 1} for flag_id in (good, edited, held, 2**62)]
    body = {"action": "disagree", "note": "spring quiz", "items": items}
    answer = tenant.post("/decisions", scope="moderate", json=body, headers=ANNA)
    assert answer.status_code == 200
    assert (answer.json()["decided"], answer.json()["refused"]) == (1, 3)
    found = answer.json()["items"]
    assert [one["flag_id"] for one in found] == [good, edited, held, 2**62]
    assert found[0]["decision"]["note"] == "spring quiz"
    assert [one["problem"] and one["problem"]["status"] for one in found] == [None, 409, 409, 404]
    assert found[1]["problem"]["revision"] == 2
    assert found[2]["problem"]["holder"] == "Ben"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"note": None}, "/note"),
        ({"note": ""}, "/note"),
        ({"note": "  "}, "/note"),
        ({"items": []}, "/items"),
        ({"items": [{"flag_id": 1}]}, "/items/0/revision"),
        ({"action": "skip"}, "/action"),
        ({"action": "undo"}, "/action"),
    ],
)
def test_bulk_decisions_need_a_reason_and_revisions_422(tenant: Tenant, change: dict[str, Any], pointer: str) -> None:
    body = {"action": "agree", "note": "why", "items": [{"flag_id": 1, "revision": 1}], **change}
    answer = tenant.post("/decisions", json=body)
    assert answer.status_code == 422
    assert [mistake["pointer"] for mistake in answer.json()["errors"]] == [pointer]


def test_the_queue_shows_the_evidence(tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    flag_id = raise_flag("p1", UNHAPPY, author_id="u1", space="punten", title="Punten")
    (item,) = tenant.get("/flags", scope="read").json()["items"]
    assert (item["id"], item["text"], item["revision"], item["lanes"]) == (flag_id, "the words of p1", 1, ["answer"])
    assert item["reasons"] == [
        {
            "lane": "answer",
            "reason": "negative_wom",
            "probability": 0.92,
            "threshold": 0.6,
            "evidence": {"language": "en", "episode": "p1", "first_answer_at": None},
            "status": "open",
        }
    ]


@pytest.mark.parametrize("order", ["priority", "newest", "oldest"])
def test_every_item_comes_once_over_the_pages(tenant: Tenant, raise_flag: Callable[..., int], order: str) -> None:
    expected = {raise_flag(f"p{n}", likes=n % 3) for n in range(7)}
    found = [item["id"] for item in all_pages(tenant, "/flags", limit=2, order=order)]
    assert (len(found), set(found)) == (7, expected)


def test_the_queue_is_narrowed(tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    one, two = raise_flag("p1", UNHAPPY, space="punten"), raise_flag("p2", INSULT)
    decided = raise_flag("p3")
    agree(tenant, decided)
    for params, expected in (
        ({}, {one, two}),
        ({"lane": "review"}, {two}),
        ({"lane": "placement"}, set()),
        ({"space": "punten"}, {one}),
        ({"min_probability": 0.9}, {one}),
        ({"since": "2026-11-20T12:00:01Z"}, set()),
        ({"status": "decided"}, {decided}),
        ({"status": "closed"}, set()),
        ({"topic": 3}, set()),
        ({"language": "nl"}, set()),
    ):
        found = {item["id"] for item in tenant.get("/flags", params=params).json()["items"]}
        assert found == expected, params


@pytest.mark.parametrize(
    "params",
    [
        {"lane": "answers"},
        {"status": "all"},
        {"topic": 2**63},
        {"min_probability": "nan"},
        {"min_probability": 1.1},
        {"limit": 0},
        {"space": "a\0b"},
        {"since": "2026-01-01"},
        {"order": "best"},
    ],
)
def test_filters_that_are_none_422(tenant: Tenant, params: dict[str, Any]) -> None:
    answer = tenant.get("/flags", params=params)
    assert answer.status_code == 422
    assert [mistake["parameter"] for mistake in answer.json()["errors"]] == list(params)


def test_decisions_come_newest_first_page_by_page(tenant: Tenant, raise_flag: Callable[..., int]) -> None:
    taken = [agree(tenant, raise_flag(f"p{n}")).json()["id"] for n in range(5)]
    assert [decision["id"] for decision in all_pages(tenant, "/decisions", limit=2)] == taken[::-1]


def with_sentence(begin: int, end: int) -> Flag:
    sentence = {"begin": begin, "end": end, "log_odds_drop": 2.0, "share": 1.0}
    return Flag("toxic", 0.9, 0.7, {"language": "nl", "sentences": [sentence]})


def test_the_sentence_that_carries_a_reason_comes_in_words(
    tenant: Tenant, raise_flag: Callable[..., int], database: Database
) -> None:
    raise_flag("p1", with_sentence(10, 18), title="De titel.", text="Een zin. Nog een.")
    (item,) = tenant.get("/flags").json()["items"]
    assert item["reasons"][0]["evidence"]["sentences"][0]["text"] == "Een zin."
    with database.transaction() as session:
        session.get_one(PostRow, (tenant.community.id, "p1")).revision = 2
    (edited,) = tenant.get("/flags").json()["items"]
    assert edited["reasons"][0]["evidence"]["sentences"][0]["text"] is None


def test_decisions_hold_the_place_of_a_sentence_and_never_its_words(
    tenant: Tenant, raise_flag: Callable[..., int]
) -> None:
    flag_id = raise_flag("p1", with_sentence(0, 8), text="Een zin. Nog een.")
    assert agree(tenant, flag_id).status_code == 200
    (decision,) = tenant.get("/decisions").json()["items"]
    assert "text" not in decision["reasons"][0]["evidence"]["sentences"][0]


def test_an_item_comes_with_what_was_decided_about_posts_like_it(
    tenant: Tenant, raise_flag: Callable[..., int], database: Database
) -> None:
    decided = agree(tenant, raise_flag("old", INSULT)).json()
    raise_flag("new", INSULT)
    with database.transaction() as session:
        for post_id, vector in (("old", [0.6, 0.8]), ("new", [0.0, 1.0])):
            session.add(
                ScoreRow(
                    community_id=tenant.community.id, post_id=post_id, model_version=MODEL, words_hash="w",
                    language="nl", n_words=3, vector=vector, signals=[None] * 8,
                )
            )  # fmt: skip
    (item,) = tenant.get("/flags").json()["items"]
    (neighbour,) = item["decided_neighbours"]
    assert neighbour["cosine"] == pytest.approx(0.8, abs=1e-3)
    assert {name: neighbour[name] for name in ("post_id", "decision_id", "action", "lane")} == {
        "post_id": "old", "decision_id": decided["id"], "action": "agree", "lane": "review",
    }  # fmt: skip
