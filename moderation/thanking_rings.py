"""Small groups who mostly answer, support and thank each other: worth a look, and never more than that.

What a pair gives each other is compared with what their activity gives by chance: if everything a member gives went to
the others in proportion to what each wrote in the same 30 days. Who writes much receives much; who receives many times
that, and gives it back, is looked at. Friends, and the regulars of a quiet corner, look the same in the figures: a ring
lowers weights and accuses nobody.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from scipy.stats import false_discovery_control, poisson

from moderation.contributions import Contribution, replies_to_others
from moderation.corpus import Corpus
from moderation.reply_phrases import THANKS, gives_thanks, read_clauses

BLOCK = timedelta(days=30)
MIN_EACH_WAY = 3
"""Exchanges each way between a pair; below, nothing is said of it."""
MIN_GIVEN = 5
"""What each member of a ring gave the others, at least; on at least as many threads as `MIN_THREADS` together."""
MIN_THREADS = 3
MIN_LIFT = 3.0
"""So many times what chance gives; the test alone would name every busy pair of a large community."""
MAX_FALSE = 0.01
"""Expected share of false pairs among those found (Benjamini and Hochberg, 1995)."""
MIN_CLOSED = 0.5
"""At least half of what each gave, and of what each got, stays among them."""
MAX_RING = 6
"""A larger group that talks with itself is a lively corner of the community."""


@dataclass(frozen=True)
class Ring:
    """A small group whose exchanges stay among them.

    Attributes
    ----------
    author_ids : in order of id.
    n_exchanged, n_expected : answers, support and thanks among them, and what chance would give.
    n_given : everything that they gave to anybody.
    n_received : everything that they got from anybody.
    rows : the posts that they gave each other, in time order.
    p : of the least likely to be more than chance among its directed pairs, after Benjamini and Hochberg.
    """

    author_ids: tuple[str, ...]
    n_exchanged: int
    n_expected: float
    n_given: int
    n_received: int
    n_threads: int
    rows: tuple[int, ...]
    p: float

    @property
    def weight(self) -> float:
        """What a contribution among them counts for: as much of it as chance would give, in (0, 1]."""
        return round(max(MIN_WEIGHT, min(1.0, self.n_expected / self.n_exchanged)), 6)


MIN_WEIGHT = 0.1
"""An exchange in a ring still counts for something: some of it helped somebody."""

Pair = tuple[str, str]


def find_rings(corpus: Corpus, contributions: Sequence[Contribution], members: Collection[str]) -> list[Ring]:
    """Rings among members, the largest exchange first.

    Parameters
    ----------
    members : author ids that count; staff and bots are none.
    """
    replies = _replies(corpus, frozenset(members))
    both_ways = _pairs_both_ways(Counter(pair for _, pair in replies))
    if not both_ways:
        return []
    people = frozenset(author for pair in both_ways for author in pair)
    given = _exchanges(corpus, replies, contributions, people)
    tested = _above_chance(corpus, given, both_ways)
    rings = [ring for group in _groups(tested) if (ring := _closed_ring(corpus, group, given, tested)) is not None]
    return sorted(rings, key=lambda ring: (-ring.n_exchanged, ring.author_ids))


@dataclass(frozen=True)
class _Tested:
    """How often one gave another something, what chance gives, and how likely that is by chance."""

    n: int
    expected: float
    p: float


def _replies(corpus: Corpus, members: frozenset[str]) -> list[tuple[int, Pair]]:
    """Row, and who replied to whom, where both are members."""
    found = []
    for row, answered in replies_to_others(corpus):
        giver, receiver = corpus.posts[row].author_id, corpus.posts[answered].author_id
        if giver in members and receiver in members:
            assert giver is not None
            assert receiver is not None
            found.append((row, (giver, receiver)))
    return found


def _pairs_both_ways(counts: Mapping[Pair, int]) -> list[Pair]:
    """Pairs with enough replies each way, in both directions."""
    return sorted(
        (one, other)
        for (one, other), n in counts.items()
        if n >= MIN_EACH_WAY and counts.get((other, one), 0) >= MIN_EACH_WAY
    )


def _exchanges(
    corpus: Corpus, replies: Iterable[tuple[int, Pair]], contributions: Iterable[Contribution], people: frozenset[str]
) -> list[tuple[int, Pair]]:
    """Each contribution and each thanks to or from some people once, in time order."""
    made = {(each.row, each.author_id, each.to_author_id) for each in contributions}
    known: dict[int, Pair] = {
        row: (giver, receiver)
        for row, giver, receiver in sorted(made, key=lambda each: (each[0], each[2] or ""))
        if receiver is not None and receiver != giver and not people.isdisjoint((giver, receiver))
    }
    for row, pair in replies:
        if row not in known and not people.isdisjoint(pair) and _thanks(corpus, row):
            known[row] = pair
    return sorted(known.items())


def _thanks(corpus: Corpus, row: int) -> bool:
    words = corpus.readings[row].words
    # To cut a reply into clauses takes ten times as long as to see that nobody is thanked in it.
    return bool(THANKS.search(words.lower())) and gives_thanks(read_clauses(words, by_staff=False))


def _above_chance(corpus: Corpus, given: Sequence[tuple[int, Pair]], pairs: Sequence[Pair]) -> dict[Pair, _Tested]:
    """The directed pairs that give each other more than chance, tested together."""
    counts = Counter(pair for _, pair in given)
    expected = _expected(corpus, given, pairs)
    p = [round(float(poisson.sf(counts[pair] - 1, max(expected[pair], 1e-9))), 12) for pair in pairs]
    adjusted = false_discovery_control(p)
    return {
        pair: _Tested(counts[pair], round(expected[pair], 6), round(float(q), 12))
        for pair, q in zip(pairs, adjusted, strict=True)
        if counts[pair] >= MIN_EACH_WAY and q <= MAX_FALSE and counts[pair] >= MIN_LIFT * expected[pair]
    }


def _expected(corpus: Corpus, given: Sequence[tuple[int, Pair]], pairs: Sequence[Pair]) -> dict[Pair, float]:
    """What each would give the other if it went by what people wrote in the same 30 days."""
    start = corpus.posts[0].created_at
    written: dict[int, Counter[str]] = defaultdict(Counter)
    for row, post in enumerate(corpus.posts):
        if post.author_id is not None and post.role == "member" and corpus.visible[row]:
            written[(post.created_at - start) // BLOCK][post.author_id] += 1
    in_all = {block: counts.total() for block, counts in written.items()}
    gave: dict[str, Counter[int]] = defaultdict(Counter)
    for row, (giver, _) in given:
        gave[giver][(corpus.posts[row].created_at - start) // BLOCK] += 1
    return {
        (giver, receiver): sum(
            n * written[block][receiver] / max(in_all.get(block, 0) - written[block][giver], 1)
            for block, n in sorted(gave[giver].items())
        )
        for giver, receiver in pairs
    }


def _groups(tested: Mapping[Pair, _Tested]) -> list[list[str]]:
    """Members who are linked by pairs above chance in both directions."""
    linked: dict[str, set[str]] = defaultdict(set)
    for one, other in tested:
        if (other, one) in tested:
            linked[one].add(other)
    groups, seen = [], set[str]()
    for start in sorted(linked):
        if start not in seen:
            group, waiting = {start}, [start]
            while waiting:
                new = linked[waiting.pop()] - group
                group |= new
                waiting += sorted(new)
            seen |= group
            groups.append(sorted(group))
    return groups


def _closed_ring(
    corpus: Corpus, group: Sequence[str], given: Sequence[tuple[int, Pair]], tested: Mapping[Pair, _Tested]
) -> Ring | None:
    """The group, or the part of it that keeps to itself; None where none does."""
    left = frozenset(group)
    while len(left) > 1:
        open_ones = [author for author in sorted(left) if not _keeps_to(author, left, given)]
        if not open_ones:
            break
        left -= {open_ones[0]}
    inside = [(row, pair) for row, pair in given if left.issuperset(pair)]
    threads = {corpus.posts[row].thread_id for row, _ in inside}
    pairs = [pair for pair in sorted(tested) if left.issuperset(pair)]
    if not pairs or len(left) > MAX_RING or len(threads) < MIN_THREADS:
        return None
    return Ring(
        author_ids=tuple(sorted(left)),
        n_exchanged=len(inside),
        n_expected=round(sum(_expected(corpus, given, sorted({pair for _, pair in inside})).values()), 6),
        n_given=sum(giver in left for _, (giver, _) in given),
        n_received=sum(receiver in left for _, (_, receiver) in given),
        n_threads=len(threads),
        rows=tuple(row for row, _ in inside),
        p=max(tested[pair].p for pair in pairs),
    )


def _keeps_to(author: str, group: frozenset[str], given: Sequence[tuple[int, Pair]]) -> bool:
    gave = [receiver in group for _, (giver, receiver) in given if giver == author]
    got = [giver in group for _, (giver, receiver) in given if receiver == author]
    return sum(gave) >= max(MIN_GIVEN, MIN_CLOSED * len(gave)) and sum(got) >= MIN_CLOSED * len(got)
