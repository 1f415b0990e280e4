"""Who carries the community: the contribution ledger of members.json in words."""

from collections.abc import Mapping
from typing import Any

from moderation.reports.content import MemberSection, Table
from moderation.reports.quotes import Quoter

N_SHOWN = 10
COLUMNS = ("n_answers", "n_episodes_corrected", "n_accepted_answers", "n_ideas_supported", "n_posts")
NOT_COUNTED = ("n_posts_unknown_author", "n_posts_by_bots", "n_members_at_own_wish")

Contents = Mapping[str, Any]


def member_section(members: Contents, quoter: Quoter) -> MemberSection:
    """The members who helped others most, what needs a look, who may be leaving, and what is left out of the count."""
    wording = quoter.wording
    ledger = members["members"]
    if not ledger:
        return MemberSection(wording.say("members.unknown"), None, ())
    helpful = [member for member in ledger if member["n_answers"] or member["n_episodes_corrected"]]
    helpful.sort(key=lambda member: (-member["n_answers"], -member["n_episodes_corrected"], member["author_id"]))
    lead = wording.count("members.lead", len(ledger), helpful=wording.count("members", len(helpful)))
    if not helpful:
        lead = wording.count("members.nobody_helped", len(ledger))
    table = _table(helpful[:N_SHOWN], quoter) if helpful else None
    return MemberSection(lead, table, (*_notes(members, quoter), *_looks(members, quoter), *_leaving(members, quoter)))


def _table(helpful: list[Contents], quoter: Quoter) -> Table:
    """What each did; what none of them did is left out, and so is what it counts for where all of it counts in full."""
    wording = quoter.wording
    columns = [column for column in COLUMNS if any(member[column] for member in helpful)]
    some_count_less = any(member["weighted"]["n_answers"] != member["n_answers"] for member in helpful)
    head = [wording.say("members.name"), *(wording.say(f"members.{column}") for column in columns)]
    rows = [
        [quoter.author(member["author_id"]), *(wording.number(member[column]) for column in columns)]
        for member in helpful
    ]
    if some_count_less:
        place = 1 + columns.index("n_answers") + 1
        head.insert(place, wording.say("members.counts_for"))
        for row, member in zip(rows, helpful, strict=True):
            row.insert(place, wording.number(member["weighted"]["n_answers"], decimals=1))
    caption = wording.say("members.caption")
    return Table(caption=caption, head=tuple(head), rows=tuple(tuple(row) for row in rows))


def _notes(members: Contents, quoter: Quoter) -> tuple[str, ...]:
    wording, left_out = quoter.wording, members["left_out"]
    notes = [wording.say("members.meaning")]
    if any(member["lowered"] for member in members["members"]):
        notes.append(wording.say("members.lowered"))
    notes += [wording.count(f"members.{name}", left_out[name]) for name in NOT_COUNTED if left_out[name]]
    return tuple(notes)


def _looks(members: Contents, quoter: Quoter) -> list[str]:
    """Exchanges that a person may want to look at; the figures, and no judgement."""
    wording, looks = quoter.wording, members["needs_a_look"]
    rings = [
        wording.count(
            "members.ring",
            ring["n_exchanged"],
            names=wording.listed([quoter.author(author_id) for author_id in ring["author_ids"]]),
            expected=wording.number(ring["n_expected"], decimals=1),
        )
        for ring in looks["rings"]
    ]
    accounts = [
        wording.say(
            "members.second_account",
            name=quoter.author(account["author_id"]),
            other=quoter.author(account["other_author_id"]),
            share=wording.share(account["share"]),
        )
        for account in looks["second_accounts"]
    ]
    return rings + accounts


def _leaving(members: Contents, quoter: Quoter) -> list[str]:
    """Who may be leaving and how often such a sign was right before; or that it cannot be told."""
    wording, summary = quoter.wording, members["leaving"]
    if summary["reason"] is not None:
        return [wording.say(f"members.leaving.{summary['reason']}")]
    signs = [member for member in members["members"] if member["leaving"] is not None]
    signs.sort(key=lambda member: (-member["leaving"]["p_silent_90_days"], member["author_id"]))
    if not signs:
        return [wording.say("members.leaving.nobody")]
    check = summary["check"]
    named = [
        wording.count("members.silent", member["leaving"]["silent_days"], name=quoter.author(member["author_id"]))
        for member in signs[:N_SHOWN]
    ]
    precision, base = wording.share(check["precision"]), wording.share(check["base_share"])
    return [wording.count("members.leaving", len(signs), names=wording.listed(named), precision=precision, base=base)]
