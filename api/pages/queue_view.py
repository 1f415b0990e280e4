"""What a moderator sees of an item of the queue: the post, its reasons, the thread around it, and why it is here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from babel import Locale, UnknownLocaleError
from sqlalchemy.orm import Session

from api.pages.passages import Passage, mark_sentences
from api.pages.queue_wording import action_words, closed_words, time_of_day
from api.pages.surroundings import Answers, Handling, Surroundings, read_surroundings
from api.pages.texts import Texts
from moderation.config import Community
from moderation.decided_neighbours import DecidedNeighbour
from moderation.explanations import NO_SENTENCE, NOT_MEASURED, ONE_SENTENCE
from moderation.flag_rows import claim_of
from moderation.html_text import html_text
from moderation.ingest import to_post
from moderation.priority import explain
from moderation.reading import Reading, read_words
from moderation.reports.quotes import shortened
from moderation.reports.wording import read_moment
from moderation.tables import DecisionRow, FlagRow, PostRow

CONTEXT_CHARACTERS = 320
HEADING_CHARACTERS = 90
SENTENCE_CHARACTERS = 160
NO_SENTENCE_KEYS = {
    ONE_SENTENCE: "evidence.one_sentence",
    NO_SENTENCE: "evidence.no_sentence",
    NOT_MEASURED: "evidence.not_weighed",
}


@dataclass(frozen=True)
class Reader:
    """Who looks, at what and when.

    Attributes
    ----------
    topic_names : of the topics that are known now, by id.
    """

    community_id: int
    community: Community
    moderator_id: int
    texts: Texts
    topic_names: Mapping[int, str]
    now: datetime

    def space_name(self, slug: str | None) -> str | None:
        """What a space is called; the slug where the settings do not know it."""
        return next((space.name for space in self.community.spaces if space.slug == slug), slug)

    def topic_words(self, topic_id: int) -> str:
        """What a topic is called; one that is known no more is called by its number."""
        return self.topic_names.get(topic_id) or self.texts.wording.say("topic.unnamed", id=str(topic_id))

    def place_name(self, decision: DecisionRow) -> str | None:
        """Where a decision puts a post; None = somewhere new."""
        if decision.topic_id is not None:
            return self.topic_words(decision.topic_id)
        return self.space_name(decision.space)


@dataclass(frozen=True)
class ShownPost:
    """A post in words.

    Attributes
    ----------
    words : the writer's own, without quotes and title; empty where there are none.
    language : for the page's `lang`; None = not known.
    note : why it is shown; None for the item itself.
    """

    id: str
    author: str
    is_staff: bool
    written: str
    written_at: datetime
    title: str | None
    words: str
    language: str | None
    note: str | None = None


@dataclass(frozen=True)
class ShownReason:
    """Why a post is in a lane; `probability` and `threshold` are in [0, 1], to be drawn."""

    lane: str
    what: str
    probability: float
    threshold: float
    probability_words: str
    threshold_words: str
    evidence: tuple[str, ...]
    examples: tuple[ShownPost, ...]


@dataclass(frozen=True)
class Holder:
    """Who works on an item."""

    name: str
    is_reader: bool
    until: str


@dataclass(frozen=True)
class ShownState:
    """Where an item stands in one lane.

    Attributes
    ----------
    can_decide : a reason of the lane is open, and the text is the one that was judged; who holds it is another matter.
    ended : why nothing can be decided, in sentences; empty where something can.
    """

    flag_id: int
    lane: str
    can_decide: bool
    holder: Holder | None
    ended: tuple[str, ...]

    @property
    def is_held_by_other(self) -> bool:
        """Whether a colleague is working on it."""
        return self.holder is not None and not self.holder.is_reader


@dataclass(frozen=True)
class ShownItem:
    """One item of a lane, ready to be drawn.

    Attributes
    ----------
    heading : the post's title, or what its thread is called; None = neither has one.
    name : what the item is called where it is only spoken of.
    passages : the post's words in parts, those marked that carry the reasons.
    whole : the post as it came, where the writer's own words are less than that; else None.
    links : hosts that the post leads to.
    reasons : of the lane that is looked at; `other_reasons` those of the other lanes. Of an open item the open ones.
    around : the thread's first post and the post that it answers, in that order, where they are others.
    decided : posts that it resembles and that people decided about, the nearest first, with what they decided.
    answers : the next ones after it; `n_more_answers` follow them.
    episode_id : of the complaint that the post opens; None = it opens none.
    """

    flag_id: int
    lane: str
    revision: int
    heading: str | None
    name: str
    post: ShownPost
    space: str | None
    topic: tuple[int, str] | None
    language_name: str | None
    passages: tuple[Passage, ...]
    whole: str | None
    links: tuple[str, ...]
    reasons: tuple[ShownReason, ...]
    other_reasons: tuple[ShownReason, ...]
    decided: tuple[ShownPost, ...]
    around: tuple[ShownPost, ...]
    answers: tuple[ShownPost, ...]
    n_more_answers: int
    why_here: str
    episode_id: str | None
    state: ShownState


def show_items(session: Session, reader: Reader, flags: Sequence[FlagRow], *, lane: str) -> list[ShownItem]:
    """Show items of one lane in the order given, in the same number of queries however many they are."""
    found = read_surroundings(session, reader.community_id, flags, lane=lane)
    return [_show_item(reader, flag, found) for flag in flags]


def show_state(reader: Reader, flag: FlagRow, handling: Handling, *, post_revision: int) -> ShownState:
    """Where an item stands in one lane; `post_revision` is the post's newest."""
    texts, lane = reader.texts, handling.lane
    is_open, is_edited = flag.status == "open" and lane in flag.lanes, post_revision != flag.revision
    ended = []
    if is_open and is_edited:
        ended = [texts.say("item.edited")]
    elif not is_open:
        ended = _decision_lines(reader, flag, handling)
        if not ended:
            ended = [texts.say("item.closed", why=closed_words(texts, flag.closed_reason or "no longer holds"))]
    holder = _holder(reader, flag, handling) if is_open else None
    return ShownState(flag.id, lane, is_open and not is_edited, holder, tuple(ended))


def show_post(row: PostRow, reader: Reader, *, note: str | None = None, n_characters: int | None = None) -> ShownPost:
    """One post in words; of a deleted one nothing is shown but that it was deleted.

    Parameters
    ----------
    n_characters : cut the words there; None = all of them.
    """
    say = reader.texts.wording.say
    title, words = _title_and_words(row, read_words(to_post(row)))
    if row.deleted_at is not None:
        title, words = None, say("quote.deleted")
    elif not words and title is None:
        words = reader.texts.say("post.no_words")
    return ShownPost(
        id=row.id,
        author=author_name(row, reader),
        is_staff=row.role == "staff",
        written=reader.texts.wording.minute(row.created_at),
        written_at=row.created_at,
        title=title,
        words=words if n_characters is None else shortened(words, n_characters),
        language=row.language,
        note=note,
    )


def author_name(row: PostRow, reader: Reader) -> str:
    """How the writer is called."""
    say = reader.texts.wording.say
    if row.author_id is None:
        return say(f"author.unknown_{row.role}")
    name = row.author_name or say("author.id", id=row.author_id)
    return say("author.staff", name=name) if row.role == "staff" else name


def language_name(code: str | None, texts: Texts) -> str:
    """The name of a language, or that it was not recognised; the code where it has no name."""
    if code is None or code == "unknown":
        return texts.wording.say("language.unknown")
    try:
        return str(Locale.parse(texts.language).languages.get(code, code))
    except UnknownLocaleError:
        return code


def _show_item(reader: Reader, flag: FlagRow, found: Surroundings) -> ShownItem:
    row, lane, judgement = found.posts[flag.post_id], found.handling.lane, found.judgements.get(flag.post_id)
    reading, shown, around = read_words(to_post(row)), show_post(row, reader), _around(reader, row, found)
    standing = _standing_reasons(flag)
    words = reading.words if row.revision == flag.revision else None
    reasons = [_show_reason(reader, row, reason, found, words=words) for reason in standing]
    answers = found.answers.get(row.id, Answers())
    topic_id = row.placed_topic_id or (judgement.topic_id if judgement is not None else None)
    heading = _heading(shown, around, reader)
    return ShownItem(
        flag_id=flag.id,
        lane=lane,
        revision=row.revision,
        heading=heading,
        name=heading or reader.texts.say("item.by", name=shown.author),
        post=shown,
        space=reader.space_name(row.space),
        topic=None if topic_id is None else (topic_id, reader.topic_words(topic_id)),
        language_name=None if judgement is None else language_name(judgement.language, reader.texts),
        passages=_passages(shown, words, [reason for reason in standing if reason["lane"] == lane]),
        whole=_whole(row, reading),
        links=reading.link_hosts,
        reasons=tuple(reason for reason in reasons if reason.lane == lane),
        other_reasons=tuple(reason for reason in reasons if reason.lane != lane),
        decided=tuple(_decided(reader, neighbour, found) for neighbour in found.decided.get(flag.id, ())),
        around=around,
        answers=tuple(_in_context(answer, reader) for answer in answers.rows),
        n_more_answers=answers.n_answers - len(answers.rows),
        episode_id=next((each for each in map(_opened_episode, standing) if each is not None), None),
        why_here=explain(flag.priority_parts, now=reader.now, language=reader.texts.language),
        state=show_state(reader, flag, found.handling, post_revision=row.revision),
    )


def _heading(shown: ShownPost, around: Sequence[ShownPost], reader: Reader) -> str | None:
    """The title of a post, or that of the thread it replies in."""
    if shown.title is not None or not around or around[0].title is None:
        return shown.title
    return reader.texts.say("item.in_reply_to", title=shortened(around[0].title, HEADING_CHARACTERS))


def _standing_reasons(flag: FlagRow) -> list[dict[str, Any]]:
    """The open reasons of an open item, and all reasons of one that is dealt with."""
    return [reason for reason in flag.reasons if reason["status"] == "open" or flag.status != "open"]


def _opened_episode(reason: Mapping[str, Any]) -> str | None:
    """The episode that a reason speaks of, where the post opens it."""
    evidence = reason["evidence"]
    return str(evidence["episode"]) if reason["lane"] == "answer" and "first_answer_at" in evidence else None


def _passages(shown: ShownPost, words: str | None, reasons: Sequence[Mapping[str, Any]]) -> tuple[Passage, ...]:
    """The words that are shown, marked where they are the end of those that were judged."""
    if words is None or not words.endswith(shown.words):
        return (Passage(shown.words),)
    return mark_sentences(shown.words, reasons, offset=len(words) - len(shown.words))


def _show_reason(
    reader: Reader, row: PostRow, reason: Mapping[str, Any], found: Surroundings, *, words: str | None
) -> ShownReason:
    texts, resembled = reader.texts, reason["evidence"].get("nearest_posts", ())
    return ShownReason(
        lane=reason["lane"],
        what=texts.say(f"reason.{reason['reason']}"),
        probability=reason["probability"],
        threshold=reason["threshold"],
        probability_words=texts.wording.share(reason["probability"]),
        threshold_words=_threshold_words(reason, texts),
        evidence=(*_evidence_words(row, reason, reader), *_sentence_words(reason, words, reader)),
        examples=tuple(_in_context(found.posts[post_id], reader) for post_id in resembled if post_id in found.posts),
    )


def _threshold_words(reason: Mapping[str, Any], texts: Texts) -> str:
    """What it means that the probability is above the threshold: how often such posts turn out to be so."""
    threshold, evidence = texts.wording.share(reason["threshold"]), reason["evidence"]
    if "threshold_basis" not in evidence:
        return texts.say("threshold.placement", threshold=threshold)
    precision = evidence["precision_at_threshold"]
    if precision is None:
        return texts.say("threshold.unmeasured", threshold=threshold)
    n_right = str(round(precision * 10))
    language = language_name(evidence["language"], texts)
    form = f"threshold.{evidence['threshold_basis']}"
    return texts.say(form, threshold=threshold, right=n_right, language=language)


def _evidence_words(row: PostRow, reason: Mapping[str, Any], reader: Reader) -> Iterable[str]:
    texts, evidence = reader.texts, reason["evidence"]
    if reason["reason"] == "negative_wom":
        yield _episode_words(row, evidence, reader)
    if reason["reason"] == "unanswered_question":
        waited_seconds = max((reader.now - row.created_at).total_seconds(), 0)
        yield texts.say("evidence.question", duration=texts.wording.duration(waited_seconds))
    if reason["reason"] == "off_thread":
        share = texts.wording.share(evidence["share_of_threads_it_fits_better"])
        yield texts.say("evidence.off_thread", share=share)
        if evidence.get("thread_turned_at"):
            yield texts.say("evidence.turned")
    if reason["reason"] == "other_space":
        form = "evidence.other_space" if evidence.get("nearest_posts") else "evidence.other_space_alone"
        yield texts.say(form, space=reader.space_name(evidence["space"]) or evidence["space"])
    if reason["reason"] == "off_purpose" and evidence.get("outcome") == "spam_like":
        yield texts.say("evidence.spam_like")
    if reason["reason"] == "off_purpose" and evidence.get("nearest_posts"):
        yield texts.say("evidence.off_purpose")


def _sentence_words(reason: Mapping[str, Any], words: str | None, reader: Reader) -> Iterable[str]:
    """Which sentence carries a reason most, or why none is named; of a text that was edited since nothing is said."""
    texts, evidence = reader.texts, reason["evidence"]
    if words is None or "sentences" not in evidence:
        return
    if evidence["sentences"] is None:
        yield texts.say(NO_SENTENCE_KEYS[evidence["sentences_reason"]])
        return
    first = evidence["sentences"][0]
    quote = shortened(words[first["begin"] : first["end"]], SENTENCE_CHARACTERS)
    yield texts.say("evidence.sentence", sentence=quote)


def _episode_words(row: PostRow, evidence: Mapping[str, Any], reader: Reader) -> str:
    """Whether the unhappy writer has been answered."""
    texts = reader.texts
    if "first_answer_at" not in evidence:
        return texts.say("evidence.part_of_earlier")
    if evidence["first_answer_at"] is not None:
        return texts.say("evidence.answered", at=texts.wording.minute(read_moment(evidence["first_answer_at"])))
    if evidence["censored"] in ("deleted", "locked"):
        return texts.say(f"evidence.{evidence['censored']}")
    waited_seconds = max((reader.now - row.created_at).total_seconds(), 0)
    return texts.say("evidence.unanswered", duration=texts.wording.duration(waited_seconds))


def _in_context(row: PostRow, reader: Reader, *, note: str | None = None) -> ShownPost:
    """A post that is shown for the sake of another."""
    return show_post(row, reader, note=note, n_characters=CONTEXT_CHARACTERS)


def _decided(reader: Reader, neighbour: DecidedNeighbour, found: Surroundings) -> ShownPost:
    """A decided post with what was decided about it, and when."""
    decision, texts = neighbour.decision, reader.texts
    what = action_words(texts, decision.action, decision.lane, place=reader.place_name(decision))
    note = texts.say("decided.note", what=what, at=texts.wording.minute(decision.decided_at))
    return _in_context(found.posts[decision.post_id], reader, note=note)


def _title_and_words(row: PostRow, reading: Reading) -> tuple[str | None, str]:
    """The title, and the words without it."""
    title = " ".join(row.title.split()) if row.title else None
    return title or None, reading.words.removeprefix(title).strip("\n") if title else reading.words


def _whole(row: PostRow, reading: Reading) -> str | None:
    """The post as it came, as text, where more is in it than the writer's own words."""
    is_reduced = reading.has_quote or reading.has_code or reading.has_image or reading.n_links
    if row.deleted_at is not None or not is_reduced:
        return None
    return html_text(row.text).text.strip() if row.is_html else row.text.strip()


def _around(reader: Reader, row: PostRow, found: Surroundings) -> tuple[ShownPost, ...]:
    """The thread's first post and the one that is answered; one of them where they are the same."""
    first, parent = found.first_posts.get(row.id), found.posts.get(row.parent_id or "")
    if first is None or first.id == row.id:
        return ()
    shown = [_in_context(first, reader, note=reader.texts.say("thread.first"))]
    if parent is not None and parent.id not in (first.id, row.id):
        shown.append(_in_context(parent, reader, note=reader.texts.say("thread.parent")))
    return tuple(shown)


def _holder(reader: Reader, flag: FlagRow, handling: Handling) -> Holder | None:
    """Who holds an item; a claim that has ended is none."""
    name = None if flag.claimed_by is None else handling.holders[flag.claimed_by]
    claim = claim_of(flag, name, reader.now)
    if claim is None:
        return None
    return Holder(claim.holder, claim.moderator_id == reader.moderator_id, time_of_day(claim.until, reader.texts))


def _decision_lines(reader: Reader, flag: FlagRow, handling: Handling) -> list[str]:
    """Who decided what about one lane of an item."""
    return [
        reader.texts.say(
            "item.decided",
            name=name,
            at=reader.texts.wording.minute(decision.decided_at),
            what=action_words(reader.texts, decision.action, handling.lane, place=reader.place_name(decision)),
        )
        for decision, name in handling.decisions.get(flag.id, ())
    ]
