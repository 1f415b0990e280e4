"""Open exports, whatever they are packed in, and give back the records that they hold, one after another.

What a file is, is read from its content and never from its name. Files are streamed: a line or one Discourse topic
is the most that is held at a time, and an archive is never unpacked onto the disk.
"""

import csv
import gzip
import io
import json
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, NoReturn, cast

from moderation.csv_columns import csv_record, delimiter_of, is_header, match_columns
from moderation.discourse import is_topic, topic_posts
from moderation.errors import ExportUnreadable, RecordRefused

MAX_LINE_BYTES = 20_000_000
MAX_TOPIC_BYTES = 200_000_000
"""A Discourse topic is one JSON document, however many posts it holds."""

_HEAD_BYTES = 1 << 20
_SKIP_BYTES = 1 << 16
_BOM = b"\xef\xbb\xbf"
_GZIP_MAGIC = b"\x1f\x8b"
_FOREIGN_MAGIC = {
    b"PK\x03\x04": "a zip file or a spreadsheet",
    b"\xfd7zXZ": "an xz file",
    b"BZh": "a bzip2 file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "an SQLite database",
}
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_RECORD_START = re.compile(rb"^[ \t]*\{", re.MULTILINE)
_POST_STREAM = re.compile(rb'(?<!\\)"post_stream"\s*:')
_ARRAY_REASON = "is one JSON array; write one object a line (jq -c '.[]' does that)"

DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError)
"""What reading a compressed file or an archive that is cut short raises."""

Form = Literal["empty", "topic", "array", "csv", "lines"]
_Stream = io.BufferedReader | gzip.GzipFile
BytesRead = Callable[[int], None]
"""Called with the number of bytes of the file that were read so far."""


@dataclass(frozen=True, slots=True)
class Found:
    """One record, or the reason why there is none, and where it stood.

    Attributes
    ----------
    file : path of the file; of a file in an archive, "archive: name".
    line : counted from 1, None for a Discourse topic.
    record : what JSON or CSV held, not checked yet, or why it cannot be read.
    alias : what replies of the same export call this post when they do not know its id.
    """

    file: str
    line: int | None
    record: object | RecordRefused
    alias: str | None = None
    key_repeated: bool = False


def folder_files(folder: Path) -> Iterator[Path]:
    """The files of a folder and the folders in it, in order of name; hidden ones are left out."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        yield from (Path(parent, name) for name in sorted(names) if not _is_hidden(name))


def _is_hidden(name: str) -> bool:
    return (name.startswith(".") and name.strip(".") != "") or name == "__MACOSX"


def found_records(path: Path, *, columns: Mapping[str, str] | None, bytes_read: BytesRead) -> Iterator[Found]:
    """Read every record of a file.

    Parameters
    ----------
    columns : for CSV, the column of each record field; None = guess.

    Raises
    ------
    ExportUnreadable
        The file cannot be opened, is of a kind that holds no posts, or is CSV without the columns that a post needs.
    """
    try:
        with path.open("rb") as raw:
            for found in _stream_records(raw, str(path), columns=columns):
                yield found
                bytes_read(raw.tell())
    except DAMAGED:
        yield Found(str(path), None, RecordRefused(None, "is damaged or cut short; what came before was read"))
    except OSError as error:
        raise ExportUnreadable(f"{path} cannot be read ({error.strerror}); check its name and permissions") from error


def _stream_records(
    raw: _Stream, name: str, *, columns: Mapping[str, str] | None, in_archive: bool = False
) -> Iterator[Found]:
    """Read the records of one stream, which may be compressed, an archive, or both."""
    head, stream = _peek(raw)
    if head.startswith(_GZIP_MAGIC):
        head, stream = _peek(gzip.GzipFile(fileobj=stream))
    if not in_archive and _is_tar(head):
        yield from _archive_records(stream, name, columns=columns)
        return
    if foreign := _foreign_form(head):
        raise ExportUnreadable(f"{name} is {foreign}; give the posts as JSON lines or CSV in UTF-8, plain or gzipped")
    if head.startswith(_BOM):
        stream.read(len(_BOM))
        head = head.removeprefix(_BOM)
    yield from _READERS[form_of(head, columns)](stream, name, columns)


def _foreign_form(head: bytes) -> str | None:
    if head.startswith(_UTF16_MARKS) and 0 in head[2:4]:
        return "UTF-16 text"
    return next((form for magic, form in _FOREIGN_MAGIC.items() if head.startswith(magic)), None)


def _archive_records(stream: io.BufferedReader, name: str, *, columns: Mapping[str, str] | None) -> Iterator[Found]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            content = cast("io.BufferedReader | None", archive.extractfile(member) if member.isreg() else None)
            if content is None or any(_is_hidden(part) for part in Path(member.name).parts):
                continue
            member_name = f"{name}: {member.name}"
            try:
                yield from _stream_records(content, member_name, columns=columns, in_archive=True)
            except ExportUnreadable as error:
                yield Found(member_name, None, RecordRefused(None, f"cannot be read: {error}"))


def _peek(raw: _Stream) -> tuple[bytes, io.BufferedReader]:
    """The first megabyte, and a stream that still begins with it; a stream in an archive cannot go back."""
    head, damage = bytearray(), None
    try:
        while len(head) < _HEAD_BYTES and (piece := raw.read1(_HEAD_BYTES - len(head))):
            head += piece
    except DAMAGED as error:
        damage = error
    return bytes(head), io.BufferedReader(_Rejoined(bytes(head), raw, damage), buffer_size=_SKIP_BYTES)


class _Rejoined(io.RawIOBase):
    """Bytes that were read already, and the rest of the stream that they came from, or what is wrong with it.

    Read in small pieces: all that comes before the place where a file is cut short is still good.
    """

    def __init__(self, head: bytes, rest: _Stream, damage: Exception | None) -> None:
        self._head, self._rest, self._damage = memoryview(head), rest, damage

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._head:
            if self._damage is not None:
                raise self._damage
            self._head = memoryview(self._rest.read1(len(buffer)))
        n_bytes = min(len(buffer), len(self._head))
        buffer[:n_bytes] = self._head[:n_bytes]
        self._head = self._head[n_bytes:]
        return n_bytes


def _is_tar(head: bytes) -> bool:
    """Whether the first block is a tar header: its checksum says so in every dialect."""
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def form_of(head: bytes, columns: Mapping[str, str] | None = None) -> Form:
    """Tell what a file is from its beginning, without its byte-order mark.

    In doubt it is lines: a bad first line must not cost the file.
    """
    first, *others = [line.strip() for line in head.split(b"\n", 3) if line.strip()] or [b""]
    second = others[0] if others else b""
    if not first:
        return "empty"
    if first.startswith(b"{"):
        is_spread = first == b"{" and second.startswith(b'"')
        is_topic_alone = _POST_STREAM.search(head) is not None and not (others and _is_json(first))
        return "topic" if is_spread or is_topic_alone else "lines"
    if first.startswith(b"["):
        is_spread = first in (b"[", b"[{") and not (second.startswith(b"{") and second.endswith(b"}"))
        return "array" if is_spread or re.match(rb"\[\s*\{.*,$", first) else "lines"
    has_cells = re.search(rb"[,;\t|]", first) is not None
    return "csv" if has_cells and (is_header(first, columns) or not _RECORD_START.search(head)) else "lines"


def _is_json(line: bytes) -> bool:
    try:
        parse_json(line)
    except RecordRefused:
        return False
    return True


def _line_records(stream: IO[bytes], name: str, _columns: Mapping[str, str] | None) -> Iterator[Found]:
    for number, line in bounded_lines(stream):
        if line is None:
            yield Found(name, number, RecordRefused(None, "is over 20 MB"))
        elif line.strip():
            yield from _found_in_line(line, name, number)


def _found_in_line(line: bytes, name: str, number: int) -> Iterator[Found]:
    try:
        content, key_repeated = parse_json(line)
    except RecordRefused as refusal:
        yield Found(name, number, refusal)
        return
    if is_topic(content):
        yield from _found_in_topic(content, name, number)
    elif isinstance(content, list):
        yield Found(name, number, RecordRefused(None, _ARRAY_REASON))
    else:
        yield Found(name, number, content, key_repeated=key_repeated)


def _topic_records(stream: IO[bytes], name: str, _columns: Mapping[str, str] | None) -> Iterator[Found]:
    document = stream.read(MAX_TOPIC_BYTES + 1)
    if len(document) > MAX_TOPIC_BYTES:
        yield Found(name, None, RecordRefused(None, "is a topic of over 200 MB"))
        return
    try:
        content, _ = parse_json(document)
    except RecordRefused as refusal:
        yield Found(name, None, refusal)
        return
    if is_topic(content):
        yield from _found_in_topic(content, name, None)
    else:
        yield Found(
            name, None, RecordRefused(None, "is a JSON document but no Discourse topic (it has no post_stream)")
        )


def _found_in_topic(topic: Mapping[str, Any], name: str, number: int | None) -> Iterator[Found]:
    for post in topic_posts(topic):
        yield Found(name, number, post.record, alias=post.alias)


def _array_record(_stream: IO[bytes], name: str, _columns: Mapping[str, str] | None) -> Iterator[Found]:
    yield Found(name, 1, RecordRefused(None, _ARRAY_REASON))


def _empty_record(_stream: IO[bytes], name: str, _columns: Mapping[str, str] | None) -> Iterator[Found]:
    yield Found(name, None, RecordRefused(None, "is empty"))


def _csv_records(stream: IO[bytes], name: str, columns: Mapping[str, str] | None) -> Iterator[Found]:
    lines = _CsvLines(stream)
    header_line = next((line for line in lines if line.strip()), "")
    delimiter = delimiter_of(header_line)
    # A module-wide setting of csv, which otherwise stops at texts over 128 KB; only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
    header = next(csv.reader([header_line], delimiter=delimiter), [])
    column_of = match_columns(header, columns, file=name)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        number = lines.number + 1
        try:
            row = next(rows, None)
        except csv.Error:
            yield Found(name, number, RecordRefused(None, "is not CSV: a quote opens or closes in the wrong place"))
            continue
        while lines.too_long:
            yield Found(name, lines.too_long.pop(0), RecordRefused(None, "is over 20 MB"))
        if row is None:
            return
        if row:
            yield Found(name, number, csv_record(row, column_of, n_columns=len(header)))


class _CsvLines:
    """Lines as text; bytes that are not UTF-8 become lone surrogates, so that only their own row is refused.

    Attributes
    ----------
    number : of the line that came last, from 1.
    too_long : numbers of lines that were left out for their length.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._lines = bounded_lines(stream)
        self.number = 0
        self.too_long: list[int] = []

    def __iter__(self) -> "_CsvLines":
        return self

    def __next__(self) -> str:
        self.number, line = next(self._lines)
        while line is None:
            self.too_long.append(self.number)
            self.number, line = next(self._lines)
        return line.decode("utf-8", "surrogateescape")


def bounded_lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Number and content of each line, None for a line over the limit, which is skipped without being held."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 2):
        number += 1
        if len(line) <= MAX_LINE_BYTES or len(line.rstrip(b"\r\n")) <= MAX_LINE_BYTES:
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(_SKIP_BYTES)
        yield number, None


def parse_json(raw: bytes) -> tuple[object, bool]:
    """Read one JSON value and whether an object in it names a key twice (the last one counts).

    Raises
    ------
    RecordRefused
        Not UTF-8, not JSON, nested too deeply.
    """
    n_repeated: list[int] = []

    def last_of_each_key(pairs: list[tuple[str, object]]) -> dict[str, object]:
        record = dict(pairs)
        if len(record) < len(pairs):
            n_repeated.append(len(pairs) - len(record))
        return record

    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordRefused(None, "is not valid UTF-8") from error
    try:
        content = _load_json(text, last_of_each_key)
    except RecursionError as error:
        raise RecordRefused(None, "is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise RecordRefused(None, f"is not JSON ({error.msg} at character {error.pos + 1})") from error
    return content, bool(n_repeated)


def _load_json(text: str, object_pairs_hook: Callable[[list[tuple[str, object]]], object]) -> object:
    # Not strict: a raw NUL or tab in a text is no reason to lose the post.
    def load(parse_int: Callable[[str], object]) -> object:
        return json.loads(
            text,
            strict=False,
            parse_int=parse_int,
            parse_constant=_refuse_constant,
            object_pairs_hook=object_pairs_hook,
        )

    try:
        return load(int)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # Python refuses to read integers of thousands of digits; as a float such a number is just too large.
        return load(float)


def _refuse_constant(name: str) -> NoReturn:
    raise RecordRefused(None, f"is not JSON ({name} is no JSON number)")


_Reader = Callable[[IO[bytes], str, Mapping[str, str] | None], Iterator[Found]]
_READERS: Mapping[Form, _Reader] = {
    "empty": _empty_record,
    "topic": _topic_records,
    "array": _array_record,
    "csv": _csv_records,
    "lines": _line_records,
}
