"""Stage 4a: how far each post lies from what its community is about, by its vector, its words and the purpose text.

A post is never measured against its own thread, nor against the fifth of the threads that its thread is in: with a few
hundred posts in as many dimensions, every post that helped to draw a cloud looks close to it.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from moderation.corpus import Corpus
from moderation.decided_posts import NOTHING_DECIDED, DecidedPosts, pull_of_decisions
from moderation.word_evidence import (
    N_FOLDS,
    PostWords,
    WordCounts,
    count_words,
    fold_of,
    strangeness_of_words,
    words_of_groups,
)

TOO_FEW_POSTS = "too few posts to know the purpose"
TOO_FEW_THREADS = "too few threads to compare with"

MIN_POSTS = 50
MIN_CLOUD_POSTS = 10
"""With fewer posts outside the largest fold, after trimming, no cloud is drawn: nearly all are of one thread."""
N_TRIMMED_FITS = 2
TRIMMED_SHARE = 0.9
MIN_LANGUAGE_POSTS = 30
"""With fewer posts in a language its words say nothing: the others' threads use none of them."""
READ_WORDS = 256
"""Longer posts count as this long: the encoder reads no further."""
WIDEST = 3.0
"""Deviations beyond this do not steer how length is corrected for."""
LEAST_SPREAD, LEAST_SHARE_OF_DEVIATION = 0.02, 0.1
"""Below what any kind of evidence shows in a real community; only posts that repeat each other come under it."""
FARTHEST = 10.0
"""Deviations count up to this, so that no kind of evidence can outvote the others alone."""
WORDS_WEIGHT = 2 / 3
PURPOSE_WEIGHT = 2 / 3
"""Of the words and of the purpose text, where the distance of the vector counts 1; docs/decisions/0005-relevance.md."""
ODD_FROM = 1.0
ONE_KIND_CEILING = 0.75
"""What a post can reach that is odd in one way only, an unknown product name say: too little to be flagged."""


@dataclass(frozen=True)
class PurposeTexts:
    """What the community says it is for, and what people write about elsewhere.

    Attributes
    ----------
    own : shape (n_texts, dim), float32, unit rows: the purpose and the spaces' purposes; may have no rows.
    elsewhere : shape (n_subjects, dim), float32, unit rows: common subjects; unused without own texts.
    """

    own: NDArray[np.float32]
    elsewhere: NDArray[np.float32]

    @classmethod
    def none(cls, dim: int) -> "PurposeTexts":
        """Nothing is said."""
        nothing = np.empty((0, dim), dtype=np.float32)
        return cls(nothing, nothing)


@dataclass(frozen=True)
class PurposeModel:
    """How unlike the rest a post must be; fitted on open sets mixed with 5 % strangers.

    `p = 1 / (1 + exp(-(slope * oddness + intercept)))`. The figures and how they were chosen are in
    docs/decisions/0005-relevance.md.
    """

    slope: float
    intercept: float

    def p_off_purpose(self, odd: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability that a post has nothing to do with the purpose; same shape."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * odd + self.intercept))), dtype=np.float64)


BY_POSTS = PurposeModel(slope=3.2, intercept=-5.86)
BY_POSTS_AND_TEXT = PurposeModel(slope=3.42, intercept=-6.55)
BY_TEXT = PurposeModel(slope=1.12, intercept=-1.45)


@dataclass(frozen=True)
class RobustScale:
    """A median and 1.4826 median absolute deviations (Rousseeuw and Croux, 1993)."""

    median: float
    spread: float

    @classmethod
    def of(cls, numbers: NDArray[np.float64]) -> "RobustScale":
        """The scale of these numbers."""
        median = np.median(numbers)
        spread = 1.4826 * np.median(np.abs(numbers - median))
        # Where most numbers are the same, the few others must not seem infinitely far away.
        return cls(float(median), max(float(spread), LEAST_SHARE_OF_DEVIATION * float(numbers.std()), LEAST_SPREAD))

    def z(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance from the median in spreads; same shape."""
        return np.asarray((numbers - self.median) / self.spread, dtype=np.float64)

    def as_array(self) -> NDArray[np.float64]:
        """Median and spread, to be stored; shape (2,)."""
        return np.array([self.median, self.spread])


@dataclass(frozen=True)
class LengthFreeScale:
    """A robust scale that forgives what only length explains: long posts lie closer for their length alone.

    The slope over the logarithm of the number of words is shrunk by its own correlation, so that a weak one, which may
    be chance, is hardly used.
    """

    raw: RobustScale
    log_words: RobustScale
    slope: float
    rest: RobustScale

    @classmethod
    def of(cls, numbers: NDArray[np.float64], n_words: NDArray[np.int64]) -> "LengthFreeScale":
        """The scale of these numbers; both of shape (n,)."""
        raw, log_words = RobustScale.of(numbers), RobustScale.of(_log_words(n_words))
        y = np.clip(raw.z(numbers), -WIDEST, WIDEST)
        x = np.clip(log_words.z(_log_words(n_words)), -WIDEST, WIDEST)
        x, y = x - x.mean(), y - y.mean()
        spread = float(np.sqrt((x * x).sum() * (y * y).sum()))
        correlation = float((x * y).sum()) / spread if spread > 0 else 0.0
        slope = abs(correlation) * float((x * y).sum()) / float((x * x).sum()) if spread > 0 else 0.0
        unscaled = cls(raw, log_words, slope, RobustScale(0.0, 1.0))
        return cls(raw, log_words, slope, RobustScale.of(unscaled.z(numbers, n_words)))

    @classmethod
    def from_array(cls, stored: NDArray[np.float64]) -> "LengthFreeScale":
        """Read what `as_array` gave."""
        raw, log_words, rest = (RobustScale(*stored[i : i + 2].tolist()) for i in (0, 2, 5))
        return cls(raw, log_words, float(stored[4]), rest)

    def as_array(self) -> NDArray[np.float64]:
        """All numbers, to be stored; shape (7,)."""
        return np.concatenate([self.raw.as_array(), self.log_words.as_array(), [self.slope], self.rest.as_array()])

    def z(self, numbers: NDArray[np.float64], n_words: NDArray[np.int64]) -> NDArray[np.float64]:
        """Robust deviations that length does not explain; shape (n,)."""
        x = np.clip(self.log_words.z(_log_words(n_words)), -WIDEST, WIDEST)
        return self.rest.z(self.raw.z(numbers) - self.slope * x)


@dataclass(frozen=True)
class PurposeFit:
    """What new posts are measured against; a thread is never measured against a cloud that it helped to draw.

    Attributes
    ----------
    centres : shape (N_FOLDS, dim), of the near posts outside each fold of the threads; no rows where there are too few
        posts, and then every field below is empty but for the texts.
    half_precisions : shape (N_FOLDS, dim * (dim + 1) / 2), float32: inverse covariances, upper triangles row by row.
    word_keys, word_threads, n_threads : see `moderation.word_evidence.WordCounts`.
    languages : shape (n_languages,), those with enough posts.
    language_medians : shape (3, n_languages): the usual log-distance, strangeness of words and likeness to the purpose
        text of each language; NaN without own texts.
    scales : shape (n_kinds, 7), of the same three kinds, or of two without own texts; see `LengthFreeScale`.
    joint_scale : shape (2,), median and spread of all kinds together.
    own_texts, elsewhere_texts : see `PurposeTexts`.
    decided_vectors : shape (n_decided, dim), float32, of posts whose place people decided.
    decided_belong : shape (n_decided,), whether each belongs here.
    """

    centres: NDArray[np.float64]
    half_precisions: NDArray[np.float32]
    word_keys: NDArray[np.uint64]
    word_threads: NDArray[np.int32]
    n_threads: NDArray[np.int64]
    languages: NDArray[np.str_]
    language_medians: NDArray[np.float64]
    scales: NDArray[np.float64]
    joint_scale: NDArray[np.float64]
    own_texts: NDArray[np.float32]
    elsewhere_texts: NDArray[np.float32]
    decided_vectors: NDArray[np.float32]
    decided_belong: NDArray[np.bool_]

    @property
    def has_clouds(self) -> bool:
        """Whether there were enough posts to measure others against."""
        return len(self.centres) > 0

    @property
    def has_texts(self) -> bool:
        """Whether the community says what it is for."""
        return len(self.own_texts) > 0

    @cached_property
    def precisions(self) -> NDArray[np.float64]:
        """The whole inverse covariances; shape (N_FOLDS, dim, dim)."""
        dim = self.centres.shape[1]
        row, column = np.triu_indices(dim)
        whole = np.empty((N_FOLDS, dim, dim))
        whole[:, row, column] = whole[:, column, row] = self.half_precisions
        return whole

    def log_distance(self, vectors: NDArray[np.float32], folds: NDArray[np.intp]) -> NDArray[np.float64]:
        """Logarithm of each post's squared Mahalanobis distance to the cloud for its fold; shape (n,)."""
        distance = np.empty(len(vectors))
        for fold in np.unique(folds):
            moved = vectors[folds == fold] - self.centres[fold]
            distance[folds == fold] = ((moved @ self.precisions[fold]) * moved).sum(axis=1)
        return np.log(np.maximum(distance, 1e-12))


@dataclass(frozen=True)
class Oddness:
    """How far posts lie from what their community is about.

    Attributes
    ----------
    odd : shape (n,): about 0 for the median post, growing with distance; half of it is the thread's, and decided posts
        nearby move it.
    kinds : shape (n_kinds, n): the same for each kind of evidence by itself: vector, words, purpose text.
    """

    odd: NDArray[np.float64]
    kinds: NDArray[np.float64]


def fit_purpose(corpus: Corpus, texts: PurposeTexts, *, decided: DecidedPosts = NOTHING_DECIDED) -> PurposeFit | None:
    """Learn what the community is about from its posts and its purpose text; None where there is neither.

    Parameters
    ----------
    decided : posts that do not belong here draw no cloud and count no words; posts near a decided one are judged by it.
    """
    rows = _rows(corpus)
    folds = _folds(corpus, rows)
    if why_no_cloud(folds):
        return _fit_of_texts(texts) if len(texts.own) else None
    belongs = np.array([corpus.posts[row].id not in decided.outside for row in rows], dtype=bool)
    near, clouds = _draw_clouds(corpus.vectors[rows], folds, belongs)
    # Without the farthest: a wave of advertisements must not make its own words usual.
    words = _words_of_rows(corpus, rows)
    counts = count_words(_only(words, near), thread_numbers(corpus)[rows], folds)
    upper = np.triu_indices(corpus.vectors.shape[1])
    decided_rows, decided_belong = decided.rows(corpus)
    unscaled = replace(
        _fit_of_texts(texts),
        centres=np.stack([cloud.location_ for cloud in clouds]).astype(np.float64),
        half_precisions=np.stack([cloud.precision_[upper] for cloud in clouds]).astype(np.float32),
        word_keys=counts.keys,
        word_threads=counts.n_threads_with,
        n_threads=counts.n_threads,
        decided_vectors=corpus.vectors[decided_rows],
        decided_belong=decided_belong,
    )
    return _with_scales(unscaled, corpus, rows, _raw_kinds(unscaled, corpus, rows, words))


def _with_scales(unscaled: PurposeFit, corpus: Corpus, rows: NDArray[np.intp], raw: NDArray[np.float64]) -> PurposeFit:
    """Learn what is usual here for each kind of evidence, by language, and for all kinds together."""
    names, of_post, n_posts = np.unique(
        np.array([corpus.languages[row] for row in rows], dtype=np.str_), return_inverse=True, return_counts=True
    )
    often = np.flatnonzero(n_posts >= MIN_LANGUAGE_POSTS)
    medians = np.array([[np.median(kind[of_post == language]) for language in often] for kind in raw])
    fit = replace(unscaled, languages=names[often], language_medians=medians.reshape(len(raw), len(often)))
    centred, n_words = _centred_kinds(fit, corpus, rows, raw), _n_words(corpus, rows)
    scales = [_scale_of(kind, n_words).as_array() for kind in centred]
    fit = replace(fit, scales=np.stack(scales))
    return replace(fit, joint_scale=RobustScale.of(_joint(_kinds(fit, corpus, rows, raw))).as_array())


def judge_purpose(fit: PurposeFit, corpus: Corpus) -> NDArray[np.float64]:
    """The probability that each post is outside the purpose; shape (n,), NaN for posts without a vector or deleted.

    Parameters
    ----------
    corpus : whole threads, of the fit or new.
    """
    rows = _rows(corpus)
    p = np.full(len(corpus), np.nan)
    if not len(rows):
        return p
    found = oddness(fit, corpus)
    if not fit.has_clouds:
        p[rows] = np.minimum(BY_TEXT.p_off_purpose(found.odd), ONE_KIND_CEILING)
        return p
    model = BY_POSTS_AND_TEXT if fit.has_texts else BY_POSTS
    p[rows] = model.p_off_purpose(found.odd)
    one_kind_only = np.sort(found.kinds, axis=0)[-2] < ODD_FROM
    p[rows[one_kind_only]] = np.minimum(p[rows[one_kind_only]], ONE_KIND_CEILING)
    return p


def oddness(fit: PurposeFit, corpus: Corpus) -> Oddness:
    """How odd each post with a vector that is not deleted is here; shape of those rows."""
    rows = _rows(corpus)
    threads = thread_numbers(corpus)[rows]
    if not fit.has_clouds:
        alone = share_over_thread(-_likeness(fit.own_texts, fit.elsewhere_texts, corpus.vectors[rows]), threads)
        return Oddness(alone, alone[None])
    words = _words_of_rows(corpus, rows)
    kinds = _kinds(fit, corpus, rows, _raw_kinds(fit, corpus, rows, words))
    joint = RobustScale(*fit.joint_scale.tolist()).z(_joint(kinds))
    pull = pull_of_decisions(corpus.vectors[rows], fit.decided_vectors, fit.decided_belong, fit.centres.mean(axis=0))
    odd = np.round(share_over_thread(joint, threads) + pull, 6)
    return Oddness(odd, np.stack([share_over_thread(kind, threads) for kind in kinds]))


def share_over_thread(odd: NDArray[np.float64], threads: NDArray[np.intp]) -> NDArray[np.float64]:
    """Half of each post's oddness is the mean of its thread; all posts of a thread must be there."""
    n_posts = np.bincount(threads)
    shared = (odd + (np.bincount(threads, odd) / np.maximum(n_posts, 1))[threads]) / 2
    return np.asarray(np.round(shared, 6), dtype=np.float64)


def why_no_cloud(folds: NDArray[np.intp]) -> str | None:
    """Why posts with these folds are too few, or too much of one thread, to be compared; None where they are enough."""
    if len(folds) < MIN_POSTS:
        return TOO_FEW_POSTS
    if TRIMMED_SHARE * len(folds) - np.bincount(folds).max() < MIN_CLOUD_POSTS:
        return TOO_FEW_THREADS
    return None


def why_no_purpose(corpus: Corpus) -> str | None:
    """Why this community's posts cannot be measured without a purpose text; None where they can."""
    return why_no_cloud(_folds(corpus, _rows(corpus)))


def thread_numbers(corpus: Corpus) -> NDArray[np.intp]:
    """The place of each row's thread in `corpus.threads`; shape (n,)."""
    numbers = np.empty(len(corpus), dtype=np.intp)
    for number, rows in enumerate(corpus.threads.values()):
        numbers[rows] = number
    return numbers


def _rows(corpus: Corpus) -> NDArray[np.intp]:
    return np.flatnonzero(corpus.encoded & corpus.visible)


def _folds(corpus: Corpus, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    of_threads = np.array([fold_of(thread_id) for thread_id in corpus.threads], dtype=np.intp)
    return of_threads[thread_numbers(corpus)[rows]]


def _words_of_rows(corpus: Corpus, rows: NDArray[np.intp]) -> PostWords:
    place_of = np.full(len(corpus), -1, dtype=np.intp)
    place_of[rows] = np.arange(len(rows))
    return words_of_groups(corpus.distinct_words, place_of, len(rows))


def _n_words(corpus: Corpus, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    return np.array([corpus.readings[row].n_words for row in rows], dtype=np.int64)


def _log_words(n_words: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.log1p(np.minimum(n_words, READ_WORDS).astype(np.float64))


def _fit_of_texts(texts: PurposeTexts) -> PurposeFit:
    dim = texts.own.shape[1]
    return PurposeFit(
        centres=np.empty((0, dim)),
        half_precisions=np.empty((0, dim * (dim + 1) // 2), dtype=np.float32),
        word_keys=np.empty(0, dtype=np.uint64),
        word_threads=np.empty((0, N_FOLDS), dtype=np.int32),
        n_threads=np.zeros(N_FOLDS, dtype=np.int64),
        languages=np.empty(0, dtype=np.str_),
        language_medians=np.empty((3, 0)),
        scales=np.empty((0, 7)),
        joint_scale=np.array([0.0, 1.0]),
        own_texts=texts.own,
        elsewhere_texts=texts.elsewhere,
        decided_vectors=np.empty((0, dim), dtype=np.float32),
        decided_belong=np.empty(0, dtype=bool),
    )


def _draw_clouds(
    vectors: NDArray[np.float32], folds: NDArray[np.intp], belongs: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], list[LedoitWolf]]:
    """Which posts are near the near posts of the other folds, and the cloud of those for each fold.

    The covariance is shrunk (Ledoit and Wolf, 2004) and drawn a second time without the farthest tenth, so that
    strangers do not stretch it.
    """
    near = belongs
    for _ in range(N_TRIMMED_FITS):
        distance = np.empty(len(vectors))
        clouds = [LedoitWolf().fit(vectors[(folds != fold) & near]) for fold in range(N_FOLDS)]
        for fold in np.unique(folds):
            distance[folds == fold] = clouds[fold].mahalanobis(vectors[folds == fold])
        near = belongs & (distance <= np.quantile(distance, TRIMMED_SHARE))
    return near, clouds


def _only(words: PostWords, kept: NDArray[np.bool_]) -> PostWords:
    pairs = kept[words.post_of]
    return PostWords(words.keys, words.log_probabilities, words.post_of[pairs], words.word_of[pairs], words.n_posts)


def _likeness(
    own: NDArray[np.float32], elsewhere: NDArray[np.float32], vectors: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """By how many standard deviations the best own text stands out from common subjects; shape (n,).

    A cosine alone says little: a short or vague post resembles every text less.
    """
    # Double precision, so that the outcome does not depend on how many posts are judged together.
    exact = vectors.astype(np.float64)
    best = (exact @ own.T.astype(np.float64)).max(axis=1)
    if not len(elsewhere):
        return np.asarray(np.round(best, 6), dtype=np.float64)
    others = exact @ elsewhere.T.astype(np.float64)
    spread = np.maximum(others.std(axis=1), 1e-6)
    return np.asarray(np.round((best - others.mean(axis=1)) / spread, 6), dtype=np.float64)


def _raw_kinds(fit: PurposeFit, corpus: Corpus, rows: NDArray[np.intp], words: PostWords) -> NDArray[np.float64]:
    """Log-distance, strangeness of the words and, with a purpose text, unlikeness to it; shape (n_kinds, n)."""
    folds, vectors = _folds(corpus, rows), corpus.vectors[rows]
    counts = WordCounts(fit.word_keys, fit.word_threads, fit.n_threads)
    kinds = [fit.log_distance(vectors, folds), strangeness_of_words(counts, words, folds)]
    if fit.has_texts:
        kinds.append(-_likeness(fit.own_texts, fit.elsewhere_texts, vectors))
    return np.stack(kinds)


def _centred_kinds(
    fit: PurposeFit, corpus: Corpus, rows: NDArray[np.intp], raw: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The same less what is usual in the post's language; words say nothing (NaN) in a language that is rare here."""
    place_of = {language: place for place, language in enumerate(fit.languages.tolist())}
    places = np.array([place_of.get(corpus.languages[row], -1) for row in rows], dtype=np.intp)
    usual = fit.language_medians.mean(axis=1) if len(place_of) else np.zeros(len(raw))
    kinds = raw - np.column_stack([fit.language_medians, usual])[:, places]
    kinds[1, places < 0] = np.nan
    return np.asarray(kinds, dtype=np.float64)


def _scale_of(kind: NDArray[np.float64], n_words: NDArray[np.int64]) -> LengthFreeScale:
    known = ~np.isnan(kind)
    if not known.any():
        nothing = RobustScale(0.0, 1.0)
        return LengthFreeScale(nothing, nothing, 0.0, nothing)
    return LengthFreeScale.of(kind[known], n_words[known])


def _kinds(fit: PurposeFit, corpus: Corpus, rows: NDArray[np.intp], raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same in robust deviations; 0 where a kind says nothing."""
    n_words = _n_words(corpus, rows)
    centred = _centred_kinds(fit, corpus, rows, raw)
    kinds = [
        LengthFreeScale.from_array(scale).z(kind, n_words) for scale, kind in zip(fit.scales, centred, strict=True)
    ]
    return np.clip(np.nan_to_num(np.stack(kinds), nan=0.0), -FARTHEST, FARTHEST)


def _joint(kinds: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.array([1.0, WORDS_WEIGHT, PURPOSE_WEIGHT])[: len(kinds)]
    return np.asarray((weights[:, None] * kinds).sum(axis=0), dtype=np.float64)
