"""Builds small samples and runs: what was meant with a few posts, and what an analysis wrote of them."""

from collections.abc import Mapping
from typing import Any

from models.signals import SIGNALS
from training.sample_check import Run, Sample

THRESHOLDS = {(signal, language): 0.5 for signal in SIGNALS for language in ("nl", "en")}


def record(post_id: str, **fields: Any) -> dict[str, Any]:
    day = int(post_id.lstrip("p")) % 28 + 1
    at_noon = f"2026-08-{day:02}T12:00:00+02:00"
    return {"id": post_id, "author_id": "m1", "role": "member", "created_at": at_noon, "text": post_id, **fields}


def truth(post_id: str, *labels: str, **fields: Any) -> dict[str, Any]:
    nothing = {
        "episode": None,
        "off_purpose": False,
        "belongs_in": None,
        "off_thread": False,
        "subject": "points",
        "amplifies": None,
        "question_answered": None,
    }
    return {"id": post_id, "labels": list(labels), **nothing, **fields}


def line(post_id: str, *, language: str = "nl", topic_id: int | None = 1, **fields: Any) -> dict[str, Any]:
    probabilities = {signal: fields.pop(signal, 0.1) for signal in SIGNALS}
    nothing = {"off_purpose": 0.0, "off_thread": 0.0, "null_reasons": {}}
    return {
        "id": post_id,
        "language": language,
        "topic_id": topic_id,
        "signals": probabilities,
        **nothing,
        **fields,
    }


def sample_of(records: list[dict[str, Any]], truths: list[dict[str, Any]]) -> Sample:
    return Sample({each["id"]: each for each in records}, {each["id"]: each for each in truths})


def run_of(lines: list[dict[str, Any]], **files: Mapping[str, Any]) -> Run:
    empty: dict[str, Mapping[str, Any]] = {
        "topics": {"topics": []},
        "response_times": {"episodes": [], "unanswered_questions": []},
        "splits": {"proposals": [], "refused": []},
        "drift": {"periods": [], "lines": []},
        "thresholds": THRESHOLDS,
    }
    return Run(posts={each["id"]: each for each in lines}, **{**empty, **files})  # type: ignore[arg-type]


def many(n: int, **fields: Any) -> tuple[list[str], list[dict[str, Any]]]:
    ids = [f"p{number}" for number in range(n)]
    return ids, [record(post_id, **fields) for post_id in ids]
