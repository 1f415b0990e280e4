import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.encoder import MAX_CHARACTERS_PER_TOKEN, TextPreparation, unit_rows
from models.tokenizer import SPECIAL_TOKENS

PREPARATION = TextPreparation(prefix="query: ", special_tokens=SPECIAL_TOKENS, max_tokens=16)


def test_white_space_is_collapsed_and_the_prefix_added():
    assert PREPARATION.prepare(" mijn\n\npunten  zijn weg ") == "query: mijn punten zijn weg"


@pytest.mark.parametrize("text", ["", " ", "\n\t\u3000"])
def test_empty_text_is_refused(text):
    with pytest.raises(ValueError, match="leave it out"):
        PREPARATION.prepare(text)


@pytest.mark.parametrize("token", SPECIAL_TOKENS)
def test_typed_special_tokens_are_broken_up(token):
    assert token not in PREPARATION.prepare(f"a {token}{token} b")


def test_only_what_can_be_read_is_kept_of_a_long_text():
    assert PREPARATION.prepare("woord " * 2_000_000) == "query: " + " ".join(["woord"] * 16)
    one_word = PREPARATION.prepare("x" * 10_000_000)
    assert len(one_word) == len("query: ") + 16 * MAX_CHARACTERS_PER_TOKEN


@given(st.text(min_size=1).filter(str.strip))
def test_preparing_leaves_no_special_token_and_no_double_space(text):
    prepared = PREPARATION.prepare(text)
    assert prepared.startswith("query: ")
    assert not any(token in prepared for token in SPECIAL_TOKENS)
    assert "  " not in prepared


def test_rows_are_scaled_to_length_one_each_by_itself():
    rows = np.random.default_rng(0).normal(size=(7, 384)).astype(np.float32)
    unit = unit_rows(rows)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)
    for row in range(7):
        np.testing.assert_array_equal(unit_rows(rows[row : row + 1])[0], unit[row])
