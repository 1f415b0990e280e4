"""The words of a post in parts, so that the sentences that carry a flag stand out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Passage:
    """Some of a post's words; the strongest sentence of a reason is marked, and so are others beside it."""

    words: str
    is_strongest: bool = False
    is_marked: bool = False


def mark_sentences(words: str, reasons: Iterable[Mapping[str, Any]], *, offset: int) -> tuple[Passage, ...]:
    """Cut the words where the sentences that the reasons name begin and end; joined they are the words again.

    Parameters
    ----------
    words : as they are shown.
    offset : where they begin in the words that the models read, which a title may precede.
    """
    found = [_within(sentence, offset, len(words)) for sentence in _sentences(reasons)]
    strongest = {_within(named[0], offset, len(words)) for named in _named(reasons)}
    cuts = sorted({0, len(words), *(place for span in found for place in span)})
    return tuple(
        Passage(
            words[begin:end],
            is_strongest=any(left <= begin and end <= right for left, right in strongest),
            is_marked=any(left <= begin and end <= right for left, right in found),
        )
        for begin, end in pairwise(cuts)
    )


def _named(reasons: Iterable[Mapping[str, Any]]) -> list[Sequence[Mapping[str, Any]]]:
    """The sentences of each reason that names any."""
    return [named for reason in reasons if (named := reason["evidence"].get("sentences"))]


def _sentences(reasons: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [sentence for named in _named(reasons) for sentence in named]


def _within(sentence: Mapping[str, Any], offset: int, n_characters: int) -> tuple[int, int]:
    """Where a sentence stands in the words that are shown; empty where it stands in the title."""
    begin, end = (min(max(sentence[place] - offset, 0), n_characters) for place in ("begin", "end"))
    return begin, end
