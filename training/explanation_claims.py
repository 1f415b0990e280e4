"""How often an explanation names the sentence that a reader marked beforehand, against chance and length."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.attribution import SentenceEffects, measure_sentences
from models.sentences import Sentence
from models.signals import SIGNALS
from training.evaluate import Bench, Row
from training.intervals import bootstrap_interval, wilson_interval
from training.measuring_sets import MeasuringSetMissing

MARKED_POSTS = Path(__file__).parents[1] / "tests" / "data" / "explanations"
TARGET = 0.7
MIN_OVERLAP = 0.5
"""Of the named sentence and of the marked one, in characters."""


@dataclass(frozen=True)
class MarkedPost:
    """A post, and which of its characters a reader marked as what gives it its signal.

    Attributes
    ----------
    number : posts of two languages under one number may tell the same story.
    marked : begin and end of each marked sentence.
    """

    number: int
    part: str
    language: str
    signal: str
    text: str
    marked: tuple[tuple[int, int], ...]

    def is_marked(self, sentence: Sentence) -> bool:
        """Whether a sentence is one of the marked ones, neither cut too much nor too little."""
        n_shared = [max(0, min(sentence.end, end) - max(sentence.begin, begin)) for begin, end in self.marked]
        holds_one = any(n >= MIN_OVERLAP * (end - begin) for n, (begin, end) in zip(n_shared, self.marked, strict=True))
        return holds_one and sum(n_shared) >= MIN_OVERLAP * (sentence.end - sentence.begin)


@dataclass(frozen=True)
class Named:
    """Whether the sentence named for each post is a marked one, and that of simpler ways; shape (n,) each.

    Attributes
    ----------
    by_chance : the share of the post's sentences that are marked.
    is_flagged : the post's probability reaches the threshold of its signal.
    """

    by_effect: NDArray[np.bool_]
    longest: NDArray[np.bool_]
    first: NDArray[np.bool_]
    last: NDArray[np.bool_]
    by_chance: NDArray[np.float64]
    is_flagged: NDArray[np.bool_]


def measure_explanations(bench: Bench) -> Iterator[Row]:
    """The test part: together, by language, by signal, those that would be flagged; and what simpler ways reach."""
    posts = [post for post in read_marked_posts() if post.part == "test"]
    named = name_sentences(posts, bench)
    languages, signals = (np.array([getattr(post, name) for post in posts]) for name in ("language", "signal"))
    everything = np.ones(len(posts), dtype=bool)
    yield _share_row("all", named, everything, numbers=[post.number for post in posts])
    for language in sorted(set(languages)):
        yield _share_row(str(language), named, languages == language)
    for signal in sorted(set(signals), key=SIGNALS.index):
        yield _share_row(str(signal), named, signals == signal, target=None)
    yield _share_row("posts at their threshold", named, named.is_flagged)
    yield _share_row("the marked sentence is not the longest", named, ~named.longest)
    yield _advantage_row("longest sentence", named.by_effect, named.longest, posts)
    yield _advantage_row("chance", named.by_effect, named.by_chance, posts)


def name_sentences(posts: Sequence[MarkedPost], bench: Bench) -> Named:
    """Name a sentence of each post in every way."""
    effects = measure_sentences([post.text for post in posts], encoder=bench.encoder, heads=bench.heads)
    return Named(
        by_effect=_hits(posts, effects, lambda post, found: found.drops[:, SIGNALS.index(post.signal)]),
        longest=_hits(posts, effects, lambda _, found: np.array([one.end - one.begin for one in found.sentences])),
        first=_hits(posts, effects, lambda _, found: -np.arange(len(found.sentences))),
        last=_hits(posts, effects, lambda _, found: np.arange(len(found.sentences))),
        by_chance=np.array(
            [
                np.mean([post.is_marked(one) for one in found.sentences])
                for post, found in zip(posts, effects, strict=True)
            ]
        ),
        is_flagged=_is_flagged(posts, bench),
    )


def read_marked_posts(folder: Path = MARKED_POSTS) -> tuple[MarkedPost, ...]:
    """Every marked post, in the order of the files.

    Raises
    ------
    MeasuringSetMissing
        The files are not there, as in an installation without the tests.
    """
    if not folder.exists():
        raise MeasuringSetMissing(f"{folder} is not there; it comes with the source, not with the installed package")
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    return tuple(_marked_post(json.loads(line)) for line in lines)


def _marked_post(record: dict[str, str | list[str]]) -> MarkedPost:
    text = str(record["text"])
    begins = [(text.index(sentence), sentence) for sentence in record["decisive"]]
    return MarkedPost(
        number=int(str(record["id"]).rsplit("-", 1)[1]),
        part=str(record["part"]),
        language=str(record["language"]),
        signal=str(record["signal"]),
        text=text,
        marked=tuple((begin, begin + len(sentence)) for begin, sentence in begins),
    )


def _hits(
    posts: Sequence[MarkedPost],
    effects: Sequence[SentenceEffects],
    weigh: Callable[[MarkedPost, SentenceEffects], NDArray[np.float64] | NDArray[np.intp]],
) -> NDArray[np.bool_]:
    """Whether the sentence that weighs most is a marked one; of equals the first."""
    return np.array(
        [
            post.is_marked(found.sentences[int(np.argmax(weigh(post, found)))])
            for post, found in zip(posts, effects, strict=True)
        ]
    )


def _is_flagged(posts: Sequence[MarkedPost], bench: Bench) -> NDArray[np.bool_]:
    p = bench.heads.probabilities(bench.hidden([post.text for post in posts]), [post.language for post in posts])
    columns = [SIGNALS.index(post.signal) for post in posts]
    limits = [bench.heads.threshold(post.signal, post.language).probability for post in posts]
    reached = np.array([np.inf if limit is None else limit for limit in limits])
    return np.asarray(p[np.arange(len(posts)), columns] >= reached)


def _share_row(
    whose: str,
    named: Named,
    rows: NDArray[np.bool_],
    *,
    numbers: Sequence[int] | None = None,
    target: float | None = TARGET,
) -> Row:
    """Share of posts whose decisive sentence is named first; with `numbers` an interval over stories."""
    hits = named.by_effect[rows]
    if not len(hits):
        note = "the set holds no such post"
        return Row(f"Explanation, {whose}", _MEASURED_ON, _MEASURE, None, None, None, 0, target=target, note=note)
    interval = wilson_interval(int(hits.sum()), len(hits)) if numbers is None else _over_stories(hits, numbers)
    simpler = {"chance": named.by_chance, "longest": named.longest, "first": named.first, "last": named.last}
    reference = ", ".join(f"{name} {hits_of[rows].astype(np.float64).mean():.2f}" for name, hits_of in simpler.items())
    return Row(
        f"Explanation, {whose}", _MEASURED_ON, _MEASURE, float(hits.mean()), *interval, len(hits),
        reference=reference, target=target,
    )  # fmt: skip


_MEASURED_ON = "marked posts, test part; shipped"
_MEASURE = "share whose decisive sentence is named first"


def _advantage_row(
    over: str,
    hits: NDArray[np.bool_],
    hits_of_other: NDArray[np.bool_] | NDArray[np.float64],
    posts: Sequence[MarkedPost],
) -> Row:
    """By how much the share is above that of another way on the same posts."""
    gain = hits.astype(np.float64) - hits_of_other
    low, high = _over_stories(gain, [post.number for post in posts])
    what, measure = f"Explanation, advantage over {over}", "difference of shares, paired"
    return Row(what, _MEASURED_ON, measure, float(gain.mean()), low, high, len(posts), note="resampled by story")


def _over_stories(figures: NDArray[np.bool_] | NDArray[np.float64], numbers: Sequence[int]) -> tuple[float, float]:
    """Interval of a mean, posts of one number drawn together."""
    stories = [np.flatnonzero(np.array(numbers) == number) for number in sorted(set(numbers))]
    return bootstrap_interval(
        lambda drawn: float(figures[np.concatenate([stories[story] for story in drawn])].mean()), len(stories)
    )
