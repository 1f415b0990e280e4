"""What to do first: at most five actions, each with a number, a reason and the posts it is about."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from moderation.flags import Flag
from moderation.reports.answered_words import HORIZON_SECONDS
from moderation.reports.content import Action, Quote, QuoteGroup
from moderation.reports.quotes import Quoter
from moderation.reports.split_section import about_words, groups_of, proposal_headline
from moderation.reports.topic_section import MAX_CARDS, MAX_LINES, by_size, negative_bar, topic_anchor, topic_name
from moderation.reports.waiting_section import (
    question_quote,
    recent_and_older,
    recent_and_older_questions,
    wait_quote,
    waited_seconds,
)
from moderation.reports.wording import Wording, read_moment

MAX_ACTIONS, N_QUOTES = 5, 5
REASON_ORDER = ("toxic", "spam", "off_purpose", "other_space", "off_thread")
"""What hurts people first: many sure advertisements must not hide one insult."""
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
    """Unhappy posts of the last 14 days without an answer; only where there are none, the older ones."""
    wording = quoter.wording
    recent, older = recent_and_older(times)
    if not recent and not older:
        return None
    late = [episode for episode in recent if waited_seconds(times, episode) > HORIZON_SECONDS["72h"]]
    why = [wording.count("do.waiting.late", len(late))] if late else []
    if older:
        longest = wording.duration(waited_seconds(times, older[-1]))
        why.append(
            wording.count(
                "do.waiting.older.why" if recent else "do.waiting.only_older.why", len(older), longest=longest
            )
        )
    headline = wording.count("do.waiting" if recent else "do.waiting.only_older", len(recent or older))
    quotes = tuple(wait_quote(times, episode, quoter) for episode in (recent or older)[:N_QUOTES])
    why = why or [wording.say("do.waiting.why")]
    return Action(headline, " ".join(why), _examples(quotes, wording), "open", wording.say("do.waiting.more"))


def question_action(times: Contents, quoter: Quoter) -> Action | None:
    """Questions of the last 14 days that nobody answered; only where there are none, the older ones."""
    wording = quoter.wording
    recent, older = recent_and_older_questions(times)
    if not recent and not older:
        return None
    why = [wording.say("do.questions.why")]
    if older:
        longest = wording.duration(older[-1]["waiting_seconds"])
        why.append(
            wording.count(
                "do.questions.older.why" if recent else "do.questions.only_older.why", len(older), longest=longest
            )
        )
    quotes = tuple(question_quote(times, question, quoter) for question in (recent or older)[:N_QUOTES])
    return Action(
        headline=wording.count("do.questions" if recent else "do.questions.only_older", len(recent or older)),
        why=" ".join(why),
        groups=_examples(quotes, wording),
        anchor="questions",
        anchor_words=wording.say("do.questions.more"),
    )


def flag_action(lane: str, flags: Sequence[Sequence[Flag]], quoter: Quoter) -> Action | None:
    """The posts of a lane by reason, what hurts people first; within a reason the surest first."""
    wording = quoter.wording
    flagged = [(row, flag) for row, found in enumerate(flags) for flag in found if flag.lane == lane]
    if not flagged:
        return None
    by_reason = {
        reason: sorted(
            ((row, flag) for row, flag in flagged if flag.reason == reason),
            key=lambda each: (-round(each[1].probability, 6), each[0]),
        )
        for reason in REASON_ORDER
    }
    counted = {reason: wording.count(f"do.flag.{reason}", len(found)) for reason, found in by_reason.items() if found}
    return Action(
        headline=wording.count(f"do.{lane}", len({row for row, _ in flagged})),
        why=wording.say(f"do.{lane}.why", reasons=wording.listed(list(counted.values()))),
        groups=tuple(
            QuoteGroup(
                _group_heading(heading, len(by_reason[reason]), wording), _flag_quotes(by_reason[reason], quoter)
            )
            for reason, heading in counted.items()
        ),
        anchor=None,
        anchor_words=wording.say("do.flags.more"),
    )


def _group_heading(counted: str, n: int, wording: Wording) -> str:
    return counted if n <= N_QUOTES else wording.say("do.flag.some", counted=counted, n_shown=wording.number(N_QUOTES))


def _flag_quotes(flagged: Sequence[tuple[int, Flag]], quoter: Quoter) -> tuple[Quote, ...]:
    wording = quoter.wording
    return tuple(
        quoter.quote_in_thread(
            quoter.corpus.posts[row].id,
            wording.say(f"flag.{flag.reason}", likelihood=wording.likelihood(flag.probability)),
        )
        for row, flag in flagged[:N_QUOTES]
    )


def _examples(quotes: tuple[Quote, ...], wording: Wording) -> tuple[QuoteGroup, ...]:
    """One group for posts of one kind; none where there are no posts."""
    return (QuoteGroup(wording.count("page.examples", len(quotes)), quotes),) if quotes else ()


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
        groups=_examples(tuple(quoter.quote_in_thread(episode["id"]) for episode in newest), wording),
        anchor=topic_anchor(topic["id"]) if topic in by_size(topics)[: MAX_CARDS + MAX_LINES] else "topics",
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
    groups, rest = groups_of(proposal)
    if len(groups) == 1 and rest is not None:
        why = wording.say("do.split.why.one", others=wording.count("members", rest["n_authors"]))
    else:
        described = [
            wording.say(
                "do.split.group",
                members=wording.count("members", group["n_authors"]),
                about=about_words(group, wording),
            )
            for group in groups
        ]
        why = wording.say("do.split.why", groups=wording.listed(described))
    return Action(proposal_headline(proposal, wording), why, (), "splits", wording.say("do.split.more"))
