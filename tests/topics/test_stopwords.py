import calendar

import numpy as np
import pytest
from babel import Locale

from topics.names import name_topics
from topics.stopwords import STOP_WORDS


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
        loaves + pans,
        np.repeat([0, 1], 3),
        languages=["nl"] * 6,
        titles=["Zondag in augustus", "", "", "", "", ""],
        writers=np.arange(6),
    )
    assert bread.terms[0] == "deeg"
    assert not {"augustus", "zondag"} & {word.casefold() for term in bread.terms for word in term.split()}
