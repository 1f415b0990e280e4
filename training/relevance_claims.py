"""The claims about relevance, measured again: one function per claim, as in `training.evaluate`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from moderation.corpus import Corpus
from moderation.decided_posts import NOTHING_DECIDED, DecidedPosts
from moderation.everyday_subjects import SUBJECTS
from moderation.flags import PLACEMENT_THRESHOLD
from moderation.placement import OTHER_SPACE_FROM
from moderation.purpose import PurposeFit, PurposeTexts, fit_purpose, judge_purpose, oddness
from moderation.relevance import MIN_WORDS, common_part, measure_relevance
from moderation.relevance import centre as centre_rows
from moderation.spaces import fit_spaces, suggest_spaces
from moderation.turning_points import find_turn
from training.evaluate import Bench, Row
from training.intervals import auc_interval, bootstrap_interval, wilson_interval
from training.measuring_corpora import (
    Newsgroups,
    part_of,
    read_newsgroups,
    read_newspaper_comments,
    read_space_forum,
    vectors_of,
)
from training.newsgroup_purposes import NEWSGROUP_PURPOSES

STRANGER_SHARE = 0.05
MOVED_SHARE = 0.05
N_FIRST_THREADS = 50
N_GLUED = 200
GLUED_POSTS = 8
NEAR_THE_TURN = 1
ON_STRANGERS = "newsgroups20: one group and 5 % strangers from other hierarchies, each group in turn"
ON_ARTICLES = "omp_derstandard_de, ten large articles"
ON_DECIDED = "newsgroups20: one group, 5 % of a welcome other group and 5 % strangers, each group in turn"
N_DECIDED = 10
PROTOCOL_STRENGTH = 0.05


@dataclass(frozen=True)
class _Mixed:
    """One newsgroup with strangers in it.

    Attributes
    ----------
    is_stranger : shape (n,).
    texts : the group's purpose text against common subjects.
    """

    group: str
    corpus: Corpus
    is_stranger: NDArray[np.bool_]
    texts: PurposeTexts


@dataclass(frozen=True)
class _Judged:
    """AUC of one mixed group with so much known, and the probabilities of the posts that get one."""

    auc: float
    p: NDArray[np.float64]
    is_stranger: NDArray[np.bool_]


def measure_off_purpose(bench: Bench) -> Iterator[Row]:
    """Strangers in each newsgroup: with the purpose text alone, with 50 threads, with all, and without the text."""
    mixed = list(_mix_groups(bench, read_newsgroups(bench)))
    nothing = PurposeTexts.none(bench.encoder.dim)
    alone = [_judge(one, fit_purpose(part_of(one.corpus, _no_rows()), one.texts)) for one in mixed]
    few = [_judge_with_first_threads(one) for one in mixed]
    posts_only = [_judge(one, fit_purpose(one.corpus, nothing)) for one in mixed]
    everything = [_judge(one, fit_purpose(one.corpus, one.texts)) for one in mixed]
    yield from _mean_and_worst(mixed, posts_only, "all threads, no purpose text", has_target=True)
    yield from _mean_and_worst(mixed, everything, "all threads and purpose text", has_target=True)
    yield from _mean_and_worst(mixed, few, "50 threads and purpose text", has_target=False)
    yield from _mean_and_worst(mixed, alone, "purpose text alone", has_target=False)
    for known, judged in (("no purpose text", posts_only), ("purpose text", everything)):
        yield from _flagged_rows(judged, known)
    for one, first, second, last in zip(mixed, alone, few, everything, strict=True):
        low, high = _interval(last.auc, one.is_stranger)
        note = f"purpose text alone {first.auc:.3f}, with {N_FIRST_THREADS} threads {second.auc:.3f}"
        what, n = f"Off purpose, {one.group}", len(one.corpus)
        yield Row(what, "all threads and purpose text", "AUC", last.auc, low, high, n, note=note)


def measure_decisions(bench: Bench) -> Iterator[Row]:
    """A subject that moderators welcome and strangers that they do not: what ten decisions change for other threads."""
    figures = np.array(
        [_before_and_after(one, welcome) for one, welcome in _mix_welcome(bench, read_newsgroups(bench))]
    )
    for column, what in enumerate(("the welcome subject", "strangers", "the group's own posts")):
        yield _decided_row(f"Off purpose, {what}", figures[:, column])


def measure_wrong_spaces(bench: Bench) -> Iterator[Row]:
    """One thread in twenty moved to another space at random: which suggestions are right, which moves are found."""
    forums = (("newsgroups20, 20 spaces", read_newsgroups(bench).corpus), _airlines(bench))
    for on, corpus in forums:
        moved, is_moved = _move_threads(corpus)
        purpose = fit_purpose(moved, PurposeTexts.none(bench.encoder.dim))
        better = suggest_spaces(fit_spaces(moved, purpose), purpose, moved, leaves_out=True)
        named = np.nan_to_num(better.p) >= OTHER_SPACE_FROM
        right = (
            named
            & is_moved
            & np.array([space == post.space for space, post in zip(better.space, corpus.posts, strict=True)])
        )
        how = f"{on}; {MOVED_SHARE:.0%} of the threads moved; a suggestion for one that was not moved counts as wrong"
        yield _share_row("Better space, suggestions", how, "share right", int(right.sum()), int(named.sum()))
        yield _share_row("Better space, moved threads", how, "share found", int(right.sum()), int(is_moved.sum()))


def measure_off_thread(bench: Bench) -> Iterator[Row]:
    """Comments that people called off topic, under the ten articles with the most labelled ones."""
    corpus, off_topic = read_newspaper_comments(bench)
    rank = measure_relevance(corpus, PurposeTexts.none(bench.encoder.dim)).thread_rank
    judged = np.flatnonzero(~np.isnan(rank) & ~np.isnan(off_topic))
    labels, articles = off_topic[judged], np.array([corpus.posts[row].thread_id for row in judged])
    unanswered = int((~np.isnan(off_topic)).sum()) - len(judged)
    note = f"{unanswered} labelled comments are too short or first: no answer"
    learned = _leave_one_article_out(_thread_columns(corpus, rank)[judged], labels, articles)
    reference = "TF-IDF 0.61, cosine to the thread 0.64"
    for how, suspicion, told in (("shipped, no label used", rank[judged], note), ("protocol", learned, "")):
        macro = _macro_auc(labels, suspicion, articles)
        low, high = _article_interval(labels, suspicion, articles)
        on = f"{ON_ARTICLES}; {how}"
        what, n = "Off thread, mean over articles", len(judged)
        yield Row(what, on, "AUC", macro, low, high, n, reference=reference, target=0.72, note=told)
        pooled = float(roc_auc_score(labels, suspicion))
        low, high = _interval(pooled, labels.astype(bool))
        shares = [labels[rows].mean() for rows in _rows_by_article(labels, articles)]
        note_pooled = f"people called {min(shares):.0%} off topic under one article and {max(shares):.0%} under another"
        yield Row("Off thread, all comments together", on, "AUC", pooled, low, high, n, note=note_pooled)


def measure_turning_points(bench: Bench) -> Iterator[Row]:
    """Two newsgroup threads laid end to end, and threads as they are."""
    news = read_newsgroups(bench)
    threads = [rows for rows in _readable_threads(news.corpus) if len(rows) >= GLUED_POSTS]
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(N_GLUED):
        one, other = rng.choice(len(threads), 2, replace=False)
        glued = [*threads[one][:GLUED_POSTS], *threads[other][:GLUED_POSTS]]
        turn = find_turn(news.corpus.vectors[glued])
        found += turn is not None and abs(turn - GLUED_POSTS) <= NEAR_THE_TURN
    on = f"newsgroups20, {N_GLUED} pairs of threads of {GLUED_POSTS} posts laid end to end"
    yield _share_row("Turn of a thread, found", on, f"within {NEAR_THE_TURN} post", found, N_GLUED)
    long = [rows for rows in threads if len(rows) >= 2 * GLUED_POSTS]
    n_turned = sum(find_turn(news.corpus.vectors[rows[: 2 * GLUED_POSTS]]) is not None for rows in long)
    on = f"newsgroups20, the first {2 * GLUED_POSTS} posts of each longer thread; some do turn"
    yield _share_row("Turn of a thread, seen in one", on, "share", n_turned, len(long))


RELEVANCE_CLAIMS: tuple[Callable[[Bench], Iterator[Row]], ...] = (
    measure_off_purpose,
    measure_decisions,
    measure_wrong_spaces,
    measure_off_thread,
    measure_turning_points,
)


def _mix_groups(bench: Bench, news: Newsgroups) -> Iterator[_Mixed]:
    subjects = vectors_of(bench, SUBJECTS)
    for group in sorted(set(news.group.tolist())):
        own = np.flatnonzero((news.group == group) & news.corpus.encoded)
        foreign = np.flatnonzero((news.hierarchy != group.split(".")[0]) & news.corpus.encoded)
        n_strangers = round(len(own) * STRANGER_SHARE / (1 - STRANGER_SHARE))
        strangers = np.random.default_rng(1).choice(foreign, n_strangers, replace=False)
        rows = np.sort(np.concatenate([own, strangers]))
        texts = PurposeTexts(vectors_of(bench, [NEWSGROUP_PURPOSES[group]]), subjects)
        yield _Mixed(group, part_of(news.corpus, rows), news.group[rows] != group, texts)


def _mix_welcome(bench: Bench, news: Newsgroups) -> Iterator[tuple[_Mixed, NDArray[np.bool_]]]:
    """Each group with a twentieth of a welcome other group and of strangers each; and which posts are welcome."""
    subjects, names = vectors_of(bench, SUBJECTS), sorted(set(news.group.tolist()))
    for number, group in enumerate(names):
        rng, family = np.random.default_rng(number), group.split(".")[0]
        guests = [name for name in names if name.split(".")[0] != family]
        guest = guests[rng.integers(len(guests))]
        own, is_guest = np.flatnonzero((news.group == group) & news.corpus.encoded), news.group == guest
        is_foreign = ~np.isin(news.hierarchy, [family, guest.split(".")[0]])
        n_each = round(len(own) * STRANGER_SHARE)
        drawn = [
            rng.choice(np.flatnonzero(wanted & news.corpus.encoded), n_each, replace=False)
            for wanted in (is_guest, is_foreign)
        ]
        rows = np.sort(np.concatenate([own, *drawn]))
        texts = PurposeTexts(vectors_of(bench, [NEWSGROUP_PURPOSES[group]]), subjects)
        is_stranger = np.isin(rows, drawn[1])
        yield _Mixed(group, part_of(news.corpus, rows), is_stranger, texts), np.isin(rows, drawn[0])


def _decided_row(what: str, shares: NDArray[np.float64]) -> Row:
    """Mean over groups; `shares` has shape (n_groups, 2), without and with the decisions."""
    before, after = shares.mean(axis=0).tolist()
    low, high = bootstrap_interval(lambda rows: float(shares[rows, 1].mean()), len(shares))
    on, told = f"{ON_DECIDED}; {N_DECIDED} decisions; other threads", f"{before:.3f} before the decisions"
    return Row(what, on, "share flagged", after, low, high, len(shares), note=told)


def _before_and_after(one: _Mixed, is_welcome: NDArray[np.bool_]) -> list[list[float]]:
    """Share flagged without and with the decisions: of welcome posts, strangers and own posts; threads undecided."""
    before = judge_purpose(_fitted(one, NOTHING_DECIDED), one.corpus)
    candidates = np.flatnonzero((before >= PLACEMENT_THRESHOLD) & (is_welcome | one.is_stranger))
    chosen = np.random.default_rng(0).choice(candidates, min(N_DECIDED, len(candidates)), replace=False)
    ids = np.array([post.id for post in one.corpus.posts])
    decided = DecidedPosts(
        outside=frozenset(ids[chosen[one.is_stranger[chosen]]].tolist()),
        inside=frozenset(ids[chosen[is_welcome[chosen]]].tolist()),
    )
    after = judge_purpose(_fitted(one, decided), one.corpus)
    threads = np.array([post.thread_id for post in one.corpus.posts])
    rest = ~np.isin(threads, threads[chosen])
    parts = (is_welcome, one.is_stranger, ~is_welcome & ~one.is_stranger)
    return [[float((p[part & rest] >= PLACEMENT_THRESHOLD).mean()) for p in (before, after)] for part in parts]


def _fitted(one: _Mixed, decided: DecidedPosts) -> PurposeFit:
    fit = fit_purpose(one.corpus, one.texts, decided=decided)
    assert fit is not None  # there are posts
    return fit


def _no_rows() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


def _judge(one: _Mixed, fit: PurposeFit | None) -> _Judged:
    assert fit is not None  # there are posts or a text
    p = judge_purpose(fit, one.corpus)
    has_answer = np.array([reading.n_words >= MIN_WORDS for reading in one.corpus.readings])
    auc = float(roc_auc_score(one.is_stranger, oddness(fit, one.corpus).odd))
    return _Judged(auc, p[has_answer], one.is_stranger[has_answer])


def _judge_with_first_threads(one: _Mixed) -> _Judged:
    """Judge by fifty threads drawn at random; the posts are those of the other threads."""
    threads = list(one.corpus.threads.values())
    chosen = np.random.default_rng(3).choice(len(threads), N_FIRST_THREADS, replace=False)
    known = np.sort(np.concatenate([threads[thread] for thread in chosen]))
    rest = np.setdiff1d(np.arange(len(one.corpus)), known)
    later = _Mixed(one.group, part_of(one.corpus, rest), one.is_stranger[rest], one.texts)
    return _judge(later, fit_purpose(part_of(one.corpus, known), one.texts))


def _mean_and_worst(
    mixed: Sequence[_Mixed], judged: Sequence[_Judged], known: str, *, has_target: bool
) -> Iterator[Row]:
    aucs, n = np.array([one.auc for one in judged]), sum(len(one.corpus) for one in mixed)
    worst = int(aucs.argmin())
    low, high = bootstrap_interval(lambda rows: float(aucs[rows].mean()), len(aucs))
    on, reference = f"{ON_STRANGERS}; {known}", "cosine to the mean: mean 0.97, worst 0.89" if has_target else ""
    targets = (0.98, 0.93) if has_target else (None, None)
    yield Row(
        "Off purpose, mean of 20", on, "AUC", float(aucs.mean()), low, high, n, reference=reference, target=targets[0]
    )
    low, high = _interval(judged[worst].auc, mixed[worst].is_stranger)
    what, n = f"Off purpose, worst ({mixed[worst].group})", len(mixed[worst].corpus)
    yield Row(what, on, "AUC", judged[worst].auc, low, high, n, reference=reference, target=targets[1])


def _flagged_rows(judged: Sequence[_Judged], known: str) -> Iterator[Row]:
    p, is_stranger = np.concatenate([one.p for one in judged]), np.concatenate([one.is_stranger for one in judged])
    flagged = p >= PLACEMENT_THRESHOLD
    n_right = int((flagged & is_stranger).sum())
    on = f"{ON_STRANGERS}; {known}; posts of {MIN_WORDS} words or more"
    yield _share_row("Off purpose, flagged posts", on, "share right", n_right, int(flagged.sum()))
    yield _share_row("Off purpose, strangers", on, "share flagged", n_right, int(is_stranger.sum()))


def _airlines(bench: Bench) -> tuple[str, Corpus]:
    return "reddit-airlines, 6 spaces", read_space_forum(bench, "reddit-airlines")


def _move_threads(corpus: Corpus) -> tuple[Corpus, NDArray[np.bool_]]:
    """The corpus with some threads in another space, and the rows of their first posts."""
    rng = np.random.default_rng(0)
    spaces = sorted({post.space for post in corpus.posts if post.space})
    threads = list(corpus.threads)
    is_moved, moved_to = np.zeros(len(corpus), dtype=bool), dict[str, str]()
    for number in np.sort(rng.choice(len(threads), round(MOVED_SHARE * len(threads)), replace=False)):
        first = corpus.threads[threads[number]][0]
        others = [space for space in spaces if space != corpus.posts[first].space]
        moved_to[threads[number]] = others[rng.integers(len(others))]
        is_moved[first] = True
    posts = tuple(replace(post, space=moved_to.get(post.thread_id, post.space)) for post in corpus.posts)
    return replace(corpus, posts=posts), is_moved


def _thread_columns(corpus: Corpus, rank: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the protocol's head reads: the shipped rank, likeness to first post and parent, and length; shape (n, 4)."""
    centred = centre_rows(corpus.vectors, common_part(corpus.vectors))
    columns = np.zeros((len(corpus), 4))
    columns[:, 0] = ndtri(np.clip(np.nan_to_num(rank, nan=0.5), 1e-6, 1 - 1e-6))
    for rows in corpus.threads.values():
        columns[rows, 1] = np.nan_to_num(centred[rows] @ np.nan_to_num(centred[rows[0]]))
    for row, post in enumerate(corpus.posts):
        parent = corpus.row_of.get(post.parent_id or "", row)
        columns[row, 2] = np.nan_to_num(centred[row] @ np.nan_to_num(centred[parent]))
        columns[row, 3] = np.log1p(corpus.readings[row].n_words)
    return columns


def _leave_one_article_out(
    columns: NDArray[np.float64], labels: NDArray[np.float64], articles: NDArray[np.str_]
) -> NDArray[np.float64]:
    suspicion = np.empty(len(labels))
    for article in np.unique(articles):
        held_out = articles == article
        centre, spread = columns[~held_out].mean(axis=0), columns[~held_out].std(axis=0)
        head = LogisticRegression(C=PROTOCOL_STRENGTH, class_weight="balanced")
        head.fit((columns[~held_out] - centre) / spread, labels[~held_out])
        suspicion[held_out] = head.decision_function((columns[held_out] - centre) / spread)
    return suspicion


def _macro_auc(labels: NDArray[np.float64], suspicion: NDArray[np.float64], articles: NDArray[np.str_]) -> float:
    return float(np.mean([roc_auc_score(labels[rows], suspicion[rows]) for rows in _rows_by_article(labels, articles)]))


def _article_interval(
    labels: NDArray[np.float64], suspicion: NDArray[np.float64], articles: NDArray[np.str_]
) -> tuple[float, float]:
    """Of the mean over articles, when the articles are drawn again."""
    aucs = np.array([roc_auc_score(labels[rows], suspicion[rows]) for rows in _rows_by_article(labels, articles)])
    return bootstrap_interval(lambda rows: float(aucs[rows].mean()), len(aucs))


def _rows_by_article(labels: NDArray[np.float64], articles: NDArray[np.str_]) -> list[NDArray[np.intp]]:
    groups = [np.flatnonzero(articles == article) for article in np.unique(articles)]
    return [rows for rows in groups if 0 < labels[rows].sum() < len(rows)]


def _readable_threads(corpus: Corpus) -> list[list[int]]:
    usable = corpus.encoded & np.array([reading.n_words >= MIN_WORDS for reading in corpus.readings])
    return [[row for row in rows if usable[row]] for rows in corpus.threads.values()]


def _interval(auc: float, is_positive: NDArray[np.bool_]) -> tuple[float, float]:
    return auc_interval(auc, n_positive=int(is_positive.sum()), n_negative=int((~is_positive).sum()))


def _share_row(what: str, on: str, measure: str, n_hits: int, n: int) -> Row:
    if not n:
        return Row(what, on, measure, None, None, None, 0, note="none")
    low, high = wilson_interval(n_hits, n)
    return Row(what, on, measure, n_hits / n, low, high, n)
