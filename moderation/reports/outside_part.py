"""The community beside another channel: who answers faster, and who puts more right."""

from collections.abc import Mapping, Sequence
from typing import Any

from moderation.reports.answered_words import HORIZON_SECONDS, within_words
from moderation.reports.content import Table
from moderation.reports.wording import Wording

Contents = Mapping[str, Any]


def outside_sentences(times: Contents, wording: Wording) -> list[str]:
    """Where unhappiness is put right sooner, where it is answered sooner, and what that comparison cannot tell."""
    outside = times["outside"]
    if outside is None:
        return []
    if outside["clocks"]["any"]["n"] == 0:
        return [wording.say("outside.no_episodes")]
    return [
        wording.count("outside.lead", outside["clocks"]["any"]["n"]),
        _corrected_sentence(times, wording),
        wording.say(f"outside.answered.{outside['answered']['finding']}"),
        wording.say("outside.caveat"),
    ]


def _corrected_sentence(times: Contents, wording: Wording) -> str:
    """The answer to the question, with the shares and the test, or why it cannot be given."""
    correction = times["outside"]["correction"]
    if correction["finding"] == "cannot_be_said":
        return wording.say(f"outside.corrected.{correction['why']}")
    inside, outside = (_corrected_words(each["corrected"], wording) for each in (times, times["outside"]))
    p = correction["logrank"]["p"]
    known = wording.say("outside.p.small") if p < 0.001 else wording.say("outside.p", p=wording.number(p, decimals=3))
    return wording.say(f"outside.corrected.{correction['finding']}", inside=inside, outside=outside, p=known)


def outside_table(times: Contents, wording: Wording) -> Table | None:
    """The same figures of both channels side by side; None where one of them has no episodes."""
    outside = times["outside"]
    if outside is None or outside["clocks"]["any"]["n"] == 0 or times["clocks"]["any"]["n"] == 0:
        return None
    channels = (times, outside)
    clocks = [channel["clocks"]["any"] for channel in channels]
    return Table(
        caption=wording.say("outside.caption"),
        head=("", wording.say("outside.inside"), wording.say("outside.outside")),
        rows=(
            (wording.say("outside.n"), *(wording.number(clock["n"]) for clock in clocks)),
            *(_outside_row(clocks, name, wording) for name in ("24h", "72h")),
            (wording.say("outside.median"), *(_median_words(clock, wording) for clock in clocks)),
            (wording.say("outside.corrected"), *(_corrected_words(each["corrected"], wording) for each in channels)),
        ),
    )


def _outside_row(clocks: Sequence[Contents], horizon: str, wording: Wording) -> tuple[str, ...]:
    name = wording.say("outside.within", duration=wording.duration(HORIZON_SECONDS[horizon]))
    return (name, *(within_words(clock, horizon, wording) for clock in clocks))


def _median_words(clock: Contents, wording: Wording) -> str:
    seconds = clock["median_seconds"]
    return wording.say("median.unknown") if seconds is None else wording.duration(seconds)


def _corrected_words(corrected: Contents, wording: Wording) -> str:
    if corrected["share"] is None:
        return wording.count("corrected.unknown", corrected["n"])
    return wording.span(corrected["share"], *corrected["interval"])
