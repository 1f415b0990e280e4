"""Any other sentence-transformers model, from a folder or the Hugging Face hub, on any device that torch knows.

torch and sentence-transformers are imported when a model is loaded: nothing else in the program needs them.
"""

import hashlib
import importlib.util
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.encoder import Encoding, TextPreparation, unit_rows
from models.errors import HubExtraMissing, UnknownModel

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

TEXTS_PER_RUN_ON_ACCELERATOR = 64

_DEPTHS = (1 / 2, 2 / 3, 5 / 6, 1)
"""Hidden layers as parts of the whole stack: layers 6, 8, 10 and 12 of twelve."""

_E5_FAMILY = re.compile(r"(^|[/_-])e5[-_]", re.IGNORECASE)
"""The e5 models ask for a prefix on their cards but do not carry it in their settings."""


class HubEncoder:
    """A sentence-transformers model.

    On the processor texts are encoded one at a time, so that a vector does not depend on the batch; on an accelerator
    they share runs and the last digits may differ from batch to batch.
    """

    def __init__(
        self, model: "SentenceTransformer", *, name: str, preparation: TextPreparation, hidden_layers: tuple[int, ...]
    ) -> None:
        """Wrap a loaded model; `load_hub_encoder` is the way to get one."""
        self.name = name
        self.hidden_layers = hidden_layers
        self._model = model
        self._preparation = preparation
        self._on_processor = model.device.type == "cpu"
        self.version = f"{Path(name).name}-{_weights_digest(model)[:8]}/float32/{preparation.max_tokens}"
        self.dim = self._run(["?"]).vectors.shape[1]

    def encode(self, texts: Sequence[str], *, batch_size: int = 256) -> Iterator[Encoding]:
        """Encode texts in their order, one `Encoding` per `batch_size` of them; see `Encoder.encode`."""
        for start in range(0, len(texts), batch_size):
            yield self._encode_batch(texts[start : start + batch_size])

    def _encode_batch(self, texts: Sequence[str]) -> Encoding:
        prepared = [self._preparation.prepare(text) for text in texts]
        longest_first = sorted(range(len(texts)), key=lambda row: -len(prepared[row]))
        step = 1 if self._on_processor else TEXTS_PER_RUN_ON_ACCELERATOR
        runs = [
            self._run([prepared[row] for row in longest_first[start : start + step]])
            for start in range(0, len(texts), step)
        ]
        original_order = np.argsort(longest_first)
        vectors = np.concatenate([run.vectors for run in runs])[original_order]
        hidden = np.concatenate([run.hidden for run in runs])[original_order]
        return Encoding(vectors=vectors, hidden=hidden)

    def _run(self, prepared: list[str]) -> Encoding:
        import torch

        features = self._model.tokenizer(
            prepared, padding=True, truncation=True, max_length=self._preparation.max_tokens, return_tensors="pt"
        ).to(self._model.device)
        with torch.inference_mode():
            outputs = self._model(dict(features))
            layers = [outputs["all_layer_embeddings"][layer] for layer in self.hidden_layers]
            hidden = torch.stack([_mean_over_tokens(layer, features["attention_mask"]) for layer in layers], dim=1)
        vectors = unit_rows(outputs["sentence_embedding"].float().cpu().numpy())
        return Encoding(vectors=vectors, hidden=hidden.float().cpu().numpy())


def load_hub_encoder(source: str, *, name: str, device: str, n_threads: int | None, max_tokens: int) -> HubEncoder:
    """Load a sentence-transformers model.

    Parameters
    ----------
    source : a folder or a name on the hub.
    name : what the encoder is called; for the bundled model not its folder.
    n_threads : for torch, for the whole process; None = torch's own choice.
    max_tokens : cut to what the model can read.

    Raises
    ------
    HubExtraMissing
        sentence-transformers or torch is not installed.
    UnknownModel
        Nothing can be loaded from `source`, or torch has no such device.
    """
    _require_extra(name)
    _require_model_folder(source)
    import torch

    if n_threads:
        torch.set_num_threads(n_threads)
    model = _load(source, device)
    transformer: Any = model[0]
    config = transformer.auto_model.config
    config.output_hidden_states = True
    preparation = TextPreparation(
        prefix=_prefix(model, source),
        special_tokens=tuple(model.tokenizer.all_special_tokens),
        max_tokens=min(max_tokens, model.max_seq_length or max_tokens),
    )
    hidden_layers = tuple(round(depth * config.num_hidden_layers) for depth in _DEPTHS)
    return HubEncoder(model, name=name, preparation=preparation, hidden_layers=hidden_layers)


def _require_extra(name: str) -> None:
    for package in ("torch", "sentence_transformers"):
        if importlib.util.find_spec(package) is None:
            raise HubExtraMissing(f"The model {name} needs more packages: pip install klankbord[hub]")


def _require_model_folder(source: str) -> None:
    folder = Path(source)
    if folder.is_dir():
        if not (folder / "modules.json").is_file():
            raise UnknownModel(f"{folder} is not a sentence-transformers model: it has no modules.json")
    elif folder.is_absolute() or source.startswith((".", "~")):
        raise UnknownModel(f'There is no folder {folder}: name a sentence-transformers folder, or use "bundled"')


def _load(source: str, device: str) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(source, device=device)
    except (OSError, ValueError, KeyError) as error:
        raise UnknownModel(_why_not_loaded(source, error)) from error
    except (RuntimeError, AssertionError) as error:
        raise UnknownModel(f"{source} cannot be loaded on the device {device!r}: {_first_line(error)}") from error


def _why_not_loaded(source: str, error: BaseException) -> str:
    from huggingface_hub.errors import RepositoryNotFoundError

    if Path(source).is_dir():
        return f"{source} is not a sentence-transformers model that can be loaded: {_first_line(error)}"
    if any(isinstance(cause, RepositoryNotFoundError) for cause in _causes(error)):
        return f'The model hub has no model {source!r}: check the name, or use "bundled"'
    return f'The model {source!r} is not a folder and could not be fetched (offline?): give a folder, or use "bundled"'


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _prefix(model: "SentenceTransformer", source: str) -> str:
    """The prompt that the model's settings name for symmetric work, else what its family is known to want."""
    for prompt_name in (model.default_prompt_name, "query"):
        if prompt_name and model.prompts.get(prompt_name):
            return str(model.prompts[prompt_name])
    return "query: " if _E5_FAMILY.search(source) else ""


def _weights_digest(model: "SentenceTransformer") -> str:
    digest = hashlib.sha256()
    for name, weights in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(weights.detach().cpu().contiguous().flatten().view(_bytes_type()).numpy())
    return digest.hexdigest()


def _bytes_type() -> "torch.dtype":
    import torch

    return torch.uint8


def _mean_over_tokens(layer: "torch.Tensor", attention_mask: "torch.Tensor") -> "torch.Tensor":
    mask = attention_mask.unsqueeze(-1).to(layer.dtype)
    return (layer * mask).sum(dim=1) / mask.sum(dim=1)
