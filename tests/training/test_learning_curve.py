from pathlib import Path

import numpy as np
import pytest

from models.encoder import Encoding
from models.heads import HeadSet
from models.signals import SIGNALS
from training.challenge import PAIRS_IN_ORDER
from training.dataset import WRITTEN, WRITTEN_TALK, Example, LabelledTexts, as_columns
from training.evaluate import Bench, Row
from training.learning_curve import (
    ALL_INDUSTRIES,
    MIN_POSITIVES,
    draw_posts,
    measure_curve,
    measure_industries,
    pool_pairs,
)

INDUSTRIES = tuple(f"industry {number:02}" for number in range(10))
N_LAYERS, DIM = 2, 12


def planted(n: int, *, positive: float = 0.4) -> list[Example]:
    rng = np.random.default_rng(4)
    return [
        Example(
            f"post {number}",
            "nl" if number % 2 else "en",
            WRITTEN,
            INDUSTRIES[number // 2 % 10],
            {signal: float(rng.random() < positive) for signal in SIGNALS},
            {},
        )
        for number in range(n)
    ]


def planted_hidden(targets: np.ndarray) -> np.ndarray:
    hidden = np.random.default_rng(8).normal(size=(len(targets), N_LAYERS, DIM))
    hidden[:, 0, : len(SIGNALS)] += 1.2 * np.nan_to_num(targets)
    return hidden.astype(np.float32)


class PlantedEncoder:
    """Gives each text the row that was planted for it."""

    name = version = "tiny"
    dim = DIM
    hidden_layers = (1, 2)

    def __init__(self, labelled: LabelledTexts) -> None:
        self.hidden_of = dict(zip(labelled.texts, planted_hidden(labelled.targets), strict=True))

    def encode(self, texts, *, batch_size=256):
        if texts:
            hidden = np.stack([self.hidden_of[text] for text in texts])
            yield Encoding(hidden[:, -1], hidden)


@pytest.fixture(scope="module")
def labelled():
    return as_columns(planted(900))


def test_larger_draws_hold_the_smaller_ones(labelled):
    small, large = (draw_posts(labelled, n_posts=n_posts, seed=1) for n_posts in (100, 300))
    assert (small.sum(), large.sum()) == (100, 300)
    assert large[small].all()
    assert not np.array_equal(small, draw_posts(labelled, n_posts=100, seed=2))


def test_only_written_posts_are_left_out():
    tweets = [Example(f"tweet {n}", "en", "umsab", f"t{n}", {"negative": 0.0}, {}) for n in range(40)]
    labelled = as_columns([*planted(200), *tweets])
    learned = draw_posts(labelled, n_posts=50, seed=0)
    assert learned[np.array(labelled.sources) == "umsab"].all()
    assert learned.sum() == 90


def test_the_curve_rises_on_planted_posts_and_ends_with_all_of_them(labelled):
    bench = Bench(Path(), PlantedEncoder(labelled), None)
    points = list(measure_curve(bench, labelled, claims=(), sizes=(100, 5_000), report=lambda _: None))
    assert [(point.n_posts, point.draw) for point in points] == [(100, 0), (100, 1), (100, 2), (900, 0)]
    figures = [np.mean([row.figure for row in point.rows]) for point in points]
    assert figures[-1] > max(figures[:-1])
    assert {row.n for row in points[0].rows} == {450}, "few are learned from, all are measured on"


def test_a_claim_is_measured_with_the_heads_of_each_point(labelled):
    seen = []

    def claim(bench: Bench):
        seen.append(bench.heads)
        yield Row("claimed", "", "AUC", 0.5, None, None, 1)

    bench = Bench(Path(), PlantedEncoder(labelled), None)
    points = list(measure_curve(bench, labelled, claims=(claim,), sizes=(), report=lambda _: None))
    assert "claimed" in {row.what for row in points[0].rows}
    assert isinstance(seen[0], HeadSet)


def test_an_industry_is_not_learned_from_its_own_posts_or_replies():
    """Its tone is turned around, and a giveaway that only its posts and replies carry must go unnoticed."""
    own = INDUSTRIES[0]
    talk = [Example(f"talk {n}", "nl", WRITTEN_TALK, own, {}, {"negative_wom": float(n % 2)}) for n in range(400)]
    labelled = as_columns([*planted(900), *talk])
    is_own = np.array(labelled.groups) == own
    hidden = planted_hidden(np.where(is_own[:, None], -labelled.targets, labelled.targets))
    tone = np.nan_to_num(labelled.targets[:, SIGNALS.index("negative_wom")])
    hidden[:, 0, -1] = np.where(is_own, 4 * (2 * tone - 1), 0)
    figures = {
        figure.industry: figure
        for figure in measure_industries(labelled, hidden)
        if figure.signal == "negative_wom" and figure.language == "nl + en"
    }
    assert figures[own].auc < 0.4
    assert min(figures[name].auc for name in INDUSTRIES[1:]) > 0.6
    assert figures[ALL_INDUSTRIES].n == 900


def test_few_positive_posts_give_no_figure():
    labelled = as_columns(planted(600, positive=0.1))
    figures = measure_industries(labelled, planted_hidden(labelled.targets))
    few = [figure for figure in figures if figure.n_positive < MIN_POSITIVES]
    assert few
    assert all(figure.auc is figure.low is figure.high is None for figure in few)
    assert all(figure.auc is not None for figure in figures if figure.n_positive >= MIN_POSITIVES)


def test_pairs_are_pooled_by_signal_and_over_all():
    rows = [
        Row("Challenge set, spam: a", "", PAIRS_IN_ORDER, 1.0, None, None, 8),
        Row("Challenge set, spam: b", "", PAIRS_IN_ORDER, 0.5, None, None, 4),
        Row("Challenge set, idea: c", "", PAIRS_IN_ORDER, 0.25, None, None, 8),
        Row("Challenge set, idea, nl", "", "AUC", 0.9, None, None, 96),
    ]
    assert [(row.what, row.figure, row.n) for row in pool_pairs(rows)] == [
        ("Challenge set pairs, spam", 10 / 12, 12),
        ("Challenge set pairs, idea", 0.25, 8),
        ("Challenge set pairs, all", 0.6, 20),
    ]
