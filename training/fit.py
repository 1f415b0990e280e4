"""Open data and written posts in, eight signal heads with their calibrations, thresholds and cards out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from models.calibration import (
    Calibration,
    expected_calibration_error,
    fit_calibration,
    lowest_precise_point,
    reliability_bins,
)
from models.card import write_card
from models.encoder import Encoder
from models.errors import KlankbordError
from models.heads import POOLED, SHARED_LAYER_FILE, Basis, HeadSet, SignalHead, SourceCount, Threshold, Validation
from models.shared_layer import COLUMN_STEPS, WEIGHT_STEPS, SharedLayer, in_weight_steps, logits_of_units
from models.signals import SIGNALS
from training.dataset import SOURCES, WRITTEN, WRITTEN_PAIRS, WRITTEN_SOURCES, LabelledTexts, read_examples
from training.intervals import auc_interval
from training.network import Recipe, train_network
from training.reliability_diagram import reliability_diagram

MIN_PRECISION = 0.8
LIVE_SHARES = {"toxic": 0.02, "spam": 0.02}
"""The share of such posts in a community, where it is far from that among the written posts (about 7 %): without it
half of what is flagged would be wrong (docs/decisions/0002-signal-heads.md)."""
MIN_CLASS_ROWS = 30
"""A language with fewer judged rows of either class leans on the pooled calibration and threshold."""
MIN_LANGUAGE_ROWS = 200
SEED = 20_260_101
RECIPE = Recipe(part_is_enough=(SIGNALS.index("toxic"),))
MAX_OPEN_ROWS = 4_000
"""Per open set that is not judged on the signal: more rows take longer and teach nothing new."""

OPEN_SHARES: dict[str, dict[str, float]] = {
    "negative": {"umsab": 1.5, "xed": 1.0},
    "negative_wom": {"written talk": 0.2, "umsab": 0.3, "xed": 0.06, "banking77": 0.05, "clinc150": 0.05},
    "complaint": {"written talk": 0.05, "umsab": 0.1, "xed": 0.05, "banking77": 0.05, "clinc150": 0.05},
    "question": {"banking77": 0.1, "clinc150": 0.1, "xsid": 0.2},
    "idea": {"clinc150": 0.05, "banking77": 0.05},
    "praise": {"umsab": 0.1, "banking77": 0.05},
    "toxic": {"written talk": 0.1, "umsab": 0.1, "banking77": 0.05},
    "spam": {"written talk": 0.4, "umsab": 0.2, "xed": 0.1, "banking77": 0.05, "clinc150": 0.05},
}
"""By signal, the weight of each open set relative to all written posts (docs/decisions/0002-signal-heads.md)."""

Array = NDArray[np.float64]


class NotEnoughLabels(KlankbordError):
    """A signal has too few judged texts to fit and validate a head."""


@dataclass(frozen=True)
class Features:
    """Encoded texts, and how to bring each of their numbers to mean 0 and variance 1.

    Attributes
    ----------
    hidden : shape (n, n_layers, dim).
    columns : shape (n, n_layers * dim), standardised; 0 where a layer is not used.
    means, scales : shape (n_layers * dim,).
    used : shape (n_layers * dim,), columns that heads may read.
    """

    hidden: NDArray[np.float32]
    columns: NDArray[np.float32]
    means: Array
    scales: Array
    used: NDArray[np.bool_]


@dataclass(frozen=True)
class Task:
    """What one head learns.

    Attributes
    ----------
    labels : shape (n,), 1, 0 or NaN.
    weights : shape (n,); 1 = as a written post, 0 = not learned from.
    judged : shape (n,), rows that may validate: a person judged this very signal.
    """

    signal: str
    labels: Array
    weights: Array
    judged: NDArray[np.bool_]


@dataclass(frozen=True)
class Readout:
    """All heads of one network, with their weights in the steps that they are stored in.

    Attributes
    ----------
    weights : shape (n_units, n_outputs); of the signal heads, columns as `SIGNALS`.
    bias : shape (n_outputs,).
    """

    shared: SharedLayer
    weights: NDArray[np.int16]
    bias: Array

    def logits(self, hidden: NDArray[np.float32]) -> Array:
        """Log odds, shape (n, n_outputs), as `HeadSet.logits` gives them."""
        return logits_of_units(self.shared.units(hidden), self.weights, self.bias)


@dataclass(frozen=True)
class Calibrated:
    """Calibrations by language, and each judged row's probability by one that was fitted on other rows."""

    calibrations: Mapping[str, Calibration]
    held_out: Array


def train_heads(
    *, data_folder: Path, written_folder: Path, encoder: Encoder, out_folder: Path, report: Callable[[str], None]
) -> HeadSet:
    """Fit all heads for one encoder; write the layer they share, and each head with its card and diagram.

    Equal inputs give equal bytes: rows are sorted by content, folds follow from it, and everything is fitted from a
    fixed seed on one thread.

    Parameters
    ----------
    data_folder : holds `labels/` with the open label sets.
    written_folder : holds `posts-*.jsonl` and `pairs-*.jsonl`.
    report : takes one line about what is going on.

    Raises
    ------
    LabelSetsMissing
        The open label sets are not in `data_folder`.
    NotEnoughLabels
        A signal has fewer than `MIN_CLASS_ROWS` judged texts with or without it.
    """
    labelled = read_examples(data_folder=data_folder, written_folder=written_folder)
    report(f"encoding {len(labelled):,} labelled texts with {encoder.version}")
    hidden = np.concatenate([encoding.hidden for encoding in encoder.encode(labelled.texts)])
    out_folder.mkdir(parents=True, exist_ok=True)
    heads = {}
    for head in fit_heads(labelled, hidden, encoder_version=encoder.version, hidden_layers=encoder.hidden_layers):
        heads[head.signal] = head
        (out_folder / SHARED_LAYER_FILE).write_bytes(head.shared.to_bytes())
        (out_folder / f"{head.signal}.safetensors").write_bytes(head.to_bytes())
        (out_folder / f"{head.signal}.md").write_text(_card(head), encoding="utf-8")
        (out_folder / f"{head.signal}.svg").write_text(reliability_diagram(head), encoding="utf-8")
        report(_summary(head))
    return HeadSet(heads)


def fit_heads(
    labelled: LabelledTexts,
    hidden: NDArray[np.float32],
    *,
    encoder_version: str,
    hidden_layers: Sequence[int],
    learned: NDArray[np.bool_] | None = None,
    seed: int = SEED,
) -> Iterator[SignalHead]:
    """Fit all heads together, and give them out in the order of `SIGNALS`.

    Parameters
    ----------
    hidden : shape (n, n_layers, dim), the rows of `labelled`.
    learned : shape (n,), rows that weights may be fitted on; None = all. Every judged row takes part in the
        calibration and the validation all the same, so that heads of different subsets are measured on the same posts.

    Raises
    ------
    NotEnoughLabels
        A signal has fewer than `MIN_CLASS_ROWS` judged texts with or without it.
    """
    everything = np.ones(len(labelled), dtype=bool)
    tasks = [_task(signal, labelled, learned=everything if learned is None else learned) for signal in SIGNALS]
    with threadpool_limits(1):
        features = standardise(hidden)
        logits = _held_out_logits(tasks, features, labelled.folds, seed=seed)
        readout = _fit(tasks, features, rows=everything, seed=seed)
    for column, task in enumerate(tasks):
        with threadpool_limits(1):
            calibrated = _calibrate(task, logits[:, column], labelled)
        yield SignalHead(
            signal=task.signal,
            encoder_version=encoder_version,
            hidden_layers=tuple(hidden_layers),
            shared=readout.shared,
            weights=np.ascontiguousarray(readout.weights[:, column]),
            bias=float(readout.bias[column]),
            calibrations=calibrated.calibrations,
            thresholds=_thresholds(task, calibrated, labelled),
            validation=_validate(task, logits[:, column], calibrated, labelled),
            sources=_count_sources(task, labelled),
        )


def standardise(hidden: NDArray[np.float32]) -> Features:
    """Take all layers but the last, each column to mean 0 and variance 1.

    The last is trained for similarity, and with it heads did worse on sources that they never saw.
    """
    flat = hidden.reshape(len(hidden), -1).astype(np.float64)
    means, scales = flat.mean(axis=0), np.maximum(flat.std(axis=0), 1e-6)
    used = np.arange(flat.shape[1]) < max(hidden.shape[1] - 1, 1) * hidden.shape[2]
    return Features(hidden, ((flat - means) / scales * used).astype(np.float32), means, scales, used)


def logits_across_industries(labelled: LabelledTexts, hidden: NDArray[np.float32]) -> Array:
    """Predict each written post by heads that never saw its industry, in any language or kind of written text.

    Contrast pairs are learned from, and not predicted.

    Parameters
    ----------
    hidden : shape (n, n_layers, dim), the rows of `labelled`.

    Returns
    -------
    Logits, shape (n, 8), columns as `SIGNALS`; NaN where the row is no written post.
    """
    sources = np.array(labelled.sources)
    _, industries = np.unique(labelled.groups, return_inverse=True)
    folds = np.where(np.isin(sources, WRITTEN_SOURCES), industries, -1)
    everything = np.ones(len(labelled), dtype=bool)
    tasks = [_task(signal, labelled, learned=everything) for signal in SIGNALS]
    written = [replace(task, judged=task.judged & (sources == WRITTEN)) for task in tasks]
    with threadpool_limits(1):
        return _held_out_logits(written, standardise(hidden), folds, seed=SEED)


def _task(signal: str, labelled: LabelledTexts, *, learned: NDArray[np.bool_]) -> Task:
    """Written posts and pairs weigh 1 each; an open set weighs its share of all written posts together."""
    column = SIGNALS.index(signal)
    labels, judged = labelled.targets[:, column], labelled.judged[:, column]
    for label, name in ((1, "with"), (0, "without")):
        if np.sum(judged & (labels == label)) < MIN_CLASS_ROWS:
            raise NotEnoughLabels(f"fewer than {MIN_CLASS_ROWS} judged posts {name} {signal}; write more of them")
    sources = np.array(labelled.sources)
    is_written = learned & (sources == WRITTEN)
    weights = (learned & np.isin(sources, [WRITTEN, WRITTEN_PAIRS])).astype(np.float64)
    for source, share in OPEN_SHARES[signal].items():
        rows = np.flatnonzero(learned & (sources == source) & ~np.isnan(labels))
        if not judged[rows].any():
            rows = rows[:: 1 + len(rows) // MAX_OPEN_ROWS]
        weights[rows] = share * is_written.sum() / max(len(rows), 1)
    return Task(signal, labels, weights, judged)


def _held_out_logits(tasks: Sequence[Task], features: Features, folds: NDArray[np.int64], *, seed: int) -> Array:
    """Each judged row's logits from heads that were fitted on the other folds; NaN elsewhere."""
    judged = np.stack([task.judged for task in tasks], axis=1)
    logits = np.full(judged.shape, np.nan)
    for fold in np.unique(folds[judged.any(axis=1)]):
        rows = judged.any(axis=1) & (folds == fold)
        logits[rows] = _fit(tasks, features, rows=folds != fold, seed=seed).logits(features.hidden[rows])
    logits[~judged] = np.nan
    return logits


def _fit(tasks: Sequence[Task], features: Features, *, rows: NDArray[np.bool_], seed: int) -> Readout:
    labels = np.stack([task.labels for task in tasks], axis=1)
    weights = np.stack([task.weights for task in tasks], axis=1) * rows[:, None]
    return fit_readout(features, labels, weights, recipe=RECIPE, seed=seed)


def fit_readout(features: Features, labels: Array, weights: Array, *, recipe: Recipe, seed: int = SEED) -> Readout:
    """One network for all outputs, in the whole numbers that it will be stored in; run it on one thread.

    Parameters
    ----------
    labels : shape (n, n_outputs), 1, 0, or NaN where the weight is 0.
    weights : shape (n, n_outputs), at least 0; 0 = not learned from.
    """
    network = train_network(features.columns, labels, weights, recipe=recipe, seed=seed)
    bias = np.rint(network.bias.astype(np.float64) * (COLUMN_STEPS * WEIGHT_STEPS)).astype(np.int32)
    layer_weights = np.where(features.used[:, None], network.weights, 0)
    shared = SharedLayer(features.means, features.scales, in_weight_steps(layer_weights), bias)
    return Readout(shared, in_weight_steps(network.output_weights), network.output_bias.astype(np.float64))


def _calibrate(task: Task, logits: Array, labelled: LabelledTexts) -> Calibrated:
    """One calibration over all languages, and one for each language with enough judged rows.

    Half of the contrast pairs have the label, as in no community, so they are calibrated and do not calibrate.
    """
    calibrations: dict[str, Calibration] = {}
    held_out = np.full(len(logits), np.nan)
    is_pair = np.array(labelled.sources) == WRITTEN_PAIRS
    for language in (POOLED, *_source_of_language(task, labelled)):
        rows = task.judged & ~is_pair & _speaks(labelled, language)
        fit = fit_calibration(
            logits[rows],
            task.labels[rows],
            weights=_equal_sources(np.array(labelled.sources)[rows]),
            folds=labelled.folds[rows],
        )
        calibrations[language] = fit.calibration
        held_out[rows] = fit.held_out
        pairs = task.judged & is_pair & _speaks(labelled, language)
        held_out[pairs] = fit.calibration.probabilities(logits[pairs])
    return Calibrated(calibrations, held_out)


def _equal_sources(sources: NDArray[np.str_]) -> Array:
    """Weights that give tweets and community posts the same say, however many of each there are."""
    _, source_of, n_rows = np.unique(sources, return_inverse=True, return_counts=True)
    return np.asarray(len(sources) / (len(n_rows) * n_rows[source_of]), dtype=np.float64)


def _source_of_language(task: Task, labelled: LabelledTexts) -> dict[str, str]:
    """The languages with enough judged rows of one source, and which source that is: written posts before tweets."""
    sources = np.array(labelled.sources)
    names = sorted(set(sources[task.judged].tolist()) - {WRITTEN_PAIRS}, key=lambda name: (name != WRITTEN, name))
    best: dict[str, str] = {}
    for source in names:
        for language in _languages_with_enough(task, task.judged & (sources == source), labelled):
            best.setdefault(language, source)
    return best


def _languages_with_enough(task: Task, rows: NDArray[np.bool_], labelled: LabelledTexts) -> list[str]:
    languages = np.array(labelled.languages)
    return [
        str(language)
        for language in np.unique(languages[rows])
        if (here := rows & (languages == language)).sum() >= MIN_LANGUAGE_ROWS
        and MIN_CLASS_ROWS <= task.labels[here].sum() <= here.sum() - MIN_CLASS_ROWS
    ]


def _speaks(labelled: LabelledTexts, language: str) -> NDArray[np.bool_]:
    return np.array([language in (POOLED, own) for own in labelled.languages])


def _thresholds(task: Task, calibrated: Calibrated, labelled: LabelledTexts) -> dict[str, Threshold]:
    """Statements about precision on written posts, or on tweets for languages without enough of those."""
    sources = np.array(labelled.sources)
    written = task.judged & (sources == WRITTEN)
    thresholds = {POOLED: _threshold(task, calibrated, written, basis="pooled")}
    for language, source in _source_of_language(task, labelled).items():
        rows = task.judged & (sources == source) & _speaks(labelled, language)
        thresholds[language] = _threshold(task, calibrated, rows, basis="validated")
    return thresholds


def _threshold(task: Task, calibrated: Calibrated, rows: NDArray[np.bool_], *, basis: Basis) -> Threshold:
    point = lowest_precise_point(
        calibrated.held_out[rows],
        task.labels[rows],
        min_precision=MIN_PRECISION,
        share=LIVE_SHARES.get(task.signal),
    )
    n = int(rows.sum())
    if point is None:
        return Threshold(None, "unreachable", None, None, n)
    share = LIVE_SHARES.get(task.signal)
    return Threshold(point.probability, basis, round(point.precision, 4), round(point.recall, 4), n, share)


def _validate(task: Task, logits: Array, calibrated: Calibrated, labelled: LabelledTexts) -> tuple[Validation, ...]:
    sources = np.array(labelled.sources)
    return tuple(
        _validation(str(source), language, task.labels[rows], logits[rows], calibrated.held_out[rows])
        for source in np.unique(sources[task.judged])
        for language in (POOLED, *_languages_with_enough(task, task.judged & (sources == source), labelled))
        if (rows := task.judged & (sources == source) & _speaks(labelled, language)).any()
    )


def _validation(source: str, language: str, labels: Array, logits: Array, p: Array) -> Validation:
    auc, n_positive = float(roc_auc_score(labels, logits)), int(labels.sum())
    low, high = auc_interval(auc, n_positive=n_positive, n_negative=len(labels) - n_positive)
    return Validation(
        source=source,
        language=language,
        n=len(labels),
        n_positive=n_positive,
        auc=round(auc, 4),
        auc_low=round(low, 4),
        auc_high=round(high, 4),
        calibration_error=round(expected_calibration_error(p, labels), 4),
        bins=reliability_bins(p, labels),
    )


def _count_sources(task: Task, labelled: LabelledTexts) -> tuple[SourceCount, ...]:
    used = np.flatnonzero(task.weights > 0)
    counts: dict[tuple[str, str, bool], list[int]] = {}
    for row in used:
        key = (labelled.sources[row], labelled.languages[row], bool(task.judged[row]))
        counts.setdefault(key, [0, 0])[int(task.labels[row])] += 1
    return tuple(
        SourceCount(source, language, n_positive, n_negative, is_judged)
        for (source, language, is_judged), (n_negative, n_positive) in sorted(counts.items())
    )


def _card(head: SignalHead) -> str:
    return write_card(head, sources={facts.name: (facts.licence, facts.origin) for facts in SOURCES.values()})


def _summary(head: SignalHead) -> str:
    written = next(row for row in head.validation if row.source == WRITTEN and row.language == POOLED)
    return f"{head.signal} {head.version}: AUC {written.auc:.3f} on {written.n:,} posts of industries it never saw"
