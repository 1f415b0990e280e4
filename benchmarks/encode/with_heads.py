"""What the signals cost beside the encoding: both in turn, on the same posts.

    python -m benchmarks.encode.with_heads POSTS.jsonl.gz...

Takes 2,000 texts as `compare.py` does and prints Markdown. Processor seconds are told: other programs on the machine
make the clock's seconds of two equal rounds differ by more than the signals cost.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from benchmarks.encode.compare import cut, processor, read_texts
from models.cache import models_folder
from models.heads import HeadSet
from models.onnx import n_usable_cores
from models.registry import load_encoder

ROUNDS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exports", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    encoder = load_encoder()
    heads = HeadSet.load(encoder_version=encoder.version)
    folder = next(path for path in models_folder(None).iterdir() if path.name.startswith("bundled-"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = [cut(tokenizer, text, n_tokens) for text, n_tokens in read_texts(arguments.exports)]

    def encode() -> None:
        for _ in encoder.encode(texts):
            pass

    def encode_and_score() -> None:
        for encoding in encoder.encode(texts):
            heads.probabilities(encoding.hidden, ["nl"] * len(encoding.hidden))

    print(f"{datetime.now(UTC):%Y-%m-%d}, {n_usable_cores()} cores of {processor()}, {encoder.version}\n")
    alone, both = in_turn(encode, encode_and_score, rounds=arguments.rounds)
    ratios = [b / a for a, b in zip(alone, both, strict=True)]
    print(f"{len(texts):,} texts of 10 to 64 tokens, medians of {arguments.rounds} rounds in turn:")
    print(f"encoding {statistics.median(alone):.2f} processor seconds, ", end="")
    print(f"with all eight signals {statistics.median(both):.2f};")
    print(f"ratio of the medians {statistics.median(both) / statistics.median(alone):.4f}, ", end="")
    print(f"of the rounds {min(ratios):.3f} to {max(ratios):.3f}")
    hidden = np.concatenate([encoding.hidden for encoding in encoder.encode(texts)])
    start = time.perf_counter()
    heads.probabilities(hidden, ["nl"] * len(hidden))
    print(f"the signals by themselves: {1e6 * (time.perf_counter() - start) / len(texts):.0f} µs a post")


def in_turn(one: Callable[[], None], other: Callable[[], None], *, rounds: int) -> tuple[list[float], list[float]]:
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        pairs = list(zip((one, other), seconds, strict=True))
        for way, timed in pairs if number % 2 else reversed(pairs):
            start = time.process_time()
            way()
            if number:
                timed.append(time.process_time() - start)
    return seconds


if __name__ == "__main__":
    main()
