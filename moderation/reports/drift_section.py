"""What changed: drift.json in words."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from moderation.reports.content import Change, DriftSection
from moderation.reports.quotes import Quoter
from moderation.reports.wording import Wording, read_moment

SIGNIFICANT_P = 0.05
MONTHS_OF_A_QUARTER = 3
TURNS = ("topic_turn", "word_turn")
ENDED_SHARE = 0.005
"""Below this share of the posts nobody would say that something still goes on."""

Contents = Mapping[str, Any]


def drift_section(drift: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> DriftSection:
    """Say each change, or that nothing changed and why that can be said."""
    changes = tuple(_change(line, topic_names, quoter) for line in drift["lines"])
    return DriftSection(drift_lead(drift, quoter.wording), changes, drift_notes(drift, quoter.wording))


def drift_lead(drift: Contents, wording: Wording) -> str:
    """How much changed since when, or that nothing did, or that there is too little to compare."""
    if len(drift["periods"]) == 0:
        return wording.say("drift.too_few")
    spans = {"period": period_words(drift, wording), "before": _before_words(drift, wording)}
    if not drift["lines"]:
        return wording.say("drift.none", **spans)
    key = "drift.lead.turns" if any(line["kind"] in TURNS for line in drift["lines"]) else "drift.lead"
    return wording.count(key, len(drift["lines"]), **spans)


def period_words(drift: Contents, wording: Wording) -> str:
    """The latest period, as in "in the week of 10 August 2026"."""
    first_day = date.fromisoformat(drift["periods"][-1]["first_day"])
    return wording.say(
        f"drift.period.{drift['unit']}",
        day=wording.long_date(first_day),
        month=wording.month(first_day),
        quarter=wording.number((first_day.month - 1) // MONTHS_OF_A_QUARTER + 1),
        year=str(first_day.year),
    )


def change_headline(line: Contents, topic_names: Mapping[object, str], wording: Wording) -> str:
    """What changed, from which share to which."""
    is_of_all = line["kind"] == "negative_share" and line["topic_id"] is None
    kind, way = "negative_share_of_all" if is_of_all else line["kind"], _direction(line)
    return wording.say(
        f"drift.{kind}.{way}",
        topic=topic_names.get(line["topic_id"], ""),
        word=line["word"] or "",
        before=wording.share(line["from"]),
        now=wording.share(line["to"]),
        since=wording.say("drift.since", day=wording.day(read_moment(line["since"]))),
    )


def _direction(line: Contents) -> str:
    if line["to"] >= line["from"]:
        return "up"
    return "ended" if line["kind"] in TURNS and line["to"] < ENDED_SHARE else "down"


def _change(line: Contents, topic_names: Mapping[object, str], quoter: Quoter) -> Change:
    headline = change_headline(line, topic_names, quoter.wording)
    return Change(headline, change_details(line, quoter.wording), quoter.quotes(line["exemplar_ids"]))


def change_details(line: Contents, wording: Wording) -> tuple[str, ...]:
    """How large the change is, how many posts and authors it rests on, and the words that came and went with it."""
    details = [_points(line, wording), _counted(line, wording)]
    if line["kind"] == "topic_share" and line["before_since"] is not None:
        details.append(wording.say("drift.turned", day=wording.day(read_moment(line["since"]))))
    if line["kind"] == "word_turn":
        together = [wording.say("quoted", words=word) for words in line["words"].values() for word in words]
        details += [wording.say("drift.words.together", words=wording.listed(together))] if together else []
    elif line["words"] is not None:
        details += [
            wording.say(f"drift.words.{way}", words=wording.listed([wording.say("quoted", words=w) for w in words]))
            for way, words in line["words"].items()
            if words
        ]
    return tuple(details)


def _points(line: Contents, wording: Wording) -> str:
    """The size of the change with its interval, in percentage points, without a sign where both ends agree."""
    moved = 100 * (line["to"] - line["from"])
    ends = [100 * bound for bound in line["interval"]]
    if ends[1] <= 0:
        ends = [-ends[1], -ends[0]]
    decimals = 1 if abs(moved) < 10 else 0
    low, high = (wording.number(end, decimals=decimals) for end in ends)
    return wording.say("drift.points", points=wording.number(abs(moved), decimals=decimals), low=low, high=high)


def _counted(line: Contents, wording: Wording) -> str:
    """The posts that show the change; where something became rarer those are the ones from before."""
    posts, since = wording.count("posts", line["n_posts"]), line["posts_from"]
    if line["n_authors"] is None:
        return wording.say(f"drift.posts.{since}", posts=posts)
    return wording.count(f"drift.posts_and_authors.{since}", line["n_authors"], posts=posts)


def _before_words(drift: Contents, wording: Wording) -> str:
    return wording.count(f"drift.before.{drift['unit']}", len(drift["periods"]) - 1)


def drift_notes(drift: Contents, wording: Wording) -> tuple[str, ...]:
    """What to keep in mind with the changes; nothing where nothing was compared."""
    if len(drift["periods"]) == 0:
        return ()
    notes = []
    if drift["periods"][-1]["is_partial"]:
        notes.append(wording.say("drift.partial"))
    if drift["divergence"]:
        whole = "differs" if drift["divergence"][-1]["p"] < SIGNIFICANT_P else "same"
        notes.append(wording.say(f"drift.mixture.{whole}.{'changes' if drift['lines'] else 'no_changes'}"))
    coverage = drift["coverage"]
    if coverage["n_posts"]:
        notes.append(
            wording.count(
                "drift.coverage",
                coverage["n_posts"],
                scored=wording.share(coverage["scored_share"]),
                sorted=wording.share(coverage["sorted_share"]),
            )
        )
    return (*notes, wording.say("drift.meaning"))
