import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_talk import planted_heads as planted_talk

from models.calibration import IsotonicCalibration, SigmoidCalibration
from models.card import write_card
from models.errors import ModelFileDamaged
from models.heads import (
    POOLED,
    SHARED_LAYER_FILE,
    HeadSet,
    HeadsForAnotherEncoder,
    SignalHead,
    SourceCount,
    Threshold,
    Validation,
    read_head,
)
from models.shared_layer import COLUMN_STEPS, WEIGHT_STEPS, SharedLayer, in_weight_steps, read_shared_layer
from models.signals import SIGNALS, UNKNOWN_LANGUAGE
from models.talk import TALK_FILE

N_LAYERS, DIM, N_UNITS = 3, 384, 40
ENCODER_VERSION = "tiny-1"


def planted_layer() -> SharedLayer:
    rng = np.random.default_rng(99)
    n_columns = N_LAYERS * DIM
    return SharedLayer(
        means=rng.normal(size=n_columns),
        scales=rng.uniform(0.5, 2, size=n_columns),
        weights=in_weight_steps(rng.normal(size=(n_columns, N_UNITS)) / 30),
        bias=rng.integers(-(2**20), 2**20, size=N_UNITS).astype(np.int32),
    )


def planted_head(signal: str) -> SignalHead:
    rng = np.random.default_rng(SIGNALS.index(signal))
    return SignalHead(
        signal=signal,
        encoder_version=ENCODER_VERSION,
        hidden_layers=(6, 8, 10),
        shared=planted_layer(),
        weights=in_weight_steps(rng.normal(size=N_UNITS)),
        bias=0.1,
        calibrations={
            POOLED: SigmoidCalibration(1.0, 0.0),
            "nl": SigmoidCalibration(0.5, -1.0),
            "en": IsotonicCalibration((-1.0, 1.0), (0.2, 0.8)),
        },
        thresholds={
            POOLED: Threshold(0.6, "pooled", 0.8, 0.5, 900),
            "nl": Threshold(0.7, "validated", 0.81, 0.55, 400),
            "en": Threshold(None, "unreachable", None, None, 500),
        },
        validation=(
            Validation("written", POOLED, 900, 300, 0.93, 0.92, 0.94, 0.02, ()),
            Validation("written", "nl", 400, 130, 0.88, 0.86, 0.9, 0.06, ()),
        ),
        sources=(
            SourceCount("written", "nl", 130, 270, is_judged=True),
            SourceCount("xed", "nl", 5, 6, is_judged=False),
        ),
    )


@pytest.fixture(scope="module")
def heads() -> HeadSet:
    return HeadSet({signal: planted_head(signal) for signal in SIGNALS}, planted_talk())


@pytest.fixture(scope="module")
def hidden() -> np.ndarray:
    return np.random.default_rng(9).normal(size=(700, N_LAYERS, DIM)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / SHARED_LAYER_FILE).write_bytes(planted_layer().to_bytes())
    for signal in SIGNALS:
        (tmp_path / f"{signal}.safetensors").write_bytes(planted_head(signal).to_bytes())
    (tmp_path / TALK_FILE).write_bytes(planted_talk().to_bytes())
    return tmp_path


@given(st.integers(0, 699), st.integers(1, 700))
def test_a_row_has_the_same_bits_alone_and_in_any_batch(heads, hidden, row, batch_size):
    languages = ["nl", "en", "fr", UNKNOWN_LANGUAGE] * 175
    begin = row - row % batch_size
    batch = heads.probabilities(hidden[begin : begin + batch_size], languages[begin : begin + batch_size])
    alone = heads.probabilities(hidden[row : row + 1], languages[row : row + 1])
    assert batch[row - begin].tobytes() == alone[0].tobytes()


def test_logits_are_those_of_the_formula(heads, hidden):
    layer = planted_layer()
    columns = (hidden.reshape(len(hidden), -1) - layer.means) / layer.scales
    units = np.maximum(0, columns @ (layer.weights / WEIGHT_STEPS) + layer.bias / (COLUMN_STEPS * WEIGHT_STEPS))
    weights = np.stack([planted_head(signal).weights for signal in SIGNALS], axis=1) / WEIGHT_STEPS
    np.testing.assert_allclose(heads.logits(hidden), units @ weights + 0.1, atol=0.05)


def test_no_order_of_adding_up_changes_a_bit(hidden):
    """All sums stay whole, so columns in any order give the same units."""
    layer, order = planted_layer(), np.random.default_rng(3).permutation(N_LAYERS * DIM)
    shuffled = SharedLayer(layer.means[order], layer.scales[order], layer.weights[order], layer.bias)
    rows = 1_000 * hidden[:50].reshape(50, -1)
    assert layer.units(rows).tobytes() == shuffled.units(rows[:, order]).tobytes()
    assert layer.units(rows).max() > 0


def test_a_text_without_vector_has_no_signal_and_leaves_the_others_alone(heads, hidden):
    with_gap = hidden[:5].copy()
    with_gap[2] = np.nan
    p = heads.probabilities(with_gap, ["nl"] * 5)
    assert np.isnan(p[2]).all()
    np.testing.assert_array_equal(
        np.delete(p, 2, axis=0), heads.probabilities(np.delete(hidden[:5], 2, axis=0), ["nl"] * 4)
    )


def test_every_language_has_its_own_calibration_or_the_pooled_one(heads, hidden):
    rows = np.repeat(hidden[:1], 4, axis=0)
    p = heads.probabilities(rows, ["nl", "en", "fi", UNKNOWN_LANGUAGE])[:, 0]
    assert p[2] == p[3]
    assert len({*p.tolist()}) == 3


@pytest.mark.parametrize(("language", "probability", "basis"), [
    ("nl", 0.7, "validated"),
    ("en", None, "unreachable"),
    ("fi", 0.6, "pooled"),
    (UNKNOWN_LANGUAGE, 0.6, "pooled"),
])  # fmt: skip
def test_thresholds_say_what_they_rest_on(heads, language, probability, basis):
    threshold = heads.threshold("toxic", language)
    assert (threshold.probability, threshold.basis) == (probability, basis)


def test_saved_heads_come_back_as_they_were(heads, hidden, folder):
    loaded = HeadSet.load(folder, encoder_version=ENCODER_VERSION)
    assert loaded.versions == heads.versions
    languages = ["nl"] * len(hidden)
    np.testing.assert_array_equal(loaded.probabilities(hidden, languages), heads.probabilities(hidden, languages))
    assert loaded.heads["spam"].thresholds == heads.heads["spam"].thresholds


def test_equal_heads_give_equal_bytes_and_different_ones_another_version():
    head = planted_head("idea")
    assert head.to_bytes() == planted_head("idea").to_bytes()
    assert head.version != replace(head, bias=0.2).version


def test_heads_of_another_encoder_are_refused(folder):
    with pytest.raises(HeadsForAnotherEncoder, match=r"klankbord train") as refusal:
        HeadSet.load(folder, encoder_version="tiny-2")
    assert "\n" not in str(refusal.value)


def test_talk_heads_of_another_encoder_are_refused(folder):
    other = replace(planted_talk(), encoder_version="tiny-2")
    (folder / TALK_FILE).write_bytes(other.to_bytes())
    with pytest.raises(HeadsForAnotherEncoder, match=TALK_FILE):
        HeadSet.load(folder, encoder_version=ENCODER_VERSION)


@pytest.mark.parametrize("name", ["praise.safetensors", TALK_FILE])
def test_a_missing_head_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelFileDamaged, match=re.escape(name)):
        HeadSet.load(folder, encoder_version=ENCODER_VERSION)


@pytest.mark.parametrize("damage", [
    lambda content: b"",
    lambda content: content[:100],
    lambda content: content[:-8],
    lambda content: b"\xff" * 64 + content,
])  # fmt: skip
@pytest.mark.parametrize("name", ["toxic.safetensors", SHARED_LAYER_FILE])
def test_a_damaged_file_is_named(folder, damage, name):
    path = folder / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelFileDamaged, match=re.escape(name)) as refusal:
        HeadSet.load(folder, encoder_version=ENCODER_VERSION)
    assert "\n" not in str(refusal.value)


def test_a_head_under_the_wrong_name_or_with_a_hole_is_refused(folder):
    (folder / "spam.safetensors").write_bytes(planted_head("idea").to_bytes())
    with pytest.raises(ModelFileDamaged, match=r"spam"):
        HeadSet.load(folder, encoder_version=ENCODER_VERSION)
    holed = replace(planted_head("spam"), weights=np.ones(N_UNITS - 1, dtype=np.int16))
    (folder / "spam.safetensors").write_bytes(holed.to_bytes())
    with pytest.raises(ModelFileDamaged, match=r"spam"):
        HeadSet.load(folder, encoder_version=ENCODER_VERSION)


def test_heads_of_another_shared_layer_are_refused(folder):
    other = replace(planted_layer(), bias=np.zeros(N_UNITS, dtype=np.int32))
    (folder / SHARED_LAYER_FILE).write_bytes(other.to_bytes())
    with pytest.raises(ModelFileDamaged, match=f"not to {other.version}"):
        HeadSet.load(folder, encoder_version=ENCODER_VERSION)


def test_a_shared_layer_that_cannot_be_used_is_refused(folder):
    layer = planted_layer()
    for unusable in (replace(layer, means=layer.means * np.nan), replace(layer, scales=0 * layer.scales)):
        (folder / SHARED_LAYER_FILE).write_bytes(unusable.to_bytes())
        with pytest.raises(ModelFileDamaged, match="usable shared layer"):
            HeadSet.load(folder, encoder_version=ENCODER_VERSION)


def test_the_card_names_data_figures_and_what_is_weak():
    sources = {"written": ("CC BY 4.0", "here"), "xed": ("CC BY 4.0 on the labels", "there")}
    card = write_card(planted_head("toxic"), sources=sources)
    assert "| written | nl | 400 | 130 | 0.880 (0.860 to 0.900) | 0.060 |" in card
    assert "| nl | 0.700 | validated | 400 | 0.81 | 0.55 |" in card
    assert "Weak on written, nl: AUC 0.880." in card
    assert "No threshold reaches the wanted precision in en" in card
    assert planted_head("toxic").version in card


def test_the_shipped_heads_are_complete_and_of_one_encoder():
    folder = Path(__file__).parents[2] / "models" / "signal_heads"
    shared = read_shared_layer(folder / SHARED_LAYER_FILE)
    shipped = [read_head(folder / f"{signal}.safetensors", signal=signal, shared=shared) for signal in SIGNALS]
    assert len({head.encoder_version for head in shipped}) == 1
    for head in shipped:
        assert head.version in (folder / f"{head.signal}.md").read_text(encoding="utf-8")
