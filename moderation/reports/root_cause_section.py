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
    wording = quoter.wording
    if causes["reason"] is not None:
        return RootCauseSection(wording.say("causes.unknown"), ())
    found = causes["causes"]
    lead = wording.count("causes.lead", len(found)) if found else wording.say("causes.none")
    return RootCauseSection(lead, tuple(_cause(cause, topic_names, quoter) for cause in found))


def _cause(cause: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> Gathered:
    wording = quoter.wording
    newest = cause["episode_ids"][::-1][:N_QUOTES]
    heading = wording.count("causes.episodes", len(newest), all=wording.number(cause["n_episodes"]))
    return Gathered(
        wording.say("causes.headline", topic=topic_names[cause["topic_id"]]),
        tuple(_details(cause, wording)),
        (QuoteGroup(heading, quoter.quotes(newest)),),
    )


def _details(cause: Contents, wording: Wording) -> list[str]:
    days = wording.days(read_moment(cause["first_at"]), read_moment(cause["last_at"]))
    low, high = cause["corrected_interval"]
    return [
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
    ]
