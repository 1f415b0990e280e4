"""The page's charts as inline SVG: how long people wait, how that changed, and the share of each topic over time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Literal

import altair as alt
import vl_convert
from markupsafe import Markup, escape

INK, QUIET, RULE = "#1d2430", "#4a5462", "#d9dee6"
# Okabe and Ito (2008), darkened to a contrast of 4.5 on white; the dashes tell them apart without colour.
COLOURS = ("#1d2430", "#0067a3", "#b34700")
DASHES = ([1, 0], [7, 3], [2, 3])
BAR_COLOUR, MARK_COLOUR = "#0067a3", "#b34700"
NUMBER_LOCALES: Mapping[str, Literal["nl-NL", "en-GB"]] = {"nl": "nl-NL", "en": "en-GB"}

WaitPoint = tuple[float, float, float, float]
"""(seconds, share still waiting, low, high)."""


@dataclass(frozen=True)
class TickedAxis:
    """Where an axis has marks and what stands beside them."""

    ticks: Sequence[float]
    words: Sequence[str]

    def labels(self) -> str:
        """A Vega expression that gives the words of a mark."""
        found = "''"
        for tick, words in zip(self.ticks, self.words, strict=True):
            found = f"abs(datum.value - {tick}) < 1e-6 ? {_quoted(words)} : {found}"
        return found


@dataclass(frozen=True)
class ChartStyle:
    """What a drawing needs to stand on a page.

    Attributes
    ----------
    name : unique on the page.
    language : of the numbers; one of NUMBER_LOCALES.
    said : what the chart shows, for people who cannot see it.
    """

    name: str
    language: str
    said: str


def waiting_svg(
    curves: Mapping[str, Sequence[WaitPoint]], *, times: TickedAxis, style: ChartStyle, n_pixels: int
) -> Markup:
    """Draw the share still waiting after each time, a line and a 95 % band for each clock.

    Parameters
    ----------
    curves : by the words for the clock, one to three of them; every point of each begins a level stretch.
    times : marks of the time axis in seconds; the last is where the chart ends.
    """
    until = times.ticks[-1]
    rows = [
        {"clock": clock, "seconds": point[0], "waiting": point[1], "low": point[2], "high": point[3]}
        for clock, points in curves.items()
        for point in _until(points, until)
    ]
    n_curves = len(curves)
    colour = alt.Color(
        "clock:N",
        sort=list(curves),
        scale=alt.Scale(domain=list(curves), range=list(COLOURS[:n_curves])),
        legend=alt.Legend(
            orient="top", direction="vertical", title=None, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1
        ),
    )
    dash = alt.StrokeDash("clock:N", scale=alt.Scale(domain=list(curves), range=list(DASHES[:n_curves])), legend=None)
    seconds = alt.X(
        "seconds:Q",
        title=None,
        # A square root gives the first hours room without the distortion of a logarithm, and it has a zero.
        scale=alt.Scale(type="sqrt", domain=[0, until], nice=False),
        axis=alt.Axis(values=list(times.ticks), labelExpr=times.labels(), labelFlush=True, labelOverlap=True),
    )
    share = alt.Scale(domain=[0, 1])
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=seconds, color=colour)
    band = base.mark_area(interpolate="step-after", opacity=0.14).encode(
        y=alt.Y("low:Q", title=None, scale=share), y2="high:Q"
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2.5).encode(
        y=alt.Y("waiting:Q", title=None, scale=share, axis=alt.Axis(format="%", tickCount=5)), strokeDash=dash
    )
    return _svg((band + line).properties(width=n_pixels, height=250), style=style)


@dataclass(frozen=True)
class SharePanel:
    """One small drawing of a share over time.

    Attributes
    ----------
    bars : (start, stop, share), in weeks from the first one.
    levels : the same for the stretches between turning points; empty where the share never turned.
    """

    name: str
    bars: tuple[tuple[int, int, float], ...]
    levels: tuple[tuple[int, int, float], ...]


def shares_svg(panels: Sequence[SharePanel], *, weeks: TickedAxis, style: ChartStyle, n_columns: int) -> Markup:
    """Draw each panel on a scale of its own: bars for the share, a line for each level between turning points."""
    n_weeks = panels[0].bars[-1][1]
    rows = [
        {"place": place, "kind": kind, "start": start + gap, "end": stop - gap, "share": share}
        for place, panel in enumerate(panels)
        for kind, stretches, gap in (("bar", panel.bars, 0.08), ("level", panel.levels, 0.0))
        for start, stop, share in stretches
    ]
    headers = ["\n".join(wrap(panel.name, 22, max_lines=2, placeholder="…")) for panel in panels]
    header_of_place = TickedAxis(range(len(headers)), headers).labels()
    x = alt.X(
        "start:Q",
        title=None,
        scale=alt.Scale(domain=[0, n_weeks], nice=False),
        axis=alt.Axis(
            values=list(weeks.ticks), labelExpr=weeks.labels(), labelFlush=True, grid=False, labelOverlap=True
        ),
    )
    share = alt.Y("share:Q", title=None, axis=alt.Axis(tickCount=3, format="~%"))
    base = alt.Chart().encode(x=x, x2="end:Q", y=share)
    bars = base.transform_filter(alt.datum.kind == "bar").mark_rect(color=BAR_COLOUR).encode(y2=alt.datum(0))
    levels = base.transform_filter(alt.datum.kind == "level").mark_rule(color=MARK_COLOUR, strokeWidth=2.5)
    drawn = (
        alt.layer(bars, levels, data=alt.InlineData(values=rows))
        .properties(width=118 if n_columns > 2 else 112, height=62)
        .facet(
            facet=alt.Facet(
                "place:O",
                title=None,
                header=alt.Header(
                    labelExpr=f"split({header_of_place}, '\\n')",
                    labelAnchor="start",
                    labelFontWeight="bold",
                    labelPadding=4,
                ),
            ),
            columns=n_columns,
            spacing=18,
        )
        .resolve_scale(y="independent")
    )
    return _svg(drawn, style=style)


@dataclass(frozen=True)
class TrendBar:
    """A share with its 95 % interval in one period, numbered from 0."""

    period: int
    share: float
    low: float
    high: float


def trend_svg(
    bars: Sequence[TrendBar],
    *,
    marks: Sequence[int],
    n_periods: int,
    periods: TickedAxis,
    style: ChartStyle,
    n_pixels: int,
) -> Markup:
    """Draw a share per period with its interval, and a broken line before every period from which on it is different.

    Parameters
    ----------
    marks : numbers of those periods.
    periods : marks of the time axis; the middle of period 0 is at 0.5.
    """
    rows = [
        {"start": bar.period + 0.1, "end": bar.period + 0.9, "middle": bar.period + 0.5, "share": bar.share}
        | {"low": bar.low, "high": bar.high}
        for bar in bars
    ]
    axis = alt.Axis(values=list(periods.ticks), labelExpr=periods.labels(), labelFlush=True, grid=False)
    scale = alt.Scale(domain=[0, n_periods], nice=False)
    share = alt.Scale(domain=[0, 1])
    base = alt.Chart(alt.InlineData(values=rows))
    drawn = base.mark_rect(color=BAR_COLOUR, opacity=0.75).encode(
        x=alt.X("start:Q", title=None, scale=scale, axis=axis),
        x2="end:Q",
        y=alt.Y("share:Q", title=None, scale=share, axis=alt.Axis(format="%", tickCount=5)),
        y2=alt.datum(0),
    )
    intervals = base.mark_rule(color=INK).encode(x=alt.X("middle:Q", scale=scale), y="low:Q", y2="high:Q")
    changes = alt.Chart(alt.InlineData(values=[{"at": mark} for mark in marks])).mark_rule(
        color=MARK_COLOUR, strokeWidth=2.5, strokeDash=[5, 3]
    )
    layers = drawn + intervals
    if marks:
        layers += changes.encode(x=alt.X("at:Q", scale=scale))
    return _svg(layers.properties(width=n_pixels, height=170), style=style)


def _until(points: Sequence[WaitPoint], until: float) -> list[WaitPoint]:
    """The stretches before the end of the chart, the last one drawn up to there."""
    shown = [point for point in points if point[0] <= until]
    goes_on = points[-1][0] > until
    return [*shown, (until, *shown[-1][1:])] if goes_on else shown


def _svg(chart: Any, *, style: ChartStyle) -> Markup:
    styled = chart.configure(aria=False, font="sans-serif", background="transparent")
    styled = styled.configure_axis(
        labelFontSize=13, labelColor=QUIET, gridColor=RULE, domainColor=QUIET, tickColor=QUIET, labelLimit=140
    )
    styled = styled.configure_legend(labelFontSize=14, labelColor=INK, labelLimit=0, symbolSize=500)
    styled = styled.configure_header(labelFontSize=13, labelColor=INK).configure_view(stroke=None)
    drawn = vl_convert.vegalite_to_svg(styled.to_dict(), format_locale=NUMBER_LOCALES[style.language])
    return _for_a_page(drawn, style)


def _for_a_page(drawn: str, style: ChartStyle) -> Markup:
    """Fit a drawing into HTML: ids that occur once on the page, one label for all of it, no height of its own.

    The width is the widest that it is drawn; it stands in an attribute, because pages may forbid styles in elements.
    """
    bare = re.sub(r' (?:aria-[a-z]+|role|xmlns:xlink|version)="[^"]*"', "", drawn)
    bare = re.sub(r'(id="|url\(#)(?=[a-z]+\d)', rf"\1{style.name}-", bare)
    bare = re.sub(r'(<svg[^>]*? width="[\d.]+") height="[\d.]+"', r"\1", bare, count=1)
    label = f' role="img" aria-label="{escape(style.said)}"'
    return Markup(bare.replace("<svg", f"<svg{label}", 1))


def _quoted(words: str) -> str:
    """A Vega string."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
