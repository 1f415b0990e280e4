from dataclasses import replace

import numpy as np
import pytest

from moderation.turning_points import MIN_PART_POSTS, MIN_THREAD_POSTS, find_turn, find_turns
from tests.moderation.topic_corpus import DIM, corpus_of, talk


def thread(*subjects, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    rows = np.eye(DIM)[list(subjects)] + noise * rng.normal(size=(len(subjects), DIM)) / np.sqrt(DIM)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("n_before", [MIN_PART_POSTS + 2, 8, 20])
def test_the_turn_is_the_first_post_about_the_other_subject(n_before):
    assert find_turn(thread(*[0] * n_before, *[1] * 8)) == n_before


def test_a_thread_about_one_subject_does_not_turn():
    n_turned = sum(find_turn(thread(*[0] * 20, seed=seed)) is not None for seed in range(100))
    assert n_turned <= 3


def test_jokes_between_turn_no_thread():
    assert find_turn(thread(*[0] * 6, 1, 2, *[0] * 6)) is None


def test_a_thread_that_comes_back_to_its_first_post_has_not_turned_from_it():
    """The posts before the cut are about something else than the opening, those after it are not."""
    assert find_turn(thread(0, *[1] * 7, *[0] * 8)) is None


def test_posts_from_the_turn_on_name_it_and_short_ones_do_not_make_it():
    n = 2 * MIN_THREAD_POSTS
    talked = talk(n, subject_of=lambda place: int(place >= n // 2), thread_id=lambda place: "t")
    corpus = corpus_of(talked)
    assert find_turns(corpus) == (None,) * (n // 2) + (n // 2,) * (n // 2)
    short = replace(corpus, readings=tuple(replace(reading, n_words=3) for reading in corpus.readings))
    assert find_turns(short) == (None,) * n
