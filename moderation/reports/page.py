"""Writes report.html: one page for the people who run a community, in their language, with nothing to load."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from moderation.pipeline import Analysis
from moderation.reports.asked_section import asked_section
from moderation.reports.content import KeyFigure, Page
from moderation.reports.coverage_section import can_tell, coverage_section
from moderation.reports.drift_section import drift_section
from moderation.reports.emergence_section import emergence_section
from moderation.reports.first_steps import first_steps
from moderation.reports.history_chart import history_chart
from moderation.reports.ledger_part import ledger_entries
from moderation.reports.member_section import member_section
from moderation.reports.quotes import Quoter
from moderation.reports.root_cause_section import root_cause_section
from moderation.reports.split_section import split_section
from moderation.reports.topic_section import main_spaces, topic_names, topic_section
from moderation.reports.waiting_section import recent_and_older, recent_and_older_questions, waiting_section
from moderation.reports.wording import REPORT_LANGUAGES, Wording
from moderation.topic_history import NO_LEDGER, Ledger

__all__ = ["REPORT_LANGUAGES", "page", "page_of", "render", "write_page"]

_TEMPLATES = Environment(
    loader=PackageLoader("moderation.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

Contents = Mapping[str, Any]


def write_page(analysis: Analysis, run: Mapping[str, Any], path: Path, *, language: str) -> None:
    """Write the report of an analysis.

    Parameters
    ----------
    run : the contents of run.json; its seconds are not shown.
    language : one of `REPORT_LANGUAGES`.
    """
    path.write_text(page(analysis, run, language=language), encoding="utf-8")


def page(analysis: Analysis, run: Mapping[str, Any], *, language: str, ledger: Ledger = NO_LEDGER) -> str:
    """The report of an analysis as HTML; parameters as for `write_page`.

    Parameters
    ----------
    ledger : what became of topics at this look at them and at earlier ones.
    """
    wording = Wording(language, analysis.community.timezone)
    return render(page_of(analysis, run, wording, ledger=ledger), wording)


def page_of(analysis: Analysis, run: Mapping[str, Any], wording: Wording, *, ledger: Ledger = NO_LEDGER) -> Page:
    """Everything that the page says of an analysis."""
    corpus, times, topics = analysis.corpus, analysis.response_times, analysis.topics
    quoter = Quoter(corpus, wording, {space.slug: space.name for space in analysis.community.spaces})
    topic_of = analysis.topics_of_rows.topic_of.tolist()
    names = topic_names(topics, wording)
    recognises = can_tell(corpus, "negative_wom")
    actions = first_steps(times=times, topics=topics, splits=analysis.splits, flags=analysis.flags, quoter=quoter)
    chart = history_chart(analysis.drift["history"], names, wording)
    return Page(
        title=_title(analysis.community.name, wording),
        subtitle=_subtitle(analysis, wording),
        key_figures=key_figures(times, topics, wording, can_tell=recognises),
        actions=actions,
        actions_lead=_actions_lead(len(actions), wording, can_tell=recognises),
        topics=topic_section(
            topics,
            quoter,
            chart=chart,
            spaces=main_spaces(corpus, topic_of, quoter),
            ledger=ledger_entries(ledger, names, wording),
        ),
        drift=drift_section(analysis.drift, names, quoter),
        emergence=emergence_section(analysis.drift["emerging"], names, quoter),
        root_causes=root_cause_section(analysis.drift["root_causes"], names, quoter),
        waiting=waiting_section(times, quoter, can_tell=recognises),
        splits=split_section(analysis.splits, names, quoter),
        members=member_section(analysis.members, quoter),
        asked=asked_section(analysis.faq, analysis.ideas, quoter),
        coverage=coverage_section(
            run, corpus, analysis.relevance, limits=_community_limits(analysis, wording), wording=wording
        ),
    )


def render(content: Page, wording: Wording) -> str:
    """The page as HTML; whatever members wrote is escaped."""
    template = _TEMPLATES.get_template("report.html.j2")
    return template.render(page=content, language=wording.language, say=wording.say, count=wording.count)


def key_figures(times: Contents, topics: Contents, wording: Wording, *, can_tell: bool) -> tuple[KeyFigure, ...]:
    """The figures at the top of the page; what is not known is left out."""
    figures = []
    if can_tell:
        figures.append(_recent("waiting", recent_and_older(times), wording))
    median = times["clocks"]["any"]["median_seconds"]
    if median is not None:
        figures.append(KeyFigure(wording.duration(median), wording.say("key.median")))
    if times["corrected"]["share"] is not None:
        figures.append(KeyFigure(wording.share(times["corrected"]["share"]), wording.say("key.corrected")))
    figures.append(_recent("questions", recent_and_older_questions(times), wording))
    if topics["topics"]:
        figures.append(_counted("key.topics", len(topics["topics"]), wording))
    return tuple(figures)


def _recent(what: str, waiting: tuple[Sequence[Contents], Sequence[Contents]], wording: Wording) -> KeyFigure:
    """How many of the last 14 days wait, and how many older ones beside them."""
    n_recent, n_older = map(len, waiting)
    meaning = wording.count(f"key.{what}", n_recent)
    if n_older:
        meaning += " " + wording.count("key.older", n_older)
    return KeyFigure(wording.number(n_recent), meaning)


def _counted(key: str, n: int, wording: Wording) -> KeyFigure:
    return KeyFigure(wording.number(n), wording.count(key, n))


def _title(name: str, wording: Wording) -> str:
    return wording.say("page.title", name=name) if name else wording.say("page.title.unnamed")


def _subtitle(analysis: Analysis, wording: Wording) -> str:
    posts = analysis.corpus.posts
    posts_words = wording.count("posts", len(posts))
    if not posts:
        return posts_words
    return wording.say(
        "page.subtitle",
        posts=posts_words,
        threads=wording.count("threads", len(analysis.corpus.threads)),
        days=wording.days(posts[0].created_at, posts[-1].created_at),
    )


def _actions_lead(n_actions: int, wording: Wording, *, can_tell: bool) -> str:
    if n_actions:
        return wording.count("do.lead", n_actions)
    return wording.say("do.nothing" if can_tell else "do.nothing.unsure")


def _community_limits(analysis: Analysis, wording: Wording) -> list[str]:
    """What the community did not tell us, and what follows from that."""
    community = analysis.community
    missing = {
        "limits.no_purpose": not community.purpose,
        "limits.no_outside": analysis.response_times["outside"] is None,
        "limits.no_opening_hours": not community.opening_hours,
        "limits.no_staff": not any(post.role == "staff" for post in analysis.corpus.posts),
    }
    end = wording.minute(analysis.export.end_at)
    return [wording.say(key) for key, is_missing in missing.items() if is_missing] + [
        wording.say("limits.end", end=end)
    ]
