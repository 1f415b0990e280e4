"""The main job, as a table of contents: an export in, everything that the report and the files say out."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.encoder import Encoder
from models.heads import HeadSet
from moderation.assignments import Topics, assign_topics
from moderation.config import Community
from moderation.corpus import Corpus
from moderation.decided_posts import NOTHING_DECIDED, DecidedPosts
from moderation.drift import report_changes
from moderation.episode_overrides import NONE, Overrides
from moderation.everyday_subjects import SUBJECTS
from moderation.explanations import EXPLAINED_POSTS, explain_flags
from moderation.exports import Export, read_exports
from moderation.faq import find_faq
from moderation.flags import Flag, raise_flags
from moderation.ideas import find_ideas
from moderation.left_out import hide_left_out
from moderation.members import member_ledger
from moderation.purpose import PurposeTexts
from moderation.relevance import Relevance, measure_relevance
from moderation.replies import reply_background
from moderation.response_times import measure_response_times
from moderation.scoring import BATCH_SIZE, ReadPosts, read_posts, score_posts
from moderation.subcommunities import propose_subcommunities
from moderation.topic_ids import EarlierTopics

STAGES = ("read", "encode", "signals", "topics", "drift", "splits", "response_times", "report")


class Progress(Protocol):
    """Shows how far a long job is; the pipeline calls it and prints nothing itself."""

    def start(self, stage: str, total: int | None) -> None:
        """A stage begins; `total` units are expected, or it is not known."""

    def advance(self, n_done: int) -> None:
        """So many more units of the running stage are done."""

    def finish(self, stage: str, seconds: float) -> None:
        """The stage has ended."""

    def note(self, line: str) -> None:
        """Something that a person may want to know, in one line."""


@dataclass
class Stopwatch:
    """Seconds per stage, shown through a `Progress` as they pass."""

    progress: Progress
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[None]:
        """Time one stage; a stage entered twice adds up."""
        self.progress.start(name, total)
        start = perf_counter()
        yield
        self.book(name, perf_counter() - start)
        self.progress.finish(name, self.seconds[name])

    def book(self, name: str, seconds: float) -> None:
        """Count seconds for a stage; negative seconds move time to another stage."""
        self.seconds[name] += seconds


@dataclass(frozen=True)
class Analysis:
    """Everything that one run found; the dictionaries are the contents of the files of the same names."""

    community: Community
    export: Export
    corpus: Corpus
    topics_of_rows: Topics
    relevance: Relevance
    flags: tuple[tuple[Flag, ...], ...]
    topics: dict[str, Any]
    drift: dict[str, Any]
    splits: dict[str, Any]
    response_times: dict[str, Any]
    members: dict[str, Any]
    faq: dict[str, Any]
    ideas: dict[str, Any]
    encoder_version: str
    head_versions: Mapping[str, str]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Models:
    """What reads the text: the encoder and the heads that were fitted on it."""

    encoder: Encoder
    heads: HeadSet

    @cached_property
    def version(self) -> str:
        """Names both; scores of another version are not compared with these."""
        heads = ",".join(self.heads.versions.values())
        return f"{self.encoder.version}/{sha256(heads.encode()).hexdigest()[:8]}"

    @cached_property
    def everyday_subjects(self) -> NDArray[np.float32]:
        """Common subjects, to hold a purpose text against; shape (n_subjects, dim)."""
        return _vectors(self.encoder, SUBJECTS)


@dataclass(frozen=True)
class Request:
    """What to analyse, and how it is to be read.

    Attributes
    ----------
    paths : exports of the community itself.
    outside_paths : exports of another channel to compare the response times with.
    columns : for CSV files, the column of each record field.
    batch_size : texts per encoder batch; it changes memory and speed, never a figure.
    n_explained : posts at most whose flags name the sentences that carry them.
    now : what "a day ahead" is measured from; None = the clock.
    """

    paths: Sequence[Path]
    outside_paths: Sequence[Path] = ()
    columns: Mapping[str, str] | None = None
    batch_size: int = BATCH_SIZE
    n_explained: int = EXPLAINED_POSTS
    now: datetime | None = None


def analyse(request: Request, community: Community, models: Models, progress: Progress) -> Analysis:
    """Read, encode, score, cluster, and measure drift, splits and response times.

    Raises
    ------
    ExportUnreadable
        A file is missing, or holds no post.
    """
    watch = Stopwatch(progress)
    export, corpus = _read_and_score(request.paths, request, community, models, watch)
    outside_export, outside = None, None
    if request.outside_paths:
        outside_export, outside = _read_and_score(request.outside_paths, request, community, models, watch)
    analysis = analyse_scored(
        export, corpus, community, models, watch=watch, outside=outside, outside_export=outside_export
    )
    with watch.stage("signals"):
        flags = explain_flags(
            corpus, analysis.flags, encoder=models.encoder, heads=models.heads, at_most=request.n_explained
        )
    return replace(analysis, flags=flags)


def analyse_scored(
    export: Export,
    corpus: Corpus,
    community: Community,
    models: Models,
    *,
    watch: Stopwatch,
    outside: Corpus | None = None,
    outside_export: Export | None = None,
    earlier_topics: EarlierTopics | None = None,
    overrides: Overrides = NONE,
    decided: DecidedPosts = NOTHING_DECIDED,
) -> Analysis:
    """The same for posts that have been scored already; which sentences carry their flags is not worked out.

    Parameters
    ----------
    earlier_topics : the topics that the new ones go on from; None = they are numbered by size.
    overrides : what moderators said about episodes and questions.
    decided : posts whose place moderators decided.
    """
    corpus = replace(corpus, background=reply_background(corpus))
    with watch.stage("topics"):
        topics = assign_topics(corpus, earlier_topics)
    with watch.stage("signals"):
        texts = purpose_texts(community, models)
        relevance = measure_relevance(corpus, texts, decided=decided)
    with watch.stage("response_times"):
        response_times = measure_response_times(
            corpus,
            topic_of=topics.topic_id_of,
            community=community,
            end_at=export.end_at,
            outside=outside,
            outside_end_at=outside_export.end_at if outside_export else None,
            overrides=overrides,
        )
        faq = find_faq(corpus, topic_of=topics.topic_id_of, overrides=overrides)
        ideas = find_ideas(corpus, topic_of=topics.topic_id_of, community=community)
    with watch.stage("drift"):
        drift = report_changes(corpus, topics, response_times, community=community)
    with watch.stage("splits"):
        counted = hide_left_out(corpus, community.left_out)
        splits = propose_subcommunities(counted, topics, community=community, overrides=overrides)
        members = member_ledger(corpus, topics, response_times, left_out=community.left_out, overrides=overrides)
    return Analysis(
        community=community,
        export=export,
        corpus=corpus,
        topics_of_rows=topics,
        relevance=relevance,
        flags=raise_flags(corpus, relevance, response_times),
        topics=topics.as_json(),
        drift=drift,
        splits=splits,
        response_times=response_times,
        members=members,
        faq=faq,
        ideas=ideas,
        encoder_version=models.encoder.version,
        head_versions=models.heads.versions,
        seconds=watch.seconds,
    )


def _read_and_score(
    paths: Sequence[Path], request: Request, community: Community, models: Models, watch: Stopwatch
) -> tuple[Export, Corpus]:
    with watch.stage("read"):
        export = read_exports(paths, columns=request.columns, staff=frozenset(community.staff), now=request.now)
        read = read_posts(export.posts, languages=community.languages)
    with watch.stage("encode", total=_n_texts(read)):
        scored = score_posts(
            read, models.encoder, models.heads, batch_size=request.batch_size, advance=watch.progress.advance
        )
        watch.book("encode", -scored.signals_seconds)
    watch.book("signals", scored.signals_seconds)
    return export, scored.corpus


def _n_texts(read: ReadPosts) -> int:
    return len({(reading.words, language) for reading, language in zip(read.readings, read.languages, strict=True)})


def purpose_texts(community: Community, models: Models) -> PurposeTexts:
    """The vectors of the community's purpose and of its spaces' purposes, one row for each that is there."""
    texts = [text for text in (community.purpose, *(space.purpose for space in community.spaces)) if text]
    if not texts:
        return PurposeTexts.none(models.encoder.dim)
    return PurposeTexts(_vectors(models.encoder, texts), models.everyday_subjects)


def _vectors(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    return np.concatenate([encoding.vectors for encoding in encoder.encode(texts)])
