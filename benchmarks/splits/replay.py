"""Replay the Urho3D forum month by month: how often a proposal appears, disappears and comes back.

Example: python -m benchmarks.splits.replay --data ../shared/data --vectors vectors
"""

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.topics.stability import FILES, load, part_of
from moderation.assignments import Topics, assign_topics
from moderation.corpus import Corpus
from moderation.proposals import LIST_OF, parts_of
from moderation.subcommunities import propose_subcommunities
from topics.proposal_matching import match_proposals

MIN_MONTHS = 6
MONTH = timedelta(days=30)


class Ledger:
    """Proposals of one kind as the service would keep them, without its database."""

    def __init__(self) -> None:
        self.parts: dict[int, list[frozenset[str]]] = {}
        self.is_open: dict[int, bool] = {}
        self.months: Counter[int] = Counter()
        self.events: Counter[str] = Counter()

    def month(self, found: list[list[frozenset[str]]]) -> list[str]:
        """Note what was found in a month; the events in words."""
        matched, told = match_proposals(found, self.parts), []
        seen = set()
        for parts, known in zip(found, matched, strict=True):
            proposal_id = known or len(self.parts) + 1
            event = "appears" if known is None else "stays" if self.is_open[known] else "returns"
            self.parts[proposal_id], self.is_open[proposal_id] = parts, True
            self.months[proposal_id] += 1
            self.events[event] += 1
            told.append(f"{event} {proposal_id}")
            seen.add(proposal_id)
        for proposal_id in [each for each, is_open in self.is_open.items() if is_open and each not in seen]:
            self.is_open[proposal_id] = False
            self.events["disappears"] += 1
            told.append(f"disappears {proposal_id}")
        return told


def main(
    data: Annotated[Path, typer.Option(help="Folder with threads/.")],
    vectors: Annotated[Path, typer.Option(help="Folder for the vectors; made where they are missing (hours).")],
) -> None:
    """Print one JSON line a month, and one for each kind at the end."""
    corpus = load("urho3d", data / "threads" / FILES["urho3d"], vectors)
    topics = assign_topics(corpus)
    ledgers = {kind: Ledger() for kind in LIST_OF}
    end = corpus.posts[0].created_at + MIN_MONTHS * MONTH
    while end <= corpus.posts[-1].created_at + MONTH:
        splits = splits_at(corpus, topics, end)
        line: dict[str, Any] = {"until": end.date().isoformat(), "n_active": n_active(splits)}
        for kind, ledger in ledgers.items():
            found = [[frozenset(part) for part in parts_of(kind, entry)] for entry in splits[LIST_OF[kind]]]
            line[kind] = ledger.month(found)
        line["refused"] = [refusal["reason"] for refusal in splits["refused"]]
        line["about"] = [niche["terms"][:3] for niche in splits["niches"]]
        show(line)
        end += MONTH
    for kind, ledger in ledgers.items():
        lasted = sorted(ledger.months.values(), reverse=True)
        show({"kind": kind, "proposals": len(ledger.parts), "events": dict(ledger.events), "months_each": lasted})


def splits_at(corpus: Corpus, topics: Topics, end: datetime) -> dict[str, Any]:
    """What would have been proposed; the topics are those of the whole forum, so that only proposals move."""
    is_there = np.array([post.created_at < end for post in corpus.posts])
    return propose_subcommunities(part_of(corpus, is_there), Then(topics, is_there))


class Then:
    """The topics of the posts that were there."""

    def __init__(self, topics: Topics, is_there: np.ndarray) -> None:
        self.topic_of = topics.topic_of[is_there]
        self.terms = topics.terms


def n_active(splits: dict[str, Any]) -> int | None:
    return splits["looked_at"].get("n_active")


def show(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    typer.run(main)
