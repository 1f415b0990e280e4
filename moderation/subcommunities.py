"""Whether members fall into sub-communities: turns a corpus into a member graph and findings into splits.json."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from moderation.answered_questions import read_questions
from moderation.config import Community
from moderation.corpus import Corpus
from moderation.episode_overrides import NONE, Overrides
from moderation.group_card import Window
from moderation.niches import mark_parts, propose_niches
from moderation.proposal_card import between_parts, part_figures, what_is_lacking
from moderation.tidying import propose_tidying
from topics.members import LAYER_WEIGHTS, Activity, build_member_graph
from topics.partition import conductances
from topics.splits import BRIDGING_TIES, MAX_CONDUCTANCE, MIN_AGREEMENT, Gate, Proposal, SplitFindings, propose_splits

#: The reason code of a refusal, by the gate that was not passed.
REFUSAL_REASONS = {
    "enough_active_members": "too_few_active_members",
    "parts_large_enough": "no_parts_large_enough",
    "parts_stable": "parts_not_stable",
    "parts_hold_together": "parts_too_much_connected",
    "topics_differ": "topics_do_not_differ",
    "not_a_language_divide": "only_a_language_divide",
    "not_a_time_zone_divide": "only_a_time_zone_divide",
    "not_a_single_thread": "only_a_single_thread",
    "modularity_above_chance": "no_more_structure_than_chance",
    "held_over_time": "not_held_over_time",
}

#: A topic is a part's own if the part wrote at least this share of its posts.
OWN_TOPIC_SHARE = 0.5
MIN_TOPIC_POSTS = 3
N_TERMS = 10

NO_NICHES: Mapping[str, list[dict[str, Any]]] = {"niches": [], "niches_refused": []}


class SortedPosts(Protocol):
    """What is read of the topics: the id of each row's topic, 0 or less for unsorted, and the terms of each topic."""

    @property
    def topic_of(self) -> NDArray[np.int64]:
        """Topic id of each row of the corpus."""

    @property
    def terms(self) -> Mapping[int, Sequence[str]]:
        """Terms by topic id, the most telling first."""


@dataclass(frozen=True)
class Membership:
    """The corpus as the member graph sees it, with what the numbers stand for.

    Attributes
    ----------
    rows : row of the corpus for each row of `activity`; deleted posts are left out.
    author_ids, topic_ids : what member and topic numbers stand for, in order.
    """

    activity: Activity
    rows: NDArray[np.int64]
    author_ids: tuple[str, ...]
    topic_ids: tuple[int, ...]


def propose_subcommunities(
    corpus: Corpus, topics: SortedPosts, *, community: Community | None = None, overrides: Overrides = NONE
) -> dict[str, Any]:
    """Contents of splits.json: splits, niches, what could be merged or revived, with their figures, and the refusals.

    Parameters
    ----------
    community : its spaces and their purposes; None = not known.
    overrides : what moderators said about questions and their replies.
    """
    membership = read_membership(corpus, topics.topic_of)
    counted = _counted(corpus)
    spaces = () if community is None else community.spaces
    tidied = propose_tidying(corpus, topics.topic_of)
    if not membership.author_ids:
        refusal = {"reason": "no_authors_known", "figures": counted, "lacking": None}
        looked_at = {**counted, "gates": [], "layers": {}}
        return {"proposals": [], "refused": [refusal], **NO_NICHES, **tidied, "looked_at": looked_at}
    findings = propose_splits(membership.activity)
    proposal = findings.proposal
    window = _window(corpus, membership, findings, overrides)
    niches = propose_niches(
        window,
        findings.graph or build_member_graph(findings.window),
        spaces=spaces,
        topic_ids=membership.topic_ids,
        terms=topics.terms,
    )
    proposals = [_proposal_json(proposal, findings, membership, topics.terms, window)] if proposal else []
    return {
        "proposals": proposals,
        "refused": [] if proposal else _refusals(findings),
        **mark_parts(niches, proposals),
        **tidied,
        "looked_at": {**counted, **_looked_at(findings)},
    }


def _window(corpus: Corpus, membership: Membership, findings: SplitFindings, overrides: Overrides) -> Window:
    """The posts that the findings speak of, with the questions among them."""
    start = int(findings.window.posted_at.min())
    asked = [
        each for each in read_questions(corpus, staff_ids(corpus), overrides) if each.asked_at.timestamp() >= start
    ]
    return Window(
        corpus=corpus,
        activity=membership.activity,
        posts=findings.window,
        rows=membership.rows,
        author_ids=membership.author_ids,
        questions=asked,
    )


def read_membership(corpus: Corpus, topic_of: NDArray[np.int64]) -> Membership:
    """Number members, threads, topics and languages, and find the post that each post answers."""
    rows = np.flatnonzero(corpus.visible)
    posts = [corpus.posts[row] for row in rows]
    staff = staff_ids(corpus)
    is_member = [post.author_id is not None and post.role == "member" and post.author_id not in staff for post in posts]
    names = [post.author_id for post, counts in zip(posts, is_member, strict=True) if counts]
    author_ids = tuple(sorted({name for name in names if name is not None}))
    member_of = {author_id: number for number, author_id in enumerate(author_ids)}
    topic_ids = np.unique(topic_of[rows][topic_of[rows] > 0])
    topics = np.where(topic_of[rows] > 0, np.searchsorted(topic_ids, topic_of[rows]), -1)
    activity = Activity(
        author=np.array(
            [member_of[post.author_id or ""] if counts else -1 for post, counts in zip(posts, is_member, strict=True)],
            dtype=np.int64,
        ),
        thread=_numbered([post.thread_id for post in posts]),
        parent=_answered_rows(corpus, rows),
        posted_at=np.array([int(post.created_at.timestamp()) for post in posts], dtype=np.int64),
        topic=topics.astype(np.int64),
        language=_language_numbers([corpus.languages[row] for row in rows]),
        vectors=corpus.vectors[rows],
        n_members=len(author_ids),
    )
    return Membership(activity, rows, author_ids, tuple(int(topic_id) for topic_id in topic_ids))


def staff_ids(corpus: Corpus) -> frozenset[str]:
    """Authors who wrote as staff at least once: they are no members, whatever role their other posts name."""
    return frozenset(post.author_id for post in corpus.posts if post.role == "staff" and post.author_id is not None)


def answered_row(corpus: Corpus, row: int) -> int | None:
    """The post that a post answers: its parent, else the thread's first post; None for that post itself."""
    post = corpus.posts[row]
    parent = corpus.row_of.get(post.parent_id or "")  # a system message is a parent, but no row
    if parent is not None:
        return parent
    first = corpus.threads[post.thread_id][0]
    return None if row == first else first


def _answered_rows(corpus: Corpus, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """As `answered_row`, numbered among `rows`; -1 = none, or a deleted post."""
    place = np.full(len(corpus) + 1, -1, dtype=np.int64)  # the last place stands for none
    place[rows] = np.arange(len(rows))
    answered = [answered_row(corpus, int(row)) for row in rows]
    return place[np.array([-1 if row is None else row for row in answered], dtype=np.int64)]


def _numbered(names: Sequence[str]) -> NDArray[np.int64]:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def _language_numbers(languages: Sequence[str]) -> NDArray[np.int64]:
    known = sorted(set(languages) - {"unknown"})
    number_of = {language: number for number, language in enumerate(known)}
    return np.array([number_of.get(language, -1) for language in languages], dtype=np.int64)


def _counted(corpus: Corpus) -> dict[str, int]:
    """Who is not in the member graph, and why."""
    posts = [post for post in corpus.posts if post.deleted_at is None]
    staff = staff_ids(corpus)
    return {
        "n_posts": len(posts),
        "n_posts_unknown_author": sum(post.author_id is None for post in posts),
        "n_staff": len(staff & {post.author_id for post in posts}),
        "n_bots": len({post.author_id for post in posts if post.role == "bot" and post.author_id is not None}),
    }


def _looked_at(findings: SplitFindings) -> dict[str, Any]:
    window = findings.window
    return {
        "window": {"start": _moment(int(window.posted_at.min())), "end": _moment(int(window.posted_at.max()))},
        "n_members": int((window.posts_per_member() > 0).sum()),
        "n_active": int(findings.active.sum()),
        "n_ties": findings.graph.n_edges if findings.graph else None,
        "gates": [_gate_json(gate) for gate in findings.gates],
        "layers": _layers_json(findings),
    }


def _layers_json(findings: SplitFindings) -> dict[str, Any]:
    return {
        name: {
            "weight": LAYER_WEIGHTS[name],
            "n_ties": view.n_edges,
            "n_parts": view.n_parts,
            "agreement": _rounded(view.agreement),
            "conductance": _rounded(view.conductance),
        }
        for name, view in findings.layers.items()
    }


def _gate_json(gate: Gate) -> dict[str, Any]:
    return {"gate": gate.name, "passed": gate.passed, "figures": _figures(gate)}


def _figures(gate: Gate) -> dict[str, Any]:
    return {name: _rounded(figure) if isinstance(figure, float) else figure for name, figure in gate.figures.items()}


def _refusals(findings: SplitFindings) -> list[dict[str, Any]]:
    """One refusal for each gate that was not passed, in the order of the gates."""
    division = findings.division
    tried: dict[str, Any] = {}
    if division is not None:
        sizes = np.bincount(division.part[findings.active] + 1, minlength=division.n_parts + 1)
        tried = {"n_active_outside": int(sizes[0]), "n_active_per_part": [int(size) for size in sizes[1:]]}
    return [
        {"reason": REFUSAL_REASONS[gate.name], "figures": {**_figures(gate), **tried}, "lacking": what_is_lacking(gate)}
        for gate in findings.gates
        if gate.passed is False
    ]


def _proposal_json(
    proposal: Proposal,
    findings: SplitFindings,
    membership: Membership,
    terms: Mapping[int, Sequence[str]],
    window: Window,
) -> dict[str, Any]:
    division = proposal.division
    explained = {gate.name: gate.figures.get("explained") for gate in findings.gates}
    language_divide = explained["not_a_language_divide"]
    return {
        "action": proposal.action,
        "parts": [
            {
                **_part_json(part, proposal, findings, membership, terms=terms),
                **part_figures(part, proposal, findings, window),
            }
            for part in range(division.n_parts)
        ],
        "between": between_parts(division),
        "stability": _rounded(division.stability),
        "modularity": _rounded(division.modularity),
        "null_modularity_p99": _rounded(proposal.random_graphs.p99),
        "conductance": division.highest_conductance,
        "language_divide": _rounded(language_divide) if isinstance(language_divide, float) else None,
        "bridging_author_ids": [membership.author_ids[member] for member in proposal.bridging],
        "evidence": {
            "window": _looked_at(findings)["window"],
            "resolution": division.resolution,
            "bridging": {"ties_at_least": BRIDGING_TIES, "share": _rounded(proposal.bridging_share)},
            "outside_share": _rounded(proposal.outside_share),
            "limits": {"conductance_at_most": MAX_CONDUCTANCE, "stability_at_least": MIN_AGREEMENT},
            "gates": [_gate_json(gate) for gate in findings.gates],
            "layers": _layers_json(findings),
        },
    }


def _part_json(
    part: int,
    proposal: Proposal,
    findings: SplitFindings,
    membership: Membership,
    *,
    terms: Mapping[int, Sequence[str]],
) -> dict[str, Any]:
    window = findings.window
    n_posts = window.posts_per_member()
    members = np.flatnonzero((proposal.division.part == part) & (n_posts > 0))
    own = [membership.topic_ids[topic] for topic in _own_topics(window, proposal.division.part, part)]
    return {
        "topic_ids": own,
        "author_ids": [membership.author_ids[member] for member in members],
        "n_authors": len(members),
        "n_active_authors": int(findings.active[members].sum()),
        "n_posts": int(n_posts[members].sum()),
        "conductance": _rounded(float(conductances(proposal.division.between)[part])),
        "terms": _terms_in_turn([terms.get(topic_id, ()) for topic_id in own]),
    }


def _own_topics(window: Activity, part_of: NDArray[np.int64], part: int) -> list[int]:
    """Topics that are mostly this part's, the most written about first."""
    by_part = np.where(window.author >= 0, part_of[window.author], -1)
    counted = (by_part >= 0) & (window.topic >= 0)
    n_topics = int(window.topic.max(initial=-1)) + 1
    total = np.bincount(window.topic[counted], minlength=n_topics)
    own = np.bincount(window.topic[counted & (by_part == part)], minlength=n_topics)
    mostly = np.flatnonzero((own >= MIN_TOPIC_POSTS) & (own >= OWN_TOPIC_SHARE * total))
    return sorted(mostly.tolist(), key=lambda topic: (-own[topic], topic))


def _terms_in_turn(terms_of_topics: Sequence[Sequence[str]]) -> list[str]:
    """The first term of each topic, then the second of each, without repeats."""
    longest = max((len(terms) for terms in terms_of_topics), default=0)
    in_turn = [terms[place] for place in range(longest) for terms in terms_of_topics if place < len(terms)]
    return list(Counter(in_turn))[:N_TERMS]


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat().replace("+00:00", "Z")


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(float(figure), 6)
