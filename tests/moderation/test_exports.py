import csv
import gzip
import io
import json
import random
import tarfile
import tracemalloc
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import ExportUnreadable
from moderation.exports import Export, Reject, read_exports
from moderation.reading import read_words

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


def record(post_id: str = "a", /, **fields: Any) -> dict[str, Any]:
    return {"id": post_id, "thread_id": "t", "created_at": "2024-05-01T09:00:00+02:00", "text": "Hallo.", **fields}


def lines_file(folder: Path, *records: Mapping[str, Any] | bytes, name: str = "export.jsonl") -> Path:
    path = folder / name
    lines = [content if isinstance(content, bytes) else json.dumps(content).encode() for content in records]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def read(*paths: Path, **options: Any) -> Export:
    return read_exports(paths, now=NOW, **options)


def test_every_field_of_a_record_is_read(tmp_path: Path) -> None:
    path = lines_file(
        tmp_path,
        record(
            "a", thread_id="t", title="Punten", space="sparen", author_id="u1", author_name="Bo", likes=3, language="nl"
        ),
        record(
            "b",
            parent_id="a",
            role="bot",
            updated_at="2024-05-02T09:00:00Z",
            deleted_at="2024-05-03T09:00:00Z",
            locked_at="2024-05-04T09:00:00Z",
            accepted=True,
            created_at="2024-05-01t10:00:00.25-02:00",
        ),
    )
    first, reply = read(path).posts
    assert (first.title, first.space, first.author_id, first.author_name) == ("Punten", "sparen", "u1", "Bo")
    assert (first.likes, first.language, first.role, first.kind, first.is_html) == (3, "nl", "member", "post", False)
    assert first.created_at == datetime(2024, 5, 1, 7, tzinfo=UTC)
    assert (reply.parent_id, reply.role, reply.accepted) == ("a", "bot", True)
    assert reply.created_at == datetime(2024, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    assert reply.updated_at == datetime(2024, 5, 2, 9, tzinfo=UTC)
    assert reply.deleted_at == datetime(2024, 5, 3, 9, tzinfo=UTC)
    assert reply.locked_at == datetime(2024, 5, 4, 9, tzinfo=UTC)


def test_html_is_accepted_instead_of_text(tmp_path: Path) -> None:
    html_record = record("a") | {"text": None, "html": "<p>Hallo</p>"}
    assert [(post.text, post.is_html) for post in read(lines_file(tmp_path, html_record)).posts] == [
        ("<p>Hallo</p>", True)
    ]


BAD_LINES: list[tuple[bytes | Mapping[str, Any], str | None, str]] = [
    (b"not JSON at all", None, "is not JSON"),
    (b'{"id": "cut short', None, "is not JSON"),
    (b'["a", "list"]', None, "is one JSON array"),
    (b'"text"', None, "is not a JSON object"),
    (b"17", None, "is not a JSON object"),
    (b"null", None, "is not a JSON object"),
    (b'{"id": "\xff\xfe"}', None, "is not valid UTF-8"),
    (b"{" * 100_000, None, "is not JSON"),
    (b"[" * 100_000, None, "is nested too deeply"),
    (b'{"a":' * 100_000, None, "is nested too deeply"),
    (b'{"id": "n", "thread_id": "t", "likes": NaN}', None, "is not JSON (NaN"),
    (b'{"id": "n", "thread_id": "t", "likes": -Infinity}', None, "is not JSON (-Infinity"),
    ({"thread_id": "t", "created_at": "2024-05-01T09:00:00Z", "text": "x"}, "id", "is missing"),
    (record(""), "id", "is missing"),
    (record("\0"), "id", "is missing"),
    (record("x") | {"id": 5}, "id", "must be text, not a number"),
    (record("x") | {"id": True}, "id", "must be text, not true or false"),
    (record("x") | {"id": "\ud800"}, "id", "holds half a character pair"),
    (record("x", thread_id=None), "thread_id", "is missing"),
    (record("x", thread_id=["t"]), "thread_id", "must be text, not a list"),
    (record("x", text=None), "text", "is missing"),
    (record("x", text=12), "text", "must be text, not a number"),
    (record("x", text=None, html={}), "html", "must be text, not an object"),
    (record("x", created_at=None), "created_at", "is missing"),
    (record("x", created_at=1_700_000_000), "created_at", "must be text, not a number"),
    (record("x", created_at="yesterday"), "created_at", "is not a time"),
    (record("x", created_at="2024-02-30T09:00:00Z"), "created_at", "is not a time"),
    (record("x", created_at="0001-01-01T00:00:00+10:00"), "created_at", "is not a time"),
    (record("x", created_at="2024-05-01T09:00:00"), "created_at", "has no zone offset"),
    (record("x", created_at="2024-06-02T12:00:01Z"), "created_at", "is more than a day ahead"),
    (record("x", updated_at="2024-05-01 09:00"), "updated_at", "has no zone offset"),
    (record("x", deleted_at="2030-01-01T00:00:00Z"), "deleted_at", "is more than a day ahead"),
    (record("x", kind="private"), "kind", "private posts are never read"),
    (record("x", kind="private") | {"id": 5}, "kind", "private posts are never read"),
    (record("x", kind="secret"), "kind", "must be one of post, system, whisper"),
    (record("x", kind=["post"]), "kind", "must be one of post, system, whisper"),
]


def test_bad_lines_are_rejected_one_by_one(tmp_path: Path) -> None:
    good = record("good", text="Prima.")
    path = lines_file(tmp_path, *(line for line, _, _ in BAD_LINES), b"", b"   ", good)
    export = read(path)
    assert [post.id for post in export.posts] == ["good"]
    assert [(reject.file, reject.line, reject.field) for reject in export.rejects] == [
        (str(path), number, field) for number, (_, field, _) in enumerate(BAD_LINES, start=1)
    ]
    for reject, (_, _, reason) in zip(export.rejects, BAD_LINES, strict=True):
        assert reject.reason.startswith(reason)
    counts = export.counts
    assert (counts.lines, counts.read, counts.rejected, counts.duplicates) == (len(BAD_LINES) + 1, 1, len(BAD_LINES), 0)


@pytest.mark.parametrize("line", [line for line, _, _ in BAD_LINES])
def test_a_bad_first_line_does_not_cost_the_file(tmp_path: Path, line: bytes | Mapping[str, Any]) -> None:
    export = read(lines_file(tmp_path, line, record("good")))
    assert [post.id for post in export.posts] == ["good"]
    assert len(export.rejects) == 1


def test_a_reason_never_repeats_what_the_post_says(tmp_path: Path) -> None:
    export = read(lines_file(tmp_path, record("x", text="geheim", kind="secret"), b'{"text": "geheim"', record("good")))
    assert "geheim" not in "".join(reject.reason for reject in export.rejects)


ODD_RECORDS: list[tuple[bytes | Mapping[str, Any], Mapping[str, Any], dict[str, int]]] = [
    (record(text="a\0b"), {"text": "ab"}, {"nul_removed": 1}),
    (
        b'{"id": "a", "thread_id": "t", "created_at": "2024-05-01T09:00Z", "text": "a\0b"}',
        {"text": "ab"},
        {"nul_removed": 1},
    ),
    (record(text="a\ud800b"), {"text": "a\ufffdb"}, {"surrogate_replaced": 1}),
    (record(text="\ud83d\ude00"), {"text": "😀"}, {}),
    (record(author_id=7), {"author_id": "7"}, {"number_as_text": 1}),
    (record(author_id=True), {"author_id": None}, {"field_ignored": 1}),
    (record(space=["a"]), {"space": None}, {"field_ignored": 1}),
    (record(space=""), {"space": None}, {}),
    (record(likes="3"), {"likes": 0}, {"field_ignored": 1}),
    (record(likes=True), {"likes": 0}, {"field_ignored": 1}),
    (record(likes=2.0), {"likes": 2}, {}),
    (record(likes=10**30), {"likes": 0}, {"field_ignored": 1}),
    (json.dumps(record()).encode()[:-1] + b', "likes": ' + b"9" * 5_000 + b"}", {"likes": 0}, {"field_ignored": 1}),
    (record(accepted=1), {"accepted": False}, {"field_ignored": 1}),
    (record(role="admin"), {"role": "member"}, {"role_unknown": 1}),
    (record(updated_at=""), {"updated_at": None}, {}),
    (json.dumps(record()).encode()[:-1] + b', "text": "second"}', {"text": "second"}, {"key_repeated": 1}),
    (record(stars=5, extra={"deep": [1]}), {"text": "Hallo."}, {}),
    (record(parent_id="nowhere"), {"parent_id": None}, {"parent_missing": 1}),
    (record(parent_id="a"), {"parent_id": None}, {"parent_cycle": 1}),
    (record(text=""), {"text": ""}, {}),
    (record(text="😀😀"), {"text": "😀😀"}, {}),
    (record(text="שלום מה שלומך"), {"text": "שלום מה שלומך"}, {}),
    (record(created_at="2024-05-01T23:59:60Z"), {"created_at": datetime(2024, 5, 1, 23, 59, 59, tzinfo=UTC)}, {}),
    (record(created_at="2024-06-02T12:00:00Z"), {"created_at": datetime(2024, 6, 2, 12, tzinfo=UTC)}, {}),
    (record(deleted_at="2024-05-02T00:00:00Z"), {"deleted_at": datetime(2024, 5, 2, tzinfo=UTC)}, {"deleted": 1}),
]


@pytest.mark.parametrize(("line", "fields", "repairs"), ODD_RECORDS)
def test_odd_records_are_repaired_and_counted(
    tmp_path: Path, line: bytes | Mapping[str, Any], fields: Mapping[str, Any], repairs: dict[str, int]
) -> None:
    export = read(lines_file(tmp_path, line))
    (post,) = export.posts
    assert {name: getattr(post, name) for name in fields} == fields
    assert export.counts.repairs == repairs
    assert not export.rejects


def test_byte_order_mark_carriage_returns_and_blank_lines_are_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "export"
    rows = (json.dumps(record(post_id)).encode() for post_id in ("a", "b"))
    path.write_bytes(b"\xef\xbb\xbf\r\n" + b"\r\n\r\n".join(rows))
    export = read(path)
    assert [post.id for post in export.posts] == ["a", "b"]
    assert export.counts.lines == 2


def test_parents_are_repaired(tmp_path: Path) -> None:
    export = read(
        lines_file(
            tmp_path,
            record("a", parent_id="c"),
            record("b", parent_id="a"),
            record("c", parent_id="b"),
            record("below the cycle", parent_id="a"),
            record("elsewhere", thread_id="other", parent_id="a"),
            record("early", parent_id="c", created_at="2024-04-01T00:00:00Z"),
            record("good", parent_id="early"),
        )
    )
    assert {post.id: post.parent_id for post in export.posts} == {
        "a": None,
        "b": None,
        "c": None,
        "below the cycle": "a",
        "elsewhere": None,
        "early": "c",
        "good": "early",
    }
    assert export.counts.repairs == {"parent_cycle": 3, "parent_other_thread": 1, "reply_before_parent": 1}


def test_a_long_chain_of_replies_is_no_cycle(tmp_path: Path) -> None:
    chain = [record(f"{n:05}", parent_id=f"{n - 1:05}" if n else None) for n in range(5_000)]
    export = read(lines_file(tmp_path, *reversed(chain)))
    assert sum(post.parent_id is not None for post in export.posts) == 4_999
    assert not export.counts.repairs


def test_the_newest_version_of_a_post_counts(tmp_path: Path) -> None:
    export = read(
        lines_file(
            tmp_path,
            record("a", text="new", updated_at="2024-05-02T00:00:00Z"),
            record("a", text="old", updated_at="2024-05-01T23:00:00-00:30"),
            record("a", text="never edited"),
        )
    )
    assert [post.text for post in export.posts] == ["new"]
    assert (export.counts.read, export.counts.duplicates) == (1, 2)


def test_a_late_edit_does_not_revive_a_deleted_post(tmp_path: Path) -> None:
    export = read(
        lines_file(
            tmp_path,
            record("a", text="gone", deleted_at="2024-05-02T00:00:00Z", updated_at="2024-05-02T00:00:00Z"),
            record("a", text="edited", updated_at="2024-05-03T00:00:00Z"),
        )
    )
    (post,) = export.posts
    assert (post.text, post.deleted_at) == ("edited", datetime(2024, 5, 2, tzinfo=UTC))
    assert export.counts.repairs == {"deleted": 1}


ids = st.sampled_from("abcde")
times = st.sampled_from([f"2024-05-0{day}T00:00:00Z" for day in range(1, 6)])
records = st.lists(
    st.fixed_dictionaries(
        {
            "id": ids,
            "thread_id": st.sampled_from("tu"),
            "created_at": times,
            "text": st.sampled_from(["x", "y", "z\0"]),
        },
        optional={
            "parent_id": ids,
            "updated_at": times,
            "deleted_at": times,
            "kind": st.sampled_from(["post", "private"]),
        },
    ),
    min_size=1,
    max_size=12,
)


@given(records=records, seed=st.integers(0, 99), n_first=st.integers(0, 12))
def test_no_order_of_lines_or_files_changes_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]], seed: int, n_first: int
) -> None:
    folder = tmp_path_factory.mktemp("shuffled")
    anchor = record("anchor")
    one = read(lines_file(folder, anchor, *records, name="one"))
    shuffled = random.Random(seed).sample(records, len(records))
    first = lines_file(folder, *shuffled[:n_first], name="two")
    second = lines_file(folder, *shuffled[n_first:], anchor, name="three")
    other = read(second, first)
    assert other.posts == one.posts
    assert (other.counts.repairs, other.counts.by_kind) == (one.counts.repairs, one.counts.by_kind)
    assert one.counts.lines == one.counts.read + one.counts.rejected + one.counts.duplicates
    for post in one.posts:
        assert post.parent_id is None or post.parent_id in {other.id for other in one.posts}


def test_posts_come_sorted_by_time_and_id(tmp_path: Path) -> None:
    export = read(
        lines_file(tmp_path, record("b"), record("a"), record("c", created_at="2024-04-30T00:00:00Z")),
    )
    assert [post.id for post in export.posts] == ["c", "a", "b"]
    assert export.end_at == datetime(2024, 5, 1, 7, tzinfo=UTC)


def test_the_staff_list_overrides_the_role(tmp_path: Path) -> None:
    path = lines_file(tmp_path, record("a", author_id="u1"), record("b", author_id="u2", role="staff"), record("c"))
    assert [post.role for post in read(path, staff=["u1"]).posts] == ["staff", "staff", "member"]


def test_kinds_are_counted(tmp_path: Path) -> None:
    path = lines_file(tmp_path, record("a"), record("b", kind="system"), record("c", kind="whisper"), record("d"))
    assert read(path).counts.by_kind == {"post": 2, "system": 1, "whisper": 1}


def test_a_text_of_ten_megabytes_is_read_and_a_line_over_twenty_is_skipped_without_being_held(tmp_path: Path) -> None:
    path = tmp_path / "export"
    with path.open("wb") as file:
        file.write(b'{"id": "huge", "text": "')
        for _ in range(60):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n')
        file.write(json.dumps(record("large", text="a" * 10_000_000)).encode() + b"\n" + json.dumps(record()).encode())
    tracemalloc.start()
    export = read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(post.id, len(post.text)) for post in export.posts] == [("a", 6), ("large", 10_000_000)]
    assert export.rejects == (Reject(str(path), 1, None, "is over 20 MB"),)
    assert peak < 90_000_000


def test_long_exports_are_streamed(tmp_path: Path) -> None:
    path = tmp_path / "export.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(400):
            file.write(json.dumps(record("a", text="b" * 100_000)).encode() + b"\n")
    tracemalloc.start()
    export = read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert export.counts.duplicates == 399
    assert peak < 15_000_000


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    path = lines_file(tmp_path, *(record(str(n), text="x" * 100_000) for n in range(40)))
    told: list[tuple[int, int]] = []
    read(path, report=lambda done, total: told.append((done, total)))
    assert len(told) >= 3
    assert told == sorted(told)
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


def zipped(content: bytes) -> bytes:
    return gzip.compress(content)


def tarred(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    return buffer.getvalue()


LINE = json.dumps(record()).encode()


@pytest.mark.parametrize(
    "content",
    [
        LINE,
        zipped(LINE),
        tarred({"deep/folder/x": LINE}),
        zipped(tarred({"../../x": LINE, ".hidden": b"junk", "__MACOSX/y": b"junk"})),
        tarred({"x.gz": zipped(LINE)}),
        b"id,thread_id,created_at,text\na,t,2024-05-01T09:00:00+02:00,Hallo.\n",
        zipped(b"id,thread_id,created_at,text\na,t,2024-05-01T09:00:00+02:00,Hallo.\n"),
    ],
    ids=["lines", "gzip", "tar", "tar.gz", "gzip in tar", "csv", "csv.gz"],
)
def test_what_a_file_is_shows_from_its_content_and_not_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "misleading.xlsx"
    path.write_bytes(content)
    export = read(path)
    assert [(post.id, post.text) for post in export.posts] == [("a", "Hallo.")]
    assert not export.rejects


def test_a_folder_is_read_with_the_folders_in_it(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    lines_file(tmp_path / "deeper", record("b"))
    lines_file(tmp_path, record("a"))
    (tmp_path / "picture").write_bytes(b"PK\x03\x04...")
    (tmp_path / ".DS_Store").write_bytes(b"junk")
    export = read(tmp_path)
    assert [post.id for post in export.posts] == ["a", "b"]
    assert [reject.file for reject in export.rejects] == [str(tmp_path / "picture")]


def test_what_comes_before_the_place_where_a_file_is_cut_short_is_read(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = [record(str(n), text=str(rng.random())) for n in range(2_000)]
    whole = gzip.compress("\n".join(map(json.dumps, rows)).encode())
    path = tmp_path / "cut.gz"
    path.write_bytes(whole[: len(whole) // 2])
    export = read(path)
    assert 800 < export.counts.read < 1_200
    assert export.rejects[-1] == Reject(str(path), None, None, "is damaged or cut short; what came before was read")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        (b"hello there\nnothing here\n", "is not JSON"),
        (json.dumps([record(), record("b")]).encode(), "one JSON array; write one object a line"),
        (json.dumps([record(), record("b")], indent=2).encode(), "one JSON array; write one object a line"),
        (b"[" + json.dumps(record()).encode() + b",\n" + json.dumps(record("b")).encode() + b"]", "one JSON array"),
        (json.dumps({"users": []}, indent=1).encode(), "no Discourse topic"),
        (b"PK\x03\x04rest", "is a zip file or a spreadsheet; give the posts as"),
        ('{"id": "a"}'.encode("utf-16"), "is UTF-16 text; give the posts as"),
        (json.dumps(record(kind="private")).encode(), "kind private posts are never read"),
        (b"id,thread_id,created_at,text\n", "no post to read"),
    ],
)
def test_a_file_without_a_post_is_an_error_of_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "export"
    path.write_bytes(content)
    with pytest.raises(ExportUnreadable, match=words.replace("(", r"\(")) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_file_beside_a_good_one_is_only_rejected(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    export = read(empty, lines_file(tmp_path, record()))
    assert export.rejects == (Reject(str(empty), None, None, "is empty"),)
    assert export.counts.read == 1


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExportUnreadable, match=r"nowhere\.jsonl does not exist"):
        read(lines_file(tmp_path, record()), tmp_path / "nowhere.jsonl")


def csv_file(folder: Path, rows: list[list[str]], *, delimiter: str = ",") -> Path:
    path = folder / "export.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_with_usual_column_names(tmp_path: Path, delimiter: str) -> None:
    path = csv_file(
        tmp_path,
        [
            ["Post ID", "topic_id", "Subject", "Body", "Created", "user_id", "like_count", "is_solution", "other"],
            ["1", "t", "Punten", 'Zei; "niets", |toch|\nof wel?', "2024-05-01T09:00:00Z", "u1", "4", "true", "x"],
            ["2", "t", "", "", "2024-05-01T10:00:00Z", "", "", "", ""],
            [],
            ["3", "t", "", "{", "2024-05-01T11:00:00Z", "", "many", "no", ""],
        ],
        delimiter=delimiter,
    )
    export = read(path)
    first, second, third = export.posts
    assert (first.id, first.title, first.text) == ("1", "Punten", 'Zei; "niets", |toch|\nof wel?')
    assert (first.author_id, first.likes, first.accepted) == ("u1", 4, True)
    assert (second.title, second.text, second.author_id, second.likes) == (None, "", None, 0)
    assert (third.text, third.accepted) == ("{", False)
    assert export.counts.repairs == {"field_ignored": 1}


def test_csv_columns_can_be_named(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [["nr", "wat", "wanneer"], ["1", "Prima", "2024-05-01T09:00:00Z"]])
    columns = {"id": "nr", "thread_id": "nr", "text": "wat", "created_at": "wanneer"}
    (post,) = read(path, columns=columns).posts
    assert (post.id, post.thread_id, post.text) == ("1", "1", "Prima")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            None,
            r"has no column for thread_id; name the one that holds it \(thread_id=COLUMN\) out of id, wat, created_at",
        ),
        ({"thread_id": "threat"}, r"has no column 'threat' for thread_id; its columns are id, wat, created_at"),
        ({"tread_id": "id"}, r"a post has no field 'tread_id'; did you mean 'thread_id'\?"),
        ({"thread_id": "id"}, r"has no column for text"),
    ],
)
def test_a_csv_column_that_is_missing_is_named(tmp_path: Path, columns: Mapping[str, str] | None, words: str) -> None:
    path = csv_file(tmp_path, [["id", "wat", "created_at"], ["1", "Prima", "2024-05-01T09:00:00Z"]])
    with pytest.raises(ExportUnreadable, match=words):
        read(path, columns=columns)


def test_bad_csv_rows_are_rejected_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    rows = [
        b"id,thread_id,created_at,text",
        b"1,t,2024-05-01T09:00:00Z,good",
        b"2,t,2024-05-01T09:00:00Z,caf\xe9",
        b"3,t,2024-05-01T09:00:00Z",
        b'4,t,2024-05-01T09:00:00Z,"quote" outside',
        b"5,t,2024-05-01T09:00:00,no offset",
        b",t,2024-05-01T09:00:00Z,no id",
        b'6,t,2024-05-01T09:00:00Z,"two\nlines"',
        b"7,t,2024-05-01T09:00:00Z," + b"x" * 20_000_001,
        b"8,t,2024-05-01T09:00:00Z," + b"x" * 1_000_000,
    ]
    path.write_bytes(b"\n".join(rows))
    export = read(path)
    assert [post.id for post in export.posts] == ["1", "6", "8"]
    assert [(reject.line, reject.field, reject.reason[:22]) for reject in export.rejects] == [
        (3, None, "is not valid UTF-8"),
        (4, None, "has 3 cells where the "),
        (5, None, "is not CSV: a quote op"),
        (6, "created_at", "has no zone offset; wr"),
        (7, "id", "is missing"),
        (10, None, "is over 20 MB"),
    ]


@pytest.mark.parametrize(
    ("file", "n_posts", "by_kind", "repairs"),
    [
        ("keytrade.jsonl.gz", 1_397, {"post": 1_397}, {}),
        ("newsgroups20.jsonl.gz", 19_465, {"post": 19_465}, {"reply_before_parent": 85}),
        ("urho3d-discourse-topics.tar.gz", 36_990, {"post": 36_898, "system": 92}, {"parent_missing": 65}),
    ],
)
def test_real_exports_are_read_whole(
    shared_data: Path, file: str, n_posts: int, by_kind: dict[str, int], repairs: dict[str, int]
) -> None:
    export = read_exports([shared_data / "threads" / file])
    assert (export.counts.lines, export.counts.read, export.rejects) == (n_posts, n_posts, ())
    assert (export.counts.by_kind, export.counts.repairs) == (by_kind, repairs)
    if file.startswith("urho3d"):
        assert len({post.thread_id for post in export.posts}) == 5_046
        assert sum(post.accepted for post in export.posts) == 672
    assert all(read_words(post).words == read_words(post).words.strip() for post in export.posts[:200])
