import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.proposal_matching import MIN_OVERLAP, match_proposals, overlap

MEMBERS = st.frozensets(st.sampled_from("abcdefgh"), min_size=1)


def parts(*texts: str) -> list[frozenset[str]]:
    return [frozenset(text) for text in texts]


def test_the_same_parts_in_another_order_are_the_same() -> None:
    assert overlap(parts("abc", "defg"), parts("defg", "abc")) == 1


def test_another_group_beside_the_same_rest_is_another_proposal() -> None:
    rest = "klmnopqrstuvwxyz"
    assert overlap(parts("abc", rest), parts("def", rest)) == 0
    assert overlap(parts("abc", rest), parts("abcd", rest)) == pytest.approx(0.75)


def test_a_part_that_fell_in_two_still_has_its_partner() -> None:
    assert overlap(parts("abcd", "efgh"), parts("abcd", "efg", "h")) == pytest.approx(0.75)


def test_the_nearest_is_taken_and_each_once() -> None:
    known = {3: parts("abcd"), 7: parts("abc")}
    assert match_proposals([parts("abc"), parts("abcde"), parts("xyz")], known) == [7, 3, None]
    assert match_proposals([parts("abc"), parts("abc")], {1: parts("abc")}) == [1, None]


def test_less_than_a_third_in_common_is_a_new_one() -> None:
    assert match_proposals([parts("abcd")], {1: parts("aefgh")}) == [None]
    assert match_proposals([parts("ab")], {1: parts("bc")}) == [1]
    assert pytest.approx(1 / 3) == MIN_OVERLAP


def test_nothing_known_and_nothing_found() -> None:
    assert match_proposals([], {1: parts("a")}) == []
    assert overlap([], parts("a")) == 0


@given(st.lists(MEMBERS, min_size=1, max_size=4), st.lists(MEMBERS, min_size=1, max_size=4))
def test_overlap_is_symmetric_and_a_share(one: list[frozenset[str]], other: list[frozenset[str]]) -> None:
    assert overlap(one, other) == pytest.approx(overlap(other, one))
    assert 0 <= overlap(one, other) <= 1
