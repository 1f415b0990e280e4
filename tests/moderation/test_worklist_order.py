from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.priority import HEAD_START, Reach, points_at, rank
from moderation.worklist_order import (
    MAX_SPREAD_POINTS,
    NEWCOMER_POINTS,
    NEWCOMER_POSTS,
    TONE_POINTS,
    OpenWait,
    explain_wait,
    rate_wait,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PLAIN = OpenWait(
    kind="episode",
    post_id="p1",
    started_at=NOW - timedelta(hours=5),
    first_seen_at=NOW - timedelta(hours=5),
    p=0.9,
    tone_strength=0.5,
    reach=Reach(0, 0, 0),
    n_joined_within_a_day=0,
    n_earlier_posts=NEWCOMER_POSTS,
)
WAITS = st.builds(
    OpenWait,
    kind=st.sampled_from(["episode", "question"]),
    post_id=st.just("p"),
    started_at=st.integers(0, 500).map(lambda hours: NOW - timedelta(hours=hours)),
    first_seen_at=st.just(NOW),
    p=st.floats(0, 1),
    tone_strength=st.none() | st.floats(0, 1),
    reach=st.builds(Reach, st.integers(0, 50), st.integers(0, 20), st.integers(-2, 99)),
    n_joined_within_a_day=st.integers(0, 30),
    n_earlier_posts=st.none() | st.integers(0, NEWCOMER_POSTS),
)


def points(**changed):
    return rate_wait(replace(PLAIN, **changed))["points"]


def test_the_formula_of_the_docs():
    parts = rate_wait(replace(PLAIN, reach=Reach(2, 1, 5), n_joined_within_a_day=2, n_earlier_posts=1))
    assert parts["points"] == pytest.approx(90 * 0.9 + 20 * 0.5 + 4 * 2.584963 + 5 * 2 + 10, abs=1e-4)
    assert points_at(parts, NOW) == pytest.approx(parts["points"] + 10 * 5 / 24, abs=1e-4)


@pytest.mark.parametrize(
    ("changed", "more"),
    [
        ({"tone_strength": 1.0}, TONE_POINTS / 2),
        ({"tone_strength": None}, -TONE_POINTS / 2),
        ({"n_joined_within_a_day": 1}, 5),
        ({"n_joined_within_a_day": 99}, MAX_SPREAD_POINTS),
        ({"n_earlier_posts": NEWCOMER_POSTS - 1}, NEWCOMER_POINTS),
        ({"n_earlier_posts": None}, 0),
    ],
)
def test_what_makes_harm_spread_counts(changed, more):
    assert points(**changed) == pytest.approx(points() + more)


def test_an_old_wait_that_was_just_imported_counts_as_a_day():
    parts = rate_wait(replace(PLAIN, started_at=NOW - timedelta(days=400), first_seen_at=NOW))
    assert parts["waits_since"] == (NOW - HEAD_START).isoformat()
    assert "waiting 13 months" in explain_wait(parts, now=NOW, language="en")


@given(waits=st.lists(WAITS, min_size=2, max_size=2), hours=st.integers(0, 5000))
def test_the_order_of_two_never_changes_while_nothing_happens(waits, hours):
    first, second = (rate_wait(wait) for wait in waits)
    later = NOW + timedelta(hours=hours)
    assert (rank(first) > rank(second)) == (round(points_at(first, later) - points_at(second, later), 3) > 0) or abs(
        rank(first) - rank(second)
    ) < 0.001


@given(wait=WAITS)
def test_every_line_is_said_in_both_languages(wait):
    parts = rate_wait(wait)
    for language, waiting in (("en", "waiting"), ("nl", "wacht")):
        assert waiting in explain_wait(parts, now=NOW, language=language)


def test_the_reasons_are_told():
    parts = rate_wait(
        replace(PLAIN, tone_strength=0.8, n_joined_within_a_day=2, n_earlier_posts=0, reach=Reach(1, 2, 3))
    )
    assert explain_wait(parts, now=NOW, language="en") == (
        "90% chance that the writer is unhappy about the organisation; strong words; 2 others joined in within a day; "
        "1 reply; 3 likes; the writer is new here; waiting 5 hours"
    )
