"""Data for measuring as corpora, the way the product reads them."""

import csv
import lzma
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.heads import Threshold
from models.signals import SIGNALS
from moderation.corpus import Corpus
from moderation.exports import read_exports
from moderation.posts import Post
from moderation.scoring import read_posts
from training.evaluate import Bench
from training.measuring_sets import MeasuringSetMissing

MIN_ARTICLE_POSTS = 100
NO_THRESHOLD = Threshold(None, "unreachable", None, None, 0)


@dataclass(frozen=True)
class Newsgroups:
    """The newsgroups as the product reads them, with the group that it never sees."""

    corpus: Corpus
    group: NDArray[np.str_]

    @property
    def hierarchy(self) -> NDArray[np.str_]:
        """The first part of each post's group name."""
        return np.array([name.split(".")[0] for name in self.group])


def vectors_of(bench: Bench, texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors: the mean-pooled last layer, as the encoder makes them."""
    last = bench.hidden(texts)[:, -1].astype(np.float64)
    return np.asarray(last / np.linalg.norm(last, axis=1, keepdims=True), dtype=np.float32)


def corpus_of(bench: Bench, posts: Sequence[Post], *, language: str) -> Corpus:
    """Posts with their vectors and without signals."""
    read = read_posts(posts, languages=(language,))
    words = [reading.words for reading in read.readings]
    vectors = np.full((len(words), bench.encoder.dim), np.nan, dtype=np.float32)
    with_words = [row for row, text in enumerate(words) if text]
    vectors[with_words] = vectors_of(bench, [words[row] for row in with_words])
    thresholds: dict[tuple[str, str], Threshold] = defaultdict(lambda: NO_THRESHOLD)
    signals = np.full((len(words), len(SIGNALS)), np.nan)
    return Corpus(read.posts, read.readings, read.languages, vectors, signals, thresholds)


def part_of(corpus: Corpus, rows: NDArray[np.int64]) -> Corpus:
    """Some rows of a corpus, in the order given."""
    return Corpus(
        tuple(corpus.posts[row] for row in rows),
        tuple(corpus.readings[row] for row in rows),
        tuple(corpus.languages[row] for row in rows),
        corpus.vectors[rows],
        corpus.signals[rows],
        corpus.thresholds,
    )


def read_newsgroups(bench: Bench) -> Newsgroups:
    """All posts of the twenty newsgroups."""
    export = read_exports([existing(bench.data_folder / "threads" / "newsgroups20.jsonl.gz")])
    corpus = corpus_of(bench, export.posts, language="en")
    return Newsgroups(corpus, np.array([post.space for post in corpus.posts]))


def read_space_forum(bench: Bench, name: str) -> Corpus:
    """A forum in English with spaces, of the folder of threads."""
    export = read_exports([existing(bench.data_folder / "threads" / f"{name}.jsonl.gz")])
    return corpus_of(bench, export.posts, language="en")


def read_newspaper_comments(bench: Bench) -> tuple[Corpus, NDArray[np.float64]]:
    """Labelled comments as posts of their article's thread; off topic 1, on topic 0, NaN outside the large articles."""
    path = existing(bench.data_folder / "labels" / "omp_derstandard_de" / "posts_labeled.csv.xz")
    posts: dict[str, Post] = {}
    label: dict[str, float] = {}
    with lzma.open(path, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            posts[row["ID_Post"]] = _comment(row)
            if row["Category"] == "OffTopic":
                label[row["ID_Post"]] = float(row["Value"])
    ordered = sorted(posts.values(), key=lambda post: (post.created_at, post.id))
    n_labelled: dict[str, int] = defaultdict(int)
    for post in ordered:
        n_labelled[post.thread_id] += post.id in label
    corpus = corpus_of(bench, ordered, language="de")
    off_topic = [
        label.get(post.id, np.nan) if n_labelled[post.thread_id] > MIN_ARTICLE_POSTS else np.nan
        for post in corpus.posts
    ]
    return corpus, np.array(off_topic)


def _comment(row: dict[str, str]) -> Post:
    return Post(
        id=row["ID_Post"],
        thread_id=row["ID_Article"],
        parent_id=row["ID_Parent_Post"] or None,
        author_id=row["ID_User"],
        created_at=datetime.fromisoformat(row["CreatedAt"]).replace(tzinfo=UTC),
        title=row["Headline"] or None,
        text=row["Body"],
    )


def existing(path: Path) -> Path:
    """The path itself.

    Raises
    ------
    MeasuringSetMissing
    """
    if not path.exists():
        raise MeasuringSetMissing(f"{path} is not there; docs/data.md says where it comes from")
    return path
