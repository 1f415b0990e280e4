"""Stage 3: each post's topic, or the reason why it has none; the contents of topics.json."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from moderation.corpus import Corpus
from moderation.topic_ids import EarlierTopics, carry_topics_on, keep_name
from topics.clustering import Clustering, find_topics
from topics.graph import sums_by_group
from topics.names import TopicName, choose_exemplars, name_topics
from topics.terms import ReadTexts, read_texts
from topics.themes import Themes, find_themes

DELETED = "deleted"
NO_WORDS = "no words"
TOO_SHORT = "too short"

#: Posts with fewer words shape no topic; "same here" is found with its thread or stays unsorted.
MIN_WORDS = 3

#: What the rest of the thread says about a post's topic weighs as much as so many words of its own, and never more than
#: the post itself (docs/decisions/0003-topics.md).
THREAD_WORDS = 20

# What mail programs in the languages of the encoder put before the title of an answer.
REPLY_MARK = re.compile(r"^\s*(?:(?:re|aw|antw|sv|fwd?|tr|wg)(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)

NAME_PART = re.compile(r"[^\W\d_]{2,}")
#: A name starts with a capital nearly always; an ordinary word only where a sentence starts.
MIN_CAPITAL_SHARE = 0.8

NOT_SCORED = "negative word of mouth is not scored in these posts"


@dataclass(frozen=True)
class Share:
    """A share of posts with its 95 % Wilson interval; None with a reason where there is nothing to count."""

    share: float | None
    interval: tuple[float, float] | None
    n_posts: int
    reason: str | None


@dataclass(frozen=True)
class Topic:
    """One topic of the community.

    Attributes
    ----------
    id : from 1, by size, in a single run; permanent in the service.
    share : of all visible posts, unsorted ones included.
    exemplar_ids : posts near the centre of the topic that are unlike one another.
    negative : share of its members' posts with negative word of mouth.
    theme_id : the lowest id of the topics of its theme; None where there are no themes.
    """

    id: int
    name: TopicName
    size: int
    share: float
    exemplar_ids: tuple[str, ...]
    negative: Share
    theme_id: int | None = None


@dataclass(frozen=True)
class Theme:
    """Topics that lie close together.

    Attributes
    ----------
    id : the lowest id of its topics.
    """

    id: int
    name: TopicName
    topic_ids: tuple[int, ...]
    size: int


@dataclass(frozen=True)
class Topics:
    """The topics of a corpus and the topic of each post.

    Attributes
    ----------
    topic_of : shape (n,), topic ids; 0 = unsorted.
    cosine : shape (n,), in [-1, 1]: to the centre of the post's topic, or of the nearest one; NaN where there is none.
    unsorted_reasons : by row; None for sorted posts.
    topics : the largest first.
    stability : how well two halves of the posts agree on the topics, in [-1, 1]; None where there are too few posts.
    themes : the level above the topics, the largest first.
    no_themes_reason : why there are none; None where there are.
    """

    topic_of: NDArray[np.int64]
    cosine: NDArray[np.float64]
    unsorted_reasons: tuple[str | None, ...]
    topics: tuple[Topic, ...]
    stability: float | None
    themes: tuple[Theme, ...] = ()
    no_themes_reason: str | None = None

    @cached_property
    def terms(self) -> Mapping[int, tuple[str, ...]]:
        """The terms of each topic by id, the most telling first."""
        return {topic.id: topic.name.terms for topic in self.topics}

    @cached_property
    def topic_id_of(self) -> tuple[int | None, ...]:
        """The topic id of each row; None = unsorted."""
        return tuple(topic_id or None for topic_id in self.topic_of.tolist())

    def as_json(self) -> dict[str, Any]:
        """The contents of topics.json."""
        reasons = Counter(reason for reason in self.unsorted_reasons if reason not in (None, DELETED))
        n_unsorted = sum(reasons.values())
        n_visible = len(self.topic_of) - self.unsorted_reasons.count(DELETED)
        return {
            "topics": [_topic_json(topic) for topic in self.topics],
            "unsorted": {
                "count": n_unsorted,
                "share": round(n_unsorted / n_visible, 6) if n_visible else None,
                "reasons": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
            },
            "stability": self.stability,
            "themes": [_theme_json(theme) for theme in self.themes],
            "no_themes_reason": self.no_themes_reason,
        }


def assign_topics(corpus: Corpus, earlier: EarlierTopics | None = None) -> Topics:
    """Find the topics of a community and the topic of each visible post.

    A post is sorted by what it says and by what its thread is about, so that a short answer is found with its question.
    Languages are compared after taking away what all posts in a language share.

    Parameters
    ----------
    earlier : the topics that these go on from; None = the first time, or a single run.
    """
    sorted_by = read_sorted_by(corpus)
    rows = sorted_by.rows
    found = find_topics(
        sorted_by.vectors,
        groups=_numbered(sorted_by.languages),
        fitted=sorted_by.shapes_topics,
        earlier=None if earlier is None else earlier.labels_of(rows),
    )
    clustering, ids = carry_topics_on(found, rows, earlier)
    topic_of = np.zeros(len(corpus), dtype=np.int64)
    topic_of[rows] = np.concatenate([[0], ids])[clustering.labels + 1]
    cosine = np.full(len(corpus), np.nan)
    cosine[rows] = clustering.cosine
    themes = find_themes(clustering.points, clustering.labels)
    described = _Described(corpus, sorted_by, clustering, ids=ids, theme_ids=_theme_ids(themes, ids), earlier=earlier)
    return Topics(
        topic_of=topic_of,
        cosine=cosine,
        unsorted_reasons=unsorted_reasons(corpus, sorted_by, clustering.reasons),
        topics=_describe_topics(described),
        stability=clustering.stability,
        themes=_describe_themes(described),
        no_themes_reason=themes.reason,
    )


@dataclass(frozen=True)
class SortedBy:
    """What posts are sorted by: one row for each visible post with words.

    Attributes
    ----------
    rows : shape (n,), rows of the corpus.
    vectors : shape (n, dim), float32, unit rows: the posts, drawn towards their threads.
    threads : shape (n,), thread numbers.
    n_words : shape (n,).
    languages : by row.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    threads: NDArray[np.int64]
    n_words: NDArray[np.int64]
    languages: tuple[str, ...]

    @property
    def shapes_topics(self) -> NDArray[np.bool_]:
        """Posts with enough words to shape topics; the others only join one; shape (n,)."""
        return np.asarray(self.n_words >= MIN_WORDS, dtype=bool)


def read_sorted_by(corpus: Corpus) -> SortedBy:
    """Take what topics rest on from a corpus of whole threads."""
    rows = np.flatnonzero(corpus.visible & corpus.encoded)
    n_words = np.array([corpus.readings[row].n_words for row in rows], dtype=np.int64)
    threads = _numbered([corpus.posts[row].thread_id for row in rows])
    return SortedBy(
        rows=rows,
        vectors=mix_with_threads(corpus.vectors[rows], threads, n_words),
        threads=threads,
        n_words=n_words,
        languages=tuple(corpus.languages[row] for row in rows),
    )


def mix_with_threads(
    vectors: NDArray[np.float32], threads: NDArray[np.int64], n_words: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Draw each post towards the mean of the other posts in its thread, the shorter the post the more.

    Parameters
    ----------
    vectors : shape (n, dim), unit rows.
    threads : shape (n,), numbers from 0.
    n_words : shape (n,), words of each post.

    Returns
    -------
    Unit rows; posts alone in their thread are unchanged.
    """
    sums = sums_by_group(vectors, threads, int(threads.max(initial=-1)) + 1)
    n_others = (np.bincount(threads, minlength=len(sums))[threads] - 1)[:, None]
    others = np.divide(sums[threads] - vectors, n_others, out=np.zeros(vectors.shape), where=n_others > 0)
    weight = np.minimum(1.0, THREAD_WORDS / np.maximum(n_words, 1))
    mixed = vectors + weight[:, None] * others
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


def _numbered(names: Sequence[str]) -> NDArray[np.int64]:
    """Number names in alphabetical order."""
    return np.unique(np.array(names, dtype=np.str_), return_inverse=True)[1].astype(np.int64)


def unsorted_reasons(corpus: Corpus, sorted_by: SortedBy, reasons: Sequence[str | None]) -> tuple[str | None, ...]:
    """Why each row of the corpus has no topic, given the reasons for the rows that could have one; None = it has."""
    found: list[str | None] = [NO_WORDS if visible else DELETED for visible in corpus.visible]
    for row, shapes, reason in zip(sorted_by.rows, sorted_by.shapes_topics, reasons, strict=True):
        found[row] = TOO_SHORT if reason and not shapes else reason
    return tuple(found)


@dataclass(frozen=True)
class _Described:
    """What topics and themes are described from.

    Attributes
    ----------
    ids, theme_ids : shape (n_topics,), by label; a theme id of 0 = no theme.
    """

    corpus: Corpus
    sorted_by: SortedBy
    clustering: Clustering
    ids: NDArray[np.int64]
    theme_ids: NDArray[np.int64]
    earlier: EarlierTopics | None

    @cached_property
    def writers(self) -> NDArray[np.int64]:
        """A number for the writer of each sorted row; unknown authors are told apart by their posts."""
        posts = [self.corpus.posts[row] for row in self.sorted_by.rows]
        return _numbered([f"by {post.author_id}" if post.author_id else f"post {post.id}" for post in posts])

    @cached_property
    def read(self) -> ReadTexts:
        """The words of each sorted row, apart from its title's."""
        titles_and_texts = [_split_title(self.corpus, row) for row in self.sorted_by.rows.tolist()]
        return read_texts([text for _, text in titles_and_texts], [title for title, _ in titles_and_texts])

    @cached_property
    def names_of_people(self) -> frozenset[str]:
        """Words that are somebody's name; they name no topic."""
        posts = [self.corpus.posts[row] for row in self.sorted_by.rows]
        author_names = {post.author_name for post in posts if post.author_name}
        return _names_of_people(author_names, self.corpus, self.sorted_by.rows)

    def names(self, labels: NDArray[np.int64]) -> tuple[TopicName, ...]:
        """What groups of sorted rows are called, by label; -1 = in none."""
        return name_topics(
            self.read,
            labels,
            languages=self.sorted_by.languages,
            writers=self.writers,
            excluded=self.names_of_people,
        )


def _theme_ids(themes: Themes, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The lowest topic id of each topic's theme; 0 where there are no themes; shape (n_topics,)."""
    lowest = [ids[themes.theme_of == theme].min() if theme >= 0 else 0 for theme in themes.theme_of.tolist()]
    return np.array(lowest, dtype=np.int64)


def _describe_topics(described: _Described) -> tuple[Topic, ...]:
    corpus, rows, labels = described.corpus, described.sorted_by.rows, described.clustering.labels
    names = described.names(labels)
    n_visible = int(corpus.visible.sum())
    writers = described.writers
    topics = []
    for label, topic_id in enumerate(described.ids.tolist()):
        members = np.flatnonzero(labels == label)
        topics.append(
            Topic(
                id=topic_id,
                name=keep_name(topic_id, names[label], described.earlier),
                size=len(members),
                share=len(members) / n_visible,
                exemplar_ids=_exemplar_ids(described, label, writers=writers[members]),
                negative=negative_share(corpus, rows[members]),
                theme_id=int(described.theme_ids[label]) or None,
            )
        )
    return tuple(topics)


def _exemplar_ids(described: _Described, label: int, *, writers: NDArray[np.int64]) -> tuple[str, ...]:
    sorted_by, clustering = described.sorted_by, described.clustering
    members = np.flatnonzero(clustering.labels == label)
    exemplars = choose_exemplars(
        clustering.points[members],
        clustering.centroids[label],
        n_words=sorted_by.n_words[members],
        writers=writers,
        threads=sorted_by.threads[members],
    )
    return tuple(described.corpus.posts[row].id for row in sorted_by.rows[members[exemplars]])


def _describe_themes(described: _Described) -> tuple[Theme, ...]:
    """The themes, the largest first; named by what sets them apart from each other."""
    theme_ids = np.unique(described.theme_ids[described.theme_ids > 0])
    if not len(theme_ids):
        return ()
    theme_of_topic = np.append(np.searchsorted(theme_ids, described.theme_ids), -1)  # the last place is for unsorted
    theme_of = theme_of_topic[described.clustering.labels]
    names = described.names(theme_of)
    themes = [
        Theme(
            id=theme_id,
            name=names[place],
            topic_ids=tuple(described.ids[described.theme_ids == theme_id].tolist()),
            size=int((theme_of == place).sum()),
        )
        for place, theme_id in enumerate(theme_ids.tolist())
    ]
    return tuple(sorted(themes, key=lambda theme: (-theme.size, theme.id)))


def _names_of_people(author_names: Collection[str], corpus: Corpus, rows: NDArray[np.int64]) -> frozenset[str]:
    """Members' names, and the parts of them that posts write with a capital: Samira, but not the bread of Jan Brood."""
    parts = {part.casefold() for name in author_names for part in NAME_PART.findall(name)}
    n_tokens: Counter[str] = Counter()
    for row in rows.tolist():
        n_tokens.update(NAME_PART.findall(corpus.readings[row].words))
    n_all: Counter[str] = Counter()
    n_capital: Counter[str] = Counter()
    for token, n in n_tokens.items():
        word = token.casefold()
        if word in parts:
            n_all[word] += n
            n_capital[word] += n * token[0].isupper()
    capital = {word for word, n in n_all.items() if n_capital[word] >= MIN_CAPITAL_SHARE * n}
    return frozenset(name.casefold() for name in author_names) | capital


def _split_title(corpus: Corpus, row: int) -> tuple[str, str]:
    """A post's title without "Re:", and the rest of its words; no title where the text begins with it anyway."""
    title, words = corpus.posts[row].title or "", corpus.readings[row].words
    first_line, _, rest = words.partition("\n")
    return (REPLY_MARK.sub("", first_line), rest) if 0 < len(first_line) <= len(title) else ("", words)


def negative_share(corpus: Corpus, rows: NDArray[np.int64]) -> Share:
    """The share of members' posts with negative word of mouth, among those that are scored."""
    scored = rows[is_scored_for_negative(corpus)[rows]]
    return tone_of(int(corpus.above_threshold("negative_wom")[scored].sum()), len(scored))


def tone_of(n_negative: int, n_posts: int) -> Share:
    """The share of scored posts with negative word of mouth; None where none is scored."""
    if not n_posts:
        return Share(share=None, interval=None, n_posts=0, reason=NOT_SCORED)
    interval = stats.binomtest(n_negative, n_posts).proportion_ci(method="wilson")
    return Share(
        share=n_negative / n_posts,
        interval=(float(interval.low), float(interval.high)),
        n_posts=n_posts,
        reason=None,
    )


def is_scored_for_negative(corpus: Corpus) -> NDArray[np.bool_]:
    """Members' posts with a probability of negative word of mouth and a threshold in their language; shape (n,).

    Staff and bots are left out: their answers would make a busy week look like a happy one.
    """
    judged = {
        language
        for language in set(corpus.languages)
        if corpus.thresholds["negative_wom", language].probability is not None
    }
    is_counted = [
        post.role == "member" and language in judged
        for post, language in zip(corpus.posts, corpus.languages, strict=True)
    ]
    return np.array(is_counted, dtype=bool) & ~np.isnan(corpus.p("negative_wom"))


def _topic_json(topic: Topic) -> dict[str, Any]:
    return {
        "id": topic.id,
        "name": topic.name.name,
        "terms": list(topic.name.terms),
        "language": topic.name.language,
        "size": topic.size,
        "share": round(topic.share, 6),
        "exemplar_ids": list(topic.exemplar_ids),
        "negative_share": _rounded(topic.negative.share),
        "negative_share_interval": topic.negative.interval and [_rounded(bound) for bound in topic.negative.interval],
        "negative_share_n_posts": topic.negative.n_posts,
        "negative_share_reason": topic.negative.reason,
        "theme": topic.theme_id,
        "named_by_moderator": topic.name.is_given,
    }


def _theme_json(theme: Theme) -> dict[str, Any]:
    return {
        "id": theme.id,
        "name": theme.name.name,
        "terms": list(theme.name.terms),
        "language": theme.name.language,
        "topic_ids": list(theme.topic_ids),
        "size": theme.size,
    }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)
