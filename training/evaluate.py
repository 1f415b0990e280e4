"""Every figure that the project claims, measured again: one function per claim, one row per figure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from models.calibration import expected_calibration_error
from models.encoder import Encoder
from models.heads import POOLED, HeadSet, Validation
from models.signals import SIGNALS
from training.dataset import UMSAB_LANGUAGES, WRITTEN, WRITTEN_PAIRS
from training.intervals import auc_interval, bootstrap_interval, wilson_interval
from training.measuring_sets import (
    MeasuringSet,
    MeasuringSetMissing,
    read_absa_sentences,
    read_complaint_tweets,
    read_hatecheck,
    read_keytrade,
    read_offensive_tweets,
    read_umsab,
)

MIN_CALIBRATION_ROWS = 300
PROTOCOL_STRENGTH = 0.001
"""Inverse L2 penalty of the heads that are only measured, for columns of unit variance."""


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes
    ----------
    measured_on : the data, and in what way they are unseen.
    figure, low, high : the measure and its 95 % interval; None where `note` says why there is none.
    at_most : the target is an upper limit.
    target : None where nothing was promised.
    """

    what: str
    measured_on: str
    measure: str
    figure: float | None
    low: float | None
    high: float | None
    n: int
    reference: str = ""
    target: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def is_reached(self) -> bool | None:
        """Whether the figure reaches the target; None without a figure or a target."""
        if self.figure is None or self.target is None:
            return None
        return self.figure <= self.target if self.at_most else self.figure >= self.target


@dataclass
class Bench:
    """What the figures are measured with; a text is encoded once, however many rows need it."""

    data_folder: Path
    encoder: Encoder
    heads: HeadSet
    _hidden_of: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def hidden(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Pooled hidden layers, shape (n, n_layers, dim)."""
        new = list(dict.fromkeys(text for text in texts if text not in self._hidden_of))
        begin = 0
        for encoding in self.encoder.encode(new):
            end = begin + len(encoding.hidden)
            self._hidden_of.update(zip(new[begin:end], encoding.hidden, strict=True))
            begin = end
        return np.stack([self._hidden_of[text] for text in texts])

    def p(self, signal: str, measuring: MeasuringSet, *, language: str) -> NDArray[np.float64]:
        """The shipped head's probabilities; shape (n,)."""
        languages = [language] * len(measuring.texts)
        return self.heads.probabilities(self.hidden(measuring.texts), languages)[:, SIGNALS.index(signal)]


def evaluate(
    data_folder: Path,
    *,
    encoder: Encoder,
    heads: HeadSet,
    report: Callable[[str], None],
    claims: Sequence["RowMaker"] | None = None,
) -> list[Row]:
    """Measure every row; a row whose data are not on this machine says so.

    Parameters
    ----------
    report : takes one line per finished claim.
    claims : what to measure; None = all of `CLAIMS`.
    """
    bench, measured = Bench(data_folder, encoder, heads), []
    for measure in CLAIMS if claims is None else claims:
        with threadpool_limits(1):
            made = _measure(measure, bench)
        measured += made
        report(f"{made[0].what}: " + ", ".join(_figure(row) for row in made))
    return measured


def _measure(measure: "RowMaker", bench: Bench) -> list[Row]:
    try:
        return list(measure(bench))
    except MeasuringSetMissing:
        what = measure.__name__.removeprefix("measure_").replace("_", " ").capitalize()
        return [Row(what, "", "", None, None, None, 0, note="data not on this machine")]


def measure_negative_in_dutch_reviews(bench: Bench) -> Iterator[Row]:
    """Shipped `negative` on a Dutch source that it never saw."""
    measuring = read_keytrade(bench.data_folder, language="nl")
    yield _auc_row(
        "Negative, Dutch reviews",
        "keytrade nl, 1–2 against 4–5 stars; shipped",
        measuring.labels,
        bench.p("negative", measuring, language="nl"),
        reference="supervised TF-IDF 0.970, quick head 0.92",
        target=0.96,
    )


def measure_negative_in_dutch_sentences(bench: Bench) -> Iterator[Row]:
    """Shipped `negative` on single sentences."""
    measuring = read_absa_sentences(bench.data_folder)
    yield _auc_row(
        "Negative, Dutch sentences",
        "absa16_restaurants_nl, all-negative against all-positive; shipped",
        measuring.labels,
        bench.p("negative", measuring, language="nl"),
        reference="quick head 0.94",
        target=0.96,
    )


def measure_negative_word_of_mouth(bench: Bench) -> Iterator[Row]:
    """Figures that were kept with the head: each industry predicted by a head that never saw it."""
    reference = {"nl": "tweet-sentiment head 0.73", "en": "tweet-sentiment head 0.69"}
    for row in _written_rows(bench, "negative_wom"):
        yield Row(
            f"Negative word of mouth, {row.language}",
            "written posts, an industry in no language seen in training",
            "AUC",
            row.auc,
            row.auc_low,
            row.auc_high,
            row.n,
            reference=reference.get(row.language, ""),
            target=0.95,
        )


def measure_contrast_pairs(bench: Bench) -> Iterator[Row]:
    """Pairs of posts that are much alike, of which one has the label: of industries that the head never saw."""
    for signal in ("negative_wom", "toxic"):
        validation = bench.heads.heads[signal].validation
        rows = [row for row in validation if row.source == WRITTEN_PAIRS and row.language != POOLED]
        for row in rows:
            what = f"Contrast pairs, {signal}, {row.language}"
            yield Row(what, "written pairs, held out", "AUC", row.auc, row.auc_low, row.auc_high, row.n)
        if not rows:
            note = "these heads were not learned with pairs"
            yield Row(f"Contrast pairs, {signal}", "written pairs, held out", "AUC", None, None, None, 0, note=note)


THREE_CLASS_TARGETS = {"english": 0.706, "german": 0.773, "french": 0.712, "spanish": 0.679}


def measure_three_class_sentiment(bench: Bench) -> Iterator[Row]:
    """One head for all languages on the training tweets, tested per language; an output of this command only."""
    parts = [read_umsab(bench.data_folder, language=language, part="train") for language in UMSAB_LANGUAGES]
    texts = [text for part in parts for text in part.texts]
    predict = _protocol_head(bench.hidden(texts), np.concatenate([part.labels for part in parts]))
    for language, target in THREE_CLASS_TARGETS.items():
        test = read_umsab(bench.data_folder, language=language, part="test")
        yield _macro_f1_row(
            f"Sentiment, 3 classes, {language}",
            "umsab test; one head trained on umsab train in six languages",
            test.labels,
            predict(bench.hidden(test.texts)),
            reference=f"XLM-T {target}",
            target=target,
        )


def measure_complaints_in_unseen_domains(bench: Bench) -> Iterator[Row]:
    """Protocol: each of the nine brand domains is predicted by a head trained on the other eight.

    The two domains of random tweets hold one class each and take no part.
    """
    tweets = read_complaint_tweets(bench.data_folder)
    hidden, to_brands = bench.hidden(tweets.texts), ~np.isin(tweets.kinds, ["random_reply", "random_tweet"])
    predicted = np.zeros_like(tweets.labels)
    for domain in np.unique(tweets.kinds[to_brands]):
        held_out = tweets.kinds == domain
        train = to_brands & ~held_out
        predicted[held_out] = _protocol_head(hidden[train], tweets.labels[train])(hidden[held_out])
    yield _macro_f1_row(
        "Complaint, unseen brand domain",
        "complaints_tweets_en, leave one of nine domains out, all held-out rows together; protocol",
        tweets.labels[to_brands],
        predicted[to_brands],
        reference="TF-IDF 0.826 (random folds)",
        target=0.85,
    )


def measure_offensive_tweets(bench: Bench) -> Iterator[Row]:
    """Protocol: official training part, official test part."""
    train = read_offensive_tweets(bench.data_folder, part="train")
    test = read_offensive_tweets(bench.data_folder, part="test")
    yield _macro_f1_row(
        "Offensive",
        "tweeteval_offensive_en, official parts; protocol",
        test.labels,
        _protocol_head(bench.hidden(train.texts), train.labels)(bench.hidden(test.texts)),
        reference="bge-large + linear 0.748",
        target=0.76,
    )


def measure_toxic_in_dutch_templates(bench: Bench) -> Iterator[Row]:
    """Shipped `toxic` on hate templates: all of them, each behaviour, and identity terms in harmless use."""
    measuring = read_hatecheck(bench.data_folder, language="dutch")
    p = bench.p("toxic", measuring, language="nl")
    on = "multilingual_hatecheck nl; shipped"
    yield _auc_row("Toxic, Dutch templates", on, measuring.labels, p)
    threshold = bench.heads.threshold("toxic", "nl").probability
    flagged = np.zeros(len(p), dtype=bool) if threshold is None else np.round(p, 6) >= threshold
    right = flagged == (measuring.labels == 1)
    for kind, label in sorted(set(zip(measuring.kinds.tolist(), measuring.labels.tolist(), strict=True))):
        rows = (measuring.kinds == kind) & (measuring.labels == label)
        measure = "share flagged" if label else "share left alone"
        yield _share_row(f"Toxic, Dutch templates: {kind}", on, measure, right[rows])
    harmless_use = np.isin(measuring.kinds, ("ident_neutral", "ident_pos"))
    yield _share_row("Toxic, identity terms in harmless use", on, "share flagged", flagged[harmless_use])


def _share_row(what: str, on: str, measure: str, found: NDArray[np.bool_]) -> Row:
    low, high = wilson_interval(int(found.sum()), len(found))
    return Row(what, on, measure, float(found.mean()), low, high, len(found))


def measure_calibration_on_written_posts(bench: Bench) -> Iterator[Row]:
    """Every head and language with enough rows, on posts of industries that the head never saw."""
    for signal in SIGNALS:
        for row in _written_rows(bench, signal):
            if row.n >= MIN_CALIBRATION_ROWS:
                yield _calibration_row(signal, row.language, "written posts, held out", row.calibration_error, n=row.n)


def measure_calibration_on_tweets(bench: Bench) -> Iterator[Row]:
    """Shipped `negative` on the official test part, whose training part it learned from."""
    for name, language in {"english": "en", "german": "de", "french": "fr", "spanish": "es"}.items():
        test = read_umsab(bench.data_folder, language=name, part="test")
        yield _tweet_calibration_row(bench.p("negative", test, language=language), test.labels == 0, language)


def _tweet_calibration_row(p: NDArray[np.float64], is_negative: NDArray[np.bool_], language: str) -> Row:
    labels = is_negative.astype(np.float64)
    error = expected_calibration_error(p, labels)
    interval = bootstrap_interval(lambda rows: expected_calibration_error(p[rows], labels[rows]), len(p))
    return _calibration_row("negative", language, "umsab test; shipped", error, interval=interval, n=len(p))


def _calibration_row(
    signal: str, language: str, measured_on: str, error: float, *, n: int, interval: tuple[float, float] | None = None
) -> Row:
    low, high = interval or (None, None)
    what, measure = f"Calibration, {signal}, {language}", "expected calibration error"
    return Row(what, measured_on, measure, error, low, high, n, target=0.05, at_most=True)


def measure_thresholds(bench: Bench) -> Iterator[Row]:
    """Recall at the shipped threshold, which promises a precision of 0.8 on the same held-out posts."""
    for signal in SIGNALS:
        for validation in _written_rows(bench, signal):
            yield _threshold_row(bench, signal, validation)


def _threshold_row(bench: Bench, signal: str, validation: Validation) -> Row:
    threshold = bench.heads.threshold(signal, validation.language)
    what, measured_on = f"Threshold, {signal}, {validation.language}", "written posts, held out"
    target = 0.5 if signal in ("negative_wom", "toxic", "spam") else None
    if threshold.recall is None or threshold.precision is None:
        note = "no threshold reaches precision 0.8"
        return Row(what, measured_on, "recall", 0.0, None, None, validation.n_positive, target=target, note=note)
    low, high = wilson_interval(round(threshold.recall * validation.n_positive), validation.n_positive)
    measure, note = f"recall at precision {threshold.precision:.2f}", f"{validation.n:,} posts"
    return Row(what, measured_on, measure, threshold.recall, low, high, validation.n_positive, target=target, note=note)


RowMaker = Callable[[Bench], Iterator[Row]]

CLAIMS: tuple[RowMaker, ...] = (
    measure_negative_in_dutch_reviews,
    measure_negative_word_of_mouth,
    measure_contrast_pairs,
    measure_negative_in_dutch_sentences,
    measure_three_class_sentiment,
    measure_complaints_in_unseen_domains,
    measure_offensive_tweets,
    measure_toxic_in_dutch_templates,
    measure_calibration_on_written_posts,
    measure_calibration_on_tweets,
    measure_thresholds,
)
"""In the order of the table; a new claim is a function that yields its rows, added here."""


def _written_rows(bench: Bench, signal: str) -> list[Validation]:
    rows = bench.heads.heads[signal].validation
    return [row for row in rows if row.source == WRITTEN and row.language != POOLED]


def _protocol_head(
    hidden: NDArray[np.float32], labels: NDArray[np.int64]
) -> Callable[[NDArray[np.float32]], NDArray[np.int64]]:
    """A head that is only measured, never shipped: logistic regression, classes weighted equally."""
    scaler = StandardScaler().fit(_flat(hidden))
    head = LogisticRegression(C=PROTOCOL_STRENGTH, class_weight="balanced", max_iter=500)
    head.fit(scaler.transform(_flat(hidden)), labels)
    return lambda unseen: np.asarray(head.predict(scaler.transform(_flat(unseen))), dtype=np.int64)


def _flat(hidden: NDArray[np.float32]) -> NDArray[np.float64]:
    """All layers but the last, as the shipped heads use them."""
    return hidden[:, : max(hidden.shape[1] - 1, 1)].reshape(len(hidden), -1).astype(np.float64)


def _auc_row(
    what: str,
    measured_on: str,
    labels: NDArray[np.int64],
    p: NDArray[np.float64],
    *,
    reference: str = "",
    target: float | None = None,
    note: str = "",
) -> Row:
    auc, n_positive = float(roc_auc_score(labels, p)), int(labels.sum())
    low, high = auc_interval(auc, n_positive=n_positive, n_negative=len(labels) - n_positive)
    return Row(what, measured_on, "AUC", auc, low, high, len(labels), reference=reference, target=target, note=note)


def _macro_f1_row(
    what: str,
    measured_on: str,
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    *,
    reference: str,
    target: float,
) -> Row:
    low, high = bootstrap_interval(lambda rows: macro_f1(labels[rows], predicted[rows]), len(labels))
    figure = macro_f1(labels, predicted)
    return Row(what, measured_on, "macro-F1", figure, low, high, len(labels), reference=reference, target=target)


def macro_f1(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Mean over the classes of the harmonic mean of precision and recall; a class that nobody has or gets counts 0.

    Parameters
    ----------
    labels, predicted : shape (n,), classes numbered from 0.
    """
    n_classes = int(max(labels.max(), predicted.max())) + 1
    hits = np.bincount(labels[labels == predicted], minlength=n_classes)
    n_either = np.bincount(labels, minlength=n_classes) + np.bincount(predicted, minlength=n_classes)
    return float(np.mean(2 * hits / np.maximum(n_either, 1)))


ELSEWHERE = (
    "Measured by commands of their own, with the results beside them: how much the heads' figures move between seeds "
    "(`benchmarks/heads`), every mistake on the sample community (`docs/sample.md`), topics beside other libraries, "
    "their stability and the seconds of a refit (`benchmarks/topics`), planted drift (`benchmarks/drift`), what comes "
    "up (`benchmarks/emergence`), waiting on three real sets (`benchmarks/response_times`), splits and niches, with "
    "what they say of Urho3D, of airline talk without authors and of all newsgroups, read by a person "
    "(`benchmarks/splits`), members (`benchmarks/members`), speed (`benchmarks/encode`, `benchmarks/service`)."
)


def write_evaluation(
    rows: Sequence[Row], path: Path, *, encoder_version: str, head_versions: Mapping[str, str], made_on: date
) -> None:
    """Write the table as Markdown, with what it was measured with."""
    heads = ", ".join(f"{signal} `{version}`" for signal, version in head_versions.items())
    header = ("What", "Measured on", "Measure", "Figure", "95 %", "n", "Reference", "Target", "Reached", "Note")
    lines = [
        "# Evaluation",
        "",
        "Written by `klankbord evaluate`; every figure is measured, none is typed. Intervals: Hanley–McNeil for AUC, "
        "Wilson for shares, 1,000 bootstrap resamples for the rest.",
        "",
        f"Measured on {made_on.isoformat()} with encoder `{encoder_version}` and heads {heads}.",
        "",
        ELSEWHERE,
        "",
        f"| {' | '.join(header)} |",
        f"|{' --- |' * len(header)}",
        *(f"| {' | '.join(_cells(row))} |" for row in rows),
        "",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")


def _cells(row: Row) -> tuple[str, ...]:
    reached = {True: "yes", False: "no", None: ""}[row.is_reached]
    interval = "" if row.low is None or row.high is None else f"{row.low:.3f}–{row.high:.3f}"
    target = "" if row.target is None else f"{'≤' if row.at_most else '≥'} {row.target:g}"
    n = f"{row.n:,}" if row.n else ""
    return (
        row.what, row.measured_on, row.measure, _figure(row), interval, n, row.reference, target, reached, row.note
    )  # fmt: skip


def _figure(row: Row) -> str:
    return "–" if row.figure is None else f"{row.figure:.3f}"
