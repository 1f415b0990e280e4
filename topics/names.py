"""Name topics by the words that set them apart, and pick the posts that show what they are about."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from topics.stopwords import ADJECTIVES_FOLLOW, NOUN_MARKERS, STOP_WORDS, stop_words_in

N_TERMS = 8
N_NAME_TERMS = 3
N_EXEMPLARS = 3
MAX_PHRASE_WORDS = 3

# Beyond this a post is a document; its first words say what it is about.
MAX_TOKENS_READ = 200

# Longer ones are addresses, keys and keyboards under cats.
MAX_WORD_LENGTH = 40

# A word starts with a letter; "c++", "wi-fi" and "don't" stay whole. A mention is a person, not a subject. A number
# names nothing, but what is counted is a thing.
TOKEN = re.compile(r"@\w+|[^\W\d_](?:\w|['’&-](?=\w))*(?:\+\+|#)?|\d\w*|[^\s\w]")

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

# French elides its articles and English adds a genitive: l'application is the application, God's is God.
AFFIX = re.compile(r"^(?:[cdjlmnst]|qu)'(?=\w\w)|'s$")
ELIDED_ARTICLE = re.compile(r"^[dl]'(?=\w\w)")

# A subject is named by a noun. A word that never stands where a noun stands ("the ...", "with ...") gets the first part
# of its weight; each further share of its uses adds to that, up to all of it. Behind an adjective ("a new ...") a noun
# is told less surely, and not at all where the word between is a noun itself: "the courier rang".
NEVER_A_NOUN_WEIGHT = 0.15
NOUN_USE_WEIGHT = 2.0
BEHIND_ADJECTIVE = 0.5

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
    less, and times how much the term is used as a noun. A term whose posts have an earlier term of the name too counts
    for less. Only posts in the topic's most used language are read, and they are compared with posts in that language.

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
        stops = stop_words_in(language)
        spoken = [_phrases(texts[row], excluded, stops) for row in rows]
        titled = [_phrases(title, excluded, stops) for title in _first_of_each([titles[row] for row in rows])]
        written = [f"{titles[row]}\n{texts[row]}" for row in rows]
        usage = _weigh(spoken, titled, labels[rows], writers[rows], n_topics=n_topics)
        noun_weights = _noun_weights(usage.terms, written, language)
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


def _first_of_each(titles: list[str]) -> list[str]:
    """Titles with "" for those seen before: a long thread is still one title."""
    seen: set[str] = set()
    firsts = []
    for title in titles:
        firsts.append("" if title in seen else title)
        seen.add(title)
    return firsts


def single_words(text: str, excluded: frozenset[str] = frozenset()) -> set[str]:
    """The casefolded words of a text that could name a topic on their own, in whatever language."""
    return {word for run in _runs(text, excluded) for word in run if _may_end(word, STOP_WORDS)}


def _phrases(text: str, excluded: frozenset[str], stops: frozenset[str]) -> list[str]:
    """Every word and phrase of a text, casefolded; a phrase neither begins nor ends with a stop word."""
    found: list[str] = []
    for run in _runs(text, excluded):
        may_end = [_may_end(word, stops) for word in run]
        for first in range(len(run)):
            if may_end[first]:
                lasts = range(first, min(first + MAX_PHRASE_WORDS, len(run)))
                found += [" ".join(run[first : last + 1]) for last in lasts if may_end[last]]
    return found


def _may_end(word: str, stops: frozenset[str]) -> bool:
    return len(word) > 1 and word not in stops


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


def _noun_weights(terms: NDArray[np.object_], texts: Sequence[str], language: str) -> NDArray[np.float64]:
    """What part of its weight each term gets, by how much its noun is used as one in the texts; shape (n_terms,)."""
    if language not in NOUN_MARKERS:
        return np.ones(len(terms))
    head = 0 if language in ADJECTIVES_FOLLOW else -1
    shares = _noun_shares(texts, language)
    uses_as_noun = np.array([shares.get(str(term).split()[head], 0.0) for term in terms], dtype=np.float64)
    return np.minimum(1.0, NEVER_A_NOUN_WEIGHT + NOUN_USE_WEIGHT * uses_as_noun)


def _noun_shares(texts: Sequence[str], language: str) -> dict[str, float]:
    """In what share of its uses each word that could name a topic stands where nouns stand, in [0, 1]."""
    n_uses: Counter[str] = Counter()
    n_direct: Counter[str] = Counter()
    n_behind: Counter[tuple[str, str]] = Counter()
    for text in texts:
        for word, behind in _noun_places(text, language):
            n_uses[word] += 1
            if behind == "":
                n_direct[word] += 1
            elif behind is not None:
                n_behind[word, behind] += 1
    shares = {word: n_direct[word] / n for word, n in n_uses.items()}
    described: defaultdict[str, float] = defaultdict(float)
    for (word, behind), n in n_behind.items():
        described[word] += BEHIND_ADJECTIVE * n * max(0.0, 1 - NOUN_USE_WEIGHT * shares.get(behind, 0.0))
    return {word: share + described[word] / n_uses[word] for word, share in shares.items()}


def _noun_places(text: str, language: str) -> Iterator[tuple[str, str | None]]:
    """Each word that could name a topic, with "" right behind an article, the word between them, or None elsewhere."""
    markers, adjectives_follow = NOUN_MARKERS[language], language in ADJECTIVES_FOLLOW
    stops = stop_words_in(language)
    tokens = ["", "", *(token.casefold().replace("’", "'") for token in TOKEN.findall(text)[:MAX_TOKENS_READ]), ""]
    for two_before, before, token, after in zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False):
        word = AFFIX.sub("", token)
        if not _is_telling(word, stops):
            continue
        if _is_telling(after, stops) and not adjectives_follow:
            yield word, None
        elif before in markers or before[:1].isdigit() or ELIDED_ARTICLE.match(token):
            yield word, ""
        elif two_before in markers and _is_telling(before, stops) and not adjectives_follow:
            yield word, before
        else:
            yield word, None


def _is_telling(token: str, stops: frozenset[str]) -> bool:
    return token[:1].isalpha() and _may_end(token, stops)


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
    # A term of a single post cannot be what a topic is about, and most terms are; unless the topic has nothing else.
    is_shared = in_posts.sum(axis=0) > 1
    in_topics = _indicator(labels, n_topics) @ in_posts
    has_none = np.asarray(in_topics @ is_shared.astype(np.int64)).ravel() == 0
    kept = np.flatnonzero(is_shared | (np.asarray(in_topics[np.flatnonzero(has_none)].sum(axis=0)).ravel() > 0))
    in_posts, in_titles = in_posts[:, kept], in_titles[:, kept]
    terms = np.array(list(number_of), dtype=object)[kept]
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
    heard = np.asarray(n_writers[weight.row, weight.col]).ravel()
    at_least = np.where(n_posts >= LARGER_TOPIC_POSTS, MIN_VOICES_OF_LARGER, MIN_VOICES)[weight.row]
    may_fill = (heard >= MIN_VOICES) & (heard >= MIN_VOICE_SHARE * n_voices[weight.row])
    return np.where(may_fill, np.where(heard >= at_least, 1.0, FILLER_WEIGHT), 0.0)


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
