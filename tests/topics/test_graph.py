import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topics import graph
from topics.graph import nearest_neighbours, shared_neighbour_graph, shrunk_means, sums_by_group


def unit_rows(n, dim=16, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(6, 200), k=st.integers(1, 5), seed=st.integers(0, 5))
def test_neighbours_are_the_most_similar_others(n, k, seed):
    vectors = unit_rows(n, seed=seed)
    cosines = (vectors @ vectors.T).astype(np.float64)
    np.fill_diagonal(cosines, -np.inf)
    found = nearest_neighbours(vectors, k)
    expected = -np.sort(-cosines, axis=1)[:, :k]
    assert np.allclose(np.take_along_axis(cosines, found, axis=1), expected, atol=1e-6)


def test_equal_cosines_are_taken_in_row_order_and_twins_find_each_other():
    vectors = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    assert nearest_neighbours(vectors, 3)[5].tolist() == [4, 6, 7]
    assert nearest_neighbours(vectors, 5)[0].tolist() == [1, 2, 3, 4, 5]


def test_several_blocks_give_what_one_block_gives(monkeypatch):
    vectors = unit_rows(300)
    one_block = nearest_neighbours(vectors, 7)
    monkeypatch.setattr(graph, "BLOCK_ROWS", 64)
    assert np.array_equal(np.sort(nearest_neighbours(vectors, 7)), np.sort(one_block))


@pytest.mark.parametrize("n_threads", [1, 5])
def test_the_number_of_threads_changes_nothing(monkeypatch, n_threads):
    vectors = unit_rows(3000, dim=32)
    expected = nearest_neighbours(vectors, 12)
    monkeypatch.setattr(graph, "cpu_count", lambda: n_threads)
    assert np.array_equal(nearest_neighbours(vectors, 12), expected)


def test_weight_is_the_jaccard_index_of_the_neighbourhoods():
    neighbours = nearest_neighbours(unit_rows(60), 5)
    weights = shared_neighbour_graph(neighbours)
    hoods = [{row, *others} for row, others in enumerate(neighbours.tolist())]
    for one in range(60):
        for other in range(60):
            adjacent = one != other and (other in hoods[one] or one in hoods[other])
            expected = len(hoods[one] & hoods[other]) / len(hoods[one] | hoods[other]) if adjacent else 0
            assert weights[one, other] == pytest.approx(expected)
    assert (abs(weights - weights.T)).max() == 0


def test_sums_leave_out_rows_without_a_group():
    vectors = np.arange(8, dtype=np.float32).reshape(4, 2)
    assert sums_by_group(vectors, np.array([1, -1, 0, 1]), 3).tolist() == [[4, 5], [6, 8], [0, 0]]


def test_the_mean_of_a_small_group_is_drawn_towards_the_mean_of_all():
    sums, n_rows = np.array([[95.0, 0.0], [0.0, 5.0], [0.0, 0.0]]), np.array([95, 5, 0])
    means = shrunk_means(sums, n_rows, prior=5)
    overall = np.array([0.95, 0.05])
    assert means[0] == pytest.approx((95 * np.array([1, 0]) + 5 * overall) / 100)
    assert means[1] == pytest.approx((np.array([0, 1]) + overall) / 2)
    assert means[2] == pytest.approx(overall)


def test_means_of_nothing_are_zero():
    assert shrunk_means(np.zeros((1, 2)), np.zeros(1, dtype=np.int64), prior=5).tolist() == [[0, 0]]
