import numpy as np
from scipy.special import expit
from threadpoolctl import threadpool_limits

from training.network import Network, Recipe, train_network

N, N_COLUMNS = 1_200, 12
THOROUGH = Recipe(n_units=64, n_passes=150)


def planted(seed: int):
    """The label asks for two columns of the same sign: no linear head can tell."""
    columns = np.random.default_rng(seed).normal(size=(N, N_COLUMNS)).astype(np.float32)
    exclusive = (columns[:, 0] > 0) == (columns[:, 1] > 0)
    return columns, np.stack([exclusive, columns[:, 2] > 0], axis=1).astype(np.float64)


def outputs(network: Network, columns):
    units = np.maximum(0, columns @ network.weights + network.bias)
    return units @ network.output_weights + network.output_bias


def train(columns, labels, weights, *, seed=1, recipe=THOROUGH):
    with threadpool_limits(1):
        return train_network(columns, labels, weights, recipe=recipe, seed=seed)


def test_what_no_line_can_part_is_learned_beside_what_a_line_can():
    columns, labels = planted(1)
    fresh, expected = planted(2)
    right = (outputs(train(columns, labels, np.ones_like(labels)), fresh) > 0) == (expected == 1)
    assert (right.mean(axis=0) > 0.8).all()


def test_equal_inputs_give_equal_bits_and_another_seed_others():
    columns, labels = planted(1)
    short = Recipe(n_units=8, n_passes=1)
    first, second, other = (
        train(columns, labels, np.ones_like(labels), seed=seed, recipe=short).weights.tobytes() for seed in (1, 1, 2)
    )
    assert first == second != other


def test_texts_without_weight_teach_nothing():
    columns, labels = planted(1)
    weights = np.ones_like(labels)
    weights[N // 2 :] = 0
    wild = columns.copy()
    wild[N // 2 :] = 1e6
    unknown = labels.copy()
    unknown[N // 2 :] = np.nan
    short = Recipe(n_units=8, n_passes=1)
    expected = train(columns, labels, weights, recipe=short)
    np.testing.assert_array_equal(train(wild, unknown, weights, recipe=short).weights, expected.weights)


def test_softened_labels_keep_the_network_from_certainty():
    columns, labels = planted(1)
    sure, unsure = (
        np.abs(expit(outputs(train(columns, labels, np.ones_like(labels), recipe=recipe), columns)) - 0.5).mean()
        for recipe in (Recipe(n_units=64, n_passes=150, softened=0.0), Recipe(n_units=64, n_passes=150, softened=0.6))
    )
    assert unsure < 0.2 < sure


def test_a_part_that_is_enough_raises_what_a_mixture_gets_and_nothing_else():
    """Half of a text that has output 1, half of one that has not."""
    columns, labels = planted(1)
    halves = (columns[labels[:, 1] == 1][:400] + columns[labels[:, 1] == 0][:400]) / 2
    p = {}
    for enough in ((), (1,)):
        recipe = Recipe(n_units=16, n_passes=40, mixing=1.0, part_is_enough=enough)
        p[enough] = expit(outputs(train(columns, labels, np.ones_like(labels), recipe=recipe), halves)).mean(axis=0)
    assert p[1,][1] > p[()][1] + 0.1
    assert abs(p[1,][0] - p[()][0]) < 0.1
