"""The claims about topics and splits, measured again: one function per claim, as in `training.evaluate`."""

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.assignments import assign_topics
from moderation.subcommunities import read_membership
from topics.agreement import TopicAgreement, compare_with_labels
from topics.clustering import find_topics
from topics.splits_agreement import SplitFigures, measure_spaces
from training.evaluate import Bench, Row
from training.intervals import wilson_interval
from training.measuring_corpora import existing, part_of, read_newsgroups, vectors_of

SUBSAMPLES = (1_000, 5_000)
SPLIT_GROUPS = (
    "rec.autos",
    "rec.motorcycles",
    "rec.sport.baseball",
    "rec.sport.hockey",
    "sci.space",
    "sci.med",
    "talk.politics.guns",
    "talk.politics.mideast",
    "comp.sys.mac.hardware",
    "comp.sys.ibm.pc.hardware",
)


def measure_topics_of_newsgroups(bench: Bench) -> Iterator[Row]:
    """Topics of all twenty groups, their number found by itself."""
    news = read_newsgroups(bench)
    found = compare_with_labels(assign_topics(news.corpus).topic_of - 1, news.group)
    on, reference = "newsgroups20, all; unsorted counts as one topic", "Topeax .513 / .383, BERTopic .402 / .170"
    yield _plain("Topics, newsgroups", on, "AMI", found.ami, found.n_posts, reference=reference, target=0.60)
    yield _plain("Topics, newsgroups", on, "FMI", found.fmi, found.n_posts, reference=reference, target=0.45)
    yield _count("Topics, newsgroups", on, found, aim="12–30")


def measure_topics_of_titles(bench: Bench) -> Iterator[Row]:
    """Topics of short titles."""
    folder = existing(bench.data_folder / "labels" / "stackoverflow20_titles_en")
    titles = (folder / "title_StackOverflow.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    labels = (folder / "label_StackOverflow.txt").read_text(encoding="utf-8").split()
    found = compare_with_labels(find_topics(vectors_of(bench, titles)).labels, labels)
    on = "stackoverflow20 titles, all; unsorted counts as one topic"
    reference = "NMI .78 / ARI .75 on 5,000; BERTopic ARI .70"
    yield _plain("Topics, titles", on, "AMI", found.ami, found.n_posts, reference=reference, target=0.78)
    yield _plain("Topics, titles", on, "ARI", found.ari, found.n_posts, reference=reference, target=0.74)
    yield _count("Topics, titles", on, found, aim="15–28")


def measure_growth_of_the_topic_count(bench: Bench) -> Iterator[Row]:
    """How the number of topics changes when the same community has more posts."""
    news = read_newsgroups(bench)
    n_all = len(assign_topics(news.corpus).topics)
    for n_posts in SUBSAMPLES:
        rows = np.sort(np.random.default_rng(0).permutation(len(news.corpus))[:n_posts])
        n_topics = len(assign_topics(part_of(news.corpus, rows)).topics)
        yield Row(
            "Topic count when the corpus grows",
            f"newsgroups20, {n_posts:,} posts drawn once against all",
            "change of the number of topics",
            abs(n_all / max(n_topics, 1) - 1),
            None,
            None,
            n_posts,
            reference="BERTopic 12 to 234 from 1,000 posts to all",
            target=0.30,
            at_most=True,
            note=f"{n_topics} to {n_all} topics",
        )


def measure_dutch_and_english_topics(bench: Bench) -> Iterator[Row]:
    """The same sentences in both languages."""
    parts = [_parallel_sentences(bench.data_folder, code) for code in ("nld_Latn", "eng_Latn")]
    vectors = [vectors_of(bench, [text for text, _ in part]) for part in parts]
    n = len(parts[0])
    found = find_topics(np.concatenate(vectors), groups=np.repeat([0, 1], n)).labels
    dutch = compare_with_labels(found[:n], [label for _, label in parts[0]])
    english = compare_with_labels(found[n:], [label for _, label in parts[1]])
    yield _plain(
        "Dutch on equal terms",
        f"sib200, both languages together; same sentence in the same topic {np.mean(found[:n] == found[n:]):.0%}",
        "AMI Dutch / AMI English",
        dutch.ami / english.ami,
        n,
        target=0.95,
    )


def measure_splits(bench: Bench) -> Iterator[Row]:
    """Two merged groups should be told apart; one group alone should not be split."""
    news = read_newsgroups(bench)
    names = sorted(set(news.group.tolist()))
    membership = read_membership(news.corpus, np.zeros(len(news.corpus), dtype=np.int64))
    rows_of_posts = np.flatnonzero(news.corpus.visible)
    space = np.searchsorted(np.array(names), news.group[rows_of_posts])

    def sort_posts(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return assign_topics(part_of(news.corpus, rows_of_posts[rows])).topic_of - 1

    def judge(groups: Sequence[str]) -> SplitFigures:
        spaces = tuple(names.index(group) for group in groups)
        return measure_spaces(membership.activity, space, spaces, sort_posts=sort_posts)

    pairs = [judge(pair) for pair in combinations(SPLIT_GROUPS, 2)]
    n_proposed = sum(pair.proposed for pair in pairs)
    rands = [pair.rand for pair in pairs if pair.rand is not None]
    low, high = wilson_interval(n_proposed, len(pairs))
    on = "newsgroups20, 45 pairs of ten groups merged"
    yield Row("Splits, proposed", on, "share", n_proposed / len(pairs), low, high, len(pairs), target=0.90)
    yield _plain(
        "Splits, mean over proposed", on, "ARI over all members", float(np.mean(rands)), len(rands), target=0.85
    )
    alone = [judge([name]) for name in names]
    n_refused = sum(not one.proposed for one in alone)
    low, high = wilson_interval(n_refused, len(alone))
    wrong = [name for name, one in zip(names, alone, strict=True) if one.proposed]
    yield Row(
        "Splits, refused",
        "newsgroups20, each group alone",
        "share",
        n_refused / len(alone),
        low,
        high,
        len(alone),
        target=0.90,
        note="proposed: " + ", ".join(wrong) if wrong else "",
    )


STRUCTURE_CLAIMS: tuple[Callable[[Bench], Iterator[Row]], ...] = (
    measure_topics_of_newsgroups,
    measure_topics_of_titles,
    measure_growth_of_the_topic_count,
    measure_dutch_and_english_topics,
    measure_splits,
)


def _plain(
    what: str, on: str, measure: str, figure: float, n: int, *, reference: str = "", target: float | None = None
) -> Row:
    return Row(what, on, measure, figure, None, None, n, reference=reference, target=target)


def _count(what: str, on: str, found: TopicAgreement, *, aim: str) -> Row:
    note = f"aim {aim}; {found.unsorted_share:.1%} unsorted"
    return Row(what, on, "number of topics (20 groups)", float(found.n_topics), None, None, found.n_posts, note=note)


def _parallel_sentences(data_folder: Path, code: str) -> list[tuple[str, str]]:
    folder = existing(data_folder / "labels" / "sib200_topics_multi" / code)
    rows = []
    for part in ("train", "dev", "test"):
        with (folder / f"{part}.tsv").open(encoding="utf-8", newline="") as lines:
            rows += list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(row["text"], row["category"]) for row in sorted(rows, key=lambda row: int(row["index_id"]))]
