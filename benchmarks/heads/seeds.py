"""How much the heads' figures move from one random seed to the next.

    python -m benchmarks.heads.seeds --data FOLDER

Fits the network of `klankbord train` with other seeds, on the same texts, and prints a Markdown table: what each seed
gets on what `klankbord evaluate` measures.
"""

import argparse
import platform
import statistics
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models.encoder import Encoder
from models.heads import HeadSet
from models.registry import load_encoder
from models.signals import SIGNALS
from training.challenge import read_challenge_set
from training.dataset import WRITTEN, read_examples
from training.fit import SEED, fit_heads
from training.measuring_sets import read_absa_sentences, read_hatecheck, read_keytrade

N_SEEDS = 5
LANGUAGES = ("nl", "en")
WRITTEN_POSTS = Path("training/data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    arguments = parser.parse_args()
    encoder = load_encoder()
    labelled = read_examples(data_folder=arguments.data, written_folder=WRITTEN_POSTS)
    hidden = _hidden(encoder, labelled.texts)
    bench = Bench(encoder, arguments.data)
    figures: dict[str, list[float]] = defaultdict(list)
    for seed in range(SEED, SEED + arguments.seeds):
        heads = fit_heads(
            labelled, hidden, encoder_version=encoder.version, hidden_layers=encoder.hidden_layers, seed=seed
        )
        for what, auc in bench.figures(HeadSet({head.signal: head for head in heads})):
            figures[what].append(auc)
        print(f"seed {seed} done", flush=True)
    print_table(figures, encoder=encoder, n_seeds=arguments.seeds)


class Bench:
    """What every seed is measured on, encoded once."""

    def __init__(self, encoder: Encoder, data_folder: Path) -> None:
        self._items = read_challenge_set()
        self._of_items = _hidden(encoder, tuple(item.text for item in self._items))
        sets = {
            "`negative`, Dutch reviews": ("negative", read_keytrade(data_folder, language="nl")),
            "`negative`, Dutch sentences": ("negative", read_absa_sentences(data_folder)),
            "`toxic`, Dutch templates": ("toxic", read_hatecheck(data_folder, language="dutch")),
        }
        self._sets = {
            what: (signal, texts.labels, _hidden(encoder, texts.texts)) for what, (signal, texts) in sets.items()
        }

    def figures(self, heads: HeadSet) -> Iterator[tuple[str, float]]:
        """AUC by what it was measured on."""
        for signal, head in heads.heads.items():
            for row in head.validation:
                if row.source == WRITTEN and row.language in LANGUAGES:
                    yield f"`{signal}`, written posts of unseen industries, {row.language}", row.auc
        logits = heads.logits(self._of_items)
        for signal in ("negative_wom", "complaint", "question", "praise"):
            for language in LANGUAGES:
                rows = [row for row, item in enumerate(self._items) if item.language == language]
                labels = [signal in self._items[row].labels for row in rows]
                yield f"`{signal}`, challenge set, {language}", _auc(labels, logits[rows, SIGNALS.index(signal)])
        for what, (signal, labels, hidden) in self._sets.items():
            yield what, _auc(labels, heads.logits(hidden)[:, SIGNALS.index(signal)])


def _hidden(encoder: Encoder, texts: tuple[str, ...]) -> NDArray[np.float32]:
    return np.concatenate([encoding.hidden for encoding in encoder.encode(texts)])


def _auc(labels: list[bool] | NDArray[np.int64], logits: NDArray[np.float64]) -> float:
    return float(roc_auc_score(labels, logits))


def print_table(figures: dict[str, list[float]], *, encoder: Encoder, n_seeds: int) -> None:
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {n_seeds} seeds, {encoder.version}, {platform.machine()}\n")
    print("| AUC of | shipped seed | lowest | highest | standard deviation |\n|---|---|---|---|---|")
    for what, of_seeds in figures.items():
        spread = statistics.stdev(of_seeds)
        print(f"| {what} | {of_seeds[0]:.3f} | {min(of_seeds):.3f} | {max(of_seeds):.3f} | {spread:.4f} |")


if __name__ == "__main__":
    main()
