"""The challenge set: minimal pairs that no head is ever trained on, scored by phenomenon."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from models.signals import SIGNALS
from training.evaluate import Bench, Row
from training.intervals import auc_interval, wilson_interval
from training.measuring_sets import MeasuringSetMissing

CHALLENGE_SET = Path(__file__).parents[1] / "tests" / "data" / "challenge" / "pairs.jsonl"
TARGETS = {"negative_wom": 0.95}
PAIRS_IN_ORDER = "share of pairs in the right order"


@dataclass(frozen=True)
class Item:
    """One half of a minimal pair: the same words, with or without the signal that the pair tests."""

    pair: str
    language: str
    phenomenon: str
    signal: str
    is_present: bool
    labels: tuple[str, ...]
    text: str


def measure_challenge_set(bench: Bench) -> Iterator[Row]:
    """Each signal's AUC on all texts of a language, then the pairs of each phenomenon in the right order."""
    items = read_challenge_set()
    p = bench.heads.probabilities(bench.hidden([item.text for item in items]), [item.language for item in items])
    tested = sorted({item.signal for item in items}, key=SIGNALS.index)
    for signal in tested:
        for language in sorted({item.language for item in items}):
            rows = [row for row, item in enumerate(items) if item.language == language]
            is_there = np.array([signal in items[row].labels for row in rows])
            auc = float(roc_auc_score(is_there, p[rows, SIGNALS.index(signal)]))
            low, high = auc_interval(auc, n_positive=int(is_there.sum()), n_negative=int((~is_there).sum()))
            what = f"Challenge set, {signal}, {language}"
            on = "all texts of the language, unseen industries; shipped"
            yield Row(what, on, "AUC", auc, low, high, len(rows), target=TARGETS.get(signal))
    of_phenomenon: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for present, absent in _pairs(items):
        column = SIGNALS.index(items[present].signal)
        of_phenomenon[items[present].signal, items[present].phenomenon].append(
            bool(p[present, column] > p[absent, column])
        )
    for (signal, phenomenon), right in sorted(of_phenomenon.items(), key=lambda entry: SIGNALS.index(entry[0][0])):
        low, high = wilson_interval(sum(right), len(right))
        yield Row(
            f"Challenge set, {signal}: {phenomenon}",
            "minimal pairs, Dutch and English; shipped",
            PAIRS_IN_ORDER,
            sum(right) / len(right),
            low,
            high,
            len(right),
            reference="chance 0.5",
        )


def read_challenge_set(path: Path = CHALLENGE_SET) -> tuple[Item, ...]:
    """Every item, in the order of the file.

    Raises
    ------
    MeasuringSetMissing
        The file is not there, as in an installation without the tests.
    """
    if not path.exists():
        raise MeasuringSetMissing(f"{path} is not there; it comes with the source, not with the installed package")
    records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return tuple(
        Item(
            record["pair"],
            record["language"],
            record["phenomenon"],
            record["signal"],
            record["present"],
            tuple(record["labels"]),
            record["text"],
        )
        for record in records
    )


def _pairs(items: tuple[Item, ...]) -> Iterator[tuple[int, int]]:
    """Rows of each pair: the item that has the signal, and the one that has not."""
    rows: dict[str, dict[bool, int]] = defaultdict(dict)
    for row, item in enumerate(items):
        rows[item.pair][item.is_present] = row
    for of_pair in rows.values():
        yield of_pair[True], of_pair[False]
