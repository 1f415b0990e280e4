from dataclasses import replace

import numpy as np
import pytest

from moderation.placement import OTHER_SPACE_FROM
from moderation.purpose import PurposeTexts, fit_purpose
from moderation.spaces import NO_SPACE, NO_SPACES, STANDS_IN_A_THREAD, fit_spaces, suggest_spaces
from tests.moderation.topic_corpus import DIM, SUBJECTS, corpus_of, talk

N = 300
MOVED = [30, 91, 152]


def in_space(place):
    return SUBJECTS[(place + (place in MOVED)) % 3]


@pytest.fixture(scope="module")
def corpus():
    """Each subject has a space of its own; three threads stand in another one."""
    return corpus_of(talk(N, hours=1, space=in_space))


@pytest.fixture(scope="module")
def purpose(corpus):
    return fit_purpose(corpus, PurposeTexts.none(DIM))


@pytest.fixture(scope="module")
def spaces(corpus, purpose):
    return fit_spaces(corpus, purpose)


def test_the_threads_that_stand_in_another_space_are_named_with_their_own(corpus, purpose, spaces):
    better = suggest_spaces(spaces, purpose, corpus, leaves_out=True)
    suggested = [row for row in range(N) if better.p[row] >= OTHER_SPACE_FROM]
    assert suggested == MOVED
    assert [better.space[row] for row in MOVED] == [SUBJECTS[row % 3] for row in MOVED]


def test_a_thread_is_judged_the_same_alone(corpus, purpose, spaces):
    row = MOVED[0]
    alone = corpus_of(talk(N, hours=1, space=in_space)[row : row + 1])
    assert suggest_spaces(spaces, purpose, alone, leaves_out=False).space == (SUBJECTS[row % 3],)


def test_a_small_or_unknown_space_has_no_better_one_but_a_reason(purpose, spaces):
    rare = corpus_of(talk(5, space=lambda place: None if place else "new"))
    better = suggest_spaces(spaces, purpose, rare, leaves_out=False)
    assert better.reasons == (NO_SPACE,) * 5
    assert np.isnan(better.p).all()


def test_replies_move_with_their_thread(purpose, spaces):
    replies = corpus_of(talk(4, space=lambda place: SUBJECTS[0], thread_id=lambda place: "one"))
    assert suggest_spaces(spaces, purpose, replies, leaves_out=False).reasons == (None, *[STANDS_IN_A_THREAD] * 3)


def test_one_space_is_none_to_choose_from(corpus, purpose):
    single = replace(corpus, posts=tuple(replace(post, space="all") for post in corpus.posts))
    assert fit_spaces(single, purpose) is None
    assert set(suggest_spaces(None, purpose, single, leaves_out=True).reasons) == {NO_SPACES}


def test_spaces_that_hold_the_same_name_no_better_one():
    """Threads that were put into spaces at random say nothing about where others belong."""
    rng = np.random.default_rng(0)
    at_random = [f"space {number}" for number in rng.integers(3, size=N)]
    corpus = corpus_of(talk(N, hours=1, space=lambda place: at_random[place]))
    purpose = fit_purpose(corpus, PurposeTexts.none(DIM))
    better = suggest_spaces(fit_spaces(corpus, purpose), purpose, corpus, leaves_out=True)
    assert (np.nan_to_num(better.p) >= OTHER_SPACE_FROM).sum() <= 0.01 * N
