"""Proposals to a moderator: splits, niches, what to merge and revive; and what was decided on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from api.pages.addresses import post_address
from api.pages.desk import MAX_ID, AtDesk, Desk, SendsFromDesk
from api.pages.drawing import draw
from api.pages.texts import Texts
from api.schemas.proposals import MAX_NOTE
from moderation.communities import community_of
from moderation.errors import ProposalDecisionRefused
from moderation.proposal_decisions import Decision, decide_proposal, find_proposal
from moderation.proposals import Kind, events_of, shown_splits
from moderation.reports.group_words import alone_sentence, group_sentences
from moderation.reports.niche_part import niche_headline, niche_sentences, tidy_headline, tidy_sentence
from moderation.reports.split_section import groups_of, part_size, proof_figures, proposal_headline, refusal_words
from moderation.reports.wording import Wording
from moderation.tables import FindingRow, ProposalRow

Contents = Mapping[str, Any]
ProposalId = Annotated[int, Path(ge=0, le=MAX_ID)]

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class ShownPart:
    """One group of a proposal in words."""

    heading: str
    details: tuple[str, ...]


@dataclass(frozen=True)
class ShownProposal:
    """A proposal in words.

    Attributes
    ----------
    id : None = it was found by a version that gave no ids, and cannot be decided.
    returned : that it was there before; None = it is new.
    figures : name and figure of each measure behind it.
    links : the pages of posts to read.
    """

    id: int | None
    headline: str
    returned: str | None
    details: tuple[str, ...]
    parts: tuple[ShownPart, ...]
    figures: tuple[tuple[str, str], ...]
    links: tuple[str, ...]


@dataclass(frozen=True)
class ShownDecided:
    """A proposal that somebody decided on."""

    id: int
    headline: str
    line: str
    note: str | None
    details: tuple[str, ...]


@router.get("/splits")
def proposals_page(desk: AtDesk, refused: Annotated[str, Query(max_length=20)] = "") -> Response:
    """What is proposed, what was decided, and why there is no more."""
    found = desk.session.get(FindingRow, (desk.community_id, "splits"))
    splits: Contents = {} if found is None else shown_splits(desk.session, desk.community_id, found.contents)
    names = {space.slug: space.name for space in community_of(desk.visitor.community_row).spaces}
    wording, texts = desk.texts.wording, desk.texts
    return draw(
        desk.request,
        "splits.html.j2",
        texts,
        visitor=desk.visitor,
        here="splits",
        found=None if found is None else texts.say("splits.found", at=wording.minute(found.found_at)),
        splits=[_shown("split", entry, names, desk) for entry in splits.get("proposals", [])],
        niches=[_shown("niche", entry, names, desk) for entry in splits.get("niches", [])],
        tidied=[_shown("merge", entry, names, desk) for name in ("revive", "merge") for entry in splits.get(name, [])],
        decided=[_decided(entry["proposal_id"], entry, names, desk) for entry in splits.get("decided", [])],
        refusals=[refusal_words(refusal, wording) for refusal in splits.get("refused", [])],
        refused=texts.say("splits.refused") if refused else None,
        max_note=MAX_NOTE,
    )


@router.post("/splits/{proposal_id}")
def decide(
    desk: SendsFromDesk,
    proposal_id: ProposalId,
    decision: Annotated[Decision, Form()],
    note: Annotated[str, Form(max_length=MAX_NOTE)] = "",
) -> Response:
    """Accept, decline or open again, and back to the list."""
    note = " ".join(note.replace("\0", " ").split())
    community, moderator = desk.visitor.community_row, desk.visitor.moderator
    try:
        with desk.session.begin_nested():
            decide_proposal(
                desk.session, community, proposal_id, decision, note=note or None, moderator=moderator, now=desk.now
            )
    except ProposalDecisionRefused as error:
        return RedirectResponse(f"{desk.visitor.base}/splits?refused={error.state}", 303)
    return RedirectResponse(f"{desk.visitor.base}/splits", 303)


def _shown(kind: Kind, entry: Contents, names: Mapping[str, str], desk: Desk) -> ShownProposal:
    texts, wording = desk.texts, desk.texts.wording
    post_ids = entry.get("evidence_post_ids", entry.get("post_ids", []))
    return ShownProposal(
        id=entry.get("proposal_id"),
        headline=_headline(kind, entry, names, wording),
        returned=texts.say("splits.returned") if entry.get("state") == "returned" else None,
        details=tuple(_details(kind, entry, names, texts)),
        parts=_parts(entry, texts) if kind == "split" else (),
        figures=tuple(proof_figures(entry, wording)) if kind == "split" else (),
        links=tuple(post_address(desk.visitor.base, post_id) for post_id in post_ids),
    )


def _headline(kind: Kind, entry: Contents, names: Mapping[str, str], wording: Wording) -> str:
    if kind == "split":
        return proposal_headline(entry, wording)
    if kind == "niche":
        return niche_headline(entry, wording)
    return tidy_headline(entry, wording, names=[names.get(slug, slug) for slug in entry.get("spaces", [])])


def _details(kind: Kind, entry: Contents, names: Mapping[str, str], texts: Texts) -> list[str]:
    wording = texts.wording
    if kind == "split":
        n_bridging = len(entry["bridging_author_ids"])
        return [texts.count("splits.bridging", n_bridging)] if n_bridging else [wording.say("proof.no_bridging")]
    if kind == "niche":
        slug = (entry["spaces"] or {}).get("space")
        return niche_sentences(entry, wording, space_name=None if slug is None else names.get(slug, slug))
    return [tidy_sentence(entry, wording)]


def _parts(entry: Contents, texts: Texts) -> tuple[ShownPart, ...]:
    wording = texts.wording
    groups, rest = groups_of(entry)
    shown = []
    for number, part in enumerate(groups, start=1):
        heading = wording.say("splits.part", number=wording.number(number))
        heading = wording.say("splits.part.only") if len(groups) == 1 else heading
        shown.append(ShownPart(heading, _part_details(part, wording)))
    if rest is not None:
        shown.append(ShownPart(wording.say("splits.part.rest"), _part_details(rest, wording)))
    return tuple(shown)


def _part_details(part: Contents, wording: Wording) -> tuple[str, ...]:
    details = [part_size(part, wording)]
    if part["terms"]:
        details.append(wording.say("topic.terms", terms=", ".join(part["terms"])))
    details += group_sentences(part, wording)
    alone = alone_sentence(part, wording)
    return tuple(details if alone is None else [*details, alone])


def _decided(proposal_id: int, entry: Contents, names: Mapping[str, str], desk: Desk) -> ShownDecided:
    row: ProposalRow = find_proposal(desk.session, desk.community_id, proposal_id)
    last = [event for event in events_of(desk.session, row.id) if event.moderator is not None][-1]
    texts = desk.texts
    at = texts.wording.minute(last.row.happened_at)
    return ShownDecided(
        id=row.id,
        headline=_headline(row.kind, row.contents, names, texts.wording),  # type: ignore[arg-type]
        line=texts.say(f"splits.{row.state}", who=last.moderator or "", at=at),
        note=last.row.note,
        details=tuple(_decided_details(entry, texts)),
    )


def _decided_details(entry: Contents, texts: Texts) -> list[str]:
    wording, back, followed = texts.wording, entry["comes_back_when"], entry["followed"]
    if back is not None:
        n_active = wording.count("active_members", back["n_active_at_least"])
        if back["leaving_at_most"] is None:
            return [texts.say("splits.back.members", members=n_active)]
        return [texts.say("splits.back", members=n_active, share=wording.share(back["leaving_at_most"]))]
    if followed is None or followed["effects"] is None:
        return [texts.say("splits.followed.none")]
    known = [(name, effect) for name, effect in followed["effects"].items() if effect["change"] is not None]
    said = [_effect_words(name, effect, texts) for name, effect in known]
    return [texts.count("splits.followed", followed["n_weeks"]), *said] if said else [texts.say("splits.followed.none")]


def _effect_words(name: str, effect: Contents, texts: Texts) -> str:
    """A ratio of counts, or a difference of shares in points."""
    is_ratio = name in ("posts", "writers")
    scale, decimals = (1.0, 2) if is_ratio else (100.0, 0)
    change, low, high = (
        texts.wording.number(scale * figure, decimals=decimals) for figure in (effect["change"], *effect["interval"])
    )
    return texts.say(f"splits.effect.{name}", change=change, low=low, high=high)
