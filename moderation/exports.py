"""Stage 1: exports in, posts out, with everything that was refused or repaired on the way.

The order of files, lines and duplicates never changes which posts come out.
"""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from moderation.errors import ExportUnreadable, RecordRefused
from moderation.export_files import Found, folder_files, found_records
from moderation.posts import Post, content_hash
from moderation.records import read_record

_DAY = timedelta(days=1)
_NEVER = datetime.min.replace(tzinfo=UTC)
_REPORT_BYTES = 1 << 20

Report = Callable[[int, int], None]
"""Called now and then with the bytes of the files that were read so far, and all that there are."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A line, row or post that was not read; `line` or `field` None = the file or the line as a whole."""

    file: str
    line: int | None
    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """What became of every record; lines = read + rejected + duplicates.

    Attributes
    ----------
    lines : records met: lines that are not blank, CSV rows, Discourse posts; a file that is no export counts as one.
    read : posts that came out, of every kind.
    duplicates : records of a post that another record of it stands for.
    by_kind : posts by kind ("post", "system", "whisper").
    repairs : records or posts by what was put right or is odd about them.
    """

    lines: int
    read: int
    rejected: int
    duplicates: int
    by_kind: Mapping[str, int]
    repairs: Mapping[str, int]


@dataclass(frozen=True)
class Export:
    """Posts sorted by (created_at, id), and what was not read."""

    posts: tuple[Post, ...]
    rejects: tuple[Reject, ...]
    counts: ReadCounts

    @cached_property
    def end_at(self) -> datetime:
        """The end of the data: the newest `created_at` that was read."""
        return self.posts[-1].created_at


def read_exports(
    paths: Sequence[Path],
    *,
    columns: Mapping[str, str] | None = None,
    staff: Collection[str] = (),
    now: datetime | None = None,
    report: Report | None = None,
) -> Export:
    """Read exports of every known kind into one set of posts.

    Parameters
    ----------
    paths : files, or folders of files: JSON lines, CSV, Discourse topics, gzipped or in a tar archive or not. The
        content tells which, never the name.
    columns : for CSV, the column of each record field; fields that are not in it are guessed from the usual names.
    staff : author ids, and for Discourse user names, whose posts are the organisation's.
    now : what "a day ahead" is measured from; None = the clock.

    Raises
    ------
    ExportUnreadable
        A path does not exist or cannot be read, a CSV file lacks a column, or no post at all was read.
    """
    latest_at = (datetime.now(UTC) if now is None else now) + _DAY
    gathered = _Gathered(latest_at, frozenset(staff))
    for found in _all_records(paths, columns=columns, report=report):
        gathered.add(found)
    if not gathered.posts:
        raise ExportUnreadable(_no_posts_message(paths, gathered.rejects))
    posts, links = link_parents(gathered.posts, gathered.ids_by_alias)
    counts = ReadCounts(
        lines=gathered.n_records,
        read=len(posts),
        rejected=len(gathered.rejects),
        duplicates=gathered.n_records - len(gathered.rejects) - len(posts),
        by_kind=_sorted_counts(Counter(post.kind for post in posts)),
        repairs=_sorted_counts(gathered.repairs + links),
    )
    return Export(posts, tuple(gathered.rejects), counts)


class _Gathered:
    """The posts of all records met so far, one per id, and what was refused or repaired."""

    def __init__(self, latest_at: datetime, staff: frozenset[str]) -> None:
        self._latest_at, self._staff = latest_at, staff
        self.posts: dict[str, Post] = {}
        self.ids_by_alias: dict[str, str] = {}
        self.rejects: list[Reject] = []
        self.repairs: Counter[str] = Counter()
        self.n_records = 0

    def add(self, found: Found) -> None:
        self.n_records += 1
        try:
            self._add_post(found)
        except RecordRefused as refusal:
            self.rejects.append(Reject(found.file, found.line, refusal.field, refusal.reason))

    def _add_post(self, found: Found) -> None:
        if isinstance(found.record, RecordRefused):
            raise found.record
        read = read_record(found.record, latest_at=self._latest_at, staff=self._staff)
        post = read.post
        if found.alias is not None:
            # A number that two posts claim names the same one whatever came first.
            self.ids_by_alias[found.alias] = min(post.id, self.ids_by_alias.get(found.alias, post.id))
            if post.author_name in self._staff:
                post = replace(post, role="staff")
        self.repairs.update(read.repairs)
        self.repairs["key_repeated"] += found.key_repeated
        known = self.posts.get(post.id)
        self.posts[post.id] = post if known is None else newest_version(known, post)


def newest_version(one: Post, other: Post) -> Post:
    """Choose between two records of one post; a deletion stays, whichever record tells it.

    The newest `updated_at` wins (none = oldest), else the greater content hash: the same whatever came first.
    """
    newest = max(one, other, key=lambda post: (post.updated_at or _NEVER, content_hash(post)))
    deleted_at = min((post.deleted_at for post in (one, other) if post.deleted_at is not None), default=None)
    return newest if newest.deleted_at == deleted_at else replace(newest, deleted_at=deleted_at)


def link_parents(posts: Mapping[str, Post], ids_by_alias: Mapping[str, str]) -> tuple[tuple[Post, ...], Counter[str]]:
    """Take away each parent that cannot be one, and sort.

    Parameters
    ----------
    posts : by id.
    ids_by_alias : post ids by the other names under which `parent_id` may name them.

    Returns
    -------
    Posts sorted by (created_at, id), and how many had a parent that was missing, in another thread or in a cycle,
    answer a later post, or are deleted.
    """
    counts: Counter[str] = Counter()
    parents: dict[str, str] = {}
    for post in posts.values():
        if post.parent_id is None:
            continue
        parent = posts.get(ids_by_alias.get(post.parent_id, post.parent_id))
        if parent is None:
            counts["parent_missing"] += 1
        elif parent.thread_id != post.thread_id:
            counts["parent_other_thread"] += 1
        else:
            parents[post.id] = parent.id
    for post_id in _in_cycles(parents):
        del parents[post_id]
        counts["parent_cycle"] += 1
    counts["reply_before_parent"] = sum(
        posts[post_id].created_at < posts[parent_id].created_at for post_id, parent_id in parents.items()
    )
    counts["deleted"] = sum(post.deleted_at is not None for post in posts.values())
    linked = (_with_parent(post, parents.get(post.id)) for post in posts.values())
    return tuple(sorted(linked, key=lambda post: (post.created_at, post.id))), counts


def _with_parent(post: Post, parent_id: str | None) -> Post:
    return post if post.parent_id == parent_id else replace(post, parent_id=parent_id)


def _in_cycles(parents: Mapping[str, str]) -> list[str]:
    """Every post that comes back to itself by going from parent to parent."""
    in_cycles: list[str] = []
    walk_of: dict[str, str] = {}
    for start in parents:
        path: list[str] = []
        node: str | None = start
        while node is not None and node not in walk_of:
            walk_of[node] = start
            path.append(node)
            node = parents.get(node)
        if node is not None and walk_of[node] == start:
            in_cycles += path[path.index(node) :]
    return in_cycles


def _all_records(paths: Sequence[Path], *, columns: Mapping[str, str] | None, report: Report | None) -> Iterator[Found]:
    files = [(file, file == path) for path in map(Path, paths) for file in _files(path)]
    n_total = sum(file.stat().st_size for file, _ in files)
    n_before = 0
    progress = _ByteProgress(report, n_total)
    for file, was_named in files:
        progress.n_before = n_before
        try:
            yield from found_records(file, columns=columns, bytes_read=progress.advance)
        except ExportUnreadable as error:
            if was_named:
                raise
            yield Found(str(file), None, RecordRefused(None, f"cannot be read: {error}"))
        n_before += file.stat().st_size
    progress.finish()


def _files(path: Path) -> list[Path]:
    if not os.path.exists(path):
        raise ExportUnreadable(f"{path} does not exist; check the name of the export")
    return list(folder_files(path)) if path.is_dir() else [path]


class _ByteProgress:
    """Tells how many bytes were read, about once a megabyte."""

    def __init__(self, report: Report | None, n_total: int) -> None:
        self._report, self._n_total, self._n_reported = report, n_total, 0
        self.n_before = 0

    def advance(self, n_bytes: int) -> None:
        n_done = self.n_before + n_bytes
        if self._report is not None and n_done - self._n_reported >= _REPORT_BYTES:
            self._report(n_done, self._n_total)
            self._n_reported = n_done

    def finish(self) -> None:
        if self._report is not None:
            self._report(self._n_total, self._n_total)


def _no_posts_message(paths: Sequence[Path], rejects: Sequence[Reject]) -> str:
    names = ", ".join(str(path) for path in paths)
    if not rejects:
        return f"{names}: no post to read; give a file with one JSON object a line, CSV or Discourse topics"
    first = rejects[0]
    place = f"{first.file} line {first.line}" if first.line is not None else first.file
    reason = f"{first.field} {first.reason}" if first.field else first.reason
    return (
        f"{names}: no post could be read, {len(rejects)} refused; put right what the first one says: {place} {reason}"
    )


def _sorted_counts(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if counts[name]}
