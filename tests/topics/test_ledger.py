import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from topics.ledger import MIN_SHARED, Flow, Orders, carry_on, match_topics, topic_events

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


@st.composite
def orders_over(draw, ids=range(1, 7)):
    """What moderators may ask for: never to merge what stays apart."""
    pairs = st.tuples(st.sampled_from(ids), st.sampled_from(ids)).filter(lambda pair: pair[0] < pair[1])
    some = st.frozensets(st.sampled_from(ids), max_size=3)
    return Orders(merged=draw(some), pinned=draw(some), apart=draw(st.frozensets(pairs, max_size=3)))


@given(clusterings(), orders_over(), st.integers(0, 20))
def test_a_pinned_topic_stays_while_it_has_posts(pair, orders, highest_ever):
    old, new = pair[0], without_gaps(pair[1])
    topic_of = carry_on(old, new, highest_id=highest_ever, orders=orders)
    assert set(old.tolist()) & orders.pinned <= set(topic_of.tolist())


@given(clusterings(), orders_over())
def test_topics_that_stay_apart_never_become_one(pair, orders):
    old, new = pair[0], without_gaps(pair[1])
    topic_of = carry_on(old, new, highest_id=6, orders=orders)
    for one, other in orders.apart:
        homes = [home_of(topic_of, old == each) for each in (one, other)]
        assert homes[0] != homes[1] or homes[0] in (None, 0)


def home_of(topic_of, posts):
    """The topic of more than half of some posts; None = there is none."""
    ids, counts = np.unique(topic_of[posts], return_counts=True)
    return int(ids[counts.argmax()]) if len(ids) and counts.max() > posts.sum() / 2 else None


@given(clusterings(), st.frozensets(st.sampled_from(range(1, 7))), st.integers(0, 20))
def test_a_topic_that_moderators_merged_is_not_split(pair, merged, highest_ever):
    old, new = pair[0], without_gaps(pair[1])
    topic_of = carry_on(old, new, highest_id=highest_ever, orders=Orders(merged=merged))
    for topic_id in set(topic_of.tolist()) - set(old.tolist()) - {0}:
        ids, counts = np.unique(old[topic_of == topic_id], return_counts=True)
        assert not any(n * 2 > counts.sum() for each, n in zip(ids, counts, strict=True) if each in merged)


@given(st.lists(labels(6), min_size=2, max_size=6), orders_over())
def test_no_id_ever_comes_back_after_any_number_of_refits(clusterings, orders):
    topic_of, ever, gone = np.zeros(N_POSTS, dtype=np.int64), set(), set()
    for new in clusterings:
        topic_of = carry_on(topic_of, without_gaps(new), highest_id=max(ever, default=0), orders=orders)
        now = set(topic_of.tolist()) - {0}
        assert not now & gone
        ever |= now
        gone = ever - now


@given(clusterings(), orders_over(), st.permutations(range(N_POSTS)))
def test_shuffled_posts_go_on_and_are_told_of_the_same(pair, orders, shuffled):
    old, new = pair[0], without_gaps(pair[1])
    order = np.array(shuffled)
    whole = carry_on(old, new, highest_id=6, orders=orders)
    np.testing.assert_array_equal(carry_on(old[order], new[order], highest_id=6, orders=orders), whole[order])
    assert topic_events(old, whole) == topic_events(old[order], whole[order])


@given(clusterings(), orders_over())
def test_moderators_never_unsort_a_post(pair, orders):
    old, new = pair[0], without_gaps(pair[1])
    assert not np.any((carry_on(old, new, highest_id=6, orders=orders) == 0) & (new > 0))


@given(clusterings(9))
def test_every_topic_has_one_event_with_all_its_posts(pair):
    before, after = pair
    events = topic_events(before, after)
    ids = [event.topic_id for event in events]
    assert ids == sorted(set(before[before > 0].tolist()) | set(after[after > 0].tolist()))
    for event in events:
        assert event.n_posts_before == (before == event.topic_id).sum() == sum(flow.n_posts for flow in event.went_to)
        assert event.n_posts_after == (after == event.topic_id).sum() == sum(flow.n_posts for flow in event.came_from)
        assert (event.kind == "retired" or event.kind == "merged") or event.n_posts_after
        assert event.kind != "new" or not event.n_posts_before


def kinds(before, after, **options):
    return {event.topic_id: (event.kind, event.other_ids) for event in topic_events(before, after, **options)}


def test_what_became_of_topics():
    before = np.repeat([1, 2, 3, 4, 5, 0, -1], 10)
    after = np.repeat([1, 1, 3, 4, 0, 8, 9], 10)
    after[24:30] = 7  # most of topic 3 stays, four posts and more go to a topic of their own
    after[20:24] = 3
    assert kinds(before, after, renamed={4}) == {
        1: ("merged", (2,)),
        2: ("merged", (1,)),
        3: ("split", (7,)),
        4: ("renamed", ()),
        5: ("retired", ()),
        7: ("split", (3,)),
        8: ("new", ()),
        9: ("new", ()),
    }


def test_flows_say_where_posts_went_and_came_from():
    before, after = np.array([1, 1, 1, 1, 2, 2, -1]), np.array([1, 1, 0, -1, 1, 2, 1])
    (one, two) = topic_events(before, after)
    assert one.went_to == (Flow(1, 2, 0.5), Flow(0, 1, 0.25))
    assert one.came_from == (Flow(1, 2, 0.5), Flow(2, 1, 0.25))
    assert (two.n_posts_before, two.n_posts_after) == (2, 1)
