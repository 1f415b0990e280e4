"""What kind of answer is this: judges whether a reply puts something against a complaint or a question.

Rules, signals and vectors for now; a learned model can take the place of `judge_replies` without its callers
noticing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from moderation.corpus import Corpus
from moderation.reading import Reading
from moderation.reply_phrases import Clause, read_clauses, says_something, settles_an_answer

ReplyKind = Literal["answer", "acknowledged", "deflected", "thanks", "same_here", "pile_on", "off_thread", "reaction"]

MAX_COURTESY_WORDS = 120
"""Nobody apologises for longer than this without saying something else: such a reply is taken to have content."""
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
    rule : which rule decided.
    words : the words of the reply that matched it; empty where none were needed.
    cosine : of reply and opening after the community's mean vector is taken off, in [-1, 1]; None = not known.
    rank : the share of other threads' openings that the reply resembles more, in [0, 1]; None = not known.
    """

    rule: str
    words: tuple[str, ...] = ()
    cosine: float | None = None
    rank: float | None = None


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
    is_negative = corpus.above_threshold("negative_wom")
    said = {row: _read_reply(corpus, row) for row in sorted({reply for _, reply in pairs})}
    cosine, rank = _likeness(corpus, pairs)
    return [
        _judge(said[reply], corpus, reply, piles_on=bool(is_negative[reply]), cosine=cosine[i], rank=rank[i])
        for i, (_, reply) in enumerate(pairs)
    ]


def _centred_vectors(corpus: Corpus) -> NDArray[np.float32]:
    """The vectors without what all posts of the community share, unit rows; NaN rows stay NaN.

    The encoder's cosines lie between 0.7 and 0.95 for any two posts; around the community's mean they spread out.
    """
    usable = corpus.encoded & corpus.visible
    if not usable.any():
        return corpus.vectors
    centred = corpus.vectors - corpus.vectors[usable].mean(axis=0, dtype=np.float64)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _judge(
    said: ReplyJudgement, corpus: Corpus, reply: int, *, piles_on: bool, cosine: float, rank: float
) -> ReplyJudgement:
    """Weigh what the reply says with its tone and its likeness to the opening."""
    evidence = Evidence(said.evidence.rule, said.evidence.words, _known(cosine), _known(rank))
    if said.kind != "answer" or said.evidence.rule == "accepted":
        return ReplyJudgement(said.kind, evidence)
    if piles_on and corpus.posts[reply].role == "member":
        return ReplyJudgement("pile_on", Evidence("negative word of mouth", (), evidence.cosine, evidence.rank))
    if rank > MAX_RANK and corpus.readings[reply].n_words >= MIN_RELATED_WORDS:
        return ReplyJudgement("off_thread", Evidence("resembles others as much", (), evidence.cosine, evidence.rank))
    return ReplyJudgement(said.kind, evidence)


def _read_reply(corpus: Corpus, row: int) -> ReplyJudgement:
    """Judge a reply by its own words alone."""
    post, reading = corpus.posts[row], corpus.readings[row]
    if post.accepted:
        return _by_rule("answer", "accepted")
    if reading.only_quote:
        return _by_rule("reaction", "only a quotation")
    if reading.n_words > MAX_COURTESY_WORDS:
        return _by_rule("answer", "long")
    clauses: list[Clause] = []
    for clause in read_clauses(reading.words, by_staff=post.role == "staff"):
        clauses.append(clause)
        if settles_an_answer(clause):
            break
    if says_something(clauses):
        return _by_rule("answer", "content")
    return _by_courtesy(clauses, reading)


_KIND_OF_CLASS: tuple[tuple[str, ReplyKind], ...] = (
    ("contact", "deflected"),
    ("apology", "acknowledged"),
    ("service", "acknowledged"),
    ("same_here", "same_here"),
    ("thanks", "thanks"),
)


def _by_courtesy(clauses: list[Clause], reading: Reading) -> ReplyJudgement:
    """A reply without content is what the strongest of its courtesies is."""
    for clause_class, kind in _KIND_OF_CLASS:
        words = [clause.matched for clause in clauses if clause.clause_class == clause_class]
        if words:
            return _by_rule(kind, f"only {clause_class.replace('_', ' ')}", words)
    if reading.has_code:
        return _by_rule("answer", "code")
    if reading.n_links:
        return _by_rule("answer", "link")
    return _by_rule("reaction", "only a few words")


def _by_rule(kind: ReplyKind, rule: str, words: Sequence[str] = ()) -> ReplyJudgement:
    return ReplyJudgement(kind, Evidence(rule, tuple(words)))


def _known(number: float) -> float | None:
    return None if np.isnan(number) else round(float(number), 6)


def _likeness(corpus: Corpus, pairs: Sequence[tuple[int, int]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centred cosine of each pair, and its rank among the reply's cosines to other threads' openings."""
    cosine, rank = np.full(len(pairs), np.nan), np.full(len(pairs), np.nan)
    known = [i for i, (opening, reply) in enumerate(pairs) if corpus.encoded[opening] and corpus.encoded[reply]]
    if not known:
        return cosine, rank
    threads = {thread_id: number for number, thread_id in enumerate(corpus.threads)}
    thread_of = np.array([threads[post.thread_id] for post in corpus.posts])
    openings = np.array([pairs[i][0] for i in known])
    replies = np.array([pairs[i][1] for i in known])
    others = _evenly_spaced(np.unique(openings), N_OTHERS)
    centred = _centred_vectors(corpus)
    with threadpool_limits(1):
        for start in range(0, len(known), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            vectors = centred[replies[block]]
            own = np.round(np.einsum("ij,ij->i", vectors, centred[openings[block]]), 6)
            to_others = np.round(vectors @ centred[others].T, 6)
            elsewhere = thread_of[others][None, :] != thread_of[replies[block]][:, None]
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
