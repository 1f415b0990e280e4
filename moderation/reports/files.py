"""Writes the files that an analysis leaves behind, byte for byte the same for the same posts."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.signals import SIGNALS
from moderation.explanations import quoted_json
from moderation.exports import Reject
from moderation.flags import not_scored_reason, placement_json, turned_at
from moderation.pipeline import Analysis

HASHED_FILES = (
    "posts.jsonl",
    "topics.json",
    "drift.json",
    "splits.json",
    "response_times.json",
    "members.json",
    "faq.json",
    "ideas.json",
)
"""What `run_hash` covers, in this order: the SHA-256 of these files' bytes one after another."""


def write_files(analysis: Analysis, out: Path) -> str:
    """Write the hashed files and rejects.jsonl into a folder that exists.

    Returns
    -------
    The run hash, in hexadecimal: `cat` the files of HASHED_FILES in that order into `sha256sum` to check it.
    """
    contents = {
        "posts.jsonl": "".join(_line(post) for post in post_lines(analysis)),
        "topics.json": _document(analysis.topics),
        "drift.json": _document(analysis.drift),
        "splits.json": _document(analysis.splits),
        "response_times.json": _document(analysis.response_times),
        "members.json": _document(analysis.members),
        "faq.json": _document(analysis.faq),
        "ideas.json": _document(analysis.ideas),
    }
    digest = hashlib.sha256()
    for name in HASHED_FILES:
        encoded = contents[name].encode()
        digest.update(encoded)
        (out / name).write_bytes(encoded)
    _write_rejects(analysis.export.rejects, out / "rejects.jsonl")
    return digest.hexdigest()


def write_run(run: Mapping[str, Any], out: Path) -> None:
    """Write run.json, last of all, so that a folder with one is complete."""
    (out / "run.json").write_text(_document(run), encoding="utf-8")


def run_summary(analysis: Analysis, *, run_hash: str, settings: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The contents of run.json.

    Parameters
    ----------
    settings : what the run was asked to do, as the caller names it.
    """
    counts = analysis.export.counts
    seconds = {stage: round(seconds, 3) for stage, seconds in analysis.seconds.items()}
    scored = int((~np.isnan(analysis.corpus.signals).any(axis=1)).sum())
    return {
        "klankbord_version": version,
        "posts": {
            "read": counts.read,
            "rejected": counts.rejected,
            "duplicates": counts.duplicates,
            "analysed": len(analysis.corpus),
            "scored": scored,
            "by_kind": dict(counts.by_kind),
            "by_language": _languages(analysis),
            "threads": len(analysis.corpus.threads),
            "repaired": dict(counts.repairs),
        },
        "seconds": {**seconds, "total": round(sum(analysis.seconds.values()), 3)},
        "encoder_version": analysis.encoder_version,
        "head_versions": dict(analysis.head_versions),
        "settings": dict(settings),
        "run_hash": run_hash,
    }


def post_lines(analysis: Analysis) -> Iterable[dict[str, Any]]:
    """What posts.jsonl says of each analysed post, in the order of the corpus."""
    corpus, topics, relevance = analysis.corpus, analysis.topics_of_rows, analysis.relevance
    for row, post in enumerate(corpus.posts):
        topic_id = int(topics.topic_of[row])
        reasons = {
            "signals": not_scored_reason(corpus, row),
            "off_purpose": relevance.off_purpose_reasons[row],
            "off_thread": relevance.off_thread_reasons[row],
        }
        yield {
            "id": post.id,
            "thread_id": post.thread_id,
            "language": corpus.languages[row],
            "topic_id": topic_id if topic_id > 0 else None,
            "topic_cosine": _rounded(float(topics.cosine[row])),
            "unsorted_reason": topics.unsorted_reasons[row],
            "signals": {name: _rounded(float(p)) for name, p in zip(SIGNALS, corpus.signals[row], strict=True)},
            "off_purpose": _rounded(float(relevance.p_off_purpose[row])),
            "off_thread": _rounded(float(relevance.p_off_thread[row])),
            "placement": placement_json(corpus, relevance, row),
            "thread_turned_at": turned_at(corpus, relevance, row),
            "null_reasons": {name: reason for name, reason in reasons.items() if reason is not None},
            "flags": [quoted_json(flag, corpus.readings[row].words) for flag in analysis.flags[row]],
        }


def _languages(analysis: Analysis) -> dict[str, int]:
    names, counts = np.unique(np.array(analysis.corpus.languages, dtype=str), return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}


def _write_rejects(rejects: Iterable[Reject], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for reject in rejects:
            file.write(
                _line({"file": reject.file, "line": reject.line, "field": reject.field, "reason": reject.reason})
            )


def _rounded(number: float) -> float | None:
    return None if np.isnan(number) else round(number, 6)


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def _document(contents: Mapping[str, Any]) -> str:
    return json.dumps(contents, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
