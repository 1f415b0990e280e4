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
    groups, bursts = told_groups(emerging), told_bursts(emerging)
    lead, bursts_lead = emergence_leads(emerging, quoter.wording)
    return EmergenceSection(
        lead=lead,
        groups=tuple(_group(group, topic_names, quoter) for group in groups),
        bursts_lead=bursts_lead,
        bursts=tuple(_burst(burst, topic_names, quoter) for burst in bursts),
    )


def told_groups(emerging: Contents) -> list[Contents]:
    """The groups that are told: what matters most comes first."""
    return list(emerging["slow"][:MAX_GROUPS])


def told_bursts(emerging: Contents) -> list[Contents]:
    """The bursts that are told, the newest first."""
    return list(emerging["fast"][:MAX_BURSTS])


def emergence_leads(emerging: Contents, wording: Wording) -> tuple[str, str]:
    """How many groups and how many bursts there are, or that there are none; with the false alarms to expect."""
    n_groups, n_bursts, days = (
        len(told_groups(emerging)),
        len(told_bursts(emerging)),
        _days_between_false(emerging, wording),
    )
    return (
        wording.count("emergence.lead", n_groups) if n_groups else wording.say("emergence.none"),
        wording.count("bursts.lead", n_bursts, days=days) if n_bursts else wording.say("bursts.none", days=days),
    )


def _days_between_false(emerging: Contents, wording: Wording) -> str:
    return wording.number(1 / emerging["fast_false_alarms_per_day"])


def _group(group: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> Gathered:
    headline = group_headline(group, quoter.wording)
    details = group_details(group, topic_names, quoter.wording)
    return Gathered(headline, details, (_quotes(group["exemplar_ids"], quoter),))


def group_headline(group: Contents, wording: Wording) -> str:
    """What a group of posts is proposed as, and what it is about."""
    if not group["terms"]:
        return wording.say(f"emergence.{group['action']}.unnamed")
    words = wording.listed([wording.say("quoted", words=term) for term in group["terms"][:3]])
    return wording.say(f"emergence.{group['action']}", words=words)


def group_details(group: Contents, topic_names: Mapping[object, str], wording: Wording) -> tuple[str, ...]:
    """By how many, how new, and where the posts are now."""
    size = wording.count(
        "emergence.size",
        group["n_authors"],
        posts=wording.count("posts", group["n_posts"]),
        threads=wording.count("threads", group["n_threads"]),
        since=wording.day(read_moment(group["since"])),
    )
    new = wording.say("emergence.new", share=wording.share(group["new_share"]))
    return (size, new, _where(group, topic_names, wording), *_tone(group, wording))


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
    headline, details = burst_headline(burst, quoter.wording), burst_details(burst, topic_names, quoter.wording)
    return Gathered(headline, details, (_quotes(burst["post_ids"][:N_QUOTES], quoter),))


def burst_headline(burst: Contents, wording: Wording) -> str:
    """The words that spread."""
    return wording.say("bursts.headline", words=burst["phrase"])


def burst_details(burst: Contents, topic_names: Mapping[object, str], wording: Wording) -> tuple[str, ...]:
    """By how many within which hours, with which other words, and in which topic."""
    others = [wording.say("quoted", words=words) for words in burst["other_phrases"]]
    size = wording.count(
        "bursts.size",
        burst["n_authors"],
        posts=wording.count("posts", burst["n_posts"]),
        since=wording.minute(read_moment(burst["since"])),
        until=wording.minute(read_moment(burst["until"])),
    )
    together = [wording.say("bursts.others", words=wording.listed(others))] if others else []
    return (size, *together, _where(burst, topic_names, wording), *_tone(burst, wording))


def _quotes(post_ids: list[str], quoter: Quoter) -> QuoteGroup:
    return QuoteGroup(quoter.wording.count("page.examples", len(post_ids)), quoter.quotes(post_ids))
