"""Compare the topics with those of other libraries on the same vectors, each in a process of its own.

Example: python -m benchmarks.topics.peers --data ../shared/data --vectors vectors --peers-python venv/bin/python
"""

import json
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer

from benchmarks.topics.measure import NoThresholds, encoded
from benchmarks.topics.stability import part_of
from benchmarks.topics.systems import OWN_WAYS, PEERS
from models.signals import SIGNALS
from moderation.assignments import read_sorted_by
from moderation.corpus import Corpus
from moderation.exports import read_exports
from moderation.posts import Post
from moderation.scoring import read_posts
from topics.agreement import compare_with_labels

ROOT = Path(__file__).parents[2]
N_SUBSAMPLE = 5_000
MAX_SECONDS = 1_800
FIRST_TITLE_AT = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Labelled:
    """Posts and the label that people gave each; the label is read for the comparison only."""

    name: str
    corpus: Corpus
    labels: np.ndarray


def main(
    data: Annotated[Path, typer.Option(help="Folder with labels/ and threads/.")],
    vectors: Annotated[Path, typer.Option(help="Folder for the vectors, as benchmarks.topics.measure leaves them.")],
    peers_python: Annotated[Path, typer.Option(help="Interpreter with requirements-peers.txt installed.")],
    repeat: Annotated[int, typer.Option(help="Runs of each way; the medians are told.")] = 3,
    only: Annotated[str, typer.Option(help="Ways, with commas between them.")] = "",
    cold: Annotated[bool, typer.Option(help="Time the first call of each process, compiling included.")] = False,
    sets: Annotated[str, typer.Option(help="Names of the sets, with semicolons between them.")] = "",
) -> None:
    """Print one JSON line for each set and way."""
    ways = only.split(",") if only else [way for way in (*OWN_WAYS, *PEERS) if way != "ours_refit"]
    for labelled in labelled_sets(data, vectors):
        if sets and labelled.name not in sets.split(";"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows = write_posts(labelled, Path(folder))
            for way in ways:
                python = peers_python.absolute() if way in PEERS else Path(sys.executable)
                told = run_way(way, Path(folder), python, repeat, *(["--cold"] if cold else []))
                if "seconds" in told:
                    told |= agreement(np.load(Path(folder) / "found.npy"), labelled.labels, rows)
                print(json.dumps({"data": labelled.name, "way": way, **rounded(told)}), flush=True)


def labelled_sets(data: Path, vectors: Path) -> Iterator[Labelled]:
    wholes = newsgroups(data, vectors), titles(data, vectors)
    yield from wholes
    for whole in wholes:
        rows = np.sort(np.random.default_rng(0).permutation(len(whole.corpus))[:N_SUBSAMPLE])
        part = part_of(whole.corpus, np.isin(np.arange(len(whole.corpus)), rows))
        yield Labelled(f"{whole.name}, {N_SUBSAMPLE:,} drawn", part, whole.labels[rows])


def newsgroups(data: Path, vectors: Path) -> Labelled:
    corpus = corpus_of("newsgroups20", read_exports([data / "threads" / "newsgroups20.jsonl.gz"]).posts, vectors)
    return Labelled("newsgroups20", corpus, np.array([post.space for post in corpus.posts]))


def titles(data: Path, vectors: Path) -> Labelled:
    """Every title is a thread of its own by a writer of its own."""
    source = data / "labels" / "stackoverflow20_titles_en"
    lines = (source / "title_StackOverflow.txt").read_text("utf-8").rstrip("\n").split("\n")
    posts = tuple(
        Post(id=str(row), thread_id=str(row), created_at=FIRST_TITLE_AT + timedelta(seconds=row), text=line)
        for row, line in enumerate(lines)
    )
    labels = np.array((source / "label_StackOverflow.txt").read_text("utf-8").split())
    return Labelled("stackoverflow20 titles", corpus_of("stackoverflow20", posts, vectors), labels)


def corpus_of(name: str, posts: tuple[Post, ...], folder: Path) -> Corpus:
    read = read_posts(posts, languages=("en",))
    words = [reading.words for reading in read.readings]
    rows = encoded(name, words, ids=[post.id for post in read.posts], folder=folder)
    rows[[not text for text in words]] = np.nan
    signals = np.full((len(rows), len(SIGNALS)), np.nan)
    return Corpus(read.posts, read.readings, read.languages, rows, signals, NoThresholds())


def write_posts(labelled: Labelled, folder: Path) -> np.ndarray:
    """Leave the posts where `benchmarks.topics.systems` reads them; the rows that have words."""
    corpus, sorted_by = labelled.corpus, read_sorted_by(labelled.corpus)
    np.save(folder / "vectors.npy", corpus.vectors[sorted_by.rows])
    np.save(folder / "mixed.npy", sorted_by.vectors)
    texts = [corpus.readings[row].words for row in sorted_by.rows.tolist()]
    told = {"texts": texts, "n_labels": len(np.unique(labelled.labels))}
    (folder / "texts.json").write_text(json.dumps(told), "utf-8")
    (folder / "corpus.pickle").write_bytes(pickle.dumps(corpus))
    return sorted_by.rows


def run_way(way: str, folder: Path, python: Path, repeat: int, *options: str) -> dict[str, object]:
    """What the process said, or why it said nothing."""
    command = [str(python), "-m", "benchmarks.topics.systems", way, str(folder), "--repeat", str(repeat), *options]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=MAX_SECONDS)
    except subprocess.TimeoutExpired:
        return {"failed": f"more than {MAX_SECONDS} seconds"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def agreement(found: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> dict[str, object]:
    """Medians over the runs, and the spread of what differs between them; posts without words are unsorted."""
    measured = []
    for each in found:
        topic_of = np.full(len(labels), -1, dtype=np.int64)
        topic_of[rows] = each
        measured.append(compare_with_labels(topic_of, labels))
    names = ("ami", "ari", "fmi", "n_topics", "unsorted_share")
    figures: dict[str, object] = {name: median(getattr(each, name) for each in measured) for name in names}
    counts = [each.n_topics for each in measured]
    return figures | {"n_runs": len(found), "fewest_topics": min(counts), "most_topics": max(counts)}


def rounded(told: dict[str, object]) -> dict[str, object]:
    lists = {key: [round(each, 2) for each in value] for key, value in told.items() if isinstance(value, list)}
    floats = {key: round(value, 4) for key, value in told.items() if isinstance(value, float)}
    return told | floats | lists


if __name__ == "__main__":
    typer.run(main)
