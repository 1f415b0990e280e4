import numpy as np

from models.attribution import MAX_CHARACTERS, MAX_SENTENCES, measure_sentences
from models.signals import SIGNALS

TOXIC = SIGNALS.index("toxic")
POST = (
    "Bedankt voor de uitleg over de router. Wat ben jij een achterlijke idioot zeg. Morgen probeer ik een andere kabel."
)


def measured(texts, encoder, heads):
    return measure_sentences(texts, encoder=encoder, heads=heads)


def test_the_insult_carries_an_insulting_post(encoder, shipped_heads):
    effects = measured([POST], encoder, shipped_heads)[0]
    worst = effects.sentences[int(np.argmax(effects.drops[:, TOXIC]))]
    assert POST[worst.begin : worst.end] == "Wat ben jij een achterlijke idioot zeg."


def test_without_a_sentence_of_two_the_other_is_left(encoder, shipped_heads):
    both = "Wat ben jij een idioot. Tot morgen allemaal."
    effects = measured([both], encoder, shipped_heads)[0]
    hidden = next(iter(encoder.encode(["Wat ben jij een idioot.", "Tot morgen allemaal."]))).hidden
    first, second = shipped_heads.logits(hidden)
    np.testing.assert_allclose(effects.drops[1] - effects.drops[0], second - first, atol=1e-3)


def test_texts_do_not_change_each_other(encoder, shipped_heads):
    texts = [POST, "Eén zin", "Nog wat. En dit."]
    together = measured(texts, encoder, shipped_heads)
    for text, effects in zip(texts, together, strict=True):
        alone = measured([text], encoder, shipped_heads)[0]
        assert alone.sentences == effects.sentences
        np.testing.assert_array_equal(alone.drops, effects.drops)


def test_one_sentence_is_not_left_out(encoder, shipped_heads):
    effects = measured(["Wat ben jij een achterlijke idioot zeg."], encoder, shipped_heads)[0]
    assert effects.drops.shape == (0, len(SIGNALS))
    assert len(effects.sentences) == 1


def test_no_texts_cost_nothing(encoder, shipped_heads):
    assert measured([], encoder, shipped_heads) == ()


def test_a_long_post_is_weighed_up_to_where_encoders_read(encoder, shipped_heads):
    effects = measured(["Zo is het. " * 5_000], encoder, shipped_heads)[0]
    assert len(effects.sentences) == len(effects.drops) == MAX_SENTENCES
    assert effects.sentences[-1].end <= MAX_CHARACTERS
