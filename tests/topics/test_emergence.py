import numpy as np
import pytest

from topics.emergence import find_emerging, same_wordings, small_groups, typical_first

N, DIM, N_SUBJECTS = 1500, 32, 15


def community(rng, *, n_new=0):
    """Threads of two posts about old subjects at any time; `n_new` threads at the end about one of their own."""
    n_threads = N // 2
    centres = rng.normal(size=(N_SUBJECTS + 1, DIM))
    subjects = np.repeat(rng.integers(0, N_SUBJECTS, n_threads), 2)
    began = np.repeat(np.sort(rng.uniform(0, 1, n_threads)), 2)
    if n_new:
        subjects[-2 * n_new :] = N_SUBJECTS
    points = (centres[subjects] + 0.9 * rng.normal(size=(N, DIM))).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    threads = np.repeat(np.arange(n_threads), 2)
    return points, threads, rng.integers(0, 200, N), subjects, began


def test_where_nothing_came_up_hardly_anything_is_proposed():
    rng = np.random.default_rng(0)
    n_proposed = 0
    for _ in range(12):
        points, threads, authors, _, began = community(rng)
        n_proposed += len(find_emerging(small_groups(points, threads=threads, authors=authors), began > 0.8))
    assert n_proposed <= 1


def test_a_new_group_is_found_with_its_posts():
    points, threads, authors, subjects, began = community(np.random.default_rng(1), n_new=12)
    (found,) = find_emerging(small_groups(points, threads=threads, authors=authors), began > 0.8)
    assert np.mean(subjects[list(found.rows)] == N_SUBJECTS) > 0.9
    assert found.n_threads >= 10
    assert found.new_share > 0.9
    assert found.p_false <= 0.02


def words_of(rng, subjects):
    """Eight common words in every post; a new subject brings one that nobody used."""
    words = [sorted(set(rng.integers(0, 400, 8).tolist())) for _ in subjects]
    return [[*each, 400] if subject == N_SUBJECTS else each for each, subject in zip(words, subjects, strict=True)]


def test_a_new_word_is_found_before_the_posts_are_neighbours():
    rng = np.random.default_rng(2)
    _, threads, authors, subjects, began = community(rng, n_new=9)
    candidates, wording_of = same_wordings(words_of(rng, subjects), threads=threads, authors=authors)
    (found,) = find_emerging(candidates, began > 0.8)
    assert wording_of[list(found.sets)].tolist() == [400]
    assert found.rows == tuple(np.flatnonzero(subjects == N_SUBJECTS).tolist())


def test_one_thread_or_one_writer_is_no_group():
    rng = np.random.default_rng(2)
    _, threads, authors, subjects, began = community(rng, n_new=9)
    is_new = subjects == N_SUBJECTS
    wordings_of = words_of(rng, subjects)
    one_thread = same_wordings(wordings_of, threads=np.where(is_new, 0, threads), authors=authors)[0]
    one_writer = same_wordings(wordings_of, threads=threads, authors=np.where(is_new, 0, authors))[0]
    assert find_emerging(one_thread, began > 0.8) == find_emerging(one_writer, began > 0.8) == ()


@pytest.mark.parametrize("is_recent", [np.zeros(N, dtype=bool), np.ones(N, dtype=bool)])
def test_without_a_past_or_a_present_nothing_is_new(is_recent):
    points, threads, authors, _, _ = community(np.random.default_rng(3))
    assert find_emerging(small_groups(points, threads=threads, authors=authors), is_recent) == ()


def test_too_few_posts_are_not_cut():
    points, threads, authors, _, _ = community(np.random.default_rng(3))
    assert small_groups(points[:60], threads=threads[:60], authors=authors[:60]) is None


def test_the_most_typical_comes_first():
    points = np.array([[1, 0], [0, 1], [0.8, 0.6]], dtype=np.float32)
    assert typical_first(points, [0, 1, 2]) == (2, 0, 1)
