"""Stage 5: signals and relevance in, flags out: a lane, a reason, a probability, a threshold and the evidence.

Three lanes that are never mixed. *answer*: somebody is unhappy or waits. *placement*: the post fits better elsewhere.
*review*: abuse or spam, the only lane that may end in a removal, which only a person decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from moderation.corpus import Corpus
from moderation.placement import OTHER_SPACE_FROM
from moderation.relevance import Relevance

Lane = Literal["answer", "placement", "review"]
LANE_OF_REASON: Mapping[str, Lane] = {
    "negative_wom": "answer",
    "unanswered_question": "answer",
    "off_purpose": "placement",
    "other_space": "placement",
    "off_thread": "placement",
    "toxic": "review",
    "spam": "review",
}
PLACEMENT_THRESHOLD = 0.8
"""Both relevance figures are shares of posts that do not fit, so this asks for four right out of five."""


@dataclass(frozen=True)
class Flag:
    """Why one post is put before a person.

    `evidence` holds what the reason rests on, ready to be written as JSON.
    """

    reason: str
    probability: float
    threshold: float
    evidence: Mapping[str, Any]

    @property
    def lane(self) -> Lane:
        """The queue that the flag belongs to; it follows from the reason."""
        return LANE_OF_REASON[self.reason]

    def as_json(self) -> dict[str, Any]:
        """The flag as posts.jsonl holds it."""
        return {
            "lane": self.lane,
            "reason": self.reason,
            "probability": round(self.probability, 6),
            "threshold": round(self.threshold, 6),
            "evidence": dict(self.evidence),
        }


def raise_flags(
    corpus: Corpus, relevance: Relevance, response_times: Mapping[str, Any]
) -> tuple[tuple[Flag, ...], ...]:
    """Flag each row for every reason that holds; deleted posts and bots raise none, staff only abuse.

    Parameters
    ----------
    response_times : the contents of response_times.json, for what has been answered since.
    """
    episodes = {episode["id"]: episode for episode in response_times["episodes"]}
    waiting = {question["post_id"]: question for question in response_times["unanswered_questions"]}
    unhappy, asks = corpus.above_threshold("negative_wom"), corpus.above_threshold("question")
    abusive = {signal: corpus.above_threshold(signal) for signal in ("toxic", "spam")}
    flags = []
    for row, post in enumerate(corpus.posts):
        found: list[Flag] = []
        if post.deleted_at is None and post.role != "bot":
            suspected = abusive if post.role == "member" else {"toxic": abusive["toxic"]}
            found += [_signal_flag(corpus, row, signal, {}) for signal, above in suspected.items() if above[row]]
        if post.deleted_at is None and post.role == "member":
            if unhappy[row]:
                found.append(_signal_flag(corpus, row, "negative_wom", _answer_state(episodes.get(post.id))))
            if post.id in waiting and asks[row]:  # what only a moderator calls a question has no flag, but waits
                found.append(_question_flag(corpus, row, waiting[post.id]))
            found += _placement_flags(corpus, relevance, row)
        flags.append(tuple(found))
    return tuple(flags)


def _signal_flag(corpus: Corpus, row: int, signal: str, state: Mapping[str, Any]) -> Flag:
    language = corpus.languages[row]
    threshold = corpus.thresholds[signal, language]
    assert threshold.probability is not None
    evidence = {
        "language": language,
        "threshold_basis": threshold.basis,
        "precision_at_threshold": None if threshold.precision is None else round(threshold.precision, 3),
        **state,
    }
    return Flag(signal, float(corpus.p(signal)[row]), threshold.probability, evidence)


def _answer_state(episode: Mapping[str, Any] | None) -> dict[str, Any]:
    if episode is None:
        return {"episode": "part of an earlier one"}
    return {"episode": episode["id"], "first_answer_at": episode["first_answer_at"], "censored": episode["censored"]}


def _question_flag(corpus: Corpus, row: int, question: Mapping[str, Any]) -> Flag:
    flag = _signal_flag(corpus, row, "question", {"waiting_seconds": question["waiting_seconds"]})
    return Flag("unanswered_question", flag.probability, flag.threshold, flag.evidence)


def _placement_flags(corpus: Corpus, relevance: Relevance, row: int) -> list[Flag]:
    flags = []
    if relevance.p_off_purpose[row] >= PLACEMENT_THRESHOLD:
        evidence = {"outcome": _outcome(relevance, row), "nearest_posts": _ids(corpus, relevance.nearest_rows[row])}
        flags.append(Flag("off_purpose", float(relevance.p_off_purpose[row]), PLACEMENT_THRESHOLD, evidence))
    if _outcome(relevance, row) == "other_space":
        flags.append(_space_flag(corpus, relevance, row))
    if relevance.p_off_thread[row] >= PLACEMENT_THRESHOLD:
        rank = round(float(relevance.thread_rank[row]), 3)
        thread = {
            "share_of_threads_it_fits_better": rank,
            "first_post": _first_post_id(corpus, row),
            "thread_turned_at": turned_at(corpus, relevance, row),
        }
        flags.append(Flag("off_thread", float(relevance.p_off_thread[row]), PLACEMENT_THRESHOLD, thread))
    return flags


def _outcome(relevance: Relevance, row: int) -> str | None:
    placed = relevance.placements[row] if relevance.placements else None
    return None if placed is None else placed.outcome


def _space_flag(corpus: Corpus, relevance: Relevance, row: int) -> Flag:
    placed = relevance.placements[row]
    assert placed is not None
    evidence = {
        "space": placed.space,
        "stands_in": corpus.posts[row].space,
        "nearest_posts": _ids(corpus, relevance.nearest_rows[row]),
    }
    return Flag("other_space", placed.p, OTHER_SPACE_FROM, evidence)


def placement_json(corpus: Corpus, relevance: Relevance, row: int) -> dict[str, Any] | None:
    """Where a row belongs, as posts.jsonl says it; None where `off_purpose` is not known."""
    placed = relevance.placements[row] if relevance.placements else None
    return None if placed is None else placed.as_json(_ids(corpus, relevance.nearest_rows[row]))


def turned_at(corpus: Corpus, relevance: Relevance, row: int) -> str | None:
    """The id of the post at which a row's thread had turned to something else by then; None where it had not."""
    at = relevance.turned_at[row] if relevance.turned_at else None
    return None if at is None else corpus.posts[at].id


def _ids(corpus: Corpus, rows: Sequence[int]) -> list[str]:
    return [corpus.posts[row].id for row in rows]


def _first_post_id(corpus: Corpus, row: int) -> str:
    return corpus.posts[corpus.threads[corpus.posts[row].thread_id][0]].id


def not_scored_reason(corpus: Corpus, row: int) -> str | None:
    """Why a row has no signals, or None when it has them."""
    if not np.isnan(corpus.signals[row]).any():
        return None
    return "no words" if not corpus.readings[row].words else "no head for this post"
