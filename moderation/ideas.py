"""Ideas of members, similar ones merged, with who supports them over time: the contents of ideas.json.

Only ideas that open a thread count: a suggestion in a reply ("you could use a different shader") mostly helps one
person.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from moderation.config import Community
from moderation.corpus import Corpus
from moderation.repeats import SameSubject, as_json, first_rows, group_rows, newest
from moderation.reply_phrases import read_clauses
from moderation.subcommunities import answered_row
from topics.repeats import SAME_COSINE

MAX_AGREEMENT_WORDS = 60
"""Whoever agrees in a longer text mostly goes on to say something else."""
AGREES = re.compile(
    r"\b(goed|leuk|top|prima|mooi|fijn|super|handig|slim|great|good|nice|lovely|brilliant|excellent|fantastic) "
    r"(idee|voorstel|plan|idea|suggestion|proposal)\b"
    r"|\b(ja|yes),? (graag|please)\b|\bcount me in\b|\b(zou|wil) ik ook\b|\bik zou (het|dat|dit) ook\b"
    r"|\blijkt (me|mij) (ook )?(een )?(handig|fijn|goed|leuk|mooi|prettig|nuttig)"
    r"|\bi('d| would) (also |really )?(love|like|use|want) (that|this|it)\b|\bwould love (that|this|it)\b",
    re.IGNORECASE,
)
REFUSES = re.compile(
    r"\b(geen|niet|not|isn't|nooit|never|slecht|bad|hardly)\b[^.!?]{0,30}\b(idee|voorstel|plan|idea|suggestion|eens|agree)"
    r"|\bdisagree\b|\boneens\b",
    re.IGNORECASE,
)


def find_ideas(corpus: Corpus, *, topic_of: Sequence[int | None], community: Community) -> dict[str, Any]:
    """Merge the ideas of members that say the same, and count who is behind each.

    A supporter is a member who had the idea or agreed with it in a reply, counted once. Likes are told beside it: who
    gave them is not known, so they may be the same people.

    Parameters
    ----------
    topic_of : topic id by row of `corpus`, None = unsorted.

    Returns
    -------
    The contents of ideas.json: `ideas`, the most supported first; `reason` says why there is none.
    """
    rows = _idea_rows(corpus)
    agreeing = _agreeing_rows(corpus, set(rows))
    ideas = [
        {**as_json(corpus, subject, topic_of), **_support(corpus, subject, agreeing, community.timezone)}
        for subject in group_rows(corpus, rows)
    ]
    n_read = len(newest(corpus, rows))
    return {
        "ideas": sorted(ideas, key=lambda idea: (-idea["n_supporters"], -idea["n_likes"], idea["id"])),
        "n_posts_read": n_read,
        "n_posts_left_out": len(rows) - n_read,
        "min_cosine": SAME_COSINE,
        "reason": None if ideas else "no thread was opened with an idea",
    }


def _idea_rows(corpus: Corpus) -> list[int]:
    """Threads that a member opened with an idea."""
    is_idea = corpus.above_threshold("idea")
    return [row for row in first_rows(corpus) if is_idea[row] and corpus.posts[row].role == "member"]


def _agreeing_rows(corpus: Corpus, ideas: set[int]) -> Mapping[int, list[int]]:
    """By idea, the replies of other members that say that they want it too, in time order."""
    is_negative = corpus.above_threshold("negative")
    found: dict[int, list[int]] = {row: [] for row in ideas}
    for row, post in enumerate(corpus.posts):
        answered = answered_row(corpus, row)
        if answered is None or answered not in ideas or post.role != "member" or not corpus.visible[row]:
            continue
        if post.author_id not in (None, corpus.posts[answered].author_id) and not is_negative[row]:
            found[answered] += [row] * _agrees(corpus, row)
    return found


def _agrees(corpus: Corpus, row: int) -> bool:
    reading = corpus.readings[row]
    if reading.n_words > MAX_AGREEMENT_WORDS or REFUSES.search(reading.words):
        return False
    clauses = read_clauses(reading.words, by_staff=False)
    return bool(AGREES.search(reading.words)) or any(clause.clause_class == "same_here" for clause in clauses)


def _support(corpus: Corpus, subject: SameSubject, agreeing: Mapping[int, list[int]], timezone: str) -> dict[str, Any]:
    """Who is behind an idea, and when they first said so."""
    replies = [reply for row in subject.rows for reply in agreeing[row]]
    first_at: dict[str, datetime] = {}
    for row in sorted((*subject.rows, *replies)):
        post = corpus.posts[row]
        if post.author_id is not None:
            first_at.setdefault(post.author_id, post.created_at)
    months = [moment.astimezone(ZoneInfo(timezone)).strftime("%Y-%m") for moment in first_at.values()]
    return {
        "n_supporters": len(first_at),
        "n_agreeing": len({corpus.posts[reply].author_id for reply in replies}),
        "agreeing_post_ids": [corpus.posts[reply].id for reply in sorted(replies)],
        "n_likes": sum(corpus.posts[row].likes for row in subject.rows),
        "supporters_by_month": [{"month": month, "n_new": months.count(month)} for month in sorted(set(months))],
    }
