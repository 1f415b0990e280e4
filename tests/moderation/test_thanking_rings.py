import numpy as np
import pytest

from moderation.contributions import Contribution, find_contributions
from moderation.thanking_rings import MAX_RING, MIN_WEIGHT, find_rings
from tests.moderation.episode_corpus import row, small_corpus

DAY = 24 * 60
CROWD = [f"c{number:02d}" for number in range(40)]


def crowd(n_threads=120, *, seed=3):
    """Members who start threads and answer one another at random."""
    rng = np.random.default_rng(seed)
    rows = []
    for thread in range(n_threads):
        first, *others = rng.choice(CROWD, size=4, replace=False)
        start = thread * 600
        rows.append(row(f"q{thread}", start, str(first), thread=f"t{thread}", signals={"question": 0.9}))
        rows += [
            row(f"q{thread}-{place}", start + 5 + place, str(who), thread=f"t{thread}")
            for place, who in enumerate(others)
        ]
    return rows


def ring_of(author_ids, n_rounds=6, *, n_threads=6, kind="question"):
    """Each asks in turn and all the others answer or thank."""
    rows = []
    for number in range(n_rounds):
        for asker in author_ids:
            thread = f"ring-{asker}-{number % n_threads}"
            start = number * 5 * DAY + author_ids.index(asker) * 90
            rows.append(row(f"{asker}-{number}", start, asker, thread=thread, signals={kind: 0.9}))
            rows += [
                row(
                    f"{asker}-{number}-{who}",
                    start + 7,
                    who,
                    "Thanks!",
                    thread=thread,
                    parent_id=f"{asker}-{number}",
                    kind="thanks",
                )
                for who in author_ids
                if who != asker
            ]
    return rows


def rings_in(rows, members=None):
    corpus = small_corpus(rows)
    known = sorted({each.post.author_id for each in rows})
    return corpus, find_rings(corpus, find_contributions(corpus, []), known if members is None else members)


def test_a_crowd_has_no_rings():
    _, rings = rings_in(crowd())
    assert rings == []


@pytest.mark.parametrize("author_ids", [["r1", "r2"], ["r1", "r2", "r3"], ["r1", "r2", "r3", "r4"]])
def test_a_planted_ring_is_found_with_its_figures(author_ids):
    corpus, rings = rings_in([*crowd(), *ring_of(author_ids)])
    assert [ring.author_ids for ring in rings] == [tuple(author_ids)]
    (ring,) = rings
    assert ring.n_exchanged == len(ring.rows) == 6 * len(author_ids) * (len(author_ids) - 1)
    assert ring.n_expected < ring.n_exchanged / 3
    assert MIN_WEIGHT <= ring.weight < 0.5
    assert {corpus.posts[each].author_id for each in ring.rows} == set(author_ids)


def test_a_large_group_that_talks_with_itself_is_no_ring():
    assert rings_in([*crowd(), *ring_of([f"r{number}" for number in range(MAX_RING + 1)])])[1] == []


def test_one_long_conversation_is_no_ring():
    assert rings_in([*crowd(), *ring_of(["r1", "r2"], n_threads=1)])[1] == []


def test_two_who_help_everybody_are_no_ring():
    helpful = [
        row(f"h-{thread}-{who}", thread * 600 + 20, who, thread=f"t{thread}")
        for who in ("r1", "r2")
        for thread in range(120)
    ]
    assert rings_in([*crowd(), *ring_of(["r1", "r2"]), *helpful])[1] == []


def test_staff_are_in_no_ring():
    rows = [*crowd(), *ring_of(["r1", "r2"])]
    members = sorted({each.post.author_id for each in rows} - {"r2"})
    assert rings_in(rows, members)[1] == []


def test_the_order_of_contributions_changes_nothing():
    corpus = small_corpus([*crowd(), *ring_of(["r1", "r2", "r3"])])
    found = find_contributions(corpus, [])
    members = sorted({post.author_id for post in corpus.posts})
    assert find_rings(corpus, found, members) == find_rings(corpus, found[::-1], members[::-1])


def test_a_contribution_for_nobody_known_is_no_exchange():
    corpus = small_corpus(crowd(4))
    assert find_rings(corpus, [Contribution("answer", 1, 0, "c01", None)], CROWD) == []
