"""What people decided about where posts belong, as evidence about the posts that resemble them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from moderation.corpus import Corpus

NEAR_FROM = 0.2
"""Centred cosine from which a decided post says something about another; two posts on one subject have 0.2 to 0.6."""
BELONGS_PULL, OUTSIDE_PULL = 8.0, 4.0
"""Deviations by which a post that equals a decided one moves; docs/decisions/0005-relevance.md has the measurement."""


@dataclass(frozen=True)
class DecidedPosts:
    """Posts whose place moderators decided.

    Attributes
    ----------
    outside : ids of posts that do not belong in the community.
    inside : ids of posts that do, though they had been flagged.
    space_of : the space that a thread was put into, by the id of its first post.
    """

    outside: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()
    space_of: Mapping[str, str] = field(default_factory=dict)

    def rows(self, corpus: Corpus) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Rows of decided posts that have a vector and are not deleted, and whether each belongs."""
        usable = np.flatnonzero(corpus.encoded & corpus.visible)
        decided = [row for row in usable.tolist() if corpus.posts[row].id in self.outside | self.inside]
        belongs = [corpus.posts[row].id in self.inside for row in decided]
        return np.array(decided, dtype=np.intp), np.array(belongs, dtype=bool)

    def in_their_spaces(self, corpus: Corpus) -> Corpus:
        """The corpus with every thread in the space that it was put into."""
        if not self.space_of:
            return corpus
        posts = tuple(replace(post, space=self.space_of.get(post.id, post.space)) for post in corpus.posts)
        return replace(corpus, posts=posts)


NOTHING_DECIDED = DecidedPosts()


def pull_of_decisions(
    vectors: NDArray[np.float32], decided: NDArray[np.float32], belongs: NDArray[np.bool_], centre: NDArray[np.float64]
) -> NDArray[np.float64]:
    """By how many deviations decided posts make others less (negative) or more odd; shape (n,).

    The nearest post that belongs and the nearest that does not each count, from `NEAR_FROM` on in proportion.

    Parameters
    ----------
    vectors : shape (n, dim).
    decided, belongs : shape (m, dim) and (m,); m may be 0.
    centre : shape (dim,), the middle of the community, which all vectors share.
    """
    own = _directions(vectors, centre)
    pull = OUTSIDE_PULL * _nearness(own, _directions(decided[~belongs], centre))
    return np.asarray(pull - BELONGS_PULL * _nearness(own, _directions(decided[belongs], centre)), dtype=np.float64)


def _nearness(own: NDArray[np.float64], decided: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 from `NEAR_FROM` down to 1 for a post that equals a decided one; shape (n,)."""
    if not len(decided):
        return np.zeros(len(own))
    nearest = np.round((own @ decided.T).max(axis=1), 6)
    return np.asarray(np.clip(nearest - NEAR_FROM, 0, None) / (1 - NEAR_FROM), dtype=np.float64)


def _directions(vectors: NDArray[np.float32], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    moved = vectors.astype(np.float64) - centre
    return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9), dtype=np.float64)
