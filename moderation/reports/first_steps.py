"""What to do first: at most five actions, each with a number, a reason and the posts it is about."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from moderation.flags import Flag
from moderation.reports.content import Action, Quote
from moderation.reports.quotes import Quoter
from moderation.reports.split_section import proposal_headline
from moderation.reports.topic_section import MAX_CARDS, by_size, negative_bar, topic_anchor, topic_name
from moderation.reports.waiting_section import (
    HORIZON_SECONDS,
    question_quote,
    questions_to_answer,
    recent_first,
    wait_quote,
    waited_seconds,
)
from moderation.reports.wording import Wording, read_moment

MAX_ACTIONS, N_QUOTES = 5, 5
MIN_EPISODES = 5
MIN_ANSWERED = 3
MIN_SPAN = timedelta(days=14)
"""A topic is a lasting source of discontent from so many negative episodes over so long a time."""
MAX_CORRECTED_SHARE = 0.5
"""Of the episodes that were answered; where more were put right, answering does help."""

Contents = Mapping[str, Any]


def first_steps(
    *, times: Contents, topics: Contents, splits: Contents, flags: Sequence[Sequence[Flag]], quoter: Quoter
) -> tuple[Action, ...]:
    """Rank what needs doing: people who wait, then abuse, then causes, then the order of the community."""
    actions = (
        waiting_action(times, quoter),
        flag_action("review", flags, quoter),
        root_cause_action(times, topics, quoter),
        question_action(times, quoter),
        split_action(splits, quoter.wording),
        flag_action("placement", flags, quoter),
    )
    return tuple(action for action in actions if action is not None)[:MAX_ACTIONS]


def waiting_action(times: Contents, quoter: Quoter) -> Action | None:
    """Unhappy posts without an answer; those that wait more than three days, if there are any."""
    wording, waiting = quoter.wording, recent_first(times)
    if not waiting:
        return None
    late = [episode for episode in waiting if waited_seconds(times, episode) > HORIZON_SECONDS["72h"]]
    headline = wording.count("do.waiting.late" if late else "do.waiting", len(late) or len(waiting))
    longest = max(waited_seconds(times, episode) for episode in waiting)
    why = wording.say("do.waiting.why", longest=wording.duration(longest))
    if late and len(late) < len(waiting):
        why += " " + wording.count("do.waiting.rest", len(waiting) - len(late))
    quotes = tuple(wait_quote(times, episode, quoter) for episode in (late or waiting)[:N_QUOTES])
    return Action(headline, why, quotes, "open", wording.say("do.waiting.more"))


def question_action(times: Contents, quoter: Quoter) -> Action | None:
    """Questions that nobody answered."""
    wording, questions = quoter.wording, questions_to_answer(times)
    if not questions:
        return None
    longest = max(question["waiting_seconds"] for question in questions)
    return Action(
        headline=wording.count("do.questions", len(questions)),
        why=wording.say("do.questions.why", longest=wording.duration(longest)),
        quotes=tuple(question_quote(question, quoter) for question in questions[:N_QUOTES]),
        anchor="questions",
        anchor_words=wording.say("do.questions.more"),
    )


def flag_action(lane: str, flags: Sequence[Sequence[Flag]], quoter: Quoter) -> Action | None:
    """The posts of a lane, the surest first, with the reason of each."""
    wording = quoter.wording
    flagged = [(row, [flag for flag in found if flag.lane == lane]) for row, found in enumerate(flags)]
    flagged = [(row, found) for row, found in flagged if found]
    if not flagged:
        return None
    flagged.sort(key=lambda each: (-max(round(flag.probability, 6) for flag in each[1]), each[0]))
    reasons = sorted({flag.reason for _, found in flagged for flag in found})
    counted = [
        wording.count(f"do.flag.{reason}", sum(any(flag.reason == reason for flag in found) for _, found in flagged))
        for reason in reasons
    ]
    return Action(
        headline=wording.count(f"do.{lane}", len(flagged)),
        why=wording.say(f"do.{lane}.why", reasons=wording.listed(counted)),
        quotes=tuple(_flag_quote(row, found, quoter) for row, found in flagged[:N_QUOTES]),
        anchor=None,
        anchor_words=wording.say("do.flags.more"),
    )


def _flag_quote(row: int, found: Sequence[Flag], quoter: Quoter) -> Quote:
    wording = quoter.wording
    reasons = [
        wording.say("flag.reason", reason=wording.say(f"flag.{flag.reason}"), share=wording.share(flag.probability))
        for flag in found
    ]
    return quoter.quote(quoter.corpus.posts[row].id, wording.listed(reasons))


def root_cause_action(times: Contents, topics: Contents, quoter: Quoter) -> Action | None:
    """The topic that keeps making people unhappy although it is answered: not a matter of answering alone."""
    wording = quoter.wording
    causes = _root_causes(times, topics)
    if not causes:
        return None
    topic, episodes = causes[0]
    answered = _answered(episodes)
    newest = sorted(episodes, key=lambda episode: (episode["started_at"], episode["id"]), reverse=True)[:N_QUOTES]
    return Action(
        headline=wording.count("do.cause", len(episodes), topic=topic_name(topic, wording)),
        why=wording.say(
            "do.cause.why",
            share=wording.share(topic["negative_share"]),
            share_of_all=wording.share(_negative_share_of_all(topics)),
            answered=wording.number(len(answered)),
            corrected=wording.number(_n_corrected(answered)),
        ),
        quotes=quoter.quotes(episode["id"] for episode in newest),
        anchor=topic_anchor(topic["id"]) if topic in by_size(topics)[:MAX_CARDS] else "topics",
        anchor_words=wording.say("do.cause.more"),
    )


def _root_causes(times: Contents, topics: Contents) -> list[tuple[Contents, list[Contents]]]:
    """Topics with lasting discontent and more unhappy posts than the rest, the most episodes first."""
    share_of_all = _negative_share_of_all(topics)
    causes = []
    for topic in topics["topics"]:
        episodes = [episode for episode in times["episodes"] if episode["topic_id"] == topic["id"]]
        bar = negative_bar(topic)
        if bar is not None and bar.low > share_of_all and _is_lasting(episodes):
            causes.append((topic, episodes))
    return sorted(causes, key=lambda cause: (-len(cause[1]), cause[0]["id"]))


def _is_lasting(episodes: Sequence[Contents]) -> bool:
    answered = _answered(episodes)
    if len(episodes) < MIN_EPISODES or len(answered) < MIN_ANSWERED:
        return False
    started = [read_moment(episode["started_at"]) for episode in episodes]
    return max(started) - min(started) >= MIN_SPAN and _n_corrected(answered) < MAX_CORRECTED_SHARE * len(answered)


def _answered(episodes: Sequence[Contents]) -> list[Contents]:
    return [episode for episode in episodes if episode["first_answer_at"] is not None]


def _n_corrected(episodes: Sequence[Contents]) -> int:
    return sum(episode["corrected"] is not None for episode in episodes)


def _negative_share_of_all(topics: Contents) -> float:
    """The share of unhappy posts over all topics of which it is known."""
    known = [topic for topic in topics["topics"] if topic["negative_share"] is not None]
    n_posts = sum(topic["negative_share_n_posts"] for topic in known)
    n_unhappy = sum(topic["negative_share"] * topic["negative_share_n_posts"] for topic in known)
    return float(n_unhappy / n_posts) if n_posts else 1.0


def split_action(splits: Contents, wording: Wording) -> Action | None:
    """The proposal to look at."""
    if not splits["proposals"]:
        return None
    proposal = splits["proposals"][0]
    sizes = [wording.count("members", part["n_authors"]) for part in proposal["parts"]]
    why = wording.say("do.split.why", sizes=wording.listed(sizes))
    return Action(proposal_headline(proposal, wording), why, (), "splits", wording.say("do.split.more"))
