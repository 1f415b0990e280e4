"""What members really wrote, to compare the written posts with: read as the product reads posts, never learned from."""

import csv
import io
import lzma
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from moderation.exports import read_exports
from moderation.posts import Post
from moderation.reading import read_words
from training.measuring_sets import MeasuringSetMissing

EVERY_NTH_TOPIC = 20
MAX_TEXTS = 3_000


@dataclass(frozen=True)
class RealTexts:
    """Texts of one language from one place."""

    name: str
    language: str
    texts: tuple[str, ...]


def read_real_texts(data_folder: Path) -> list[RealTexts]:
    """Every set there is to compare with.

    Raises
    ------
    MeasuringSetMissing
        A set is not in the folder.
    """
    threads, labels = data_folder / "threads", data_folder / "labels"
    bank = _members(read_exports([_existing(threads / "keytrade.jsonl.gz")]).posts)
    return [
        *(
            RealTexts(
                "reviews of a bank (keytrade)", language, _texts(post for post in bank if post.language == language)
            )
            for language in ("nl", "en", "fr")
        ),
        RealTexts("reviews of restaurants (absa16)", "nl", _restaurant_reviews(labels / "absa16_restaurants_nl")),
        RealTexts(
            "forum of a software library (urho3d)", "en", _forum_posts(threads / "urho3d-discourse-topics.tar.gz")
        ),
        RealTexts("customers' support tweets (twcs)", "en", _all_members(threads / "twcs.jsonl.gz")),
        RealTexts("airline forums (reddit)", "en", _all_members(threads / "reddit-airlines.jsonl.gz")),
        RealTexts("newspaper comments (omp)", "de", _newspaper_comments(labels / "omp_derstandard_de")),
    ]


def _existing(path: Path) -> Path:
    if not path.exists():
        raise MeasuringSetMissing(f"{path} is not on this machine")
    return path


def _members(posts: Iterable[Post]) -> list[Post]:
    return [post for post in posts if post.role == "member" and post.kind == "post"]


def _texts(posts: Iterable[Post]) -> tuple[str, ...]:
    """Evenly spread over time, at most `MAX_TEXTS`, those without words left out."""
    texts = [reading.words for post in posts if (reading := read_words(post)).n_words]
    return tuple(texts[:: 1 + len(texts) // MAX_TEXTS])


def _all_members(path: Path) -> tuple[str, ...]:
    return _texts(_members(read_exports([_existing(path)]).posts))


def _forum_posts(archive: Path) -> tuple[str, ...]:
    """Every twentieth topic by name: the whole archive takes a minute and adds nothing."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(_existing(archive)) as topics:
        for number, member in enumerate(topics):
            content = topics.extractfile(member) if number % EVERY_NTH_TOPIC == 0 else None
            if content is not None:
                (Path(folder) / f"{number}.json").write_bytes(content.read())
        return _texts(_members(read_exports([Path(folder)]).posts))


def _restaurant_reviews(folder: Path) -> tuple[str, ...]:
    reviews = ElementTree.parse(_existing(folder / "restaurants_dutch_training.xml")).iter("Review")
    return tuple(" ".join(sentence.text or "" for sentence in review.iter("text")) for review in reviews)


def _newspaper_comments(folder: Path) -> tuple[str, ...]:
    compressed = _existing(folder / "posts_labeled.csv.xz").read_bytes()
    rows = csv.DictReader(io.StringIO(lzma.decompress(compressed).decode("utf-8")))
    bodies = {row["ID_Post"]: row["Body"] for row in rows if row["Body"].strip()}
    texts = list(bodies.values())
    return tuple(texts[:: 1 + len(texts) // MAX_TEXTS])
