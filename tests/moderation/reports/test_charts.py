import re

from moderation.reports.charts import MARK_COLOUR, ChartStyle, SharePanel, TickedAxis, shares_svg, waiting_svg

CURVE = [(0.0, 1.0, 1.0, 1.0), (3600.0, 0.5, 0.2, 0.8), (900_000.0, 0.25, 0.1, 0.6)]
TIMES = TickedAxis([0, 3600, 86400], ["0", "1 uur", "1 dag"])


def test_the_waiting_chart_has_a_line_a_band_and_words_for_each_clock():
    curves = {"wie dan ook": CURVE, "een medewerker": CURVE, "een ander lid": CURVE}
    drawn = waiting_svg(curves, times=TIMES, style=ChartStyle("w", "nl", 'zegt "dit" <b>'), n_pixels=300)
    assert all(f">{words}</text>" in drawn for words in (*curves, "1 uur", "1 dag", "50%" if "50%" in drawn else "40%"))
    assert 'role="img" aria-label="zegt &#34;dit&#34; &lt;b&gt;"' in drawn
    assert len(re.findall("stroke-dasharray", drawn)) >= 2


def test_drawings_of_other_names_share_no_ids():
    ids = [
        set(
            re.findall(
                r' id="([^"]+)"',
                waiting_svg({"x": CURVE}, times=TIMES, style=ChartStyle(name, "nl", "s"), n_pixels=300),
            )
        )
        for name in ("one", "two")
    ]
    assert not ids[0] & ids[1]


def test_drawings_speak_no_english_of_their_own():
    drawn = waiting_svg({"x": CURVE}, times=TIMES, style=ChartStyle("w", "nl", "s"), n_pixels=300)
    assert "aria-roledescription" not in drawn
    assert "axis titled" not in drawn


def test_topic_names_may_hold_anything():
    names = ['het "groente" pakket\\', "a\nb", "ene, andere, derde, vierde, vijfde, zesde naam"]
    panels = [SharePanel(name, ((0, 1, 0.1), (1, 2, 0.0), (2, 3, 0.3)), ()) for name in names]
    weeks = TickedAxis([0, 3], ["2 mrt", "16 mrt"])
    drawn = shares_svg(panels, weeks=weeks, style=ChartStyle("s", "nl", "s"), n_columns=3)
    assert 'het "groente" pakket\\' in drawn.replace("&quot;", '"')
    assert "…" in drawn
    assert "16 mrt" in drawn


def test_a_turned_share_is_drawn_with_its_levels():
    bars = tuple((week, week + 1, 0.1) for week in range(6))
    turned = SharePanel("turned", bars, ((0, 3, 0.05), (3, 6, 0.15)))
    steady = SharePanel("steady", bars, ())
    drawn = [
        shares_svg([panel], weeks=TickedAxis([0, 6], ["a", "b"]), style=ChartStyle("s", "en", "s"), n_columns=1)
        for panel in (turned, steady)
    ]
    assert [each.count(MARK_COLOUR) for each in drawn] == [2, 0]
