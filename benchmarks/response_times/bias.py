"""What leaving out the unanswered does to a figure, drawn: mean and median of the answered beside Kaplan-Meier."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import vl_convert

from moderation.response_clocks import Wait, calendar_seconds
from moderation.survival import WaitCurve, estimate_waits

HOUR = 3600.0
NAMES = {"keytrade": "Review site", "twcs": "Twitter sample", "urho3d": "Forum", "simulated": "Simulated"}
LABELS = {
    "median of the answered": "median, answered only",
    "mean of the answered": "mean, answered only",
    "Kaplan-Meier median": "median, everybody (Kaplan-Meier)",
}
MARKS = {0.1: "6 minutes", 1: "1 hour", 24: "1 day", 168: "1 week", 720: "1 month", 8766: "1 year"}


def draw_bias(waits: Mapping[str, Sequence[Wait]], path: Path) -> dict[str, Any]:
    """Compare the three figures on each set of waits and draw them; returns hours by name."""
    columns = {
        name: ([calendar_seconds(wait.started_at, wait.ended_at) for wait in each], [wait.answered for wait in each])
        for name, each in waits.items()
        if sum(wait.answered for wait in each) >= 20
    }
    found = {name: _figures(*pair) for name, pair in {"simulated": simulated(), **columns}.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_drawn(found), encoding="utf-8")
    return found


def simulated(n: int = 2000, never: float = 0.4) -> tuple[list[float], list[bool]]:
    """Waits of a log-normal length (median 4 hours, sigma 1.5), 40 in 100 of which never end; watched for 30 days."""
    rng = np.random.default_rng(7)
    wait = np.exp(rng.normal(np.log(4 * HOUR), 1.5, n))
    wait[rng.random(n) < never] = np.inf
    watched = 30 * 24 * HOUR
    return np.minimum(wait, watched).tolist(), (wait <= watched).tolist()


def _figures(seconds: Sequence[float], answered: Sequence[bool]) -> dict[str, float | None]:
    ended = np.array([each for each, is_answered in zip(seconds, answered, strict=True) if is_answered]) / HOUR
    curve: WaitCurve = estimate_waits(seconds, answered)
    median = curve.median().seconds
    mean = curve.restricted_mean_seconds(72 * HOUR)
    return {
        "n": len(seconds),
        "never answered while watched": round(1 - sum(answered) / len(answered), 3),
        "median of the answered": round(float(np.median(ended)), 2),
        "mean of the answered": round(float(ended.mean()), 2),
        "Kaplan-Meier median": None if median is None else round(median / HOUR, 2),
        "mean cut off at 72 hours": None if mean is None else round(mean / HOUR, 2),
        "still waiting after 72 hours": round(1 - curve.answered_within(72 * HOUR).share, 3),
    }


def _drawn(found: Mapping[str, Mapping[str, float | None]]) -> str:
    rows = [
        {"data": _title(name, figures), "figure": LABELS[kind], "hours": hours}
        for name, figures in found.items()
        for kind, hours in figures.items()
        if kind in LABELS and hours is not None
    ]
    never = [
        {"data": _title(name, figures), "hours": 20_000, "words": "fewer than half were answered"}
        for name, figures in found.items()
        if figures["Kaplan-Meier median"] is None
    ]
    words = " : ".join(f"datum.value == {hours} ? '{said}'" for hours, said in MARKS.items())
    hours = alt.X(
        "hours:Q",
        title=None,
        scale=alt.Scale(type="log", domain=[0.1, 20_000]),
        axis=alt.Axis(values=list(MARKS), labelExpr=f"{words} : ''"),
    )
    order = [_title(name, figures) for name, figures in found.items()]
    data = alt.Y("data:N", title=None, sort=order, axis=alt.Axis(labelLimit=320))
    kinds = list(LABELS.values())
    points = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_point(filled=True, size=140, opacity=1)
        .encode(
            x=hours,
            y=data,
            color=alt.Color(
                "figure:N",
                sort=kinds,
                title=None,
                scale=alt.Scale(domain=kinds, range=["#b34700", "#e0a070", "#0067a3"]),
                legend=alt.Legend(orient="top", labelLimit=0),
            ),
            shape=alt.Shape("figure:N", sort=kinds, legend=None),
        )
    )
    told = alt.Chart(alt.InlineData(values=never)).mark_text(align="right", color="#0067a3", fontSize=12)
    layers = points + told.encode(x=hours, y=data, text="words:N") if never else points
    return vl_convert.vegalite_to_svg(layers.properties(width=560, height=44 * len(order)).to_dict())


def _title(name: str, figures: Mapping[str, float | None]) -> str:
    share = figures["never answered while watched"]
    assert share is not None
    return f"{NAMES[name]} (n = {figures['n']}, {share:.0%} unanswered)"
