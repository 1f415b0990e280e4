"""How texts are worded: growth of the vocabulary, length of sentences, questions, care for capitals."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

WORD_COUNTS = (1_000, 2_000, 5_000, 10_000, 20_000)
N_ORDERS = 20
SEED = 20_260_101

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?…]+(?=\s|$)|\n")
_MENTION = re.compile(r"@\w+")


@dataclass(frozen=True)
class Wording:
    """Figures about a set of texts.

    Attributes
    ----------
    n_words : running words of all texts.
    median_words : of the texts.
    words_per_sentence : mean over all sentences that hold a word.
    share_asking : of the texts, those with a question mark.
    share_uncapitalised : of the texts that begin with a letter, those that begin with a small one; mentions of members
        do not count as beginning.
    distinct_words : by number of running words; None where the texts hold fewer.
    """

    n_texts: int
    n_words: int
    median_words: float
    words_per_sentence: float
    share_asking: float
    share_uncapitalised: float
    distinct_words: Mapping[int, float | None]


def describe_wording(texts: Sequence[str]) -> Wording:
    """Measure texts.

    Parameters
    ----------
    texts : at least one of them with a word.
    """
    n_words = np.array([len(words_of(text)) for text in texts])
    per_sentence = [len(words) for text in texts for part in _SENTENCE_END.split(text) if (words := words_of(part))]
    openings = [_MENTION.sub("", text).lstrip("\"'“‘«(… \n")[:1] for text in texts]
    letters = [opening for opening in openings if opening.isalpha()]
    return Wording(
        n_texts=len(texts),
        n_words=int(n_words.sum()),
        median_words=float(np.median(n_words)),
        words_per_sentence=float(np.mean(per_sentence)),
        share_asking=float(np.mean(["?" in text for text in texts])),
        share_uncapitalised=float(np.mean([letter.islower() for letter in letters])) if letters else float("nan"),
        distinct_words={count: count_distinct(texts, n_words=count) for count in WORD_COUNTS},
    )


def words_of(text: str) -> list[str]:
    """The words of a text in lower case: runs of letters, with apostrophes and hyphens inside; no member's name."""
    return [word.replace("’", "'") for word in _WORD.findall(_MENTION.sub(" ", text).casefold())]


def count_distinct(texts: Sequence[str], *, n_words: int) -> float | None:
    """How many different words the first `n_words` running words hold, as a mean over random orders of the texts.

    Only equal numbers of running words can be compared: the longer a text, the rarer is a new word (Heaps, 1978).

    Returns
    -------
    None where all texts together are shorter.
    """
    worded = [words_of(text) for text in texts]
    if sum(map(len, worded)) < n_words:
        return None
    rng = np.random.default_rng(SEED)
    counts = []
    for _ in range(N_ORDERS):
        running = [word for row in rng.permutation(len(worded)) for word in worded[row]]
        counts.append(len(set(running[:n_words])))
    return float(np.mean(counts))
