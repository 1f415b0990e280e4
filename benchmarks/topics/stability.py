"""Measure how many posts change their topic when a tenth of new posts comes in and everything is worked out anew.

Example: python -m benchmarks.topics.stability --data ../shared/data --vectors vectors
"""

import json
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import typer

from benchmarks.topics.measure import NoThresholds, encoded
from models.signals import SIGNALS
from moderation.assignments import SortedBy, read_sorted_by
from moderation.corpus import Corpus
from moderation.exports import read_exports
from moderation.scoring import read_posts
from topics.agreement import compare_with_labels
from topics.clustering import Clustering, find_topics
from topics.ledger import carry_on, topic_events

FILES = {"newsgroups20": "newsgroups20.jsonl.gz", "urho3d": "urho3d-discourse-topics.tar.gz"}
NEW_SHARE = 0.1
FIRST_POSTS, GROWTH = 1000, 1.5


def main(
    data: Annotated[Path, typer.Option(help="Folder with threads/.")],
    vectors: Annotated[Path, typer.Option(help="Folder for the vectors; made where they are missing (hours).")],
) -> None:
    """Print one JSON line per measurement."""
    for name, file in FILES.items():
        corpus = load(name, data / "threads" / file, vectors)
        for which, is_old in old_posts(corpus):
            measure(name, which, corpus, is_old)
    grow(load("newsgroups20", data / "threads" / FILES["newsgroups20"], vectors))


def load(name: str, export: Path, folder: Path) -> Corpus:
    read = read_posts(read_exports([export]).posts, languages=())
    words = [reading.words for reading in read.readings]
    rows = encoded(name, words, ids=[post.id for post in read.posts], folder=folder)
    rows[[not text for text in words]] = np.nan
    signals = np.full((len(rows), len(SIGNALS)), np.nan)
    return Corpus(read.posts, read.readings, read.languages, rows, signals, NoThresholds())


def old_posts(corpus: Corpus) -> Iterator[tuple[str, np.ndarray]]:
    """Which posts were there before: all but the newest, and all but those of a few threads drawn at random."""
    n_old = round(len(corpus) / (1 + NEW_SHARE))
    yield "newest tenth is new", np.arange(len(corpus)) < n_old
    threads = np.unique([post.thread_id for post in corpus.posts], return_inverse=True)[1]
    order = np.random.default_rng(7).permutation(threads.max() + 1)
    n_new = np.cumsum(np.bincount(threads)[order])
    is_new = np.isin(threads, order[n_new <= len(corpus) - n_old])
    yield "tenth of the threads is new", ~is_new


def measure(name: str, which: str, corpus: Corpus, is_old: np.ndarray) -> None:
    before, _ = topics_of(part_of(corpus, is_old))
    known = np.zeros(len(corpus), dtype=np.int64)
    known[is_old] = before
    for how, earlier in (("carried on", known), ("found anew", None)):
        start = perf_counter()
        labels, _ = topics_of(corpus, earlier)
        seconds = perf_counter() - start
        after = carry_on(known, labels, highest_id=int(before.max()))
        changed = known[is_old] != after[is_old]
        both = (known[is_old] > 0) & (after[is_old] > 0)
        events = topic_events(np.where(is_old, known, -1), after)
        line = {
            "data": name,
            "new": which,
            "how": how,
            "changed": float(changed.mean()),
            "to_another_topic": float((changed & both).mean()),
            "topics_before": len(np.unique(before[before > 0])),
            "topics_after": len(np.unique(after[after > 0])),
            "not_kept": sum(event.kind != "kept" for event in events),
            "ami": agreement(corpus, after) if name == "newsgroups20" else None,
            "seconds": seconds,
        }
        show(line)


def grow(corpus: Corpus) -> None:
    """The same community from its first draw of posts on, each time half as many more, carried on all the way."""
    order = np.random.default_rng(0).permutation(len(corpus))
    topic_of, highest, n_posts = np.zeros(len(corpus), dtype=np.int64), 0, FIRST_POSTS
    while True:
        is_there = np.isin(np.arange(len(corpus)), order[:n_posts])
        labels, _ = topics_of(part_of(corpus, is_there), topic_of[is_there])
        topic_of[is_there] = carry_on(topic_of[is_there], labels, highest_id=highest)
        highest = max(highest, int(topic_of.max()))
        n_topics = len(np.unique(topic_of[topic_of > 0]))
        ami = agreement(part_of(corpus, is_there), topic_of[is_there])
        show(
            {"data": "newsgroups20", "n_posts": int(is_there.sum()), "topics": n_topics, "highest": highest, "ami": ami}
        )
        if n_posts >= len(corpus):
            return
        n_posts = min(round(n_posts * GROWTH), len(corpus))


def topics_of(corpus: Corpus, earlier: np.ndarray | None = None) -> tuple[np.ndarray, Clustering]:
    """The topic of each post, from 1; 0 = unsorted."""
    sorted_by: SortedBy = read_sorted_by(corpus)
    start = None
    if earlier is not None and earlier.any():
        ids, place = np.unique(earlier[sorted_by.rows], return_inverse=True)
        start = place - (1 if ids[0] == 0 else 0)
    found = find_topics(
        sorted_by.vectors,
        groups=np.unique(np.array(sorted_by.languages), return_inverse=True)[1],
        fitted=sorted_by.shapes_topics,
        earlier=start,
    )
    topic_of = np.zeros(len(corpus), dtype=np.int64)
    topic_of[sorted_by.rows] = found.labels + 1
    return topic_of, found


def part_of(corpus: Corpus, is_there: np.ndarray) -> Corpus:
    rows = np.flatnonzero(is_there)
    return Corpus(
        posts=tuple(corpus.posts[row] for row in rows),
        readings=tuple(corpus.readings[row] for row in rows),
        languages=tuple(corpus.languages[row] for row in rows),
        vectors=corpus.vectors[rows],
        signals=corpus.signals[rows],
        thresholds=corpus.thresholds,
    )


def agreement(corpus: Corpus, topic_of: np.ndarray) -> float:
    return compare_with_labels(topic_of - 1, [post.space or "" for post in corpus.posts]).ami


def show(line: dict[str, object]) -> None:
    print(
        json.dumps({key: round(each, 4) if isinstance(each, float) else each for key, each in line.items()}), flush=True
    )


if __name__ == "__main__":
    typer.run(main)
