import numpy as np
import pytest

from training.intervals import auc_interval, bootstrap_interval, wilson_interval


def test_wilson_interval_of_a_published_case():
    """81 of 263: Newcombe, Statistics in Medicine 1998, table I, method 3."""
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize(("n_hits", "n"), [(0, 10), (10, 10)])
def test_wilson_interval_stays_within_shares(n_hits, n):
    low, high = wilson_interval(n_hits, n)
    assert 0 <= low < high <= 1


def test_auc_interval_covers_the_truth_about_as_often_as_it_says():
    rng, truth, n_covered = np.random.default_rng(5), 0.7602499, 0
    for _ in range(300):
        positive, negative = rng.normal(1, 1, 60), rng.normal(0, 1, 60)
        auc = float((positive[:, None] > negative[None, :]).mean())
        low, high = auc_interval(auc, n_positive=60, n_negative=60)
        n_covered += low <= truth <= high
    assert 0.91 <= n_covered / 300 <= 0.99


def test_bootstrap_interval_is_repeatable_and_as_wide_as_the_normal_one():
    values = np.random.default_rng(2).normal(size=400)
    interval = bootstrap_interval(lambda rows: float(values[rows].mean()), 400)
    assert interval == bootstrap_interval(lambda rows: float(values[rows].mean()), 400)
    assert interval[1] - interval[0] == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
