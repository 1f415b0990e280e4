"""The card that goes with every head: what it says, what it learned from and how it did, all from the head itself."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from models.calibration import Calibration, IsotonicCalibration
from models.heads import POOLED, SignalHead, SourceCount, Threshold, Validation

MEANINGS = {
    "negative": "The tone of the post is unhappy, angry, bitter or sad, whatever it is about.",
    "negative_wom": "Negative word of mouth: the writer is unhappy about the organisation, its product, service or "
    "programme, openly or between the lines. Not a quarrel between members, not a factual report of a problem already "
    "solved, not a neutral question, not a quotation.",
    "complaint": "Negative word of mouth that wants something put right.",
    "question": "The writer wants to know something from the readers, with or without a question mark.",
    "idea": "A wish or suggestion for the organisation, its product or the community.",
    "praise": "Praise of the organisation, its product or service, or heartfelt praise of somebody in the community.",
    "toxic": "An insult, a threat or hate, aimed at a person or a group. Swearing alone is not.",
    "spam": "Advertising, scams, sign-up spam, link dropping.",
}
T = TypeVar("T")

RARE_SHARES = (0.10, 0.02)
FEW_ROWS = 300
WEAK_AUC = 0.90
HIGH_CALIBRATION_ERROR = 0.05


def write_card(head: SignalHead, *, sources: Mapping[str, tuple[str, str]]) -> str:
    """Write the model card of one head as Markdown.

    Parameters
    ----------
    sources : licence and origin of each source that the head learned from, by name.
    """
    blocks = (
        f"# {head.signal}",
        MEANINGS[head.signal],
        f"Version `{head.version}`, for encoder `{head.encoder_version}`. Reads {head.shared.n_units} units "
        f"that all heads share (version `{head.shared.version}`), which read the mean-pooled hidden layers "
        f"{', '.join(map(str, head.hidden_layers))}. Made by `klankbord train`; this card is written by that command.",
        "## What it learned from",
        _table(("source", "licence", "origin"), ((name, *sources[name]) for name in _source_names(head))),
        _table(("source", "language", "with", "without", "label"), map(_count_row, head.sources)),
        "*Judged* labels were given for this very signal. *Weak* labels follow from another label and never validate.",
        "## How it did on rows that it was not fitted on",
        _table(("source", "language", "n", "with", "AUC (95 %)", "calibration error"), map(_figures, head.validation)),
        "Five folds; a written post is predicted by a head that never saw a post of its industry in any language. "
        "Calibration error: expected calibration error over ten bins, of probabilities calibrated on other folds.",
        f"![Probability said against share found, by source and language]({head.signal}.svg)",
        "In the diagram a point is a tenth of the range of probabilities, as large as its posts are many; on the line, "
        "of the posts said to carry the signal with probability p a share of p does.",
        "## Calibration and thresholds",
        _table(("language", "calibration"), map(_calibration_row, _by_language(head.calibrations))),
        _table(
            ("language", "threshold", "basis", "n", "precision", "recall", *map(_if_rare, RARE_SHARES)),
            (_threshold_row(head, language, threshold) for language, threshold in _by_language(head.thresholds)),
        ),
        "A threshold is the lowest probability, one half or more, with a precision of at least 0.8 on the validation "
        "rows: written posts, or tweets in languages without enough of those. The last columns say what is left of the "
        "precision where the signal is rarer than there." + _supposed_share(head),
        "## Known weaknesses",
        "\n".join(f"- {weakness}" for weakness in _weaknesses(head)),
    )
    return "\n\n".join(blocks) + "\n"


def _source_names(head: SignalHead) -> list[str]:
    return sorted({count.source for count in head.sources})


def _count_row(count: SourceCount) -> tuple[str, ...]:
    label = "judged" if count.is_judged else "weak"
    return count.source, count.language, f"{count.n_positive:,}", f"{count.n_negative:,}", label


def _figures(row: Validation) -> tuple[str, ...]:
    auc = f"{row.auc:.3f} ({row.auc_low:.3f} to {row.auc_high:.3f})"
    language = "all" if row.language == POOLED else row.language
    return row.source, language, f"{row.n:,}", f"{row.n_positive:,}", auc, f"{row.calibration_error:.3f}"


def _threshold_row(head: SignalHead, language: str, threshold: Threshold) -> tuple[str, ...]:
    if threshold.probability is None or threshold.precision is None or threshold.recall is None:
        return _spoken(language), "none", threshold.basis, f"{threshold.n:,}", *[""] * (2 + len(RARE_SHARES))
    share_here = threshold.share or _share_with(head, language, threshold.n)
    return (
        _spoken(language),
        f"{threshold.probability:.3f}",
        threshold.basis,
        f"{threshold.n:,}",
        f"{threshold.precision:.2f}",
        f"{threshold.recall:.2f}",
        *(f"{_precision_at(share, threshold.precision, share_here):.2f}" for share in RARE_SHARES),
    )


def _supposed_share(head: SignalHead) -> str:
    shares = {threshold.share for threshold in head.thresholds.values() if threshold.share is not None}
    return "".join(f" Here precision supposes that {share:.0%} of the posts carry the signal." for share in shares)


def _share_with(head: SignalHead, language: str, n: int) -> float:
    """The share of posts with the signal among the `n` rows that a threshold was chosen on."""
    return next(row.n_positive / row.n for row in head.validation if row.language == language and row.n == n)


def _precision_at(share: float, precision: float, share_here: float) -> float:
    """Precision among posts of which `share` carry the signal, at unchanged true and false positive rates."""
    odds_ratio = share / (1 - share) * (1 - share_here) / share_here
    hits = precision * odds_ratio
    return hits / (hits + 1 - precision)


def _if_rare(share: float) -> str:
    return f"precision at {share:.0%}"


def _calibration_row(entry: tuple[str, Calibration]) -> tuple[str, str]:
    language, calibration = entry
    if isinstance(calibration, IsotonicCalibration):
        return _spoken(language), f"isotonic, {len(calibration.knot_logits)} knots"
    if calibration.intercept == 0:
        return _spoken(language), f"temperature, slope {calibration.slope:.3f}"
    return _spoken(language), f"Platt, slope {calibration.slope:.3f}, intercept {calibration.intercept:+.3f}"


def _weaknesses(head: SignalHead) -> Iterator[str]:
    judged = sorted({count.language for count in head.sources if count.is_judged})
    yield f"Validated in {', '.join(judged)} only; in every other language the figures are unknown."
    yield "The written posts were written to order: their mix of signals is not that of a real community."
    yield "The recipe was chosen on the rows that the figures above come from, which flatters them slightly."
    for row in head.validation:
        where = row.source if row.language == POOLED else f"{row.source}, {row.language}"
        if row.auc < WEAK_AUC:
            yield f"Weak on {where}: AUC {row.auc:.3f}."
        if row.calibration_error > HIGH_CALIBRATION_ERROR:
            yield f"Probabilities are off by {row.calibration_error:.3f} on average on {where}."
        if row.n < FEW_ROWS:
            yield f"Only {row.n} judged rows in {where}; calibration is not claimed there."
    for language, threshold in _by_language(head.thresholds):
        if threshold.probability is None:
            yield f"No threshold reaches the wanted precision in {_spoken(language)}: the signal never counts there."


def _by_language(entries: Mapping[str, T]) -> list[tuple[str, T]]:
    return sorted(entries.items())


def _spoken(language: str) -> str:
    return "all others" if language == POOLED else language


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (header, ["---"] * len(header), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
