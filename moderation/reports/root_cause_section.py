"""What a loyalty programme cannot repair: the `root_causes` part of drift.json in words."""

from collections.abc import Mapping
from typing import Any

from moderation.reports.content import Gathered, QuoteGroup, RootCauseSection
from moderation.reports.quotes import Quoter
from moderation.reports.wording import Wording, read_moment

N_QUOTES = 10

Contents = Mapping[str, Any]


def root_cause_section(causes: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> RootCauseSection:
    """Say which topics stay negative although they are answered, with the posts that began each episode."""
    lead = causes_lead(causes, quoter.wording)
    return RootCauseSection(lead, tuple(_cause(cause, topic_names, quoter) for cause in causes["causes"]))


def causes_lead(causes: Contents, wording: Wording) -> str:
    """How many topics there are, or that there is none, or why that cannot be told."""
    if causes["reason"] is not None:
        return wording.say("causes.unknown")
    n_causes = len(causes["causes"])
    return wording.count("causes.lead", n_causes) if n_causes else wording.say("causes.none")


def _cause(cause: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> Gathered:
    newest = newest_episodes(cause)
    group = QuoteGroup(episodes_heading(cause, quoter.wording), quoter.quotes(newest))
    return Gathered(cause_headline(cause, topic_names, quoter.wording), cause_details(cause, quoter.wording), (group,))


def newest_episodes(cause: Contents) -> list[str]:
    """The posts that began the newest episodes, newest first."""
    return list(cause["episode_ids"][::-1][:N_QUOTES])


def episodes_heading(cause: Contents, wording: Wording) -> str:
    """How many of how many episodes are shown."""
    n_shown = len(newest_episodes(cause))
    return wording.count("causes.episodes", n_shown, all=wording.number(cause["n_episodes"]))


def cause_headline(cause: Contents, topic_names: Mapping[object, str], wording: Wording) -> str:
    """Which topic stays negative."""
    return wording.say("causes.headline", topic=topic_names[cause["topic_id"]])


def cause_details(cause: Contents, wording: Wording) -> tuple[str, ...]:
    """For how long, answered how often and put right how rarely, and how unhappy beside the whole community."""
    days = wording.days(read_moment(cause["first_at"]), read_moment(cause["last_at"]))
    low, high = cause["corrected_interval"]
    return (
        wording.count(
            "causes.lasts",
            cause["n_authors"],
            episodes=wording.number(cause["n_episodes"]),
            weeks=wording.number(cause["n_weeks"]),
            days=days,
        ),
        wording.say(
            "causes.in_vain",
            answered=wording.number(cause["n_answered"]),
            decided=wording.number(cause["n_decided"]),
            corrected=wording.number(cause["n_corrected"]),
            interval=wording.between(low, high),
        ),
        wording.say(
            "causes.tone",
            share=wording.share(cause["negative_share"]),
            overall=wording.share(cause["community_negative_share"]),
        ),
    )
