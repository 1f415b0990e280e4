import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.vocabulary import count_distinct, describe_wording, words_of

WORDS = st.lists(st.sampled_from(["bon", "punt", "kaart", "winkel", "app"]), min_size=1, max_size=8)
TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=6)


@pytest.mark.parametrize(("text", "words"), [
    ("Zo'n €12,50-bon? NEE!!", ["zo'n", "bon", "nee"]),
    ("l’appli e-mail", ["l'appli", "e-mail"]),
    ("12:30 :-) 🙂", []),
])  # fmt: skip
def test_a_word_is_a_run_of_letters(text, words):
    assert words_of(text) == words


def test_a_small_set_is_described_by_hand():
    wording = describe_wording(
        ["Waar is mijn bon? Ik zoek hem.", "geen idee...\nniemand weet het", "@jan @piet dank", "1 punt"]
    )
    assert (wording.n_texts, wording.n_words) == (4, 14)
    assert wording.median_words == 3
    assert wording.words_per_sentence == pytest.approx(14 / 6)
    assert wording.share_asking == 0.25
    assert wording.share_uncapitalised == pytest.approx(2 / 3)


def test_no_text_that_begins_with_a_letter_has_no_share():
    assert math.isnan(describe_wording(["1 punt"]).share_uncapitalised)


def test_too_few_words_give_no_count():
    assert count_distinct(["een twee", "drie"], n_words=4) is None
    assert count_distinct(["een twee", "drie"], n_words=3) == 3


def test_the_count_is_a_mean_over_orders():
    assert 1 < count_distinct(["een twee"] * 5 + ["een een"] * 5, n_words=2) < 2


@given(TEXTS)
def test_more_running_words_never_hold_fewer_different_ones(texts):
    n_words = sum(len(words_of(text)) for text in texts)
    counts = [count_distinct(texts, n_words=count) for count in range(1, n_words + 1)]
    assert counts == sorted(counts)
    assert counts[-1] == len({word for text in texts for word in words_of(text)})
