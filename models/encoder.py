"""What every text encoder gives, and how a text is made ready for it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

MAX_CHARACTERS_PER_TOKEN = 32


@dataclass(frozen=True)
class Encoding:
    """Some texts, encoded in one pass.

    Attributes
    ----------
    vectors : shape (n, dim), float32, unit rows: the mean over the tokens of the last layer. Compare by cosine.
    hidden : shape (n, n_layers, dim), float32, not normalised: the same mean of each of `Encoder.hidden_layers`.
    """

    vectors: NDArray[np.float32]
    hidden: NDArray[np.float32]


class Encoder(Protocol):
    """Turns texts into vectors.

    Attributes
    ----------
    name : the model, as given to `load_encoder`.
    version : model, weights, arithmetic and cut; vectors and heads of two versions must never be mixed.
    dim : length of a vector.
    hidden_layers : which layers `Encoding.hidden` holds, counted from 1.
    """

    name: str
    version: str
    dim: int
    hidden_layers: tuple[int, ...]

    def encode(self, texts: Sequence[str], *, batch_size: int = 256) -> Iterator[Encoding]:
        """Encode texts in their order, one `Encoding` per `batch_size` of them.

        Raises
        ------
        ValueError
            A text is empty or white space only; a post without words has no vector and must be left out.
        """
        ...


@dataclass(frozen=True)
class TextPreparation:
    """How a model wants its input.

    Only as much of a text as can reach `max_tokens` is looked at: its first `max_tokens` words, and of those the first
    `MAX_CHARACTERS_PER_TOKEN` × `max_tokens` characters, so that a text of many megabytes costs no more than a page.

    Attributes
    ----------
    prefix : put before every text, from the model's card.
    special_tokens : strings that the tokenizer would take for its own marks; broken up when a writer typed them.
    max_tokens : of prefix, text and end marks together; what comes after is not read.
    """

    prefix: str
    special_tokens: tuple[str, ...]
    max_tokens: int

    def prepare(self, text: str) -> str:
        """Collapse white space, break up special tokens, cut, and put the prefix in front.

        Raises
        ------
        ValueError
            The text is empty or white space only.
        """
        words = text.split(maxsplit=self.max_tokens)[: self.max_tokens]
        if not words:
            raise ValueError("An empty text cannot be encoded: leave it out before encoding.")
        cut = " ".join(words)[: MAX_CHARACTERS_PER_TOKEN * self.max_tokens]
        return self.prefix + self._without_special_tokens(cut)

    def _without_special_tokens(self, text: str) -> str:
        if not self.special_tokens:
            return text
        pattern = "|".join(re.escape(token) for token in self.special_tokens)
        return re.sub(pattern, lambda found: f"{found[0][0]} {found[0][1:]}", text)


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale every row to length 1; row by row, so that a row does not depend on the others."""
    lengths = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1, keepdims=True))
    unit: NDArray[np.float32] = (rows / lengths).astype(np.float32)
    return unit
