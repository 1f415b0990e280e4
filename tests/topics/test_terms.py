import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.stopwords import stop_words_in
from topics.terms import MAX_TOKENS_READ, TOKEN, find_phrases, noun_shares, read_texts

WORDS = ["the", "fee", "annual", "Fee", "l'app", "app's", "new", ",", "@anna", "3", "door", "courier", "with", "x" * 41]
texts_of_words = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


def phrases_of(text, *, excluded=frozenset()):
    """The same in the slowest way: every run of up to three words, checked one by one."""
    bare = {"l'app": "app", "app's": "app"}
    tokens = [bare.get(token.casefold(), token.casefold()) for token in TOKEN.findall(text)]
    stops, found = stop_words_in("en"), set()
    for first in range(len(tokens)):
        for run in (tokens[first : first + n] for n in (1, 2, 3) if first + n <= len(tokens)):
            is_run = all(word[0].isalpha() and len(word) <= 40 and word not in excluded for word in run)
            if is_run and not {run[0], run[-1]} & stops and min(len(run[0]), len(run[-1])) > 1:
                found.add(" ".join(run))
    return found


def terms_by_row(texts, titles=None, *, excluded=frozenset()):
    read = read_texts(texts, titles or [""] * len(texts))
    found = find_phrases(read, range(len(texts)), excluded=excluded, stops=stop_words_in("en"))
    terms = found.spell(np.arange(found.in_posts.shape[1]))
    return [
        {terms[column] for column in matrix[[row], :].indices}
        for matrix in (found.in_posts, found.in_titles)
        for row in range(len(texts))
    ]


@given(st.lists(texts_of_words, min_size=1, max_size=5))
def test_phrases_are_every_run_of_words_that_may_name_something(texts):
    found = terms_by_row(texts, excluded=frozenset({"door"}))
    assert found[: len(texts)] == [phrases_of(text, excluded=frozenset({"door"})) for text in texts]


@given(st.lists(st.tuples(texts_of_words, texts_of_words), min_size=1, max_size=5))
def test_a_title_counts_for_the_first_post_that_carries_it(posts):
    titles, texts = [title for title, _ in posts], [text for _, text in posts]
    in_titles = [set() if title in titles[:row] else phrases_of(title) for row, title in enumerate(titles)]
    in_posts = [phrases_of(text) | titled for text, titled in zip(texts, in_titles, strict=True)]
    assert terms_by_row(texts, titles) == in_posts + in_titles


@pytest.mark.parametrize("length", [1_490, 1_500, 6_000])
def test_of_a_long_text_the_first_words_are_read_and_no_word_is_cut(length):
    text = ("fee, " * length)[:length] + "courier"
    tokens = TOKEN.findall(text)[:MAX_TOKENS_READ]
    read = read_texts([text], [""])
    assert [read.tokens[number] for number in read.text_tokens[0]] == tokens
    long_words = "abcdefghij " * 300
    assert len(read_texts([long_words], [""]).text_tokens[0]) == MAX_TOKENS_READ


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("the fee", 1.0),
        ("fee", 0.0),
        ("the annual fee", 0.5),  # half of a use, as no other text says that "annual" is a thing
        ("the fee and fee", 0.5),
        ("3 fee", 1.0),
        ("the fee annual", 0.0),  # what stands before another word is no noun
    ],
)
def test_a_word_behind_an_article_is_used_as_a_noun(text, share):
    read = read_texts([text], [""])
    assert noun_shares(read, [0], "en")[read.words.index("fee")] == pytest.approx(share)


def test_a_text_does_not_go_on_in_the_next_one():
    read = read_texts(["I paid the", "fee"], ["", ""])
    assert noun_shares(read, [0, 1], "en")[read.words.index("fee")] == 0
    assert terms_by_row(["annual", "fee"])[:2] == [{"annual"}, {"fee"}]


def test_posts_without_words_have_no_terms():
    assert terms_by_row(["", "@anna 3"]) == [set()] * 4
