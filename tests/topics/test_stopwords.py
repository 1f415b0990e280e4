import calendar

import numpy as np
import pytest
from babel import Locale

from topics.names import name_topics
from topics.stopwords import STOP_WORDS
from topics.terms import read_texts


@pytest.mark.parametrize("language", ["nl", "en", "de", "fr", "es"])
def test_every_month_and_weekday_is_a_stop_word(language):
    locale = Locale(language)
    named = [*locale.months["format"]["wide"].values(), *locale.days["format"]["wide"].values()]
    assert len(named) == 12 + len(calendar.day_name)
    assert {name.casefold() for name in named} <= STOP_WORDS


def test_a_topic_of_one_month_is_named_by_what_it_is_about():
    loaves = [
        "Het deeg van augustus rijst te snel",
        "Augustus is warm, mijn deeg plakt",
        "In augustus laat ik het deeg op zondag rusten",
    ]
    pans = ["De pan is op", "Wanneer komt de pan weer binnen", "Een pan met deksel graag"]
    (bread, _) = name_topics(
        read_texts(loaves + pans, ["Zondag in augustus", "", "", "", "", ""]),
        np.repeat([0, 1], 3),
        languages=["nl"] * 6,
        writers=np.arange(6),
    )
    assert bread.terms[0] == "deeg"
    assert not {"augustus", "zondag"} & {word.casefold() for term in bread.terms for word in term.split()}


@pytest.mark.parametrize(
    "words",
    [
        "hele halve neem zit kom koop eet ga doe vind eigen boven keer stuk paar",
        "d'r neet nait eem ouch hie ge gij hjir",
        "zeven twaalf honderd seven twelve hundred zehn vingt",
    ],
    ids=["fillers", "regional", "numbers"],
)
def test_words_without_a_subject_are_stop_words(words):
    assert set(words.split()) <= STOP_WORDS


def test_words_that_name_a_thing_are_not():
    things = "deur app kassa saldo zee veer mer kaart service bus bread receipt delivery"
    assert not set(things.split()) & STOP_WORDS


def test_stop_words_are_as_the_names_are_compared():
    assert all(word == word.casefold() and "’" not in word for word in STOP_WORDS)
