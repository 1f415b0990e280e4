"""What was worked out over all posts: the topics and the report; and looking for posts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Cookie, HTTPException, Path, Query, Request, Response
from fastapi.responses import HTMLResponse
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.deps import Now, Service, ServiceParts, Transaction
from api.pages.desk import MAX_ID, AtDesk, reader_of
from api.pages.drawing import SECURITY_HEADERS, draw
from api.pages.queue_view import CONTEXT_CHARACTERS, Reader, ShownPost, show_post
from api.pages.texts import LANGUAGE_COOKIE, Texts
from api.pages.topic_orders import tools_of
from api.pages.visitor import SESSION_COOKIE, SignedIn, Visitor, get_visitor
from api.pages.worked_out import missing_words
from moderation.findings import find_findings, posts_of_topic, topic_in
from moderation.reports.content import Chart
from moderation.reports.history_chart import history_chart
from moderation.reports.topic_section import by_size, negative_words, topic_name, unsorted_sentences
from moderation.search import Query as SearchQuery
from moderation.search import SearchFilter, search_posts
from moderation.tables import FindingRow, PostRow

N_NEWEST, N_FOUND = 20, 30
REPORT_HEADERS: Mapping[str, str] = {
    **SECURITY_HEADERS,
    # The report carries its own styles and drawings, runs nothing, and may stand in a frame of ours only.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox"
    ),
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class ShownTopic:
    """A topic in words."""

    id: int
    name: str
    terms: str
    size: str
    size_words: str
    negative: str
    negative_words: str
    theme_id: int | None
    is_named_by_moderator: bool


@dataclass(frozen=True)
class ThemeGroup:
    """The topics of a theme; `name` is None for those of no theme that holds several."""

    name: str | None
    topics: tuple[ShownTopic, ...]


@router.get("/topics")
def topics_page(request: Request, session: Transaction, visitor: SignedIn) -> Response:
    """The topics, largest first."""
    texts, found = visitor.texts, session.get(FindingRow, (visitor.community_row.id, "topics"))
    topics: list[ShownTopic] = []
    unsorted: list[str] = []
    themes: dict[int, str] = {}
    lead = missing_words(session, visitor, "topics.none")
    if found is not None:
        topics = [_shown_topic(topic, texts) for topic in by_size(found.contents)]
        unsorted = unsorted_sentences(found.contents["unsorted"], texts.wording)
        themes = _theme_names(found.contents)
        lead = texts.count("topics.lead", len(topics), at=texts.wording.minute(found.found_at))
    return draw(
        request,
        "topics.html.j2",
        texts,
        visitor=visitor,
        here="topics",
        groups=_by_theme(topics, themes),
        unsorted=unsorted,
        lead=lead,
        history=_history(session, visitor, topics),
        report_say=texts.wording.say,
    )


def _history(session: Session, visitor: Visitor, topics: Sequence[ShownTopic]) -> Chart | None:
    """Topics over time; None where that was not worked out, or there is too little of it."""
    drift = session.get(FindingRow, (visitor.community_row.id, "drift"))
    if drift is None:
        return None
    names = {topic.id: topic.name for topic in topics}
    history = drift.contents["history"]
    if history is not None:
        # A topic that a moderator merged into another since is told with that one at the next refit.
        history = {**history, "topics": [each for each in history["topics"] if each["topic_id"] in names]}
    return history_chart(history, names, visitor.texts.wording)


@router.get("/topics/{topic_id}")
def topic_page(
    desk: AtDesk,
    service: ServiceParts,
    topic_id: Annotated[int, Path(ge=0, le=MAX_ID)],
    refused: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One topic: its size, its tone, what is typical of it and what is new; what moderators can do with it."""
    session, reader, texts = desk.session, desk.reader, desk.texts
    found = find_findings(session, reader.community_id, "topics")
    topic = topic_in(found, topic_id)
    newest = posts_of_topic(
        session, reader.community_id, topic_id, model_version=service.models.version, before=None, limit=N_NEWEST
    )
    return draw(
        desk.request,
        "topic.html.j2",
        texts,
        visitor=desk.visitor,
        here="topics",
        topic=_shown_topic(topic, texts),
        found=_found_words(found, "topic.found", texts),
        exemplars=_shown_posts(_posts(session, reader, topic["exemplar_ids"]), reader),
        newest=_shown_posts(newest, reader),
        tools=tools_of(desk, topic_id, refused=refused),
    )


@router.get("/report")
def report_page(request: Request, session: Transaction, visitor: SignedIn) -> Response:
    """The report in a frame, or that there is none yet."""
    report = session.get(FindingRow, (visitor.community_row.id, "report"))
    found = None if report is None else _found_words(report, "report.found", visitor.texts)
    missing = missing_words(session, visitor, "report.none")
    return draw(request, "report.html.j2", visitor.texts, visitor=visitor, here="report", found=found, missing=missing)


@router.get("/report/page")
def report_itself(session: Transaction, visitor: SignedIn) -> HTMLResponse:
    """The stored report in the visitor's language.

    Raises
    ------
    HTTPException
        404: there is none yet.
    """
    report = session.get(FindingRow, (visitor.community_row.id, "report"))
    if report is None:
        raise HTTPException(404)
    return HTMLResponse(report.contents[visitor.texts.language], headers=dict(REPORT_HEADERS))


@router.get("/search")
def search_page(
    request: Request,
    slug: str,
    service: ServiceParts,
    now: Now,
    q: Annotated[str, Query(max_length=500)] = "",
    token: Annotated[str | None, Cookie(alias=SESSION_COOKIE)] = None,
    language: Annotated[str | None, Cookie(alias=LANGUAGE_COOKIE)] = None,
) -> Response:
    """Posts found by words and by meaning."""
    asked = " ".join(q.replace("\0", " ").split())
    with service.database.transaction() as session:
        visitor = get_visitor(slug, session, now, token, language)
    # Between two transactions: nothing in the database waits for the model.
    vector = _encoded(service, asked) if asked else None
    hits: list[ShownPost] = []
    if vector is not None:
        with service.database.transaction() as session:
            reader = reader_of(session, visitor, now)
            found = search_posts(
                session,
                reader.community_id,
                SearchQuery(asked, vector),
                SearchFilter(),
                model_version=service.models.version,
                after=None,
                limit=N_FOUND,
            )
            hits = _shown_posts([one.post for one in found], reader)
    return draw(request, "search.html.j2", visitor.texts, visitor=visitor, here="search", q=asked, hits=hits)


def _encoded(service: Service, words: str) -> NDArray[np.float32]:
    (encoding,) = service.models.encoder.encode([words])
    return np.asarray(encoding.vectors[0], dtype=np.float32)


def _shown_posts(rows: Iterable[PostRow], reader: Reader) -> list[ShownPost]:
    return [show_post(row, reader, n_characters=CONTEXT_CHARACTERS) for row in rows]


def _posts(session: Session, reader: Reader, post_ids: Sequence[str]) -> list[PostRow]:
    """Some posts in the order of their ids as given; those that are gone are left out."""
    mine = PostRow.community_id == reader.community_id, PostRow.id.in_(post_ids)
    rows = {row.id: row for row in session.scalars(select(PostRow).where(*mine))}
    return [rows[post_id] for post_id in post_ids if post_id in rows]


def _shown_topic(topic: Mapping[str, Any], texts: Texts) -> ShownTopic:
    wording, interval = texts.wording, topic["negative_share_interval"]
    negative = wording.say("tone_unknown")
    if topic["negative_share"] is not None:
        negative = wording.span(topic["negative_share"], *interval)
    return ShownTopic(
        id=topic["id"],
        name=topic_name(topic, wording),
        terms=", ".join(topic["terms"]),
        size=wording.number(topic["size"]),
        size_words=wording.count("topic.size", topic["size"], share=wording.share(topic["share"])),
        negative=negative,
        negative_words=negative_words(topic, wording),
        theme_id=topic.get("theme"),
        is_named_by_moderator=topic.get("named_by_moderator", False),
    )


def _theme_names(contents: Mapping[str, Any]) -> dict[int, str]:
    """The names of the themes that hold several topics, the largest first."""
    themes = contents.get("themes", [])
    return {theme["id"]: theme["name"] for theme in themes if len(theme["topic_ids"]) > 1}


def _by_theme(topics: Sequence[ShownTopic], themes: Mapping[int, str]) -> list[ThemeGroup]:
    """The topics under their themes, the largest theme first, and those that stand alone at the end."""
    groups = [
        ThemeGroup(name, tuple(topic for topic in topics if topic.theme_id == theme_id))
        for theme_id, name in themes.items()
    ]
    alone = tuple(topic for topic in topics if topic.theme_id not in themes)
    return [group for group in (*groups, ThemeGroup(None, alone)) if group.topics]


def _found_words(found: FindingRow, key: str, texts: Texts) -> str:
    """When something was worked out, and over how much."""
    wording = texts.wording
    return texts.say(key, at=wording.minute(found.found_at), posts=wording.count("posts", found.n_posts))
