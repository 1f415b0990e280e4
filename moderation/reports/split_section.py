"""Whether the community should be split: splits.json in words."""

from collections.abc import Mapping
from typing import Any

from moderation.reports.content import SplitCard, SplitPart, SplitSection
from moderation.reports.quotes import Quoter
from moderation.reports.wording import Wording

MAX_NAMES = 8

Contents = Mapping[str, Any]


def split_section(splits: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> SplitSection:
    """Say each proposal with its proof, or each refusal with its figures."""
    wording = quoter.wording
    refusals = tuple(refusal_sentence(refusal, wording) for refusal in splits["refused"])
    if not splits["proposals"]:
        return SplitSection(wording.say("splits.none" if refusals else "splits.none_no_reason"), (), refusals)
    cards = tuple(_card(proposal, topic_names, quoter) for proposal in splits["proposals"])
    return SplitSection(wording.count("splits.lead", len(cards)), cards, refusals)


def proposal_headline(proposal: Contents, wording: Wording) -> str:
    """The action in one line."""
    return wording.count(f"splits.action.{proposal['action']}", len(proposal["parts"]))


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
    parts = tuple(_part(number, part, topic_names, wording) for number, part in enumerate(proposal["parts"], start=1))
    return SplitCard(proposal_headline(proposal, wording), parts, tuple(_proof(proposal, quoter)))


def _part(number: int, part: Contents, topic_names: Mapping[object, str], wording: Wording) -> SplitPart:
    about = [wording.say("quoted", words=topic_names[topic_id]) for topic_id in part["topic_ids"][:MAX_NAMES]]
    size = wording.say(
        "splits.part.size",
        members=wording.count("members", part["n_authors"]),
        posts=wording.count("posts", part["n_posts"]),
    )
    details = [size]
    details.append(
        wording.say("splits.part.topics", topics=wording.listed(about))
        if about
        else wording.say("splits.part.no_topics")
    )
    if part["terms"]:
        details.append(wording.say("topic.terms", terms=", ".join(part["terms"])))
    return SplitPart(wording.say("splits.part", number=wording.number(number)), tuple(details))


def _proof(proposal: Contents, quoter: Quoter) -> list[str]:
    wording = quoter.wording
    proof = [
        wording.say("proof.stability", agreement=wording.number(proposal["stability"], decimals=2)),
        wording.say("proof.conductance", share=wording.share(proposal["conductance"])),
        wording.say(
            "proof.modularity",
            modularity=wording.number(proposal["modularity"], decimals=2),
            by_chance=wording.number(proposal["null_modularity_p99"], decimals=2),
        ),
    ]
    if proposal["language_divide"] is not None:
        proof.append(wording.say("proof.language", share=wording.share(proposal["language_divide"])))
    bridging = proposal["bridging_author_ids"]
    if not bridging:
        return [*proof, wording.say("proof.no_bridging")]
    names = [quoter.author(author_id) for author_id in bridging[:MAX_NAMES]]
    if len(bridging) > MAX_NAMES:
        names.append(wording.count("others", len(bridging) - MAX_NAMES))
    return [*proof, wording.count("proof.bridging", len(bridging), names=wording.listed(names))]
