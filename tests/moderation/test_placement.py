from dataclasses import replace

import numpy as np
import pytest

from models.signals import SIGNALS
from moderation.placement import place_posts
from moderation.spaces import BetterSpaces
from tests.moderation.topic_corpus import corpus_of, talk

NOWHERE = BetterSpaces((None,), np.zeros(1), (None,))
LOUNGE = BetterSpaces(("lounge",), np.array([0.9]), (None,))


def one_post(**signals):
    corpus = corpus_of(talk(1))
    row = np.full((1, len(SIGNALS)), 0.1)
    for signal, p in signals.items():
        row[0, SIGNALS.index(signal)] = p
    return replace(corpus, signals=row)


@pytest.mark.parametrize(
    ("p_outside", "better", "signals", "outcome"),
    [
        (0.1, NOWHERE, {}, "on_purpose"),
        (0.1, LOUNGE, {}, "other_space"),
        (0.1, replace(LOUNGE, p=np.array([0.6])), {}, "on_purpose"),
        (0.7, LOUNGE, {}, "outside_purpose"),
        (0.7, NOWHERE, {"spam": 0.9}, "spam_like"),
        (0.1, NOWHERE, {"spam": 0.9}, "spam_like"),
        (0.1, LOUNGE, {"spam": 0.9, "question": 0.9}, "other_space"),
    ],
)
def test_where_a_post_belongs(p_outside, better, signals, outcome):
    (placed,) = place_posts(one_post(**signals), np.array([p_outside]), better)
    assert placed.outcome == outcome
    assert placed.space == ("lounge" if outcome == "other_space" else None)


def test_a_question_with_a_link_may_advertise():
    corpus = one_post(spam=0.9, question=0.9)
    linking = replace(corpus, readings=(replace(corpus.readings[0], n_links=1),))
    assert place_posts(linking, np.array([0.1]), LOUNGE)[0].outcome == "spam_like"


def test_an_unknown_probability_places_nothing():
    assert place_posts(one_post(spam=0.9), np.array([np.nan]), NOWHERE) == (None,)


def test_the_likelihood_is_that_of_the_outcome():
    placed = [place_posts(one_post(), np.array([p]), NOWHERE)[0] for p in (0.2, 0.9)]
    assert [one.p for one in placed] == [0.8, 0.9]
    assert placed[1].as_json(["p1"]) == {
        "outcome": "outside_purpose",
        "space": None,
        "p": 0.9,
        "evidence": {"nearest_posts": ["p1"]},
    }
