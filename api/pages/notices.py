"""What is told without being asked for: alarms, the daily digest; and what members keep asking and wish for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select

from api.deps import Now, Transaction
from api.pages.desk import AtDesk, Desk
from api.pages.drawing import draw
from api.pages.queue_view import CONTEXT_CHARACTERS, ShownPost, show_post
from api.pages.texts import Texts
from api.pages.visitor import SignedIn
from moderation.alarms import list_alarms, open_alarms
from moderation.digest import due_day, make_digest
from moderation.digest_sending import digest_in_words
from moderation.reports.digest_text import alarm_words
from moderation.reports.wording import read_moment
from moderation.tables import AlarmRow, FindingRow, PostRow
from moderation.webhooks import list_webhooks

N_CLOSED, N_POSTS, N_ENTRIES = 20, 4, 30
MIN_SUPPORTERS = 2

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class ShownAlarm:
    """An alarm in words, with the posts that it rests on; `ended` None = it is open."""

    words: str
    opened: str
    ended: str | None
    posts: tuple[ShownPost, ...]


@dataclass(frozen=True)
class ShownEntry:
    """A question that returns or an idea: what, by how many, and the posts under headings."""

    headline: ShownPost
    details: tuple[str, ...]
    answers: tuple[ShownPost, ...]


@router.get("/alarms")
def alarms_page(desk: AtDesk) -> Response:
    """The open alarms, then those that ended last, and webhooks that do not work."""
    session, texts = desk.session, desk.texts
    # What concerns many leads; within that the newest.
    opened = sorted(open_alarms(session, desk.community_id), key=lambda alarm: alarm.kind == "past_target")
    closed = list_alarms(session, desk.community_id, state="closed", before=None, limit=N_CLOSED)
    posts = _posts(desk, [post_id for alarm in opened for post_id in _post_ids(alarm)])
    failing = [row for row in list_webhooks(session, desk.community_id) if row.failing_since or row.disabled_at]
    return draw(
        desk.request,
        "alarms.html.j2",
        texts,
        visitor=desk.visitor,
        here="alarms",
        lead=texts.count("alarms.lead", len(opened)) if opened else texts.say("alarms.none"),
        opened=[_shown_alarm(alarm, desk, posts) for alarm in opened],
        closed=[_shown_alarm(alarm, desk, {}) for alarm in closed],
        webhooks=[
            texts.say("webhook.disabled" if row.disabled_at else "webhook.failing", url=row.url) for row in failing
        ],
    )


@router.get("/digest")
def digest_page(
    request: Request,
    session: Transaction,
    visitor: SignedIn,
    now: Now,
    day: Annotated[date | None, Query(alias="date", ge=date(1990, 1, 1), le=date(2199, 12, 31))] = None,
) -> Response:
    """A day's digest as it is mailed."""
    digest = make_digest(session, visitor.community_row, day or due_day(visitor.community, now), now=now)
    language = visitor.texts.language
    words = digest_in_words(session, visitor.community_row, digest, language=language, public_url=None)
    return draw(request, "digest.html.j2", visitor.texts, visitor=visitor, here="digest", words=words)


@router.get("/asked")
def asked_page(desk: AtDesk) -> Response:
    """The questions that return with their answers, and the ideas that several people are behind."""
    texts = desk.texts
    found = {kind: desk.session.get(FindingRow, (desk.community_id, kind)) for kind in ("faq", "ideas")}
    faq, ideas = found["faq"], found["ideas"]
    questions = [] if faq is None else faq.contents["questions"][:N_ENTRIES]
    supported = [] if ideas is None else [idea for idea in ideas.contents["ideas"] if _is_supported(idea)][:N_ENTRIES]
    posts = _posts(desk, [post_id for entry in (*questions, *supported) for post_id in _mentioned(entry)])
    return draw(
        desk.request,
        "asked.html.j2",
        texts,
        visitor=desk.visitor,
        here="asked",
        found=None if faq is None else texts.say("asked.found", at=texts.wording.minute(faq.found_at)),
        questions=_shown_entries(questions, desk, posts),
        ideas=_shown_entries(supported, desk, posts),
    )


def _is_supported(idea: Mapping[str, Any]) -> bool:
    return bool(idea["n_supporters"] >= MIN_SUPPORTERS)


def _post_ids(alarm: AlarmRow) -> list[str]:
    return list(alarm.evidence.get("post_ids", ()))[:N_POSTS]


def _mentioned(entry: Mapping[str, Any]) -> list[str]:
    return [entry["typical_post_id"], *(answer["post_id"] for answer in entry.get("answers", ()))]


def _posts(desk: Desk, post_ids: Sequence[str]) -> dict[str, ShownPost]:
    mine = PostRow.community_id == desk.community_id, PostRow.id.in_(post_ids)
    rows = desk.session.scalars(select(PostRow).where(*mine))
    return {row.id: show_post(row, desk.reader, n_characters=CONTEXT_CHARACTERS) for row in rows}


def _shown_alarm(alarm: AlarmRow, desk: Desk, posts: Mapping[str, ShownPost]) -> ShownAlarm:
    texts = desk.texts
    ended = None
    if alarm.closed_at is not None:
        known = f"alarm.closed.{alarm.closed_reason}"
        reason = texts.say(known) if texts.knows(known) else alarm.closed_reason or ""
        ended = texts.say("alarm.ended", at=texts.wording.minute(alarm.closed_at), reason=reason)
    return ShownAlarm(
        words=alarm_words(alarm, desk.reader.topic_names, texts.wording),
        opened=texts.say("alarm.opened", at=texts.wording.minute(alarm.opened_at)),
        ended=ended,
        posts=tuple(posts[post_id] for post_id in _post_ids(alarm) if post_id in posts),
    )


def _shown_entries(
    entries: Sequence[Mapping[str, Any]], desk: Desk, posts: Mapping[str, ShownPost]
) -> list[ShownEntry]:
    """Entries whose typical post is still there."""
    return [
        ShownEntry(
            headline=posts[entry["typical_post_id"]],
            details=_details(entry, desk.texts),
            answers=tuple(
                posts[answer["post_id"]] for answer in entry.get("answers", ()) if answer["post_id"] in posts
            ),
        )
        for entry in entries
        if entry["typical_post_id"] in posts
    ]


def _details(entry: Mapping[str, Any], texts: Texts) -> tuple[str, ...]:
    """By how many, over which time, and what came of it; in the words of the report."""
    wording = texts.wording
    days = wording.days(read_moment(entry["first_at"]), read_moment(entry["last_at"]))
    if "n_supporters" in entry:
        likes = [wording.count("ideas.likes", entry["n_likes"])] if entry["n_likes"] else []
        return (wording.count("ideas.supporters", entry["n_supporters"], days=days), *likes)
    answered = wording.count("asked.answered", entry["n_answered"], asked=wording.number(entry["n_posts"]))
    return (wording.count("asked.by", entry["n_authors"], days=days), answered)
