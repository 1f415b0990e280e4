"""The bundled model on ONNX Runtime: the encoder that is used where nothing else is asked for."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.encoder import Encoding, TextPreparation, unit_rows
from models.onnx_graph import INPUT_NAME, OUTPUT_NAME

MAX_TOKENS_PER_RUN = 512
"""Larger runs read the weights less often, smaller ones keep their numbers in the cache; also bounds the memory."""

_INTEGER_PRODUCT_FLAGS = {"avx512_vnni", "avx_vnni", "amx_int8"}


class OnnxEncoder:
    """Encodes on the processor, in 8-bit integers, on as many threads as asked for.

    A vector depends on nothing but its text: texts of the same number of tokens share a run, without padding, and the
    graph never looks across texts.
    """

    def __init__(
        self,
        *,
        name: str,
        version: str,
        hidden_layers: tuple[int, ...],
        graph_path: Path,
        tokenizer_path: Path,
        preparation: TextPreparation,
        n_threads: int | None = None,
    ) -> None:
        """Load a graph of `models.onnx_graph` and its tokenizer.

        Parameters
        ----------
        n_threads : at least 1; None = one for each processor core this process may use.
        """
        self.name = name
        self.version = version
        self.hidden_layers = hidden_layers
        self._preparation = preparation
        self._n_threads = n_threads or n_usable_cores()
        self._tokenizer = Tokenizer.from_file(str(tokenizer_path))
        self._tokenizer.enable_truncation(preparation.max_tokens)
        self._session = _open_session(graph_path)
        self.dim: int = self._session.get_outputs()[0].shape[-1]

    def encode(self, texts: Sequence[str], *, batch_size: int = 256) -> Iterator[Encoding]:
        """Encode texts in their order, one `Encoding` per `batch_size` of them; see `Encoder.encode`."""
        with ThreadPoolExecutor(self._n_threads) as threads:
            for start in range(0, len(texts), batch_size):
                yield self._encode_batch(texts[start : start + batch_size], threads)

    def _encode_batch(self, texts: Sequence[str], threads: ThreadPoolExecutor) -> Encoding:
        prepared = [self._preparation.prepare(text) for text in texts]
        token_ids = [encoded.ids for encoded in self._tokenizer.encode_batch(prepared)]
        hidden = np.empty((len(texts), len(self.hidden_layers), self.dim), dtype=np.float32)
        groups = group_by_length([len(ids) for ids in token_ids])
        inputs = (np.array([token_ids[row] for row in group], dtype=np.int64) for group in groups)
        for group, outputs in zip(groups, threads.map(self._run, inputs), strict=True):
            hidden[group] = outputs
        return Encoding(vectors=unit_rows(hidden[:, -1]), hidden=hidden)

    def _run(self, token_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        outputs: list[NDArray[np.float32]] = self._session.run([OUTPUT_NAME], {INPUT_NAME: token_ids})
        return outputs[0]


def group_by_length(n_tokens: Sequence[int]) -> list[list[int]]:
    """Put texts of the same length together, longest first so that no thread is left with a long one at the end.

    Returns
    -------
    Row numbers; every row in one group; no group over MAX_TOKENS_PER_RUN tokens unless it is a single text.
    """
    groups: list[list[int]] = []
    for row in sorted(range(len(n_tokens)), key=lambda row: -n_tokens[row]):
        same_length = groups and n_tokens[groups[-1][0]] == n_tokens[row]
        if same_length and (len(groups[-1]) + 1) * n_tokens[row] <= MAX_TOKENS_PER_RUN:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def n_usable_cores() -> int:
    """Processor cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _open_session(graph_path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # More would fuse the additions into SkipLayerNormalization, which takes ten times as long as the layer norm alone.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    if not _has_integer_product_instructions():
        # Without them ONNX Runtime's products of unsigned by signed bytes saturate at 16 bits on x86: wrong, silently.
        # This makes them exact, hence the same to the bit, at half the speed.
        options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(str(graph_path), options, providers=["CPUExecutionProvider"])


def _has_integer_product_instructions() -> bool:
    """Whether Linux lists the instructions; elsewhere nothing is known and the answer is no."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return False
    return not _INTEGER_PRODUCT_FLAGS.isdisjoint(flags)
