"""Since when people have been answered faster or more slowly: change points that nobody told where to look.

Week by week the answers that came are held against those to be expected if answering had been the same all along, at
the ages that the open waits then had. Where the two part, something changed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_EXPECTED = 5.0
"""Answers to be expected on either side of a change; with fewer a run of luck looks like a change."""
MIN_WEEKS = 4
MAX_P = 0.0025
"""A report looks at four clocks in two ways: where nothing changed, one report in fifty names a change all the same."""
MAX_CHANGES = 5
N_PERMUTATIONS = 1999
_DECIDING_DIGITS = 9


@dataclass(frozen=True)
class WeeklyAnswers:
    """Answers per week, found and expected.

    Attributes
    ----------
    n_answers : shape (n_weeks,).
    n_expected : shape (n_weeks,), adding up to the same number, if the rate of answering at each age never changed.
    """

    n_answers: NDArray[np.float64]
    n_expected: NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """One change point.

    Attributes
    ----------
    week : the first week of the new way.
    p : how often weeks in random order show a change this clear, in (0, 1].
    """

    week: int
    p: float


def answers_by_week_written(
    started: ArrayLike, wait_seconds: ArrayLike, answered: ArrayLike, *, boundaries: ArrayLike
) -> WeeklyAnswers:
    """Count each answer in the week in which it was written: since when has the answering changed.

    Parameters
    ----------
    started : shape (n,), seconds since any moment, at which each wait began.
    wait_seconds, answered : shape (n,), as for `moderation.survival.estimate_waits`.
    boundaries : shape (n_weeks + 1,), rising, in the same seconds; all starts lie within.
    """
    start, wait = np.asarray(started, dtype=np.float64), np.asarray(wait_seconds, dtype=np.float64)
    is_answered, edges = np.asarray(answered, dtype=bool), np.asarray(boundaries, dtype=np.float64)
    ages, hazard = _cumulative_hazard(wait, is_answered)
    expected_by = np.array([_hazard_at(ages, hazard, np.clip(edge - start, -1.0, wait)).sum() for edge in edges])
    found = np.histogram((start + wait)[is_answered], bins=edges)[0].astype(np.float64)
    return WeeklyAnswers(found, np.diff(expected_by))


def answers_by_week_asked(
    started: ArrayLike, wait_seconds: ArrayLike, answered: ArrayLike, *, boundaries: ArrayLike
) -> WeeklyAnswers:
    """Count each answer in the week in which the post that it answers was written: whose posts fare differently."""
    start, wait = np.asarray(started, dtype=np.float64), np.asarray(wait_seconds, dtype=np.float64)
    is_answered, edges = np.asarray(answered, dtype=bool), np.asarray(boundaries, dtype=np.float64)
    ages, hazard = _cumulative_hazard(wait, is_answered)
    found = np.histogram(start[is_answered], bins=edges)[0].astype(np.float64)
    return WeeklyAnswers(found, np.histogram(start, bins=edges, weights=_hazard_at(ages, hazard, wait))[0])


def _cumulative_hazard(
    wait: NDArray[np.float64], is_answered: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nelson's (1972) estimate: the ages at which answers came and the hazard summed up to each, those included."""
    ages, n_answers = np.unique(wait[is_answered], return_counts=True)
    ordered = np.sort(wait)
    return ages, np.cumsum(n_answers / (len(ordered) - np.searchsorted(ordered, ages)))


def _hazard_at(
    ages: NDArray[np.float64], hazard: NDArray[np.float64], wait: NDArray[np.float64]
) -> NDArray[np.float64]:
    by_now: NDArray[np.float64] = np.append(0.0, hazard)[np.searchsorted(ages, wait, side="right")]
    return by_now


def find_changes(weekly: WeeklyAnswers) -> list[Change]:
    """Find the weeks from which answers came more or less often than before, in order of time.

    Notes
    -----
    Each cut of the weeks in two is weighed by the likelihood ratio of two Poisson rates against one, given all answers
    (Kulldorff, 1997, in time only). The largest is held against that of the same weeks in 1,999 random orders, so that
    weeks with many answers at once do not pass for a change. Where p is 0.0025 or less, both sides are searched again
    (binary segmentation; Vostrikova, 1981). Fixed seed: the same answers always give the same changes.
    """
    changes: list[Change] = []
    segments = [(0, len(weekly.n_answers))]
    while segments and len(changes) < MAX_CHANGES:
        begin, end = segments.pop(0)
        found = _clearest_change(weekly.n_answers[begin:end], weekly.n_expected[begin:end])
        if found is not None and found.p <= MAX_P:
            changes.append(Change(begin + found.week, found.p))
            segments += [(begin, begin + found.week), (begin + found.week, end)]
    return sorted(changes, key=lambda change: change.week)


def _clearest_change(n_answers: NDArray[np.float64], n_expected: NDArray[np.float64]) -> Change | None:
    """The best cut of one stretch of weeks; None where no cut leaves enough on both sides."""
    n_all, all_expected = n_answers.sum(), n_expected.sum()
    if len(n_answers) < 2 * MIN_WEEKS or n_all < 2 * MIN_EXPECTED or all_expected <= 0:
        return None
    expected = n_expected * (n_all / all_expected)
    clearness = _clearness(n_answers[None], expected[None])[0]
    cut = int(np.argmax(clearness))
    if clearness[cut] <= 0:
        return None
    # The order is drawn from the stretch's own length, so that a change elsewhere does not move the p of this one.
    orders = np.random.default_rng(len(n_answers)).permuted(
        np.tile(np.arange(len(n_answers)), (N_PERMUTATIONS, 1)), axis=1
    )
    by_chance = _clearness(n_answers[orders], expected[orders]).max(axis=1)
    return Change(cut + 1, float((1 + np.sum(by_chance >= clearness[cut])) / (1 + N_PERMUTATIONS)))


def _clearness(n_answers: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log likelihood ratio of a cut after each week but the last, 0 where a side is too small.

    Parameters
    ----------
    n_answers, expected : shape (n_orders, n_weeks), each row with the same sum in both.
    """
    found, due = np.cumsum(n_answers, axis=1)[:, :-1], np.cumsum(expected, axis=1)[:, :-1]
    n_all = n_answers.sum(axis=1, keepdims=True)
    ratio = _log_ratio(found, due) + _log_ratio(n_all - found, n_all - due)
    n_before = np.arange(1, n_answers.shape[1])
    is_long = (n_before >= MIN_WEEKS) & (n_answers.shape[1] - n_before >= MIN_WEEKS)
    is_large = (due >= MIN_EXPECTED) & (n_all - due >= MIN_EXPECTED)
    clearness: NDArray[np.float64] = np.where(is_long & is_large, ratio, np.float64(0))
    return clearness.round(_DECIDING_DIGITS)


def _log_ratio(found: NDArray[np.float64], due: NDArray[np.float64]) -> NDArray[np.float64]:
    """What one side adds to the ratio: found times log(found / due), 0 where none was found."""
    some = (found > 0) & (due > 0)
    quotient = np.where(some, found, 1.0) / np.where(some, due, 1.0)
    ratio: NDArray[np.float64] = np.where(some, found, 0.0) * np.log(quotient)
    return ratio
