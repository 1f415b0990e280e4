"""Which column of a CSV file holds which field of a post."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields

from moderation.errors import ExportUnreadable, RecordRefused
from moderation.posts import Post

RECORD_FIELDS = (*(field.name for field in fields(Post) if field.name != "is_html"), "html")
_REQUIRED = ("id", "thread_id", "created_at", "text")

# Names that exports use, most certain first; the field's own name comes before them.
_USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("post_id", "message_id", "comment_id", "review_id"),
    "thread_id": ("topic_id", "conversation_id", "discussion_id", "ticket_id", "thread"),
    "parent_id": ("reply_to_id", "in_reply_to_id", "in_reply_to", "reply_to", "parent"),
    "space": ("category", "board", "forum", "subforum", "categorie"),
    "author_id": ("user_id", "member_id", "author", "user", "username", "auteur"),
    "author_name": ("display_name", "username", "name", "naam"),
    "created_at": ("created", "posted_at", "published_at", "date", "datetime", "timestamp", "time", "datum"),
    "updated_at": ("updated", "edited_at", "modified_at"),
    "title": ("subject", "headline", "titel", "onderwerp"),
    "text": ("body", "content", "message", "comment", "review", "raw", "tekst", "bericht"),
    "html": ("cooked", "body_html", "content_html"),
    "likes": ("like_count", "n_likes"),
    "language": ("lang", "locale", "taal"),
    "accepted": ("is_solution", "is_accepted", "solution"),
    "locked_at": ("closed_at",),
}
_YES = frozenset({"true", "1", "yes", "ja", "t", "y"})


def delimiter_of(header_line: str) -> str:
    """The sign that most often parts the cells of the header."""
    return max(",;\t|", key=header_line.count)


def is_header(line: bytes, columns: Mapping[str, str] | None) -> bool:
    """Whether a line names at least two columns that hold a field of a post."""
    text = line.decode("utf-8", "replace")
    cells = [cell.strip().strip('"') for cell in text.split(delimiter_of(text))]
    usual = {name for field in RECORD_FIELDS for name in (field, *_USUAL_NAMES.get(field, ()))}
    return sum(_normal(cell) in usual or cell in (columns or {}).values() for cell in cells) >= 2


def _normal(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def match_columns(header: Sequence[str], columns: Mapping[str, str] | None, *, file: str) -> dict[str, int]:
    """Find the column of each record field that the file has.

    Parameters
    ----------
    columns : column name by record field; fields that are not in it are guessed from the usual names.

    Raises
    ------
    ExportUnreadable
        A field or column that does not exist was named, or a field that every post needs has no column.
    """
    named = {name.strip(): index for index, name in reversed(list(enumerate(header)))}
    column_of = {field: _named_column(field, name, named, file=file) for field, name in (columns or {}).items()}
    normal = {_normal(name): index for name, index in named.items()}
    for field in RECORD_FIELDS:
        guesses = (name for name in (field, *_USUAL_NAMES.get(field, ())) if name in normal)
        guess = next(guesses, None)
        if field not in column_of and guess is not None:
            column_of[field] = normal[guess]
    for field in _REQUIRED:
        if field not in column_of and not (field == "text" and "html" in column_of):
            raise ExportUnreadable(
                f"{file} has no column for {field}; name the one that holds it ({field}=COLUMN) out of {_listed(named)}"
            )
    return column_of


def csv_record(
    row: Sequence[str], column_of: Mapping[str, int], *, n_columns: int
) -> dict[str, object] | RecordRefused:
    """Make a record of one row, with empty cells as null; a row that cannot be one comes back as its refusal."""
    if len(row) != n_columns:
        return RecordRefused(None, f"has {len(row)} cells where the header has {n_columns}")
    cells = {field: row[column] for field, column in column_of.items()}
    if any(_holds_bad_bytes(cell) for cell in cells.values()):
        return RecordRefused(None, "is not valid UTF-8")
    record: dict[str, object] = {field: cell or None for field, cell in cells.items()}
    if "text" in cells and not cells.get("html"):
        record["text"] = cells["text"]
    if cells.get("likes"):
        record["likes"] = _number(cells["likes"])
    if cells.get("accepted"):
        record["accepted"] = cells["accepted"].strip().casefold() in _YES
    return record


def _named_column(field: str, name: str, named: Mapping[str, int], *, file: str) -> int:
    if field not in RECORD_FIELDS:
        nearest = difflib.get_close_matches(field, RECORD_FIELDS, n=1, cutoff=0.0)[0]
        raise ExportUnreadable(f"a post has no field {field!r}; did you mean {nearest!r}?")
    if name not in named:
        raise ExportUnreadable(f"{file} has no column {name!r} for {field}; its columns are {_listed(named)}")
    return named[name]


def _listed(named: Mapping[str, int]) -> str:
    return ", ".join(sorted(named, key=lambda name: named[name])) or "(none)"


def _holds_bad_bytes(cell: str) -> bool:
    return not cell.isascii() and any("\udc80" <= sign <= "\udcff" for sign in cell)


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell
