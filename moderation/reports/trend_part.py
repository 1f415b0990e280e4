"""How waiting went over time: the share answered within three days, and since when it is different."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup

from moderation.reports.charts import ChartStyle, TickedAxis, TrendBar, trend_svg
from moderation.reports.content import Chart
from moderation.reports.wording import Wording, read_moment

MIN_PERIODS = 3
MIN_WEEKS_APART = 8
"""Posts and answers that change nearly at once are one change; telling both weeks would confuse."""
CLOCKS = ("any", "staff", "peer", "touched")
"""Where two clocks change in the same week, the first of these tells it."""

Contents = Mapping[str, Any]


def trend_chart(times: Contents, wording: Wording) -> Chart | None:
    """The share answered within three days by when the posts were written; None with fewer than three periods."""
    periods, unit = times["trend"]["periods"], times["trend"]["unit"]
    known = [period for period in periods if period["answered_within_72h"] is not None]
    if len(known) < MIN_PERIODS:
        return None
    said = " ".join(_period_words(period, unit, wording) for period in _telling(known))
    bars = [
        TrendBar(place, period["answered_within_72h"], *period["answered_within_72h_ci"])
        for place, period in enumerate(periods)
        if period["answered_within_72h"] is not None
    ]
    starts = [date.fromisoformat(period["from"]) for period in periods]
    marks = sorted({_place(starts, change["from"]) for change in _told(times["changes"])})
    ticks = sorted({0, len(starts) // 2, len(starts) - 1})
    axis = TickedAxis([tick + 0.5 for tick in ticks], [_axis_words(starts[tick], unit, wording) for tick in ticks])
    title = wording.say("chart.trend.title", unit=wording.say(f"trend.unit.{unit}"))

    def draw(name: str, n_pixels: int) -> Markup:
        style = ChartStyle(name, wording.language, f"{title}. {said}")
        return trend_svg(bars, marks=marks, n_periods=len(starts), periods=axis, style=style, n_pixels=n_pixels)

    return Chart(title, said, draw("trend-wide", 600), draw("trend-narrow", 262))


def _place(starts: Sequence[date], day: str) -> int:
    """The period that a day lies in."""
    return sum(start <= date.fromisoformat(day) for start in starts) - 1


def _axis_words(start: date, unit: str, wording: Wording) -> str:
    return wording.short_date(start) if unit == "week" else wording.short_month(start)


def _period_words(period: Contents, unit: str, wording: Wording) -> str:
    begin = date.fromisoformat(period["from"])
    share = wording.share(period["answered_within_72h"])
    return wording.count(f"trend.point.{unit}", period["n"], day=_named(begin, unit, wording), share=share)


def _named(begin: date, unit: str, wording: Wording) -> str:
    return wording.long_date(begin) if unit == "week" else wording.month(begin)


def _telling(known: Sequence[Contents]) -> list[Contents]:
    """The first, the lowest, the highest and the last period, each once and in order of time."""
    ranked = sorted(known, key=lambda period: (period["answered_within_72h"], period["from"]))
    told = {period["from"]: period for period in (known[0], ranked[0], ranked[-1], known[-1])}
    return [told[begin] for begin in sorted(told)]


def change_sentences(times: Contents, wording: Wording) -> list[str]:
    """Since when answers come more or less often; nothing where no change stands out."""
    said = [_change_words(change, times["changes"], wording) for change in _told(times["changes"])]
    return [*said, wording.say("change.meaning")] if said else []


def _told(changes: Sequence[Contents]) -> list[Contents]:
    """The weeks in which answering changed, each once."""
    told: dict[str, Contents] = {}
    for clock in CLOCKS:
        for change in changes:
            if change["clock"] == clock and change["by"] == "answer_written":
                told.setdefault(change["from"], change)
    return [told[week] for week in sorted(told)]


def _change_words(change: Contents, changes: Sequence[Contents], wording: Wording) -> str:
    day = wording.long_date(date.fromisoformat(change["from"]))
    before, after = change["before"], change["after"]
    reply = wording.say(f"change.reply.{change['clock']}")
    if before["n_answers"] == 0 and change["first_answer_at"] is not None:
        first = wording.day(read_moment(change["first_answer_at"]))
        said = wording.count("change.began", after["n_answers"], reply=reply, first=first)
    elif after["n_answers"] == 0:
        said = wording.count("change.ended", before["n_answers"], reply=reply, day=day)
    else:
        key = "change.more" if change["more_often"] else "change.less"
        shares = {name: _share_words(side, wording) for name, side in (("before", before), ("after", after))}
        said = wording.say(key, reply=reply, day=day, **shares)
    since = _posts_since(change, changes)
    if since is None:
        return said
    return f"{said} {wording.say('change.posts', day=wording.long_date(since))}"


def _share_words(stretch: Contents, wording: Wording) -> str:
    posts = stretch["posts_written_then"]
    return wording.say("unknown.no_waits") if posts is None else wording.share(posts["answered_within_72h"])


def _posts_since(change: Contents, changes: Sequence[Contents]) -> date | None:
    """From when on posts were written that fare differently, where that is not the same week."""
    week = date.fromisoformat(change["from"])
    same_way = [
        date.fromisoformat(other["from"])
        for other in changes
        if other["by"] == "post_written"
        and other["clock"] == change["clock"]
        and other["more_often"] == change["more_often"]
    ]
    nearest = min(same_way, key=lambda day: (abs(day - week), day), default=None)
    is_apart = nearest is not None and abs(nearest - week) >= timedelta(weeks=MIN_WEEKS_APART)
    return nearest if is_apart else None
