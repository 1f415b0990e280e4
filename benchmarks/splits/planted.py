"""Measure proposals on communities with planted groups, and on real ones whose ties were shuffled.

Example: python -m benchmarks.splits.planted --data ../shared/data --vectors vectors
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import typer
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from benchmarks.topics.stability import FILES, load, part_of
from moderation.assignments import assign_topics
from moderation.corpus import Corpus
from moderation.subcommunities import read_membership
from tests.topics.planted import planted_activity
from topics.members import Activity, MemberGraph, build_member_graph
from topics.niches import find_niches
from topics.random_graphs import degree_preserving_graphs
from topics.splits import (
    DAY_SECONDS,
    MIN_POSTS,
    WINDOW_DAYS,
    above_random,
    cheap_gates,
    compare_with_random,
    find_division,
    propose_splits,
)

INSIDE_SHARES = (0.90, 0.75, 0.30)
N_GROUPS, GROUP_SIZE, N_DAYS = 4, 750, 60
N_SEEDS, N_SHUFFLES = 20, 5
PAIRS = (("rec.autos", "rec.motorcycles"), ("sci.space", "sci.med"), ("rec.sport.baseball", "talk.politics.guns"))


def main(
    data: Annotated[Path, typer.Option(help="Folder with threads/.")],
    vectors: Annotated[Path, typer.Option(help="Folder for the vectors; made where they are missing (hours).")],
    seeds: Annotated[int, typer.Option(help="Draws of each planted community.")] = N_SEEDS,
    shuffles: Annotated[int, typer.Option(help="Shuffles of each real one.")] = N_SHUFFLES,
) -> None:
    """Print one JSON line per measurement."""
    for inside in INSIDE_SHARES:
        show(measure_planted(inside, seeds))
    for name, window in real_windows(data, vectors):
        show(measure_shuffled(name, window, shuffles))


def measure_planted(inside: float, n_seeds: int) -> dict[str, object]:
    """3,000 members in four groups of 750, 24,000 questions with one answer each."""
    actions: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    rand, niches, start = [], [], perf_counter()
    for seed in range(n_seeds):
        activity, group = planted_activity(
            n_groups=N_GROUPS, group_size=GROUP_SIZE, inside=inside, n_days=N_DAYS, seed=seed
        )
        findings = propose_splits(activity, seed=seed)
        proposal = findings.proposal
        actions[proposal.action if proposal else "refused"] += 1
        failed.update(gate.name for gate in findings.gates if gate.passed is False)
        if proposal:
            rand.append(adjusted_rand_score(group, proposal.division.part))
        assert findings.graph is not None
        niches.append(len(find_niches(findings.window, findings.graph, seed=seed)[0]))
    return {
        "planted": inside,
        "n": n_seeds,
        "actions": dict(actions),
        "failed_gates": dict(failed),
        "rand_mean": float(np.mean(rand)) if rand else None,
        "rand_least": min(rand, default=None),
        "niches_mean": float(np.mean(niches)),
        "seconds_each": (perf_counter() - start) / n_seeds,
    }


def real_windows(data: Path, vectors: Path) -> Iterator[tuple[str, Activity]]:
    """The last 90 days of three merged pairs; of Urho3D those with most active members; then all newsgroups."""
    newsgroups = load("newsgroups20", data / "threads" / FILES["newsgroups20"], vectors)
    space = np.array([post.space for post in newsgroups.posts])
    for pair in PAIRS:
        yield " + ".join(pair), last_window(activity_of(part_of(newsgroups, np.isin(space, pair))))
    yield "urho3d", busiest_window(activity_of(load("urho3d", data / "threads" / FILES["urho3d"], vectors)))
    yield "newsgroups20", last_window(activity_of(newsgroups))


def activity_of(corpus: Corpus) -> Activity:
    return read_membership(corpus, assign_topics(corpus).topic_of).activity


def last_window(activity: Activity) -> Activity:
    end = int(activity.posted_at.max()) + 1
    return activity.between(end - WINDOW_DAYS * DAY_SECONDS, end)


def busiest_window(activity: Activity) -> Activity:
    length = WINDOW_DAYS * DAY_SECONDS
    starts = range(int(activity.posted_at.min()), int(activity.posted_at.max()), 30 * DAY_SECONDS)
    windows = (activity.between(start, start + length) for start in starts)
    return max(windows, key=lambda window: int((window.posts_per_member() >= MIN_POSTS).sum()))


def measure_shuffled(name: str, window: Activity, n_seeds: int) -> dict[str, object]:
    """Every member keeps the number of ties; whom they lead to, and their weights, are drawn by lot."""
    active = window.posts_per_member() >= MIN_POSTS
    graph = build_member_graph(window)
    failed: Counter[str] = Counter()
    n_proposed = n_niches = 0
    for seed in range(n_seeds):
        ties = shuffled(graph.joint, seed)
        failures = failed_gates(window, active, ties, seed)
        failed.update(failures)
        n_proposed += not failures
        layers = {layer: shuffled(each, seed) for layer, each in graph.layers.items()}
        n_niches += len(find_niches(window, MemberGraph(layers=layers, joint=ties), seed=seed)[0])
    return {
        "shuffled": name,
        "n": n_seeds,
        "n_active": int(active.sum()),
        "proposed": n_proposed,
        "niches": n_niches,
        "failed_gates": dict(failed),
    }


def shuffled(ties: sparse.csr_array, seed: int) -> sparse.csr_array:
    return next(iter(degree_preserving_graphs(ties, n_graphs=1, seed=seed))) if ties.nnz else ties


def failed_gates(window: Activity, active: np.ndarray, ties: sparse.csr_array, seed: int) -> list[str]:
    """As `propose_splits`, but every gate is tried, and earlier windows, which were not shuffled, are not."""
    division = find_division(ties, active, seed=seed)
    if division is None:
        return ["parts_large_enough"]
    gates = [*cheap_gates(window, active, division, seed=seed)]
    gates.append(above_random(division, compare_with_random(ties, division, seed=seed)))
    return [gate.name for gate in gates if gate.passed is False]


def show(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    typer.run(main)
