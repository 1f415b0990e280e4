import csv
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.languages import detect_languages, known_languages

WANTED = ("nl", "en")


def detect(text: str, *, languages: Sequence[str] = WANTED, hint: str | None = None) -> str:
    return detect_languages([text], languages=languages, hints=[hint])[0]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Ik wacht nu al drie weken op mijn punten en niemand reageert.", "nl"),
        ("I have been waiting three weeks for my points and nobody answers.", "en"),
        ("Ich warte seit drei Wochen auf meine Punkte und niemand antwortet mir.", "de"),
        ("Cela fait trois semaines que j'attends mes points et personne ne me répond.", "fr"),
        ("IK WACHT NU AL DRIE WEKEN OP MIJN PUNTEN EN NIEMAND REAGEERT", "nl"),
        ("@klantenservice hoe kan ik mijn kaart blokkeren? 😡😡 #boos", "nl"),
        ("Waar blijft nou mijn bestelling", "nl"),
        ("Where on earth is my order", "en"),
        ("3 星期了，我的积分还没有到账，客服也没有回复我的问题，真的很失望。", "zh"),
    ],
)
def test_the_language_of_a_post(text: str, language: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize(
    "text", ["", " ", "ok", "super", "Merci!", "12345", "😀😀😀", "!!! ???", "Dank je", "@bank #help", ":smile:"]
)
def test_a_word_or_two_is_not_enough(text: str) -> None:
    assert detect(text) == "unknown"


@pytest.mark.parametrize(
    "text",
    [
        "Ik heb een vraag over mijn punten. I have a question about my points.",
        "Mijn kaart werkt al een week niet meer.\nMy card has not been working for a week now.",
        "Das geht so wirklich nicht weiter mit euch. Dit kan zo echt niet langer met jullie.",
    ],
)
def test_sentences_in_two_languages_are_unknown(text: str) -> None:
    assert detect(text, languages=("nl", "en", "de", "fr")) == "unknown"


def test_a_name_or_a_title_in_another_language_is_no_mixture() -> None:
    assert detect("Ik heb gisteren in de bioscoop The Lord of the Rings gezien en het was prachtig.") == "nl"


def test_a_hint_decides_only_where_the_text_leaves_room() -> None:
    dutch = "Ik wacht nu al drie weken op mijn punten en niemand reageert."
    assert detect(dutch, hint="en") == "nl"
    assert detect(dutch, hint="af") == "nl"
    assert detect("Verkoop aandeel verliep vlot.", hint="af") != "af"
    assert (detect("Help mij", hint=None), detect("Help mij", hint="nl-BE"), detect("Help mij", hint="en")) == (
        "unknown",
        "nl",
        "unknown",
    )
    assert detect("ok", hint="not a language") == "unknown"


def test_no_texts_have_no_languages() -> None:
    assert detect_languages([], languages=WANTED) == []
    assert {"nl", "en", "de", "fr", "es"} <= known_languages()


texts = st.text(st.sampled_from("abcdeëij .!?\n😀'é语"), max_size=120) | st.sampled_from(
    ["Waar blijft mijn pakket toch? Where is my parcel now please?", "Dit is een gewone Nederlandse zin.", ""]
)


@given(texts=st.lists(texts, max_size=8), seed=st.integers(0, 9))
def test_a_text_has_the_same_language_in_every_company(texts: list[str], seed: int) -> None:
    shuffled = random.Random(seed).sample(range(len(texts)), len(texts))
    together = detect_languages([texts[row] for row in shuffled], languages=WANTED)
    assert together == [detect(texts[row]) for row in shuffled]


def test_a_very_long_text_is_read_in_part() -> None:
    assert detect("Ik wil graag mijn punten terug. " * 300_000) == "nl"
    assert detect("a\u0301" * 3_000_000) in known_languages() | {"unknown"}


@pytest.mark.parametrize(("folder", "language"), [("nld_Latn", "nl"), ("eng_Latn", "en")])
@pytest.mark.parametrize("n_words", [5, 6, 8])
def test_dutch_and_english_of_a_few_words_are_known(
    shared_data: Path, folder: str, language: str, n_words: int
) -> None:
    with (shared_data / "labels/sib200_topics_multi" / folder / "train.tsv").open(encoding="utf-8") as file:
        sentences = [row["text"] for row in csv.DictReader(file, delimiter="\t")]
    cut = [" ".join(sentence.split()[:n_words]) for sentence in sentences]
    detected = detect_languages(cut, languages=WANTED)
    assert detected.count(language) / len(detected) >= 0.96
