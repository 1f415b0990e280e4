"""Who carries the community: the contribution ledger of members.json in words."""

from collections.abc import Mapping
from typing import Any

from moderation.reports.content import MemberSection, Table
from moderation.reports.quotes import Quoter

N_SHOWN = 10
COLUMNS = ("n_answers", "n_episodes_corrected", "n_accepted_answers", "n_ideas_supported", "n_posts")

Contents = Mapping[str, Any]


def member_section(members: Contents, quoter: Quoter) -> MemberSection:
    """The members who helped others most, and what is left out of the count."""
    wording = quoter.wording
    ledger = members["members"]
    if not ledger:
        return MemberSection(wording.say("members.unknown"), None, ())
    helpful = [member for member in ledger if member["n_answers"] or member["n_episodes_corrected"]]
    helpful.sort(key=lambda member: (-member["n_answers"], -member["n_episodes_corrected"], member["author_id"]))
    lead = wording.count("members.lead", len(ledger), helpful=wording.count("members", len(helpful)))
    if not helpful:
        lead = wording.count("members.nobody_helped", len(ledger))
    return MemberSection(lead, _table(helpful[:N_SHOWN], quoter) if helpful else None, _notes(members, quoter))


def _table(helpful: list[Contents], quoter: Quoter) -> Table:
    """What each did; what none of them did is left out."""
    wording = quoter.wording
    columns = [column for column in COLUMNS if any(member[column] for member in helpful)]
    return Table(
        caption=wording.say("members.caption"),
        head=(wording.say("members.name"), *(wording.say(f"members.{column}") for column in columns)),
        rows=tuple(
            (quoter.author(member["author_id"]), *(wording.number(member[column]) for column in columns))
            for member in helpful
        ),
    )


def _notes(members: Contents, quoter: Quoter) -> tuple[str, ...]:
    wording, left_out = quoter.wording, members["left_out"]
    notes = [wording.say("members.meaning")]
    notes += [
        wording.count(f"members.{name}", left_out[name])
        for name in ("n_posts_unknown_author", "n_posts_by_bots")
        if left_out[name]
    ]
    return tuple(notes)
