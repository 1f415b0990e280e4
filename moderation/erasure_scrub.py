"""Takes every trace of a person out of what other rows hold: ids in JSON and lists, names in what people noted down."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

REDACTED: Final = "[…]"


class _Gone:
    """Stands for what has to be taken out."""


GONE: Final = _Gone()

NOT_IDS = frozenset(
    {
        "action",
        "by",
        "censored",
        "channel",
        "event",
        "events",
        "gate",
        "holidays",
        "kind",
        "lane",
        "lanes",
        "language",
        "method",
        "mode",
        "model_version",
        "name",
        "outcome",
        "reason",
        "role",
        "rule",
        "slug",
        "state",
        "status",
        "task",
        "terms",
        "thread_id",
        "thread_ids",
        "timezone",
        "type",
        "who",
        "worked",
    }
)
"""Fields whose texts are words of ours, or ids of threads, which stay while others write in them."""
FREE_TEXT = frozenset({"note", "text", "title", "body", "words", "quote"})
"""Fields in which people write; elsewhere a word that is also somebody's name means something else."""

HOLDS_AUTHORS = re.compile(r"author|member|amplifier|supporter|^staff$|not_asked|left_out|^parts$|^groups$")
IDENTIFIES = frozenset({"id", "post_id", "author_id", "episode_id", "opening_id", "opening_post_id", "cause"})
"""If one of these is gone from an entry or a row, it speaks of nothing any more."""


@dataclass(frozen=True)
class Traces:
    """What to look for.

    Attributes
    ----------
    names : as they stood with the person's posts.
    post_ids : of the person's posts.
    """

    author_id: str
    names: frozenset[str]
    post_ids: frozenset[str]

    def is_trace(self, text: str, field: str) -> bool:
        """Whether a text in a field of that name is the person's id, or that of one of the person's posts."""
        if HOLDS_AUTHORS.search(field):
            return text == self.author_id
        return text in self.post_ids and field not in NOT_IDS

    def clean(self, value: Any, field: str = "") -> Any:
        """A JSON value without any trace; `GONE` where nothing is left that speaks of somebody else.

        Entries of lists are taken out, fields of entries become null.
        """
        if isinstance(value, str):
            if self.is_trace(value, field):
                return GONE
            return self.redact(value) if field in FREE_TEXT else value
        if isinstance(value, Mapping):
            return self._clean_entry(value)
        if isinstance(value, Sequence):
            return [cleaned for each in value if (cleaned := self.clean(each, field)) is not GONE]
        return value

    def _clean_entry(self, entry: Mapping[str, Any]) -> Any:
        cleaned: dict[str, Any] = {}
        for name, value in entry.items():
            found = self.clean(value, name)
            if found is GONE and name in IDENTIFIES:
                return GONE
            cleaned[name] = None if found is GONE else found
        return cleaned

    def redact(self, text: str) -> str:
        """What a person wrote or named, without the names and the author id."""
        return self._pattern.sub(REDACTED, text) if self._pattern is not None else text

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        known = {name.strip() for name in self.names if len(name.strip()) > 1}
        # A bare number is somebody's id in one place and a count in the next.
        known |= {self.author_id} if not self.author_id.isdigit() and len(self.author_id) > 1 else set()
        if not known:
            return None
        longest_first = sorted(known, key=lambda name: (-len(name), name))
        return re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(name) for name in longest_first)})(?!\w)", re.IGNORECASE)
