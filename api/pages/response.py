"""How long unhappy members wait, who answers and whether it is put right: for whoever runs a community, in a minute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import and_, func, select

from api.deps import ServiceParts
from api.pages.addresses import episode_address
from api.pages.desk import AtDesk, Desk
from api.pages.drawing import draw
from api.pages.queue_view import HEADING_CHARACTERS, ShownPost, show_post
from api.pages.worked_out import missing_words
from models.heads import HeadSet
from moderation.live_clocks import live_waiting
from moderation.reports.answered_words import within_words
from moderation.reports.content import Chart, KeyFigure, Table
from moderation.reports.expected_part import expected_sentences, expected_table
from moderation.reports.outside_part import outside_sentences, outside_table
from moderation.reports.quotes import shortened
from moderation.reports.trend_part import change_sentences, trend_chart
from moderation.reports.waiting_section import (
    RECENT,
    answered_table,
    corrected_sentences,
    lead_sentence,
    waiting_chart,
    waiting_sentences,
)
from moderation.reports.wording import Wording, read_moment
from moderation.tables import FindingRow, PostRow, WaitRow
from moderation.worklist import open_rows

MAX_OPEN = 10

router = APIRouter(include_in_schema=False)

Contents = Mapping[str, Any]


@dataclass(frozen=True)
class ShownOpen:
    """A complaint that nobody has answered; `joined` None = nobody joined in."""

    name: str
    address: str
    post: ShownPost
    waited: str
    joined: str | None
    topic: tuple[int, str] | None


@dataclass(frozen=True)
class OpenPart:
    """Who waits now.

    Attributes
    ----------
    n_recent, items : those of the last 14 days, the longest waiting first.
    older : those that began before, the newest first; `older_heading` counts all of them.
    settled : how many more are open that a moderator settled; None = none.
    more : what is not listed, in sentences.
    """

    lead: str
    n_recent: int
    items: tuple[ShownOpen, ...]
    older: tuple[ShownOpen, ...]
    older_heading: str
    settled: str | None
    more: tuple[str, ...]


@dataclass(frozen=True)
class WaitsPart:
    """How long it took, of every complaint up to the newest post."""

    chart: Chart
    table: Table
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class WorkedOutPart:
    """What only all posts together can say, of the moment at which it was worked out last."""

    moment: str
    corrected: tuple[str, ...]
    trend: Chart | None
    changes: tuple[str, ...]
    expected: tuple[str, ...]
    expected_table: Table | None
    outside: tuple[str, ...]
    outside_table: Table | None


@router.get("/response")
def response_page(desk: AtDesk, service: ServiceParts) -> Response:
    """How soon and how well unhappy members are answered, now and over time."""
    wording = desk.texts.wording
    live = live_waiting(desk.session, desk.visitor.community_row)
    finding = desk.session.get(FindingRow, (desk.community_id, "response_times"))
    open_part = _open_part(desk)
    return draw(
        desk.request,
        "response.html.j2",
        desk.texts,
        visitor=desk.visitor,
        here="response",
        report_say=wording.say,
        lead=_lead(desk, live, service.models.heads),
        moment=desk.texts.say("response.moment", at=wording.minute(read_moment(live["end_at"]))) if live else None,
        key_figures=_key_figures(desk, live, finding, n_recent=open_part.n_recent),
        open=open_part,
        waits=_waits_part(live, wording),
        worked_out=None if finding is None else _worked_out_part(desk, finding, has_episodes=bool(live)),
        missing=missing_words(desk.session, desk.visitor, "response.missing"),
    )


def _lead(desk: Desk, live: Contents, heads: HeadSet) -> str:
    """How many complaints there were and what became of them, or why nothing is known of any."""
    wording, languages = desk.texts.wording, desk.visitor.community.languages
    can_tell = not languages or any(
        heads.threshold("negative_wom", language).probability is not None for language in languages
    )
    if not live:
        return wording.say("waiting.none" if can_tell else "waiting.cannot_tell")
    return lead_sentence(live, wording, can_tell=True)


def _key_figures(desk: Desk, live: Contents, finding: FindingRow | None, *, n_recent: int) -> tuple[KeyFigure, ...]:
    """What is looked at first; what is not known is left out."""
    wording, figures = desk.texts.wording, []
    if live and live["clocks"]["any"]["n"]:
        figures.append(KeyFigure(wording.number(n_recent), wording.count("key.waiting", n_recent)))
        clock = live["clocks"]["any"]
        within = within_words(clock, "24h", wording)
        figures.append(KeyFigure(within, desk.texts.say("response.key.within_day")))
        if clock["median_seconds"] is not None:
            figures.append(KeyFigure(wording.duration(clock["median_seconds"]), wording.say("key.median")))
    if finding is not None and finding.contents["corrected"]["share"] is not None:
        corrected = finding.contents["corrected"]
        share = wording.span(corrected["share"], *corrected["interval"])
        figures.append(KeyFigure(share, wording.say("key.corrected")))
    return tuple(figures)


def _open_part(desk: Desk) -> OpenPart:
    texts, rows = desk.texts, open_rows(desk.session, desk.community_id)
    episodes = sorted(
        (found for found in rows if found[0].kind == "episode"), key=lambda found: (found[0].started_at, found[1].id)
    )
    recent = [found for found in episodes if desk.now - found[0].started_at <= RECENT]
    older, n_questions = episodes[: len(episodes) - len(recent)][::-1], len(rows) - len(episodes)
    n_settled, more = _n_open_episodes(desk) - len(episodes), []
    if len(recent) > MAX_OPEN:
        more.append(texts.count("response.more", len(recent) - MAX_OPEN))
    if n_questions:
        more.append(texts.count("response.questions", n_questions))
    return OpenPart(
        lead=texts.count("response.open.lead", len(recent)) if recent else texts.say("response.open.none"),
        n_recent=len(recent),
        items=tuple(_shown_open(desk, wait, post) for wait, post in recent[:MAX_OPEN]),
        older=tuple(_shown_open(desk, wait, post) for wait, post in older[:MAX_OPEN]),
        older_heading=_older_heading(desk, [wait for wait, _ in older]),
        settled=texts.count("response.settled", n_settled) if n_settled > 0 else None,
        more=tuple(more),
    )


def _older_heading(desk: Desk, older: Sequence[WaitRow]) -> str:
    if not older:
        return ""
    longest = desk.texts.wording.duration((desk.now - older[-1].started_at).total_seconds())
    return desk.texts.count("response.older", len(older), longest=longest)


def _n_open_episodes(desk: Desk) -> int:
    """Those among them that a moderator settled in the queue, too."""
    mine = WaitRow.community_id == desk.community_id, WaitRow.kind == "episode", WaitRow.is_open
    there = and_(
        PostRow.community_id == WaitRow.community_id, PostRow.id == WaitRow.post_id, PostRow.deleted_at.is_(None)
    )
    return desk.session.scalar(select(func.count()).select_from(WaitRow).join(PostRow, there).where(*mine)) or 0


def _shown_open(desk: Desk, wait: WaitRow, post: PostRow) -> ShownOpen:
    texts, shown = desk.texts, show_post(post, desk.reader)
    waited_seconds = max((desk.now - wait.started_at).total_seconds(), 0)
    n_joined = wait.contents["n_amplifiers"]
    return ShownOpen(
        name=shortened(" ".join((shown.title or shown.words).split()), HEADING_CHARACTERS),
        address=episode_address(desk.visitor.base, post.id),
        post=shown,
        waited=texts.say("worklist.waits", duration=texts.wording.duration(waited_seconds)),
        joined=texts.count("response.joined", n_joined) if n_joined else None,
        topic=None if wait.topic_id is None else (wait.topic_id, desk.reader.topic_words(wait.topic_id)),
    )


def _waits_part(live: Contents, wording: Wording) -> WaitsPart | None:
    if not live or not live["clocks"]["any"]["n"]:
        return None
    return WaitsPart(
        chart=waiting_chart(live["clocks"], wording),
        table=answered_table(live["clocks"], wording),
        sentences=tuple(waiting_sentences(live, wording)),
    )


def _worked_out_part(desk: Desk, finding: FindingRow, *, has_episodes: bool) -> WorkedOutPart:
    wording, times = desk.texts.wording, finding.contents
    posts = wording.count("posts", finding.n_posts)
    return WorkedOutPart(
        moment=desk.texts.say("response.worked_out", at=wording.minute(finding.found_at), posts=posts),
        corrected=tuple(corrected_sentences(times["corrected"], wording)) if has_episodes else (),
        trend=trend_chart(times, wording),
        changes=tuple(change_sentences(times, wording)),
        expected=tuple(expected_sentences(times, wording)),
        expected_table=expected_table(times, wording),
        outside=tuple(outside_sentences(times, wording)),
        outside_table=outside_table(times, wording),
    )
