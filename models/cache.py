"""Folders that are made once, kept on disk, and noticed when they are not what was written."""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from filelock import FileLock

from models.errors import CacheNotWritable, NoDiskSpace

CACHE_VARIABLE = "KLANKBORD_CACHE"
MANIFEST = "manifest.json"

_UNFINISHED = ".unfinished-"
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


def models_folder(cache_dir: Path | None) -> Path:
    """Where unpacked models are kept: `cache_dir`, else the folder in KLANKBORD_CACHE, else the user's cache."""
    root = cache_dir or os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("klankbord")
    return Path(root) / "models"


def cached_folder(folder: Path, make: Callable[[Path], None], *, checked: Iterable[str]) -> Path:
    """Give a folder that `make` has filled, now or at an earlier start.

    The folder appears in one step, when it is complete. Processes that start together wait for the one that makes it.
    A folder that lost or changed a file is made again.

    Parameters
    ----------
    make : fills the empty folder that it is given.
    checked : files whose checksums are compared at every start; of the others the sizes.

    Raises
    ------
    NoDiskSpace
        The disk filled up; what was written is gone again.
    CacheNotWritable
        The folder cannot be written.
    """
    checked = tuple(checked)
    with _said_in_one_line(folder):
        if is_intact(folder, checked=checked):
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            if not is_intact(folder, checked=checked):
                _make_anew(folder, make)
    return folder


def is_intact(folder: Path, *, checked: Iterable[str]) -> bool:
    """Whether every file has the size, and the checked ones the SHA-256, that were noted when it was made."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sizes_agree = all((folder / name).stat().st_size == facts["size"] for name, facts in manifest.items())
        return sizes_agree and all(_sha256(folder / name) == manifest[name]["sha256"] for name in checked)
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _make_anew(folder: Path, make: Callable[[Path], None]) -> None:
    _remove_unfinished(folder)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{_UNFINISHED}{folder.name}-", dir=folder.parent))
    try:
        make(unfinished)
        _write_manifest(unfinished)
        unfinished.chmod(0o755)
        if folder.exists():
            folder.rename(Path(tempfile.mkdtemp(prefix=f"{_UNFINISHED}{folder.name}-", dir=folder.parent)) / "damaged")
        unfinished.rename(folder)
    finally:
        _remove_unfinished(folder)


def _remove_unfinished(folder: Path) -> None:
    # Only the holder of the lock makes such folders, so whatever is there was left by a process that died.
    for left_over in folder.parent.glob(f"{_UNFINISHED}{folder.name}-*"):
        shutil.rmtree(left_over, ignore_errors=True)


def _write_manifest(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": _sha256(path)} for path in files
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _said_in_one_line(folder: Path) -> Iterator[None]:
    remedy = f"or set {CACHE_VARIABLE} to another folder"
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise NoDiskSpace(f"The disk is full: make room (about 600 MB) in {folder.parent}, {remedy}") from error
        if error.errno in _NOT_WRITABLE:
            raise CacheNotWritable(f"Cannot read or write {folder}: make {folder.parent} writable, {remedy}") from error
        raise
