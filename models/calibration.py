"""From a head's logit to a probability that means what it says, and how far it may be trusted."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from sklearn.isotonic import IsotonicRegression

MIN_ISOTONIC_ROWS = 1_000
"""With fewer rows isotonic regression overfits (Niculescu-Mizil and Caruana, ICML 2005)."""
P_FLOOR = 1e-4
N_BINS = 10
MIN_ABOVE_THRESHOLD = 20
MIN_THRESHOLD = 0.5

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SigmoidCalibration:
    """`p = expit(slope * logit + intercept)` (Platt, 1999); temperature scaling where the intercept is 0."""

    slope: float
    intercept: float

    def probabilities(self, logits: Array) -> Array:
        """Calibrated probabilities in [0, 1], the shape of `logits`; NaN stays NaN."""
        return np.asarray(expit(self.slope * logits + self.intercept), dtype=np.float64)


@dataclass(frozen=True)
class IsotonicCalibration:
    """A monotone broken line through (knot_logits, knot_probabilities), flat beyond its ends."""

    knot_logits: tuple[float, ...]
    knot_probabilities: tuple[float, ...]

    def probabilities(self, logits: Array) -> Array:
        """Calibrated probabilities in [0, 1], the shape of `logits`; NaN stays NaN."""
        return np.asarray(np.interp(logits, self.knot_logits, self.knot_probabilities), dtype=np.float64)


Calibration = SigmoidCalibration | IsotonicCalibration


@dataclass(frozen=True)
class CalibrationFit:
    """The calibration that was chosen, and what it says about rows that it was not fitted on.

    Attributes
    ----------
    method : "temperature", "platt" or "isotonic".
    held_out : shape (n,), each row's probability by a calibration fitted on the other folds.
    """

    method: str
    calibration: Calibration
    held_out: Array


@dataclass(frozen=True)
class PrecisionPoint:
    """A threshold and what lies above it; `n_above` rows, `precision` and `recall` in [0, 1]."""

    probability: float
    precision: float
    recall: float
    n_above: int


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of like probability: what they were said to be and what they were.

    Attributes
    ----------
    mean_probability : in [0, 1], over the bin's rows.
    share : of the rows that carry the signal, in [0, 1].
    n : rows, at least 1.
    """

    mean_probability: float
    share: float
    n: int


def fit_calibration(logits: Array, labels: Array, *, weights: Array, folds: NDArray[np.int64]) -> CalibrationFit:
    """Fit temperature, Platt and (with enough rows) isotonic calibration; keep the one with least held-out log loss.

    Parameters
    ----------
    logits, labels, weights : shape (n,); labels are 0 or 1, and both occur in the rows of every training side.
    folds : shape (n,); each row is predicted from the rows of other folds.
    """
    candidates = dict(FITTERS)
    if len(logits) < MIN_ISOTONIC_ROWS:
        del candidates["isotonic"]
    held_out = {
        method: _held_out(fit, logits, labels, weights=weights, folds=folds) for method, fit in candidates.items()
    }
    loss = {method: round(log_loss(p, labels, weights), 6) for method, p in held_out.items()}
    method = min(candidates, key=lambda method: loss[method])
    return CalibrationFit(method, candidates[method](logits, labels, weights), held_out[method])


def _held_out(
    fit: Callable[[Array, Array, Array], Calibration],
    logits: Array,
    labels: Array,
    *,
    weights: Array,
    folds: NDArray[np.int64],
) -> Array:
    p = np.empty_like(logits)
    for fold in np.unique(folds):
        test = folds == fold
        p[test] = fit(logits[~test], labels[~test], weights[~test]).probabilities(logits[test])
    return p


def fit_temperature(logits: Array, labels: Array, weights: Array) -> SigmoidCalibration:
    """Slope only: the least that can be fitted."""
    log_slope = _minimise_log_loss(lambda x: np.exp(x[0]) * logits, labels, weights, n_parameters=1)[0]
    return SigmoidCalibration(slope=float(np.exp(log_slope)), intercept=0.0)


def fit_platt(logits: Array, labels: Array, weights: Array) -> SigmoidCalibration:
    """Slope and intercept."""
    log_slope, intercept = _minimise_log_loss(lambda x: np.exp(x[0]) * logits + x[1], labels, weights, n_parameters=2)
    return SigmoidCalibration(slope=float(np.exp(log_slope)), intercept=float(intercept))


def _minimise_log_loss(
    logits_of: Callable[[Array], Array], labels: Array, weights: Array, *, n_parameters: int
) -> Array:
    """Over a log slope and with Platt's softened labels.

    So a higher logit never means a lower probability, and classes that a few hundred rows separate perfectly do not
    make the head certain of everything.
    """
    n_positive = labels.sum()
    soft = np.where(labels == 1, (n_positive + 1) / (n_positive + 2), 1 / (len(labels) - n_positive + 2))

    def loss(x: Array) -> float:
        logits = logits_of(x)
        return -float(np.average(soft * log_expit(logits) + (1 - soft) * log_expit(-logits), weights=weights))

    found = minimize(
        loss,
        x0=np.zeros(n_parameters),
        method="L-BFGS-B",
        bounds=[(-4.0, 4.0), (-10.0, 10.0)][:n_parameters],
    )
    return np.asarray(found.x, dtype=np.float64).round(9)


def fit_isotonic(logits: Array, labels: Array, weights: Array) -> IsotonicCalibration:
    """Pool adjacent violators; never fully certain."""
    regression = IsotonicRegression(y_min=P_FLOOR, y_max=1 - P_FLOOR, out_of_bounds="clip")
    regression.fit(logits, labels, sample_weight=weights)
    return IsotonicCalibration(
        tuple(float(knot) for knot in regression.X_thresholds_), tuple(float(knot) for knot in regression.y_thresholds_)
    )


FITTERS: dict[str, Callable[[Array, Array, Array], Calibration]] = {
    "temperature": fit_temperature,
    "platt": fit_platt,
    "isotonic": fit_isotonic,
}


def log_loss(probabilities: Array, labels: Array, weights: Array) -> float:
    """Weighted mean of `-log p(label)`, in nats, with probabilities kept `P_FLOOR` away from 0 and 1."""
    p = np.clip(probabilities, P_FLOOR, 1 - P_FLOOR)
    return -float(np.average(np.where(labels == 1, np.log(p), np.log1p(-p)), weights=weights))


def expected_calibration_error(probabilities: Array, labels: Array) -> float:
    """Mean gap between probability and share of positives over ten equally wide bins, weighted by their rows.

    Naeini, Cooper and Hauskrecht, AAAI 2015; biased upwards on few rows, so never quote it without n.
    """
    gaps = np.bincount(_bin_of(probabilities), weights=probabilities - labels, minlength=N_BINS)
    return float(np.abs(gaps).sum() / len(labels))


def reliability_bins(probabilities: Array, labels: Array) -> tuple[ReliabilityBin, ...]:
    """The bins of `expected_calibration_error` that hold a row, in order: the points of a reliability diagram."""
    bins = _bin_of(probabilities)
    n = np.bincount(bins, minlength=N_BINS)
    p, with_signal = (np.bincount(bins, weights=rows, minlength=N_BINS) for rows in (probabilities, labels))
    return tuple(
        ReliabilityBin(round(float(p[i] / n[i]), 4), round(float(with_signal[i] / n[i]), 4), int(n[i]))
        for i in np.flatnonzero(n)
    )


def _bin_of(probabilities: Array) -> NDArray[np.int64]:
    return np.minimum((probabilities * N_BINS).astype(np.int64), N_BINS - 1)


def lowest_precise_point(
    probabilities: Array, labels: Array, *, min_precision: float, share: float | None = None
) -> PrecisionPoint | None:
    """Find the lowest threshold above which precision is reached; None where no threshold reaches it.

    A threshold below one half is passed over: nothing counts as present that is more likely absent. So is one with
    fewer than `MIN_ABOVE_THRESHOLD` rows above it: that few show nothing. Probabilities are compared rounded to six
    digits, as every decision is.

    Parameters
    ----------
    share : of positives where the threshold will be used, in (0, 1), if that is not their share among the rows: false
        alarms weigh as much as they will there.
    """
    rounded = np.round(probabilities, 6)
    order = np.argsort(-rounded, kind="stable")
    n_above = np.arange(1, len(order) + 1)
    hits = np.cumsum(labels[order])
    is_last_of_ties = np.append(np.diff(rounded[order]) != 0, True)
    is_candidate = is_last_of_ties & (n_above >= MIN_ABOVE_THRESHOLD) & (rounded[order] >= MIN_THRESHOLD)
    precision = hits / np.maximum(hits + _weight_of_negatives(labels, share) * (n_above - hits), 1e-9)
    reached = is_candidate & (np.round(precision, 9) >= min_precision)
    if not reached.any():
        return None
    last = int(np.flatnonzero(reached)[-1])
    return PrecisionPoint(
        probability=float(rounded[order][last]),
        precision=float(precision[last]),
        recall=float(hits[last] / labels.sum()),
        n_above=int(n_above[last]),
    )


def _weight_of_negatives(labels: Array, share: float | None) -> float:
    """How many negatives each one stands for where positives have another share; 1 where they have not."""
    n_positive, n_negative = float(labels.sum()), float(len(labels) - labels.sum())
    if share is None or not n_negative:
        return 1.0
    return n_positive * (1 - share) / (share * n_negative)
