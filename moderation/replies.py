"""What kind of answer is this: judges whether a reply puts something against a complaint or a question.

A model judges, from the words of the reply and from what its opening is; what needs no judgement is settled first
(`_settle`). Every judgement says what it rests on and what else the reply could be.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.signals import SIGNALS
from models.talk import OPENING_SIGNALS, REPLY_KINDS, call_classes
from models.talk import ReplyKind as ReplyKind
from moderation.corpus import Corpus, ReplyBackground

ANSWER, OFF_THREAD = REPLY_KINDS.index("answer"), REPLY_KINDS.index("off_thread")
UNSURE_BELOW = 0.7
"""A kind that is less likely than this is marked as unsure: of written pairs of industries that were left out, 58 % of
such judgements were right (n = 352), and 96 % of the others (n = 1,188).
"""
MIN_RELATED_WORDS = 5
"""Shorter replies ("yes, since Monday") have too few words to show what they are about."""
MIN_OTHERS = 20
N_OTHERS = 200
MAX_RANK = 0.9
"""A reply is off the thread if it resembles nine in ten of the other threads' openings more than its own.

Loose on purpose: of replies with content whose parent is known, 1.4 % fail it in a forum (n = 369) and 4.7 % on
Twitter (n = 770), where a limit of 0.5 would fail 9.5 % and 18 %. Off-thread replies are rarer than that, so a
stricter limit would mostly lose real answers; unrelated replies, whose ranks are uniform, fail it one time in ten.
"""
BLOCK_ROWS = 512


@dataclass(frozen=True)
class Evidence:
    """What a judgement rests on.

    Attributes
    ----------
    rule : "model", or which rule settled it.
    p : probability of the kind that was given, in [0, 1]; None where a rule settled it without the model.
    p_answer : probability that it is an answer; None as above.
    next_kind, p_next : the likeliest other kind; None as above.
    cosine : of reply and opening after the community's mean vector is taken off, in [-1, 1]; None = not known.
    rank : the share of other threads' openings that the reply resembles more, in [0, 1]; None = not known.
    """

    rule: str
    p: float | None = None
    p_answer: float | None = None
    next_kind: ReplyKind | None = None
    p_next: float | None = None
    cosine: float | None = None
    rank: float | None = None

    @property
    def is_unsure(self) -> bool:
        """Whether the kind could well be another."""
        return self.p is not None and self.p < UNSURE_BELOW


@dataclass(frozen=True)
class ReplyJudgement:
    """The kind of a reply with its evidence; only "answer" stops a clock."""

    kind: ReplyKind
    evidence: Evidence


def judge_replies(corpus: Corpus, pairs: Sequence[tuple[int, int]]) -> list[ReplyJudgement]:
    """Judge each reply against the post it replies to.

    Parameters
    ----------
    pairs : (row of the opening: a complaint or a question, row of the reply).

    Returns
    -------
    One judgement for each pair, in the order of `pairs`.
    """
    cosine, rank = _likeness(corpus, pairs)
    settled = {row: _settle(corpus, row) for row in sorted({reply for _, reply in pairs})}
    kinds, p = _ask_model(corpus, pairs)
    return [
        _judge(corpus, reply, settled[reply], kinds[i], p[i], cosine=cosine[i], rank=rank[i])
        for i, (_, reply) in enumerate(pairs)
    ]


def _settle(corpus: Corpus, row: int) -> tuple[ReplyKind, str] | None:
    """What needs no judgement, with the rule; None = everything else."""
    post, reading = corpus.posts[row], corpus.readings[row]
    if post.accepted:
        return "answer", "accepted"
    if reading.only_quote:
        return "other", "only a quotation"
    if reading.n_words:
        return None
    if reading.has_code:
        return "answer", "only code"
    if reading.n_links:
        return "answer", "only a link"
    return "other", "no words"


def _ask_model(corpus: Corpus, pairs: Sequence[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The kind that the model gives each reply, and the probability of each kind; NaN rows where it was not read."""
    if corpus.talk is None or not pairs:
        return np.zeros(len(pairs), dtype=np.int64), np.full((len(pairs), len(REPLY_KINDS)), np.nan)
    openings, replies = np.array(pairs).T
    of_openings = corpus.signals[openings][:, [SIGNALS.index(signal) for signal in OPENING_SIGNALS]]
    p = corpus.talk.heads.p_kinds(corpus.talk.log_odds[replies], of_openings)
    return call_classes(p, threshold=corpus.talk.heads.answer_threshold), p


def _judge(
    corpus: Corpus,
    reply: int,
    settled: tuple[ReplyKind, str] | None,
    called: int,
    p: NDArray[np.float64],
    *,
    cosine: float,
    rank: float,
) -> ReplyJudgement:
    near, far = _known(cosine), _known(rank)
    if settled is not None:
        return ReplyJudgement(settled[0], Evidence(settled[1], cosine=near, rank=far))
    if np.isnan(p).any():
        return ReplyJudgement("other", Evidence("not read", cosine=near, rank=far))
    rule = "model"
    following = next(column for column in np.argsort(-p, kind="stable").tolist() if column != called)
    if called == ANSWER and rank > MAX_RANK and corpus.readings[reply].n_words >= MIN_RELATED_WORDS:
        called, following, rule = OFF_THREAD, ANSWER, "resembles others as much"
    return ReplyJudgement(
        REPLY_KINDS[called],
        Evidence(
            rule=rule,
            p=float(p[called]),
            p_answer=float(p[ANSWER]),
            next_kind=REPLY_KINDS[following],
            p_next=float(p[following]),
            cosine=near,
            rank=far,
        ),
    )


def reply_background(corpus: Corpus) -> ReplyBackground:
    """What every reply of a community is compared with: its members' complaints and questions, evenly over time."""
    is_member = np.array([post.role == "member" for post in corpus.posts], dtype=bool)
    opens = corpus.above_threshold("negative_wom") | corpus.above_threshold("question")
    return _background(corpus, np.flatnonzero(opens & is_member & corpus.encoded & corpus.visible))


def unknown_background(dim: int) -> ReplyBackground:
    """Nothing is known of the community yet, so replies are compared with nothing."""
    return ReplyBackground(np.full(dim, np.nan), np.empty((0, dim), dtype=np.float32), np.empty(0, dtype=np.str_))


def _background(corpus: Corpus, openings: NDArray[np.intp]) -> ReplyBackground:
    usable = corpus.encoded & corpus.visible
    if not usable.any():
        return unknown_background(corpus.vectors.shape[1])
    mean = corpus.vectors[usable].mean(axis=0, dtype=np.float64)
    chosen = _evenly_spaced(openings, N_OTHERS)
    thread_ids = np.array([corpus.posts[row].thread_id for row in chosen.tolist()], dtype=np.str_)
    return ReplyBackground(mean, _centred(corpus.vectors[chosen], mean), thread_ids)


def _centred(vectors: NDArray[np.float32], mean: NDArray[np.float64]) -> NDArray[np.float32]:
    """Vectors without what all posts of the community share, unit rows.

    The encoder's cosines lie between 0.7 and 0.95 for any two posts; around the community's mean they spread out.
    """
    centred = vectors - mean
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _known(number: float) -> float | None:
    return None if np.isnan(number) else round(float(number), 6)


def _likeness(corpus: Corpus, pairs: Sequence[tuple[int, int]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centred cosine of each pair, and its rank among the reply's cosines to other threads' openings."""
    cosine, rank = np.full(len(pairs), np.nan), np.full(len(pairs), np.nan)
    known = [i for i, (opening, reply) in enumerate(pairs) if corpus.encoded[opening] and corpus.encoded[reply]]
    if not known:
        return cosine, rank
    openings = np.array([pairs[i][0] for i in known])
    replies = np.array([pairs[i][1] for i in known])
    background = corpus.background or _background(corpus, np.unique(openings))
    thread_of = np.array([corpus.posts[row].thread_id for row in replies.tolist()], dtype=np.str_)
    with threadpool_limits(1):
        for start in range(0, len(known), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            vectors = _centred(corpus.vectors[replies[block]], background.mean)
            of_openings = _centred(corpus.vectors[openings[block]], background.mean)
            own = np.round(np.einsum("ij,ij->i", vectors, of_openings), 6)
            to_others = np.round(vectors @ background.openings.T, 6)
            elsewhere = background.thread_ids[None, :] != thread_of[block][:, None]
            n_elsewhere = elsewhere.sum(axis=1)
            # Ties count half: in an outage many complaints say the same.
            as_like = (elsewhere * ((to_others > own[:, None]) + 0.5 * (to_others == own[:, None]))).sum(axis=1)
            cosine[known[block]] = own
            rank[known[block]] = np.where(n_elsewhere >= MIN_OTHERS, as_like / np.maximum(n_elsewhere, 1), np.nan)
    return cosine, rank


def _evenly_spaced(rows: NDArray[np.intp], n_wanted: int) -> NDArray[np.intp]:
    if len(rows) <= n_wanted:
        return rows
    return rows[np.linspace(0, len(rows) - 1, n_wanted).round().astype(np.intp)]
