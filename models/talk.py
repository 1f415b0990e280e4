"""What a post would be as a reply, and what its writer's return would say: read from the encoder's ordinary pass.

One layer of units and eleven outputs turn a text alone into log odds; they are kept with the post. A reply is judged
from the log odds of its own text and from what its opening is; a return from its own.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from models.errors import ModelFileDamaged
from models.shared_layer import SharedLayer, logits_of_units

TALK_FILE = "talk.safetensors"
ReplyKind = Literal["answer", "acknowledged", "deflected", "same_here", "pile_on", "thanks", "off_thread", "other"]
REPLY_KINDS: tuple[ReplyKind, ...] = get_args(ReplyKind)
"""What a reply can be; training/data/LABELLING.md defines them."""
OUTCOMES = ("recovered", "not", "unclear")
"""Whether somebody who complained came back clearly less unhappy."""
OPENING_SIGNALS = ("question", "negative_wom")
"""What a reply's opening is, as log odds: "Online." answers a question and nothing else."""
N_TALK = len(REPLY_KINDS) + len(OUTCOMES)
P_LIMIT = 0.001
"""A signal's probability is kept so far from 0 and 1 before it becomes log odds."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Softmax:
    """`p = softmax(features @ weights + bias)`.

    Attributes
    ----------
    weights : shape (n_features, n_classes).
    bias : shape (n_classes,).
    """

    weights: Array
    bias: Array

    def probabilities(self, features: Array) -> Array:
        """Shape (n, n_classes), six digits; NaN rows where a feature is NaN.

        Summed one feature after the other, so that no row depends on the rows beside it.
        """
        log_odds = np.tile(self.bias, (len(features), 1))
        for column, weights in enumerate(self.weights):
            log_odds += features[:, column, None] * weights
        odds = np.exp(log_odds - log_odds.max(axis=1, keepdims=True))
        return np.asarray(np.round(odds / odds.sum(axis=1, keepdims=True), 6))


@dataclass(frozen=True)
class TalkFigure:
    """How one class was told from the rest on pairs of industries that were left out.

    Attributes
    ----------
    group : "reply" or "return".
    language : ISO 639-1; "*" = all.
    n : rows of this language.
    n_class : rows that truly are of the class.
    n_called : rows that were called so.
    n_hit : rows of both.
    auc : of the class against the rest; None where one side is missing.
    """

    group: str
    language: str
    name: str
    n: int
    n_class: int
    n_called: int
    n_hit: int
    auc: float | None


@dataclass(frozen=True)
class TalkHeads:
    """Judges replies and returns.

    Attributes
    ----------
    weights : shape (n_units, `N_TALK`), int16, in steps of 1 / `WEIGHT_STEPS`; columns `REPLY_KINDS`, then `OUTCOMES`.
    bias : shape (`N_TALK`,).
    of_reply : reads the reply's log odds by kind, then the opening's `OPENING_SIGNALS`.
    of_return : reads the return's log odds by outcome.
    answer_threshold, recovered_threshold : from which probability a reply is an answer, and a return recovered.
    calibration_error : expected calibration error of "answer" and "recovered", ten bins, on left-out industries.
    """

    encoder_version: str
    hidden_layers: tuple[int, ...]
    layer: SharedLayer
    weights: NDArray[np.int16]
    bias: Array
    of_reply: Softmax
    of_return: Softmax
    answer_threshold: float
    recovered_threshold: float
    calibration_error: Mapping[str, float]
    figures: tuple[TalkFigure, ...]

    @cached_property
    def version(self) -> str:
        """The first twelve hexadecimal digits of the file's SHA-256."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:12]

    def log_odds(self, hidden: NDArray[np.float32]) -> Array:
        """What texts alone would be, shape (n, `N_TALK`), six digits; NaN rows where `hidden` is NaN.

        Parameters
        ----------
        hidden : shape (n, n_layers, dim), mean-pooled hidden layers of the heads' encoder version.
        """
        return np.round(logits_of_units(self.layer.units(hidden), self.weights, self.bias), 6)

    def p_kinds(self, talk: Array, opening_signals: Array) -> Array:
        """Probability of each of `REPLY_KINDS`, shape (n, 8).

        Parameters
        ----------
        talk : shape (n, `N_TALK`), log odds of the replies.
        opening_signals : shape (n, 2), probabilities of the openings' `OPENING_SIGNALS`.
        """
        return self.of_reply.probabilities(reply_features(talk, opening_signals))

    def p_outcomes(self, talk: Array) -> Array:
        """Probability of each of `OUTCOMES`, shape (n, 3)."""
        return self.of_return.probabilities(return_features(talk))

    def to_bytes(self) -> bytes:
        """The safetensors file; equal heads give equal bytes."""
        tensors: dict[str, NDArray[Any]] = {
            "means": self.layer.means,
            "scales": self.layer.scales,
            "layer_weights": self.layer.weights,
            "layer_bias": self.layer.bias,
            "weights": self.weights,
            "bias": self.bias,
            "reply_weights": self.of_reply.weights,
            "reply_bias": self.of_reply.bias,
            "return_weights": self.of_return.weights,
            "return_bias": self.of_return.bias,
        }
        facts = {
            "encoder_version": self.encoder_version,
            "hidden_layers": self.hidden_layers,
            "kinds": REPLY_KINDS,
            "outcomes": OUTCOMES,
            "answer_threshold": self.answer_threshold,
            "recovered_threshold": self.recovered_threshold,
            "calibration_error": dict(self.calibration_error),
            "figures": [asdict(figure) for figure in self.figures],
        }
        return bytes(save(tensors, metadata={"talk": json.dumps(facts, sort_keys=True)}))


def reply_features(talk: Array, opening_signals: Array) -> Array:
    """What `TalkHeads.of_reply` reads, shape (n, 10)."""
    p = np.clip(np.round(opening_signals, 6), P_LIMIT, 1 - P_LIMIT)
    return np.concatenate([talk[:, : len(REPLY_KINDS)], np.round(np.log(p / (1 - p)), 6)], axis=1)


def return_features(talk: Array) -> Array:
    """What `TalkHeads.of_return` reads, shape (n, 3)."""
    return talk[:, len(REPLY_KINDS) : N_TALK]


def call_classes(p: Array, *, threshold: float) -> NDArray[np.int64]:
    """The first class where it reaches the threshold, else the likeliest of the others; shape (n,)."""
    others = 1 + np.argmax(p[:, 1:], axis=1)
    return np.where(p[:, 0] >= threshold, 0, others)


def read_talk_heads(path: Path) -> TalkHeads:
    """Read the heads that judge replies and returns.

    Raises
    ------
    ModelFileDamaged
        The file is missing, cut short, or holds something else.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
            heads = _from_file(tensors, json.loads(file.metadata()["talk"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelFileDamaged(
            f"{path} is missing or damaged ({error}); restore it, or run `klankbord train`"
        ) from error
    n_columns, n_units = len(heads.layer.means), heads.layer.n_units
    shapes = (heads.layer.weights.shape, heads.weights.shape, heads.bias.shape)
    if shapes != ((n_columns, n_units), (n_units, N_TALK), (N_TALK,)) or heads.weights.dtype != np.int16:
        raise ModelFileDamaged(f"{path} does not hold usable heads for replies; restore it, or run `klankbord train`")
    return heads


def _from_file(tensors: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> TalkHeads:
    if (tuple(facts["kinds"]), tuple(facts["outcomes"])) != (REPLY_KINDS, OUTCOMES):
        raise ValueError("it knows other kinds of replies")
    return TalkHeads(
        encoder_version=facts["encoder_version"],
        hidden_layers=tuple(facts["hidden_layers"]),
        layer=SharedLayer(tensors["means"], tensors["scales"], tensors["layer_weights"], tensors["layer_bias"]),
        weights=tensors["weights"],
        bias=tensors["bias"],
        of_reply=Softmax(tensors["reply_weights"], tensors["reply_bias"]),
        of_return=Softmax(tensors["return_weights"], tensors["return_bias"]),
        answer_threshold=facts["answer_threshold"],
        recovered_threshold=facts["recovered_threshold"],
        calibration_error=facts["calibration_error"],
        figures=tuple(TalkFigure(**figure) for figure in facts["figures"]),
    )
