"""What somebody who asks or complains may expect, in words and in a table."""

from collections.abc import Mapping
from typing import Any

from moderation.reports.content import Table
from moderation.reports.wording import Wording

KINDS = ("question", "complaint")
MOMENTS = ("weekday_morning", "weekday_evening", "saturday", "sunday")
"""As a week goes; what was stored has lost its order."""

Contents = Mapping[str, Any]


def expected_sentences(times: Contents, wording: Wording) -> list[str]:
    """How soon a question and a complaint may expect an answer, or why that cannot be said."""
    expected = times["expected_reply"]
    if all(expected[kind]["n_waits"] == 0 for kind in KINDS):
        return []
    return [_sentence(expected[kind], kind, wording) for kind in KINDS]


def _sentence(expected: Contents, kind: str, wording: Wording) -> str:
    check = expected["check"]
    if expected["reason"] == "too_few_waits":
        return wording.say(f"expected.{kind}.too_few")
    if expected["reason"] == "did_not_hold":
        share, nominal = wording.share(check["coverage"]), wording.share(check["nominal"])
        return wording.count(f"expected.{kind}.did_not_hold", check["n_checked"], share=share, nominal=nominal)
    return f"{_promise(expected, kind, wording)} {_check_words(check, wording)}"


def _promise(expected: Contents, kind: str, wording: Wording) -> str:
    low, high = expected["range_seconds"]
    if low is None:
        return wording.say(f"expected.{kind}.rare")
    soonest = wording.duration(low)
    if expected["median_seconds"] is None:
        share = wording.share(expected["answered_within"]["72h"])
        return wording.say(f"expected.{kind}.no_median", share=share, low=soonest)
    median = wording.duration(expected["median_seconds"])
    if high is None:
        return wording.say(f"expected.{kind}.no_end", median=median, low=soonest)
    return wording.say(f"expected.{kind}.range", median=median, low=soonest, high=wording.duration(high))


def _check_words(check: Contents, wording: Wording) -> str:
    if check["coverage"] is None:
        return wording.say("expected.not_checked")
    share = wording.share(check["coverage"])
    return wording.count("expected.checked", check["n_checked"], share=share, nominal=wording.share(check["nominal"]))


def expected_table(times: Contents, wording: Wording) -> Table | None:
    """What may be expected at some moments of the week; None where nothing is promised."""
    expected = times["expected_reply"]
    promised = [kind for kind in KINDS if expected[kind]["median_seconds"] is not None]
    if not promised:
        return None
    return Table(
        caption=wording.say("expected.caption"),
        head=(wording.say("expected.when"), *(wording.say(f"expected.kind.{kind}") for kind in promised)),
        rows=tuple(
            (
                wording.say(f"expected.moment.{moment}"),
                *(_cell(expected[kind]["by_moment"][moment], wording) for kind in promised),
            )
            for moment in MOMENTS
        ),
    )


def _cell(expected: Contents, wording: Wording) -> str:
    low, high = expected["range_seconds"]
    if expected["median_seconds"] is None:
        return wording.say("median.unknown")
    median, soonest = wording.duration(expected["median_seconds"]), wording.duration(low)
    if high is None:
        return wording.say("expected.cell.no_end", median=median, low=soonest)
    return wording.say("expected.cell", median=median, low=soonest, high=wording.duration(high))
