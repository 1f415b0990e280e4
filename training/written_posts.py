"""The posts written for this project as records, with what a test and a data card ask of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.posts import Post
from moderation.reading import read_words

NEAR_DUPLICATE_COSINE = 0.95


@dataclass(frozen=True)
class WrittenPost:
    """One line of `posts-*.jsonl` or `pairs-*.jsonl`; training/data/LABELLING.md says what the fields mean."""

    id: str
    language: str
    industry: str
    title: str | None
    text: str
    role: str
    labels: tuple[str, ...]
    hard_case: str | None

    @property
    def words(self) -> str:
        """Title and text as the product reads them."""
        begun_at = datetime(2026, 1, 1, tzinfo=UTC)
        return read_words(Post(self.id, self.id, created_at=begun_at, title=self.title, text=self.text)).words


@dataclass(frozen=True)
class NearDuplicate:
    """Two posts whose vectors are close; cosine in [-1, 1]."""

    first: str
    second: str
    cosine: float


def read_written_posts(folder: Path) -> tuple[WrittenPost, ...]:
    """All posts but the contrast pairs, by language and in the order of their files."""
    return _read(folder, "posts-*.jsonl")


def read_contrast_pairs(folder: Path) -> tuple[WrittenPost, ...]:
    """The posts of the contrast pairs, by language and in the order of their files."""
    return _read(folder, "pairs-*.jsonl")


def _read(folder: Path, names: str) -> tuple[WrittenPost, ...]:
    records = [record for path in sorted(folder.glob(names)) for record in read_lines(path)]
    return tuple(WrittenPost(**{**record, "labels": tuple(record["labels"])}) for record in records)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Parse one JSON object a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def find_near_duplicates(
    ids: Sequence[str], vectors: NDArray[np.float32], *, min_cosine: float = NEAR_DUPLICATE_COSINE
) -> list[NearDuplicate]:
    """Pairs above a cosine, the closest first.

    Parameters
    ----------
    vectors : shape (n, dim), unit rows, one for each id.
    """
    cosines = np.round(vectors.astype(np.float64) @ vectors.astype(np.float64).T, 6)
    pairs = [
        NearDuplicate(ids[first], ids[second], float(cosines[first, second]))
        for first, second in np.argwhere(np.triu(cosines > min_cosine, k=1)).tolist()
    ]
    return sorted(pairs, key=lambda pair: (-pair.cosine, pair.first, pair.second))
