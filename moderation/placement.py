"""Where each post belongs: here, in another space, outside the purpose, or nowhere because it advertises."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from moderation.corpus import Corpus
from moderation.spaces import BetterSpaces

Outcome = Literal["on_purpose", "other_space", "outside_purpose", "spam_like"]

OUTSIDE_FROM = 0.5
"""From here on a post is more likely outside the purpose than not; whether it is flagged is another question."""
OTHER_SPACE_FROM = 0.8
"""A wrong suggestion costs a moderator more than none."""


@dataclass(frozen=True)
class Placement:
    """Where one post belongs.

    Attributes
    ----------
    space : the better space's slug; None for other outcomes.
    p : how likely the outcome is, in [0, 1].
    """

    outcome: Outcome
    space: str | None
    p: float

    def as_json(self, nearest_posts: list[str]) -> dict[str, Any]:
        """The placement as posts.jsonl holds it, with the ids of the on-purpose posts that it resembles most."""
        evidence = {"nearest_posts": nearest_posts}
        return {"outcome": self.outcome, "space": self.space, "p": round(self.p, 6), "evidence": evidence}


def place_posts(corpus: Corpus, p_outside: NDArray[np.float64], better: BetterSpaces) -> tuple[Placement | None, ...]:
    """Name the outcome for each row; None where it is not known whether the post is outside the purpose.

    A question is never spam-like unless it links somewhere, and a better space is never named for a post that is likely
    outside all of them.
    """
    is_spam, asks = corpus.above_threshold("spam"), corpus.above_threshold("question")
    placements: list[Placement | None] = []
    for row, p in enumerate(np.round(p_outside, 6).tolist()):
        space = better.space[row]
        if np.isnan(p):
            placements.append(None)
        elif is_spam[row] and not (asks[row] and not corpus.readings[row].n_links):
            placements.append(Placement("spam_like", None, float(corpus.p("spam")[row])))
        elif p >= OUTSIDE_FROM:
            placements.append(Placement("outside_purpose", None, p))
        elif space is not None and better.p[row] >= OTHER_SPACE_FROM:
            placements.append(Placement("other_space", space, float(better.p[row])))
        else:
            placements.append(Placement("on_purpose", None, round(1 - p, 6)))
    return tuple(placements)
