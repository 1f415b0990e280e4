"""Whether the community should be split: splits.json in words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from moderation.reports.content import SplitCard, SplitPart, SplitSection
from moderation.reports.group_words import alone_sentence, group_sentences, lacking_sentence
from moderation.reports.niche_part import niche_entries, tidy_entries
from moderation.reports.quotes import Quoter
from moderation.reports.wording import Wording

MAX_NAMES = 8
N_ABOUT = 3

Contents = Mapping[str, Any]


def split_section(splits: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> SplitSection:
    """Say each proposal with its proof, or each refusal with its figures."""
    wording = quoter.wording
    refusals = tuple(refusal_words(refusal, wording) for refusal in splits["refused"])
    cards = tuple(_card(proposal, topic_names, quoter) for proposal in splits["proposals"])
    none = wording.say("splits.none" if refusals else "splits.none_no_reason")
    niches = niche_entries(splits, quoter)
    return SplitSection(
        lead=wording.count("splits.lead", len(cards)) if cards else none,
        proposals=cards,
        refusals=refusals,
        niches_lead=wording.count("niches.lead", len(niches)) if niches else None,
        niches=niches,
        tidied=tidy_entries(splits, quoter),
    )


def refusal_words(refusal: Contents, wording: Wording) -> str:
    """One refused condition, and what would have to change for it to be met."""
    said, lacking = refusal_sentence(refusal, wording), lacking_sentence(refusal.get("lacking"), wording)
    return said if lacking is None else f"{said} {lacking}"


def proposal_headline(proposal: Contents, wording: Wording) -> str:
    """The action in one line; one group beside everybody else is called by what it writes about."""
    groups, _ = groups_of(proposal)
    if len(groups) > 1:
        return wording.count(f"splits.action.{proposal['action']}", len(groups))
    members = wording.count("members", groups[0]["n_authors"])
    return wording.say(
        f"splits.action.{proposal['action']}.one", members=members, about=about_words(groups[0], wording)
    )


def groups_of(proposal: Contents) -> tuple[list[Contents], Contents | None]:
    """The parts that would get a place of their own, and the rest of the community where one part is that.

    The largest part is the rest where it has more than half of the members and of the topics: those have no subject in
    common but that they are not the others'.
    """
    parts = list(proposal["parts"])
    place = max(range(len(parts)), key=lambda number: parts[number]["n_authors"])
    largest, others = parts[place], parts[:place] + parts[place + 1 :]
    is_rest = all(
        count(largest) > sum(map(count, others))
        for count in (lambda part: part["n_authors"], lambda part: len(part["topic_ids"]))
    )
    return (others, largest) if is_rest else (parts, None)


def about_words(part: Contents, wording: Wording) -> str:
    """What a group writes about, in a few words."""
    terms = part["terms"][:N_ABOUT]
    return wording.listed([wording.say("quoted", words=term) for term in terms]) or wording.say("splits.about_unknown")


def refusal_sentence(refusal: Contents, wording: Wording) -> str:
    """One refused condition in plain words, with its figure and what it would need."""
    figures, reason = refusal["figures"], refusal["reason"]
    if reason in ("too_few_active_members", "no_authors_known"):
        return wording.say(f"refused.{reason}", **_numbers(figures, wording))
    if reason == "no_parts_large_enough":
        n_active = figures.get("n_active_second_part", figures.get("n_active_smallest_part"))
        found = wording.count("active_members", n_active)
        return wording.say("refused.no_parts_large_enough", found=found, **_numbers(figures, wording))
    if reason == "parts_not_stable":
        return wording.say(
            "refused.parts_not_stable",
            agreement=wording.number(figures["agreement"], decimals=2),
            at_least=wording.number(figures["at_least"], decimals=2),
        )
    if reason == "topics_do_not_differ":
        known = figures["divergence_bits"] is not None
        return wording.say("refused.topics_do_not_differ" if known else "refused.topics_unknown")
    if reason == "no_more_structure_than_chance":
        return wording.say(
            "refused.no_more_structure_than_chance",
            modularity=wording.number(figures["modularity"], decimals=2),
            by_chance=wording.number(figures["null_modularity_p99"], decimals=2),
        )
    if reason == "not_held_over_time":
        return wording.say("refused.not_held_over_time", **_numbers(figures, wording))
    measured = next(figures[name] for name in ("conductance", "explained", "share") if name in figures)
    return wording.say(f"refused.{reason}", share=wording.share(measured), at_most=wording.share(figures["at_most"]))


def _numbers(figures: Contents, wording: Wording) -> dict[str, str]:
    return {name: wording.number(figure) for name, figure in figures.items() if isinstance(figure, int | float)}


def _card(proposal: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> SplitCard:
    wording = quoter.wording
    groups, rest = groups_of(proposal)
    parts = []
    for number, part in enumerate(groups, start=1):
        heading = wording.say("splits.part", number=wording.number(number))
        if len(groups) == 1:
            heading = wording.say("splits.part.only")
        parts.append(SplitPart(heading, tuple(_part_details(part, topic_names, quoter))))
    if rest is not None:
        fares = group_sentences(rest, wording)
        parts.append(SplitPart(wording.say("splits.part.rest"), (part_size(rest, wording), *fares)))
    figures = tuple(proof_figures(proposal, wording))
    return SplitCard(proposal_headline(proposal, wording), tuple(parts), tuple(_proof(proposal, quoter)), figures)


def part_size(part: Contents, wording: Wording) -> str:
    """How many members and posts a part has."""
    return wording.say(
        "splits.part.size",
        members=wording.count("members", part["n_authors"]),
        posts=wording.count("posts", part["n_posts"]),
    )


def _part_details(part: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> list[str]:
    wording = quoter.wording
    about = [wording.say("quoted", words=topic_names[topic_id]) for topic_id in part["topic_ids"][:MAX_NAMES]]
    details = [part_size(part, wording)]
    details += _main_space(part["author_ids"], quoter)
    details.append(
        wording.say("splits.part.topics", topics=wording.listed(about))
        if about
        else wording.say("splits.part.no_topics")
    )
    if part["terms"]:
        details.append(wording.say("topic.terms", terms=", ".join(part["terms"])))
    details += group_sentences(part, wording)
    alone = alone_sentence(part, wording)
    return details if alone is None else [*details, alone]


def _main_space(author_ids: Sequence[str], quoter: Quoter) -> list[str]:
    """Where the group writes now; nothing where the export has no spaces."""
    members, corpus = frozenset(author_ids), quoter.corpus
    counts = Counter(
        post.space
        for post, visible in zip(corpus.posts, corpus.visible, strict=True)
        if visible and post.space and post.author_id in members
    )
    if not counts:
        return []
    n, space = min((-n, space) for space, n in counts.items())
    share = quoter.wording.share(-n / counts.total())
    return [quoter.wording.say("splits.part.space", share=share, space=quoter.space_name(space))]


def _proof(proposal: Contents, quoter: Quoter) -> list[str]:
    """Why this is proposed, in words."""
    wording = quoter.wording
    proof = [wording.say(f"proof.{name}") for name in ("stability", "modularity")]
    proof.append(wording.say("proof.conductance", share=wording.share(proposal["conductance"])))
    if proposal["language_divide"] is not None:
        proof.append(wording.say("proof.language"))
    bridging = proposal["bridging_author_ids"]
    if not bridging:
        return [*proof, wording.say("proof.no_bridging")]
    names = [quoter.author(author_id) for author_id in bridging[:MAX_NAMES]]
    if len(bridging) > MAX_NAMES:
        names.append(wording.count("others", len(bridging) - MAX_NAMES))
    kind = "split" if proposal["action"] == "split" else "place"
    return [*proof, wording.count(f"proof.bridging.{kind}", len(bridging), names=wording.listed(names))]


def proof_figures(proposal: Contents, wording: Wording) -> list[tuple[str, str]]:
    """The figures behind the proof, each with what it measures and what it needs."""
    limits = proposal["evidence"]["limits"]
    known = {
        "stability": (proposal["stability"], limits["stability_at_least"]),
        "modularity": (proposal["modularity"], proposal["null_modularity_p99"]),
        "conductance": (proposal["conductance"], limits["conductance_at_most"]),
    }
    said = [
        (
            wording.say(f"figure.{name}"),
            wording.say(
                f"figure.{name}.said",
                figure=wording.number(figure, decimals=2),
                limit=wording.number(limit, decimals=2),
            ),
        )
        for name, (figure, limit) in known.items()
    ]
    if proposal["language_divide"] is not None:
        said.append((wording.say("figure.language"), wording.share(proposal["language_divide"])))
    return said
