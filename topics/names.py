"""Name topics by the words that set them apart, and pick the posts that show what they are about."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from topics.stopwords import ADJECTIVES_FOLLOW, NOUN_MARKERS, stop_words_in
from topics.terms import NOUN_USE_WEIGHT, Phrases, ReadTexts, find_phrases, noun_shares

N_TERMS = 8
N_NAME_TERMS = 3
N_EXEMPLARS = 3
# A term is used by at least two writers of the topic, three where the topic is no longer small, and by this share.
MIN_VOICES = 2
MIN_VOICES_OF_LARGER = 3
LARGER_TOPIC_POSTS = 15
MIN_VOICE_SHARE = 0.03

# Where a larger topic has fewer than three such terms, terms of two writers fill up its name, but behind all others.
FILLER_WEIGHT = 0.001

# In a small topic a word of two writers can be rare everywhere else and so outweigh what all of them write about; below
# this number of uses a term gets this part of its weight.
FEW_USES = 4
FEW_USES_WEIGHT = 0.3

# A subject is named by a noun. A word that never stands where a noun stands ("the ...", "with ...") gets the first part
# of its weight; each further share of its uses adds to that, up to all of it.
NEVER_A_NOUN_WEIGHT = 0.15

# A phrase takes the place of its word when so much of the word's use is within the phrase, and it is as much of a noun:
# a fee is an annual fee, but a courier is no "courier rang".
SAME_USE = 0.5

# What a term loses where the same posts use it that use an earlier term of the name: three words for one thing say less
# than three things.
SAME_POSTS_PENALTY = 0.4

# Where a word has a capital for no reason of its own.
SENTENCE_START = r"(?:^|[.!?:…\n]\W*)"

# The endings by which forms of one word differ, in the languages above, and the spelling that changes with them in
# Dutch: kaart and kaarten, pan and pannen, vraag and vragen, prijs and prijzen.
SHORTEST_STEM = 3
ENDINGS = re.compile(r"(?:'?s|e|en|n|es|er|ers|je|jes|tje|tjes|te|ten|de|den|d|t|r|rs|ed|ing|ings|ly)?")
DOUBLED_LETTER = re.compile(r"(.)\1")
SOFTENED = str.maketrans("zv", "sf")

# A compound says what it ends with: a handscanner is a scanner. Shorter ends are hardly ever a word of their own.
SHORTEST_LAST_PART = 5

# Power of a term's share in its topic. At 0.5, Grootendorst's damping, rare words win (user names, a single
# thread's title); at 1 words that every topic uses. See docs/decisions/0003-topics.md.
SHARE_POWER = 0.75

# Only so many terms are weighed against each other for a topic, and so many posts are read for their spelling.
N_CANDIDATES = 200
N_SPELLING_POSTS = 50

# Exemplars: what closeness to the centre weighs against likeness to the exemplars already there.
CENTRE_WEIGHT = 0.5
N_EXEMPLAR_CANDIDATES = 50

# A post of two words shows nothing, and a long one is not read.
FEWEST_EXEMPLAR_WORDS, MOST_EXEMPLAR_WORDS = 6, 80

# More than any gain: a second post by the same writer or in the same thread comes after all others.
LAST_RESORT = 10.0


@dataclass(frozen=True)
class TopicName:
    """What a topic is called.

    Attributes
    ----------
    name : the first three terms, for people; "" only where the posts have no word that could name anything.
    terms : up to 8, the three most telling first, the most used of these in front; each as most of the posts spell it.
    language : the language that the terms are taken from, the most used one in the topic.
    is_given : a moderator gave the name.
    """

    name: str
    terms: tuple[str, ...]
    language: str
    is_given: bool = False


@dataclass(frozen=True)
class _Usage:
    """Which posts use which terms, and how telling each term is for each topic."""

    terms: NDArray[np.object_]
    posts: sparse.csc_array  # (n_posts, n_terms)
    n_uses: sparse.csr_array  # (n_topics, n_terms): writers, and once more those who use it in a title
    topic_of: NDArray[np.int64]  # (n_posts,)
    weight: sparse.csr_array  # (n_topics, n_terms)


def name_topics(
    read: ReadTexts,
    labels: NDArray[np.int64],
    *,
    languages: Sequence[str],
    writers: NDArray[np.int64],
    excluded: frozenset[str] = frozenset(),
) -> tuple[TopicName, ...]:
    """Name each topic by class-based TF-IDF over words and phrases of up to three words.

    A term counts once for each writer, so that neither a signature nor one busy member names a topic, and once more
    for each writer who puts it in a title. Its weight is (share of the topic's writers) ** 0.75 *
    log(1 + mean number of writers per topic / writers in all topics together): c-TF-IDF (Grootendorst 2022), damped
    less, and times how much the term is used as a noun. A term whose posts have an earlier term of the name too counts
    for less. Only posts in the topic's most used language are read, and they are compared with posts in that language.

    Parameters
    ----------
    read : the words that count of each post, and its title.
    labels : shape (n,), topics numbered from 0, -1 = in no topic.
    languages : ISO 639-1 codes or "unknown".
    writers : shape (n,), a number for each author; posts of unknown authors get one each.
    excluded : casefolded words that may not appear in a term, such as user names.
    """
    n_topics = int(labels.max(initial=-1)) + 1
    most_used = _most_used_languages(labels, languages, n_topics=n_topics)
    names: dict[int, TopicName] = {}
    for language in sorted(set(most_used)):
        rows = [row for row, label in enumerate(labels.tolist()) if label >= 0 and languages[row] == language]
        written = [f"{read.titles[row]}\n{read.texts[row]}" for row in rows]
        phrases = find_phrases(read, rows, excluded=excluded, stops=stop_words_in(language))
        usage = _weigh(phrases, labels[rows], writers[rows], n_topics=n_topics)
        noun_weights = _noun_weights(usage.terms, read, rows, language)
        usage.weight.data *= noun_weights[usage.weight.indices]
        for topic in [topic for topic in range(n_topics) if most_used[topic] == language]:
            chosen = _choose_terms(usage, topic, noun_weights) or _best_words(usage, topic)
            chosen = _most_used_first(chosen[:N_NAME_TERMS], usage, topic) + chosen[N_NAME_TERMS:]
            terms = _spell(chosen, usage, written, labels[rows] == topic)
            names[topic] = TopicName(name=", ".join(terms[:N_NAME_TERMS]), terms=terms, language=language)
    return tuple(names[topic] for topic in range(n_topics))


def _most_used_languages(labels: NDArray[np.int64], languages: Sequence[str], *, n_topics: int) -> list[str]:
    """Each topic's language with the most posts, a known one before "unknown"; equal ones in alphabetical order."""
    counts: list[Counter[str]] = [Counter() for _ in range(n_topics)]
    for label, language in zip(labels.tolist(), languages, strict=True):
        if label >= 0:
            counts[label][language] += 1
    return [min((language == "unknown", -n, language) for language, n in count.items())[2] for count in counts]


def _noun_weights(
    terms: NDArray[np.object_], read: ReadTexts, rows: Sequence[int], language: str
) -> NDArray[np.float64]:
    """What part of its weight each term gets, by how much its noun is used as one in the posts; shape (n_terms,)."""
    if language not in NOUN_MARKERS:
        return np.ones(len(terms))
    head = 0 if language in ADJECTIVES_FOLLOW else -1
    share_of = dict(zip(read.words, noun_shares(read, rows, language).tolist(), strict=True))
    uses_as_noun = np.array([share_of[str(term).split()[head]] for term in terms], dtype=np.float64)
    return np.minimum(1.0, NEVER_A_NOUN_WEIGHT + NOUN_USE_WEIGHT * uses_as_noun)


def _weigh(phrases: Phrases, labels: NDArray[np.int64], writers: NDArray[np.int64], *, n_topics: int) -> _Usage:
    in_posts, in_titles = phrases.in_posts, phrases.in_titles
    # A term of a single post cannot be what a topic is about, and most terms are; unless the topic has nothing else.
    is_shared = in_posts.sum(axis=0) > 1
    in_topics = _indicator(labels, n_topics) @ in_posts
    has_none = np.asarray(in_topics @ is_shared.astype(np.int64)).ravel() == 0
    kept = np.flatnonzero(is_shared | (np.asarray(in_topics[np.flatnonzero(has_none)].sum(axis=0)).ravel() > 0))
    in_posts, in_titles = in_posts[:, kept], in_titles[:, kept]
    terms = phrases.spell(kept)
    _, first_row, voice = np.unique(np.column_stack([labels, writers]), axis=0, return_index=True, return_inverse=True)
    topic_of_voice = labels[first_row]
    n_writers = _count_voices(in_posts, voice, topic_of_voice, n_topics)
    n_uses = n_writers + _count_voices(in_titles, voice, topic_of_voice, n_topics)
    weight = _term_weights(n_uses, np.bincount(topic_of_voice, minlength=n_topics))
    weight.data *= _hearing(n_writers, weight, np.bincount(labels, minlength=n_topics), topic_of_voice)
    weight.eliminate_zeros()
    return _Usage(terms=terms, posts=in_posts.tocsc(), n_uses=n_uses, weight=weight.tocsr(), topic_of=labels)


def _term_weights(n_uses: sparse.csr_array, n_voices: NDArray[np.int64]) -> sparse.coo_array:
    """How telling each term is for each topic by its use alone; shape (n_topics, n_terms)."""
    weight = n_uses.astype(np.float64).tocoo()
    if not weight.nnz:
        return weight
    rarity = np.log1p(n_voices[n_voices > 0].mean() / np.maximum(n_uses.sum(axis=0), 1))[weight.col]
    rarity *= np.where(weight.data < FEW_USES, FEW_USES_WEIGHT, 1.0)
    weight.data = (weight.data / n_voices[weight.row]) ** SHARE_POWER * rarity
    return weight


def _hearing(
    n_writers: sparse.csr_array,
    weight: sparse.coo_array,
    n_posts: NDArray[np.int64],
    topic_of_voice: NDArray[np.int64],
) -> NDArray[np.float64]:
    """1 for each entry of the weight that enough writers of the topic use, next to nothing for a filler, else 0."""
    if not weight.nnz:
        return np.empty(0)
    n_voices = np.bincount(topic_of_voice, minlength=len(n_posts))
    heard = n_writers.data  # the same entries in the same order: who puts a term in a title uses it
    at_least = np.where(n_posts >= LARGER_TOPIC_POSTS, MIN_VOICES_OF_LARGER, MIN_VOICES)[weight.row]
    may_fill = (heard >= MIN_VOICES) & (heard >= MIN_VOICE_SHARE * n_voices[weight.row])
    return np.where(may_fill, np.where(heard >= at_least, 1.0, FILLER_WEIGHT), 0.0)


def _count_voices(
    in_posts: sparse.csr_array, voice: NDArray[np.int64], topic_of_voice: NDArray[np.int64], n_topics: int
) -> sparse.csr_array:
    """In how many voices (one author within one topic) each term is heard; shape (n_topics, n_terms)."""
    heard = (_indicator(voice, len(topic_of_voice)) @ in_posts).sign()
    counted: sparse.csr_array = (_indicator(topic_of_voice, n_topics) @ heard).tocsr()
    counted.sort_indices()
    return counted


def _indicator(group: NDArray[np.int64], n_groups: int) -> sparse.csr_array:
    ones = np.ones(len(group), dtype=np.int32)
    return sparse.csr_array((ones, (group, np.arange(len(group)))), shape=(n_groups, len(group)))


def _choose_terms(usage: _Usage, topic: int, noun_weights: NDArray[np.float64]) -> list[int]:
    """The most telling terms, none of them saying what another one says; as columns of the usage."""
    weight, n_uses_row = usage.weight[[topic], :], usage.n_uses[[topic], :]
    order = np.lexsort((usage.terms[weight.indices].astype(str), -np.round(weight.data, 9)))[:N_CANDIDATES]
    candidates = weight.indices[order].tolist()
    n_uses = dict(zip(n_uses_row.indices.tolist(), n_uses_row.data.tolist(), strict=True))
    usage_of = {column: (n_uses[column], float(noun_weights[column])) for column in candidates}
    words = {column: usage.terms[column].split() for column in candidates}
    posts = {column: _posts_of(column, usage, topic) for column in candidates}
    left = weight.data[order]
    chosen: list[int] = []
    while len(chosen) < N_TERMS and np.any(left > 0):
        best = int(np.argmax(np.round(left * _newness(candidates, chosen[:N_NAME_TERMS], posts), 9)))
        if left[best] < FILLER_WEIGHT and len(chosen) >= N_NAME_TERMS:
            break
        left[best] = 0
        fuller = _fullest_phrase(candidates[best], usage_of, words)
        if not any(_say_the_same(words[fuller], words[other]) for other in chosen):
            chosen.append(fuller)
    return chosen


def _best_words(usage: _Usage, topic: int) -> list[int]:
    """The words that most posts of a topic share, where no term is used by enough writers; as columns of the usage.

    Equal ones by how few of all posts have them, then in alphabetical order.
    """
    inside = np.asarray(usage.posts[np.flatnonzero(usage.topic_of == topic)].sum(axis=0)).ravel()
    everywhere = np.asarray(usage.posts.sum(axis=0)).ravel()
    words = [column for column in np.flatnonzero(inside).tolist() if " " not in usage.terms[column]]
    best = sorted(words, key=lambda column: (-inside[column], everywhere[column], usage.terms[column]))
    return best[:N_NAME_TERMS]


def _most_used_first(columns: list[int], usage: _Usage, topic: int) -> list[int]:
    """A name begins with the word that most members know the topic by; equal ones keep their order."""
    n_uses = {column: int(usage.n_uses[topic, column]) for column in columns}
    return sorted(columns, key=lambda column: -n_uses[column])


def _posts_of(column: int, usage: _Usage, topic: int) -> frozenset[int]:
    rows = usage.posts[:, [column]].indices
    return frozenset(rows[usage.topic_of[rows] == topic].tolist())


def _newness(
    candidates: Sequence[int], chosen: Sequence[int], posts: Mapping[int, frozenset[int]]
) -> NDArray[np.float64]:
    """What each candidate keeps of its weight beside the chosen terms; shape (n_candidates,), in [0.6, 1]."""
    shared = [
        max((len(posts[column] & posts[other]) / len(posts[column] | posts[other]) for other in chosen), default=0.0)
        for column in candidates
    ]
    return 1.0 - SAME_POSTS_PENALTY * np.array(shared)


def _fullest_phrase(column: int, usage_of: Mapping[int, tuple[int, float]], words: Mapping[int, list[str]]) -> int:
    """The longest phrase around a term in which it is mostly used; the term itself if there is none.

    Parameters
    ----------
    usage_of : of each candidate the number of uses, and how much its noun is used as one.
    """
    around = [
        other
        for other in usage_of
        if set(words[column]) < set(words[other])
        and all(its >= SAME_USE * own for its, own in zip(usage_of[other], usage_of[column], strict=True))
    ]
    return max(around, key=lambda other: len(words[other]), default=column)


def _say_the_same(some: list[str], others: list[str]) -> bool:
    """Whether every word of one term has its like in the other."""
    fewer, more = sorted((some, others), key=len)
    return all(any(_alike(word, other) for other in more) for word in fewer)


def _alike(word: str, other: str) -> bool:
    """Whether two words differ by no more than an ending, as kaart and kaarten, or by what a compound begins with."""
    shorter, longer = sorted((word, other), key=len)
    if len(shorter) >= SHORTEST_LAST_PART and longer.endswith(shorter):
        return True
    first, second = (DOUBLED_LETTER.sub(r"\1", each).translate(SOFTENED) for each in (word, other))
    n_shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
    ends = (first[n_shared:], second[n_shared:])
    is_inflected = len(shorter) >= SHORTEST_STEM and (n_shared >= SHORTEST_STEM or "" in ends)
    return word == other or (is_inflected and all(ENDINGS.fullmatch(end) is not None for end in ends))


def _spell(chosen: list[int], usage: _Usage, texts: Sequence[str], in_topic: NDArray[np.bool_]) -> tuple[str, ...]:
    """Each term as it is spelled most often in the topic's first posts with it; equal counts in alphabetical order.

    Where a sentence starts every word has a capital, so those spellings count only where there are no others.
    """
    spelled = []
    for column in chosen:
        term = str(usage.terms[column])
        holders = usage.posts[:, [column]].indices
        words = r"\s+".join(map(re.escape, term.split()))
        pattern = re.compile(rf"({SENTENCE_START})?(?<!\w)({words})(?!\w)", re.IGNORECASE)
        seen: Counter[tuple[bool, str]] = Counter()
        for row in holders[in_topic[holders]][:N_SPELLING_POSTS].tolist():
            found = pattern.findall(texts[row])
            seen.update((bool(start) or texts[row].startswith(each), " ".join(each.split())) for start, each in found)
        spelled.append(min(((at_start, -n, each) for (at_start, each), n in seen.items()), default=(0, 0, term))[2])
    return tuple(spelled)


def choose_exemplars(
    vectors: NDArray[np.float32],
    centroid: NDArray[np.float32],
    *,
    n_words: NDArray[np.int64],
    writers: NDArray[np.int64],
    threads: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Up to three posts near the centre of a topic that are unlike one another (maximal marginal relevance).

    They are by different writers, in different threads and short enough to be read at a glance, as far as the topic has
    such posts.

    Parameters
    ----------
    vectors : shape (n, dim), unit rows: the topic's posts.
    centroid : shape (dim,), unit length.
    n_words, writers, threads : shape (n,): how long each post is, and numbers for who wrote it and where.

    Returns
    -------
    Row numbers, the one nearest to the centre first; equal ones in row order.
    """
    to_centre = np.round(vectors @ centroid, 6).astype(np.float64)
    is_awkward = (n_words < FEWEST_EXEMPLAR_WORDS) | (n_words > MOST_EXEMPLAR_WORDS)
    candidates = np.lexsort((np.arange(len(vectors)), -to_centre, is_awkward))[:N_EXEMPLAR_CANDIDATES]
    likeness = np.round(vectors[candidates] @ vectors[candidates].T, 6).astype(np.float64)
    awkward, writers, threads = is_awkward[candidates], writers[candidates], threads[candidates]
    chosen = [0]
    while len(chosen) < min(N_EXEMPLARS, len(candidates)):
        gain = CENTRE_WEIGHT * to_centre[candidates] - (1 - CENTRE_WEIGHT) * likeness[:, chosen].max(axis=1)
        repeats = np.isin(writers, writers[chosen]).astype(np.int64) + np.isin(threads, threads[chosen]) + awkward
        gain = gain - LAST_RESORT * repeats
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(np.round(gain, 6))))
    return candidates[chosen]
