import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.flags import LANE_OF_REASON
from moderation.priority import SEVERITY_POINTS, Reach, explain, points_at, rank, rate_item, waits_since

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
POSTED_AT = NOW - timedelta(hours=5)
NOBODY = Reach(0, 0, 0)

reason_names = st.sampled_from(sorted(LANE_OF_REASON))
probabilities = st.floats(0, 1).map(lambda p: round(p, 6))
counts = st.integers(0, 10_000)
reaches = st.builds(Reach, counts, counts, counts)
moments = st.integers(0, 9 * 365 * 86_400).map(lambda seconds: NOW - timedelta(days=1800) + timedelta(seconds=seconds))
reason_lists = st.dictionaries(reason_names, probabilities, min_size=1).map(
    lambda found: [a_reason(name, p) for name, p in found.items()]
)


def a_reason(reason: str, probability: float, **evidence: Any) -> dict[str, Any]:
    return {"lane": LANE_OF_REASON[reason], "reason": reason, "probability": probability, "evidence": evidence}


def rate(*reasons: dict[str, Any], reach: Reach = NOBODY, since: datetime = POSTED_AT) -> dict[str, Any]:
    return rate_item(reasons, reach, posted_at=POSTED_AT, since=since)


def by_hand(parts: dict[str, Any], now: datetime) -> float:
    """The formula as docs/queue.md writes it, from the stored figures."""
    severity = {
        "toxic": 100,
        "negative_wom": 90,
        "spam": 80,
        "unanswered_question": 70,
        "off_purpose": 40,
        "off_thread": 30,
        "other_space": 30,
    }

    def points(part: dict[str, Any]) -> float:
        return severity[part["reason"]] * part["probability"] * (0.4 if part["is_part_of_earlier"] else 1)

    people = parts["n_replies"] + 2 * parts["n_amplifiers"] + 0.2 * parts["likes"]
    other = 0.1 * points(parts["other_lane"]) if parts["other_lane"] else 0
    days = (now - datetime.fromisoformat(parts["waits_since"])) / timedelta(days=1)
    return points(parts["strongest"]) + other + min(20, 4 * math.log2(1 + people)) + 10 * days


def test_the_points_of_a_plain_case() -> None:
    parts = rate(a_reason("negative_wom", 0.9), a_reason("spam", 0.75), reach=Reach(1, 1, 0))
    assert points_at(parts, POSTED_AT + timedelta(hours=24)) == pytest.approx(81 + 6 + 8 + 10)


@given(reason_lists, reaches, moments, st.booleans())
def test_the_documented_formula_gives_the_points(
    reasons: list[dict[str, Any]], reach: Reach, now: datetime, is_part: bool
) -> None:
    if is_part:
        reasons = [{**reason, "evidence": {"episode": "part of an earlier one"}} for reason in reasons]
    parts = rate_item(reasons, reach, posted_at=now, since=now)
    later = now + timedelta(hours=31)
    assert points_at(parts, later) == pytest.approx(by_hand(parts, later), abs=1e-5)


@given(reason_lists, reason_lists, moments, moments, moments)
def test_the_order_of_two_items_never_changes_while_they_wait(
    one: list[dict[str, Any]], other: list[dict[str, Any]], first: datetime, second: datetime, now: datetime
) -> None:
    parts = (
        rate_item(one, NOBODY, posted_at=first, since=first),
        rate_item(other, NOBODY, posted_at=second, since=second),
    )
    by_rank = rank(parts[0]) - rank(parts[1])
    assert by_rank == pytest.approx(points_at(parts[0], now) - points_at(parts[1], now), abs=1e-4)


def test_two_detectors_on_one_post_do_not_add_up() -> None:
    """Regression 12 (SmokeDetector #1779)."""
    both = rate(a_reason("toxic", 0.85), a_reason("spam", 0.8))
    assert both["points"] == rate(a_reason("toxic", 0.85))["points"]


@given(reason_lists, reason_names, probabilities)
def test_one_more_reason_adds_a_tenth_at_most_unless_it_is_the_strongest(
    reasons: list[dict[str, Any]], name: str, probability: float
) -> None:
    alone = rate(*(reason for reason in reasons if reason["reason"] != name), a_reason("off_thread", 0.0))
    more = rate(*(reason for reason in reasons if reason["reason"] != name), a_reason(name, probability))
    strongest = max(alone["strongest"]["points"], more["strongest"]["points"])
    assert strongest - 1e-5 <= more["points"] <= strongest + 0.1 * max(SEVERITY_POINTS.values()) + 1e-5


@given(reason_lists, reaches)
def test_more_people_never_rank_an_item_lower(reasons: list[dict[str, Any]], reach: Reach) -> None:
    more = Reach(reach.n_replies + 1, reach.n_amplifiers + 1, reach.likes + 1)
    assert 0 <= rate(*reasons, reach=reach)["reach_points"] <= rate(*reasons, reach=more)["reach_points"] <= 20


def test_a_post_that_joins_an_earlier_complaint_ranks_clearly_lower() -> None:
    joins = a_reason("negative_wom", 0.99, episode="part of an earlier one")
    starts = a_reason("negative_wom", 0.6, episode="p1")
    days_ahead = (rate(starts)["points"] - rate(joins)["points"]) / 10
    assert days_ahead > 1


def test_the_wait_counts_from_the_post_but_an_old_import_gets_a_day_at_most() -> None:
    assert waits_since(POSTED_AT, NOW) == POSTED_AT
    assert waits_since(NOW - timedelta(days=900), NOW) == NOW - timedelta(days=1)
    assert waits_since(NOW + timedelta(hours=3), NOW) == NOW


def test_why_in_words() -> None:
    parts = rate(a_reason("negative_wom", 0.92), a_reason("toxic", 0.7), reach=Reach(6, 2, 1))
    assert explain(parts, now=NOW, language="en") == (
        "92% chance that the writer is unhappy about the organisation; also 70% chance that this is an insult or a "
        "threat; 6 replies; 2 others say the same; 1 like; waiting 5 hours"
    )
    assert explain(parts, now=NOW, language="nl") == (
        "92% kans dat de schrijver ontevreden is over de organisatie; ook 70% kans dat dit een belediging of "
        "bedreiging is; 6 reacties; 2 anderen zeggen hetzelfde; 1 like; wacht 5 uur"
    )


def test_the_words_say_what_was_counted_less() -> None:
    joins = a_reason("negative_wom", 0.9, episode="part of an earlier one")
    parts = rate_item([joins], NOBODY, posted_at=NOW - timedelta(days=30), since=NOW - timedelta(days=1))
    assert explain(parts, now=NOW, language="en") == (
        "90% chance that the writer is unhappy about the organisation; joins an earlier complaint, which counts for "
        "0.4; waiting 30 days, counted as 1 day"
    )


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("reason", sorted(LANE_OF_REASON))
def test_every_reason_has_points_and_words(reason: str, language: str) -> None:
    assert SEVERITY_POINTS[reason] > 0
    assert explain(rate(a_reason(reason, 0.5)), now=NOW, language=language)
