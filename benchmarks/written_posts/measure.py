"""Measure the written posts and renew the tables of their data card.

Example: python -m benchmarks.written_posts.measure --data ../shared/data
"""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from models.encoder import Encoder
from models.heads import HeadSet
from models.registry import load_encoder
from training.challenge import PAIRS_IN_ORDER, measure_challenge_set
from training.data_card import (
    LANGUAGES,
    count_posts,
    cross_table,
    curve_table,
    duplicates_table,
    fill_card,
    industries_table,
    length_table,
    signals_table,
    wording_table,
)
from training.dataset import read_examples
from training.evaluate import Bench, measure_negative_in_dutch_reviews, measure_negative_in_dutch_sentences
from training.learning_curve import measure_curve, measure_industries
from training.real_posts import read_real_texts
from training.written_posts import read_contrast_pairs, read_lines, read_written_posts

ROOT = Path(__file__).parents[2]
WRITTEN_FOLDER = ROOT / "training" / "data"
CARD = ROOT / "docs" / "data-card.md"
CLAIMS = (measure_challenge_set, measure_negative_in_dutch_reviews, measure_negative_in_dutch_sentences)


def main(
    data: Annotated[Path, typer.Option(help="Folder with labels/ and threads/.")],
    threads: Annotated[int | None, typer.Option(min=1, help="Processor cores for the encoder; default all.")] = None,
) -> None:
    """Write every table of docs/data-card.md; about fifteen minutes on one core."""
    renew_card(data, load_encoder(n_threads=threads, report=print))


def renew_card(data: Path, encoder: Encoder) -> None:
    fill_card(CARD, {**measure_texts(data, encoder), **measure_heads(data, encoder), "made": made_with(encoder)})


def measure_texts(data: Path, encoder: Encoder) -> dict[str, str]:
    posts = read_written_posts(WRITTEN_FOLDER)
    vectors = np.concatenate([encoding.vectors for encoding in encoder.encode([post.words for post in posts])])
    replies, returns = read_lines(WRITTEN_FOLDER / "replies.jsonl"), read_lines(WRITTEN_FOLDER / "returns.jsonl")
    return {
        **count_posts(posts),
        "contrast-pairs": signals_table(read_contrast_pairs(WRITTEN_FOLDER)),
        "replies": cross_table([(f"`{row['kind']}`", row["language"]) for row in replies], columns=LANGUAGES),
        "returns": cross_table([(f"`{row['outcome']}`", row["language"]) for row in returns], columns=LANGUAGES),
        "near-duplicates": duplicates_table(posts, vectors),
        "wording": wording_table(posts, read_real_texts(data)),
        "length": length_table(posts),
    }


def measure_heads(data: Path, encoder: Encoder) -> dict[str, str]:
    labelled = read_examples(data_folder=data, written_folder=WRITTEN_FOLDER)
    bench = Bench(data, encoder, HeadSet.load(encoder_version=encoder.version))
    points = list(measure_curve(bench, labelled, claims=CLAIMS, report=print))
    industries = measure_industries(labelled, bench.hidden(labelled.texts))
    return {
        "curve-held-out": curve_table(points, prefix="Held out", measure="AUC"),
        "curve-challenge": curve_table(points, prefix="Challenge set", measure="AUC"),
        "curve-pairs": curve_table(points, prefix="Challenge set pairs", measure=PAIRS_IN_ORDER),
        "curve-outside": curve_table(points, prefix="Negative, Dutch", measure="AUC"),
        "industries-both": industries_table(industries, language="nl + en"),
        "industries-nl": industries_table(industries, language="nl"),
        "industries-en": industries_table(industries, language="en"),
    }


def made_with(encoder: Encoder) -> str:
    today, cores = datetime.now(UTC).date().isoformat(), os.cpu_count()
    return f"Tables made on {today}, {cores} cores ({platform.machine()}), encoder `{encoder.version}`."


if __name__ == "__main__":
    typer.run(main)
