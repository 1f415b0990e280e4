"""Decisions and refusals in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from api.pages.texts import Texts
from moderation.decisions import Action
from moderation.errors import (
    ActionNotPossible,
    DecisionAlreadyUndone,
    DecisionNotNewest,
    DecisionRefused,
    FlagAlreadyDecided,
    FlagClaimed,
    FlagClosed,
    LaneNeeded,
    PostEdited,
)
from moderation.flags import Lane

ACTIONS_OF_LANE: Mapping[Lane, tuple[Action, ...]] = {
    "answer": ("agree", "answered_elsewhere", "disagree", "skip"),
    "placement": ("disagree", "skip"),
    "review": ("recommend_removal", "agree", "disagree", "skip"),
}
"""The buttons of each lane; placing has its own, beside the list of places."""


@dataclass(frozen=True)
class Notice:
    """Why something did not happen, and what to do now.

    Attributes
    ----------
    undo_id : the decision that stands in the way and can be taken back.
    """

    heading: str
    line: str
    undo_id: int | None = None


def action_words(texts: Texts, action: str, lane: str, *, place: str | None = None) -> str:
    """What was decided, in a few words.

    Parameters
    ----------
    place : where the post belongs, by name; None = somewhere new.
    """
    if action == "skip":
        return texts.say("action.done.skip")
    if action == "undo":
        return texts.say("action.done.undo_plain")
    if action == "place":
        return texts.say("action.done.place", place=place or texts.say("place.new_topic").lower())
    key = f"action.done.{action}.{lane}"
    return texts.say(key) if texts.knows(key) else action


def refusal_notice(error: DecisionRefused, texts: Texts, *, lane: str) -> Notice:
    """Why nothing was decided."""
    say, wording = texts.say, texts.wording
    match error:
        case FlagAlreadyDecided():
            what = action_words(texts, error.action, lane)
            line = say("conflict.decided.line", name=error.moderator, at=wording.minute(error.decided_at), what=what)
            return Notice(say("conflict.decided", name=error.moderator), line, undo_id=error.decision_id)
        case FlagClaimed():
            line = say("conflict.claimed.line", name=error.holder, until=time_of_day(error.until, texts))
            return Notice(say("conflict.claimed", name=error.holder), line)
        case PostEdited():
            key = "conflict.waits" if error.flag_id is None else "conflict.edited"
            return Notice(say(key), say(f"{key}.line"))
        case FlagClosed():
            return Notice(
                say("conflict.closed"), say("conflict.closed.line", why=closed_words(texts, error.closed_reason))
            )
        case DecisionAlreadyUndone():
            return Notice(say("conflict.undone"), "")
        case DecisionNotNewest():
            return Notice(say("conflict.not_newest"), "")
        case ActionNotPossible() | LaneNeeded():
            return Notice(say("conflict.not_possible"), say("conflict.not_possible.line"))
        case _:
            return Notice(say("conflict.gone"), "")


def closed_words(texts: Texts, closed_reason: str) -> str:
    """Why the software took an item out of the queue."""
    key = f"closed.{closed_reason}"
    return texts.say(key) if texts.knows(key) else closed_reason


def time_of_day(moment: datetime, texts: Texts) -> str:
    """When a claim ends, which is always within minutes."""
    return moment.astimezone(ZoneInfo(texts.wording.timezone)).strftime("%H:%M")
