"""What the cards of splits and niches say of a group of members, in words: how it fares, and without the others."""

from collections.abc import Mapping
from typing import Any

from moderation.reports.wording import Wording

Contents = Mapping[str, Any]

#: Languages with less than this share of a group's posts are not named.
MIN_LANGUAGE_SHARE = 0.05
#: What is lacking is told as a percentage.
_SHARES = ("conductance", "explained", "share")


def group_sentences(group: Contents, wording: Wording) -> list[str]:
    """How a group fares; what cannot be told is left out, the files say why. Nothing for files without such figures."""
    if "posts_a_week" not in group:
        return []
    said = [activity_sentence(group, wording)]
    known = [name for name in ("stayed", "newcomers", "answered") if group[name]["share"] is not None]
    said += [wording.say(f"group.{name}", share=wording.share(group[name]["share"])) for name in known]
    languages = [
        wording.say(
            "group.language",
            language=wording.language_name(each["language"]),
            share=wording.share(each["share"]),
        )
        for each in group["languages"]
        if each["language"] != "unknown" and each["share"] >= MIN_LANGUAGE_SHARE
    ]
    return [*said, wording.say("group.languages", languages=wording.listed(languages))] if languages else said


def activity_sentence(group: Contents, wording: Wording) -> str:
    """Posts a week, and whether they become more or fewer."""
    a_week = wording.number(group["posts_a_week"], decimals=0 if group["posts_a_week"] >= 10 else 1)
    trend = group["trend"]["posts"]
    if trend is None:
        return wording.say("group.activity", a_week=a_week)
    return wording.say(f"group.activity.{trend['direction']}", a_week=a_week, **_times(trend, wording))


def _times(trend: Contents, wording: Wording) -> dict[str, str]:
    low, high = trend["interval"]
    figures = {"ratio": trend["ratio"], "low": low, "high": high}
    return {name: wording.number(figure, decimals=2) for name, figure in figures.items()}


def alone_sentence(part: Contents, wording: Wording) -> str | None:
    """What is left of a group if it goes; None for files without such figures."""
    if "if_it_goes" not in part:
        return None
    alone = part["if_it_goes"]["group"]
    said = wording.say(
        "group.alone",
        posts=_now_then(alone["posts_a_week"], wording),
        members=_now_then(alone["active_members"], wording),
    )
    now, then = alone["answered"]["now"]["share"], alone["answered"]["then"]["share"]
    if now is None or then is None:
        return said
    answered = wording.say("group.alone.answered", then=wording.share(then), now=wording.share(now))
    return f"{said} {answered}"


def _now_then(figures: Contents, wording: Wording) -> str:
    decimals = 0 if figures["now"] >= 10 else 1
    then, now = (wording.number(figures[when], decimals=decimals) for when in ("then", "now"))
    return wording.say("group.then_now", then=then, now=now)


def lacking_sentence(lacking: Contents | None, wording: Wording) -> str | None:
    """What would have to change for a refused proposal to pass; None where nothing that can be counted would do."""
    if lacking is None or lacking["now"] is None:
        return None
    measure = lacking["measure"]
    if measure in _SHARES:
        figures = {name: wording.share(lacking[name]) for name in ("now", "needed")}
    else:
        decimals = 0 if isinstance(lacking["now"], int) else 2
        figures = {name: wording.number(lacking[name], decimals=decimals) for name in ("now", "needed")}
    return wording.say(f"lacking.{measure}", **figures)
