"""What members keep asking and what they wish for: faq.json and ideas.json in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from moderation.reports.content import AskedSection, Gathered, QuoteGroup
from moderation.reports.quotes import Quoter
from moderation.reports.wording import read_moment

N_QUESTIONS, N_IDEAS, N_QUOTES = 10, 10, 5
MIN_SUPPORTERS = 2
"""An idea that nobody joined in with is one of many; the file has them all."""

Contents = Mapping[str, Any]


def asked_section(faq: Contents, ideas: Contents, quoter: Quoter) -> AskedSection:
    """Say which questions return, with their answers, and which ideas several people are behind."""
    wording = quoter.wording
    questions = faq["questions"]
    supported = [idea for idea in ideas["ideas"] if idea["n_supporters"] >= MIN_SUPPORTERS]
    n_read = wording.count("asked.read", faq["n_questions_read"])
    none = wording.say("asked.none", read=n_read)
    return AskedSection(
        lead=wording.count("asked.lead", len(questions), read=n_read) if questions else none,
        questions=tuple(_question(question, quoter) for question in questions[:N_QUESTIONS]),
        ideas_lead=_ideas_lead(ideas["ideas"], supported, quoter),
        ideas=tuple(_idea(idea, quoter) for idea in supported[:N_IDEAS]),
    )


def _question(question: Contents, quoter: Quoter) -> Gathered:
    wording = quoter.wording
    asked = wording.count("asked.by", question["n_authors"], days=_days(question, quoter))
    answered = wording.count("asked.answered", question["n_answered"], asked=wording.number(question["n_posts"]))
    answers = [quoter.quote(answer["post_id"], _why_best(answer, quoter)) for answer in question["answers"]]
    groups = [_group("asked.questions", question["post_ids"], quoter)]
    if answers:
        groups.append(QuoteGroup(wording.count("asked.answers", len(answers)), tuple(answers)))
    return Gathered(_headline(question, quoter), (asked, answered), tuple(groups))


def _why_best(answer: Contents, quoter: Quoter) -> str | None:
    """What speaks for an answer; None = only that it is one."""
    wording = quoter.wording
    said = [wording.say("asked.accepted")] if answer["accepted"] else []
    if answer["likes"]:
        said.append(wording.count("asked.likes", answer["likes"]))
    if answer["asker_gave_thanks"]:
        said.append(wording.say("asked.thanks"))
    return wording.listed(said) if said else None


def _idea(idea: Contents, quoter: Quoter) -> Gathered:
    wording = quoter.wording
    details = [wording.count("ideas.supporters", idea["n_supporters"], days=_days(idea, quoter))]
    if idea["n_likes"]:
        details.append(wording.count("ideas.likes", idea["n_likes"]))
    groups = [_group("ideas.posts", idea["post_ids"], quoter)]
    if idea["agreeing_post_ids"]:
        groups.append(_group("ideas.agreeing", idea["agreeing_post_ids"], quoter))
    return Gathered(_headline(idea, quoter), tuple(details), tuple(groups))


def _ideas_lead(ideas: Sequence[Contents], supported: Sequence[Contents], quoter: Quoter) -> str:
    wording = quoter.wording
    if not ideas:
        return wording.say("ideas.none")
    supported_words = wording.number(len(supported))
    return wording.count("ideas.lead", len(ideas), supported=supported_words)


def _headline(entry: Contents, quoter: Quoter) -> str:
    quote = quoter.quote(entry["typical_post_id"])
    return quoter.wording.say("quoted", words=quote.title or quote.words)


def _days(entry: Contents, quoter: Quoter) -> str:
    return quoter.wording.days(read_moment(entry["first_at"]), read_moment(entry["last_at"]))


def _group(key: str, post_ids: Sequence[str], quoter: Quoter) -> QuoteGroup:
    return QuoteGroup(quoter.wording.count(key, len(post_ids)), quoter.quotes(post_ids[-N_QUOTES:]))
