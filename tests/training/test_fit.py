from dataclasses import replace

import numpy as np
import pytest

from models.card import write_card
from models.heads import POOLED, HeadSet
from models.signals import SIGNALS
from training.dataset import SOURCES, WRITTEN, WRITTEN_PAIRS, Example, as_columns
from training.fit import MIN_PRECISION, NotEnoughLabels, fit_heads

N_LAYERS, DIM = 3, 12
INDUSTRIES = tuple(f"industry {number}" for number in range(10))


def planted_examples(n: int) -> list[Example]:
    rng = np.random.default_rng(4)
    examples = []
    for number in range(n):
        labels = {signal: float(rng.random() < 0.4) for signal in SIGNALS}
        language = "nl" if number % 2 else "en"
        examples.append(Example(f"post {number}", language, WRITTEN, INDUSTRIES[number % 10], labels, {}))
    return examples


def planted_hidden(targets: np.ndarray) -> np.ndarray:
    """Noise, with each signal readable along an axis of its own in the first layer."""
    rng = np.random.default_rng(8)
    hidden = rng.normal(size=(len(targets), N_LAYERS, DIM))
    hidden[:, 0, : len(SIGNALS)] += 2.5 * targets
    return hidden.astype(np.float32)


@pytest.fixture(scope="module")
def labelled():
    return as_columns(planted_examples(900))


@pytest.fixture(scope="module")
def heads(labelled):
    fitted = fit_heads(labelled, planted_hidden(labelled.targets), encoder_version="tiny", hidden_layers=(1, 2, 3))
    return {head.signal: head for head in fitted}


def test_heads_find_the_planted_axes(heads):
    """Moving a post along a signal's axis moves that signal most."""
    rest = np.zeros((1, N_LAYERS, DIM), dtype=np.float32)
    for column in range(len(SIGNALS)):
        moved = rest.copy()
        moved[0, 0, column] = 2.5
        change = HeadSet(heads).logits(moved) - HeadSet(heads).logits(rest)
        assert int(np.argmax(change[0])) == column


def test_the_last_layer_is_left_to_the_topics(labelled, heads):
    hidden = planted_hidden(labelled.targets)[:50]
    other = hidden.copy()
    other[:, -1] = 7
    np.testing.assert_array_equal(HeadSet(heads).logits(other), HeadSet(heads).logits(hidden))


def test_two_runs_give_identical_bytes(labelled, heads):
    again = fit_heads(labelled, planted_hidden(labelled.targets), encoder_version="tiny", hidden_layers=(1, 2, 3))
    assert [head.to_bytes() for head in again] == [heads[signal].to_bytes() for signal in SIGNALS], "shared layer too"


def test_thresholds_keep_their_promise_on_new_posts(labelled, heads):
    fresh = as_columns([
        Example(f"new {example.text}", example.language, WRITTEN, example.group, example.labels, {})
        for example in planted_examples(900)
    ])  # fmt: skip
    p = HeadSet(heads).probabilities(planted_hidden(fresh.targets), fresh.languages)
    for column, signal in enumerate(SIGNALS):
        limit = heads[signal].thresholds[POOLED].probability
        assert limit is not None
        above = p[:, column] >= limit
        assert fresh.targets[above, column].mean() >= MIN_PRECISION - 0.05


def test_probabilities_mean_what_they_say(heads):
    for head in heads.values():
        assert {row.language for row in head.validation} == {POOLED, "nl", "en"}
        assert all(row.calibration_error <= 0.06 for row in head.validation)


def test_a_head_that_knows_nothing_has_no_threshold_and_says_so(labelled):
    noise = np.random.default_rng(1).normal(size=(len(labelled), N_LAYERS, DIM)).astype(np.float32)
    for head in fit_heads(labelled, noise, encoder_version="tiny", hidden_layers=(1, 2, 3)):
        pooled = head.validation[0]
        assert pooled.auc_low - 0.03 < 0.5 < pooled.auc_high + 0.03
        assert head.thresholds[POOLED].basis == "unreachable"
        assert head.thresholds[POOLED].probability is None


def test_a_card_can_be_written_where_two_sources_share_a_language():
    posts = planted_examples(900)
    tweets = [
        Example(f"tweet {number}", "de", "umsab", f"tweet {number}", {"negative": float(number % 3 == 0)}, {})
        for number in range(300)
    ]
    few = [replace(post, text=f"Beitrag {number}", language="de") for number, post in enumerate(posts[:60])]
    labelled = as_columns([*posts, *tweets, *few])
    hidden = planted_hidden(np.nan_to_num(labelled.targets))
    head = next(fit_heads(labelled, hidden, encoder_version="tiny", hidden_layers=(1, 2, 3)))
    assert head.thresholds["de"].n == 300
    card = write_card(head, sources={name: (facts.licence, facts.origin) for name, facts in SOURCES.items()})
    assert "| umsab | de | 300 | 100 |" in card


def test_contrast_pairs_are_validated_apart_and_move_no_calibration_or_threshold(labelled):
    """Not learned from here, so that the heads are the same; their labels are turned round, which would show."""
    turned = [
        replace(
            post,
            text=f"pair {number}",
            source=WRITTEN_PAIRS,
            labels={signal: 1 - label for signal, label in post.labels.items()},
        )
        for number, post in enumerate(planted_examples(500))
    ]
    both = as_columns([*planted_examples(900), *turned])
    is_pair = np.array(both.sources) == WRITTEN_PAIRS
    hidden = np.zeros((len(both), N_LAYERS, DIM), dtype=np.float32)
    hidden[~is_pair] = planted_hidden(labelled.targets)
    hidden[is_pair] = planted_hidden(1 - both.targets[is_pair])
    found = fit_heads(both, hidden, encoder_version="tiny", hidden_layers=(1, 2, 3), learned=~is_pair)
    for head in found:
        of_source = {row.source: row for row in head.validation if row.language == POOLED}
        assert of_source[WRITTEN].auc > 0.9
        assert of_source[WRITTEN_PAIRS].auc < 0.1
        assert head.thresholds[POOLED].n == 900
        assert head.thresholds[POOLED].precision >= MIN_PRECISION


def test_a_signal_without_enough_posts_is_refused():
    few = as_columns([
        Example(f"post {number}", "nl", WRITTEN, INDUSTRIES[number % 10], dict.fromkeys(SIGNALS, 0.0), {})
        for number in range(50)
    ])  # fmt: skip
    hidden = np.zeros((50, N_LAYERS, DIM), dtype=np.float32)
    with pytest.raises(NotEnoughLabels, match="negative"):
        next(fit_heads(few, hidden, encoder_version="tiny", hidden_layers=(1, 2, 3)))
