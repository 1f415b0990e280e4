"""Compare the default encoder with sentence-transformers on the same weights: speed in turn, closeness, neighbours.

    python benchmarks/encode/compare.py POSTS.jsonl.gz...

Reads post records, takes 2,000 texts cut to 10 to 64 tokens (mean 35) at random places, and prints Markdown tables.
"""

import argparse
import gzip
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.cache import models_folder
from models.onnx import n_usable_cores
from models.registry import load_encoder

N_TEXTS = 2000
N_TIMED = 512
N_NEIGHBOURS = 10
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exports", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    from sentence_transformers import SentenceTransformer

    encoder = load_encoder()
    folder = next(path for path in models_folder(None).iterdir() if path.name.startswith("bundled-"))
    library = SentenceTransformer(str(folder), device="cpu")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    long_texts = read_texts(arguments.exports)
    texts = [cut(tokenizer, text, n_tokens) for text, n_tokens in long_texts]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {n_usable_cores()} cores of {processor()}, {encoder.version}\n")
    print_closeness(encode(encoder, texts), library.encode(texts, convert_to_numpy=True))
    post_sized = [text for text in texts if 30 <= len(tokenizer.encode(text).ids) <= 40][:N_TIMED]
    print_speeds(
        {
            "sentence-transformers, default": lambda: library.encode(post_sized),
            "bundled": lambda: encode(encoder, post_sized),
        },
        n_texts=len(post_sized),
        rounds=arguments.rounds,
    )
    print_cost_of_length([text for text, _ in long_texts])


def read_texts(exports: Sequence[Path]) -> list[tuple[str, int]]:
    """Texts from all exports alike, each with the number of tokens to cut it to."""
    chooser = random.Random(1)
    chosen = []
    for export in exports:
        with gzip.open(export, "rt", encoding="utf-8") as lines:
            posts = [json.loads(line) for line in lines]
        texts = [f"{post.get('title') or ''} {post['text'] or ''}".strip() for post in posts]
        chosen += chooser.sample([text for text in texts if text], N_TEXTS // len(exports))
    return [(" ".join(text.split()), chooser.randint(10, 64)) for text in chosen]


def cut(tokenizer: Tokenizer, text: str, n_tokens: int) -> str:
    ends = [end for _, end in tokenizer.encode(text[:2000]).offsets if end]
    return text[: ends[min(n_tokens, len(ends)) - 1]]


def encode(encoder: object, texts: Sequence[str]) -> NDArray[np.float32]:
    return np.concatenate([encoding.vectors for encoding in encoder.encode(texts)])


def print_closeness(vectors: NDArray[np.float32], reference: NDArray[np.float32]) -> None:
    cosines = (vectors * reference).sum(axis=1)
    shared = [len(set(a) & set(b)) for a, b in zip(neighbours(vectors), neighbours(reference), strict=True)]
    print(f"{len(vectors)} texts against float32: cosine mean {cosines.mean():.4f}, min {cosines.min():.4f}; ", end="")
    print(f"{np.mean(shared) / N_NEIGHBOURS:.3f} of the ten nearest neighbours kept\n")


def neighbours(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    return np.argsort(-cosines, axis=1)[:, :N_NEIGHBOURS]


def print_speeds(ways: dict[str, Callable[[], object]], *, n_texts: int, rounds: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(timed[1:]) for name, timed in seconds.items()}
    slowest = max(medians.values())
    print(f"| {n_texts} texts of 30 to 40 tokens | texts/s (median of {rounds}) | range | ratio |\n|---|---|---|---|")
    for name, median in medians.items():
        timed = seconds[name][1:]
        span = f"{n_texts / max(timed):.0f}–{n_texts / min(timed):.0f}"
        print(f"| {name} | {n_texts / median:.0f} | {span} | {slowest / median:.1f} |")


def print_cost_of_length(texts: Sequence[str]) -> None:
    longest = sorted(texts, key=len)[-200:]
    print("\n| Cut at | longest posts/s |\n|---|---|")
    for max_tokens in (128, 256, 512):
        encoder = load_encoder(max_tokens=max_tokens)
        start = time.perf_counter()
        encode(encoder, longest)
        print(f"| {max_tokens} tokens | {len(longest) / (time.perf_counter() - start):.0f} |", flush=True)


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
