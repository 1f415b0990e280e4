import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.repeats import MAX_ROWS, find_repeats


def around(centre, n, *, noise=0.05, seed=0, dim=32):
    points = np.eye(dim)[centre] + noise * np.random.default_rng(seed).normal(size=(n, dim))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def rows_of(repeats):
    return [repeat.rows for repeat in repeats]


def test_what_says_the_same_is_one_group_and_the_rest_stands_alone():
    points = np.concatenate([around(0, 3), around(1, 1), around(2, 2, seed=1)])
    assert rows_of(find_repeats(points)) == [(0, 1, 2), (3,), (4, 5)]


def test_a_chain_of_neighbours_is_not_one_group():
    angles = np.deg2rad(np.arange(0, 181, 20))
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert len(find_repeats(points)) > 1


def test_the_typical_one_lies_in_the_middle():
    angles = np.deg2rad([0.0, 15.0, 30.0])
    (repeat,) = find_repeats(np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    assert repeat.typical == 1


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_to_compare_is_fine(n):
    assert rows_of(find_repeats(around(0, n))) == [(row,) for row in range(n)]


def test_too_many_rows_are_refused():
    with pytest.raises(ValueError, match="leave the oldest out"):
        find_repeats(np.zeros((MAX_ROWS + 1, 2), dtype=np.float32))


@given(st.integers(0, 100), st.integers(2, 40))
def test_every_row_is_in_one_group_and_a_second_time_gives_the_same(seed, n):
    points = around(0, n, noise=0.4, seed=seed)
    repeats = find_repeats(points)
    assert sorted(row for rows in rows_of(repeats) for row in rows) == list(range(n))
    assert [rows[0] for rows in rows_of(repeats)] == sorted(rows[0] for rows in rows_of(repeats))
    assert all(repeat.typical in repeat.rows for repeat in repeats)
    assert find_repeats(points.copy()) == repeats
