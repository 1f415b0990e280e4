import pytest

from moderation.public_statements import read_statements, shared_statement
from tests.moderation.split_corpus import corpus_of, written


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("Ik woon in Deventer en bak elke week.", "place", "Deventer"),
        ("Bij ons in Den Haag is het niet anders.", "place", "Den Haag"),
        ("Ik kom zelf uit Bergen op Zoom.", "place", "Bergen op Zoom"),
        ("I live near Ghent, so no.", "place", "Ghent"),
        ("I'm also based in Utrecht", "place", "Utrecht"),
        ("Ik spreek alleen Engels, sorry", "language", "en"),
        ("My first language is Dutch.", "language", "nl"),
    ],
)
def test_what_members_say_of_themselves_is_read(text: str, kind: str, name: str) -> None:
    [said] = read_statements(corpus_of([written(0, 0, "m1", text=text)]), [0])
    assert (said.kind, said.name, said.author_id, said.post_id) == (kind, name, "m1", "p00000")
    assert name in said.quote or kind == "language"


@pytest.mark.parametrize(
    "text",
    [
        "Ik woon in de buurt.",
        "Ik kom in Januari weer.",
        "Mijn zus woont in Sneek.",
        "here in CPP it is the same",
        "> Ik woon in Deventer\n\nleuk",
        "In Deventer regent het.",
    ],
)
def test_nothing_is_made_of_anything_else(text: str) -> None:
    assert read_statements(corpus_of([written(0, 0, "m1", text=text)]), [0]) == []


def test_a_place_counts_when_three_members_name_it() -> None:
    places = [
        "Ik woon in Goor.",
        "Bij ons in Goor precies zo.",
        "I live in Goor.",
        "Ik woon in Goor.",
        "I live in Ede.",
    ]
    members = ["a", "b", "c", "a", "d"]
    corpus = corpus_of(
        [
            written(number, number, member, text=text)
            for number, (member, text) in enumerate(zip(members, places, strict=True))
        ]
    )
    said = read_statements(corpus, range(5))
    assert [each.author_id for each in shared_statement(said, "place")] == ["a", "b", "c"]
    assert shared_statement(said[:2] + said[3:], "place") == []
    assert shared_statement(said, "language") == []


def test_nobody_known_said_nothing() -> None:
    assert read_statements(corpus_of([written(0, 0, None, text="Ik woon in Goor.")]), [0]) == []
