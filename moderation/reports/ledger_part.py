"""What became of the topics at each refit: the ledger in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from moderation.reports.content import LedgerEntry, LedgerLine
from moderation.reports.wording import Wording
from moderation.tables import TopicEventRow
from moderation.topic_history import Ledger
from topics.ledger import UNSORTED


def ledger_entries(ledger: Ledger, names: Mapping[Any, str], wording: Wording) -> tuple[LedgerEntry, ...]:
    """What changed at each moment, the newest first; both sides of a split or a merge are told in one line.

    Parameters
    ----------
    names : what the topics are called now; those that are gone are called as they were.
    """
    entries = []
    for happened_at, events in groupby(ledger.events, key=lambda event: event.happened_at):
        at_once = sorted(events, key=lambda event: event.topic_id)
        heading = wording.minute(happened_at)
        if happened_at == ledger.first_at and all(event.kind == "new" for event in at_once):
            entries.append(LedgerEntry(heading, (), wording.count("ledger.first", len(at_once))))
            continue
        teller = EventTeller({**_last_names(at_once), **names}, wording)
        lines = tuple(LedgerLine(event.topic_id, teller.tell(event)) for event in _told_once(at_once))
        n_kept = ledger.n_kept.get(happened_at, 0)
        entries.append(LedgerEntry(heading, lines, wording.count("ledger.kept", n_kept) if n_kept else None))
    return tuple(entries)


@dataclass(frozen=True)
class EventTeller:
    """Says what became of one topic.

    Attributes
    ----------
    names : of the topics that events speak of; one without a name is called by its number.
    """

    names: Mapping[Any, str]
    wording: Wording

    def tell(self, event: TopicEventRow) -> str:
        """One sentence, with the posts that moved."""
        if event.kind == "split":
            return self._split(event) if event.n_posts_before else self._say("split_off", event)
        if event.kind == "merged":
            return self._took_in(event) if event.n_posts_after else self._say("went_on", event)
        if event.kind == "retired" and event.went_to:
            return self._say("retired", event, moved=self._moved(event, None))
        if event.kind == "new":
            return " ".join([self._say("new", event), *self._were_unsorted(event)])
        return self._say("retired_bare" if event.kind == "retired" else event.kind, event)

    def _split(self, event: TopicEventRow) -> str:
        return self._say("split", event, moved=self._moved(event, event.other_ids))

    def _took_in(self, event: TopicEventRow) -> str:
        n_moved = sum(flow["n_posts"] for flow in event.came_from if flow["topic_id"] in event.other_ids)
        return self._say("took_in", event, moved=self.wording.count("ledger.came_over", n_moved))

    def _were_unsorted(self, event: TopicEventRow) -> list[str]:
        n_unsorted = sum(flow["n_posts"] for flow in event.came_from if flow["topic_id"] == UNSORTED)
        return [self.wording.count("ledger.were_unsorted", n_unsorted)] if n_unsorted else []

    def _moved(self, event: TopicEventRow, wanted: Sequence[int] | None) -> str:
        """Where posts of a topic went, most first; None = anywhere."""
        flows = [flow for flow in event.went_to if wanted is None or flow["topic_id"] in wanted]
        return self.wording.listed([self._flow(flow) for flow in flows])

    def _flow(self, flow: Mapping[str, Any]) -> str:
        if flow["topic_id"] == UNSORTED:
            return self.wording.count("ledger.moved.unsorted", flow["n_posts"])
        return self.wording.count("ledger.moved", flow["n_posts"], other=self._called(flow["topic_id"]))

    def _say(self, kind: str, event: TopicEventRow, *, moved: str = "") -> str:
        return self.wording.say(
            f"ledger.{kind}",
            topic=self._named("topic", event.topic_id, event.name or event.name_before),
            before=event.name_before or "",
            n_before=self.wording.count("posts", event.n_posts_before),
            n_after=self.wording.count("posts", event.n_posts_after),
            others=self.wording.listed([self._called(other) for other in event.other_ids]),
            moved=moved,
        )

    def _called(self, topic_id: int) -> str:
        """A topic inside a sentence."""
        return self._named("inside", topic_id, self.names.get(topic_id))

    def _named(self, place: str, topic_id: int, name: str | None) -> str:
        # A number and not an amount: no thousands are marked.
        return self.wording.say(
            f"ledger.{place}" if name else f"ledger.{place}_unnamed", id=str(topic_id), name=name or ""
        )


def _last_names(events: Sequence[TopicEventRow]) -> dict[int, str]:
    found = {event.topic_id: event.name or event.name_before for event in events}
    return {topic_id: name for topic_id, name in found.items() if name}


def _told_once(events: Sequence[TopicEventRow]) -> Iterator[TopicEventRow]:
    """Without the new part of a split and the end of a merge where the other topic's line tells it."""
    told = {(event.kind, other) for event in events if _is_told_from(event) for other in event.other_ids}
    return (event for event in events if _is_told_from(event) or (event.kind, event.topic_id) not in told)


def _is_told_from(event: TopicEventRow) -> bool:
    """Whether this is the topic that lost a part, or that took another one in."""
    return (event.kind == "split" and event.n_posts_before > 0) or (event.kind == "merged" and event.n_posts_after > 0)
