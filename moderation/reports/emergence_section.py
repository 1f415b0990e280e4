"""What comes up: the `emerging` part of drift.json in words."""

from collections.abc import Mapping
from typing import Any

from moderation.reports.content import EmergenceSection, Gathered, QuoteGroup
from moderation.reports.quotes import Quoter
from moderation.reports.wording import Wording, read_moment

N_QUOTES = 5
MAX_GROUPS, MAX_BURSTS = 5, 5
TOLD_NEGATIVE_SHARE = 0.2
"""Fewer unhappy posts among some new ones are no news."""

Contents = Mapping[str, Any]


def emergence_section(emerging: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> EmergenceSection:
    """Say which groups are new enough for a topic or space of their own, and what several people suddenly wrote."""
    wording = quoter.wording
    groups, bursts = emerging["slow"][:MAX_GROUPS], emerging["fast"][:MAX_BURSTS]
    days = _days_between_false(emerging, wording)
    return EmergenceSection(
        lead=wording.count("emergence.lead", len(groups)) if groups else wording.say("emergence.none"),
        groups=tuple(_group(group, topic_names, quoter) for group in groups),
        bursts_lead=wording.count("bursts.lead", len(bursts), days=days)
        if bursts
        else wording.say("bursts.none", days=days),
        bursts=tuple(_burst(burst, topic_names, quoter) for burst in bursts),
    )


def _days_between_false(emerging: Contents, wording: Wording) -> str:
    return wording.number(1 / emerging["fast_false_alarms_per_day"])


def _group(group: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> Gathered:
    wording = quoter.wording
    words = wording.listed([wording.say("quoted", words=term) for term in group["terms"][:3]])
    headline = wording.say(f"emergence.{group['action']}", words=words) if group["terms"] else None
    posts = wording.count("posts", group["n_posts"])
    threads = wording.count("threads", group["n_threads"])
    details = [
        wording.count(
            "emergence.size",
            group["n_authors"],
            posts=posts,
            threads=threads,
            since=wording.day(read_moment(group["since"])),
        ),
        wording.say("emergence.new", share=wording.share(group["new_share"])),
        _where(group, topic_names, wording),
    ]
    return Gathered(
        headline or wording.say(f"emergence.{group['action']}.unnamed"),
        (*details, *_tone(group, wording)),
        (_quotes(group["exemplar_ids"], quoter),),
    )


def _where(found: Contents, topic_names: Mapping[object, str], wording: Wording) -> str:
    """The topic that holds most of it, or that most of it is unsorted."""
    if found["topic_id"] is None:
        return wording.say("emergence.unsorted")
    return wording.say("emergence.inside", topic=topic_names[found["topic_id"]])


def _tone(found: Contents, wording: Wording) -> list[str]:
    if (found["negative_share"] or 0.0) < TOLD_NEGATIVE_SHARE:
        return []
    return [wording.say("emergence.negative", share=wording.share(found["negative_share"]))]


def _burst(burst: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> Gathered:
    wording = quoter.wording
    others = [wording.say("quoted", words=words) for words in burst["other_phrases"]]
    details = [
        wording.count(
            "bursts.size",
            burst["n_authors"],
            posts=wording.count("posts", burst["n_posts"]),
            since=wording.minute(read_moment(burst["since"])),
            until=wording.minute(read_moment(burst["until"])),
        ),
        *([wording.say("bursts.others", words=wording.listed(others))] if others else []),
        _where(burst, topic_names, wording),
        *_tone(burst, wording),
    ]
    headline = wording.say("bursts.headline", words=burst["phrase"])
    return Gathered(headline, tuple(details), (_quotes(burst["post_ids"][:N_QUOTES], quoter),))


def _quotes(post_ids: list[str], quoter: Quoter) -> QuoteGroup:
    return QuoteGroup(quoter.wording.count("page.examples", len(post_ids)), quoter.quotes(post_ids))
