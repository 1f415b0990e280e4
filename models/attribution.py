"""Which sentences of a text carry its signals: what the heads say of the text put together without one of them.

The heads read hidden layers that are averaged over a text's tokens. So the average of its sentences, each encoded
alone, stands for the text, and the average of the others for the text without one. That costs about one run of the
encoder over the text, not one for each sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.encoder import Encoder
from models.heads import HeadSet
from models.sentences import Sentence, split_sentences
from models.signals import SIGNALS

MAX_CHARACTERS = 8_192
MAX_SENTENCES = 32
ALWAYS_READ_CHARACTERS = 12
"""What an encoder adds to each text, prefix and end marks, in characters: a sentence weighs by its length and this."""


@dataclass(frozen=True)
class SentenceEffects:
    """What each sentence of one text does to each signal.

    Attributes
    ----------
    sentences : k places in the text, in order; the first `MAX_SENTENCES` of its first `MAX_CHARACTERS` characters.
    drops : shape (k, 8), columns as `models.signals.SIGNALS`: by how much the uncalibrated log odds fall without the
        sentence, to four digits. (0, 8) where the text is one sentence, as nothing would be left of it.
    """

    sentences: tuple[Sentence, ...]
    drops: NDArray[np.float64]


def measure_sentences(texts: Sequence[str], *, encoder: Encoder, heads: HeadSet) -> tuple[SentenceEffects, ...]:
    """Weigh the sentences of each text; `texts` have words, as the encoder reads them."""
    cut = [text[:MAX_CHARACTERS] for text in texts]
    split = [split_sentences(text)[:MAX_SENTENCES] for text in cut]
    parts = [
        [text[one.begin : one.end] for one in sentences] if len(sentences) > 1 else []
        for text, sentences in zip(cut, split, strict=True)
    ]
    flat = list(dict.fromkeys(part for of_text in parts for part in of_text))
    hidden_of = dict(zip(flat, _hidden(flat, encoder), strict=True))
    return tuple(
        SentenceEffects(sentences, _drops([hidden_of[part] for part in of_text], of_text, heads))
        for sentences, of_text in zip(split, parts, strict=True)
    )


def _hidden(texts: Sequence[str], encoder: Encoder) -> list[NDArray[np.float32]]:
    return [row for encoding in encoder.encode(texts) for row in encoding.hidden]


def _drops(hidden: Sequence[NDArray[np.float32]], parts: Sequence[str], heads: HeadSet) -> NDArray[np.float64]:
    if not parts:
        return np.empty((0, len(SIGNALS)))
    log_odds = heads.logits(_averages(np.stack(hidden), [len(part) for part in parts]))
    return np.asarray(np.round(log_odds[0] - log_odds[1:], 4))


def _averages(hidden: NDArray[np.float32], n_characters: Sequence[int]) -> NDArray[np.float32]:
    """The average of all sentences, then that of the others for each one.

    Parameters
    ----------
    hidden : shape (k, n_layers, dim), k at least 2.
    """
    weights = np.array(n_characters, dtype=np.float64)[:, None, None] + ALWAYS_READ_CHARACTERS
    weighted = weights * hidden
    total, weight = weighted.sum(axis=0), weights.sum()
    return np.concatenate([(total / weight)[None], (total - weighted) / (weight - weights)]).astype(np.float32)
