from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from models.calibration import SigmoidCalibration
from models.encoder import Encoding
from models.heads import POOLED, HeadSet, SignalHead, Threshold, Validation
from models.shared_layer import SharedLayer, in_weight_steps
from models.signals import SIGNALS
from training.evaluate import (
    CLAIMS,
    Row,
    evaluate,
    macro_f1,
    measure_calibration_on_written_posts,
    measure_negative_in_dutch_reviews,
    measure_negative_word_of_mouth,
    measure_thresholds,
    write_evaluation,
)


class LengthEncoder:
    """Every text becomes its number of words: enough where the text does not matter."""

    name, version, dim, hidden_layers = "length", "length-1", 1, (1, 2)

    def encode(self, texts, *, batch_size=256):
        for begin in range(0, len(texts), batch_size):
            n_words = np.array([len(text.split()) for text in texts[begin : begin + batch_size]], dtype=np.float32)
            hidden = np.repeat(n_words[:, None, None], 2, axis=1)
            yield Encoding(vectors=np.ones((len(n_words), 1), dtype=np.float32), hidden=hidden)


def first_layer() -> SharedLayer:
    """One unit that is the number of words."""
    weights = in_weight_steps(np.array([[1.0], [0.0]]))
    return SharedLayer(np.zeros(2), np.ones(2), weights, np.zeros(1, dtype=np.int32))


@pytest.fixture
def heads() -> HeadSet:
    rows = (
        Validation("written", POOLED, 1000, 300, 0.95, 0.94, 0.96, 0.02, ()),
        Validation("written", "nl", 600, 200, 0.96, 0.94, 0.98, 0.03, ()),
        Validation("written", "en", 250, 100, 0.91, 0.88, 0.94, 0.07, ()),
    )
    thresholds = {
        POOLED: Threshold(0.6, "pooled", 0.8, 0.7, 1000),
        "nl": Threshold(0.55, "validated", 0.81, 0.75, 600),
        "en": Threshold(None, "unreachable", None, None, 250),
    }
    head = SignalHead(
        "negative", LengthEncoder.version, (1, 2), first_layer(), in_weight_steps(np.array([0.05])), -1.0,
        {POOLED: SigmoidCalibration(1.0, 0.0)}, thresholds, rows, (),
    )  # fmt: skip
    return HeadSet({signal: replace(head, signal=signal) for signal in SIGNALS})


def run(folder, heads, claims) -> list[Row]:
    return evaluate(folder, encoder=LengthEncoder(), heads=heads, report=lambda line: None, claims=claims)


def test_a_row_without_its_data_says_so_and_stops_nothing(tmp_path, heads):
    rows = run(tmp_path, heads, [measure_negative_in_dutch_reviews, measure_negative_word_of_mouth])
    assert (rows[0].what, rows[0].figure, rows[0].note) == (
        "Negative in dutch reviews", None, "data not on this machine",
    )  # fmt: skip
    assert [(row.figure, row.is_reached) for row in rows[1:]] == [(0.96, True), (0.91, False)]


def test_every_claim_can_be_made_without_any_data(tmp_path, heads):
    assert len(run(tmp_path, heads, None)) >= len(CLAIMS)


def test_few_rows_claim_no_calibration(tmp_path, heads):
    rows = run(tmp_path, heads, [measure_calibration_on_written_posts])
    assert [row.what for row in rows] == [f"Calibration, {signal}, nl" for signal in SIGNALS]
    assert all(row.is_reached for row in rows)


def test_an_unreachable_threshold_finds_nothing(tmp_path, heads):
    rows = {row.what: row for row in run(tmp_path, heads, [measure_thresholds])}
    assert rows["Threshold, toxic, nl"].is_reached
    assert rows["Threshold, toxic, nl"].n == 200
    assert (rows["Threshold, toxic, en"].figure, rows["Threshold, toxic, en"].is_reached) == (0.0, False)


def test_longer_reviews_are_more_negative(shared_data, heads):
    (row,) = run(shared_data, heads, [measure_negative_in_dutch_reviews])
    assert row.figure is not None
    assert 0.5 < row.low < row.figure < row.high < 1


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1))
def test_macro_f1_is_that_of_scikit_learn(pairs):
    labels, predicted = np.array(pairs).T
    classes = range(max(labels.max(), predicted.max()) + 1)
    expected = f1_score(labels, predicted, average="macro", labels=classes, zero_division=0)
    assert macro_f1(labels, predicted) == pytest.approx(expected)


def test_the_page_shows_figure_interval_n_and_target(tmp_path):
    rows = [
        Row("Tone", "somewhere", "AUC", 0.9712, 0.961, 0.98, 1234, reference="other 0.9", target=0.96),
        Row("Gap", "somewhere", "error", 0.07, None, None, 300, target=0.05, at_most=True),
        Row("Gone", "", "", None, None, None, 0, note="data not on this machine"),
    ]
    path = tmp_path / "docs" / "evaluation.md"
    write_evaluation(rows, path, encoder_version="e-1", head_versions={"spam": "abc"}, made_on=date(2026, 1, 2))
    page = path.read_text(encoding="utf-8")
    assert "| Tone | somewhere | AUC | 0.971 | 0.961–0.980 | 1,234 | other 0.9 | ≥ 0.96 | yes |  |" in page
    assert "| Gap | somewhere | error | 0.070 |  | 300 |  | ≤ 0.05 | no |  |" in page
    assert "data not on this machine" in page
    assert "2026-01-02" in page
    assert "spam `abc`" in page
