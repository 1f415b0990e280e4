"""What changes in the community, what comes up, and what answers do not repair; each line with its posts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import func, select

from api.pages.desk import AtDesk, Desk
from api.pages.drawing import draw
from api.pages.queue_view import CONTEXT_CHARACTERS, ShownPost, show_post
from api.pages.texts import Texts
from api.pages.worked_out import missing_words
from moderation.reports.drift_section import change_details, change_headline, drift_lead, drift_notes
from moderation.reports.emergence_section import (
    burst_details,
    burst_headline,
    emergence_leads,
    group_details,
    group_headline,
    told_bursts,
    told_groups,
)
from moderation.reports.root_cause_section import (
    cause_details,
    cause_headline,
    causes_lead,
    episodes_heading,
    newest_episodes,
)
from moderation.tables import FindingRow, PostRow

router = APIRouter(include_in_schema=False)

Contents = Mapping[str, Any]


@dataclass(frozen=True)
class ShownLine:
    """Something that is told, with the posts that it rests on.

    Attributes
    ----------
    topic : None = it is about no single topic.
    are_complaints : whether each of the posts has a page as a complaint.
    """

    headline: str
    details: tuple[str, ...]
    topic: tuple[int, str] | None
    posts_heading: str
    posts: tuple[ShownPost, ...]
    are_complaints: bool = False


@dataclass(frozen=True)
class ShownPart:
    """What is told of one kind: how much there is, each line, and what to keep in mind."""

    lead: str
    lines: tuple[ShownLine, ...]
    notes: tuple[str, ...] = ()


@router.get("/changes")
def changes_page(desk: AtDesk) -> Response:
    """What changes, what comes up, and what stays wrong although it is answered."""
    finding, wording = desk.session.get(FindingRow, (desk.community_id, "drift")), desk.texts.wording
    parts, found = None, None
    if finding is not None:
        parts = _parts(_teller(desk, finding.contents), finding.contents)
        posts = wording.count("posts", finding.n_posts)
        found = desk.texts.say("topic.found", at=wording.minute(finding.found_at), posts=posts)
    return draw(
        desk.request,
        "changes.html.j2",
        desk.texts,
        visitor=desk.visitor,
        here="topics",
        report_say=wording.say,
        found=found,
        missing=missing_words(desk.session, desk.visitor, "changes.none"),
        parts=parts,
    )


@dataclass(frozen=True)
class _Teller:
    """Puts lines together from what topics are called and what posts say now; posts that are gone are left out."""

    texts: Texts
    names: Mapping[object, str]
    posts: Mapping[str, ShownPost]

    def line(self, told: Contents, headline: str, details: tuple[str, ...]) -> ShownLine:
        """A line with the posts behind it."""
        posts = tuple(self.posts[post_id] for post_id in _post_ids(told) if post_id in self.posts)
        topic_id, n_posts = told["topic_id"], told.get("n_posts", len(posts))
        key = "changes.posts" if n_posts <= len(posts) else "changes.posts_of"
        return ShownLine(
            headline=headline,
            details=details,
            topic=None if topic_id is None else (topic_id, self.names[topic_id]),
            posts_heading=self.texts.count(key, len(posts), all=self.texts.wording.number(n_posts)),
            posts=posts,
        )


def _teller(desk: Desk, drift: Contents) -> _Teller:
    told = [*drift["lines"], *_told_of(drift["emerging"]), *drift["root_causes"]["causes"]]
    topic_ids = {line["topic_id"] for line in told} - {None}
    post_ids = {post_id for line in told for post_id in _post_ids(line)}
    mine = PostRow.community_id == desk.community_id, PostRow.id == func.any(sorted(post_ids))
    posts = desk.session.scalars(select(PostRow).where(*mine, PostRow.deleted_at.is_(None)))
    return _Teller(
        texts=desk.texts,
        names={topic_id: desk.reader.topic_words(topic_id) for topic_id in topic_ids},
        posts={row.id: show_post(row, desk.reader, n_characters=CONTEXT_CHARACTERS) for row in posts},
    )


def _told_of(emerging: Contents) -> list[Contents]:
    return [*told_groups(emerging), *told_bursts(emerging)]


def _post_ids(line: Contents) -> Sequence[str]:
    """The posts of a line: those that began an episode, those of a group or burst, the typical ones of a change."""
    if "episode_ids" in line:
        return newest_episodes(line)
    found: Sequence[str] = line["post_ids"] if "post_ids" in line else line["exemplar_ids"]
    return found


def _parts(teller: _Teller, drift: Contents) -> dict[str, ShownPart]:
    wording, names, emerging, causes = teller.texts.wording, teller.names, drift["emerging"], drift["root_causes"]
    groups_lead, bursts_lead = emergence_leads(emerging, wording)
    changes = [
        teller.line(line, change_headline(line, names, wording), change_details(line, wording))
        for line in drift["lines"]
    ]
    groups = [
        teller.line(group, group_headline(group, wording), group_details(group, names, wording))
        for group in told_groups(emerging)
    ]
    bursts = [
        teller.line(burst, burst_headline(burst, wording), burst_details(burst, names, wording))
        for burst in told_bursts(emerging)
    ]
    return {
        "drift": ShownPart(drift_lead(drift, wording), tuple(changes), drift_notes(drift, wording)),
        "emergence": ShownPart(groups_lead, tuple(groups)),
        "bursts": ShownPart(bursts_lead, tuple(bursts)),
        "causes": ShownPart(causes_lead(causes, wording), tuple(_cause(teller, cause) for cause in causes["causes"])),
    }


def _cause(teller: _Teller, cause: Contents) -> ShownLine:
    wording = teller.texts.wording
    line = teller.line(cause, cause_headline(cause, teller.names, wording), cause_details(cause, wording))
    return replace(line, posts_heading=episodes_heading(cause, wording), are_complaints=True)
