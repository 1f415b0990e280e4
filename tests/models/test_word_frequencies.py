import numpy as np

from models.word_frequencies import RAREST, log_probabilities


def test_common_words_are_likelier_than_rare_ones_in_both_languages():
    common, rare = log_probabilities(["de", "and", "niet"]), log_probabilities(["spaarzegels", "mortgage", "vliegwiel"])
    assert common.min() > rare.max()


def test_an_unlisted_word_is_rarer_the_longer_it_is_and_never_impossible():
    short, long, longest = log_probabilities(["mandq", "mandqveldq", "q" * 500])
    assert short > long > longest
    assert longest == RAREST


def test_every_word_has_a_finite_figure():
    assert np.isfinite(log_probabilities(["ß", "ё", "日本", "aa"])).all()
    assert log_probabilities([]).shape == (0,)
