from time import perf_counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.sentences import split_sentences


def sentences(text):
    return [text[sentence.begin : sentence.end] for sentence in split_sentences(text)]


@pytest.mark.parametrize(
    "marked",
    [
        "Het werkt niet.| Ik wil mijn geld terug.",
        "wat een zooi!| ik ga weg?| nee toch",
        "het werkt niet.| ik ben er klaar mee",
        "Traag, o.a. bij dhr. Jansen en bijv. in Ede.| Jammer.",
        "Bel nr. 12 of zie blz. 4 a.u.b.| Dank.",
        "I said no.| Then he left at 5 p.m. and that was it.",
        "Dr. Smith and J. de Vries paid 3.50 on Oct. 12 etc.| They left.",
        "Om 14.00 uur kostte het € 12,50.| Prima.",
        "nou... ik weet het niet...| Toch maar wel",
        "Drie weken later!!!| Nog niets…|  Lekker",
        "Petje af hoor 👏| We gingen weg 😡",
        "Bedankt! 👍👍| Tot morgen :-) en de groeten",
        '"Wat?" zei hij.| "Nee!"| Klaar.',
        "niets gehoord|\nnog steeds niet\n???",
        "Te doen:|\n- bellen|\n- mailen.| Of schrijven.|\n3. klaar",
        "Het is klaar.|En nu naar Node.js of B.V. de Boer.",
        "geen punt en geen komma",
        "!!!",
        " \n ",
        "",
    ],
)
def test_sentences_end_where_a_reader_would_end_them(marked):
    expected = [part.strip() for part in marked.split("|")] if marked.strip() else []
    assert sentences(marked.replace("|", "")) == expected


def test_lines_that_a_program_wrapped_are_joined():
    text = (
        "Dear all. The parcel was left with a neighbour who is never in, and so it took\n"
        "another week. I asked twice.\nthanks\nJan"
    )
    assert sentences(text)[1].endswith("it took\nanother week.")
    assert sentences(text)[2:] == ["I asked twice.", "thanks", "Jan"]


def test_lines_without_marks_and_capitals_stay_apart_however_long():
    line = "prijzen omhoog en treinen korter, je staat als haringen in een ton, belachelijk"
    assert sentences(f"{line}\nfiets staat in de stalling") == [line, "fiets staat in de stalling"]


@given(st.text(alphabet=st.sampled_from(list("aB1 .!?…\n-:)(\"'😡é\t\r")) | st.characters(), max_size=200))
@example("a.\x1cb")
def test_sentences_are_in_order_and_leave_only_white_space_out(text):
    found = split_sentences(text)
    bounds = [place for sentence in found for place in (sentence.begin, sentence.end)]
    assert bounds == sorted(bounds)
    assert all(sentence.begin < sentence.end for sentence in found)
    left_out = [text[left:right] for left, right in zip([0, *bounds[1::2]], [*bounds[::2], len(text)], strict=True)]
    assert not "".join(left_out).strip()


@pytest.mark.parametrize("part", [".", "a. ", "!x", "A.\n", "(' ", "😡 ", "1. ", "woord " * 12 + "\n"])
def test_a_long_text_takes_time_in_proportion(part):
    start = perf_counter()
    split_sentences(part * (200_000 // len(part)))
    assert perf_counter() - start < 5
