"""What changed in a community: the contents of drift.json."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from moderation.assignments import Topics, is_scored_for_negative
from moderation.config import Community
from moderation.corpus import Corpus
from moderation.emergence import measure_emergence
from moderation.level_changes import History, Turn, read_history, topic_segments, topic_turns, word_turns
from moderation.periods import Calendar, Period, choose_periods
from moderation.root_causes import find_root_causes
from moderation.timeline import Timeline, read_timeline
from moderation.word_shifts import MIN_THREADS, N_WORDS, WordShift, WordUse, read_word_use, word_shifts
from topics.change_points import Segment
from topics.drift import MixtureChange, ShareChange, mixture_change

Kind = Literal["topic_share", "negative_share", "topic_words", "topic_turn", "word_turn"]

MAX_LINES = 7
N_EXEMPLARS = 3
N_CONTRIBUTIONS = 5

#: After the correction of Benjamini and Hochberg (1995) over everything that was tested.
MAX_P_ADJUSTED = 0.05

#: A change matters from two points on, or from one point where the share doubled or halved; a share of a single topic's
#: posts from five points on. The posts that a line speaks of must also come from at least three threads.
MATERIAL_POINTS = 0.02
SMALL_MATERIAL_POINTS = 0.01
MATERIAL_FACTOR = 2.0
MATERIAL_POINTS_WITHIN_TOPIC = 0.05

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
    timeline = read_timeline(corpus, visible, calendar)
    history = read_history(corpus, timezone=community.timezone)
    segments = topic_segments(history, topics)
    word_use = read_word_use(corpus, timeline)
    shifts = word_shifts(word_use, topics, timeline)
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
