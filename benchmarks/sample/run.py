"""Analyse the sample community and write docs/sample.md: its truth against what was found, every mistake listed.

Example: python -m benchmarks.sample.run
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.sample.page import write_page
from models.heads import HeadSet
from models.registry import load_encoder
from moderation.config import load_community
from moderation.pipeline import Analysis, Models, Request, analyse
from moderation.reports.files import post_lines
from training.sample_check import Run, Sample, check_truth

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "examples" / "sample"


class Quiet:
    """No progress: the whole run takes less than a minute."""

    def start(self, stage: str, total: int | None) -> None:
        pass

    def advance(self, n_done: int) -> None:
        pass

    def finish(self, stage: str, seconds: float) -> None:
        print(f"{stage}: {seconds:.1f} s", flush=True)

    def note(self, line: str) -> None:
        print(line, flush=True)


def main(
    page: Annotated[Path, typer.Option(help="The page to write.")] = ROOT / "docs" / "sample.md",
    heads: Annotated[Path | None, typer.Option(help="Folder with other heads than the shipped ones.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Processor cores for the encoder; default all.")] = None,
) -> None:
    """Write the page; about half a minute on two cores."""
    encoder = load_encoder(n_threads=threads, report=print)
    models = Models(encoder, HeadSet.load(heads, encoder_version=encoder.version))
    found = analyse(Request([SAMPLE / "posts.jsonl"]), load_community(SAMPLE / "community.toml"), models, Quiet())
    sample = Sample(by_id(SAMPLE / "posts.jsonl"), by_id(SAMPLE / "ground_truth.jsonl"))
    run = contents(found)
    check_truth(sample, run)
    page.write_text(write_page(sample, run, made=made_with(found)), encoding="utf-8")


def by_id(path: Path) -> dict[str, dict[str, Any]]:
    records = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {record["id"]: record for record in records}


def contents(found: Analysis) -> Run:
    """What the analysis would write to its files."""
    return Run(
        posts={line["id"]: line for line in post_lines(found)},
        topics=found.topics,
        response_times=found.response_times,
        splits=found.splits,
        drift=found.drift,
        thresholds={key: threshold.probability for key, threshold in found.corpus.thresholds.items()},
    )


def made_with(found: Analysis) -> str:
    heads = ", ".join(f"{signal} `{version}`" for signal, version in found.head_versions.items())
    return f"Made with encoder `{found.encoder_version}` and heads {heads}."


if __name__ == "__main__":
    typer.run(main)
