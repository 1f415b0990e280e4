"""The units that all signal heads read, in whole numbers, so that a text has the same signals everywhere."""

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save
from threadpoolctl import ThreadpoolController

from models.errors import ModelFileDamaged

COLUMN_STEPS = 2**8
"""Steps per standard deviation of a column; finer ones change no probability in its fourth digit."""
UNIT_STEPS = 2**10
WEIGHT_STEPS = 2**12
MAX_COLUMN = 31.0
MAX_UNIT = 63.0
BLOCK_ROWS = 256

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SharedLayer:
    """`units = max(0, standardised columns @ weights + bias)`.

    Columns, weights and units are whole numbers of the steps above, and so small that no sum of their products leaves
    the 53 bits of a float64. Matrix products are therefore exact, in whatever order a library adds up: a row's units
    are the same to the last bit beside any other rows, on any number of threads and on any machine.

    Attributes
    ----------
    means, scales : shape (n_columns,); a column is one number of one pooled hidden layer.
    weights : shape (n_columns, n_units), int16, in steps of 1 / `WEIGHT_STEPS`.
    bias : shape (n_units,), int32, in steps of 1 / (`COLUMN_STEPS` * `WEIGHT_STEPS`).
    """

    means: Array
    scales: Array
    weights: NDArray[np.int16]
    bias: NDArray[np.int32]

    @cached_property
    def version(self) -> str:
        """The first twelve hexadecimal digits of the file's SHA-256."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:12]

    @property
    def n_units(self) -> int:
        """How many units heads can read."""
        return len(self.bias)

    def to_bytes(self) -> bytes:
        """The safetensors file; equal layers give equal bytes."""
        tensors: dict[str, NDArray[Any]] = {
            "means": self.means,
            "scales": self.scales,
            "weights": self.weights,
            "bias": self.bias,
        }
        return bytes(save(tensors))

    def units(self, hidden: NDArray[np.float32]) -> Array:
        """Whole numbers of 1 / `UNIT_STEPS`, shape (n, n_units); NaN rows where `hidden` is NaN.

        Parameters
        ----------
        hidden : shape (n, n_layers, dim), of n_columns = n_layers * dim numbers a row.
        """
        flat = hidden.reshape(len(hidden), -1)
        units = np.empty((len(flat), self.n_units))
        with _libraries().limit(limits=1, user_api="blas"):
            for begin in range(0, len(flat), BLOCK_ROWS):
                units[begin : begin + BLOCK_ROWS] = self._units(flat[begin : begin + BLOCK_ROWS])
        return units

    def _units(self, flat: NDArray[np.float32]) -> Array:
        standardised = (flat.astype(np.float64) - self.means) / self.scales
        columns = np.rint(np.clip(standardised, -MAX_COLUMN, MAX_COLUMN) * COLUMN_STEPS)
        sums = (columns @ self._float_weights + self.bias) / (COLUMN_STEPS * WEIGHT_STEPS)
        return np.asarray(np.rint(np.clip(sums, 0.0, MAX_UNIT) * UNIT_STEPS))

    @cached_property
    def _float_weights(self) -> Array:
        return self.weights.astype(np.float64)


@cache
def _libraries() -> ThreadpoolController:
    """The numeric libraries of this process.

    A product on several threads leaves them spinning for a while, in the way of the encoder's next batch, which costs
    more than it saves.
    """
    return ThreadpoolController()


def read_shared_layer(path: Path) -> SharedLayer:
    """Read the units of a set of heads.

    Raises
    ------
    ModelFileDamaged
        The file is missing, cut short, or holds something else.
    """
    try:
        layer = SharedLayer(**load(path.read_bytes()))
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        raise ModelFileDamaged(
            f"{path} is missing or damaged ({error}); restore it, or run `klankbord train`"
        ) from error
    shapes = (layer.means.shape, layer.scales.shape, layer.weights.shape)
    is_finite = np.isfinite(layer.means).all() and np.isfinite(layer.scales).all() and (layer.scales > 0).all()
    if shapes != (layer.means.shape, layer.means.shape, (len(layer.means), layer.n_units)) or not is_finite:
        raise ModelFileDamaged(f"{path} does not hold a usable shared layer; restore it, or run `klankbord train`")
    return layer


def logits_of_units(units: Array, weights: NDArray[np.int16], bias: Array) -> Array:
    """Log odds, shape (n, n_heads); exact but for the one rounding that adds the bias.

    Parameters
    ----------
    units : shape (n, n_units), as `SharedLayer.units` gives them.
    weights : shape (n_units, n_heads), in steps of 1 / `WEIGHT_STEPS`.
    bias : shape (n_heads,).
    """
    with _libraries().limit(limits=1, user_api="blas"):
        return np.asarray(units @ weights.astype(np.float64) / (UNIT_STEPS * WEIGHT_STEPS) + bias)


def in_weight_steps(weights: NDArray[np.floating]) -> NDArray[np.int16]:
    """The nearest whole numbers of 1 / `WEIGHT_STEPS`; weights beyond -8 and 8 end there."""
    limit = np.iinfo(np.int16).max
    steps = np.rint(np.asarray(weights, dtype=np.float64) * WEIGHT_STEPS)
    return np.clip(steps, -limit, limit).astype(np.int16)
