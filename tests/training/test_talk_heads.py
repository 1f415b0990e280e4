import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.talk import N_TALK, OUTCOMES, REPLY_KINDS, call_classes
from training.fit import NotEnoughLabels
from training.talk import N_FOLDS, TalkTexts, fit_talk_heads, read_talk
from training.talk_card import write_talk_card

N_LAYERS, DIM, N_POSTS = 2, 24, 60
WRITTEN = Path(__file__).parents[2] / "training" / "data"


def planted_texts() -> TalkTexts:
    rng = np.random.default_rng(5)
    kinds, outcomes = rng.integers(len(REPLY_KINDS), size=360), rng.integers(len(OUTCOMES), size=150)
    n = len(kinds) + len(outcomes) + N_POSTS
    return TalkTexts(
        texts=tuple(f"text {number}" for number in range(n)),
        openings=tuple(f"opening {number}" for number in range(len(kinds))),
        reply_kinds=kinds,
        outcomes=outcomes,
        signals=rng.integers(2, size=(N_POSTS, 8)).astype(np.float64),
        folds=np.arange(n) % N_FOLDS,
        languages=tuple("nl" if number % 2 else "en" for number in range(n - N_POSTS)),
    )


def planted_hidden(texts: TalkTexts) -> np.ndarray:
    """Noise, with each kind and outcome readable along an axis of its own in the first layer."""
    hidden = np.random.default_rng(6).normal(size=(len(texts.texts), N_LAYERS, DIM))
    hidden[np.arange(len(texts.reply_kinds)), 0, texts.reply_kinds] += 4
    returns = np.arange(texts.of_returns.start, texts.of_returns.stop)
    hidden[returns, 0, len(REPLY_KINDS) + texts.outcomes] += 4
    return hidden.astype(np.float32)


def fitted(texts):
    signals = np.full((len(texts.reply_kinds), 2), 0.3)
    return fit_talk_heads(texts, planted_hidden(texts), signals, encoder_version="tiny", hidden_layers=(1, 2))


@pytest.fixture(scope="module")
def texts():
    return planted_texts()


@pytest.fixture(scope="module")
def heads(texts):
    return fitted(texts)


def test_the_planted_axes_are_found(texts, heads):
    hidden = np.zeros((N_TALK, N_LAYERS, DIM), dtype=np.float32)
    hidden[np.arange(N_TALK), 0, np.arange(N_TALK)] = 4
    talk = heads.log_odds(hidden)
    kinds = call_classes(heads.p_kinds(talk, np.full((N_TALK, 2), 0.3)), threshold=0.5)
    assert kinds[: len(REPLY_KINDS)].tolist() == list(range(len(REPLY_KINDS)))
    assert np.argmax(heads.p_outcomes(talk), axis=1)[len(REPLY_KINDS) :].tolist() == [0, 1, 2]


def test_the_figures_are_those_of_left_out_rows_of_every_language(texts, heads):
    assert {(figure.group, figure.language) for figure in heads.figures} == {
        (group, language) for group in ("reply", "return") for language in ("*", "nl", "en")
    }
    answer = next(figure for figure in heads.figures if figure.name == "answer")
    assert (answer.n, answer.n_class) == (len(texts.reply_kinds), int((texts.reply_kinds == 0).sum()))
    assert answer.auc > 0.9


def test_equal_inputs_give_equal_bytes(texts, heads):
    assert fitted(replace(texts)).to_bytes() == heads.to_bytes()


def test_the_card_shows_every_class(heads):
    card = write_talk_card(heads)
    assert heads.version in card
    assert all(f"| {name} | all |" in card for name in (*REPLY_KINDS, *OUTCOMES))


def test_replies_to_one_opening_stay_on_one_side():
    found = read_talk(WRITTEN)
    fold_of = {}
    for opening, fold in zip(found.openings, found.folds[found.of_replies].tolist(), strict=True):
        assert fold_of.setdefault(opening, fold) == fold
    assert set(fold_of.values()) == set(range(N_FOLDS))


def test_a_kind_that_nobody_wrote_is_named(tmp_path):
    pair = {"language": "nl", "industry": "bank", "post": "Waar?", "reply": "Hier.", "kind": "answer"}
    (tmp_path / "replies.jsonl").write_text("\n".join([json.dumps(pair)] * 20), encoding="utf-8")
    (tmp_path / "returns.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(NotEnoughLabels, match="acknowledged"):
        read_talk(tmp_path)
