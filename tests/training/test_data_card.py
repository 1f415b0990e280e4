import pytest

from models.signals import SIGNALS
from training.data_card import CardPlaceMissing, cross_table, curve_table, fill_card, industries_table
from training.evaluate import Row
from training.learning_curve import ALL_INDUSTRIES, CurvePoint, IndustryFigure


def test_a_table_replaces_what_was_in_its_place_only(tmp_path):
    page = tmp_path / "card.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- /a -->\nbetween\n<!-- b -->\n<!-- /b -->\nafter\n", encoding="utf-8")
    fill_card(page, {"a": "new \\1"})
    once = page.read_text(encoding="utf-8")
    assert once == "before\n<!-- a -->\n\nnew \\1\n\n<!-- /a -->\nbetween\n<!-- b -->\n<!-- /b -->\nafter\n"
    fill_card(page, {"a": "new \\1"})
    assert page.read_text(encoding="utf-8") == once


def test_a_page_without_the_place_is_refused(tmp_path):
    page = tmp_path / "card.md"
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(CardPlaceMissing, match="signals"):
        fill_card(page, {"signals": "table"})
    assert page.read_text(encoding="utf-8") == "nothing"


def test_cross_table_counts_and_orders_by_frequency():
    table = cross_table([("b", "nl"), ("a", "nl"), ("b", "en"), ("c", "en")], columns=("nl", "en"))
    assert table.splitlines()[2:] == ["| b | 1 | 1 | 2 |", "| a | 1 | 0 | 1 |", "| c | 0 | 1 | 1 |"]


def test_curve_shows_mean_and_range_by_size():
    def point(n_posts: int, draw: int, figure: float) -> CurvePoint:
        return CurvePoint(n_posts, draw, (Row("Held out, spam, nl", "", "AUC", figure, None, None, 957),))

    table = curve_table([point(100, 0, 0.7), point(100, 1, 0.8), point(900, 0, 0.9)], prefix="Held out", measure="AUC")
    assert table.splitlines() == [
        "| AUC | 100 posts | 900 posts | n |",
        "| --- | --- | --- | --- |",
        "| Held out, spam, nl | 0.750 (0.700–0.800) | 0.900 | 957 |",
    ]


def test_an_industry_without_a_figure_says_so():
    figures = [
        IndustryFigure(industry, signal, "nl", 80, 5, None, None, None)
        for industry in (ALL_INDUSTRIES, "zoo", "bank")
        for signal in SIGNALS
    ]
    table = industries_table(figures, language="nl").splitlines()
    assert [line.split(" | ")[0] for line in table[2:]] == ["| bank (80)", "| zoo (80)", "| all (80)"]
    assert table[2].count("too few; 5") == 8
