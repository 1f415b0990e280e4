"""Plant a change in a stream of posts; count the lines of the drift report that tell it, and those that tell nothing.

Example: python -m benchmarks.drift.planted --data ../shared/data --vectors vectors
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.emergence.replay import load, selection
from moderation.assignments import Topics, assign_topics
from moderation.config import Community
from moderation.corpus import Corpus
from moderation.drift import measure_drift

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
N_WEEKS, N_CONTROLS = 4, 20


def main(
    data: Annotated[Path, typer.Option(help="Folder with threads/.")],
    vectors: Annotated[Path, typer.Option(help="Folder with newsgroups20.npz, made by benchmarks.topics.measure.")],
) -> None:
    """Print one JSON line per run: each topic doubled in week four, then the controls."""
    corpus = load(data / "threads" / "newsgroups20.jsonl.gz", vectors / "newsgroups20.npz", languages=("en",))
    topics = assign_topics(corpus)
    planted = [topic.id for topic in topics.topics]
    runs = [*((topic_id, topic_id) for topic_id in planted), *((100 + number, None) for number in range(N_CONTROLS))]
    for seed, topic_id in runs:
        found = run(corpus, topics, topic_id, np.random.default_rng(seed))
        print(json.dumps({"planted": topic_id, **found}), flush=True)


def run(corpus: Corpus, all_topics: Topics, planted: int | None, rng: np.random.Generator) -> dict[str, object]:
    part = stream(corpus, all_topics, planted, rng)
    drift = measure_drift(part, topics_of(part, corpus, all_topics), community=Community())
    told = [
        {key: line[key] for key in ("kind", "topic_id", "from", "to", "interval", "p_adjusted")}
        for line in drift["lines"]
    ]
    return {
        "n_posts": len(part),
        "unit": drift["unit"],
        "found": any(
            line["topic_id"] == planted and line["to"] > line["from"] and line["kind"] == "topic_share" for line in told
        ),
        "false_lines": [line for line in told if planted is None or line["topic_id"] != planted],
        "told": [line for line in told if planted is not None and line["topic_id"] == planted],
        "mixture_p": drift["divergence"][-1]["p"],
    }


def stream(corpus: Corpus, topics: Topics, planted: int | None, rng: np.random.Generator) -> Corpus:
    """Whole threads in four weeks; half of those that begin in the planted topic are left out of the first three."""
    chosen, days = [], []
    for rows in corpus.threads.values():
        day = rng.uniform(0, 7 * N_WEEKS)
        is_thinned = topics.topic_of[rows[0]] == planted and day < 7 * (N_WEEKS - 1)
        if not (is_thinned and rng.random() < 0.5):
            chosen += rows
            days += [day + 0.01 * place for place in range(len(rows))]
    posts = [
        replace(corpus.posts[row], created_at=START + timedelta(days=min(day, 7 * N_WEEKS - 0.5)))
        for row, day in zip(chosen, days, strict=True)
    ]
    return selection(corpus, posts, np.array(chosen))


def topics_of(part: Corpus, corpus: Corpus, topics: Topics) -> Topics:
    """The topics that were found over all posts, for some of them: a community knows its topics before they change."""
    rows = [corpus.row_of[post.id] for post in part.posts]
    return replace(
        topics,
        topic_of=topics.topic_of[rows],
        cosine=topics.cosine[rows],
        unsorted_reasons=tuple(topics.unsorted_reasons[row] for row in rows),
    )


if __name__ == "__main__":
    typer.run(main)
