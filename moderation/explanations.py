"""Stage 5b: which sentences of a post carry a flag, so that a moderator sees what the models saw."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Any

import numpy as np

from models.attribution import SentenceEffects, measure_sentences
from models.encoder import Encoder
from models.heads import HeadSet
from models.signals import SIGNALS
from moderation.corpus import Corpus
from moderation.flags import Flag

N_SENTENCES = 3
MIN_OF_FIRST = 0.5
"""A sentence is named beside the first one if leaving it out takes at least half as much away."""

SIGNAL_OF_REASON: Mapping[str, str] = {
    "negative_wom": "negative_wom",
    "unanswered_question": "question",
    "toxic": "toxic",
    "spam": "spam",
}
ONE_SENTENCE = "the post is one sentence"
NO_SENTENCE = "no sentence alone carries it"
NOT_MEASURED = "scored before sentences were weighed"
NOT_AMONG_LIKELIEST = "sentences are weighed for the likeliest flags only; klankbord analyse --explain N weighs more"

EXPLAINED_POSTS = 250
"""Posts of an export whose sentences are weighed unless asked otherwise: about five seconds on two cores."""

Explanation = Mapping[str, Any]
"""What a flag's evidence says of the sentences: `sentences`, or `sentences_reason` where that is None."""


def explain_flags(
    corpus: Corpus,
    flags: Sequence[tuple[Flag, ...]],
    *,
    encoder: Encoder,
    heads: HeadSet,
    at_most: int = EXPLAINED_POSTS,
) -> tuple[tuple[Flag, ...], ...]:
    """Add to the evidence of every flag that rests on a signal which sentences carry it.

    Only posts with such a flag are read again, each distinct text once.

    Parameters
    ----------
    at_most : posts that are read again; of each reason the likeliest flags first. The others say so.
    """
    rows = _likeliest_rows(flags)[:at_most]
    effects = _effects_of_rows(corpus, rows, encoder=encoder, heads=heads)
    return tuple(
        tuple(_explained(flag, effects.get(row)) if flag.reason in SIGNAL_OF_REASON else flag for flag in of_row)
        for row, of_row in enumerate(flags)
    )


def explain_signals(corpus: Corpus, *, encoder: Encoder, heads: HeadSet) -> tuple[dict[str, Explanation], ...]:
    """For each row the explanation of every signal that may raise a flag and reaches its threshold, by signal."""
    above = {signal: corpus.above_threshold(signal) for signal in SIGNAL_OF_REASON.values()}
    rows = [int(row) for row in np.flatnonzero(np.any(list(above.values()), axis=0))]
    effects = _effects_of_rows(corpus, rows, encoder=encoder, heads=heads)
    return tuple(
        {signal: explanation(effects[row], signal) for signal, reached in above.items() if reached[row]}
        for row in range(len(corpus))
    )


def with_known(flag: Flag, known: Mapping[str, Explanation] | None) -> Flag:
    """The same flag with an explanation that was worked out earlier.

    Parameters
    ----------
    known : by signal, as `explain_signals` gives it; None = the post was scored before there were any.
    """
    if flag.reason not in SIGNAL_OF_REASON:
        return flag
    missing = {"sentences": None, "sentences_reason": NOT_MEASURED}
    found = (known or {}).get(SIGNAL_OF_REASON[flag.reason], missing)
    return replace(flag, evidence={**flag.evidence, **found})


def explanation(effects: SentenceEffects, signal: str) -> dict[str, Any]:
    """What a flag's evidence says of the sentences, ready to be written as JSON.

    Returns
    -------
    `sentences`: at most three, the one that carries most first, each {begin, end (characters of the words that were
    read), log_odds_drop, share (of the drops of all sentences that carry the signal)}. None with
    `sentences_reason` beside it where the post is one sentence, or none carries the signal alone.
    """
    if len(effects.sentences) < 2:
        return {"sentences": None, "sentences_reason": ONE_SENTENCE}
    column = SIGNALS.index(signal)
    drops = effects.drops[:, column]
    order = [int(place) for place in np.argsort(-drops, kind="stable") if drops[place] > 0]
    if not order:
        return {"sentences": None, "sentences_reason": NO_SENTENCE}
    named = [place for place in order[:N_SENTENCES] if drops[place] >= MIN_OF_FIRST * drops[order[0]]]
    carried = float(np.sum(drops[order]))
    return {
        "sentences": [
            {
                "begin": effects.sentences[place].begin,
                "end": effects.sentences[place].end,
                "log_odds_drop": float(drops[place]),
                "share": round(float(drops[place]) / carried, 3),
            }
            for place in named
        ]
    }


def quoted(evidence: Mapping[str, Any], words: str | None) -> dict[str, Any]:
    """Evidence with each sentence's `text` in it, for those who have only the post.

    Flags are stored without: what a person wrote is kept in one place, to be erased there.

    Parameters
    ----------
    words : that the places speak of, as `moderation.reading` gives them; None = they are no longer known.
    """
    sentences = evidence.get("sentences")
    if not sentences:
        return dict(evidence)
    texts = [None if words is None else words[sentence["begin"] : sentence["end"]] for sentence in sentences]
    return {
        **evidence,
        "sentences": [{**sentence, "text": text} for sentence, text in zip(sentences, texts, strict=True)],
    }


def quoted_json(flag: Flag, words: str) -> dict[str, Any]:
    """A flag as posts.jsonl holds it, with the text of the sentences that carry it."""
    return {**flag.as_json(), "evidence": quoted(flag.evidence, words)}


def _likeliest_rows(flags: Sequence[tuple[Flag, ...]]) -> list[int]:
    """Rows with a flag that rests on a signal: the likeliest of each reason, then the second likeliest of each."""
    of_reason: dict[str, list[tuple[float, int]]] = {reason: [] for reason in SIGNAL_OF_REASON}
    for row, of_row in enumerate(flags):
        for flag in of_row:
            if flag.reason in SIGNAL_OF_REASON:
                of_reason[flag.reason].append((-round(flag.probability, 6), row))
    in_turn = chain.from_iterable(zip_longest(*(sorted(ranked) for ranked in of_reason.values())))
    return list(dict.fromkeys(ranked[1] for ranked in in_turn if ranked is not None))


def _explained(flag: Flag, effects: SentenceEffects | None) -> Flag:
    """With its explanation; `effects` is None where the post's sentences were not weighed."""
    if effects is None:
        found: Explanation = {"sentences": None, "sentences_reason": NOT_AMONG_LIKELIEST}
    else:
        found = explanation(effects, SIGNAL_OF_REASON[flag.reason])
    return replace(flag, evidence={**flag.evidence, **found})


def _effects_of_rows(
    corpus: Corpus, rows: Sequence[int], *, encoder: Encoder, heads: HeadSet
) -> dict[int, SentenceEffects]:
    """Measure the distinct texts of some rows, all of which have words."""
    text_of = {row: corpus.readings[row].words for row in rows}
    texts = list(dict.fromkeys(text_of.values()))
    effects = dict(zip(texts, measure_sentences(texts, encoder=encoder, heads=heads), strict=True))
    return {row: effects[text] for row, text in text_of.items()}
