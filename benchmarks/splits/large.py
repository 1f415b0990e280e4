"""Measure time and memory for a generated community of 50,000 members and a million replies.

Example: python -m benchmarks.splits.large
"""

import json
import resource
from time import perf_counter, process_time
from typing import Annotated

import typer

from tests.topics.planted import planted_activity
from topics.niches import find_niches
from topics.splits import propose_splits

N_MEMBERS, N_GROUPS = 50_000, 5
REPLIES_PER_MEMBER = 20.0
MEBIBYTE = 1024


def main(
    n_groups: Annotated[int, typer.Option(help="Planted groups; up to ten can be proposed as parts.")] = N_GROUPS,
) -> None:
    """Print one JSON line a step."""
    activity, _ = planted_activity(
        n_groups=n_groups, group_size=N_MEMBERS // n_groups, inside=0.9, threads_per_member=REPLIES_PER_MEMBER
    )
    show({"members": activity.n_members, "posts": len(activity), "replies": len(activity) // 2})
    start, processor = perf_counter(), process_time()
    findings = propose_splits(activity)
    assert findings.graph is not None
    proposal = findings.proposal
    show(
        {
            "step": "splits",
            "ties": findings.graph.n_edges,
            "found": proposal.action if proposal else [gate.name for gate in findings.gates if gate.passed is False],
            "parts": proposal.division.n_parts if proposal else None,
            **spent(start, processor),
        }
    )
    start, processor = perf_counter(), process_time()
    niches, others = find_niches(findings.window, findings.graph)
    show({"step": "niches", "niches": len(niches), "refused": len(others), **spent(start, processor)})


def spent(start: float, processor: float) -> dict[str, float]:
    return {
        "seconds": perf_counter() - start,
        "processor_seconds": process_time() - processor,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEBIBYTE,
    }


def show(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    typer.run(main)
