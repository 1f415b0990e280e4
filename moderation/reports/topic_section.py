"""What the community talks about: topics.json in words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from moderation.corpus import Corpus
from moderation.reports.content import Chart, IntervalBar, LedgerEntry, TopicCard, TopicGroup, TopicLine, TopicSection
from moderation.reports.quotes import Quoter
from moderation.reports.wording import Wording

MAX_CARDS, MAX_LINES = 8, 120
N_QUOTES = 3

Contents = Mapping[str, Any]


def topic_section(
    topics: Contents,
    quoter: Quoter,
    *,
    chart: Chart | None,
    spaces: Mapping[object, str],
    ledger: tuple[LedgerEntry, ...] = (),
) -> TopicSection:
    """Say each topic with its size and tone, the largest with examples, and why the rest is unsorted.

    Parameters
    ----------
    spaces : the space that most posts of a topic stand in, by topic id; topics of posts without spaces are left out.
    ledger : what became of topics; empty where this is the first look at them.
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
        ledger=ledger,
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
    lead = wording.count("topics.lead", len(topics["topics"]))
    themes = [theme for theme in topics.get("themes", []) if len(theme["topic_ids"]) > 1]
    if not themes:
        return lead
    named = [f"{theme['name']} ({wording.count('posts', theme['size'])})" for theme in themes]
    return f"{lead} {wording.say('topics.themes', themes='; '.join(named))}"


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
