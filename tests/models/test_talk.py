import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_talk import DIM, N_LAYERS, N_UNITS, planted_heads

from models.errors import ModelFileDamaged
from models.heads import SHIPPED_HEADS
from models.talk import N_TALK, TALK_FILE, call_classes, read_talk_heads


@pytest.fixture(scope="module")
def hidden() -> np.ndarray:
    return np.random.default_rng(9).normal(size=(300, N_LAYERS, DIM)).astype(np.float32)


@given(st.integers(0, 299), st.integers(1, 300))
def test_a_row_has_the_same_bits_alone_and_in_any_batch(hidden, row, batch_size):
    heads, signals = planted_heads(), np.full((300, 2), 0.3)
    begin = row - row % batch_size
    talk, alone = heads.log_odds(hidden[begin : begin + batch_size]), heads.log_odds(hidden[row : row + 1])
    assert talk[row - begin].tobytes() == alone[0].tobytes()
    kinds, outcomes = heads.p_kinds(talk, signals[: len(talk)]), heads.p_outcomes(talk)
    assert kinds[row - begin].tobytes() == heads.p_kinds(alone, signals[:1])[0].tobytes()
    assert outcomes[row - begin].tobytes() == heads.p_outcomes(alone)[0].tobytes()


def test_probabilities_sum_to_one_and_a_missing_text_leaves_the_others_alone(hidden):
    heads, with_gap = planted_heads(), hidden[:4].copy()
    with_gap[1] = np.nan
    p = heads.p_kinds(heads.log_odds(with_gap), np.full((4, 2), 0.2))
    assert np.isnan(p[1]).all()
    np.testing.assert_allclose(p[[0, 2, 3]].sum(axis=1), 1, atol=1e-5)
    assert np.isfinite(heads.p_kinds(heads.log_odds(hidden), np.tile([0.0, 1.0], (300, 1)))).all()


def test_what_the_opening_is_moves_the_judgement(hidden):
    heads = planted_heads()
    talk = heads.log_odds(hidden[:1])
    assert (heads.p_kinds(talk, np.array([[0.9, 0.1]])) != heads.p_kinds(talk, np.array([[0.1, 0.9]]))).any()


def test_the_first_class_needs_its_threshold_and_else_the_next_is_called():
    p = np.array([[0.5, 0.3, 0.2], [0.49, 0.3, 0.21], [0.1, 0.2, 0.7]])
    assert call_classes(p, threshold=0.5).tolist() == [0, 1, 2]


def test_saved_heads_come_back_as_they_were(tmp_path, hidden):
    heads = planted_heads()
    (tmp_path / TALK_FILE).write_bytes(heads.to_bytes())
    loaded = read_talk_heads(tmp_path / TALK_FILE)
    assert loaded.version == heads.version != replace(heads, answer_threshold=0.4).version
    assert loaded.figures == heads.figures
    assert loaded.log_odds(hidden).tobytes() == heads.log_odds(hidden).tobytes()


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:100], lambda content: content[:-8]])
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / TALK_FILE
    path.write_bytes(damage(planted_heads().to_bytes()))
    with pytest.raises(ModelFileDamaged, match=re.escape(TALK_FILE)) as refusal:
        read_talk_heads(path)
    assert "\n" not in str(refusal.value)


def test_a_file_of_the_wrong_shape_is_refused(tmp_path):
    path = tmp_path / TALK_FILE
    path.write_bytes(replace(planted_heads(), weights=np.zeros((N_UNITS - 1, N_TALK), dtype=np.int16)).to_bytes())
    with pytest.raises(ModelFileDamaged, match="usable"):
        read_talk_heads(path)


def test_the_shipped_card_is_that_of_the_shipped_heads():
    heads = read_talk_heads(SHIPPED_HEADS / TALK_FILE)
    assert heads.version in (SHIPPED_HEADS / "talk.md").read_text(encoding="utf-8")
