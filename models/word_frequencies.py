"""How common a word is in general language, from the tokenizer that comes with the bundled model."""

import re
from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.bundled import locate_bundled_file, read_vocabulary

RAREST_WHOLE_WORD = -17.0
"""Log-probabilities below this say only that a piece was seldom worth its place in the vocabulary."""
OF_UNLISTED_WORDS, OF_EACH_LETTER = -12.0, -1.0
"""A word that is no piece of its own is as rare as its length; see docs/decisions/0005-relevance.md."""
RAREST = -40.0

_WHOLE_WORD = re.compile(r"▁([^\W\d_]{2,})")


def log_probabilities(words: Iterable[str]) -> NDArray[np.float64]:
    """Natural logarithm of about how often each word stands in text of any language; shape (n_words,).

    The Unigram tokenizer of XLM-R was fitted on a hundred languages together (Kudo, 2018), so a Dutch word counts for
    less than in Dutch text: compare words of one language with each other.

    Parameters
    ----------
    words : in lower case, letters only.
    """
    listed = _listed_words()
    return np.array(
        [
            max(listed[word], RAREST_WHOLE_WORD)
            if word in listed
            else max(OF_UNLISTED_WORDS + OF_EACH_LETTER * len(word), RAREST)
            for word in words
        ],
        dtype=np.float64,
    )


@cache
def _listed_words() -> dict[str, float]:
    """Words that are one piece, in lower case, with the likelier of their spellings."""
    vocabulary = read_vocabulary(locate_bundled_file())
    listed: dict[str, float] = {}
    for piece, log_probability in zip(vocabulary.pieces, vocabulary.log_probabilities, strict=True):
        found = _WHOLE_WORD.fullmatch(piece)
        if found:
            word = found[1].lower()
            listed[word] = max(listed.get(word, log_probability), log_probability)
    return listed
