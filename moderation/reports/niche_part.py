"""Niches, and what could be merged or revived: the lists of splits.json in words."""

from collections.abc import Mapping
from typing import Any

from moderation.reports.content import Gathered, QuoteGroup
from moderation.reports.group_words import group_sentences
from moderation.reports.quotes import Quoter
from moderation.reports.wording import Wording

Contents = Mapping[str, Any]

N_ABOUT, N_NICHES, N_TIDIED = 3, 7, 7


def niche_entries(splits: Contents, quoter: Quoter) -> tuple[Gathered, ...]:
    """The niches, best first, with posts to read; nothing for files without them."""
    return tuple(_niche(niche, quoter) for niche in splits.get("niches", [])[:N_NICHES])


def tidy_entries(splits: Contents, quoter: Quoter) -> tuple[Gathered, ...]:
    """What could be merged and revived, spaces before threads."""
    found = [*splits.get("revive", []), *splits.get("merge", [])]
    return tuple(_tidied(entry, quoter) for entry in found[:N_TIDIED])


def niche_headline(niche: Contents, wording: Wording) -> str:
    """Who it is and what about, in one line."""
    terms = [wording.say("quoted", words=term) for term in niche["terms"][:N_ABOUT]]
    about = wording.listed(terms) or wording.say("splits.about_unknown")
    return wording.say("niche.headline", members=wording.count("members", niche["n_authors"]), about=about)


def niche_sentences(niche: Contents, wording: Wording, *, space_name: str | None) -> list[str]:
    """Why it is a niche, how it fares, what serves it now and whether it could meet.

    Parameters
    ----------
    space_name : of the space that serves it best; None = its posts stand in no space.
    """
    said = [
        wording.say(
            "niche.why",
            on_subject=wording.share(niche["on_subject"]),
            cohesion=wording.share(niche["cohesion"]),
            by_chance=wording.share(niche["cohesion_by_chance"]),
        ),
        *group_sentences(niche, wording),
    ]
    if niche.get("is_part"):
        said.append(wording.say("niche.is_part"))
    spaces = niche["spaces"]
    if spaces is not None and space_name is not None:
        shares = {name: wording.share(spaces[name]) for name in ("share_of_niche", "share_of_space")}
        said.append(wording.say("niche.space", space=space_name, **shares))
    return [*said, *_meeting(niche["meeting"], wording)]


def _meeting(meeting: Contents, wording: Wording) -> list[str]:
    if not meeting["is_candidate"]:
        return []
    n_active = wording.count("active_members", meeting["n_members_active"])
    place = meeting["place"]
    if place is None:
        return [wording.say("niche.meeting", active=n_active)]
    return [
        wording.say(
            "niche.meeting.place",
            active=n_active,
            place=place["name"],
            members=wording.count("members", place["n_members"]),
            quote=place["evidence"][0]["quote"],
        )
    ]


def _niche(niche: Contents, quoter: Quoter) -> Gathered:
    wording, spaces = quoter.wording, niche["spaces"]
    space_name = None if spaces is None else quoter.space_name(spaces["space"])
    quotes = tuple(quoter.quote(post_id) for post_id in niche["evidence_post_ids"])
    return Gathered(
        headline=niche_headline(niche, wording),
        details=tuple(niche_sentences(niche, wording, space_name=space_name)),
        groups=(QuoteGroup(wording.say("niche.posts"), quotes),) if quotes else (),
    )


def tidy_headline(entry: Contents, wording: Wording, *, names: list[str]) -> str:
    """What is proposed in one line.

    Parameters
    ----------
    names : of the spaces, in the order of the entry; empty for threads.
    """
    if entry["of"] == "threads":
        return wording.count("tidy.threads", len(entry["thread_ids"]))
    if len(names) == 1:
        return wording.say("tidy.revive", space=names[0])
    return wording.say("tidy.spaces", one=names[0], other=names[1])


def tidy_sentence(entry: Contents, wording: Wording) -> str:
    """The figures behind it."""
    figures = entry["figures"]
    if entry["of"] == "threads":
        return wording.say(
            "tidy.threads.why",
            cosine=wording.number(figures["cosine_highest"], decimals=2),
            days=wording.number(figures["n_days_apart"]),
        )
    if len(entry["spaces"]) == 2:
        return wording.say("tidy.spaces.why", share=wording.share(figures["shared_members"]))
    return wording.say(
        "tidy.revive.why",
        now=wording.number(figures["n_posts_last_block"]),
        usual=wording.number(figures["usual_posts_a_block"]),
        days=wording.number(figures["n_days_a_block"]),
        members=wording.count("members", entry["n_members"]),
    )


def _tidied(entry: Contents, quoter: Quoter) -> Gathered:
    wording = quoter.wording
    names = [quoter.space_name(slug) for slug in entry.get("spaces", [])]
    quotes = tuple(quoter.quote(post_id) for post_id in entry.get("post_ids", []))
    return Gathered(
        headline=tidy_headline(entry, wording, names=names),
        details=(tidy_sentence(entry, wording),),
        groups=(QuoteGroup(wording.say("niche.posts"), quotes),) if quotes else (),
    )
