"""Niches: groups of members with a subject of their own, how little the present spaces serve them, who could meet."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.config import Space
from moderation.group_card import Window, group_figures, rounded
from moderation.public_statements import Statement, read_statements, shared_statement
from topics.members import MemberGraph
from topics.niches import Niche, find_niches
from topics.splits import Gate

N_EVIDENCE = 3
N_TERMS = 10
#: Recent activity that a meeting needs: members with a post in these days, and weeks of them with posts.
MEETING_DAYS, MEETING_MEMBERS, MEETING_WEEKS = 28, 10, 3

CRITERIA = ("size", "cohesion", "growth", "served")


def propose_niches(
    window: Window,
    graph: MemberGraph,
    *,
    spaces: Sequence[Space],
    topic_ids: Sequence[int],
    terms: Mapping[int, Sequence[str]],
) -> dict[str, list[dict[str, Any]]]:
    """The niches for splits.json, best first, and the groups that come near and are none, with what they lack.

    Parameters
    ----------
    graph : of the posts in the window.
    topic_ids : what topic numbers stand for.
    terms : by topic id, the most telling first.
    """
    niches, others = find_niches(window.posts, graph)
    cards = [_card(niche, window, spaces, topic_ids, terms) for niche in niches]
    return {
        "niches": _ranked(cards),
        "niches_refused": [_refusal(group, window, topic_ids, terms) for group in others],
    }


def mark_parts(
    niches: Mapping[str, list[dict[str, Any]]], proposals: Sequence[Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Say of each niche whether it is a part of a split proposal too: `is_part`, by most of either's members."""
    parts = [frozenset(part["author_ids"]) for proposal in proposals for part in proposal["parts"]]
    marked = [
        {
            **niche,
            "is_part": any(
                2 * len(part.intersection(niche["author_ids"])) > len(part.union(niche["author_ids"])) for part in parts
            ),
        }
        for niche in niches["niches"]
    ]
    return {**niches, "niches": marked}


def _card(
    niche: Niche,
    window: Window,
    spaces: Sequence[Space],
    topic_ids: Sequence[int],
    terms: Mapping[int, Sequence[str]],
) -> dict[str, Any]:
    own = [topic_ids[topic] for topic in niche.topics]
    rows = _rows_on_subject(niche, window)
    said = _terms_in_turn([terms.get(topic_id, ()) for topic_id in own])
    return {
        "topic_ids": own,
        "terms": said,
        "author_ids": window.ids(niche.members),
        "n_authors": len(niche.members),
        "n_active_authors": niche.n_active,
        "n_posts": int(window.posts.posts_per_member()[niche.members].sum()),
        "on_subject": rounded(niche.on_subject),
        "own_share": rounded(niche.own_share),
        "cohesion": rounded(niche.cohesion),
        "cohesion_by_chance": rounded(niche.cohesion_by_chance),
        "stability": rounded(niche.stability),
        **group_figures(window, niche.members),
        "spaces": _spaces_json(window, niche, rows, spaces, said),
        "meeting": _meeting(window, niche),
        "evidence_post_ids": _evidence(window, rows),
        "gates": [_gate_json(gate) for gate in niche.gates],
    }


def _refusal(
    group: Niche, window: Window, topic_ids: Sequence[int], terms: Mapping[int, Sequence[str]]
) -> dict[str, Any]:
    own = [topic_ids[topic] for topic in group.topics]
    return {
        "topic_ids": own,
        "terms": _terms_in_turn([terms.get(topic_id, ()) for topic_id in own]),
        "n_authors": len(group.members),
        "n_active_authors": group.n_active,
        "gates": [_gate_json(gate) for gate in group.gates if gate.passed is False],
    }


def _gate_json(gate: Gate) -> dict[str, Any]:
    figures = {name: rounded(each) if isinstance(each, float) else each for name, each in gate.figures.items()}
    return {"gate": gate.name, "passed": gate.passed, "figures": figures}


def _ranked(cards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order niches by the mean of their places in size, cohesion, growth and how little is there for them."""
    measured = {
        "size": [-card["n_active_authors"] for card in cards],
        "cohesion": [-card["cohesion"] for card in cards],
        "growth": [-(card["trend"]["posts"] or {"ratio": 1.0})["ratio"] for card in cards],
        "served": [1.0 if card["spaces"] is None else card["spaces"]["served"] for card in cards],
    }
    for place, card in enumerate(cards):
        # Equal figures share a place; what is not known counts neither for nor against a niche.
        card["places"] = {name: 1 + sum(each < of[place] for each in of) for name, of in measured.items()}
    return sorted(cards, key=lambda card: (sum(card["places"].values()), -card["n_active_authors"], card["author_ids"]))


def _rows_on_subject(niche: Niche, window: Window) -> NDArray[np.int64]:
    """Rows of the corpus in the window with a post on the subject by one of its members."""
    rows = window.rows_of(niche.members)
    place = np.searchsorted(window.rows, rows)
    return rows[np.isin(window.activity.topic[place], niche.topics)]


def _spaces_json(
    window: Window, niche: Niche, rows: NDArray[np.int64], spaces: Sequence[Space], terms: Sequence[str]
) -> dict[str, Any] | None:
    """How well the present spaces serve the niche; None where its posts stand in no space.

    `served` is 1 where one space holds all posts on the subject and nothing else: the harmonic mean of the share of
    the niche's posts that stand in the space and the share of the space that is the niche's, for the best space.
    """
    posts = window.corpus.posts
    own = Counter(space for row in rows.tolist() if (space := posts[row].space))
    if not own:
        return None
    in_window = window.rows[window.activity.posted_at >= int(window.posts.posted_at.min())]
    everybody = Counter(space for row in in_window.tolist() if (space := posts[row].space))
    fits = {slug: 2 * n / (own.total() + everybody[slug]) for slug, n in own.items()}
    best = min(fits, key=lambda slug: (-round(fits[slug], 6), slug))
    return {
        "space": best,
        "share_of_niche": rounded(own[best] / own.total()),
        "share_of_space": rounded(own[best] / everybody[best]),
        "served": rounded(fits[best]),
        "named_in_purpose": _named_terms(best, spaces, terms),
    }


def _named_terms(slug: str, spaces: Sequence[Space], terms: Sequence[str]) -> list[str] | None:
    """The niche's terms that the space's name or purpose names; None where the space has no purpose."""
    space = next((each for each in spaces if each.slug == slug), None)
    if space is None or space.purpose is None:
        return None
    words = f"{space.name} {space.purpose}".casefold()
    return [term for term in terms if re.search(rf"\b{re.escape(term.casefold())}", words)]


def _meeting(window: Window, niche: Niche) -> dict[str, Any]:
    """Whether its members could meet: enough of them active of late; where, only if they said so themselves."""
    last = int(window.posts.posted_at.max())
    since = last - int(timedelta(days=MEETING_DAYS).total_seconds())
    recent = np.isin(window.posts.author, niche.members) & (window.posts.posted_at > since)
    n_members = len(np.unique(window.posts.author[recent]))
    n_weeks = len(np.unique((last - window.posts.posted_at[recent]) // int(timedelta(days=7).total_seconds())))
    statements = read_statements(window.corpus, _all_rows(window, niche))
    place, language = shared_statement(statements, "place"), shared_statement(statements, "language")
    return {
        "is_candidate": n_members >= MEETING_MEMBERS and n_weeks >= MEETING_WEEKS,
        "n_members_active": n_members,
        "n_members_needed": MEETING_MEMBERS,
        "n_weeks_active": n_weeks,
        "n_days": MEETING_DAYS,
        "place": _statement_json(place),
        "place_reason": None if place else "not_said_by_enough_members",
        "language": _statement_json(language),
        "language_reason": None if language else "not_said_by_enough_members",
        "n_members_with_a_place": len({each.author_id for each in statements if each.kind == "place"}),
    }


def _all_rows(window: Window, niche: Niche) -> list[int]:
    """Every post of its members, older ones too: where somebody lives may have been said long ago."""
    rows: list[int] = window.rows[np.isin(window.activity.author, niche.members)].tolist()
    return rows


def _statement_json(said: Sequence[Statement]) -> dict[str, Any] | None:
    if not said:
        return None
    quotes = [{"post_id": each.post_id, "author_id": each.author_id, "quote": each.quote} for each in said[:N_EVIDENCE]]
    return {"name": said[0].name, "n_members": len(said), "evidence": quotes}


def _evidence(window: Window, rows: NDArray[np.int64]) -> list[str]:
    """The posts on the subject that were liked and answered most, each by another member."""
    posts = window.corpus.posts
    members: set[str | None] = set()
    n_answers = Counter(window.rows[window.activity.parent[window.activity.parent >= 0]].tolist())
    chosen: list[str] = []
    for row in sorted(rows.tolist(), key=lambda row: (-(posts[row].likes + n_answers[row]), row)):
        if posts[row].author_id not in members and len(chosen) < N_EVIDENCE:
            members.add(posts[row].author_id)
            chosen.append(posts[row].id)
    return chosen


def _terms_in_turn(terms_of_topics: Sequence[Sequence[str]]) -> list[str]:
    """The first term of each topic, then the second of each, without repeats."""
    longest = max((len(terms) for terms in terms_of_topics), default=0)
    in_turn = [terms[place] for place in range(longest) for terms in terms_of_topics if place < len(terms)]
    return list(Counter(in_turn))[:N_TERMS]
