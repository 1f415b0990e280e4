"""Sort the newsgroups again in other orders, with other hash seeds, numbers of threads and batches: the same ids?

Example: python -m benchmarks.topics.same_again --data ../shared/data --vectors vectors
"""

import gzip
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.topics.measure import NoThresholds, encoded
from models.signals import SIGNALS
from moderation.assignments import Topics, assign_topics
from moderation.corpus import Corpus
from moderation.emergence import measure_emergence
from moderation.exports import read_exports
from moderation.posts import Post
from moderation.scoring import read_posts
from moderation.topic_ids import EarlierTopics

ROOT = Path(__file__).parents[2]
#: What the environment and the order of the posts are in each run; the first is what the others are held against.
RUNS = (
    {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "ORDER": "0"},
    {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "ORDER": "1"},
    {"PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "ORDER": "0"},
    {"PYTHONHASHSEED": "5", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ORDER": "2"},
)
#: The newest posts that come after the first refit.
NEW_SHARE = 0.1


def main(
    data: Annotated[Path, typer.Option(help="Folder with threads/.")],
    vectors: Annotated[Path, typer.Option(help="Folder for the vectors, as benchmarks.topics.measure leaves them.")],
    once: Annotated[bool, typer.Option(help="One run in this process, as the environment says.")] = False,
) -> None:
    """Print one JSON line for each run, with a digest of everything that people see."""
    if once:
        print(json.dumps(digests(data, vectors, order=int(os.environ["ORDER"]))), flush=True)
        return
    own = [sys.executable, "-m", "benchmarks.topics.same_again", "--data", str(data), "--vectors", str(vectors)]
    found = []
    for run in RUNS:
        done = subprocess.run(
            [*own, "--once"], env=os.environ | run, cwd=ROOT, capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stdout.splitlines()[-1]))
        print(json.dumps({**run, **found[-1], "same": found[-1] == found[0]}), flush=True)
    sys.exit(0 if all(each == found[0] for each in found) else 1)


def digests(data: Path, vectors: Path, *, order: int) -> dict[str, object]:
    """Two refits, the second with the newest tenth of the posts, and what comes up after it."""
    lines = gzip.decompress((data / "threads" / "newsgroups20.jsonl.gz").read_bytes()).splitlines()
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "posts.jsonl"
        export.write_bytes(b"\n".join(random.Random(order).sample(lines, len(lines)) if order else lines))
        corpus = corpus_of(read_exports([export]).posts, vectors)
    n_first = round(len(corpus) * (1 - NEW_SHARE))
    first = assign_topics(part(corpus, n_first))
    topic_of = np.concatenate([first.topic_of, np.zeros(len(corpus) - n_first, dtype=np.int64)])
    names = {topic.id: topic.name for topic in first.topics}
    second = assign_topics(corpus, EarlierTopics(topic_of, highest_id=int(topic_of.max()), names=names))
    return {
        "first_refit": digest(first),
        "second_refit": digest(second),
        "emerging": sha256(measure_emergence(corpus, second.topic_of)),
        "n_topics": len(second.topics),
    }


def corpus_of(posts: tuple[Post, ...], vectors: Path) -> Corpus:
    read = read_posts(posts, languages=("en",))
    words = [reading.words for reading in read.readings]
    rows = encoded("newsgroups20", words, ids=[post.id for post in read.posts], folder=vectors)
    rows[[not text for text in words]] = np.nan
    signals = np.full((len(rows), len(SIGNALS)), np.nan)
    return Corpus(read.posts, read.readings, read.languages, rows, signals, NoThresholds())


def part(corpus: Corpus, n_posts: int) -> Corpus:
    return Corpus(
        corpus.posts[:n_posts],
        corpus.readings[:n_posts],
        corpus.languages[:n_posts],
        corpus.vectors[:n_posts],
        corpus.signals[:n_posts],
        corpus.thresholds,
    )


def digest(topics: Topics) -> str:
    """Of ids, cosines, names, examples and reasons."""
    return sha256([topics.topic_of.tolist(), topics.cosine.tolist(), topics.as_json(), topics.unsorted_reasons])


def sha256(contents: object) -> str:
    return hashlib.sha256(json.dumps(contents, default=str).encode()).hexdigest()[:16]


if __name__ == "__main__":
    typer.run(main)
