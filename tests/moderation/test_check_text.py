from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from models.languages import UNKNOWN
from models.signals import SIGNALS
from moderation.db import Database
from moderation.fits import NOT_FITTED
from moderation.incoming import judge_posts, score_waiting
from moderation.live import N_TOPICS, Checked, check_text
from moderation.pipeline import Models
from moderation.refit import refit
from moderation.tables import CommunityRow, FindingRow
from tests.service import (
    ADVERTISES,
    ANSWERS,
    ASKS,
    CZECH,
    INSULT,
    NOW,
    SOUP,
    UNHAPPY,
    new_community,
    record,
    scores_of,
    store,
)

Check = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def fitted(
    scored_sample: CommunityRow,
    copy_of: Callable[[CommunityRow], CommunityRow],
    database: Database,
    models: Models,
) -> CommunityRow:
    community = copy_of(scored_sample)
    refit(database, models, community.id, now=NOW)
    return community


@pytest.fixture(scope="module")
def empty(database: Database) -> CommunityRow:
    return new_community(database)


@pytest.fixture(scope="module")
def check(database: Database, models: Models) -> Check:
    def checks(community: CommunityRow, body: str, **fields: Any) -> dict[str, Any]:
        return check_text(database, community, models, Checked(fields.pop("title", None), body, **fields), now=NOW)

    return checks


def reasons(checked: dict[str, Any]) -> list[str]:
    return [flag["reason"] for flag in checked["flags"]]


def everything_stored(database: Database) -> dict[str, str]:
    """A fingerprint of every table."""
    names = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    with database.transaction() as session:
        return {
            name: session.scalar(
                text(f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {name} t")
            )
            for (name,) in session.execute(text(names))
        }


def test_nothing_is_stored(database: Database, check: Check, fitted: CommunityRow, sample_records: Any) -> None:
    before = everything_stored(database)
    check(fitted, INSULT)
    check(fitted, ASKS, title="Vraagje", thread_id=sample_records[0]["thread_id"])
    check(fitted, SOUP, thread_id="unknown")
    assert everything_stored(database) == before
    assert len(before) > 10


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (UNHAPPY, ["negative_wom"]),
        (ASKS, ["unanswered_question"]),
        (INSULT, ["toxic"]),
        (ADVERTISES, ["spam"]),
        (SOUP, []),
    ],
)
def test_the_flags_are_those_that_the_post_would_get(
    check: Check, empty: CommunityRow, body: str, found: list[str]
) -> None:
    assert reasons(check(empty, body)) == found


def test_before_the_first_fit_each_figure_is_null_for_a_reason(check: Check, empty: CommunityRow) -> None:
    checked = check(empty, SOUP)
    assert (checked["off_purpose"], checked["off_thread"], checked["topics"]) == (None, None, [])
    assert set(checked["null_reasons"]) == {"off_purpose", "off_thread", "topics"}
    assert checked["null_reasons"]["off_purpose"] == NOT_FITTED


def test_a_text_has_the_signals_that_it_has_when_it_is_stored(
    check: Check, empty: CommunityRow, database: Database, models: Models
) -> None:
    store(database, empty, record("p1", UNHAPPY))
    score_waiting(database, models, empty.id, ["p1"])
    with database.transaction() as session:
        stored = scores_of(session, empty)["p1"].signals
    assert list(check(empty, UNHAPPY)["signals"].values()) == pytest.approx(stored, abs=1e-6)


def test_after_a_fit_the_nearest_topics_have_names(check: Check, fitted: CommunityRow, database: Database) -> None:
    with database.transaction() as session:
        topics = session.get_one(FindingRow, (fitted.id, "topics")).contents["topics"]
    checked = check(fitted, "Waar blijven mijn punten? Ze staan na twee weken nog niet op mijn pas.")
    names = {topic["id"]: topic["name"] for topic in topics}
    assert len(checked["topics"]) == min(N_TOPICS, len(topics)) > 0
    assert [topic["name"] for topic in checked["topics"]] == [names[topic["id"]] for topic in checked["topics"]]
    cosines = [topic["cosine"] for topic in checked["topics"]]
    assert cosines == sorted(cosines, reverse=True)
    assert checked["off_purpose"] is not None


def test_a_reply_is_held_against_its_thread(check: Check, fitted: CommunityRow, sample_records: Any) -> None:
    thread_id = sample_records[0]["thread_id"]
    alone, reply = (check(fitted, ANSWERS, thread_id=thread) for thread in (None, thread_id))
    assert alone["off_thread"] is None
    assert "off_thread" in alone["null_reasons"]
    assert 0 <= reply["off_thread"] <= 1


def test_a_text_is_read_as_the_last_post_of_its_thread(check: Check, database: Database, models: Models) -> None:
    """What stands above it is not held against it, nor for it."""
    community = new_community(database)
    store(database, community, record("q", ASKS, thread_id="t"), record("a", ANSWERS, thread_id="t", minutes=5))
    score_waiting(database, models, community.id, ["q", "a"])
    judge_posts(database, models, community.id, ["q", "a"], now=NOW)
    assert reasons(check(community, INSULT, thread_id="t")) == ["toxic"]


@pytest.mark.parametrize("body", ["", f"> {INSULT}", "https://winkel.example/9"])
def test_a_text_without_words_says_so(check: Check, fitted: CommunityRow, body: str) -> None:
    checked = check(fitted, body)
    assert checked["signals"] == dict.fromkeys(SIGNALS)
    assert checked["null_reasons"]["signals"] == "no words"
    assert (checked["language"], checked["flags"], checked["topics"]) == (UNKNOWN, [], [])


def test_a_language_that_is_not_the_communitys_is_named(check: Check, empty: CommunityRow) -> None:
    """Regression 15: whatever hint comes with it."""
    assert check(empty, CZECH, language="en")["language"] == "cs"
