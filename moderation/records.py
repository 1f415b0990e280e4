"""One record of an export, or one body of the ingest API, checked and turned into a `Post`.

What makes a record useless refuses it (`RecordRefused`); what can be read without it is repaired and named, so that
it can be counted.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, cast, get_args

from moderation.errors import RecordRefused
from moderation.posts import Kind, Post, Role

Repair = Literal[
    "nul_removed",  # NUL characters taken out of a text
    "surrogate_replaced",  # half a character pair, which cannot be stored, became the replacement character
    "number_as_text",  # an optional id or name was a number
    "field_ignored",  # an optional field was of the wrong type
    "role_unknown",  # became "member"
]

# Beyond what a database column or an array of counts holds.
_MAX_LIKES = 2**31 - 1
_LEAP_SECOND = re.compile(r"(?<=:\d\d):60(?=\D|$)")
_TIME_FORM = 'write it as "2024-05-01T09:30:00+02:00"'
_MISSING = "is missing"


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A post and what had to be put right to read it, each repair at most once."""

    post: Post
    repairs: frozenset[Repair]


def read_record(record: object, *, latest_at: datetime, staff: Collection[str] = frozenset()) -> ReadRecord:
    """Check one record of the import format and make it a post.

    Parameters
    ----------
    record : as it came out of JSON; unknown keys are ignored.
    latest_at : times after this one are refused (a clock that is wrong would move the end of the data).
    staff : author ids whose posts are the organisation's, whatever their role says.

    Raises
    ------
    RecordRefused
        Not an object, private, a required field missing or of the wrong type, a time that cannot be used.
    """
    if not isinstance(record, Mapping):
        raise RecordRefused(None, "is not a JSON object")
    fields = _Fields(record, latest_at)
    kind = fields.kind()
    post_id, thread_id, created_at = fields.identity("id"), fields.identity("thread_id"), fields.required_time()
    text, is_html = fields.body()
    author_id = fields.text("author_id")
    post = Post(
        id=post_id,
        thread_id=thread_id,
        created_at=created_at,
        text=text,
        is_html=is_html,
        parent_id=fields.text("parent_id"),
        space=fields.text("space"),
        author_id=author_id,
        author_name=fields.text("author_name"),
        role="staff" if author_id is not None and author_id in staff else fields.role(),
        updated_at=fields.time("updated_at"),
        deleted_at=fields.time("deleted_at"),
        title=fields.text("title"),
        likes=fields.likes(),
        language=fields.text("language"),
        accepted=fields.accepted(),
        locked_at=fields.time("locked_at"),
        kind=kind,
    )
    return ReadRecord(post, frozenset(fields.repairs))


def parse_time(text: str) -> datetime | None:
    """Read an RFC 3339 time as UTC; None if it is none. A time without an offset comes back without a zone."""
    try:
        moment = datetime.fromisoformat(_LEAP_SECOND.sub(":59", text.strip().upper()))
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment
    except (ValueError, OverflowError):
        return None


@dataclass(slots=True)
class _Fields:
    """Reads the fields of one record and remembers what it had to repair."""

    record: Mapping[str, object]
    latest_at: datetime
    repairs: set[Repair] = field(default_factory=set)

    def identity(self, name: str) -> str:
        found = self.record.get(name)
        if found is None or found == "":
            raise RecordRefused(name, _MISSING)
        if not isinstance(found, str):
            raise RecordRefused(name, f"must be text, not {_type_name(found)}")
        # Two ids that differ in half a character only would become one.
        if not _is_storable(found):
            raise RecordRefused(name, "holds half a character pair (a lone surrogate)")
        cleaned = self._clean(found)
        if not cleaned:
            raise RecordRefused(name, _MISSING)
        return cleaned

    def body(self) -> tuple[str, bool]:
        """The text and whether it is HTML."""
        name = "html" if self.record.get("text") is None and self.record.get("html") is not None else "text"
        found = self.record.get(name)
        if found is None:
            raise RecordRefused(name, _MISSING)
        if not isinstance(found, str):
            raise RecordRefused(name, f"must be text, not {_type_name(found)}")
        return self._clean(found), name == "html"

    def kind(self) -> Kind:
        found = self.record.get("kind")
        if found == "private":
            raise RecordRefused("kind", "private posts are never read")
        if found is None:
            return "post"
        if found not in get_args(Kind):
            # Not guessed: a kind that we do not know may be one that must not be read.
            raise RecordRefused("kind", f"must be one of {', '.join(get_args(Kind))}")
        return cast(Kind, found)

    def role(self) -> Role:
        found = self.record.get("role")
        if found is None or found in get_args(Role):
            return cast(Role, found or "member")
        self.repairs.add("role_unknown")
        return "member"

    def required_time(self) -> datetime:
        moment = self.time("created_at")
        if moment is None:
            raise RecordRefused("created_at", _MISSING)
        return moment

    def time(self, name: str) -> datetime | None:
        found = self.record.get(name)
        if found is None or found == "":
            return None
        if not isinstance(found, str):
            raise RecordRefused(name, f"must be text, not {_type_name(found)}; {_TIME_FORM}")
        moment = parse_time(found)
        if moment is None:
            raise RecordRefused(name, f"is not a time; {_TIME_FORM}")
        if moment.tzinfo is None:
            raise RecordRefused(name, f"has no zone offset; {_TIME_FORM}")
        if moment > self.latest_at:
            raise RecordRefused(name, "is more than a day ahead")
        return moment

    def text(self, name: str) -> str | None:
        found = self.record.get(name)
        if found is None:
            return None
        if isinstance(found, str):
            return self._clean(found) or None
        if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 2**63:
            self.repairs.add("number_as_text")
            return str(found)
        self.repairs.add("field_ignored")
        return None

    def likes(self) -> int:
        found = self.record.get("likes")
        if found is None:
            return 0
        is_count = isinstance(found, int | float) and not isinstance(found, bool) and abs(found) <= _MAX_LIKES
        if is_count and found == int(cast(float, found)):
            return int(cast(float, found))
        self.repairs.add("field_ignored")
        return 0

    def accepted(self) -> bool:
        found = self.record.get("accepted")
        if found is not None and not isinstance(found, bool):
            self.repairs.add("field_ignored")
            return False
        return bool(found)

    def _clean(self, text: str) -> str:
        if "\0" in text:
            self.repairs.add("nul_removed")
            text = text.replace("\0", "")
        if not _is_storable(text):
            self.repairs.add("surrogate_replaced")
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text


def _is_storable(text: str) -> bool:
    """Whether it can be written as UTF-8: JSON escapes can name half a character pair, UTF-8 cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _type_name(found: object) -> str:
    if isinstance(found, bool):
        return "true or false"
    if isinstance(found, int | float):
        return "a number"
    return "a list" if isinstance(found, list) else "an object"
