from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.erasure_scrub import GONE, Traces

TRACES = Traces("u88", frozenset({"Roos"}), frozenset({"p1", "88"}))


@pytest.mark.parametrize(
    ("stored", "left"),
    [
        ({"post_ids": ["p1", "p2"], "n": 2}, {"post_ids": ["p2"], "n": 2}),
        ({"items": [{"id": "p1", "x": 1}, {"id": "p2", "x": 2}]}, {"items": [{"id": "p2", "x": 2}]}),
        ({"answer_post_id": "p1", "id": "p2"}, {"answer_post_id": None, "id": "p2"}),
        ({"author_ids": ["u88", "88"]}, {"author_ids": ["88"]}),
        ({"parts": [["u88", "u1"], ["u2"]]}, {"parts": [["u1"], ["u2"]]}),
        ({"kind": "88", "thread_id": "p1"}, {"kind": "88", "thread_id": "p1"}),
        ({"note": "Roos belde, u88 dus", "name": "Roos"}, {"note": "[…] belde, […] dus", "name": "Roos"}),
    ],
)
def test_traces_are_taken_out_and_the_rest_stays(stored: dict[str, Any], left: dict[str, Any]) -> None:
    assert TRACES.clean(stored) == left


def test_an_entry_about_the_person_is_gone() -> None:
    assert TRACES.clean({"post_id": "p1", "flag_id": 3}) is GONE


LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(["p1", "p2", "88", "u88", "u1", "Roos", "open"])
FIELDS = st.sampled_from(["id", "post_ids", "author_id", "note", "kind", "evidence", "supporter_ids", "cause"])
STORED = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner), max_leaves=20)


@given(STORED)
def test_cleaning_twice_changes_nothing_more(stored: Any) -> None:
    once = TRACES.clean(stored, "evidence")
    assert once is GONE or TRACES.clean(once, "evidence") == once


@given(STORED)
def test_what_speaks_of_others_only_is_not_touched(stored: Any) -> None:
    nobody = Traces("nobody", frozenset(), frozenset({"none"}))
    assert nobody.clean(stored, "evidence") == stored
