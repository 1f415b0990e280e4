"""What new posts of a community are measured against: fitted on all its posts once, then used for a few at a time.

A fit holds no post: means, covariances and centres only, how many threads hold each word, under a hash of the word, and
the ids of up to 200 threads. What it says of a post is what the run over all posts would say, as far as that can be
known without the other posts (docs/decisions/0006-fits.md).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController, threadpool_limits

from moderation.assignments import SortedBy, Topics, read_sorted_by, unsorted_reasons
from moderation.corpus import Corpus, ReplyBackground
from moderation.purpose import TOO_FEW_THREADS, PurposeFit
from moderation.relevance import (
    GENERIC_CEILING,
    Belonging,
    OtherThreads,
    Relevance,
    choose_other_threads,
    judge_belonging,
    rank_own_threads,
    share_at,
    share_by_rank,
)
from moderation.spaces import SpaceFit
from moderation.topic_orders import in_the_end
from topics import clustering
from topics.clustering import centre_rows, group_means, is_within_reach, reach_of_topics
from topics.graph import sums_by_group, topic_centroids

NOT_FITTED = "the community has not been fitted yet"
NO_REPLIES = "too few replies to compare with"


@dataclass(frozen=True)
class TopicFit:
    """Topics to sort new posts into.

    Attributes
    ----------
    languages : shape (n_languages,), codes.
    language_means : shape (n_languages + 1, dim): what the posts of each language share; the last row is for
        languages that were not there.
    ids : shape (n_topics,), the permanent ids.
    centroids : shape (n_topics, dim), float32, unit rows.
    reach : shape (n_topics,), the least cosine at which a post joins.
    reach_of_short : shape (n_topics,), the same for posts with too few words to shape topics.
    none_reason : shape (), why posts are unsorted where there is no topic at all.
    """

    languages: NDArray[np.str_]
    language_means: NDArray[np.float32]
    ids: NDArray[np.int64]
    centroids: NDArray[np.float32]
    reach: NDArray[np.float64]
    reach_of_short: NDArray[np.float64]
    none_reason: NDArray[np.str_]


@dataclass(frozen=True)
class ThreadFit:
    """Other threads to hold a reply against, and what its rank among them means.

    Attributes
    ----------
    common, thread_ids, middles : see `moderation.relevance.OtherThreads`.
    shares : shape (N_RANK_BINS,), misplaced replies by rank; no rows where the community has no reply yet.
    """

    common: NDArray[np.float32]
    thread_ids: NDArray[np.str_]
    middles: NDArray[np.float32]
    shares: NDArray[np.float64]

    @cached_property
    def others(self) -> OtherThreads:
        """The threads as the ranking takes them."""
        return OtherThreads(self.common, tuple(self.thread_ids.tolist()), self.middles)


@dataclass(frozen=True)
class Fit:
    """All that new posts of one community are measured against.

    Attributes
    ----------
    purpose, threads : None where the community has too few posts or threads.
    spaces : None where fewer than two spaces have enough threads.
    purpose_reason : shape (), why `purpose` is None; empty where it is not.
    replies : what replies are compared with; None in a fit of a version that did not keep it.
    """

    topics: TopicFit
    purpose: PurposeFit | None
    purpose_reason: NDArray[np.str_]
    threads: ThreadFit | None
    spaces: SpaceFit | None = None
    replies: ReplyBackground | None = None

    @property
    def belonging(self) -> Belonging:
        """The part that posts are held against to tell where they belong."""
        return Belonging(self.purpose, str(self.purpose_reason) or None, self.spaces)

    def to_bytes(self) -> bytes:
        """The fit as a NumPy .npz file without Python objects."""
        arrays = {"purpose_reason": self.purpose_reason}
        parts = {
            "topics": self.topics,
            "purpose": self.purpose,
            "threads": self.threads,
            "spaces": self.spaces,
            "replies": self.replies,
        }
        for name, part in parts.items():
            if part is not None:
                arrays.update({f"{name}.{field.name}": getattr(part, field.name) for field in fields(part)})
        file = BytesIO()
        np.savez_compressed(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, file: bytes) -> "Fit":
        """Read what `to_bytes` wrote."""
        with np.load(BytesIO(file), allow_pickle=False) as stored:
            arrays = dict(stored)
        parts: dict[str, dict[str, Any]] = {}
        for name, array in arrays.items():
            part, _, field = name.partition(".")
            parts.setdefault(part, {})[field] = array
        return cls(
            topics=TopicFit(**parts["topics"]),
            purpose=PurposeFit(**parts["purpose"]) if "purpose" in parts else None,
            purpose_reason=arrays["purpose_reason"],
            threads=ThreadFit(**parts["threads"]) if "threads" in parts else None,
            spaces=SpaceFit(**parts["spaces"]) if "spaces" in parts else None,
            replies=ReplyBackground(**parts["replies"]) if "replies" in parts else None,
        )


@dataclass(frozen=True)
class Placed:
    """What a fit says of each row of a corpus.

    Attributes
    ----------
    topic_id_of : permanent ids by row; None = unsorted.
    topic_cosine : shape (n,), in [-1, 1]: to the centre of the post's topic, or of the nearest one; NaN without any.
    unsorted_reasons : by row; None for sorted posts.
    relevance : without `nearest_rows`: the posts that a suspected one resembles are not in the fit.
    """

    topic_id_of: tuple[int | None, ...]
    topic_cosine: NDArray[np.float64]
    unsorted_reasons: tuple[str | None, ...]
    relevance: Relevance


def fit_community(corpus: Corpus, topics: Topics, relevance: Relevance) -> Fit:
    """Keep what is needed to judge new posts as these were judged.

    Parameters
    ----------
    corpus, topics, relevance : all posts of the community and what was found in them, under permanent topic ids.
    """
    assert relevance.belonging is not None  # it was measured over these posts
    belonging = relevance.belonging
    with threadpool_limits(1):
        return Fit(
            topics=_fit_topics(read_sorted_by(corpus), topics),
            purpose=belonging.purpose,
            purpose_reason=np.array(belonging.purpose_reason or ""),
            threads=_fit_threads(choose_other_threads(corpus, corpus.encoded & corpus.visible), relevance),
            spaces=belonging.spaces,
            replies=corpus.background,
        )


def apply_fit(fit: Fit | None, corpus: Corpus, *, merged: Mapping[int, int] | None = None) -> Placed:
    """Judge a few posts as the run over the whole community would.

    A row's answer does not depend on other threads of the corpus.

    Parameters
    ----------
    fit : None = the community has not been fitted yet.
    corpus : whole threads, new posts and earlier ones.
    merged : topics that moderators merged since the fit, with the ones that they went into.
    """
    if fit is None:
        return _nothing_known(len(corpus))
    with _thread_pools().limit(limits=1):
        topic_id_of, topic_cosine, reasons = _place_in_topics(fit.topics, corpus)
        topic_id_of = in_the_end(topic_id_of, merged or {})
        return Placed(topic_id_of, topic_cosine, reasons, _judge_relevance(fit, corpus))


def nearest_topics(
    fit: Fit, corpus: Corpus, row: int, *, merged: Mapping[int, int] | None = None
) -> list[tuple[int, float]]:
    """The topics that a row resembles, by permanent id with their cosine, most similar first.

    Parameters
    ----------
    corpus : holds the row's whole thread.
    merged : see `apply_fit`.

    Returns
    -------
    Every topic once; none where the row has no words or was deleted, or the community has no topics.
    """
    sorted_by = read_sorted_by(corpus)
    with _thread_pools().limit(limits=1):
        cosines = _cosines_to_topics(fit.topics, sorted_by)[sorted_by.rows == row]
    nearest: dict[int, float] = {}
    for of_row in cosines:
        for topic in np.argsort(-of_row, kind="stable"):
            topic_id = int(fit.topics.ids[topic])
            nearest.setdefault((merged or {}).get(topic_id, topic_id), float(of_row[topic]))
    return list(nearest.items())


def _fit_topics(sorted_by: SortedBy, topics: Topics) -> TopicFit:
    languages = np.unique(np.array(sorted_by.languages, dtype=np.str_))
    groups = np.searchsorted(languages, np.array(sorted_by.languages, dtype=np.str_))
    shapes = sorted_by.shapes_topics
    means = group_means(sorted_by.vectors[shapes], groups[shapes], n_groups=len(languages) + 1)
    points = centre_rows(sorted_by.vectors, means[groups])
    topic_of = topics.topic_of[sorted_by.rows]
    ids = np.unique(topic_of[topic_of > 0])
    labels = np.where(topic_of > 0, np.searchsorted(ids, topic_of), -1)
    is_small = shapes.sum() < clustering.MIN_POSTS
    unsorted_share = float((labels[shapes] < 0).mean()) if shapes.any() else 0.0
    return TopicFit(
        languages=languages,
        language_means=means.astype(np.float32),
        ids=ids,
        centroids=topic_centroids(points, labels),
        # As few new posts stay unsorted as there are among these (docs/decisions/0006-fits.md).
        reach=reach_of_topics(_cosine_from_outside(points, labels, sorted_by.threads), labels, unsorted_share),
        reach_of_short=reach_of_topics(topics.cosine[sorted_by.rows], labels, clustering.JOIN_QUANTILE),
        none_reason=np.array(clustering.TOO_FEW_POSTS if is_small else clustering.NO_DISTINCT_TOPICS),
    )


def _cosine_from_outside(
    points: NDArray[np.float32], labels: NDArray[np.int64], threads: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Each post's cosine to the sum of its topic's posts in other threads, or to all where there are no others.

    A post lies nearer to a centre that it helped to find than a new post will, in a small topic much nearer.
    """
    n_threads, n_topics = int(threads.max(initial=-1)) + 1, int(labels.max(initial=-1)) + 1
    cells, cell = np.unique((labels + 1) * n_threads + threads, return_inverse=True)
    of_cell = sums_by_group(points, cell, len(cells))
    of_topic = sums_by_group(points, labels + 1, n_topics + 1)
    n_outside = np.bincount(labels + 1, minlength=n_topics + 1)[labels + 1] - np.bincount(cell)[cell]
    outside = of_topic[labels + 1] - np.where(n_outside[:, None] > 0, of_cell[cell], 0)
    cosine = (points * outside).sum(axis=1) / np.maximum(np.linalg.norm(outside, axis=1), 1e-9)
    return np.asarray(np.round(cosine, 6), dtype=np.float64)


def _fit_threads(others: OtherThreads | None, relevance: Relevance) -> ThreadFit | None:
    if others is None:
        return None
    has_replies = not np.isnan(relevance.thread_rank).all()
    return ThreadFit(
        common=others.common,
        thread_ids=np.array(others.thread_ids, dtype=np.str_),
        middles=others.middles.astype(np.float32),
        shares=share_by_rank(relevance.thread_rank) if has_replies else np.empty(0),
    )


@cache
def _thread_pools() -> ThreadpoolController:
    """NumPy's and SciPy's; to look for them again takes as long as judging a post."""
    return ThreadpoolController()


def _nothing_known(n_rows: int) -> Placed:
    unknown, reasons = np.full(n_rows, np.nan), (NOT_FITTED,) * n_rows
    relevance = Relevance(unknown, reasons, ((),) * n_rows, unknown, reasons, unknown)
    return Placed((None,) * n_rows, unknown, reasons, relevance)


def _place_in_topics(
    fit: TopicFit, corpus: Corpus
) -> tuple[tuple[int | None, ...], NDArray[np.float64], tuple[str | None, ...]]:
    sorted_by = read_sorted_by(corpus)
    cosine = np.full(len(corpus), np.nan)
    topic_ids: list[int | None] = [None] * len(corpus)
    if not len(fit.ids):
        no_topics = (str(fit.none_reason),) * len(sorted_by.rows)
        return tuple(topic_ids), cosine, unsorted_reasons(corpus, sorted_by, no_topics)
    cosines = _cosines_to_topics(fit, sorted_by)
    cosine[sorted_by.rows] = cosines.max(axis=1)
    reasons = tuple(_why_unsorted(fit, cosines, sorted_by.shapes_topics))
    for row, topic_id, reason in zip(sorted_by.rows, fit.ids[cosines.argmax(axis=1)].tolist(), reasons, strict=True):
        topic_ids[row] = None if reason else topic_id
    return tuple(topic_ids), cosine, unsorted_reasons(corpus, sorted_by, reasons)


def _cosines_to_topics(fit: TopicFit, sorted_by: SortedBy) -> NDArray[np.float64]:
    place_of = {language: place for place, language in enumerate(fit.languages.tolist())}
    places = [place_of.get(language, len(place_of)) for language in sorted_by.languages]
    points = centre_rows(sorted_by.vectors, fit.language_means[places].astype(np.float64))
    # Double precision, then rounded: the same for one row as for many.
    return np.asarray(np.round(points.astype(np.float64) @ fit.centroids.T.astype(np.float64), 6))


def _why_unsorted(
    fit: TopicFit, cosines: NDArray[np.float64], shapes_topics: NDArray[np.bool_]
) -> Iterator[str | None]:
    is_close, _ = is_within_reach(cosines, fit.reach, 0)
    is_close_for_short, is_clear = is_within_reach(cosines, fit.reach_of_short, clustering.JOIN_MARGIN)
    joins = np.where(shapes_topics, is_close, is_close_for_short & is_clear)
    for joined, close in zip(joins.tolist(), is_close.tolist(), strict=True):
        yield None if joined else clustering.BETWEEN_TOPICS if close else clustering.NOTHING_SIMILAR


def _judge_relevance(fit: Fit, corpus: Corpus) -> Relevance:
    p_off_thread, rank, thread_reasons = _judge_threads(fit.threads, corpus)
    return judge_belonging(
        fit.belonging,
        corpus,
        p_off_thread=p_off_thread,
        thread_rank=rank,
        off_thread_reasons=thread_reasons,
        is_fitted=False,
    )


def _judge_threads(
    fit: ThreadFit | None, corpus: Corpus
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str | None, ...]]:
    unknown = np.full(len(corpus), np.nan)
    if fit is None:
        return unknown, unknown, (TOO_FEW_THREADS,) * len(corpus)
    rank, is_generic, reasons = rank_own_threads(corpus, corpus.encoded & corpus.visible, fit.others)
    if not len(fit.shares):
        return unknown, rank, tuple(reason or NO_REPLIES for reason in reasons)
    p = share_at(rank, fit.shares)
    p[is_generic] = np.minimum(p[is_generic], GENERIC_CEILING)
    return p, rank, reasons
