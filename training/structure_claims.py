"""The claims about topics, relevance and splits, measured again: one function per claim, as in `training.evaluate`."""

import csv
import lzma
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models.heads import Threshold
from models.signals import SIGNALS
from moderation.assignments import assign_topics
from moderation.corpus import Corpus
from moderation.exports import read_exports
from moderation.posts import Post
from moderation.relevance import measure_relevance, oddness
from moderation.scoring import read_posts
from moderation.subcommunities import read_membership
from topics.agreement import TopicAgreement, compare_with_labels
from topics.clustering import find_topics
from topics.splits_agreement import SplitFigures, measure_spaces
from training.evaluate import Bench, Row
from training.intervals import auc_interval, wilson_interval
from training.measuring_sets import MeasuringSetMissing

SUBSAMPLES = (1_000, 5_000)
STRANGER_SHARE = 0.05
MIN_ARTICLE_POSTS = 100
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
NO_THRESHOLD = Threshold(None, "unreachable", None, None, 0)


@dataclass(frozen=True)
class Newsgroups:
    """The newsgroups as the product reads them, with the group that it never sees."""

    corpus: Corpus
    group: NDArray[np.str_]

    @property
    def hierarchy(self) -> NDArray[np.str_]:
        """The first part of each post's group name."""
        return np.array([name.split(".")[0] for name in self.group])


def measure_topics_of_newsgroups(bench: Bench) -> Iterator[Row]:
    """Topics of all twenty groups, their number found by itself."""
    news = _newsgroups(bench)
    found = compare_with_labels(assign_topics(news.corpus).topic_of - 1, news.group)
    on, reference = "newsgroups20, all; unsorted counts as one topic", "Topeax .513 / .383, BERTopic .402 / .170"
    yield _plain("Topics, newsgroups", on, "AMI", found.ami, found.n_posts, reference=reference, target=0.60)
    yield _plain("Topics, newsgroups", on, "FMI", found.fmi, found.n_posts, reference=reference, target=0.45)
    yield _count("Topics, newsgroups", on, found, aim="12–30")


def measure_topics_of_titles(bench: Bench) -> Iterator[Row]:
    """Topics of short titles."""
    folder = _existing(bench.data_folder / "labels" / "stackoverflow20_titles_en")
    titles = (folder / "title_StackOverflow.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    labels = (folder / "label_StackOverflow.txt").read_text(encoding="utf-8").split()
    found = compare_with_labels(find_topics(_vectors(bench, titles)).labels, labels)
    on = "stackoverflow20 titles, all; unsorted counts as one topic"
    reference = "NMI .78 / ARI .75 on 5,000; BERTopic ARI .70"
    yield _plain("Topics, titles", on, "AMI", found.ami, found.n_posts, reference=reference, target=0.78)
    yield _plain("Topics, titles", on, "ARI", found.ari, found.n_posts, reference=reference, target=0.74)
    yield _count("Topics, titles", on, found, aim="15–28")


def measure_growth_of_the_topic_count(bench: Bench) -> Iterator[Row]:
    """How the number of topics changes when the same community has more posts."""
    news = _newsgroups(bench)
    n_all = len(assign_topics(news.corpus).topics)
    for n_posts in SUBSAMPLES:
        rows = np.sort(np.random.default_rng(0).permutation(len(news.corpus))[:n_posts])
        n_topics = len(assign_topics(_part(news.corpus, rows)).topics)
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
    vectors = [_vectors(bench, [text for text, _ in part]) for part in parts]
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


def measure_off_purpose(bench: Bench) -> Iterator[Row]:
    """Strangers from other hierarchies in each newsgroup in turn."""
    news = _newsgroups(bench)
    thread_ids = np.array([post.thread_id for post in news.corpus.posts])
    aucs = {}
    for group in sorted(set(news.group.tolist())):
        own = np.flatnonzero((news.group == group) & news.corpus.encoded)
        foreign = np.flatnonzero((news.hierarchy != group.split(".")[0]) & news.corpus.encoded)
        n_strangers = round(len(own) * STRANGER_SHARE / (1 - STRANGER_SHARE))
        strangers = np.random.default_rng(1).choice(foreign, n_strangers, replace=False)
        rows = np.sort(np.concatenate([own, strangers]))
        _, threads = np.unique(thread_ids[rows], return_inverse=True)
        odd = oddness(news.corpus.vectors[rows], threads, np.empty((0, bench.encoder.dim), dtype=np.float32))
        aucs[group] = float(roc_auc_score(news.group[rows] != group, odd))
    worst = min(aucs, key=lambda group: aucs[group])
    on = "newsgroups20: one group and 5 % strangers from other hierarchies, each group in turn; shipped"
    reference = "cosine to the mean: mean 0.97, worst 0.89"
    mean = float(np.mean(list(aucs.values())))
    yield _plain("Off purpose, mean of 20", on, "AUC", mean, len(news.corpus), reference=reference, target=0.98)
    yield _plain(f"Off purpose, worst ({worst})", on, "AUC", aucs[worst], 0, reference=reference, target=0.93)


def measure_off_thread(bench: Bench) -> Iterator[Row]:
    """Comments that people called off topic, under the ten articles with the most labelled ones."""
    corpus, off_topic = _newspaper_comments(bench)
    p = measure_relevance(corpus, np.empty((0, bench.encoder.dim), dtype=np.float32)).thread_rank
    judged = ~np.isnan(p) & ~np.isnan(off_topic)
    auc = float(roc_auc_score(off_topic[judged], p[judged]))
    low, high = auc_interval(
        auc, n_positive=int(off_topic[judged].sum()), n_negative=int((1 - off_topic[judged]).sum())
    )
    yield Row(
        "Off thread",
        "omp_derstandard_de, ten large articles; shipped, no label used",
        "AUC",
        auc,
        low,
        high,
        int(judged.sum()),
        reference="TF-IDF 0.61, cosine to the thread 0.64",
        target=0.72,
        note=f"{int((~np.isnan(off_topic)).sum() - judged.sum())} labelled comments are too short or first: no answer",
    )


def measure_splits(bench: Bench) -> Iterator[Row]:
    """Two merged groups should be told apart; one group alone should not be split."""
    news = _newsgroups(bench)
    names = sorted(set(news.group.tolist()))
    membership = read_membership(news.corpus, np.zeros(len(news.corpus), dtype=np.int64))
    rows_of_posts = np.flatnonzero(news.corpus.visible)
    space = np.searchsorted(np.array(names), news.group[rows_of_posts])

    def sort_posts(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return assign_topics(_part(news.corpus, rows_of_posts[rows])).topic_of - 1

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
    measure_off_purpose,
    measure_off_thread,
    measure_splits,
)


def _plain(
    what: str, on: str, measure: str, figure: float, n: int, *, reference: str = "", target: float | None = None
) -> Row:
    return Row(what, on, measure, figure, None, None, n, reference=reference, target=target)


def _count(what: str, on: str, found: TopicAgreement, *, aim: str) -> Row:
    note = f"aim {aim}; {found.unsorted_share:.1%} unsorted"
    return Row(what, on, "number of topics (20 groups)", float(found.n_topics), None, None, found.n_posts, note=note)


def _vectors(bench: Bench, texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors: the mean-pooled last layer, as the encoder makes them."""
    last = bench.hidden(texts)[:, -1].astype(np.float64)
    return np.asarray(last / np.linalg.norm(last, axis=1, keepdims=True), dtype=np.float32)


def _corpus(bench: Bench, posts: Sequence[Post], *, language: str) -> Corpus:
    read = read_posts(posts, languages=(language,))
    words = [reading.words for reading in read.readings]
    vectors = np.full((len(words), bench.encoder.dim), np.nan, dtype=np.float32)
    with_words = [row for row, text in enumerate(words) if text]
    vectors[with_words] = _vectors(bench, [words[row] for row in with_words])
    thresholds: dict[tuple[str, str], Threshold] = defaultdict(lambda: NO_THRESHOLD)
    signals = np.full((len(words), len(SIGNALS)), np.nan)
    return Corpus(read.posts, read.readings, read.languages, vectors, signals, thresholds)


def _part(corpus: Corpus, rows: NDArray[np.int64]) -> Corpus:
    return Corpus(
        tuple(corpus.posts[row] for row in rows),
        tuple(corpus.readings[row] for row in rows),
        tuple(corpus.languages[row] for row in rows),
        corpus.vectors[rows],
        corpus.signals[rows],
        corpus.thresholds,
    )


def _newsgroups(bench: Bench) -> Newsgroups:
    export = read_exports([_existing(bench.data_folder / "threads" / "newsgroups20.jsonl.gz")])
    corpus = _corpus(bench, export.posts, language="en")
    return Newsgroups(corpus, np.array([post.space for post in corpus.posts]))


def _parallel_sentences(data_folder: Path, code: str) -> list[tuple[str, str]]:
    folder = _existing(data_folder / "labels" / "sib200_topics_multi" / code)
    rows = []
    for part in ("train", "dev", "test"):
        with (folder / f"{part}.tsv").open(encoding="utf-8", newline="") as lines:
            rows += list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(row["text"], row["category"]) for row in sorted(rows, key=lambda row: int(row["index_id"]))]


def _newspaper_comments(bench: Bench) -> tuple[Corpus, NDArray[np.float64]]:
    """Labelled comments as posts of their article's thread; off topic 1, on topic 0, NaN outside the large articles."""
    path = _existing(bench.data_folder / "labels" / "omp_derstandard_de" / "posts_labeled.csv.xz")
    posts: dict[str, Post] = {}
    label: dict[str, float] = {}
    with lzma.open(path, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            posts[row["ID_Post"]] = _comment(row)
            if row["Category"] == "OffTopic":
                label[row["ID_Post"]] = float(row["Value"])
    ordered = sorted(posts.values(), key=lambda post: (post.created_at, post.id))
    n_labelled: dict[str, int] = defaultdict(int)
    for post in ordered:
        n_labelled[post.thread_id] += post.id in label
    corpus = _corpus(bench, ordered, language="de")
    off_topic = [
        label.get(post.id, np.nan) if n_labelled[post.thread_id] > MIN_ARTICLE_POSTS else np.nan
        for post in corpus.posts
    ]
    return corpus, np.array(off_topic)


def _comment(row: dict[str, str]) -> Post:
    return Post(
        id=row["ID_Post"],
        thread_id=row["ID_Article"],
        parent_id=row["ID_Parent_Post"] or None,
        author_id=row["ID_User"],
        created_at=datetime.fromisoformat(row["CreatedAt"]).replace(tzinfo=UTC),
        title=row["Headline"] or None,
        text=row["Body"],
    )


def _existing(path: Path) -> Path:
    if not path.exists():
        raise MeasuringSetMissing(f"{path} is not there; docs/data.md says where it comes from")
    return path
