"""Time a refit against BERTopic on the same vectors, by turns, each in a process of its own.

Example: python -m benchmarks.topics.refit_pairs --data ../shared/data --vectors vectors --peers-python venv/bin/python
"""

import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from benchmarks.topics.peers import newsgroups, run_way, titles, write_posts

SETS = {"newsgroups20": newsgroups, "stackoverflow20": titles}
#: Both sides: the first call of the process, and the next one.
CALLS = ("cold", "warm")


def main(
    data: Annotated[Path, typer.Option(help="Folder with labels/ and threads/.")],
    vectors: Annotated[Path, typer.Option(help="Folder for the vectors, as benchmarks.topics.measure leaves them.")],
    peers_python: Annotated[Path, typer.Option(help="Interpreter with requirements-peers.txt installed.")],
    name: Annotated[str, typer.Option(help="newsgroups20 or stackoverflow20.")] = "stackoverflow20",
    pairs: Annotated[int, typer.Option(help="How often each side is run.")] = 3,
) -> None:
    """Print one JSON line for each run, and the ratios of the medians.

    Cold is the first call of a process, warm the second: for BERTopic with everything compiled, for a refit carried on
    from the first one, as the service does. Processor seconds count what other programs cannot slow down.
    """
    seconds: dict[tuple[str, str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_posts(SETS[name](data, vectors), Path(folder))
        for _ in range(pairs):
            for way, python in (("ours_refit", Path(sys.executable)), ("bertopic", peers_python.absolute())):
                told = run_way(way, Path(folder), python, len(CALLS), "--cold", "--always-repeat")
                print(json.dumps({"data": name, "way": way, **told}), flush=True)
                for kind in ("all_seconds", "all_processor_seconds"):
                    for call, each in zip(CALLS, told[kind], strict=True):
                        seconds.setdefault((kind.removeprefix("all_"), call, way), []).append(each)
    for kind in ("seconds", "processor_seconds"):
        for call in CALLS:
            ours, theirs = (median(seconds[kind, call, way]) for way in ("ours_refit", "bertopic"))
            line = {"data": name, "measured": kind, "call": call, "ours": ours, "bertopic": theirs}
            print(json.dumps(line | {"ratio": theirs / ours, "n_pairs": pairs}), flush=True)


if __name__ == "__main__":
    typer.run(main)
