"""What comes up: groups of posts that grow into a topic, and wording that spreads within a day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from moderation.assignments import is_scored_for_negative, read_sorted_by
from moderation.corpus import Corpus
from topics.bursts import MAX_FALSE_PER_DAY, PAST_SECONDS, REPLAYED_DAYS, Burst, Stream, find_bursts, wordings
from topics.clustering import centre_rows, group_means
from topics.emergence import Emerging, find_emerging, same_wordings, small_groups, typical_first

#: What grows slowly needs a longer look to stand out; each is the age in days that a thread may have.
RECENT_DAYS = (28, 56, 84)

#: Who talked about it longer ago than so many posts may talk about it anew.
MAX_POSTS_COMPARED = 20_000

#: From so many writers on a group could carry a space of its own; as many as a part of a split needs.
MIN_AUTHORS_OF_SPACE = 30

#: Bursts of so many days are told.
TOLD_DAYS = 14
MAX_TOLD = 10

#: Letters by which two forms of a word differ at most.
MAX_ENDING = 2

N_POSTS_TOLD = 20
N_TERMS = 5
SAME_POSTS = 0.5

#: Posts that a burst can be judged by: its own past, the days that it is held against, and those that are told.
REPLAYED = timedelta(seconds=PAST_SECONDS) + timedelta(days=REPLAYED_DAYS + TOLD_DAYS)

Contents = dict[str, Any]


def measure_emergence(corpus: Corpus, topic_of: NDArray[np.int64]) -> Contents:
    """Find what comes up at the end of a corpus, slowly and fast.

    Parameters
    ----------
    topic_of : shape (n,), topic ids; 0 = unsorted.

    Returns
    -------
    `slow` and `fast`, each what matters most first, with the false alarms that a quiet community has to expect.
    """
    return {
        "slow": [_slow_json(corpus, topic_of, group) for group in emerging_groups(corpus)[:MAX_TOLD]],
        "fast": fast_findings(corpus, topic_of),
        "fast_until": told_until(corpus.posts[-1].created_at if len(corpus) else None),
        "fast_false_alarms_per_day": round(MAX_FALSE_PER_DAY, 6),
    }


def told_until(newest_at: datetime | None) -> str | None:
    """When the newest post was written, as findings say it; None = there is none."""
    return None if newest_at is None else _moment(newest_at)


def fast_findings(corpus: Corpus, topic_of: NDArray[np.int64]) -> list[Contents]:
    """The bursts of wording of the last days, the newest first."""
    if not len(corpus):
        return []
    told_from = corpus.posts[-1].created_at - timedelta(days=TOLD_DAYS)
    found = [
        _fast_json(corpus, topic_of, rows, terms, burst)
        for rows, terms, burst in wording_bursts(corpus)
        if corpus.posts[rows[-1]].created_at >= told_from
    ]
    return found[::-1][:MAX_TOLD]


@dataclass(frozen=True)
class Group:
    """Posts that were not there before, and belong together.

    Attributes
    ----------
    days : the age that the oldest of their threads may have.
    found_by : "meaning" = they are one another's neighbours; "wording" = they share words that hardly anybody used.
    terms : the words that they share; empty for "meaning".
    rows : of the corpus, most typical first.
    """

    days: int
    found_by: Literal["meaning", "wording"]
    terms: tuple[str, ...]
    rows: tuple[int, ...]
    found: Emerging


def emerging_groups(corpus: Corpus) -> list[Group]:
    """The groups of posts that were not there before.

    Most threads first; what stands out in several ways is told once, by what stands out in the shortest time.
    """
    sorted_by = read_sorted_by(corpus)
    kept = np.flatnonzero(sorted_by.shapes_topics)[-MAX_POSTS_COMPARED:]
    rows, vectors = sorted_by.rows[kept], sorted_by.vectors[kept]
    if len(rows) == 0:
        return []
    languages = _numbered(sorted_by.languages[place] for place in kept.tolist())
    points = centre_rows(vectors, group_means(vectors, languages, n_groups=int(languages.max()) + 1)[languages])
    threads, authors = _numbered(corpus.posts[row].thread_id for row in rows.tolist()), _authors(corpus, rows)
    wordings_of, names = _wordings(corpus, rows.tolist())
    by_wording, wording_of = same_wordings(wordings_of, threads=threads, authors=authors)
    by_meaning = small_groups(points, threads=threads, authors=authors)
    began = _thread_began(corpus, rows)
    found: list[Group] = []
    for days in RECENT_DAYS:
        is_recent = began >= (corpus.posts[-1].created_at - timedelta(days=days)).timestamp()
        for each in find_emerging(by_wording, is_recent):
            terms = tuple(names[wording_of[place]] for place in each.sets)
            _add(found, Group(days, "wording", terms, _in_corpus(points, each, rows), each))
        for each in find_emerging(by_meaning, is_recent) if by_meaning else ():
            _add(found, Group(days, "meaning", (), _in_corpus(points, each, rows), each))
    return sorted(found, key=lambda each: (-each.found.n_threads, each.rows))


def _in_corpus(points: NDArray[np.float32], found: Emerging, rows: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(rows[list(typical_first(points, found.rows))].tolist())


def _add(groups: list[Group], new: Group) -> None:
    """Take a group in unless its posts, or another form of its first word, are told already."""
    rows = set(new.rows)
    if not any(
        len(rows & set(each.rows)) > SAME_POSTS * min(len(rows), len(each.rows)) or _say_the_same(each.terms, new.terms)
        for each in groups
    ):
        groups.append(new)


def _say_the_same(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether the first words differ by no more than what one of them ends with: coupon and coupons."""
    if not some or not others:
        return False
    shorter, longer = sorted((some[0], others[0]), key=len)
    return longer.startswith(shorter) and len(longer) - len(shorter) <= MAX_ENDING


def _wordings(corpus: Corpus, rows: Sequence[int]) -> tuple[list[list[int]], list[str]]:
    """The numbers of the wordings in each post, and the wordings by number. A member's name is no subject."""
    people = {name.casefold() for post in corpus.posts for name in (post.author_id, post.author_name) if name}
    number_of: dict[str, int] = {}
    numbers = [
        [
            number_of.setdefault(each, len(number_of))
            for each in wordings(corpus.readings[row].words)
            if people.isdisjoint(each.split())
        ]
        for row in rows
    ]
    return numbers, list(number_of)


def wording_bursts(
    corpus: Corpus, *, replayed: timedelta = REPLAYED
) -> list[tuple[tuple[int, ...], tuple[str, ...], Burst]]:
    """The bursts of wording in members' posts, in time order: rows of the corpus, the words, and the figures.

    Parameters
    ----------
    replayed : how far back from the newest post; what is found in the first months of it has little to be held against.
    """
    if not len(corpus):
        return []
    replayed_from = corpus.posts[-1].created_at - replayed
    rows = [
        row
        for row, post in enumerate(corpus.posts)
        if post.author_id and post.role == "member" and corpus.visible[row] and post.created_at >= replayed_from
    ]
    wordings_of, names = _wordings(corpus, rows)
    stream = Stream(
        seconds=np.array([corpus.posts[row].created_at.timestamp() for row in rows], dtype=np.float64),
        authors=_numbered(corpus.posts[row].author_id or "" for row in rows),
        threads=_numbered(corpus.posts[row].thread_id for row in rows),
        wordings_of=wordings_of,
    )
    return [
        (tuple(rows[place] for place in burst.rows), tuple(names[number] for number in burst.wordings), burst)
        for burst in find_bursts(stream)
    ]


def _numbered(names: Iterable[str]) -> NDArray[np.int64]:
    return np.unique(np.array(list(names), dtype=np.str_), return_inverse=True)[1].astype(np.int64)


def _authors(corpus: Corpus, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    posts = [corpus.posts[row] for row in rows.tolist()]
    return _numbered(f"by {post.author_id}" if post.author_id else f"post {post.id}" for post in posts)


def _thread_began(corpus: Corpus, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """When the thread of each row began, in seconds."""
    posts = [corpus.posts[corpus.threads[corpus.posts[row].thread_id][0]] for row in rows.tolist()]
    return np.array([post.created_at.timestamp() for post in posts], dtype=np.float64)


def _slow_json(corpus: Corpus, topic_of: NDArray[np.int64], group: Group) -> Contents:
    posts = [corpus.posts[row] for row in group.rows]
    topic_id, topic_share = _main_topic(topic_of, group.rows)
    return {
        "action": "space" if group.found.n_authors >= MIN_AUTHORS_OF_SPACE else "topic",
        "found_by": group.found_by,
        "terms": list(group.terms[:N_TERMS]) or _telling_terms(corpus, group.rows),
        "post_ids": [post.id for post in posts[:N_POSTS_TOLD]],
        "exemplar_ids": _one_per_thread(corpus, group.rows, 3),
        "n_posts": len(posts),
        "n_threads": group.found.n_threads,
        "n_authors": group.found.n_authors,
        "since": _moment(min(post.created_at for post in posts)),
        "days": group.days,
        "new_share": group.found.new_share,
        "p_false_per_refit": round(group.found.p_false, 6),
        "topic_id": topic_id,
        "topic_share": topic_share,
        "unsorted_share": _rounded(float(np.mean(topic_of[list(group.rows)] == 0))),
        **_negative(corpus, group.rows),
    }


def _fast_json(
    corpus: Corpus, topic_of: NDArray[np.int64], rows: Sequence[int], terms: Sequence[str], burst: Burst
) -> Contents:
    posts = [corpus.posts[row] for row in rows]
    return {
        "phrase": terms[0],
        "other_phrases": list(terms[1 : 1 + N_TERMS]),
        "post_ids": [post.id for post in posts[:N_POSTS_TOLD]],
        "n_authors": burst.n_authors,
        "n_posts": len(posts),
        "n_threads": len({post.thread_id for post in posts}),
        "since": _moment(posts[0].created_at),
        "until": _moment(posts[-1].created_at),
        "p_false_per_day": burst.p_false_per_day,
        "topic_id": _main_topic(topic_of, rows)[0],
        **_negative(corpus, rows),
    }


def _main_topic(topic_of: NDArray[np.int64], rows: Sequence[int]) -> tuple[int | None, float | None]:
    """The topic that holds most of the posts and the share that it holds; None where most are unsorted."""
    counts = np.bincount(topic_of[list(rows)])
    topic_id = int(np.argmax(counts))
    return (topic_id, _rounded(float(counts[topic_id] / len(rows)))) if topic_id else (None, None)


def _negative(corpus: Corpus, rows: Sequence[int]) -> Contents:
    """The share of members' posts with negative word of mouth; None where none of them is scored."""
    scored = [row for row in rows if is_scored_for_negative(corpus)[row]]
    if not scored:
        return {"negative_share": None, "negative_share_reason": "not scored"}
    share = float(np.mean(corpus.above_threshold("negative_wom")[scored]))
    return {"negative_share": _rounded(share), "negative_share_reason": None}


def _telling_terms(corpus: Corpus, rows: Sequence[int]) -> list[str]:
    """The wordings of most threads of a group that are rare elsewhere, the most telling first."""
    inside = _threads_by_wording(corpus, rows)
    everywhere = _threads_by_wording(corpus, np.flatnonzero(corpus.visible).tolist(), only=inside.keys())
    n_threads = max(1, len(corpus.threads))
    weight = {
        wording: len(threads) ** 2 * np.log(n_threads / len(everywhere[wording]))
        for wording, threads in inside.items()
        if len(threads) > 1
    }
    return list(islice(sorted(weight, key=lambda each: (-round(float(weight[each]), 6), each)), N_TERMS))


def _threads_by_wording(
    corpus: Corpus, rows: Sequence[int], *, only: Iterable[str] | None = None
) -> dict[str, set[str]]:
    threads: dict[str, set[str]] = {}
    wanted = None if only is None else frozenset(only)
    for row in rows:
        for wording in wordings(corpus.readings[row].words):
            if wanted is None or wording in wanted:
                threads.setdefault(wording, set()).add(corpus.posts[row].thread_id)
    return threads


def _one_per_thread(corpus: Corpus, rows: Sequence[int], n_posts: int) -> list[str]:
    first_of_thread: dict[str, str] = {}
    for row in rows:
        first_of_thread.setdefault(corpus.posts[row].thread_id, corpus.posts[row].id)
    return list(first_of_thread.values())[:n_posts]


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _rounded(share: float) -> float:
    return round(share, 6)
