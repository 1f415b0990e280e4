"""The main job, as a table of contents: an export in, everything that the report and the files say out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from moderation.drift import measure_drift
from moderation.exports import Export, read_exports
from moderation.flags import Flag, raise_flags
from moderation.members import member_ledger
from moderation.relevance import Relevance, measure_relevance
from moderation.response_times import measure_response_times
from moderation.scoring import BATCH_SIZE, ReadPosts, read_posts, score_posts
from moderation.subcommunities import propose_subcommunities

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


@dataclass(frozen=True)
class Request:
    """What to analyse, and how it is to be read.

    Attributes
    ----------
    paths : exports of the community itself.
    outside_paths : exports of another channel to compare the response times with.
    columns : for CSV files, the column of each record field.
    batch_size : texts per encoder batch; it changes memory and speed, never a figure.
    now : what "a day ahead" is measured from; None = the clock.
    """

    paths: Sequence[Path]
    outside_paths: Sequence[Path] = ()
    columns: Mapping[str, str] | None = None
    batch_size: int = BATCH_SIZE
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
    return analyse_scored(
        export, corpus, community, models, watch=watch, outside=outside, outside_export=outside_export
    )


def analyse_scored(
    export: Export,
    corpus: Corpus,
    community: Community,
    models: Models,
    *,
    watch: Stopwatch,
    outside: Corpus | None = None,
    outside_export: Export | None = None,
    name_topics: Callable[[Topics], Topics] | None = None,
) -> Analysis:
    """The same for posts that have been scored already.

    Parameters
    ----------
    name_topics : gives topics the ids that they had before; None = they are numbered by size.
    """
    with watch.stage("topics"):
        topics = assign_topics(corpus)
        if name_topics is not None:
            topics = name_topics(topics)
    with watch.stage("signals"):
        relevance = measure_relevance(corpus, purpose_vectors(community, models.encoder))
    with watch.stage("response_times"):
        response_times = measure_response_times(
            corpus,
            topic_of=topics.topic_id_of,
            community=community,
            end_at=export.end_at,
            outside=outside,
            outside_end_at=outside_export.end_at if outside_export else None,
        )
    with watch.stage("drift"):
        drift = measure_drift(corpus, topics, community=community)
    with watch.stage("splits"):
        splits = propose_subcommunities(corpus, topics)
        members = member_ledger(corpus, topics, response_times)
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


def purpose_vectors(community: Community, encoder: Encoder) -> NDArray[np.float32]:
    """The vectors of the community's purpose and of its spaces' purposes, one row for each that is there."""
    texts = [text for text in (community.purpose, *(space.purpose for space in community.spaces)) if text]
    if not texts:
        return np.empty((0, encoder.dim), dtype=np.float32)
    return np.concatenate([encoding.vectors for encoding in encoder.encode(texts)])
