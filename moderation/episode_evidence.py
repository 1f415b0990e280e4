"""Why each step of an episode counts, for people to check."""

from typing import Any

from moderation.corpus import Corpus
from moderation.corrections import Correction
from moderation.episodes import EpisodeTimes
from moderation.replies import ReplyJudgement

STEPS = ("touch", "answer", "staff_answer", "peer_answer", "deflected", "acknowledged")


def episode_evidence(corpus: Corpus, times: EpisodeTimes) -> dict[str, Any]:
    """By step, the post and why it counts; None for a step that has not been taken.

    `n_likes` stands beside an answer as weak support; it decides nothing.
    """
    rows = {step: getattr(times, step) for step in STEPS}
    found = {step: None if row is None else reply_json(corpus, row, times.judged[row]) for step, row in rows.items()}
    return {**found, "correction": None if times.correction is None else _correction_json(corpus, times.correction)}


def reply_json(corpus: Corpus, row: int, judgement: ReplyJudgement) -> dict[str, Any]:
    """What a reply was judged to be, and why."""
    evidence = judgement.evidence
    return {
        "post_id": corpus.posts[row].id,
        "kind": judgement.kind,
        "rule": evidence.rule,
        "p": evidence.p,
        "p_answer": evidence.p_answer,
        "unsure": evidence.is_unsure,
        "next_kind": evidence.next_kind,
        "p_next": evidence.p_next,
        "cosine": evidence.cosine,
        "rank": evidence.rank,
        "n_likes": corpus.posts[row].likes,
    }


def _correction_json(corpus: Corpus, correction: Correction) -> dict[str, Any]:
    return {"post_id": corpus.posts[correction.row].id, "sign": correction.sign, **correction.evidence}
