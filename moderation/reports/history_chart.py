"""Topics over time: one small panel for each, with its share of the posts and the moments at which that turned."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from moderation.reports.charts import ChartStyle, SharePanel, TickedAxis, shares_svg
from moderation.reports.content import Chart
from moderation.reports.wording import Wording

N_LARGEST, MAX_PANELS = 8, 12
MIN_WEEKS = 4
MAX_BARS = 52
"""Longer data are drawn with several weeks to a bar: more bars than this cannot be told apart in a small panel."""

Contents = Mapping[str, Any]


def history_chart(history: Contents | None, names: Mapping[Any, str], wording: Wording) -> Chart | None:
    """Share of the posts by week for the largest topics and those that turned; None where the data are too short.

    Parameters
    ----------
    history : as in drift.json.
    names : of the topics by id.
    """
    if history is None or len(history["first_days"]) < MIN_WEEKS:
        return None
    shown = _shown(history["topics"])
    if not shown:
        return None
    panels = [_panel(topic, names[topic["topic_id"]], history) for topic in shown]
    title = wording.say("chart.history.title")
    said = " ".join(_said(topic, names[topic["topic_id"]], history, wording) for topic in shown)
    first_days = [date.fromisoformat(day) for day in history["first_days"]]
    is_long = len(first_days) > MAX_BARS
    ends = [wording.short_month(day) if is_long else wording.short_date(day) for day in (first_days[0], first_days[-1])]
    axis = TickedAxis([0, len(first_days)], ends)

    def draw(name: str, n_columns: int) -> Markup:
        style = ChartStyle(name, wording.language, f"{title}. {said}")
        return shares_svg(panels, weeks=axis, style=style, n_columns=n_columns)

    n_columns = 3 if len(panels) in (3, 5, 6, 9) else min(4, len(panels))
    return Chart(title, said, draw("history-wide", n_columns), draw("history-narrow", min(2, len(panels))))


def _shown(topics: Sequence[Contents]) -> list[Contents]:
    """The largest topics, and of the others those that turned."""
    ranked = sorted(topics, key=lambda topic: (-sum(topic["n_posts"]), topic["topic_id"]))
    turned = [topic for topic in ranked[N_LARGEST:] if topic["change_points"]]
    return [*ranked[:N_LARGEST], *turned][:MAX_PANELS]


def _panel(topic: Contents, name: str, history: Contents) -> SharePanel:
    n_weeks = len(history["first_days"])
    per_bar = -(-n_weeks // MAX_BARS)
    turns = [history["first_days"].index(change["first_day"]) for change in topic["change_points"]]
    edges = [0, *turns, n_weeks] if turns else []
    bars = [(start, min(start + per_bar, n_weeks)) for start in range(0, n_weeks, per_bar)]
    return SharePanel(
        name=name,
        bars=tuple((start, stop, _share(topic, history, start, stop)) for start, stop in bars),
        levels=tuple((start, stop, _share(topic, history, start, stop)) for start, stop in pairwise(edges)),
    )


def _share(topic: Contents, history: Contents, start: int, stop: int) -> float:
    n_posts = sum(history["n_posts"][start:stop])
    return sum(topic["n_posts"][start:stop]) / n_posts if n_posts else 0.0


def _said(topic: Contents, name: str, history: Contents, wording: Wording) -> str:
    overall = wording.share(_share(topic, history, 0, len(history["first_days"])))
    if not topic["change_points"]:
        return wording.say("chart.history.steady", name=name, share=overall)
    turns = [_turn_words(*turn, wording) for turn in _turns(topic, history)]
    return wording.say("chart.history.turned", name=name, turns=wording.listed(turns))


def _turn_words(change: Contents, before: float, after: float, wording: Wording) -> str:
    way = "up" if after > before else "down"
    day = wording.long_date(date.fromisoformat(change["first_day"]))
    return wording.say(f"chart.history.turn.{way}", day=day, before=wording.share(before), now=wording.share(after))


def _turns(topic: Contents, history: Contents) -> list[tuple[Contents, float, float]]:
    """Each turn with the share of the posts before and after it."""
    turns = [history["first_days"].index(change["first_day"]) for change in topic["change_points"]]
    edges = [0, *turns, len(history["first_days"])]
    levels = [_share(topic, history, start, stop) for start, stop in pairwise(edges)]
    return list(zip(topic["change_points"], levels[:-1], levels[1:], strict=True))
