"""The draw of real replies for labelling by hand: rare kinds drawn more often, each pair with its design weight.

`python -m training.reply_draw DATA_FOLDER` writes the drawn pairs as JSON lines, without a label and without a text.
"""

import dataclasses
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moderation.exports import read_exports
from moderation.posts import Post
from moderation.reading import read_words
from training.measuring_sets import MeasuringSetMissing

FILES = {
    "keytrade": "keytrade.jsonl.gz",
    "twcs": "twcs.jsonl.gz",
    "urho3d": "urho3d-discourse-topics.tar.gz",
}
SEED = "klankbord replies 1"

# Pairs to draw by stratum. Evenly drawn, nearly all would be a brand's third message or a programmer's long answer;
# short replies, first replies and customers among themselves hold the rare kinds.
N_DRAWN = {
    "keytrade": {"en": 12, "fr long": 35, "fr short": 35, "nl long": 36, "nl short": 36},
    "twcs": {
        "member first long": 10,
        "member first short": 24,
        "member later long": 16,
        "member later short": 32,
        "staff first long": 24,
        "staff first short": 22,
        "staff later long": 12,
        "staff later short": 16,
    },
    "urho3d": {
        "asked first long": 30,
        "asked first short": 28,
        "asked later long": 20,
        "asked later short": 24,
        "told first long": 14,
        "told first short": 16,
        "told later long": 10,
        "told later short": 14,
    },
}
# A reply with at most this many words is short.
MAX_SHORT_WORDS = {"keytrade": 32, "twcs": 15, "urho3d": 15}


@dataclass(frozen=True)
class DrawnPair:
    """A reply and the post it is judged against.

    Attributes
    ----------
    language : of the thread's first post, None where the set does not tell.
    weight : pairs of the set that this one stands for, at least 1: pairs in its stratum over pairs drawn from it.
    """

    set: str
    thread_id: str
    opening_id: str
    reply_id: str
    language: str | None
    weight: float


@dataclass(frozen=True)
class Exchange:
    """Three posts: the thread's first, the one that is answered (often the same), and the reply."""

    first: Post
    opening: Post
    reply: Post
    is_first_reply: bool


def draw_pairs(data_folder: Path) -> list[DrawnPair]:
    """Draw from every set; the same pairs whatever the order of the posts, sorted by set and reply.

    Raises
    ------
    MeasuringSetMissing
        A set is not in the folder.
    """
    return [pair for name in FILES for pair in _draw(name, list(exchanges(read_set(data_folder, name))))]


def read_set(data_folder: Path, name: str) -> tuple[Post, ...]:
    """Posts of one set, sorted by (created_at, id), without the forum's own messages.

    Raises
    ------
    MeasuringSetMissing
        The set is not in the folder.
    """
    path = data_folder / "threads" / FILES[name]
    if not path.exists():
        raise MeasuringSetMissing(f"{path} is not on this machine")
    return tuple(post for post in read_exports([path]).posts if post.kind == "post")


def exchanges(posts: Sequence[Post]) -> Iterator[Exchange]:
    """Every reply to another's post, by somebody else than the one who began the thread.

    The opening is the post that is answered where that is another member's, else the thread's first post; never a
    post by staff.
    """
    by_id = {post.id: post for post in posts}
    first_posts: dict[str, Post] = {}
    threads_with_reply: set[str] = set()
    for post in posts:
        first = first_posts.setdefault(post.thread_id, post)
        opening = _opening(post, first, by_id)
        if opening.role != "member" or post.author_id in (first.author_id, opening.author_id):
            continue
        yield Exchange(first, opening, post, post.thread_id not in threads_with_reply)
        threads_with_reply.add(post.thread_id)


def _opening(reply: Post, first: Post, by_id: Mapping[str, Post]) -> Post:
    parent = by_id.get(reply.parent_id or "")
    if parent is None or parent.role != "member" or parent.author_id == reply.author_id:
        return first
    return parent


def _draw(name: str, found: Sequence[Exchange]) -> list[DrawnPair]:
    strata: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in found:
        strata[_stratum(name, exchange)].append(exchange)
    pairs = []
    for stratum, n_drawn in N_DRAWN[name].items():
        members = sorted(strata[stratum], key=lambda exchange: _lot(exchange.reply.id))
        weight = round(len(members) / n_drawn, 4)
        pairs += [_pair(name, exchange, weight) for exchange in members[:n_drawn]]
    return sorted(pairs, key=lambda pair: pair.reply_id)


def _lot(reply_id: str) -> str:
    return hashlib.sha256(f"{SEED} {reply_id}".encode()).hexdigest()


def _stratum(name: str, exchange: Exchange) -> str:
    length = "short" if read_words(exchange.reply).n_words <= MAX_SHORT_WORDS[name] else "long"
    position = "first" if exchange.is_first_reply else "later"
    if name == "keytrade":
        language = _keytrade_language(exchange)
        return language if language == "en" else f"{language} {length}"
    if name == "twcs":
        return f"{exchange.reply.role} {position} {length}"
    return f"{'asked' if '?' in exchange.first.text else 'told'} {position} {length}"


def _keytrade_language(exchange: Exchange) -> str:
    # Three Dutch reviews carry the tag of Afrikaans.
    return {"af": "nl"}.get(exchange.first.language or "", exchange.first.language or "")


def _pair(name: str, exchange: Exchange, weight: float) -> DrawnPair:
    language = _keytrade_language(exchange) if name == "keytrade" else None
    reply, opening = exchange.reply, exchange.opening
    return DrawnPair(name, reply.thread_id, opening.id, reply.id, language, weight)


if __name__ == "__main__":
    sys.stdout.writelines(json.dumps(dataclasses.asdict(pair)) + "\n" for pair in draw_pairs(Path(sys.argv[1])))
