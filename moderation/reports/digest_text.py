"""The daily digest in words: a subject, sections, and the same as plain text and as HTML for a mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from moderation.digest import Digest, WaitingPost
from moderation.reports.drift_section import change_headline, period_words
from moderation.reports.quotes import shortened
from moderation.reports.wording import Wording
from moderation.tables import AlarmRow

N_SHOWN = 10
N_CHARACTERS = 90
"""Enough to know which post it is; the rest is read where it stands."""

_TEMPLATES = Environment(
    loader=PackageLoader("moderation.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Section:
    """A heading with lines under it; `more` says what is left out (None = nothing)."""

    heading: str
    lines: tuple[str, ...]
    more: str | None = None


@dataclass(frozen=True)
class DigestText:
    """A digest in one language.

    Attributes
    ----------
    footer : where it comes from, how old its figures are, and how to get it no more.
    link, link_words : where the pages are; None = not known.
    """

    language: str
    subject: str
    lead: str
    sections: tuple[Section, ...]
    footer: tuple[str, ...]
    link: str | None
    link_words: str


def write_digest(
    digest: Digest,
    wording: Wording,
    *,
    name: str,
    topic_names: Mapping[int, str],
    link: str | None,
) -> DigestText:
    """Put a day into words.

    Parameters
    ----------
    name : of the community.
    topic_names : by topic id.
    link : where the community's pages are; None = not known.
    """
    sections = (
        _late(digest, wording),
        _alarms(digest, topic_names, wording),
        _questions(digest, wording),
        _drift(digest, topic_names, wording),
    )
    return DigestText(
        language=wording.language,
        subject=_subject(digest, wording, name),
        lead=_lead(digest, wording),
        sections=tuple(section for section in sections if section is not None),
        footer=_footer(digest, wording, name),
        link=link,
        link_words=wording.say("digest.link"),
    )


def as_plain_text(text: DigestText) -> str:
    """The digest for programs that show no HTML."""
    parts = [text.lead]
    for section in text.sections:
        lines = [f"- {line}" for line in section.lines] + ([section.more] if section.more else [])
        parts.append("\n".join([section.heading, *lines]))
    if text.link:
        parts.append(f"{text.link_words}: {text.link}")
    return "\n\n".join([*parts, "\n".join(["-- ", *text.footer])]) + "\n"


def as_html(text: DigestText) -> str:
    """The digest as a page that stands alone; whatever members wrote is escaped."""
    return _TEMPLATES.get_template("digest.html.j2").render(text=text)


def page_link(public_url: str | None, slug: str) -> str | None:
    """Where the community's pages are."""
    return None if public_url is None else f"{public_url.rstrip('/')}/c/{quote(slug)}/queue"


def _subject(digest: Digest, wording: Wording, name: str) -> str:
    if digest.late or digest.questions:
        n_waiting = len(digest.late) + len(digest.questions)
        return wording.count("digest.subject.waiting", n_waiting, name=name)
    if digest.alarms:
        return wording.count("digest.subject.alarms", len(digest.alarms), name=name)
    return wording.say("digest.subject.calm", name=name)


def _lead(digest: Digest, wording: Wording) -> str:
    day = wording.long_date(digest.day)
    if digest.found_at is None:
        return wording.say("digest.lead.unknown", day=day)
    answered = wording.count("digest.answered", digest.n_answered)
    corrected = wording.count("digest.corrected", digest.n_corrected)
    return wording.say("digest.lead", day=day, answered=answered, corrected=corrected)


def _late(digest: Digest, wording: Wording) -> Section | None:
    if not digest.late and not digest.n_late_older:
        return None
    older = wording.count("digest.late.older", digest.n_late_older) if digest.n_late_older else None
    if not digest.late:
        return Section(wording.say("digest.late.none"), (), older)
    heading = wording.count("digest.late", len(digest.late))
    return Section(heading, _lines(digest.late, digest, wording), _joined(_more(digest.late, wording), older))


def _questions(digest: Digest, wording: Wording) -> Section | None:
    if not digest.questions:
        return None
    heading = wording.count("digest.questions", len(digest.questions))
    return Section(heading, _lines(digest.questions, digest, wording), _more(digest.questions, wording))


def _alarms(digest: Digest, topic_names: Mapping[int, str], wording: Wording) -> Section | None:
    closed = wording.count("digest.alarms.closed", digest.n_alarms_closed) if digest.n_alarms_closed else None
    if not digest.alarms:
        return None if closed is None else Section(wording.say("digest.alarms.none"), (), closed)
    lines = tuple(alarm_words(alarm, topic_names, wording) for alarm in digest.alarms[:N_SHOWN])
    return Section(wording.count("digest.alarms", len(digest.alarms)), lines, closed)


def alarm_words(alarm: AlarmRow, topic_names: Mapping[int, str], wording: Wording) -> str:
    """What an alarm is about, in one sentence."""
    evidence, since = alarm.evidence, wording.minute(alarm.since)
    if alarm.kind == "amplified":
        return wording.count("alarm.amplified", evidence["n_authors"], since=since)
    if alarm.kind == "past_target":
        hours = wording.duration(3600 * evidence["target_hours"])
        key = "alarm.past_target.open_hours" if evidence["clock"] == "opening hours" else "alarm.past_target"
        return wording.say(key, since=since, target=hours)
    if "negative_share" in evidence:
        return wording.count("alarm.emerging", evidence["n_authors"], since=since)
    topic = topic_names.get(evidence["topic_id"], wording.say("alarm.topic_unknown"))
    shares = {"before": wording.share(evidence["from"]), "now": wording.share(evidence["to"])}
    return wording.say("alarm.negative_topic", topic=topic, **shares)


def _drift(digest: Digest, topic_names: Mapping[int, str], wording: Wording) -> Section | None:
    if digest.drift is None or not digest.drift["lines"]:
        return None
    names: dict[object, str] = dict(topic_names.items())
    lines = tuple(change_headline(line, names, wording) for line in digest.drift["lines"])
    return Section(wording.say("digest.drift", period=period_words(digest.drift, wording)), lines)


def _footer(digest: Digest, wording: Wording, name: str) -> tuple[str, ...]:
    looked = [] if digest.found_at is None else [wording.say("digest.found_at", at=wording.minute(digest.found_at))]
    return (*looked, wording.say("digest.why", name=name))


def _lines(waiting: Sequence[WaitingPost], digest: Digest, wording: Wording) -> tuple[str, ...]:
    return tuple(_line(post, digest, wording) for post in waiting[:N_SHOWN])


def _line(post: WaitingPost, digest: Digest, wording: Wording) -> str:
    words = wording.say("quote.deleted")
    if post.words is not None:
        words = wording.say("quoted", words=shortened(" ".join(post.words.split()), N_CHARACTERS))
    waited = wording.duration((digest.as_of - post.since).total_seconds())
    return wording.say("digest.line", words=words, waited=waited)


def _more(entries: Sequence[Any], wording: Wording) -> str | None:
    n_more = len(entries) - N_SHOWN
    return wording.count("digest.more", n_more) if n_more > 0 else None


def _joined(*sentences: str | None) -> str | None:
    return " ".join(sentence for sentence in sentences if sentence is not None) or None
