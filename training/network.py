"""A network with one hidden layer, learned by gradient steps in plain numpy: equal inputs give equal weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float32]

BATCH_ROWS = 256
MIN_STEPS = 300
"""Few texts need more passes than many before the weights have moved far enough."""
WARM_UP_SHARE = 0.15
LEAST_PART = 0.25
FIRST_DECAY, SECOND_DECAY, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Recipe:
    """How to learn (docs/decisions/0007-heads.md says what else was tried).

    Attributes
    ----------
    n_units : width of the hidden layer.
    n_passes : how often a text of mean weight is drawn.
    learning_rate : at its highest; it rises and falls along half cosines.
    weight_decay : taken off the weights at each step, times the learning rate.
    dropped_columns, dropped_units : share set to 0 at random in each step.
    softened : labels are this share of the way to one half (Szegedy et al., CVPR 2016).
    mixing : both parameters of the Beta distribution by which two rows are averaged (mixup, Zhang et al., ICLR 2018).
    part_is_enough : outputs, by column, that a mixture has as soon as one of its texts has them and makes up at least
        `LEAST_PART` of it: one insult in a friendly post is an insult.
    """

    n_units: int = 256
    n_passes: int = 30
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    dropped_columns: float = 0.2
    dropped_units: float = 0.5
    softened: float = 0.1
    mixing: float = 0.4
    part_is_enough: tuple[int, ...] = ()


@dataclass(frozen=True)
class Network:
    """`outputs = max(0, columns @ weights + bias) @ output_weights + output_bias`, outputs being log odds.

    Attributes
    ----------
    weights : shape (n_columns, n_units).
    output_weights : shape (n_units, n_outputs).
    """

    weights: Array
    bias: Array
    output_weights: Array
    output_bias: Array

    def tensors(self) -> tuple[Array, Array, Array, Array]:
        """All that is learned, in the order of the fields."""
        return self.weights, self.bias, self.output_weights, self.output_bias


@dataclass(frozen=True)
class Batch:
    """Rows to take one step on, each a mixture of two texts.

    Attributes
    ----------
    weights : shape (n, n_outputs), of both texts together.
    weighted_labels : shape (n, n_outputs), the sum over both texts of label times weight.
    kept_units : 0 or the inverse of the share that is kept.
    """

    columns: Array
    weights: Array
    weighted_labels: Array
    kept_units: Array


def train_network(
    columns: Array, labels: NDArray[np.float64], weights: NDArray[np.float64], *, recipe: Recipe, seed: int
) -> Network:
    """Minimise the weighted log loss of all outputs together (Adam, Kingma and Ba, ICLR 2015, decoupled decay).

    Rows are drawn as often as their weights over all outputs ask for. Run it on one thread: libraries add up in another
    order on several.

    Parameters
    ----------
    columns : shape (n, n_columns), each about 0 with variance 1.
    labels : shape (n, n_outputs), 1 or 0; NaN where the weight is 0.
    weights : shape (n, n_outputs), at least 0; 0 = not learned from.
    """
    rng = np.random.default_rng(seed)
    network = _start(rng, n_columns=columns.shape[1], n_outputs=labels.shape[1], n_units=recipe.n_units)
    means = [np.zeros_like(tensor) for tensor in network.tensors()]
    squares = [np.zeros_like(tensor) for tensor in network.tensors()]
    draws = _RowDraws(columns, labels, weights, recipe=recipe, rng=rng)
    n_steps = max(MIN_STEPS, int(recipe.n_passes * weights.sum() / labels.shape[1] / BATCH_ROWS))
    for step in range(n_steps):
        rate = recipe.learning_rate * _share_of_rate(step, n_steps)
        correction = rate * np.sqrt(1 - SECOND_DECAY ** (step + 1)) / (1 - FIRST_DECAY ** (step + 1))
        slopes = _slopes(network, draws.batch())
        for tensor, mean, square, slope in zip(network.tensors(), means, squares, slopes, strict=True):
            mean += np.float32(1 - FIRST_DECAY) * (slope - mean)
            square += np.float32(1 - SECOND_DECAY) * (slope * slope - square)
            if tensor.ndim == 2:
                tensor *= np.float32(1 - rate * recipe.weight_decay)
            tensor -= np.float32(correction) * mean / (np.sqrt(square) + np.float32(EPSILON))
    return network


class _RowDraws:
    """Random batches of the rows that are learned from."""

    def __init__(
        self,
        columns: Array,
        labels: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        recipe: Recipe,
        rng: np.random.Generator,
    ) -> None:
        of_row = weights.sum(axis=1)
        self._rows = np.flatnonzero(of_row > 0)
        self._columns, self._recipe, self._rng = columns, recipe, rng
        self._weights = (weights[self._rows] / of_row[self._rows, None]).astype(np.float32)
        soft = np.where(weights[self._rows] > 0, labels[self._rows], 0) * (1 - recipe.softened) + recipe.softened / 2
        self._weighted_labels = self._weights * soft.astype(np.float32)
        self._has = (weights[self._rows] > 0) & (labels[self._rows] == 1)
        self._up_to = np.cumsum(of_row[self._rows] / of_row.sum())

    def batch(self) -> Batch:
        first, second = self._draw(), self._draw()
        share = self._rng.beta(self._recipe.mixing, self._recipe.mixing, (BATCH_ROWS, 1)).astype(np.float32)

        def mixed(of_row: Array) -> Array:
            return share * of_row[first] + (1 - share) * of_row[second]

        columns = share * self._columns[self._rows[first]] + (1 - share) * self._columns[self._rows[second]]
        weights, weighted_labels = mixed(self._weights), mixed(self._weighted_labels)
        for output in self._recipe.part_is_enough:
            in_first = self._has[first, output] & (share[:, 0] >= LEAST_PART)
            has = in_first | (self._has[second, output] & (1 - share[:, 0] >= LEAST_PART))
            weighted_labels[has, output] = weights[has, output] * np.float32(1 - self._recipe.softened / 2)
        return Batch(
            columns * self._mask(columns.shape, dropped=self._recipe.dropped_columns),
            weights,
            weighted_labels,
            self._mask((BATCH_ROWS, self._recipe.n_units), dropped=self._recipe.dropped_units),
        )

    def _draw(self) -> NDArray[np.intp]:
        drawn = np.searchsorted(self._up_to, self._rng.random(BATCH_ROWS))
        return np.minimum(drawn, len(self._rows) - 1)

    def _mask(self, shape: tuple[int, ...], *, dropped: float) -> Array:
        kept = self._rng.random(shape, dtype=np.float32) >= dropped
        return np.asarray(kept * np.float32(1 / (1 - dropped)), dtype=np.float32)


def _start(rng: np.random.Generator, *, n_columns: int, n_outputs: int, n_units: int) -> Network:
    def uniform(n_in: int, n_out: int) -> Array:
        return np.asarray(rng.uniform(-1, 1, (n_in, n_out)) / np.sqrt(n_in), dtype=np.float32)

    zeros = np.zeros(n_units, dtype=np.float32), np.zeros(n_outputs, dtype=np.float32)
    return Network(uniform(n_columns, n_units), zeros[0], uniform(n_units, n_outputs), zeros[1])


def _share_of_rate(step: int, n_steps: int) -> float:
    warm_up = WARM_UP_SHARE * n_steps
    angle = step / warm_up if step < warm_up else 1 + (step - warm_up) / (n_steps - warm_up)
    return float(0.5 * (1 - np.cos(np.pi * angle)))


def _slopes(network: Network, batch: Batch) -> tuple[Array, Array, Array, Array]:
    sums = batch.columns @ network.weights + network.bias
    kept = np.where(sums > 0, batch.kept_units, np.float32(0))
    units = sums * kept
    p = expit(units @ network.output_weights + network.output_bias)
    n_outputs = p.shape[1]
    of_outputs = (batch.weights * p - batch.weighted_labels) * np.float32(n_outputs / 2 / BATCH_ROWS)
    of_sums = (of_outputs @ network.output_weights.T) * kept
    return batch.columns.T @ of_sums, of_sums.sum(axis=0), units.T @ of_outputs, of_outputs.sum(axis=0)
