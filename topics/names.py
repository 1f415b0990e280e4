"""Name topics by the words that set them apart, and pick the posts that show what they are about."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from topics.stopwords import STOP_WORDS

N_TERMS = 8
N_NAME_TERMS = 3
N_EXEMPLARS = 3
MAX_PHRASE_WORDS = 3

# Beyond this a post is a document; its first words say what it is about.
MAX_TOKENS_READ = 200

# Longer ones are addresses, keys and keyboards under cats.
MAX_WORD_LENGTH = 40

# A word starts with a letter; "c++", "wi-fi" and "don't" stay whole. A mention is a person, not a subject.
TOKEN = re.compile(r"@\w+|[^\W\d_](?:\w|['’&-](?=\w))*(?:\+\+|#)?|[^\s\w]")

# A term is used by at least two writers of the topic, and by this share of them.
MIN_VOICES = 2
MIN_VOICE_SHARE = 0.03

# In a small topic a word of two writers can be rare everywhere else and so outweigh what all of them write about; below
# this number of uses a term gets this part of its weight.
FEW_USES = 4
FEW_USES_WEIGHT = 0.3

# French elides its articles and English adds a genitive: l'application is the application, God's is God.
AFFIX = re.compile(r"^(?:[cdjlmnst]|qu)'(?=\w\w)|'s$")

# A phrase takes the place of its word when so much of the word's use is within the phrase.
SAME_USE = 0.5

# Power of a term's share in its topic. At 0.5, Grootendorst's damping, rare words win (user names, a single
# thread's title); at 1 words that every topic uses. See docs/decisions/0003-topics.md.
SHARE_POWER = 0.75

# Only so many terms are weighed against each other for a topic, and so many posts are read for their spelling.
N_CANDIDATES = 200
N_SPELLING_POSTS = 50

# Exemplars: what closeness to the centre weighs against likeness to the exemplars already there.
CENTRE_WEIGHT = 0.5
N_EXEMPLAR_CANDIDATES = 50


@dataclass(frozen=True)
class TopicName:
    """What a topic is called.

    Attributes
    ----------
    name : the first three terms, for people; "" where the posts have no telling words.
    terms : up to 8, most telling first, each as most of the posts spell it.
    language : the language that the terms are taken from, the most used one in the topic.
    """

    name: str
    terms: tuple[str, ...]
    language: str


@dataclass(frozen=True)
class _Usage:
    """Which posts use which terms, and how telling each term is for each topic."""

    terms: NDArray[np.object_]
    posts: sparse.csc_array  # (n_posts, n_terms)
    n_uses: sparse.csr_array  # (n_topics, n_terms): writers, and once more those who use it in a title
    weight: sparse.csr_array  # (n_topics, n_terms)


def name_topics(
    texts: Sequence[str],
    labels: NDArray[np.int64],
    *,
    languages: Sequence[str],
    titles: Sequence[str],
    writers: NDArray[np.int64],
    excluded: frozenset[str] = frozenset(),
) -> tuple[TopicName, ...]:
    """Name each topic by class-based TF-IDF over words and phrases of up to three words.

    A term counts once for each writer, so that neither a signature nor one busy member names a topic, and once more
    for each writer who puts it in a title. Its weight is (share of the topic's writers) ** 0.75 *
    log(1 + mean number of writers per topic / writers in all topics together): c-TF-IDF (Grootendorst 2022), damped
    less. Only posts in the topic's most used language are read, and they are compared with posts in that language.

    Parameters
    ----------
    texts : the words that count, one string per post.
    labels : shape (n,), topics numbered from 0, -1 = in no topic.
    languages : ISO 639-1 codes or "unknown".
    titles : "" where a post has none of its own.
    writers : shape (n,), a number for each author; posts of unknown authors get one each.
    excluded : casefolded words that may not appear in a term, such as user names.
    """
    n_topics = int(labels.max(initial=-1)) + 1
    most_used = _most_used_languages(labels, languages, n_topics=n_topics)
    names: dict[int, TopicName] = {}
    for language in sorted(set(most_used)):
        rows = [row for row, label in enumerate(labels.tolist()) if label >= 0 and languages[row] == language]
        spoken = [_phrases(texts[row], excluded) for row in rows]
        titled = [_phrases(title, excluded) for title in _first_of_each([titles[row] for row in rows])]
        usage = _weigh(spoken, titled, labels[rows], writers[rows], n_topics=n_topics)
        written = [f"{titles[row]}\n{texts[row]}" for row in rows]
        for topic in [topic for topic in range(n_topics) if most_used[topic] == language]:
            terms = _spell(_choose_terms(usage, topic), usage, written, labels[rows] == topic)
            names[topic] = TopicName(name=", ".join(terms[:N_NAME_TERMS]), terms=terms, language=language)
    return tuple(names[topic] for topic in range(n_topics))


def _most_used_languages(labels: NDArray[np.int64], languages: Sequence[str], *, n_topics: int) -> list[str]:
    """Each topic's language with the most posts, a known one before "unknown"; equal ones in alphabetical order."""
    counts: list[Counter[str]] = [Counter() for _ in range(n_topics)]
    for label, language in zip(labels.tolist(), languages, strict=True):
        if label >= 0:
            counts[label][language] += 1
    return [min((language == "unknown", -n, language) for language, n in count.items())[2] for count in counts]


def _first_of_each(titles: list[str]) -> list[str]:
    """Titles with "" for those seen before: a long thread is still one title."""
    seen: set[str] = set()
    firsts = []
    for title in titles:
        firsts.append("" if title in seen else title)
        seen.add(title)
    return firsts


def single_words(text: str, excluded: frozenset[str] = frozenset()) -> set[str]:
    """The casefolded words of a text that could name a topic on their own."""
    return {word for run in _runs(text, excluded) for word in run if _may_end(word)}


def _phrases(text: str, excluded: frozenset[str]) -> list[str]:
    """Every word and phrase of a text, casefolded; a phrase neither begins nor ends with a stop word."""
    found: list[str] = []
    for run in _runs(text, excluded):
        may_end = [_may_end(word) for word in run]
        for first in range(len(run)):
            if may_end[first]:
                lasts = range(first, min(first + MAX_PHRASE_WORDS, len(run)))
                found += [" ".join(run[first : last + 1]) for last in lasts if may_end[last]]
    return found


def _may_end(word: str) -> bool:
    return len(word) > 1 and word not in STOP_WORDS


def _runs(text: str, excluded: frozenset[str]) -> Iterator[list[str]]:
    """Casefolded words between punctuation marks, mentions and excluded words."""
    run: list[str] = []
    for token in TOKEN.findall(text)[:MAX_TOKENS_READ]:
        word = AFFIX.sub("", token.casefold().replace("’", "'"))
        if word[0].isalpha() and word not in excluded and len(word) <= MAX_WORD_LENGTH:
            run.append(word)
        elif run:
            yield run
            run = []
    yield run


def _weigh(
    spoken: list[list[str]],
    titled: list[list[str]],
    labels: NDArray[np.int64],
    writers: NDArray[np.int64],
    *,
    n_topics: int,
) -> _Usage:
    number_of: dict[str, int] = {}
    in_titles = incidence(titled, number_of)
    in_posts = incidence([title + text for title, text in zip(titled, spoken, strict=True)], number_of)
    in_titles.resize(in_posts.shape)
    # A term of a single post cannot be what a topic is about, and most terms are.
    kept = np.flatnonzero(in_posts.sum(axis=0) > 1)
    in_posts, in_titles = in_posts[:, kept], in_titles[:, kept]
    _, first_row, voice = np.unique(np.column_stack([labels, writers]), axis=0, return_index=True, return_inverse=True)
    topic_of_voice = labels[first_row]
    n_uses = _count_voices(in_posts, voice, topic_of_voice, n_topics) + _count_voices(
        in_titles, voice, topic_of_voice, n_topics
    )
    n_voices = np.bincount(topic_of_voice, minlength=n_topics)
    weight = n_uses.astype(np.float64).tocoo()
    rarity = np.log1p(n_voices[n_voices > 0].mean() / np.maximum(n_uses.sum(axis=0), 1)) if len(kept) else np.empty(0)
    rarity = rarity[weight.col] * np.where(weight.data < FEW_USES, FEW_USES_WEIGHT, 1.0)
    is_rare = weight.data < np.maximum(MIN_VOICES, MIN_VOICE_SHARE * n_voices[weight.row])
    weight.data = np.where(is_rare, 0, (weight.data / n_voices[weight.row]) ** SHARE_POWER * rarity)
    weight.eliminate_zeros()
    return _Usage(
        terms=np.array(list(number_of), dtype=object)[kept],
        posts=in_posts.tocsc(),
        n_uses=n_uses.tocsr(),
        weight=weight.tocsr(),
    )


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


def _count_voices(
    in_posts: sparse.csr_array, voice: NDArray[np.int64], topic_of_voice: NDArray[np.int64], n_topics: int
) -> sparse.csr_array:
    """In how many voices (one author within one topic) each term is heard; shape (n_topics, n_terms)."""
    heard = (_indicator(voice, len(topic_of_voice)) @ in_posts).sign()
    return (_indicator(topic_of_voice, n_topics) @ heard).tocsr()


def _indicator(group: NDArray[np.int64], n_groups: int) -> sparse.csr_array:
    ones = np.ones(len(group), dtype=np.int32)
    return sparse.csr_array((ones, (group, np.arange(len(group)))), shape=(n_groups, len(group)))


def _choose_terms(usage: _Usage, topic: int) -> list[int]:
    """The most telling terms, none of them saying what another one says; as columns of the usage."""
    weight, n_uses_row = usage.weight[[topic], :], usage.n_uses[[topic], :]
    order = np.lexsort((usage.terms[weight.indices].astype(str), -np.round(weight.data, 9)))
    candidates = weight.indices[order[:N_CANDIDATES]].tolist()
    n_uses = dict(zip(n_uses_row.indices.tolist(), n_uses_row.data.tolist(), strict=True))
    words = {column: usage.terms[column].split() for column in candidates}
    chosen: list[int] = []
    for column in candidates:
        fuller = _fullest_phrase(column, candidates, words, n_uses)
        if not any(_say_the_same(words[fuller], words[other]) for other in chosen):
            chosen.append(fuller)
        if len(chosen) == N_TERMS:
            break
    return chosen


def _fullest_phrase(column: int, candidates: list[int], words: dict[int, list[str]], n_uses: dict[int, int]) -> int:
    """The longest phrase around a term in which it is mostly used; the term itself if there is none."""
    around = [
        other
        for other in candidates
        if set(words[column]) < set(words[other]) and n_uses[other] >= SAME_USE * n_uses[column]
    ]
    return max(around, key=lambda other: len(words[other]), default=column)


def _say_the_same(some: list[str], others: list[str]) -> bool:
    """Whether every word of one term has its like in the other."""
    fewer, more = sorted((some, others), key=len)
    return all(any(_alike(word, other) for other in more) for word in fewer)


def _alike(word: str, other: str) -> bool:
    """Whether two words differ by no more than an ending: card and cards, kaart and kaarten."""
    stem_length = max(4, len(word) - 2, len(other) - 2)
    return word == other or word[:stem_length] == other[:stem_length]


def _spell(chosen: list[int], usage: _Usage, texts: Sequence[str], in_topic: NDArray[np.bool_]) -> tuple[str, ...]:
    """Each term as it is spelled most often in the topic's first posts with it; equal counts in alphabetical order."""
    spelled = []
    for column in chosen:
        term = str(usage.terms[column])
        holders = usage.posts[:, [column]].indices
        words = r"\s+".join(map(re.escape, term.split()))
        pattern = re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)
        seen: Counter[str] = Counter()
        for row in holders[in_topic[holders]][:N_SPELLING_POSTS].tolist():
            seen.update(" ".join(spelling.split()) for spelling in pattern.findall(texts[row]))
        spelled.append(min(((-n, spelling) for spelling, n in seen.items()), default=(0, term))[1])
    return tuple(spelled)


def choose_exemplars(vectors: NDArray[np.float32], centroid: NDArray[np.float32]) -> NDArray[np.int64]:
    """Up to three posts near the centre of a topic that are unlike one another (maximal marginal relevance).

    Parameters
    ----------
    vectors : shape (n, dim), unit rows: the topic's posts.
    centroid : shape (dim,), unit length.

    Returns
    -------
    Row numbers, the one nearest to the centre first; equal ones in row order.
    """
    to_centre = np.round(vectors @ centroid, 6).astype(np.float64)
    candidates = np.lexsort((np.arange(len(vectors)), -to_centre))[:N_EXEMPLAR_CANDIDATES]
    likeness = np.round(vectors[candidates] @ vectors[candidates].T, 6).astype(np.float64)
    chosen = [0]
    while len(chosen) < min(N_EXEMPLARS, len(candidates)):
        gain = CENTRE_WEIGHT * to_centre[candidates] - (1 - CENTRE_WEIGHT) * likeness[:, chosen].max(axis=1)
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(np.round(gain, 6))))
    return candidates[chosen]
