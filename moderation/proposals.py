"""Proposals with an identity: each is recognised at every refit, decided by people, and comes back only for a reason.

The states: *proposed*; *withdrawn*, as long as it is not found; *returned*, found again after that, or after it was
declined and the evidence has grown; *declined* and *accepted*, by a moderator. Events are only ever added.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.tables import ModeratorRow, ProposalEventRow, ProposalRow
from topics.proposal_matching import match_proposals

Kind = Literal["split", "niche", "merge", "revive"]
State = Literal["proposed", "declined", "accepted", "withdrawn", "returned"]

#: Where the proposals of each kind stand in splits.json.
LIST_OF: Mapping[Kind, str] = {"split": "proposals", "niche": "niches", "merge": "merge", "revive": "revive"}
OPEN: tuple[State, ...] = ("proposed", "returned")

#: A declined proposal comes back when it has so many times the active members that it had, in its smallest part, or
#: when so much less of its ties leads out.
GROWN_MEMBERS, GROWN_TIES = 1.25, 0.05


@dataclass(frozen=True)
class ProposalEvent:
    """What became of a proposal, with who decided it, if anybody did."""

    row: ProposalEventRow
    moderator: str | None


def parts_of(kind: Kind, contents: Mapping[str, Any]) -> list[list[str]]:
    """What a proposal is recognised by: its members, part by part; of spaces and threads their names."""
    if kind == "split":
        return [part["author_ids"] for part in contents["parts"]]
    if kind == "niche":
        return [contents["author_ids"]]
    if contents["of"] == "spaces":
        return [[f"space:{slug}"] for slug in contents["spaces"]]
    return [[f"thread:{thread_id}" for thread_id in contents["thread_ids"]]]


def evidence_of(kind: Kind, contents: Mapping[str, Any]) -> dict[str, Any]:
    """The two figures that a declined proposal's return is measured by; None where there is no such figure.

    `n_active`: active members of the smallest part, or members concerned; `leaving`: the share of ties that lead out.
    """
    if kind == "split":
        n_active = min(part["n_active_authors"] for part in contents["parts"])
        return {"n_active": n_active, "leaving": contents["conductance"]}
    if kind == "niche":
        return {"n_active": contents["n_active_authors"], "leaving": round(1 - contents["cohesion"], 6)}
    return {"n_active": contents["n_members"], "leaving": None}


def comes_back_when(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What a declined proposal has to reach, one of the two, to be made again; shown with it."""
    leaving = evidence["leaving"]
    return {
        "n_active_at_least": ceil(round(GROWN_MEMBERS * evidence["n_active"], 6)),
        "leaving_at_most": None if leaving is None or leaving < GROWN_TIES else round(leaving - GROWN_TIES, 6),
    }


def has_grown(declined: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether the evidence has grown by the stated amount since it was declined."""
    wanted = comes_back_when(declined)
    if now["n_active"] >= wanted["n_active_at_least"]:
        return True
    return (
        wanted["leaving_at_most"] is not None
        and now["leaving"] is not None
        and now["leaving"] <= wanted["leaving_at_most"]
    )


def record_proposals(
    session: Session, community_id: int, splits: Mapping[str, Any], *, left_out: Collection[str], now: datetime
) -> dict[str, Any]:
    """Recognise what a refit found, and write down what is new, gone and back; the caller holds the community's lock.

    Parameters
    ----------
    splits : contents of splits.json.
    left_out : members who want to be in no statistics: they go out of older proposals too.

    Returns
    -------
    The same with the permanent id of each proposal as `proposal_id`.
    """
    stamped = dict(splits)
    rows = _all_rows(session, community_id)
    for row in rows:
        _leave_out(row, left_out)
    for kind, name in LIST_OF.items():
        of_kind = [row for row in rows if row.kind == kind]
        stamped[name] = _record_kind(session, community_id, kind, splits[name], of_kind, now=now)
    session.flush()
    return stamped


def shown_splits(session: Session, community_id: int, splits: Mapping[str, Any]) -> dict[str, Any]:
    """Contents of splits.json as they are to be shown: what people decided on is not proposed again but listed apart.

    `decided` says for each declined one what it would have to reach to come back, for each accepted one what became of
    it. Entries of a version without ids stay as they are.
    """
    rows = {row.id: row for row in _all_rows(session, community_id)}
    shown = dict(splits)
    for name in LIST_OF.values():
        entries = [dict(entry) for entry in splits.get(name, [])]
        for entry in entries:
            row = rows.get(entry.get("proposal_id", 0))
            if row is not None:
                entry["state"] = row.state
        shown[name] = [entry for entry in entries if entry.get("state", "proposed") in OPEN]
    declined = declined_evidence(session, community_id)
    decided = [row for row in rows.values() if row.state in ("accepted", "declined")]
    shown["decided"] = [
        {
            "proposal_id": row.id,
            "kind": row.kind,
            "state": row.state,
            "comes_back_when": comes_back_when(declined[row.id]) if row.state == "declined" else None,
            "followed": row.followed,
        }
        for row in decided
    ]
    return shown


def accepted_proposals(session: Session, community_id: int) -> list[tuple[ProposalRow, datetime]]:
    """What was accepted and stands, with when it was accepted last, by id."""
    statement = (
        select(ProposalEventRow.proposal_id, ProposalEventRow.happened_at)
        .where(ProposalEventRow.community_id == community_id, ProposalEventRow.kind == "accepted")
        .order_by(ProposalEventRow.id)
    )
    accepted_at = dict(session.execute(statement).all())
    return [(row, accepted_at[row.id]) for row in _all_rows(session, community_id) if row.state == "accepted"]


def declined_evidence(session: Session, community_id: int) -> dict[int, dict[str, Any]]:
    """The figures when each proposal was declined last, by id."""
    statement = (
        select(ProposalEventRow.proposal_id, ProposalEventRow.evidence)
        .where(ProposalEventRow.community_id == community_id, ProposalEventRow.kind == "declined")
        .order_by(ProposalEventRow.id)
    )
    return dict(session.execute(statement).all())


def forget_author(session: Session, community_id: int, author_id: str) -> int:
    """Take a member out of every proposal; returns how many rows that changed."""
    return sum(_leave_out(row, {author_id}) for row in _all_rows(session, community_id))


def events_of(session: Session, proposal_id: int) -> list[ProposalEvent]:
    """What became of a proposal, the oldest first."""
    statement = (
        select(ProposalEventRow, ModeratorRow.name)
        .outerjoin(ModeratorRow, ModeratorRow.id == ProposalEventRow.moderator_id)
        .where(ProposalEventRow.proposal_id == proposal_id)
        .order_by(ProposalEventRow.id)
    )
    return [ProposalEvent(row, name) for row, name in session.execute(statement)]


def add_event(
    session: Session,
    row: ProposalRow,
    kind: str,
    *,
    now: datetime,
    moderator: ModeratorRow | None = None,
    note: str | None = None,
) -> None:
    """Write down what became of a proposal, with its figures at that moment."""
    session.add(
        ProposalEventRow(
            community_id=row.community_id,
            proposal_id=row.id,
            kind=kind,
            evidence=evidence_of(row.kind, row.contents),  # type: ignore[arg-type]
            note=note,
            moderator_id=None if moderator is None else moderator.id,
            happened_at=now,
        )
    )


def _all_rows(session: Session, community_id: int) -> Sequence[ProposalRow]:
    statement = select(ProposalRow).where(ProposalRow.community_id == community_id).order_by(ProposalRow.id)
    return session.scalars(statement).all()


def _record_kind(
    session: Session,
    community_id: int,
    kind: Kind,
    found: Sequence[Mapping[str, Any]],
    rows: Sequence[ProposalRow],
    *,
    now: datetime,
) -> list[dict[str, Any]]:
    known = {row.id: [frozenset(part) for part in row.parts["parts"]] for row in rows}
    matched = match_proposals([[frozenset(part) for part in parts_of(kind, entry)] for entry in found], known)
    by_id = {row.id: row for row in rows}
    declined = declined_evidence(session, community_id)
    stamped = []
    for entry, proposal_id in zip(found, matched, strict=True):
        row = by_id.get(proposal_id or 0)
        if row is None:
            row = _new_row(session, community_id, kind, entry, now=now)
        else:
            _found_again(session, row, kind, entry, declined, now=now)
        stamped.append({**entry, "proposal_id": row.id})
    for row in rows:
        if row.id not in matched and row.state in OPEN:
            row.state = "withdrawn"
            add_event(session, row, "withdrawn", now=now)
    return stamped


def _new_row(
    session: Session, community_id: int, kind: Kind, entry: Mapping[str, Any], *, now: datetime
) -> ProposalRow:
    row = ProposalRow(
        community_id=community_id,
        kind=kind,
        state="proposed",
        first_found_at=now,
        last_found_at=now,
        parts={"parts": parts_of(kind, entry)},
        contents=dict(entry),
        followed=None,
    )
    session.add(row)
    session.flush()
    add_event(session, row, "proposed", now=now)
    return row


def _found_again(
    session: Session,
    row: ProposalRow,
    kind: Kind,
    entry: Mapping[str, Any],
    declined: Mapping[int, Mapping[str, Any]],
    *,
    now: datetime,
) -> None:
    """An accepted one stays as it was accepted; a declined one stays declined unless the evidence has grown."""
    row.last_found_at = now
    if row.state == "accepted":
        return
    row.parts, row.contents = {"parts": parts_of(kind, entry)}, dict(entry)
    is_back = row.state == "withdrawn" or (
        row.state == "declined" and has_grown(declined[row.id], evidence_of(kind, entry))
    )
    if is_back:
        row.state = "returned"
        add_event(session, row, "returned", now=now)


def _leave_out(row: ProposalRow, author_ids: Collection[str]) -> bool:
    """Take members out of a proposal, whatever state it is in; whether that changed anything."""
    if not author_ids:
        return False
    parts, contents, followed = (_without(each, author_ids) for each in (row.parts, row.contents, row.followed))
    changed = (parts, contents, followed) != (row.parts, row.contents, row.followed)
    if changed:
        row.parts, row.contents, row.followed = parts, contents, followed
    return changed


def _without(contents: Any, author_ids: Collection[str]) -> Any:
    """The same without these ids, and without what is said of them alone."""
    if isinstance(contents, Mapping):
        return {name: _without(part, author_ids) for name, part in contents.items()}
    if isinstance(contents, list):
        return [_without(part, author_ids) for part in contents if not _speaks_of(part, author_ids)]
    return contents


def _speaks_of(part: object, author_ids: Collection[str]) -> bool:
    if isinstance(part, Mapping):
        return part.get("author_id") in author_ids
    return isinstance(part, str) and part in author_ids
