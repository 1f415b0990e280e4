"""Write the bundled model as an ordinary sentence-transformers folder, without torch or transformers."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.bundled import PACKAGE, PACKAGE_VERSION, BlockTensor, BundledModel

PREFIX = "query: "

_ROWS_AT_A_TIME = 16_384
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_CARD = f"""---
license: mit
base_model: intfloat/multilingual-e5-small
library_name: sentence-transformers
pipeline_tag: sentence-similarity
---

# multilingual-e5-small, from 4-bit weights

The weights of intfloat/multilingual-e5-small (MIT) as the Python package {PACKAGE} {PACKAGE_VERSION} (MIT) carries
them: rounded to 4 bits in blocks of 32, here written out as float32. 384 dimensions, about 100 languages, at most 512
tokens.

Every text is encoded with the prefix `{PREFIX}`, which this folder sets as its default prompt. For clustering and
comparing posts use no other prefix.
"""


def write_folder(model: BundledModel, tokenizer: Tokenizer, folder: Path) -> None:
    """Write everything that `SentenceTransformer(folder)` reads.

    Parameters
    ----------
    folder : exists and is empty.
    """
    (folder / "tokenizer.json").write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
    for name, content in _json_files(model).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_CARD, encoding="utf-8")
    _write_weights(model, folder / "model.safetensors")


def _json_files(model: BundledModel) -> dict[str, object]:
    special = _special_tokens(model)
    return {
        "config.json": _bert_config(model),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": model.shape.n_positions,
            "clean_up_tokenization_spaces": False,
            **special,
        },
        "special_tokens_map.json": special,
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
        "sentence_bert_config.json": {
            "max_seq_length": model.shape.n_positions,
            "do_lower_case": False,
            "model_args": {"add_pooling_layer": False},
        },
        "config_sentence_transformers.json": {
            "prompts": {"query": PREFIX},
            "default_prompt_name": "query",
            "similarity_fn_name": "cosine",
        },
        "1_Pooling/config.json": {
            "word_embedding_dimension": model.shape.hidden,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
        "2_Normalize/config.json": {},
    }


def _special_tokens(model: BundledModel) -> dict[str, str]:
    vocabulary = model.vocabulary
    ids = {
        "bos_token": vocabulary.bos_id,
        "cls_token": vocabulary.bos_id,
        "eos_token": vocabulary.eos_id,
        "sep_token": vocabulary.eos_id,
        "pad_token": vocabulary.pad_id,
        "unk_token": vocabulary.unk_id,
    }
    return {role: vocabulary.pieces[token_id] for role, token_id in ids.items()} | {"mask_token": "<mask>"}


def _bert_config(model: BundledModel) -> dict[str, object]:
    shape = model.shape
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.feed_forward,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": shape.n_positions,
        "num_attention_heads": shape.n_heads,
        "num_hidden_layers": shape.n_layers,
        "pad_token_id": model.vocabulary.pad_id,
        "type_vocab_size": shape.n_token_types,
        "vocab_size": shape.n_embeddings,
    }


def _write_weights(model: BundledModel, path: Path) -> None:
    """Write a safetensors file piece by piece: the float32 weights are 470 MB and never all in memory."""
    tensors = _tensors(model)
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, (shape, _) in tensors.items():
        end = offset + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, weights in tensors.values():
            for piece in _pieces(weights):
                file.write(np.ascontiguousarray(piece, dtype="<f4").data)


def _pieces(weights: BlockTensor | NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    if not isinstance(weights, BlockTensor):
        yield weights
        return
    for start in range(0, weights.shape[0], _ROWS_AT_A_TIME):
        yield weights.rows(start, start + _ROWS_AT_A_TIME)


def _tensors(model: BundledModel) -> dict[str, tuple[tuple[int, ...], BlockTensor | NDArray[np.float32]]]:
    """Every weight by its name in a BERT model, with its shape."""
    hidden = model.shape.hidden
    flat, matrices = model.vectors, model.matrices
    words = matrices["emb.word"]
    tensors: dict[str, tuple[tuple[int, ...], BlockTensor | NDArray[np.float32]]] = {
        "embeddings.word_embeddings.weight": (words.shape, words),
        "embeddings.position_embeddings.weight": ((model.shape.n_positions, hidden), flat["emb.pos"]),
        "embeddings.token_type_embeddings.weight": ((model.shape.n_token_types, hidden), flat["emb.type"]),
        "embeddings.LayerNorm.weight": ((hidden,), flat["emb.ln.w"]),
        "embeddings.LayerNorm.bias": ((hidden,), flat["emb.ln.b"]),
    }
    for layer in range(model.shape.n_layers):
        for short, long in _LAYER_NAMES.items():
            name = f"encoder.layer.{layer}.{long}"
            weight, bias = f"l{layer}.{short}.w", f"l{layer}.{short}.b"
            if weight in matrices:
                tensors[f"{name}.weight"] = (matrices[weight].shape, matrices[weight])
            else:
                tensors[f"{name}.weight"] = (flat[weight].shape, flat[weight])
            tensors[f"{name}.bias"] = (flat[bias].shape, flat[bias])
    return tensors
