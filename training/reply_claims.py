"""How well replies are judged: on written pairs of left-out industries, on real replies, and on marked solutions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import numpy as np
from numpy.typing import NDArray

from models.heads import POOLED
from models.talk import REPLY_KINDS, TalkFigure
from moderation.corpus import Corpus
from moderation.posts import Post
from moderation.replies import judge_replies
from moderation.scoring import read_posts, score_posts
from training.evaluate import Bench, Row
from training.intervals import bootstrap_interval, wilson_interval
from training.labelled_replies import LabelledReply, read_labelled_replies
from training.reply_draw import exchanges, read_set

LANGUAGES = ("en", "nl", "fr", "de", "es", "ja")
RETURN_WINDOW = timedelta(hours=72)
MIN_CLASS_ROWS = 10
"""A share of fewer replies is not reported."""
RULES_ON_LABELLED = {
    "keytrade": ("rules 0.524", "rules 0.893"),
    "twcs": ("rules 0.265", "rules 0.927"),
    "urho3d": ("rules 0.694", "rules 0.984"),
    "all": ("rules 0.479", "rules 0.924"),
}
"""Precision and recall of the phrases that judged replies before, measured once on the same rows."""
RULES_ON_SOLUTIONS = "rules 0.981"


@dataclass(frozen=True)
class JudgedReplies:
    """Labelled replies beside what they were judged to be; shape (n,) each.

    Attributes
    ----------
    meant, found : columns of `REPLY_KINDS`.
    weights : pairs of its set that each one stands for.
    """

    meant: NDArray[np.int64]
    found: NDArray[np.int64]
    weights: NDArray[np.float64]

    def precision(self, rows: NDArray[np.intp]) -> float:
        """Of the replies called answers, the weighted share that are; NaN where none was."""
        return _share((self.meant == 0)[rows], (self.found == 0)[rows], self.weights[rows])

    def recall(self, rows: NDArray[np.intp]) -> float:
        """Of the answers, the weighted share that were called so; NaN where there are none."""
        return _share((self.found == 0)[rows], (self.meant == 0)[rows], self.weights[rows])


def measure_replies_in_written_pairs(bench: Bench) -> Iterator[Row]:
    """Figures that were kept with the heads: industries left out, two at a time, in every language."""
    assert bench.heads.talk is not None  # heads that are read from a folder have it
    for figure in bench.heads.talk.figures:
        is_main = figure.name in ("answer", "recovered") and figure.n_class >= MIN_CLASS_ROWS
        if is_main or figure.language == POOLED:
            yield from _kept_rows(figure)


def _kept_rows(figure: TalkFigure) -> Iterator[Row]:
    language = "all languages" if figure.language == POOLED else figure.language
    on = "written pairs, an industry in no language seen in training"
    what = f"{figure.group.capitalize()}, {figure.name}, {language}"
    for measure, n in (("precision", figure.n_called), ("recall", figure.n_class)):
        if n:
            low, high = wilson_interval(figure.n_hit, n)
            yield Row(what, on, measure, figure.n_hit / n, low, high, n)


def measure_labelled_replies(bench: Bench) -> Iterator[Row]:
    """Real replies that were labelled blind, by set; weighted, so that each figure is one of that set."""
    labelled = read_labelled_replies(bench.data_folder)
    judged = {name: judge_labelled(bench, name, labelled) for name in sorted({one.set for one in labelled})}
    for name, of_set in judged.items():
        yield from _answer_rows(name, f"{name}, labelled blind, weighted", of_set)
    everything = JudgedReplies(
        np.concatenate([of_set.meant for of_set in judged.values()]),
        np.concatenate([of_set.found for of_set in judged.values()]),
        np.ones(len(labelled)),
    )
    yield from _answer_rows("all", "three sets, labelled blind, every pair alike", everything)
    yield from _kind_rows(everything)


def judge_labelled(bench: Bench, name: str, labelled: Sequence[LabelledReply]) -> JudgedReplies:
    """Judge the labelled replies of one set as the product would, marks as the solution hidden."""
    own = [one for one in labelled if one.set == name]
    corpus = scored_corpus(bench, [post for one in own for post in (one.opening, one.reply)])
    pairs = [(corpus.row_of[one.opening.id], corpus.row_of[one.reply.id]) for one in own]
    return JudgedReplies(
        np.array([REPLY_KINDS.index(one.kind) for one in own]),
        np.array([REPLY_KINDS.index(judgement.kind) for judgement in judge_replies(corpus, pairs)]),
        np.array([one.weight for one in own]),
    )


def scored_corpus(bench: Bench, posts: Sequence[Post]) -> Corpus:
    """Posts as the product scores them, without what their readers marked."""
    distinct = {post.id: replace(post, accepted=False) for post in posts}
    in_order = sorted(distinct.values(), key=lambda post: (post.created_at, post.id))
    read = read_posts(in_order, languages=LANGUAGES)
    return score_posts(read, bench.encoder, bench.heads, advance=lambda _: None).corpus


def _answer_rows(name: str, on: str, judged: JudgedReplies) -> Iterator[Row]:
    n = len(judged.meant)
    ours = (("precision", judged.precision, judged.found), ("recall", judged.recall, judged.meant))
    for (measure, of_rows, kinds), reference in zip(ours, RULES_ON_LABELLED[name], strict=True):
        figure, n_answers, what = of_rows(np.arange(n)), int((kinds == 0).sum()), f"Answers, {name}"
        if np.isnan(figure):
            yield Row(what, on, measure, None, None, None, 0, reference=reference, note="no reply was called an answer")
            continue
        low, high = bootstrap_interval(partial(_or_zero, of_rows), n)
        yield Row(what, on, measure, figure, low, high, n_answers, reference=reference)


def _or_zero(of_rows: Callable[[NDArray[np.intp]], float], rows: NDArray[np.intp]) -> float:
    """A resample in which nothing is called an answer counts as nothing found."""
    return float(np.nan_to_num(of_rows(rows)))


def _kind_rows(judged: JudgedReplies) -> Iterator[Row]:
    for column, kind in enumerate(REPLY_KINDS[1:], start=1):
        n_meant, n_found = int((judged.meant == column).sum()), int((judged.found == column).sum())
        n_hit = int(((judged.meant == column) & (judged.found == column)).sum())
        for measure, n in (("precision", n_found), ("recall", n_meant)):
            if n >= MIN_CLASS_ROWS:
                low, high = wilson_interval(n_hit, n)
                yield Row(f"Replies, {kind}", "three sets, labelled blind", measure, n_hit / n, low, high, n)


def measure_marked_solutions(bench: Bench) -> Iterator[Row]:
    """A forum's posts that the asker marked as the solution, the marks hidden; and what the asker wrote next."""
    posts = read_set(bench.data_folder, "urho3d")
    solved = {post.thread_id for post in posts if post.accepted}
    marked = [exchange for exchange in exchanges(posts) if exchange.reply.accepted]
    corpus = scored_corpus(bench, [post for one in marked for post in (one.first, one.reply)])
    pairs = [(corpus.row_of[one.first.id], corpus.row_of[one.reply.id]) for one in marked]
    n_hit = sum(judgement.kind == "answer" for judgement in judge_replies(corpus, pairs))
    low, high = wilson_interval(n_hit, len(pairs))
    on = "urho3d, posts marked as the solution, by another than the asker; the mark hidden"
    yield Row("Solutions that are answers", on, "recall", n_hit / len(pairs), low, high, len(pairs), RULES_ON_SOLUTIONS)
    after = _next_posts(posts, {one.reply.id for one in marked})
    others = [one.reply for one in exchanges(posts) if one.reply.thread_id not in solved][::8]
    after_others = _next_posts(posts, {reply.id for reply in others})
    yield _recovered_row(bench, after, "the asker's next post after the solution, within 72 hours")
    yield _recovered_row(bench, after_others, "the asker's next post after any reply, threads without a solution")


def _next_posts(posts: Sequence[Post], reply_ids: set[str]) -> list[Post]:
    """The first author's next post after each of these replies, where there is one in time."""
    threads: dict[str, list[Post]] = {}
    for post in posts:
        threads.setdefault(post.thread_id, []).append(post)
    found = []
    for thread in threads.values():
        for place, reply in enumerate(thread):
            if reply.id not in reply_ids:
                continue
            later = (post for post in thread[place + 1 :] if post.author_id == thread[0].author_id)
            own = next(later, None)
            if own is not None and own.created_at <= reply.created_at + RETURN_WINDOW:
                found.append(own)
    return found


def _recovered_row(bench: Bench, posts: Sequence[Post], on: str) -> Row:
    corpus = scored_corpus(bench, posts)
    assert corpus.talk is not None
    p = corpus.talk.heads.p_outcomes(corpus.talk.log_odds)[:, 0]
    n, n_hit = int((~np.isnan(p)).sum()), int((p >= corpus.talk.heads.recovered_threshold).sum())
    low, high = wilson_interval(n_hit, n)
    return Row("Returns that recovered", f"urho3d, {on}", "share", n_hit / n, low, high, n)


def _share(hits: NDArray[np.bool_], among: NDArray[np.bool_], weights: NDArray[np.float64]) -> float:
    total = float(weights[among].sum())
    return float(weights[hits & among].sum() / total) if total else float("nan")


REPLY_CLAIMS = (measure_replies_in_written_pairs, measure_labelled_replies, measure_marked_solutions)
"""In the order of the table, see `training.evaluate`."""
