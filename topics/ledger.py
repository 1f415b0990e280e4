"""Topics keep their ids: the topics of a new clustering are matched to those of the one before, and what became of each
is told. What moderators asked for holds: pinned topics stay, merged ones are not split, some are never put together.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

EventKind = Literal["kept", "renamed", "split", "merged", "new", "retired"]

#: Two topics are the same where at least this share of the posts that either holds is in both.
MIN_SHARED = 1 / 3

#: A topic went on in another one where at least this share of its posts did.
MAJORITY = 1 / 2


UNSORTED = 0


@dataclass(frozen=True)
class Orders:
    """What moderators asked of topics, by permanent id.

    Attributes
    ----------
    merged : topics that others were merged into; they are not split.
    pinned : topics that stay as long as any of their posts does.
    apart : pairs, the lower id first, that never become one topic.
    """

    merged: frozenset[int] = frozenset()
    pinned: frozenset[int] = frozenset()
    apart: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True)
class Flow:
    """Posts that one topic shares with another of the clustering before or after.

    Attributes
    ----------
    topic_id : the other topic; 0 = unsorted.
    share : of the posts of the topic that the flow belongs to, in (0, 1].
    """

    topic_id: int
    n_posts: int
    share: float


@dataclass(frozen=True)
class TopicEvent:
    """What became of one topic at one refit.

    Attributes
    ----------
    kind : "kept"; "renamed": kept under another name; "split": lost a part that is a new topic, or is that new topic;
        "merged": went on in another topic, or is the topic that another one went on in; "new"; "retired": its posts
        went to several topics or are gone.
    n_posts_before, n_posts_after : all posts of the topic.
    other_ids : the topics that it was split into, split from or merged with.
    went_to : where its earlier posts are now, most first; those that are gone are in none.
    came_from : where its posts were before, most first; new posts are in none.
    """

    topic_id: int
    kind: EventKind
    n_posts_before: int
    n_posts_after: int
    other_ids: tuple[int, ...]
    went_to: tuple[Flow, ...]
    came_from: tuple[Flow, ...]


def match_topics(old: NDArray[np.int64], new: NDArray[np.int64], *, highest_id: int) -> NDArray[np.int64]:
    """Give each topic of a new clustering the id of the old topic that it goes on from, or an id never used before.

    One to one: of a topic that fell in two, the part that shares the most posts with it keeps the id, if it shares
    enough. The pairs are those with the largest overlap (Jaccard) in all.

    Parameters
    ----------
    old : shape (n_posts,), the permanent ids of the posts that both clusterings know; 0 = unsorted.
    new : shape (n_posts,), the new clustering's topics, from 1; 0 = unsorted.
    highest_id : the highest id that any topic ever had.

    Returns
    -------
    Shape (n_topics,): the permanent id of each new topic in the order of its number. It depends on the posts as a
    set, not on their order.
    """
    old_ids = np.unique(old[old > 0])
    n_topics = int(new.max(initial=0))
    ids = np.zeros(n_topics, dtype=np.int64)
    overlap = _overlap(np.searchsorted(old_ids, old), old > 0, new, shape=(len(old_ids), n_topics))
    for old_place, topic in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
        if overlap[old_place, topic] > 0:
            ids[topic] = old_ids[old_place]
    is_new = ids == 0
    ids[is_new] = max(highest_id, int(old_ids.max(initial=0))) + 1 + np.arange(is_new.sum())
    return ids


def carry_on(
    old: NDArray[np.int64], new: NDArray[np.int64], *, highest_id: int, orders: Orders | None = None
) -> NDArray[np.int64]:
    """The permanent topic of each post after a new clustering, as far as moderators let it decide.

    A part that falls off a topic that moderators merged goes back to it. A pinned topic that would be gone, and one
    that would be swallowed by a topic that it is to be kept apart from, gets back the posts that it had.

    Parameters
    ----------
    old : shape (n_posts,), the permanent id that each post had; 0 = unsorted or a new post.
    new : shape (n_posts,), the new clustering's topics, from 1 without gaps; 0 = unsorted.
    highest_id : the highest id that any topic ever had.
    orders : None = moderators asked for nothing.

    Returns
    -------
    Shape (n_posts,), permanent ids; 0 = unsorted.
    """
    orders = orders or Orders()
    ids = match_topics(old, new, highest_id=highest_id)
    topic_of = np.concatenate([[UNSORTED], ids])[new]
    for part, whole in _parts_of_merged(old, topic_of, orders.merged):
        topic_of[topic_of == part] = whole
    for topic_id in _lost(old, topic_of, orders):
        topic_of[old == topic_id] = topic_id
    return topic_of


def topic_events(
    before: NDArray[np.int64], after: NDArray[np.int64], *, renamed: Collection[int] = ()
) -> tuple[TopicEvent, ...]:
    """What became of every topic, one event each, by id.

    Parameters
    ----------
    before, after : shape (n_posts,), permanent ids; 0 = unsorted, -1 = the post was not there.
    renamed : topics whose name is another than before.
    """
    before_ids, after_ids = (set(np.unique(each[each > 0]).tolist()) for each in (before, after))
    homes = {topic_id: _majority(before, after, topic_id) for topic_id in before_ids}
    origins = {topic_id: _origin(before, after, topic_id) for topic_id in after_ids - before_ids}
    events = []
    for topic_id in sorted(before_ids | after_ids):
        kind, others = _judge(topic_id, before_ids, after_ids, homes=homes, origins=origins)
        events.append(
            TopicEvent(
                topic_id=topic_id,
                kind="renamed" if kind == "kept" and topic_id in renamed else kind,
                n_posts_before=int((before == topic_id).sum()),
                n_posts_after=int((after == topic_id).sum()),
                other_ids=others,
                went_to=_flows(after[before == topic_id]),
                came_from=_flows(before[after == topic_id]),
            )
        )
    return tuple(events)


def _overlap(
    old_place: NDArray[np.int64], is_sorted: NDArray[np.bool_], new: NDArray[np.int64], *, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Posts in both over posts in either, for each pair of topics; 0 where that is too little to be the same."""
    in_both = is_sorted & (new > 0)
    n_both = np.zeros(shape, dtype=np.int64)
    np.add.at(n_both, (old_place[in_both], new[in_both] - 1), 1)
    n_old = np.bincount(old_place[is_sorted], minlength=shape[0])[:, None]
    n_new = np.bincount(new[new > 0] - 1, minlength=shape[1])[None, :]
    shares = n_both / np.maximum(n_old + n_new - n_both, 1)
    return np.where(shares >= MIN_SHARED, shares, 0.0)


def _parts_of_merged(
    old: NDArray[np.int64], topic_of: NDArray[np.int64], merged: Collection[int]
) -> Iterator[tuple[int, int]]:
    """New topics that come mostly from one that moderators merged, each with that one."""
    for topic_id in np.setdiff1d(topic_of, old).tolist():
        origin = _origin(old, topic_of, topic_id)
        if origin in merged:
            yield topic_id, origin


def _lost(old: NDArray[np.int64], topic_of: NDArray[np.int64], orders: Orders) -> Iterator[int]:
    """Topics with posts that no longer have a topic of their own though a moderator said that they should, by id."""
    gone = set(np.setdiff1d(old, topic_of).tolist()) - {UNSORTED}
    for topic_id in sorted(gone):
        home = _majority(old, topic_of, topic_id)
        if topic_id in orders.pinned or (min(topic_id, home), max(topic_id, home)) in orders.apart:
            yield topic_id
    both_gone = [pair for pair in sorted(orders.apart) if gone.issuperset(pair)]
    for one, other in both_gone:
        if _majority(old, topic_of, one) == _majority(old, topic_of, other) > UNSORTED:
            yield from (one, other)


def _majority(before: NDArray[np.int64], after: NDArray[np.int64], topic_id: int) -> int:
    """The topic that at least half of an earlier topic's posts are in now; 0 = there is none."""
    return _held_by_most(after[before == topic_id])


def _origin(before: NDArray[np.int64], after: NDArray[np.int64], topic_id: int) -> int:
    """The topic that most of a new topic's posts come from; 0 = there is none."""
    return _held_by_most(before[after == topic_id])


def _held_by_most(topic_of: NDArray[np.int64]) -> int:
    """The topic of at least half of some posts, among those that are there; the lowest id of two halves; 0 = none."""
    there = topic_of[topic_of >= 0]
    ids, counts = np.unique(there[there > 0], return_counts=True)
    if not len(ids) or counts.max() < MAJORITY * len(there):
        return UNSORTED
    return int(ids[counts.argmax()])


def _judge(
    topic_id: int,
    before_ids: Collection[int],
    after_ids: Collection[int],
    *,
    homes: dict[int, int],
    origins: dict[int, int],
) -> tuple[EventKind, tuple[int, ...]]:
    """The kind of a topic's event, and the other topics that it is about."""
    if topic_id not in after_ids:
        home = homes[topic_id]
        return ("merged", (home,)) if home else ("retired", ())
    if topic_id not in before_ids:
        origin = origins[topic_id]
        return ("split", (origin,)) if origin else ("new", ())
    parts = tuple(each for each, origin in sorted(origins.items()) if origin == topic_id)
    taken_in = tuple(each for each, home in sorted(homes.items()) if home == topic_id and each not in after_ids)
    if parts:
        return "split", parts
    return ("merged", taken_in) if taken_in else ("kept", ())


def _flows(others: NDArray[np.int64]) -> tuple[Flow, ...]:
    """The topics that some posts are in, most posts first, equal ones by id; -1 is left out."""
    ids, counts = np.unique(others[others >= 0], return_counts=True)
    order = np.lexsort((ids, -counts))
    ordered = zip(ids[order].tolist(), counts[order].tolist(), strict=True)
    return tuple(Flow(topic_id, n_posts, round(n_posts / len(others), 6)) for topic_id, n_posts in ordered)
