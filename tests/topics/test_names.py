import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.names import choose_exemplars, name_topics
from topics.terms import read_texts, single_words

BILLING = [
    "My invoice shows the annual fee twice this month",
    "Where can I see the annual fee on the invoice?",
    "The invoice is wrong again: an annual fee I never agreed to",
    "Is the annual fee refunded when the invoice was wrong?",
]
APP = [
    "The app crashes when I open the boarding pass",
    "Boarding pass gone after the update of the app",
    "The app cannot find my boarding pass offline",
    "Since the update the app is slow and the boarding pass blank",
]
NEDERLANDS = [
    "De bezorging was te laat en de bezorger belde niet aan",
    "Weer een bezorging gemist, de bezorger was te vroeg",
    "Wie weet hoe laat de bezorging komt? De bezorger zegt niets",
]


def names(texts, labels, *, languages=None, titles=None, writers=None, **options):
    return name_topics(
        read_texts(texts, titles or [""] * len(texts)),
        np.array(labels),
        languages=languages or ["en"] * len(texts),
        writers=np.arange(len(texts)) if writers is None else np.array(writers),
        **options,
    )


def test_a_topic_is_named_by_what_sets_it_apart():
    billing, app = names(BILLING + APP, [0] * 4 + [1] * 4)
    assert {term.casefold() for term in billing.terms[:2]} == {"invoice", "annual fee"}
    assert {term.casefold() for term in app.terms[:2]} == {"app", "boarding pass"}
    assert app.name.split(", ") == list(app.terms[:3])


def test_terms_neither_begin_nor_end_with_a_stop_word_nor_hold_numbers():
    for name in names([*BILLING, "in 2024 the 737 MAX, a 2nd time", "in 2024 the 737 MAX"], [0] * 6):
        for term in name.terms:
            assert term.casefold().split()[0] not in {"the", "my", "in", "a"}
            assert not any(character.isdigit() for character in term)


def test_a_signature_does_not_name_a_topic():
    signed = [f"{text}\nKind regards Walter Writewell" for text in APP]
    several, one_writer = names(signed, [0] * 4), names(signed, [0] * 4, writers=[7] * 4)
    assert "Writewell" in " ".join(several[0].terms)
    assert "Writewell" not in " ".join(one_writer[0].terms)


def test_user_names_and_mentions_are_left_out():
    (name,) = names([f"@walter {text} walter" for text in APP], [0] * 4, excluded=frozenset({"walter"}))
    assert not any("walter" in term.casefold() for term in name.terms)


def test_terms_are_in_the_language_of_most_of_the_posts():
    texts = [*NEDERLANDS, APP[0]]
    name, _ = names([*texts, *BILLING], [0] * 4 + [1] * 4, languages=["nl"] * 3 + ["en"] * 5)
    assert name.language == "nl"
    assert name.terms[0] in {"bezorging", "bezorger"}
    assert not {"app", "crashes"} & set(name.terms)


def test_a_title_counts_once_however_many_posts_carry_it():
    titled = names(BILLING + APP, [0] * 8, titles=["Roaming abroad", *[""] * 7])
    repeated = names(BILLING + APP, [0] * 8, titles=["Roaming abroad"] * 8)
    assert titled == repeated


def test_a_term_is_spelled_as_most_posts_spell_it():
    (name,) = names(["NASA launches", "NASA again", "nasa failed", "the NASA budget"], [0] * 4)
    assert name.terms[0] == "NASA"


def test_plurals_do_not_repeat_a_term():
    (name,) = names(["two cards lost", "cards lost", "my card lost", "a card lost", "lost card"], [0] * 5)
    assert sum(term.casefold().startswith("card") for term in name.terms) <= 1


def test_a_topic_with_words_always_has_a_name():
    alone, _ = names(["voorraadkast", *NEDERLANDS], [0, 1, 1, 1], languages=["nl"] * 4)
    assert alone.name == "voorraadkast"
    (by_one_writer,) = names(APP, [0] * 4, writers=[7] * 4)
    assert {"boarding", "pass"} <= set(by_one_writer.terms)


def test_a_function_word_of_another_language_can_be_a_thing():
    texts = ["Mijn pas is kwijt", "De pas is geblokkeerd", "Een nieuwe pas graag", "Met de pas bij de kassa"]
    (name,) = names(texts, [0] * 4, languages=["nl"] * 4)
    assert name.terms[0] == "pas"
    (french,) = names(
        ["Ce n'est pas la banque", "pas de banque", "une banque", "la banque"], [0] * 4, languages=["fr"] * 4
    )
    assert "pas" not in french.terms


def test_a_name_begins_with_the_word_that_most_writers_use():
    texts = ["the annual fee on my invoice", "an annual fee on the invoice", "the invoice", "my invoice"]
    (name,) = names(texts, [0] * 4)
    assert name.name.split(", ")[0] == "invoice"


def test_posts_without_words_have_no_name():
    assert names(["12 34", "???"], [0, 0])[0].name == ""
    assert names([], []) == ()


@given(st.lists(st.text(max_size=60), min_size=1, max_size=8), st.data())
def test_any_text_can_be_named(texts, data):
    labels = data.draw(st.lists(st.integers(-1, 0), min_size=len(texts), max_size=len(texts)))
    for name in names(texts, labels):
        assert len(name.terms) <= 8


def test_single_words_are_what_could_stand_alone():
    assert single_words("The Wi-Fi, l'application and C# of @anna") == {"wi-fi", "application", "c#"}


def test_exemplars_are_central_and_unlike_one_another():
    centroid = np.array([1, 0, 0], dtype=np.float32)
    rows = np.array([[0.9, 0.436, 0], [0.9, 0.436, 0], [0.9, 0, 0.436], [0.2, 0.98, 0]], dtype=np.float32)
    assert exemplars(rows, centroid) == [0, 2, 1]
    assert exemplars(rows[:1], centroid) == [0]


def test_exemplars_are_by_different_writers_in_different_threads_and_short_enough():
    rows = np.array([[1, 0], [0.99, 0.14], [0.98, 0.2], [0.97, 0.24], [0.9, 0.44]], dtype=np.float32)
    centroid = np.array([1, 0], dtype=np.float32)
    assert exemplars(rows, centroid, writers=[1, 1, 2, 3, 4])[:2] == [0, 2]
    assert exemplars(rows, centroid, threads=[1, 1, 1, 1, 4])[1] == 4
    assert exemplars(rows, centroid, n_words=[500, 2, 20, 20, 20])[0] == 2
    assert sorted(exemplars(rows[:3], centroid, writers=[1, 1, 1], n_words=[1, 1, 1])) == [0, 1, 2]


def exemplars(rows, centroid, *, n_words=None, writers=None, threads=None):
    n = len(rows)
    return choose_exemplars(
        rows,
        centroid,
        n_words=np.array(n_words or [20] * n),
        writers=np.array(writers or range(n)),
        threads=np.array(threads or range(n)),
    ).tolist()


SHOP = [
    "Ik neem de handscanner mee en de handscanner blijft hangen bij de kassa",
    "Neem jij de scanner nog? De scanner bij de kassa is stuk",
    "Wie neemt er een scanner, die hangt steeds bij mijn kassa",
    "Ze zeiden: neem de kassa, de scanner is kapot",
]
FILLED = [
    "Mijn hele vriezer ligt halfvol, eet het morgen",
    "De halve vriezer is al leeg, kom maar eten",
    "In de vriezer ligt een stuk soep en een paar broodjes",
    "Vriezer vol, neet doon, ik heb d'r genoeg van",
]


def test_a_topic_is_named_by_things_and_not_by_what_is_said_of_them():
    gold = ["Een gouden kraan in de keuken", "De kraan is gouden", "Gouden is die kraan", "Die kraan, gouden of niet"]
    (name,) = names(gold, [0] * 4, languages=["nl"] * 4)
    assert name.terms[0] == "kraan"


def test_a_language_without_markers_is_named_by_weight_alone():
    (name,) = names(["zzup kran", "zzup kran", "zzup"], [0] * 3, languages=["xx"] * 3)
    assert "zzup" in name.name


def test_fillers_and_dialect_name_nothing():
    terms = [term for name in names(FILLED + SHOP, [0] * 4 + [1] * 4, languages=["nl"] * 8) for term in name.terms]
    words = {word for term in terms for word in term.casefold().split()}
    assert {"vriezer", "kassa"} <= words
    assert not words & {"hele", "halve", "neem", "eet", "kom", "stuk", "paar", "neet", "doon", "d'r", "morgen"}


@pytest.mark.parametrize(
    ("some", "other"),
    [
        ("pannen", "pan"),
        ("aanvragen", "aanvraag"),
        ("prijzen", "prijs"),
        ("broodjes", "brood"),
        ("scanner", "handscanner"),
        ("apps", "app"),
        ("cards", "card"),
    ],
)
def test_forms_of_one_word_are_not_two_terms(some, other):
    texts = [f"de {some} en mijn {other} op de tafel", f"een {other}, de {some}, onze tafel"] * 3
    (name,) = names(texts, [0] * 6, languages=["nl"] * 6)
    assert len({some, other} & set(name.terms)) == 1
    assert "tafel" in name.terms


@pytest.mark.parametrize(("some", "other"), [("pan", "pad"), ("kaas", "kaars"), ("melk", "mel")])
def test_other_words_are_two_terms(some, other):
    texts = [f"de {some} en mijn {other}", f"een {other}, de {some}"] * 3
    (name,) = names(texts, [0] * 6, languages=["nl"] * 6)
    assert {some, other} <= set(name.terms)


def test_two_writers_do_not_name_a_topic_that_many_write_in():
    many = ["Waar is de bezorger", "De bezorger is er niet"] * 6 + ["Onze bezorger!"]
    (name,) = names([*many, "De marmot zat in de doos", "Een marmot in mijn doos!"], [0] * 15, languages=["nl"] * 15)
    assert name.terms[0] == "bezorger"
    three_writers = [*many, *["De marmot zat in de doos"] * 3]
    assert "marmot" in names(three_writers, [0] * 16, languages=["nl"] * 16)[0].terms[:3]


def test_two_writers_fill_up_a_name_and_no_more():
    odd = ["de marmot, een doos, mijn lamp, het touw"] * 2
    (name,) = names([*["Waar is de bezorger"] * 13, *odd], [0] * 15, languages=["nl"] * 15)
    assert len(name.terms) == 3


def test_a_capital_at_the_start_of_a_sentence_does_not_count():
    (name,) = names(["Kaas. Kaas is op", "Kaas!", "Ik wil een kaas"], [0] * 3, languages=["nl"] * 3)
    assert name.terms[0] == "kaas"


def test_terms_of_the_same_posts_give_way_to_what_else_there_is():
    texts = ["the lid and the handle of my kettle"] * 5 + ["a kettle with a teabag"] * 4
    (name,) = names(texts, [0] * 9)
    assert name.terms[0] == "kettle"
    assert "teabag" in name.terms[:3]


def test_a_phrase_with_a_verb_does_not_take_the_place_of_its_noun():
    texts = ["De bezorger belde aan. Waar is de bezorger?"] * 5
    (name,) = names(texts, [0] * 5, languages=["nl"] * 5)
    assert name.terms[0] == "bezorger"
