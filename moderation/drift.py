"""What changed in a community: the contents of drift.json."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from moderation.assignments import Topics, is_scored_for_negative
from moderation.config import Community
from moderation.corpus import Corpus
from moderation.emergence import measure_emergence
from moderation.level_changes import History, Turn, read_history, topic_segments, topic_turns, word_turns
from moderation.periods import Calendar, Period, choose_periods
from moderation.root_causes import find_root_causes
from topics.change_points import Segment
from topics.drift import MixtureChange, ShareChange, mixture_change, share_change, word_change
from topics.names import incidence, single_words

Kind = Literal["topic_share", "negative_share", "topic_words", "topic_turn", "word_turn"]

MAX_LINES = 7
N_EXEMPLARS = 3
N_WORDS = 5
N_CONTRIBUTIONS = 5

#: After the correction of Benjamini and Hochberg (1995) over everything that was tested.
MAX_P_ADJUSTED = 0.05

#: A change matters from two points on, or from one point where the share doubled or halved; a share of a single topic's
#: posts from five points on. The posts that a line speaks of must also come from at least three threads.
MATERIAL_POINTS = 0.02
SMALL_MATERIAL_POINTS = 0.01
MATERIAL_FACTOR = 2.0
MATERIAL_POINTS_WITHIN_TOPIC = 0.05
MIN_THREADS = 3

#: Standard deviations from which on a word explains a change; a word alone is a change only beyond chance over all
#: words of all topics.
MIN_WORD_Z = 3.0

TOO_FEW_POSTS = "too few posts or periods to compare"
NO_MATERIAL_CHANGE = "no material change"
UNKNOWN_AUTHORS = "the authors are not known"


@dataclass(frozen=True)
class Line:
    """One change, before it is written down.

    Attributes
    ----------
    topic_id : None = the whole community.
    weight : share of the community's posts that the change concerns; ranks the lines.
    rows : the posts that it is about, the most typical first: of the latest period, of earlier ones where a share fell.
    turn : the turning point in the whole history that this change goes back to; None = there is none, it is as new as
        the latest period.
    """

    kind: Kind
    topic_id: int | None
    change: ShareChange
    p_adjusted: float
    weight: float
    rows: tuple[int, ...]
    turn: Turn | None = None


@dataclass(frozen=True)
class Timeline:
    """The compared posts, cut into pieces: the posts of one thread in one period.

    Attributes
    ----------
    rows : the posts in compared periods.
    piece : shape (len(rows),), the piece of each.
    period : shape (n_pieces,), the period of each piece.
    """

    calendar: Calendar
    rows: NDArray[np.int64]
    piece: NDArray[np.int64]
    period: NDArray[np.int64]

    @property
    def latest(self) -> Period:
        """The period whose changes are reported."""
        return self.calendar.periods[-1]

    def is_latest(self) -> NDArray[np.bool_]:
        """Which of the rows lie in the latest period."""
        return np.asarray(self.period[self.piece] == len(self.calendar.periods) - 1, dtype=bool)

    def share_change(self, hits: NDArray[np.bool_], of: NDArray[np.bool_]) -> ShareChange | None:
        """Compare the share of hits among the posts `of`; both shape (len(rows),)."""
        n_hits = np.bincount(self.piece[hits & of], minlength=len(self.period))
        n_posts = np.bincount(self.piece[of], minlength=len(self.period))
        counted = n_posts > 0
        return share_change(
            n_hits[counted], n_posts[counted], self.period[counted], n_periods=len(self.calendar.periods)
        )


@dataclass(frozen=True)
class WordShift:
    """The words of one topic that are used more or less than before, the surest first.

    Attributes
    ----------
    rising, falling : words with |z| above 3.
    leading : the surest of all, None where there is none, and its p, corrected for all words of all topics.
    """

    rising: tuple[str, ...]
    falling: tuple[str, ...]
    leading: str | None
    p_adjusted: float


@dataclass(frozen=True)
class WordUse:
    """Which posts of the timeline use which words; `used` has shape (len(timeline.rows), n_words)."""

    number_of: Mapping[str, int]
    words: tuple[str, ...]
    used: sparse.csr_array


def report_changes(
    corpus: Corpus, topics: Topics, response_times: Mapping[str, Any], *, community: Community
) -> dict[str, Any]:
    """The contents of drift.json: what changed, what comes up, and what stays wrong although it is answered."""
    return {
        **measure_drift(corpus, topics, community=community),
        "emerging": measure_emergence(corpus, topics.topic_of),
        "root_causes": find_root_causes(corpus, topics, response_times["episodes"], timezone=community.timezone),
    }


def measure_drift(corpus: Corpus, topics: Topics, *, community: Community) -> dict[str, Any]:
    """Compare the latest period with its past: topics, negative word of mouth, words, and the mixture as a whole.

    Returns
    -------
    The first part of drift.json; `lines` is empty with a `reason` where nothing material changed or nothing can be
    compared.
    """
    visible = np.flatnonzero(corpus.visible)
    calendar = choose_periods([corpus.posts[row].created_at for row in visible], timezone=community.timezone)
    coverage = _coverage(corpus, topics, visible)
    if calendar is None:
        nothing: dict[str, Any] = {"unit": None, "timezone": community.timezone, "periods": [], "lines": []}
        return {**nothing, "reason": TOO_FEW_POSTS, "divergence": [], "coverage": coverage, "history": None}
    timeline = _timeline(corpus, visible, calendar)
    history = read_history(corpus, timezone=community.timezone)
    segments = topic_segments(history, topics)
    word_use = read_word_use(corpus, timeline)
    shifts = _word_shifts(word_use, topics, timeline)
    found = _find_lines(corpus, topics, timeline, word_use, shifts)
    turns = topic_turns(history, topics, segments)
    compared_from = calendar.starts_at(calendar.periods[0])
    lines = _with_turns(corpus, topics, history, found, turns, compared_from=compared_from)[:MAX_LINES]
    return {
        "unit": calendar.unit,
        "timezone": community.timezone,
        "periods": [_period_json(period, calendar) for period in calendar.periods],
        "n_periods_left_out": calendar.n_left_out,
        "lines": [_line_json(corpus, timeline, history, line, shifts.get(line.topic_id or 0)) for line in lines],
        "reason": None if lines else NO_MATERIAL_CHANGE,
        "divergence": _divergence_json(topics, timeline),
        "coverage": coverage,
        "history": _history_json(history, topics, segments),
    }


def _timeline(corpus: Corpus, visible: NDArray[np.int64], calendar: Calendar) -> Timeline:
    periods = np.array([-1 if place is None else place for place in calendar.period_of], dtype=np.int64)
    periods[~_is_on_compared_weekday(corpus, visible, calendar)] = -1
    rows = visible[periods >= 0]
    threads = np.unique([corpus.posts[row].thread_id for row in rows.tolist()], return_inverse=True)[1]
    pieces, piece = np.unique(np.column_stack([threads, periods[periods >= 0]]), axis=0, return_inverse=True)
    return Timeline(calendar=calendar, rows=rows, piece=piece, period=pieces[:, 1])


def _is_on_compared_weekday(corpus: Corpus, visible: NDArray[np.int64], calendar: Calendar) -> NDArray[np.bool_]:
    """Where the latest week is not over yet, only the same weekdays of the weeks before are compared with it.

    What people write about at weekends would otherwise seem to have gone on every Wednesday.
    """
    weekdays = [corpus.posts[row].created_at.astimezone(calendar.zone).weekday() for row in visible.tolist()]
    last_weekday = weekdays[-1] if calendar.unit == "week" and calendar.periods[-1].is_partial else 6
    return np.array(weekdays, dtype=np.int64) <= last_weekday


def _find_lines(
    corpus: Corpus, topics: Topics, timeline: Timeline, word_use: WordUse, shifts: Mapping[int, WordShift]
) -> list[Line]:
    """Every change that is both beyond chance and material, what concerns most posts first."""
    tested = [*_share_lines(topics, timeline), *_negative_lines(corpus, topics, timeline)]
    p_adjusted = stats.false_discovery_control([line.change.p for line in tested]) if tested else ()
    adjusted = [replace(line, p_adjusted=float(p)) for line, p in zip(tested, p_adjusted, strict=True)]
    lines = [*adjusted, *_word_lines(topics, timeline, word_use, shifts)]
    kept = [line for line in lines if line.p_adjusted <= MAX_P_ADJUSTED and _is_material(corpus, line)]
    return sorted(kept, key=lambda line: (-round(line.weight, 6), line.kind, line.topic_id or 0))


def _with_turns(
    corpus: Corpus,
    topics: Topics,
    history: History,
    lines: list[Line],
    turns: Mapping[int, Turn],
    *,
    compared_from: datetime,
) -> list[Line]:
    """Say of each line since when, and add what turned before the latest period and is not told yet."""
    recent = {topic_id: turn for topic_id, turn in turns.items() if history.begins_at(turn.week) >= compared_from}
    dated = [replace(line, turn=_turn_behind(line, recent)) for line in lines]
    told = {line.topic_id for line in dated if line.turn is not None}
    added = [_turn_line("topic_turn", turn) for topic_id, turn in turns.items() if topic_id not in told]
    kept = [line for line in added if line.p_adjusted <= MAX_P_ADJUSTED and _is_material(corpus, line)]
    told |= {line.topic_id for line in kept}
    for turn in word_turns(corpus, history, topics.topic_of, [topic_id for topic_id in told if topic_id]):
        line = _turn_line("word_turn", turn)
        if line.p_adjusted <= MAX_P_ADJUSTED and _is_material(corpus, line):
            kept.append(line)
    return sorted([*dated, *kept], key=lambda line: (-round(line.weight, 6), line.kind, line.topic_id or 0))


def _turn_behind(line: Line, turns: Mapping[int, Turn]) -> Turn | None:
    """The turning point of the line's topic, if the share has moved the same way since."""
    turn = turns.get(line.topic_id or 0)
    if line.kind != "topic_share" or turn is None:
        return None
    same_way = (turn.change.now >= turn.change.before) == (line.change.now >= line.change.before)
    return turn if same_way else None


def _turn_line(kind: Kind, turn: Turn) -> Line:
    weight = abs(turn.change.now - turn.change.before)
    return Line(kind, turn.topic_id, turn.change, turn.p_adjusted, weight, tuple(turn.rows.tolist()), turn)


def _share_lines(topics: Topics, timeline: Timeline) -> Iterator[Line]:
    every_post = np.ones(len(timeline.rows), dtype=bool)
    for topic in topics.topics:
        in_topic = topics.topic_of[timeline.rows] == topic.id
        change = timeline.share_change(in_topic, every_post)
        if change:
            rows = _most_typical(topics, timeline, in_topic, change)
            yield Line("topic_share", topic.id, change, 1.0, abs(change.now - change.before), rows)


def _most_typical(
    topics: Topics, timeline: Timeline, in_topic: NDArray[np.bool_], change: ShareChange
) -> tuple[int, ...]:
    """Posts of a topic nearest to its centre: of the latest period, or of the past where the topic shrank."""
    rows = timeline.rows[in_topic & (timeline.is_latest() == (change.now >= change.before))]
    return tuple(rows[np.lexsort((rows, -topics.cosine[rows]))].tolist())


def _negative_lines(corpus: Corpus, topics: Topics, timeline: Timeline) -> Iterator[Line]:
    is_scored = is_scored_for_negative(corpus)[timeline.rows]
    is_negative = corpus.above_threshold("negative_wom")[timeline.rows]
    for topic_id in (None, *(topic.id for topic in topics.topics)):
        of = is_scored if topic_id is None else is_scored & (topics.topic_of[timeline.rows] == topic_id)
        change = timeline.share_change(is_negative, of)
        if change:
            rows = timeline.rows[of & is_negative & (timeline.is_latest() == (change.now >= change.before))]
            by_p = rows[np.lexsort((rows, -corpus.p("negative_wom")[rows]))]
            weight = abs(change.now - change.before) * float(np.mean(of))
            yield Line("negative_share", topic_id, change, 1.0, weight, tuple(by_p.tolist()))


def _is_material(corpus: Corpus, line: Line) -> bool:
    moved = abs(line.change.now - line.change.before)
    low, high = sorted((line.change.before, line.change.now))
    if len({corpus.posts[row].thread_id for row in line.rows}) < MIN_THREADS:
        return False
    if line.kind == "topic_words" or (line.kind == "negative_share" and line.topic_id is not None):
        return moved >= MATERIAL_POINTS_WITHIN_TOPIC
    return moved >= MATERIAL_POINTS or (moved >= SMALL_MATERIAL_POINTS and high >= MATERIAL_FACTOR * low)


def read_word_use(corpus: Corpus, timeline: Timeline) -> WordUse:
    """Collect the words of every post, each counted once."""
    number_of: dict[str, int] = {}
    used = incidence([sorted(single_words(corpus.readings[row].words)) for row in timeline.rows.tolist()], number_of)
    return WordUse(number_of, tuple(number_of), used)


def _word_shifts(word_use: WordUse, topics: Topics, timeline: Timeline) -> dict[int, WordShift]:
    """The shift of words in each topic, where both sides have enough threads."""
    z_of = {
        topic.id: _word_z(word_use, topics.topic_of[timeline.rows] == topic.id, timeline) for topic in topics.topics
    }
    n_tests = sum(int(np.count_nonzero(z)) for z in z_of.values())
    return {topic_id: _word_shift(z, word_use.words, n_tests) for topic_id, z in z_of.items() if z.any()}


def _word_z(word_use: WordUse, in_topic: NDArray[np.bool_], timeline: Timeline) -> NDArray[np.float64]:
    """Z of each word's change within a topic, counted by threads; 0 for words in fewer threads than a line needs."""
    members = np.flatnonzero(in_topic)
    if len(members) == 0:  # every post of the topic lies in periods that are not compared
        return np.zeros(len(word_use.words))
    pieces, piece = np.unique(timeline.piece[members], return_inverse=True)
    in_piece = sparse.csr_array((np.ones(len(members), dtype=np.int64), (piece, np.arange(len(members)))))
    heard = (in_piece @ word_use.used[members]).sign()
    is_latest = timeline.period[pieces] == len(timeline.calendar.periods) - 1
    if min(is_latest.sum(), (~is_latest).sum()) < MIN_THREADS:
        return np.zeros(len(word_use.words))
    now, before = (np.asarray(heard[side].sum(axis=0), dtype=np.int64) for side in (is_latest, ~is_latest))
    z = word_change(before, now)
    return np.where(np.maximum(before, now) >= MIN_THREADS, np.round(z, 6), 0.0)


def _word_shift(z: NDArray[np.float64], words: Sequence[str], n_tests: int) -> WordShift:
    surest_first = sorted(
        np.flatnonzero(np.abs(z) > MIN_WORD_Z).tolist(), key=lambda word: (-abs(z[word]), words[word])
    )
    return WordShift(
        rising=tuple(words[word] for word in surest_first if z[word] > 0)[:N_WORDS],
        falling=tuple(words[word] for word in surest_first if z[word] < 0)[:N_WORDS],
        leading=words[surest_first[0]] if surest_first else None,
        p_adjusted=float(min(1.0, n_tests * 2 * stats.norm.sf(np.abs(z).max()))),
    )


def _word_lines(
    topics: Topics, timeline: Timeline, word_use: WordUse, shifts: Mapping[int, WordShift]
) -> Iterator[Line]:
    """Topics in which one word rose or fell beyond chance: the share of the topic's posts with that word."""
    for topic_id, shift in shifts.items():
        if shift.leading is None or shift.p_adjusted > MAX_P_ADJUSTED:
            continue
        in_topic = topics.topic_of[timeline.rows] == topic_id
        has_word = word_use.used[:, [word_use.number_of[shift.leading]]].toarray().ravel() > 0
        change = timeline.share_change(has_word, in_topic)
        if change:
            rows = _most_typical(topics, timeline, in_topic & has_word, change)
            weight = abs(change.now - change.before) * float(np.mean(in_topic))
            yield Line("topic_words", topic_id, change, shift.p_adjusted, weight, rows)


def _coverage(corpus: Corpus, topics: Topics, visible: NDArray[np.int64]) -> dict[str, Any]:
    """How much of the community the figures speak of."""
    n = len(visible)
    n_scored = int((~np.isnan(corpus.p("negative_wom")[visible])).sum())
    n_sorted = int((topics.topic_of[visible] > 0).sum())
    return {
        "n_posts": n,
        "scored_share": _rounded(n_scored / n) if n else None,
        "sorted_share": _rounded(n_sorted / n) if n else None,
        "reason": None if n else "no posts",
    }


def _divergence_json(topics: Topics, timeline: Timeline) -> list[dict[str, Any]]:
    """The distance between each two successive periods, and which topics make it."""
    n_columns = int(topics.topic_of.max(initial=0)) + 1  # ids that are not in use any more have no posts
    counts = np.zeros((len(timeline.period), n_columns), dtype=np.int64)
    np.add.at(counts, (timeline.piece, topics.topic_of[timeline.rows]), 1)
    of_period = [counts[timeline.period == place] for place in range(len(timeline.calendar.periods))]
    return [
        _mixture_json(period, mixture_change(before, now))
        for period, (before, now) in zip(timeline.calendar.periods[1:], pairwise(of_period), strict=True)
    ]


def _mixture_json(period: Period, change: MixtureChange) -> dict[str, Any]:
    largest_first = np.argsort(-np.round(change.contributions, 6), kind="stable")[:N_CONTRIBUTIONS]
    return {
        "period": period.first_day.isoformat(),
        "divergence": _rounded(change.divergence),
        "expected_by_chance": _rounded(change.expected),
        "p": _rounded(change.p),
        "contributions": [
            {"topic_id": topic or None, "divergence": _rounded(float(change.contributions[topic]))}
            for topic in largest_first.tolist()
        ],
    }


def _line_json(
    corpus: Corpus, timeline: Timeline, history: History, line: Line, shift: WordShift | None
) -> dict[str, Any]:
    authors = {corpus.posts[row].author_id for row in line.rows} - {None}
    return {
        "kind": line.kind,
        "topic_id": line.topic_id,
        "word": _word_of(line, shift),
        "from": _rounded(line.change.before),
        "to": _rounded(line.change.now),
        "interval": [_rounded(bound) for bound in line.change.interval],
        "p_adjusted": _rounded(line.p_adjusted),
        "since": _moment(
            timeline.calendar.starts_at(timeline.latest) if line.turn is None else history.begins_at(line.turn.week)
        ),
        "before_since": None if line.turn is None else _moment(history.begins_at(line.turn.from_week)),
        "posts_from": "latest" if line.change.now >= line.change.before else "earlier",
        "n_posts": len(line.rows),
        "n_authors": len(authors) or None,
        "n_authors_reason": None if authors else UNKNOWN_AUTHORS,
        "exemplar_ids": _exemplar_ids(corpus, line.rows),
        "words": _words_json(line, shift),
    }


def _word_of(line: Line, shift: WordShift | None) -> str | None:
    if line.kind == "word_turn" and line.turn is not None:
        return line.turn.words[0]
    return shift.leading if shift and line.kind == "topic_words" else None


def _words_json(line: Line, shift: WordShift | None) -> dict[str, list[str]] | None:
    """Words that rose and fell with the change; of a turn of words, those that turned together."""
    if line.kind == "word_turn" and line.turn is not None:
        words = list(line.turn.words[1 : 1 + N_WORDS])
        rose = line.change.now >= line.change.before
        return {"rising": words if rose else [], "falling": [] if rose else words}
    if shift is None or line.kind == "topic_turn":  # the words compare other periods
        return None
    return {"rising": list(shift.rising), "falling": list(shift.falling)}


def _history_json(history: History, topics: Topics, segments: Mapping[int, Sequence[Segment]]) -> dict[str, Any]:
    """Every week of every topic, and where its level turned."""
    every_post = np.ones(len(history.rows), dtype=bool)
    return {
        "first_days": [start.isoformat() for start in history.starts],
        "n_posts": history.posts_by_week(every_post).tolist(),
        "topics": [
            {
                "topic_id": topic.id,
                "n_posts": history.posts_by_week(topics.topic_of[history.rows] == topic.id).tolist(),
                "change_points": _change_points_json(history, segments[topic.id]),
            }
            for topic in topics.topics
        ],
    }


def _change_points_json(history: History, levels: Sequence[Segment]) -> list[dict[str, Any]]:
    """`from` and `to` are shares of threads: what was tested."""
    return [
        {
            "first_day": history.starts[after.start].isoformat(),
            "from": _rounded(before.share),
            "to": _rounded(after.share),
        }
        for before, after in pairwise(levels)
    ]


def _exemplar_ids(corpus: Corpus, rows: Sequence[int]) -> list[str]:
    """The first posts, one per thread."""
    first_of_thread: dict[str, str] = {}
    for row in rows:
        first_of_thread.setdefault(corpus.posts[row].thread_id, corpus.posts[row].id)
    return list(first_of_thread.values())[:N_EXEMPLARS]


def _period_json(period: Period, calendar: Calendar) -> dict[str, Any]:
    return {
        "start": _moment(calendar.starts_at(period)),
        "first_day": period.first_day.isoformat(),
        "last_day": (period.after - timedelta(days=1)).isoformat(),
        "n_posts": period.n_posts,
        "is_partial": period.is_partial,
    }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _rounded(share: float) -> float:
    return round(share, 6)
