import numpy as np
import pytest

pytest.importorskip("sentence_transformers")

from models.errors import UnknownModel
from models.hub import HubEncoder
from models.registry import load_encoder

pytestmark = pytest.mark.filterwarnings("default")

TEXTS = ["Mijn punten zijn weg.", "I cannot log in, please help me out here.", "Wann kommt mein Paket?", "één 🙏"]


@pytest.fixture(scope="module")
def folder(encoder, model_cache):
    return next(path for path in (model_cache / "models").iterdir() if path.name.startswith("bundled-"))


@pytest.fixture(scope="module")
def hub(folder) -> HubEncoder:
    return load_encoder(str(folder))


def encoding_of(encoder, texts=TEXTS, batch_size=256):
    encodings = list(encoder.encode(texts, batch_size=batch_size))
    return (
        np.concatenate([encoding.vectors for encoding in encodings]),
        np.concatenate([encoding.hidden for encoding in encodings]),
    )


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def test_unpacked_folder_in_float32_agrees_with_the_graph(encoder, hub):
    assert hub.hidden_layers == encoder.hidden_layers
    for exact, rounded in zip(encoding_of(hub), encoding_of(encoder), strict=True):
        assert cosines(exact, rounded).min() >= 0.995


def test_folder_is_an_ordinary_sentence_transformers_model(folder, hub):
    from sentence_transformers import SentenceTransformer

    by_library = SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(encoding_of(hub)[0], by_library, atol=2e-6)


def test_batch_changes_no_bit_on_the_processor(hub):
    np.testing.assert_array_equal(encoding_of(hub, batch_size=1)[0], encoding_of(hub)[0])


def test_version_differs_from_the_graph(encoder, hub):
    assert "float32" in hub.version
    assert hub.version != encoder.version


def test_unknown_name_is_refused_without_network(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UnknownModel, match="offline") as raised:
        load_encoder("nobody/no-such-model")
    assert "\n" not in str(raised.value)


def test_broken_folder_is_refused(tmp_path):
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(UnknownModel, match="sentence-transformers model"):
        load_encoder(str(tmp_path))


def test_unknown_device_is_refused(folder):
    with pytest.raises(UnknownModel, match="abacus"):
        load_encoder(str(folder), device="abacus")
