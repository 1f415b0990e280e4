"""Measure the topics on labelled data: agreement with people's labels, stability of the count, languages, seconds.

Example: python -m benchmarks.topics.measure --data ../shared/data --vectors vectors
"""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import typer

from models.registry import load_encoder
from models.signals import SIGNALS
from moderation.assignments import assign_topics
from moderation.corpus import Corpus
from moderation.exports import read_exports
from moderation.scoring import read_posts
from topics.agreement import compare_with_labels
from topics.clustering import find_topics

SUBSAMPLES = (1000, 5000)
N_DRAWS = 3


def main(
    data: Annotated[Path, typer.Option(help="Folder with labels/ and threads/.")],
    vectors: Annotated[Path, typer.Option(help="Folder for the vectors; made where they are missing (an hour).")],
) -> None:
    """Print one JSON line per measurement."""
    vectors.mkdir(parents=True, exist_ok=True)
    measure_titles(data, vectors)
    measure_newsgroups(data, vectors)
    measure_parallel_sentences(data, vectors)


def measure_titles(data: Path, folder: Path) -> None:
    source = data / "labels" / "stackoverflow20_titles_en"
    titles = (source / "title_StackOverflow.txt").read_text("utf-8").rstrip("\n").split("\n")
    labels = (source / "label_StackOverflow.txt").read_text("utf-8").split()
    rows = encoded("stackoverflow20", titles, ids=[str(row) for row in range(len(titles))], folder=folder)
    for part, selected in (("all", slice(None)), ("even rows", slice(0, None, 2)), ("odd rows", slice(1, None, 2))):
        report("stackoverflow20", part, labels[selected], lambda selected=selected: find_topics(rows[selected]).labels)


def measure_newsgroups(data: Path, folder: Path) -> None:
    export = read_exports([data / "threads" / "newsgroups20.jsonl.gz"])
    read = read_posts(export.posts, languages=("en",))
    words = [reading.words for reading in read.readings]
    rows = encoded("newsgroups20", words, ids=[post.id for post in read.posts], folder=folder)
    rows[[not text for text in words]] = np.nan
    signals = np.full((len(rows), len(SIGNALS)), np.nan)
    corpus = Corpus(read.posts, read.readings, read.languages, rows, signals, NoThresholds())
    groups = np.array([post.space for post in read.posts])
    even = np.arange(len(rows)) % 2 == 0
    for part, selected in (("all", even | ~even), ("even rows", even), ("odd rows", ~even)):
        report("newsgroups20", part, groups[selected], lambda selected=selected: topics_of(corpus, selected))
    for n_posts in SUBSAMPLES:
        for draw in range(N_DRAWS):
            selected = np.zeros(len(rows), dtype=bool)
            selected[np.random.default_rng(draw).permutation(len(rows))[:n_posts]] = True
            report(
                "newsgroups20", f"draw {draw}", groups[selected], lambda selected=selected: topics_of(corpus, selected)
            )


class NoThresholds(dict):
    """Every signal of every language is unreachable."""

    def __missing__(self, key: tuple[str, str]) -> "Unreachable":
        return Unreachable()


class Unreachable:
    probability = None


def topics_of(corpus: Corpus, selected: np.ndarray) -> np.ndarray:
    """Topics of the posts of the product's own run, from 0, -1 = unsorted."""
    rows = np.flatnonzero(selected)
    part = Corpus(
        posts=tuple(corpus.posts[row] for row in rows),
        readings=tuple(corpus.readings[row] for row in rows),
        languages=tuple(corpus.languages[row] for row in rows),
        vectors=corpus.vectors[rows],
        signals=corpus.signals[rows],
        thresholds=corpus.thresholds,
    )
    return assign_topics(part).topic_of - 1


def measure_parallel_sentences(data: Path, folder: Path) -> None:
    """The same sentences in Dutch and English: found equally well, and in the same topics."""
    sentences = {code: parallel_sentences(data, code) for code in ("nld_Latn", "eng_Latn")}
    rows = np.concatenate(
        [
            encoded(f"sib200_{code}", [text for text, _ in part], ids=None, folder=folder)
            for code, part in sentences.items()
        ]
    )
    labels = np.array([label for part in sentences.values() for _, label in part])
    n = len(labels) // 2
    found = find_topics(rows, groups=np.repeat([0, 1], n)).labels
    dutch, english = compare_with_labels(found[:n], labels[:n]), compare_with_labels(found[n:], labels[n:])
    alone = [find_topics(part).labels for part in (rows[:n], rows[n:])]
    line = {
        "data": "sib200 nl + en",
        "n_topics": int(found.max()) + 1,
        "ami_dutch": dutch.ami,
        "ami_english": english.ami,
        "ami_ratio": dutch.ami / english.ami,
        "same_topic_share": float(np.mean(found[:n] == found[n:])),
        "ami_ratio_each_alone": compare_with_labels(alone[0], labels[:n]).ami
        / compare_with_labels(alone[1], labels[n:]).ami,
    }
    print(json.dumps(line), flush=True)


def parallel_sentences(data: Path, code: str) -> list[tuple[str, str]]:
    folder = data / "labels" / "sib200_topics_multi" / code
    rows = [
        row
        for split in ("train", "dev", "test")
        for row in csv.DictReader(
            (folder / f"{split}.tsv").open("r", encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE
        )
    ]
    return [(row["text"], row["category"]) for row in sorted(rows, key=lambda row: int(row["index_id"]))]


def report(data: str, part: str, labels: Sequence[str], find: Callable[[], np.ndarray]) -> None:
    start = perf_counter()
    found = find()
    seconds = perf_counter() - start
    line = {"data": data, "part": part, **asdict(compare_with_labels(found, labels)), "seconds": seconds}
    print(
        json.dumps({key: round(each, 3) if isinstance(each, float) else each for key, each in line.items()}), flush=True
    )


def encoded(name: str, texts: Sequence[str], *, ids: Sequence[str] | None, folder: Path) -> np.ndarray:
    """The vectors of the texts, read from `folder` or made and kept there."""
    path = folder / f"{name}.npz"
    wanted = list(ids or map(str, range(len(texts))))
    if not path.exists():
        made = np.concatenate([encoding.vectors for encoding in load_encoder().encode([text or "." for text in texts])])
        np.savez(path, ids=np.array(wanted), vectors=made)
    kept = np.load(path)
    place = {id_: row for row, id_ in enumerate(kept["ids"].tolist())}
    vectors = kept["vectors"]
    return vectors[[place[id_] for id_ in wanted]]


if __name__ == "__main__":
    typer.run(main)
