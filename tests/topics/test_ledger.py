import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from topics.ledger import MIN_SHARED, match_topics

N_POSTS = 60


def labels(highest):
    return arrays(np.int64, N_POSTS, elements=st.integers(0, highest))


def clusterings(highest=6):
    return st.tuples(labels(highest), labels(highest))


def without_gaps(topics):
    """Topics from 1 as a clustering numbers them; 0 stays unsorted."""
    kept = np.unique(topics[topics > 0])
    return np.where(topics > 0, np.searchsorted(kept, topics) + 1, 0)


@given(labels(6), st.permutations(range(6)))
def test_the_same_clustering_keeps_its_ids_however_it_is_numbered(topics, renumbered):
    topics = without_gaps(topics)
    n_topics = topics.max()
    permanent = np.array([0, 12, 3, 40, 7, 21, 5])
    number_of = np.array([0, *(place + 1 for place in renumbered if place < n_topics)])
    ids = match_topics(permanent[topics], number_of[topics], highest_id=40)
    assert ids[number_of[1:] - 1].tolist() == permanent[1 : n_topics + 1].tolist()


@given(clusterings(), st.integers(0, 100))
def test_no_id_is_given_twice_and_a_new_one_was_never_used(pair, highest_ever):
    old, new = pair[0], without_gaps(pair[1])
    ids = match_topics(old, new, highest_id=highest_ever)
    assert len(set(ids.tolist())) == len(ids) == new.max()
    ever = max(highest_ever, old.max())
    fresh = sorted(id_ for id_ in ids.tolist() if id_ not in set(old[old > 0].tolist()))
    assert fresh == list(range(ever + 1, ever + 1 + len(fresh)))


@given(clusterings(), st.randoms(use_true_random=False))
def test_the_order_of_the_posts_changes_nothing(pair, random):
    old, new = pair[0], without_gaps(pair[1])
    order = list(range(N_POSTS))
    random.shuffle(order)
    assert match_topics(old, new, highest_id=6).tolist() == match_topics(old[order], new[order], highest_id=6).tolist()


@given(clusterings())
def test_a_kept_id_shares_enough_posts(pair):
    old, new = pair[0], without_gaps(pair[1])
    for place, id_ in enumerate(match_topics(old, new, highest_id=6).tolist()):
        if id_ <= 6:
            was, is_now = old == id_, new == place + 1
            assert (was & is_now).sum() >= MIN_SHARED * (was | is_now).sum() - 1e-9


def test_of_a_topic_that_fell_in_two_the_larger_part_keeps_the_id():
    old = np.repeat([8, 3], [10, 10])
    new = np.repeat([1, 2, 3], [4, 6, 10])
    assert match_topics(old, new, highest_id=9).tolist() == [10, 8, 3]


def test_posts_that_scattered_leave_no_id_behind():
    old = np.repeat([5], 12)
    new = np.repeat([1, 2, 3, 4], 3)
    assert match_topics(old, new, highest_id=5).tolist() == [6, 7, 8, 9]


def test_no_topics_before_or_after():
    nothing = np.zeros(5, dtype=np.int64)
    topics = np.array([1, 1, 2, 2, 0])
    assert match_topics(nothing, topics, highest_id=0).tolist() == [1, 2]
    assert match_topics(topics, nothing, highest_id=2).tolist() == []
    assert match_topics(nothing[:0], nothing[:0], highest_id=4).tolist() == []
