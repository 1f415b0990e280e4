"""What text should stand for a post: its title, its first words, all of it, or windows of it.

Example: python -m benchmarks.topics.representation --data ../shared/data --vectors vectors
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import process_time
from typing import Annotated

import numpy as np
import typer

from benchmarks.topics.peers import newsgroups
from benchmarks.topics.stability import part_of
from models.registry import load_encoder
from moderation.assignments import mix_with_threads, read_sorted_by
from moderation.corpus import Corpus
from topics.agreement import compare_with_labels
from topics.clustering import find_topics

N_POSTS = 5_000
FIRST_WORDS = (20, 40, 80)
#: A window holds so many words; a post has at most so many of them, spread evenly.
WINDOW_WORDS, MAX_WINDOWS = 80, 4


def main(
    data: Annotated[Path, typer.Option(help="Folder with threads/.")],
    vectors: Annotated[Path, typer.Option(help="Folder for the vectors, as benchmarks.topics.measure leaves them.")],
    n_posts: Annotated[int, typer.Option(help="Posts drawn.")] = N_POSTS,
) -> None:
    """Print one JSON line for each representation, each with and without drawing posts towards their threads."""
    whole = newsgroups(data, vectors)
    drawn = np.zeros(len(whole.corpus), dtype=bool)
    drawn[np.random.default_rng(0).permutation(len(drawn))[:n_posts]] = True
    corpus = part_of(whole.corpus, drawn)
    rows = read_sorted_by(corpus).rows
    labels = whole.labels[drawn][rows]
    titles = [corpus.posts[row].title or "" for row in rows]
    bodies = [body_of(corpus, row) for row in rows.tolist()]
    of_text = corpus.vectors[rows]
    tell("all words, as shipped", of_text, corpus, labels)
    of_title = encode([title or body for title, body in zip(titles, bodies, strict=True)])
    tell("title", of_title, corpus, labels)
    tell("mean of title and all words", unit(of_text + of_title), corpus, labels)
    for n_words in FIRST_WORDS:
        first = [f"{title}\n{' '.join(body.split()[:n_words])}" for title, body in zip(titles, bodies, strict=True)]
        tell(f"title and first {n_words} words", encode(first), corpus, labels)
    tell(f"mean of up to {MAX_WINDOWS} windows of {WINDOW_WORDS} words", of_windows(titles, bodies), corpus, labels)


def body_of(corpus: Corpus, row: int) -> str:
    """The words of a post without a first line that is its title."""
    first_line, _, rest = corpus.readings[row].words.partition("\n")
    title = corpus.posts[row].title or ""
    return rest if first_line and first_line in title else corpus.readings[row].words


def of_windows(titles: Sequence[str], bodies: Sequence[str]) -> np.ndarray:
    """Each window is read with the title before it, and they count the same."""
    windows, post_of = [], []
    for row, (title, body) in enumerate(zip(titles, bodies, strict=True)):
        words = body.split()
        starts = range(0, max(1, len(words) - WINDOW_WORDS // 2), WINDOW_WORDS)
        chosen = np.unique(np.linspace(0, len(starts) - 1, MAX_WINDOWS).round().astype(int))
        windows += [f"{title}\n{' '.join(words[starts[each] : starts[each] + WINDOW_WORDS])}" for each in chosen]
        post_of += [row] * len(chosen)
    sums = np.zeros((len(titles), load_encoder().dim), dtype=np.float64)
    np.add.at(sums, post_of, encode(windows))
    return unit(sums)


def encode(texts: Sequence[str]) -> np.ndarray:
    distinct = {text: place for place, text in enumerate(dict.fromkeys(text or "." for text in texts))}
    vectors = np.concatenate([encoding.vectors for encoding in load_encoder().encode(list(distinct))])
    return vectors[[distinct[text or "."] for text in texts]]


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def tell(name: str, vectors: np.ndarray, corpus: Corpus, labels: np.ndarray) -> None:
    sorted_by = read_sorted_by(corpus)
    for thread, rows in ((False, vectors), (True, mix_with_threads(vectors, sorted_by.threads, sorted_by.n_words))):
        start = process_time()
        found = find_topics(rows, fitted=sorted_by.shapes_topics).labels
        line = {"text": name, "with_thread": thread, **asdict(compare_with_labels(found, labels))}
        line["processor_seconds"] = process_time() - start
        rounded = {key: round(each, 4) if isinstance(each, float) else each for key, each in line.items()}
        print(json.dumps(rounded), flush=True)


if __name__ == "__main__":
    typer.run(main)
