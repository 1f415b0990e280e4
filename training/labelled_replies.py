"""Real replies with a kind that a reader gave them: only measured on, never learned from.

The labels are in `tests/data/replies`, with the guide that was followed; the posts stay in the data folder.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.errors import KlankbordError
from moderation.posts import Post
from training.measuring_sets import MeasuringSetMissing
from training.reply_draw import read_set

LABELS = Path(__file__).parents[1] / "tests" / "data" / "replies" / "labels.jsonl"
REPLY_KINDS = ("answer", "acknowledged", "deflected", "same_here", "pile_on", "thanks", "off_thread", "other")


class LabelledPostMissing(KlankbordError):
    """A set of this data folder lacks a post that was labelled."""


@dataclass(frozen=True)
class LabelledReply:
    """A reply, the post it was judged against, and what the reader called it.

    Attributes
    ----------
    set : the set it was drawn from, "keytrade", "twcs" or "urho3d".
    language : of the reply, ISO 639-1.
    first : the thread's first post, often the opening itself.
    kind : one of `REPLY_KINDS`.
    weight : pairs of the set that this one stands for, at least 1. Kinds and lengths were not drawn evenly: only
        shares weighted by it, within one set, are those of the set.
    note : what made it a borderline case, None where nothing did.
    """

    set: str
    language: str
    first: Post
    opening: Post
    reply: Post
    kind: str
    weight: float
    note: str | None


def read_labelled_replies(data_folder: Path, *, labels: Path = LABELS) -> tuple[LabelledReply, ...]:
    """Labels with their posts, in the order of the file.

    Raises
    ------
    MeasuringSetMissing
        The labels, or a set that they are about, are not there.
    LabelledPostMissing
        A set is there, but not in the version that was labelled.
    """
    if not labels.exists():
        raise MeasuringSetMissing(f"{labels} is not there; it comes with the source, not with the installed package")
    records = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines()]
    posts_by_set = {name: read_set(data_folder, name) for name in sorted({record["set"] for record in records})}
    posts = {name: {post.id: post for post in of_set} for name, of_set in posts_by_set.items()}
    firsts = {name: _first_posts(of_set) for name, of_set in posts_by_set.items()}
    return tuple(
        LabelledReply(
            set=record["set"],
            language=record["language"],
            first=_find(firsts[record["set"]], record, "thread_id"),
            opening=_find(posts[record["set"]], record, "opening_id"),
            reply=_find(posts[record["set"]], record, "reply_id"),
            kind=record["kind"],
            weight=record["weight"],
            note=record.get("note"),
        )
        for record in records
    )


def _first_posts(posts: tuple[Post, ...]) -> dict[str, Post]:
    """The first post of each thread; posts come sorted by time."""
    return {post.thread_id: post for post in reversed(posts)}


def _find(posts: Mapping[str, Post], record: Mapping[str, str], field: str) -> Post:
    post = posts.get(record[field])
    if post is None:
        raise LabelledPostMissing(f"{record['set']}: {field} {record[field]} was labelled and is not in the data")
    return post
