"""What the community talks about: topics.json in words, and how the topics grew and shrank."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from moderation.corpus import Corpus
from moderation.reports.charts import ChartStyle, TickedAxis, sizes_svg
from moderation.reports.content import Chart, IntervalBar, TopicCard, TopicGroup, TopicLine, TopicSection
from moderation.reports.quotes import Quoter
from moderation.reports.wording import Wording

MAX_CARDS, MAX_LINES, MAX_CHARTED = 8, 120, 8
N_QUOTES = 3
WEEKS_AT_MOST = 26
"""Longer data are counted by the month: more bars than this cannot be told apart on a telephone."""
MIN_PERIODS = 3

Contents = Mapping[str, Any]


def topic_section(
    topics: Contents, quoter: Quoter, *, chart: Chart | None, spaces: Mapping[object, str]
) -> TopicSection:
    """Say each topic with its size and tone, the largest with examples, and why the rest is unsorted.

    Parameters
    ----------
    spaces : the space that most posts of a topic stand in, by topic id; topics of posts without spaces are left out.
    """
    wording, ranked = quoter.wording, by_size(topics)
    smaller = ranked[MAX_CARDS:]
    return TopicSection(
        lead=_lead(topics, wording),
        cards=tuple(_card(topic, quoter, spaces.get(topic["id"])) for topic in ranked[:MAX_CARDS]),
        smaller_heading=_smaller_heading(len(smaller), wording, by_space=bool(spaces)) if smaller else None,
        smaller=_smaller(smaller[:MAX_LINES], spaces, wording),
        more=wording.count("smaller.more", len(smaller) - MAX_LINES) if len(smaller) > MAX_LINES else None,
        unsorted=tuple(unsorted_sentences(topics["unsorted"], wording)),
        chart=chart,
    )


def main_spaces(corpus: Corpus, topic_of: Sequence[Any], quoter: Quoter) -> dict[object, str]:
    """The space that most posts of each topic stand in; of equal ones the first in the alphabet.

    Empty where all posts stand in one space: that would tell nothing.
    """
    counts: dict[object, Counter[str]] = {}
    for row, post in enumerate(corpus.posts):
        if post.space and corpus.visible[row]:
            counts.setdefault(topic_of[row], Counter())[quoter.space_name(post.space)] += 1
    if len({space for count in counts.values() for space in count}) < 2:
        return {}
    return {topic_id: min((-n, space) for space, n in count.items())[1] for topic_id, count in counts.items()}


def by_size(topics: Contents) -> list[Contents]:
    """Topics, the largest first."""
    return sorted(topics["topics"], key=lambda topic: (-topic["size"], topic["id"]))


def topic_anchor(topic_id: object) -> str:
    """Where on the page a topic stands."""
    return f"topic-{topic_id}"


def topic_name(topic: Contents, wording: Wording) -> str:
    """What a topic is called; a topic without telling words is called by its number."""
    return topic["name"] or wording.say("topic.unnamed", id=wording.number(topic["id"]))


def topic_names(topics: Contents, wording: Wording) -> dict[object, str]:
    """The name of each topic by its id."""
    return {topic["id"]: topic_name(topic, wording) for topic in topics["topics"]}


def negative_words(topic: Contents, wording: Wording) -> str:
    """The share of unhappy posts with its interval, or why it is not known."""
    bar = negative_bar(topic)
    if bar is None:
        return wording.say("topic.tone_unknown")
    return wording.say("topic.negative", share=wording.share(bar.share), interval=wording.between(bar.low, bar.high))


def negative_bar(topic: Contents) -> IntervalBar | None:
    """The share of unhappy posts with its interval; None where it is not known."""
    share = topic["negative_share"]
    return None if share is None else IntervalBar(share, *topic["negative_share_interval"])


def unsorted_sentences(unsorted: Contents, wording: Wording) -> list[str]:
    """How many posts belong to no topic, and why."""
    if unsorted["share"] is None:
        return [wording.say("unsorted.no_posts")]
    if not unsorted["count"]:
        return [wording.say("unsorted.none")]
    said = [wording.count("unsorted.share", unsorted["count"], share=wording.share(unsorted["share"]))]
    reasons = sorted(unsorted["reasons"].items(), key=lambda item: (-item[1], item[0]))
    return said + [
        wording.say("unsorted.reason", posts=wording.count("posts", n), why=wording.say(f"unsorted.why.{reason}"))
        for reason, n in reasons
        if n
    ]


def _lead(topics: Contents, wording: Wording) -> str:
    if not topics["topics"]:
        return wording.say("topics.none")
    return wording.count("topics.lead", len(topics["topics"]))


def _card(topic: Contents, quoter: Quoter, space: str | None) -> TopicCard:
    wording = quoter.wording
    return TopicCard(
        anchor=topic_anchor(topic["id"]),
        name=topic_name(topic, wording),
        size=wording.count("topic.size", topic["size"], share=wording.share(topic["share"])),
        space=None if space is None else wording.say("topic.space", space=space),
        terms=_more_terms(topic, wording),
        negative=negative_words(topic, wording),
        bar=negative_bar(topic),
        quotes=quoter.quotes(topic["exemplar_ids"][:N_QUOTES]),
    )


def _more_terms(topic: Contents, wording: Wording) -> str | None:
    """The telling words that the name does not hold already."""
    named = topic["name"].split(", ")
    terms = [term for term in topic["terms"] if term not in named]
    return wording.say("topic.terms", terms=", ".join(terms)) if terms else None


def _smaller(topics: Sequence[Contents], spaces: Mapping[object, str], wording: Wording) -> tuple[TopicGroup, ...]:
    """Topics by the space that most of their posts stand in, look-alikes together; most posts first."""
    by_space: dict[str | None, list[Contents]] = {}
    for topic in topics:
        by_space.setdefault(spaces.get(topic["id"]), []).append(topic)
    ranked = sorted(by_space.items(), key=lambda item: (-sum(topic["size"] for topic in item[1]), item[0] or ""))
    return tuple(
        TopicGroup(
            heading=_group_heading(space, within, wording) if spaces else None,
            lines=tuple(TopicLine(topic_anchor(t["id"]), topic_name(t, wording), _facts(t, wording)) for t in within),
        )
        for space, within in ranked
    )


def _smaller_heading(n_topics: int, wording: Wording, *, by_space: bool) -> str:
    return wording.count("smaller.heading.by_space" if by_space else "smaller.heading", n_topics)


def _group_heading(space: str | None, topics: Sequence[Contents], wording: Wording) -> str:
    posts = wording.count("posts", sum(topic["size"] for topic in topics))
    name = wording.say("smaller.no_space") if space is None else space
    return wording.count("smaller.group", len(topics), space=name, posts=posts)


def _facts(topic: Contents, wording: Wording) -> str:
    share = topic["negative_share"]
    unhappy = wording.say("tone_unknown") if share is None else wording.share(share)
    return wording.count("smaller.facts", topic["size"], unhappy=unhappy)


@dataclass(frozen=True)
class Periods:
    """Calendar weeks or months from the first post to the last.

    Attributes
    ----------
    starts : the day in the community's time zone on which each begins.
    unit : "week" or "month".
    """

    starts: tuple[date, ...]
    unit: str
    timezone: ZoneInfo

    def number_of(self, moment: datetime) -> int:
        """Which period a moment falls in."""
        return bisect_right(self.starts, moment.astimezone(self.timezone).date()) - 1


def calendar_periods(first: datetime, last: datetime, timezone: str) -> Periods:
    """Weeks where 26 of them hold the data, else months."""
    zone = ZoneInfo(timezone)
    start, end = (moment.astimezone(zone).date() for moment in (first, last))
    monday = start - timedelta(days=start.weekday())
    n_weeks = (end - monday).days // 7 + 1
    if n_weeks <= WEEKS_AT_MOST:
        return Periods(tuple(monday + timedelta(weeks=week) for week in range(n_weeks)), "week", zone)
    n_months = (end.year - start.year) * 12 + end.month - start.month + 1
    months = range(start.month - 1, start.month - 1 + n_months)
    return Periods(tuple(date(start.year + month // 12, month % 12 + 1, 1) for month in months), "month", zone)


def sizes_chart(corpus: Corpus, topic_of: Sequence[Any], topics: Contents, wording: Wording) -> Chart | None:
    """Posts per week or month of the largest topics; None where there is nothing to compare over time."""
    shown = by_size(topics)[:MAX_CHARTED]
    if not shown:
        return None
    periods = calendar_periods(corpus.posts[0].created_at, corpus.posts[-1].created_at, wording.timezone)
    if len(periods.starts) < MIN_PERIODS:
        return None
    names = [topic_name(topic, wording) for topic in shown]
    counts = _counts(corpus, topic_of, [topic["id"] for topic in shown], periods)
    title = wording.say(f"chart.sizes.title.{periods.unit}")
    said = " ".join(_size_words(name, each, periods, wording) for name, each in zip(names, counts, strict=True))
    n_periods = len(periods.starts)
    axis = TickedAxis([0, n_periods], [_short(periods, 0, wording), _short(periods, n_periods - 1, wording)])

    def draw(name: str, n_columns: int) -> Markup:
        style = ChartStyle(name, wording.language, f"{title}. {said}")
        return sizes_svg(names, counts, periods=axis, style=style, n_columns=n_columns)

    n_columns = 3 if len(names) in (3, 5, 6) else min(4, len(names))
    return Chart(title, said, draw("sizes-wide", n_columns), draw("sizes-narrow", min(2, len(names))))


def _counts(corpus: Corpus, topic_of: Sequence[Any], topic_ids: Sequence[object], periods: Periods) -> list[list[int]]:
    """Posts of each topic in each period; deleted posts are left out."""
    place = {topic_id: number for number, topic_id in enumerate(topic_ids)}
    counts = [[0] * len(periods.starts) for _ in topic_ids]
    for row, post in enumerate(corpus.posts):
        number = place.get(topic_of[row])
        if number is not None and corpus.visible[row]:
            counts[number][periods.number_of(post.created_at)] += 1
    return counts


def _size_words(name: str, counts: Sequence[int], periods: Periods, wording: Wording) -> str:
    busiest = max(range(len(counts)), key=lambda period: (counts[period], -period))
    start = periods.starts[busiest]
    return wording.say(
        f"chart.sizes.said.{periods.unit}",
        name=name,
        posts=wording.count("posts", sum(counts)),
        period=wording.month(start) if periods.unit == "month" else wording.long_date(start),
        most=wording.number(counts[busiest]),
    )


def _short(periods: Periods, number: int, wording: Wording) -> str:
    start = periods.starts[number]
    return wording.short_month(start) if periods.unit == "month" else wording.short_date(start)
