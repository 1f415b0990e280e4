"""Texts as numbers: their words, their phrases of up to three words, and which words stand where nouns stand."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from topics.stopwords import ADJECTIVES_FOLLOW, NOUN_MARKERS, STOP_WORDS, stop_words_in

MAX_PHRASE_WORDS = 3

# Beyond this a post is a document; its first words say what it is about.
MAX_TOKENS_READ = 200
ENOUGH_CHARACTERS = 1_500

# Longer ones are addresses, keys and keyboards under cats.
MAX_WORD_LENGTH = 40

# A word starts with a letter; "c++", "wi-fi" and "don't" stay whole. A mention is a person, not a subject. A number
# names nothing, but what is counted is a thing.
TOKEN = re.compile(r"@\w+|[^\W\d_](?:\w|['’&-](?=\w))*(?:\+\+|#)?|\d\w*|[^\s\w]")

# French elides its articles and English adds a genitive: l'application is the application, God's is God.
AFFIX = re.compile(r"^(?:[cdjlmnst]|qu)'(?=\w\w)|'s$")
ELIDED_ARTICLE = re.compile(r"^[dl]'(?=\w\w)")

# A use as a noun further off an article ("a new ...") tells less surely, and nothing where the word between is a noun
# itself: "the courier rang".
NOUN_USE_WEIGHT = 2.0
BEHIND_ADJECTIVE = 0.5

#: The number of the token that stands for a text's edge.
EDGE = 0


@dataclass(frozen=True)
class ReadTexts:
    """Posts with the tokens of their titles and texts as numbers.

    Attributes
    ----------
    titles, texts : by row; a title is "" where a post has none of its own.
    tokens : distinct tokens, casefolded; the first is "", the edge of a text.
    title_tokens, text_tokens : by row, places in `tokens`, at most `MAX_TOKENS_READ`.
    """

    titles: tuple[str, ...]
    texts: tuple[str, ...]
    tokens: tuple[str, ...]
    title_tokens: tuple[list[int], ...]
    text_tokens: tuple[list[int], ...]

    @cached_property
    def word_of(self) -> NDArray[np.int64]:
        """The place in `words` of each token without article and genitive; shape (n_tokens,)."""
        place = {word: number for number, word in enumerate(self.words)}
        return np.array([place[_bare(token)] for token in self.tokens], dtype=np.int64)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The tokens without article and genitive, each once."""
        return tuple(dict.fromkeys(map(_bare, self.tokens)))


class _Numbers(dict[str, int]):
    """The number of each token as it is written, equal ones after casefolding having one number."""

    def __init__(self) -> None:
        super().__init__()
        self.of_folded = {"": EDGE}

    def __missing__(self, token: str) -> int:
        folded = token.casefold().replace("’", "'")
        number = self[token] = self.of_folded.setdefault(folded, len(self.of_folded))
        return number


def read_texts(texts: Sequence[str], titles: Sequence[str]) -> ReadTexts:
    """Read the tokens of posts and of their titles ("" where a post has none of its own)."""
    numbers = _Numbers()
    of_titles = {title: _tokens(title, numbers) for title in dict.fromkeys(titles)}
    of_texts = tuple(_tokens(text, numbers) for text in texts)
    return ReadTexts(
        titles=tuple(titles),
        texts=tuple(texts),
        tokens=tuple(numbers.of_folded),
        title_tokens=tuple(of_titles[title] for title in titles),
        text_tokens=of_texts,
    )


def _tokens(text: str, numbers: _Numbers) -> list[int]:
    return list(map(numbers.__getitem__, _first_tokens(text)))


def _first_tokens(text: str) -> list[str]:
    """The tokens that are read; of a long text only the beginning is searched, where that holds one more of them."""
    found = TOKEN.findall(text[:ENOUGH_CHARACTERS])
    if len(found) <= MAX_TOKENS_READ and len(text) > ENOUGH_CHARACTERS:
        found = TOKEN.findall(text)
    return found[:MAX_TOKENS_READ]


def _bare(token: str) -> str:
    return AFFIX.sub("", token)


def single_words(text: str) -> set[str]:
    """The casefolded words of a text that could name a topic on their own, in whatever language."""
    words = {_bare(token.casefold().replace("’", "'")) for token in _first_tokens(text)}
    return {word for word in words if _is_word(word) and may_end(word, STOP_WORDS)}


def may_end(word: str, stops: frozenset[str]) -> bool:
    """Whether a phrase may begin or end with a word."""
    return len(word) > 1 and word not in stops


def _is_word(word: str) -> bool:
    return word[:1].isalpha() and len(word) <= MAX_WORD_LENGTH


def incidence(phrases_of_posts: Sequence[Iterable[str]], number_of: dict[str, int]) -> sparse.csr_array:
    """1 where a post holds a term; shape (n_posts, n_terms so far).

    Parameters
    ----------
    number_of : the columns of terms seen before; new terms are added in the order in which they come.
    """
    numbers = [sorted({number_of.setdefault(each, len(number_of)) for each in found}) for found in phrases_of_posts]
    starts = np.cumsum([0, *map(len, numbers)])
    columns = np.array([number for found in numbers for number in found], dtype=np.int64)
    ones = np.ones(len(columns), dtype=np.int32)
    return sparse.csr_array((ones, columns, starts), shape=(len(numbers), len(number_of)))


@dataclass(frozen=True)
class Phrases:
    """The words and phrases of some posts, every one once.

    Attributes
    ----------
    in_posts : shape (n_rows, n_terms), 1 where a post has a term in its title or its text.
    in_titles : as `in_posts`, but only for titles; a title that several rows have counts for the first.
    spell : the terms of some columns, casefolded.
    """

    in_posts: sparse.csr_array
    in_titles: sparse.csr_array
    spell: Callable[[NDArray[np.int64]], NDArray[np.object_]]


def find_phrases(read: ReadTexts, rows: Sequence[int], *, excluded: frozenset[str], stops: frozenset[str]) -> Phrases:
    """Every word and phrase of up to three words; a phrase neither begins nor ends with a stop word.

    Phrases do not reach over punctuation marks, mentions and excluded words.

    Parameters
    ----------
    rows : the posts to read.
    excluded : casefolded words that may not appear in a phrase.
    """
    title_rows = list({read.titles[row]: place for place, row in reversed(list(enumerate(rows)))}.values())
    lists = [read.title_tokens[rows[place]] for place in title_rows] + [read.text_tokens[row] for row in rows]
    list_of = np.repeat(np.arange(len(lists)), [len(each) for each in lists])
    words = read.word_of[_flat(lists, n=len(list_of))]
    may_stand = np.array([_is_word(word) and word not in excluded for word in read.words], dtype=bool)
    ends = np.array([may_end(word, stops) for word in read.words], dtype=bool) & may_stand
    holder, number, first, n_words = _numbered_phrases(words, list_of, may_stand[words], ends[words])
    shape = len(rows), len(first)
    row_of_list = np.concatenate([np.array(title_rows, dtype=np.int64), np.arange(len(rows))])
    is_title = holder < len(title_rows)

    def spell(columns: NDArray[np.int64]) -> NDArray[np.object_]:
        places = zip(first[columns].tolist(), n_words[columns].tolist(), strict=True)
        spelled = [" ".join(map(read.words.__getitem__, words[start : start + n].tolist())) for start, n in places]
        return np.array(spelled, dtype=object)

    return Phrases(
        in_posts=_ones(row_of_list[holder], number, shape),
        in_titles=_ones(row_of_list[holder[is_title]], number[is_title], shape),
        spell=spell,
    )


def _flat(lists: Sequence[list[int]], *, n: int) -> NDArray[np.int64]:
    return np.fromiter(chain.from_iterable(lists), dtype=np.int64, count=n)


def _numbered_phrases(
    words: NDArray[np.int64], list_of: NDArray[np.int64], may_stand: NDArray[np.bool_], ends: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Each phrase's list and number; for each number, a place where it begins and how many words it has."""
    holders, numbers, firsts, lengths = [], [], [], []
    begins = np.flatnonzero(ends)
    code, n_found = words[begins], 0
    for n_words in range(1, MAX_PHRASE_WORDS + 1):
        last = begins + n_words - 1
        is_phrase = np.flatnonzero(ends[last])
        _, first, number = np.unique(code[is_phrase], return_index=True, return_inverse=True)
        holders.append(list_of[begins[is_phrase]])
        numbers.append(n_found + number)
        firsts.append(begins[is_phrase[first]])
        lengths.append(np.full(len(first), n_words))
        n_found += len(first)
        following = np.minimum(last + 1, max(0, len(words) - 1))
        goes_on = (last + 1 < len(words)) & (list_of[following] == list_of[begins]) & may_stand[following]
        begins, following = begins[goes_on], following[goes_on]
        code = np.unique(code[goes_on], return_inverse=True)[1] * (int(words.max(initial=0)) + 1) + words[following]
    return np.concatenate(holders), np.concatenate(numbers), np.concatenate(firsts), np.concatenate(lengths)


def _ones(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]) -> sparse.csr_array:
    """1 at each place that is named at least once."""
    held: sparse.csr_array = sparse.coo_array(
        (np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape
    ).tocsr()
    held.data[:] = 1
    held.sort_indices()
    return held


def noun_shares(read: ReadTexts, rows: Sequence[int], language: str) -> NDArray[np.float64]:
    """In what share of its uses each of `read.words` stands where nouns stand, in [0, 1]; 0 for words without uses.

    Right behind an article, a possessive, a preposition or a number; behind one word more it counts for less.

    Parameters
    ----------
    language : one of `NOUN_MARKERS`.
    """
    tokens = _edged(read, rows)
    word, is_direct, is_behind = _noun_places(read, tokens, language)
    n_words = len(read.words)
    n_uses = np.maximum(np.bincount(word[word >= 0], minlength=n_words), 1)
    shares = np.bincount(word[is_direct], minlength=n_words) / n_uses
    number_of = {each: number for number, each in enumerate(read.words)}
    as_word = np.array([number_of.get(token, -1) for token in read.tokens], dtype=np.int64)
    between = np.flatnonzero(is_behind) - 1
    pairs, n_pairs = np.unique(np.column_stack([word[is_behind], as_word[tokens[between]]]), axis=0, return_counts=True)
    is_noun = np.append(shares, 0.0)[pairs[:, 1]]
    described = BEHIND_ADJECTIVE * n_pairs * np.maximum(0.0, 1 - NOUN_USE_WEIGHT * is_noun)
    return np.asarray(shares + np.bincount(pairs[:, 0], described, minlength=n_words) / n_uses, dtype=np.float64)


def _edged(read: ReadTexts, rows: Sequence[int]) -> NDArray[np.int64]:
    """The tokens of titles and texts, two edges before and one behind each post."""
    parts: Iterator[list[int]] = (
        [EDGE, EDGE, *(read.title_tokens[row] + read.text_tokens[row])[:MAX_TOKENS_READ], EDGE] for row in rows
    )
    return np.fromiter(chain.from_iterable(parts), dtype=np.int64)


def _noun_places(
    read: ReadTexts, tokens: NDArray[np.int64], language: str
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """For each token: its word, -1 where that names nothing; whether a marker is before it, or one word further."""
    stops, adjectives_follow = stop_words_in(language), language in ADJECTIVES_FOLLOW

    def flagged(holds: Callable[[str], object], names: Sequence[str] = read.tokens) -> NDArray[np.bool_]:
        return np.array([bool(holds(name)) for name in names], dtype=bool)

    def is_telling(name: str) -> bool:
        return name[:1].isalpha() and may_end(name, stops)

    tells = flagged(is_telling)[tokens]
    tells_bare = flagged(is_telling, read.words)[read.word_of][tokens]
    is_marker = flagged(NOUN_MARKERS[language].__contains__)[tokens]
    is_number = flagged(lambda name: name[:1].isdigit())[tokens]
    is_elided = flagged(ELIDED_ARTICLE.match)[tokens]
    alone = tells_bare & ~(_shifted(tells, -1) & (not adjectives_follow))
    is_direct = alone & (_shifted(is_marker | is_number, 1) | is_elided)
    is_behind = alone & ~is_direct & _shifted(is_marker, 2) & _shifted(tells, 1) & (not adjectives_follow)
    return np.where(tells_bare, read.word_of[tokens], -1), is_direct, is_behind


def _shifted(flags: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """What holds for the token so many places before, negative for one behind; every text has edges."""
    return np.roll(flags, by)
