import errno
import json
import os
from pathlib import Path

import pytest

from models.cache import CACHE_VARIABLE, MANIFEST, cached_folder, is_intact, models_folder
from models.errors import CacheNotWritable, NoDiskSpace


def make(folder: Path) -> None:
    (folder / "weights").write_bytes(b"0123456789")
    (folder / "deep").mkdir()
    (folder / "deep" / "config.json").write_text("{}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "model-1"


def everything_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_folder_is_made_once(folder):
    assert cached_folder(folder, make, checked=["weights"]) == folder
    made_at = (folder / "weights").stat().st_mtime_ns
    cached_folder(folder, make, checked=["weights"])
    assert (folder / "weights").stat().st_mtime_ns == made_at
    assert everything_in(folder.parent) == {"model-1"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "weights").write_bytes(b"012345678"),
        lambda folder: (folder / "weights").write_bytes(b"012345678x"),
        lambda folder: (folder / "deep" / "config.json").unlink(),
        lambda folder: (folder / MANIFEST).unlink(),
        lambda folder: (folder / MANIFEST).write_text("[]"),
        lambda folder: (folder / MANIFEST).write_text('{"weights": '),
    ],
    ids=["truncated", "altered", "file gone", "no manifest", "odd manifest", "half a manifest"],
)
def test_damaged_folder_is_made_again(folder, damage):
    cached_folder(folder, make, checked=["weights"])
    damage(folder)
    assert not is_intact(folder, checked=["weights"])
    cached_folder(folder, make, checked=["weights"])
    assert (folder / "weights").read_bytes() == b"0123456789"
    assert set(json.loads((folder / MANIFEST).read_text())) == {"weights", "deep/config.json"}
    assert everything_in(folder.parent) == {"model-1"}


def test_what_a_dead_process_left_is_removed(folder):
    left_over = folder.parent / ".unfinished-model-1-abc"
    left_over.mkdir(parents=True)
    (left_over / "weights").write_bytes(b"01")
    cached_folder(folder, make, checked=[])
    assert everything_in(folder.parent) == {"model-1"}


@pytest.mark.parametrize(
    ("number", "error"), [(errno.ENOSPC, NoDiskSpace), (errno.EDQUOT, NoDiskSpace), (errno.EROFS, CacheNotWritable)]
)
def test_disk_trouble_is_said_in_one_line_and_leaves_nothing(folder, number, error):
    def make_until_full(unfinished: Path) -> None:
        make(unfinished)
        raise OSError(number, os.strerror(number))

    with pytest.raises(error, match=CACHE_VARIABLE) as raised:
        cached_folder(folder, make_until_full, checked=[])
    assert str(folder.parent) in str(raised.value)
    assert everything_in(folder.parent) == set()


def test_cache_below_a_file_is_refused_with_its_name(tmp_path):
    in_the_way = tmp_path / "cache"
    in_the_way.touch()
    with pytest.raises(CacheNotWritable, match=str(in_the_way)):
        cached_folder(in_the_way / "model-1", make, checked=[])


def test_folder_of_the_environment_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert models_folder(None) == tmp_path / "models"
    assert models_folder(tmp_path / "given") == tmp_path / "given" / "models"
    monkeypatch.delenv(CACHE_VARIABLE)
    assert "klankbord" in models_folder(None).parts
