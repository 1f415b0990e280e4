"""Labelled texts that are only measured on: none of them may ever reach a shipped weight."""

import csv
import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from models.errors import KlankbordError
from moderation.posts import Post
from moderation.reading import read_words
from training.dataset import clean_tweet, read_umsab_part


class MeasuringSetMissing(KlankbordError):
    """A set to measure on is not on this machine."""


@dataclass(frozen=True)
class MeasuringSet:
    """Texts with one label each.

    Attributes
    ----------
    labels : shape (n,), int.
    kinds : shape (n,): what a text is an example of (its domain, the behaviour that it tests), "" where nothing is.
    """

    texts: tuple[str, ...]
    labels: NDArray[np.int64]
    kinds: NDArray[np.str_]


def read_keytrade(data_folder: Path, *, language: str) -> MeasuringSet:
    """Reviews of a bank with one or two stars (1) against four or five (0), read as the product reads posts."""
    path = _existing(data_folder / "threads" / "keytrade.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    rows = [
        (words, int(record["stars"] <= 2), "")
        for record in records
        if record.get("language") == language and record.get("stars") in (1, 2, 4, 5) and (words := _words_of(record))
    ]
    return _as_set(rows)


def _words_of(record: dict[str, str]) -> str:
    post = Post(
        id=record["id"],
        thread_id=record["thread_id"],
        created_at=datetime.fromisoformat(record["created_at"]).astimezone(UTC),
        title=record["title"],
        text=record["text"],
    )
    return read_words(post).words


def read_absa_sentences(data_folder: Path) -> MeasuringSet:
    """Dutch sentences about restaurants whose opinions are all negative (1) or all positive (0)."""
    path = _existing(data_folder / "labels" / "absa16_restaurants_nl" / "restaurants_dutch_training.xml")
    rows = []
    for sentence in ElementTree.parse(path).iter("sentence"):
        polarities = {opinion.get("polarity") for opinion in sentence.iter("Opinion")}
        if polarities in ({"negative"}, {"positive"}):
            rows.append((sentence.findtext("text", default=""), int(polarities == {"negative"}), ""))
    return _as_set(rows)


def read_umsab(data_folder: Path, *, language: str, part: str) -> MeasuringSet:
    """Tweets of one language and part; 0 negative, 1 neutral, 2 positive."""
    folder = _existing(data_folder / "labels" / "umsab_sentiment_multi")
    return _as_set([(text, label, language) for text, label in read_umsab_part(folder, language=language, part=part)])


def read_complaint_tweets(data_folder: Path) -> MeasuringSet:
    """Tweets to brands, complaint (1) or not (0), with their domain."""
    path = _existing(data_folder / "labels" / "complaints_tweets_en" / "complaints-data.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return _as_set([(clean_tweet(row[1]), int(row[2]), row[3]) for row in csv.reader(file)])


def read_offensive_tweets(data_folder: Path, *, part: str) -> MeasuringSet:
    """English tweets, offensive or profane (1) or neither (0)."""
    folder = _existing(data_folder / "labels" / "tweeteval_offensive_en")
    texts = (folder / f"{part}_text.txt").read_text(encoding="utf-8").splitlines()
    labels = (folder / f"{part}_labels.txt").read_text(encoding="utf-8").split()
    return _as_set([(clean_tweet(text), int(label), "") for text, label in zip(texts, labels, strict=True)])


def read_hatecheck(data_folder: Path, *, language: str) -> MeasuringSet:
    """Templated sentences, hateful (1) or not (0), with the behaviour that each one tests."""
    path = _existing(data_folder / "labels" / "multilingual_hatecheck" / f"{language}.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["test_case"], row["label_gold"], row["functionality"]) for row in csv.DictReader(file)]
    return _as_set([(text, int(label == "hateful"), re.sub(r"_n?h$", "", kind)) for text, label, kind in rows])


def _existing(path: Path) -> Path:
    if not path.exists():
        raise MeasuringSetMissing(f"{path} is not on this machine")
    return path


def _as_set(rows: Sequence[tuple[str, int, str]]) -> MeasuringSet:
    kept = [row for row in rows if row[0].strip()]
    return MeasuringSet(
        tuple(text for text, _, _ in kept),
        np.array([label for _, label, _ in kept], dtype=np.int64),
        np.array([kind for _, _, kind in kept], dtype=str),
    )
