from copy import deepcopy

import pytest
from report_fixtures import sample_analysis

from moderation.reports.expected_part import expected_sentences, expected_table
from moderation.reports.outside_part import outside_sentences
from moderation.reports.trend_part import change_sentences, trend_chart
from moderation.reports.wording import Wording

WORDINGS = [Wording(language, "Europe/Amsterdam") for language in ("nl", "en")]
DUTCH, ENGLISH = WORDINGS


@pytest.fixture(scope="module")
def times():
    return sample_analysis().response_times


def change(clock="staff", by="answer_written", week="2025-09-01", *, more=True, before=0, after=40):
    def side(n):
        posts = {"n": 50, "n_answered": n, "median_seconds": None, "answered_within_72h": n / 50}
        return {"n_answers": n, "posts_written_then": posts}

    first = f"{week[:-2]}04T10:00:00Z"
    sides = {"before": side(before), "after": side(after)}
    return {"clock": clock, "by": by, "from": week, "p": 0.0005, "more_often": more, "first_answer_at": first, **sides}


def test_a_beginning_is_told_with_its_first_day():
    (said, meaning) = change_sentences({"changes": [change()]}, ENGLISH)
    assert said == "Until 4 September 2025 there were no answers from staff; since then there have been 40."
    assert "why it changed" in meaning


@pytest.mark.parametrize(("more", "word"), [(True, "meer"), (False, "minder")])
def test_a_change_is_told_with_the_shares_before_and_since(more, word):
    said = change_sentences({"changes": [change(more=more, before=10, after=30)]}, DUTCH)[0]
    assert f"duidelijk {word} antwoorden van medewerkers" in said
    assert "20%" in said
    assert "60%" in said


def test_an_end_is_told():
    said = change_sentences({"changes": [change(more=False, before=30, after=0)]}, ENGLISH)[0]
    assert (
        said == "Since the week of 1 September 2025 there have been no more answers from staff; before there were 30."
    )


def test_whose_posts_is_told_where_the_weeks_lie_apart():
    near, far = (change(by="post_written", week=week) for week in ("2025-08-25", "2025-06-02"))
    assert "2 June 2025" in change_sentences({"changes": [far, change()]}, ENGLISH)[0]
    assert "25 August" not in change_sentences({"changes": [near, change()]}, ENGLISH)[0]


def test_clocks_that_change_in_the_same_week_are_told_once():
    told = change_sentences({"changes": [change("any"), change("staff"), change("touched")]}, DUTCH)
    assert len(told) == 2
    assert "medewerkers" not in told[0]


@pytest.mark.parametrize("wording", WORDINGS, ids=["nl", "en"])
def test_every_part_of_the_sample_has_words(times, wording):
    assert len(expected_sentences(times, wording)) == 2
    assert len(outside_sentences(times, wording)) == 4
    chart = trend_chart(times, wording)
    assert chart is not None
    assert "<svg" in chart.wide
    assert "%" in chart.said


def test_a_promise_comes_with_its_check(times):
    promised = deepcopy(times)
    check = {
        "n_trained": 70,
        "n_checked": 30,
        "nominal": 0.8,
        "coverage": 0.83,
        "coverage_ci": [0.66, 0.93],
        "reason": None,
    }
    figures = {"median_seconds": 7200.0, "range_seconds": [600.0, 90_000.0], "reason": None}
    moments = promised["expected_reply"]["question"]["by_moment"]
    promised["expected_reply"]["question"] |= {**figures, "check": check}
    promised["expected_reply"]["question"]["by_moment"] = {name: each | figures for name, each in moments.items()}
    said = expected_sentences(promised, ENGLISH)[0]
    assert "half have an answer within 2 hours; 8 in 10 wait between 10 minutes and 1 day and 1 hour" in said
    assert "of 30 later posts 83% fell within such a range (80% was expected)" in said
    table = expected_table(promised, ENGLISH)
    assert table.rows[0][:2] == ("Monday to Thursday, 10:00", "2 hours (10 minutes – 1 day and 1 hour)")


def test_no_promise_where_it_did_not_hold(times):
    broken = deepcopy(times)
    check = {
        "n_trained": 70,
        "n_checked": 30,
        "nominal": 0.8,
        "coverage": 0.5,
        "coverage_ci": [0.33, 0.67],
        "reason": None,
    }
    broken["expected_reply"]["question"] |= {"reason": "did_not_hold", "check": check, "n_waits": 100}
    said = expected_sentences(broken, DUTCH)[0]
    assert "valt niet te beloven: van 30 latere vragen viel maar 50% binnen de marge, in plaats van 80%" in said


@pytest.mark.parametrize("finding", ["inside_faster", "outside_faster", "no_difference"])
@pytest.mark.parametrize("p", [0.0001, 0.03, 0.4])
def test_the_question_is_answered_with_numbers(times, finding, p):
    answered = deepcopy(times)
    shares = {"share": 0.4, "interval": [0.3, 0.5], "n": 60}
    answered["corrected"] |= shares
    answered["outside"]["corrected"] |= {**shares, "share": 0.1, "interval": [0.05, 0.2]}
    answered["outside"]["correction"] |= {"finding": finding, "why": None}
    answered["outside"]["correction"]["logrank"] = {"p": p}
    said = outside_sentences(answered, ENGLISH)[1]
    assert "40%" in said
    assert "10%" in said


@pytest.mark.parametrize(
    "why", ["too_few_inside", "too_few_outside", "nobody_returns_inside", "nobody_returns_outside", "no_events"]
)
@pytest.mark.parametrize("wording", WORDINGS, ids=["nl", "en"])
def test_what_cannot_be_said_has_a_reason(times, why, wording):
    unknown = deepcopy(times)
    unknown["outside"]["correction"] |= {"finding": "cannot_be_said", "why": why}
    assert len(outside_sentences(unknown, wording)[1].split(":")) == 2
