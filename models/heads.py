"""The eight signals: one linear head each on the encoder's pooled hidden layers, calibrated per language."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from models.calibration import Calibration, IsotonicCalibration, SigmoidCalibration
from models.errors import KlankbordError, ModelFileDamaged
from models.signals import SIGNALS

SHIPPED_HEADS = Path(__file__).parent / "signal_heads"
POOLED = "*"
"""Stands for every language that has no calibration or threshold of its own, "unknown" included."""
BLOCK_ROWS = 256

Basis = Literal["validated", "pooled", "unreachable"]


class HeadsForAnotherEncoder(KlankbordError):
    """The heads were fitted on the hidden layers of a different encoder."""


@dataclass(frozen=True)
class Threshold:
    """From which probability a signal counts as present, and how well that is known.

    Attributes
    ----------
    probability : None where no threshold reaches the wanted precision: the signal then never counts as present.
    basis : "validated" on posts of this language, "pooled" over all languages, or "unreachable".
    precision, recall : on the `n` validation rows; None where unreachable.
    """

    probability: float | None
    basis: Basis
    precision: float | None
    recall: float | None
    n: int


@dataclass(frozen=True)
class Validation:
    """How a head did on the posts of one source and language, none of which it was fitted on.

    Attributes
    ----------
    language : `POOLED` is all languages of the source.
    auc_low, auc_high : 95 % interval (Hanley and McNeil, 1982).
    calibration_error : expected calibration error, ten bins, of probabilities calibrated on other rows.
    """

    source: str
    language: str
    n: int
    n_positive: int
    auc: float
    auc_low: float
    auc_high: float
    calibration_error: float


@dataclass(frozen=True)
class SourceCount:
    """How many texts of one source and language a head learned from."""

    source: str
    language: str
    n_positive: int
    n_negative: int
    is_judged: bool


@dataclass(frozen=True)
class SignalHead:
    """One signal: `logit = sum(hidden * weights) + bias`, then the language's calibration.

    Attributes
    ----------
    weights : shape (n_layers, dim), float64; scaling to unit variance is already inside.
    calibrations, thresholds : by language; `POOLED` is always there.
    validation : on held-out rows; a written post was predicted by a head that never saw its industry.
    sources : what it learned from.
    strength : inverse strength of the L2 penalty, chosen on the held-out rows.
    """

    signal: str
    encoder_version: str
    hidden_layers: tuple[int, ...]
    weights: NDArray[np.float64]
    bias: float
    strength: float
    calibrations: Mapping[str, Calibration]
    thresholds: Mapping[str, Threshold]
    validation: tuple[Validation, ...]
    sources: tuple[SourceCount, ...]

    @cached_property
    def version(self) -> str:
        """The first twelve hexadecimal digits of the file's SHA-256."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:12]

    def to_bytes(self) -> bytes:
        """The safetensors file; equal heads give equal bytes."""
        facts = {
            "signal": self.signal,
            "encoder_version": self.encoder_version,
            "hidden_layers": self.hidden_layers,
            "bias": self.bias,
            "strength": self.strength,
            "calibrations": _as_json(self.calibrations),
            "thresholds": _as_json(self.thresholds),
            "validation": [asdict(validation) for validation in self.validation],
            "sources": [asdict(count) for count in self.sources],
        }
        return bytes(save({"weights": self.weights}, metadata={"head": json.dumps(facts, sort_keys=True)}))


class HeadSet:
    """All eight heads of one encoder version.

    Parameters
    ----------
    heads : one per signal.
    """

    def __init__(self, heads: Mapping[str, SignalHead]) -> None:
        self._heads = tuple(heads[signal] for signal in SIGNALS)
        self._weights = np.stack([head.weights.reshape(-1) for head in self._heads])
        self._bias = np.array([head.bias for head in self._heads])

    @classmethod
    def load(cls, folder: Path | None = None, *, encoder_version: str) -> "HeadSet":
        """Read `<signal>.safetensors` for every signal; None is the shipped folder.

        Raises
        ------
        ModelFileDamaged
            A file is missing or is not a head.
        HeadsForAnotherEncoder
            A head was fitted on another encoder version.
        """
        folder = SHIPPED_HEADS if folder is None else folder
        heads = {signal: read_head(folder / f"{signal}.safetensors", signal=signal) for signal in SIGNALS}
        for signal, head in heads.items():
            if head.encoder_version != encoder_version:
                raise HeadsForAnotherEncoder(
                    f"{folder / signal}.safetensors was fitted for encoder {head.encoder_version}, not for "
                    f"{encoder_version}; fit heads for this encoder with `klankbord train`"
                )
        if len({head.weights.shape for head in heads.values()}) > 1:
            raise ModelFileDamaged(f"{folder}: the heads differ in shape; fit them again with `klankbord train`")
        return cls(heads)

    @property
    def heads(self) -> Mapping[str, SignalHead]:
        """Each signal's head, in the order of `SIGNALS`."""
        return {head.signal: head for head in self._heads}

    @property
    def versions(self) -> Mapping[str, str]:
        """Each signal's head version, in the order of `SIGNALS`."""
        return {head.signal: head.version for head in self._heads}

    def logits(self, hidden: NDArray[np.float32]) -> NDArray[np.float64]:
        """Uncalibrated log odds, shape (n, 8); NaN rows where `hidden` is NaN.

        A row's logits are the same to the last bit whatever rows stand beside it: products and sums run along one
        contiguous row at a time, never through a matrix product.
        """
        flat = hidden.reshape(len(hidden), -1).astype(np.float64)
        logits = np.empty((len(flat), len(SIGNALS)))
        for begin in range(0, len(flat), BLOCK_ROWS):
            block = flat[begin : begin + BLOCK_ROWS]
            for column, weights in enumerate(self._weights):
                logits[begin : begin + BLOCK_ROWS, column] = np.ascontiguousarray(block * weights).sum(axis=1)
        logits += self._bias
        return logits

    def probabilities(self, hidden: NDArray[np.float32], languages: Sequence[str]) -> NDArray[np.float64]:
        """Calibrated probabilities, shape (n, 8), columns as `SIGNALS`; NaN = not scored.

        Parameters
        ----------
        hidden : shape (n, n_layers, dim), mean-pooled hidden layers of the heads' encoder version.
        languages : n codes; languages without a calibration of their own, and "unknown", use the pooled one.
        """
        logits = self.logits(hidden)
        p = np.empty_like(logits)
        codes = np.array(languages, dtype=object)
        for language in sorted(set(languages)):
            rows = codes == language
            for column, head in enumerate(self._heads):
                calibration = head.calibrations.get(language, head.calibrations[POOLED])
                p[rows, column] = calibration.probabilities(logits[rows, column])
        return p

    def threshold(self, signal: str, language: str) -> Threshold:
        """From which probability `signal` counts as present in posts of `language`."""
        thresholds = self.heads[signal].thresholds
        return thresholds.get(language, thresholds[POOLED])


def read_head(path: Path, *, signal: str) -> SignalHead:
    """Read one head.

    Raises
    ------
    ModelFileDamaged
        The file is missing, cut short, or holds something else.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            weights = file.get_tensor("weights")
            head = _head_from_json(json.loads(file.metadata()["head"]), weights)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelFileDamaged(
            f"{path} is missing or damaged ({error}); restore it, or run `klankbord train`"
        ) from error
    if head.signal != signal or weights.ndim != 2 or not np.isfinite(weights).all():
        raise ModelFileDamaged(f"{path} does not hold a usable {signal} head; restore it, or run `klankbord train`")
    return head


def _head_from_json(facts: dict[str, Any], weights: NDArray[np.float64]) -> SignalHead:
    return SignalHead(
        signal=facts["signal"],
        encoder_version=facts["encoder_version"],
        hidden_layers=tuple(facts["hidden_layers"]),
        weights=weights,
        bias=float(facts["bias"]),
        strength=float(facts["strength"]),
        calibrations={language: _calibration(entry) for language, entry in facts["calibrations"].items()},
        thresholds={language: Threshold(**entry) for language, entry in facts["thresholds"].items()},
        validation=tuple(Validation(**entry) for entry in facts["validation"]),
        sources=tuple(SourceCount(**count) for count in facts["sources"]),
    )


def _as_json(by_language: Mapping[str, Any]) -> dict[str, Any]:
    return {language: asdict(entry) for language, entry in by_language.items()}


def _calibration(entry: dict[str, Any]) -> Calibration:
    if "slope" in entry:
        return SigmoidCalibration(**entry)
    return IsotonicCalibration(tuple(entry["knot_logits"]), tuple(entry["knot_probabilities"]))
