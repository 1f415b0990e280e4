"""A head's reliability diagram: what it said beside what was so, for its card."""

from typing import Any

import altair as alt
import vl_convert

from models.heads import POOLED, SignalHead, Validation

SIDE_PIXELS = 180
N_COLUMNS = 3


def reliability_diagram(head: SignalHead) -> str:
    """Draw one panel per source and language of the head's validation, as SVG.

    Follows DeGroot and Fienberg (The Statistician, 1983), with the mean probability of a bin rather than its middle.
    """
    points = [point for validation in head.validation for point in _points(validation)]
    panel = alt.layer(_diagonal(), _marks(), data=alt.InlineData(points))
    chart = panel.properties(width=SIDE_PIXELS, height=SIDE_PIXELS).facet(
        facet=alt.Facet("of:N", title=None, header=alt.Header(labelFontSize=12)), columns=N_COLUMNS
    )
    return vl_convert.vegalite_to_svg(chart.to_dict()) + "\n"


def _points(validation: Validation) -> list[dict[str, str | float | int]]:
    language = "all languages" if validation.language == POOLED else validation.language
    of = f"{validation.source}, {language} (n = {validation.n:,})"
    return [
        {"of": of, "said": one.mean_probability, "found": one.share, "posts": one.n, "end": end}
        for one, end in zip(validation.bins, _ends(len(validation.bins)), strict=True)
    ]


def _ends(n_bins: int) -> list[int]:
    """The diagonal of a panel is drawn through its first and its last point's corners."""
    return [0] * (n_bins - 1) + [1]


def _diagonal() -> Any:
    return alt.Chart().mark_line(color="#8a94a3", strokeDash=[4, 3]).encode(x="end:Q", y="end:Q")


def _marks() -> Any:
    share = alt.Scale(domain=[0, 1])
    return (
        alt.Chart()
        .mark_circle(color="#0067a3", opacity=0.8)
        .encode(
            x=alt.X("said:Q", title="probability said", scale=share),
            y=alt.Y("found:Q", title="share found", scale=share),
            size=alt.Size("posts:Q", title="posts"),
        )
    )
