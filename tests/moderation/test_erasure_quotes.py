import pytest

from moderation.erasure_quotes import Words, words_of
from moderation.posts import Post
from tests.moderation.episode_corpus import at

SAID = "Mijn zegels zijn al drie weken kwijt en niemand in de winkel weet waarom."
WORDS = Words(frozenset({"Roos", "Roos de Wit"}), (SAID, "Help"))


def cleaned(text: str) -> str:
    return WORDS.taken_out_of(Post("p", "t", at(0), text)).text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"> {SAID}\nIk ook.", "Ik ook."),
        (f"{SAID}\nIk ook.", "Ik ook."),
        ("> zijn al drie weken kwijt\nIk ook.", "Ik ook."),
        (f"> {SAID} (p. 2)\nIk ook.", "> […] (p. 2)\nIk ook."),
        ("Roos de Wit schreef:\nIk ook.", "[…] schreef:\nIk ook."),
        ('[quote="Roos, post:3"]Ik ook.', '[quote="[…], post:3"]Ik ook.'),
        ("@Roos, dat had ik ook.", "@[…], dat had ik ook."),
    ],
)
def test_what_was_repeated_is_taken_out(text: str, left: str) -> None:
    assert cleaned(text) == left


@pytest.mark.parametrize(
    "text",
    ["Een roos in de tuin.", "Help", "@Rooster staat online.", "> Iemand anders zei dit.", "Ik ook, al drie weken."],
)
def test_what_anybody_could_have_written_stays(text: str) -> None:
    assert cleaned(text) == text


def test_a_name_in_a_sentence_is_for_a_person_to_read() -> None:
    assert WORDS.names_in(Post("p", "t", at(0), "Met dank aan Roos!"))
    assert not WORDS.names_in(Post("p", "t", at(0), "Rozen en roosters."))


def test_somebody_without_a_name_is_called_nothing() -> None:
    nameless = Words(frozenset(), (SAID,))
    post = Post("p", "t", at(0), "@Roos")
    assert nameless.taken_out_of(post) is post
    assert not nameless.names_in(post)


def test_words_are_compared_without_case() -> None:
    assert words_of(["Zegels, de ZEGELS"]) == {"zegels", "de"}
