from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pages.passages import mark_sentences


def reason(*places: tuple[int, int]) -> dict[str, Any]:
    return {"evidence": {"sentences": [{"begin": begin, "end": end} for begin, end in places]}}


def test_the_strongest_sentence_and_those_beside_it_stand_out() -> None:
    parts = mark_sentences("Een. Twee. Drie.", [reason((5, 10), (0, 4))], offset=0)
    assert [(part.words, part.is_marked, part.is_strongest) for part in parts] == [
        ("Een.", True, False),
        (" ", False, False),
        ("Twee.", True, True),
        (" Drie.", False, False),
    ]


def test_a_sentence_of_the_title_marks_nothing_in_the_text() -> None:
    parts = mark_sentences("Een. Twee.", [reason((0, 8))], offset=9)
    assert [(part.words, part.is_marked) for part in parts] == [("Een. Twee.", False)]


@pytest.mark.parametrize("evidence", [{}, {"sentences": None}, {"nearest_posts": []}])
def test_reasons_that_name_no_sentence_mark_nothing(evidence: dict[str, Any]) -> None:
    assert not any(part.is_marked for part in mark_sentences("Een. Twee.", [{"evidence": evidence}], offset=0))


place = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: (min(pair), max(pair)))


@given(st.text(max_size=20), st.lists(place, min_size=1, max_size=3), st.integers(0, 10))
def test_the_parts_are_the_words(words: str, places: list[tuple[int, int]], offset: int) -> None:
    parts = mark_sentences(words, [reason(*places)], offset=offset)
    assert "".join(part.words for part in parts) == words
    assert all(part.is_marked or not part.is_strongest for part in parts)
