"""The eight signals: one head each on units that all of them read, calibrated per language."""

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

from models.calibration import Calibration, IsotonicCalibration, ReliabilityBin, SigmoidCalibration
from models.errors import KlankbordError, ModelFileDamaged
from models.shared_layer import SharedLayer, logits_of_units, read_shared_layer
from models.signals import SIGNALS
from models.talk import TALK_FILE, TalkHeads, read_talk_heads

SHIPPED_HEADS = Path(__file__).parent / "signal_heads"
SHARED_LAYER_FILE = "shared_layer.safetensors"
POOLED = "*"
"""Stands for every language that has no calibration or threshold of its own, "unknown" included."""

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
    share : the share of posts with the signal that `precision` supposes; None = that among the validation rows.
    """

    probability: float | None
    basis: Basis
    precision: float | None
    recall: float | None
    n: int
    share: float | None = None


@dataclass(frozen=True)
class Validation:
    """How a head did on the posts of one source and language, none of which it was fitted on.

    Attributes
    ----------
    language : `POOLED` is all languages of the source.
    auc_low, auc_high : 95 % interval (Hanley and McNeil, 1982).
    calibration_error : expected calibration error, ten bins, of probabilities calibrated on other rows.
    bins : the same by bin.
    """

    source: str
    language: str
    n: int
    n_positive: int
    auc: float
    auc_low: float
    auc_high: float
    calibration_error: float
    bins: tuple[ReliabilityBin, ...]


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
    """One signal: `logit = sum(units * weights) + bias`, then the language's calibration.

    Attributes
    ----------
    shared : the layer whose units it reads, the same for all heads of a set.
    weights : shape (n_units,), int16, in steps of 1 / `WEIGHT_STEPS`.
    calibrations, thresholds : by language; `POOLED` is always there.
    validation : on held-out rows; a written post was predicted by a head that never saw its industry.
    sources : what it learned from.
    """

    signal: str
    encoder_version: str
    hidden_layers: tuple[int, ...]
    shared: SharedLayer
    weights: NDArray[np.int16]
    bias: float
    calibrations: Mapping[str, Calibration]
    thresholds: Mapping[str, Threshold]
    validation: tuple[Validation, ...]
    sources: tuple[SourceCount, ...]

    @cached_property
    def version(self) -> str:
        """The first twelve hexadecimal digits of the file's SHA-256."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:12]

    def to_bytes(self) -> bytes:
        """The safetensors file; equal heads give equal bytes. The shared layer is a file of its own, named in it."""
        facts = {
            "signal": self.signal,
            "encoder_version": self.encoder_version,
            "hidden_layers": self.hidden_layers,
            "shared_layer": self.shared.version,
            "bias": self.bias,
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
    heads : one per signal, all on one shared layer.
    talk : what judges replies and returns; None = no reply is judged with these heads.
    """

    def __init__(self, heads: Mapping[str, SignalHead], talk: TalkHeads | None = None) -> None:
        self.talk = talk
        self._heads = tuple(heads[signal] for signal in SIGNALS)
        self._shared = self._heads[0].shared
        self._weights = np.stack([head.weights for head in self._heads], axis=1)
        self._bias = np.array([head.bias for head in self._heads])

    @classmethod
    def load(cls, folder: Path | None = None, *, encoder_version: str) -> "HeadSet":
        """Read the shared layer, every signal's head and what judges replies; None is the shipped folder.

        Raises
        ------
        ModelFileDamaged
            A file is missing, is not a head, or is a head of another shared layer.
        HeadsForAnotherEncoder
            A head was fitted on another encoder version.
        """
        folder = SHIPPED_HEADS if folder is None else folder
        shared = read_shared_layer(folder / SHARED_LAYER_FILE)
        heads = {
            signal: read_head(folder / f"{signal}.safetensors", signal=signal, shared=shared) for signal in SIGNALS
        }
        for signal, head in heads.items():
            if head.encoder_version != encoder_version:
                raise HeadsForAnotherEncoder(
                    f"{folder / signal}.safetensors was fitted for encoder {head.encoder_version}, not for "
                    f"{encoder_version}; fit heads for this encoder with `klankbord train`"
                )
        talk = read_talk_heads(folder / TALK_FILE)
        if talk.encoder_version != encoder_version:
            raise HeadsForAnotherEncoder(
                f"{folder / TALK_FILE} was fitted for encoder {talk.encoder_version}, not for {encoder_version}; "
                "fit heads for this encoder with `klankbord train`"
            )
        return cls(heads, talk)

    @property
    def heads(self) -> Mapping[str, SignalHead]:
        """Each signal's head, in the order of `SIGNALS`."""
        return {head.signal: head for head in self._heads}

    @property
    def versions(self) -> Mapping[str, str]:
        """Each signal's head version, in the order of `SIGNALS`, then that of what judges replies ("talk")."""
        of_talk = {} if self.talk is None else {"talk": self.talk.version}
        return {**{head.signal: head.version for head in self._heads}, **of_talk}

    def logits(self, hidden: NDArray[np.float32]) -> NDArray[np.float64]:
        """Uncalibrated log odds, shape (n, 8); NaN rows where `hidden` is NaN.

        A row's logits are the same to the last bit whatever rows stand beside it: see `SharedLayer`.
        """
        return logits_of_units(self._shared.units(hidden), self._weights, self._bias)

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


def read_head(path: Path, *, signal: str, shared: SharedLayer) -> SignalHead:
    """Read one head.

    Raises
    ------
    ModelFileDamaged
        The file is missing, cut short, holds something else, or belongs to another shared layer.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            weights = file.get_tensor("weights")
            facts = json.loads(file.metadata()["head"])
            head, shared_version = _head_from_json(facts, weights, shared), facts["shared_layer"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelFileDamaged(
            f"{path} is missing or damaged ({error}); restore it, or run `klankbord train`"
        ) from error
    if head.signal != signal or weights.shape != (shared.n_units,) or weights.dtype != np.int16:
        raise ModelFileDamaged(f"{path} does not hold a usable {signal} head; restore it, or run `klankbord train`")
    if shared_version != shared.version:
        raise ModelFileDamaged(
            f"{path} belongs to shared layer {shared_version}, not to {shared.version}; restore both files, or run "
            "`klankbord train`"
        )
    return head


def _head_from_json(facts: dict[str, Any], weights: NDArray[np.int16], shared: SharedLayer) -> SignalHead:
    return SignalHead(
        signal=facts["signal"],
        encoder_version=facts["encoder_version"],
        hidden_layers=tuple(facts["hidden_layers"]),
        shared=shared,
        weights=weights,
        bias=float(facts["bias"]),
        calibrations={language: _calibration(entry) for language, entry in facts["calibrations"].items()},
        thresholds={language: Threshold(**entry) for language, entry in facts["thresholds"].items()},
        validation=tuple(map(_validation, facts["validation"])),
        sources=tuple(SourceCount(**count) for count in facts["sources"]),
    )


def _validation(entry: dict[str, Any]) -> Validation:
    return Validation(**{**entry, "bins": tuple(ReliabilityBin(**one) for one in entry["bins"])})


def _as_json(by_language: Mapping[str, Any]) -> dict[str, Any]:
    return {language: asdict(entry) for language, entry in by_language.items()}


def _calibration(entry: dict[str, Any]) -> Calibration:
    if "slope" in entry:
        return SigmoidCalibration(**entry)
    return IsotonicCalibration(tuple(entry["knot_logits"]), tuple(entry["knot_probabilities"]))
