"""Analyses to report on: the real stages on planted signals and vectors, so that no model is needed."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from models.heads import Threshold
from models.languages import detect_languages
from models.signals import SIGNALS
from moderation.assignments import assign_topics
from moderation.config import Community, load_community
from moderation.corpus import Corpus
from moderation.drift import report_changes
from moderation.exports import Export, ReadCounts, read_exports
from moderation.faq import find_faq
from moderation.flags import raise_flags
from moderation.ideas import find_ideas
from moderation.members import member_ledger
from moderation.pipeline import Analysis
from moderation.posts import Post
from moderation.purpose import PurposeTexts
from moderation.reading import read_words
from moderation.relevance import measure_relevance
from moderation.response_times import measure_response_times
from moderation.subcommunities import propose_subcommunities

SAMPLE = Path(__file__).parents[3] / "examples" / "sample"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DIM = 64


def post(id_, text, *, hours=0.0, author="m1", thread="t1", **fields):
    return Post(
        id=id_, thread_id=thread, created_at=START + timedelta(hours=hours), text=text, author_id=author, **fields
    )


def planted_corpus(posts, *, signals_of=None, subject_of=None, unreachable=()):
    """Signals that a post does not name are 0.03; posts of one subject have vectors close to each other.

    `unreachable` names the (signal, language) pairs without a threshold.
    """
    posts = tuple(sorted(posts, key=lambda each: (each.created_at, each.id)))
    readings = tuple(read_words(each) for each in posts)
    languages = tuple(
        each.language or found
        for each, found in zip(
            posts, detect_languages([reading.words for reading in readings], languages=["nl", "en"]), strict=True
        )
    )
    signals = np.full((len(posts), len(SIGNALS)), 0.03)
    for row, each in enumerate(posts):
        for signal in (signals_of or {}).get(each.id, ()):
            signals[row, SIGNALS.index(signal)] = 0.8 + 0.001 * (row % 100)
    thresholds = {
        (signal, language): Threshold(None, "unreachable", None, None, 400)
        if (signal, language) in unreachable
        else Threshold(0.5, "validated", 0.82, 0.61, 400)
        for signal in SIGNALS
        for language in {*languages, "nl", "en"}
    }
    vectors = _vectors([(subject_of or {}).get(each.id, "one") for each in posts])
    return Corpus(posts, readings, languages, vectors, signals, thresholds)


def _vectors(subjects):
    generator = np.random.default_rng(1)
    names = sorted(set(subjects))
    centres = generator.normal(size=(len(names), DIM))
    rows = np.stack([centres[names.index(subject)] + generator.normal(size=DIM) for subject in subjects])
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def analysed(corpus, *, community=None, outside=None, export=None):
    """Every stage after the models, as the pipeline calls them."""
    community = community or Community()
    export = export or Export(corpus.posts, (), _counts(corpus))
    topics = assign_topics(corpus)
    relevance = measure_relevance(corpus, PurposeTexts.none(DIM))
    times = measure_response_times(
        corpus, topic_of=topics.topic_id_of, community=community, end_at=export.end_at, outside=outside
    )
    return Analysis(
        community=community,
        export=export,
        corpus=corpus,
        topics_of_rows=topics,
        relevance=relevance,
        flags=raise_flags(corpus, relevance, times),
        topics=topics.as_json(),
        drift=report_changes(corpus, topics, times, community=community),
        splits=propose_subcommunities(corpus, topics),
        response_times=times,
        members=member_ledger(corpus, topics, times),
        faq=find_faq(corpus, topic_of=topics.topic_id_of),
        ideas=find_ideas(corpus, topic_of=topics.topic_id_of, community=community),
        encoder_version="multilingual-e5-small",
        head_versions={"negative": "1"},
        seconds={},
    )


def _counts(corpus):
    n = len(corpus)
    return ReadCounts(lines=n, read=n, rejected=0, duplicates=0, by_kind={"post": n}, repairs={})


def run_of(analysis):
    """As run.json; only what the page reads."""
    counts = analysis.export.counts
    return {
        "klankbord_version": "0.1.0",
        "posts": {
            "read": counts.read,
            "rejected": counts.rejected,
            "duplicates": counts.duplicates,
            "analysed": len(analysis.corpus),
            "scored": int((~np.isnan(analysis.corpus.signals).any(axis=1)).sum()),
            "by_kind": dict(counts.by_kind),
            "by_language": dict(Counter(analysis.corpus.languages)),
        },
        "encoder_version": analysis.encoder_version,
        "head_versions": analysis.head_versions,
        "run_hash": "0a1b" * 16,
    }


def sample_analysis():
    """The sample community, with the labels that were planted in it as its signals."""
    community = load_community(SAMPLE / "community.toml")
    export = read_exports([SAMPLE / "posts.jsonl"], staff=community.staff)
    truth = [json.loads(line) for line in (SAMPLE / "ground_truth.jsonl").read_text("utf-8").splitlines()]
    corpus = planted_corpus(
        [each for each in export.posts if each.kind == "post"],
        signals_of={each["id"]: each["labels"] for each in truth},
        subject_of={each["id"]: each["subject"] for each in truth},
        unreachable={("idea", "en")},
    )
    outside_posts = read_exports([SAMPLE / "outside.jsonl"]).posts
    first_lines = [each.id for each in outside_posts if each.role == "member"]
    outside = planted_corpus(outside_posts, signals_of={id_: ["negative", "negative_wom"] for id_ in first_lines[::2]})
    return analysed(corpus, community=community, outside=outside, export=export)
