"""Does more writing help: heads that learn from fewer written posts, and heads that never see one industry."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from models.heads import HeadSet
from models.signals import SIGNALS
from training.challenge import PAIRS_IN_ORDER
from training.dataset import WRITTEN, WRITTEN_PAIRS, LabelledTexts
from training.evaluate import Bench, Row
from training.fit import fit_heads, logits_across_industries
from training.intervals import auc_interval, wilson_interval

SIZES = (100, 300, 1_000)
N_DRAWS = 3
LANGUAGES = ("nl", "en")
MIN_POSITIVES = 8
"""An AUC over fewer positive posts says next to nothing."""

ALL_INDUSTRIES = "all"
HELD_OUT = "written posts of held-out industries"
Claim = Callable[[Bench], Iterator[Row]]


@dataclass(frozen=True)
class CurvePoint:
    """What heads reach that learned from some of the written posts.

    Attributes
    ----------
    n_posts : written posts learned from, all languages together.
    draw : which of the random draws; 0 where all posts were taken.
    rows : every figure; equal `what` and `measure` = the same figure at another point.
    """

    n_posts: int
    draw: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class IndustryFigure:
    """How well a signal is found in an industry that the head never saw.

    Attributes
    ----------
    industry : or `ALL_INDUSTRIES`: every post predicted without its own industry, all together.
    language : a language, or "nl + en" for both together.
    auc, low, high : None where there are fewer than `MIN_POSITIVES` posts with the signal.
    """

    industry: str
    signal: str
    language: str
    n: int
    n_positive: int
    auc: float | None
    low: float | None
    high: float | None


def measure_curve(
    bench: Bench,
    labelled: LabelledTexts,
    *,
    claims: Sequence[Claim],
    sizes: Sequence[int] = SIZES,
    report: Callable[[str], None],
) -> Iterator[CurvePoint]:
    """Fit heads as `klankbord train` does, on a part of the written posts at a time, and measure each set of heads.

    The posts of a smaller size are part of those of a larger size of the same draw. The open sets keep their share
    relative to the written posts that are learned from.

    Parameters
    ----------
    bench : its heads are ignored.
    claims : measured with each set of heads, besides the held-out industries.
    report : takes a line before each point.

    Yields
    ------
    Points by size; the last one learned from all posts, and like the others from no contrast pair.
    """
    n_written = labelled.sources.count(WRITTEN)
    plan = [(size, draw) for size in sizes if size < n_written for draw in range(N_DRAWS)]
    for n_posts, draw in (*plan, (n_written, 0)):
        report(f"learning from {n_posts:,} written posts, draw {draw + 1}")
        learned = draw_posts(labelled, n_posts=n_posts, seed=draw)
        heads = fit_heads(
            labelled,
            bench.hidden(labelled.texts),
            encoder_version=bench.encoder.version,
            hidden_layers=bench.encoder.hidden_layers,
            learned=learned,
        )
        fitted = replace(bench, heads=HeadSet({head.signal: head for head in heads}))
        rows = tuple(_measure(fitted, claims))
        yield CurvePoint(n_posts, draw, (*rows, *pool_pairs(rows)))


def draw_posts(labelled: LabelledTexts, *, n_posts: int, seed: int) -> NDArray[np.bool_]:
    """Every row but the written posts that are left out and the contrast pairs; shape (n,).

    A larger draw holds the smaller ones.
    """
    sources = np.array(labelled.sources)
    written = np.flatnonzero(sources == WRITTEN)
    learned = np.asarray(sources != WRITTEN_PAIRS, dtype=bool)
    learned[np.random.default_rng(seed).permutation(written)[n_posts:]] = False
    return learned


def _measure(bench: Bench, claims: Sequence[Claim]) -> Iterator[Row]:
    for signal, head in bench.heads.heads.items():
        for validation in head.validation:
            if validation.source == WRITTEN and validation.language in LANGUAGES:
                what = f"Held out, {signal}, {validation.language}"
                low, high = validation.auc_low, validation.auc_high
                yield Row(what, HELD_OUT, "AUC", validation.auc, low, high, validation.n)
    with threadpool_limits(1):
        for claim in claims:
            yield from claim(bench)


def pool_pairs(rows: Sequence[Row]) -> list[Row]:
    """One row for all pairs of the challenge set that test a signal, and one for all of its pairs."""
    of_signal: dict[str, list[Row]] = {}
    for row in rows:
        if row.measure == PAIRS_IN_ORDER:
            signal = row.what.removeprefix("Challenge set, ").partition(":")[0]
            of_signal.setdefault(f"Challenge set pairs, {signal}", []).append(row)
    every = [row for own in of_signal.values() for row in own]
    pooled = [_pooled(what, own) for what, own in of_signal.items()]
    return [*pooled, _pooled("Challenge set pairs, all", every)] if every else []


def _pooled(what: str, rows: Sequence[Row]) -> Row:
    n = sum(row.n for row in rows)
    n_right = round(sum(row.n * row.figure for row in rows if row.figure is not None))
    low, high = wilson_interval(n_right, n)
    return replace(rows[0], what=what, figure=n_right / n, low=low, high=high, n=n)


def measure_industries(labelled: LabelledTexts, hidden: NDArray[np.float32]) -> list[IndustryFigure]:
    """Leave each industry out in turn, for every signal, and measure on it.

    Parameters
    ----------
    hidden : shape (n, n_layers, dim), the rows of `labelled`.
    """
    logits = logits_across_industries(labelled, hidden)
    sources, spoken, groups = map(np.array, (labelled.sources, labelled.languages, labelled.groups))
    is_written = sources == WRITTEN
    figures = []
    for industry in (*np.unique(groups[is_written]).tolist(), ALL_INDUSTRIES):
        for languages in (LANGUAGES, *((language,) for language in LANGUAGES)):
            rows = is_written & np.isin(spoken, languages) & ((groups == industry) | (industry == ALL_INDUSTRIES))
            figures += [
                _industry_figure(
                    (industry, signal, " + ".join(languages)), labelled.targets[rows, column], logits[rows, column]
                )
                for column, signal in enumerate(SIGNALS)
            ]
    return figures


def _industry_figure(
    about: tuple[str, str, str], labels: NDArray[np.float64], logits: NDArray[np.float64]
) -> IndustryFigure:
    n, n_positive = len(labels), int(labels.sum())
    if not MIN_POSITIVES <= n_positive <= n - MIN_POSITIVES:
        return IndustryFigure(*about, n, n_positive, None, None, None)
    auc = float(roc_auc_score(labels, logits))
    return IndustryFigure(
        *about, n, n_positive, auc, *auc_interval(auc, n_positive=n_positive, n_negative=n - n_positive)
    )
