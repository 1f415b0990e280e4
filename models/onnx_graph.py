"""The bundled model as one ONNX graph that multiplies in 8-bit integers, one scale per token.

Every linear layer rounds its input to 8 bits with a scale of that token's own and multiplies by 8-bit weights with a
scale per output. Integer products are exact and nothing looks across texts, so that a text's vector does not depend on
the texts that share its batch. docs/decisions/0001-encoder-on-cpu.md holds the measurements behind this.

Rows of the graph's matrices are ordered by token, then text: attention can then read them as they lie.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from models.bundled import BLOCK_LENGTH, BlockTensor, BundledModel

OPSET = 21
IR_VERSION = 10
CONTRIB = "com.microsoft"

ARITHMETIC = "int8-row-1"
"""Names what the graph computes; to be raised with every change that changes a vector."""

INPUT_NAME = "input_ids"
OUTPUT_NAME = "hidden"

_N_STEPS = 127
_GELU_DEPTH = 0.17
"""GELU never goes below −0.17, so that the largest of its outputs or this is the largest in absolute value."""


@dataclass
class _Graph:
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)
    n_names: int = 0

    def name(self) -> str:
        self.n_names += 1
        return f"t{self.n_names}"

    def constant(self, array: NDArray[np.generic]) -> str:
        name = self.name()
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        return self._add(operator, inputs, "", attributes)

    def add_contrib(self, operator: str, *inputs: str, **attributes: Any) -> str:
        return self._add(operator, inputs, CONTRIB, attributes)

    def _add(self, operator: str, inputs: Sequence[str], domain: str, attributes: dict[str, Any]) -> str:
        name = self.name()
        self.nodes.append(helper.make_node(operator, inputs, [name], domain=domain, **attributes))
        return name


@dataclass(frozen=True)
class _Names:
    """Tensors that every layer of the graph uses.

    Attributes
    ----------
    zero_points : 128 for every row; `zero_point` the same as one number.
    mean_weights : shape (1, tokens), all 1 / tokens.
    """

    tokens_texts_hidden: str
    tokens_texts_heads: str
    rows_hidden: str
    last_axis: str
    one: str
    zero_point: str
    zero_points: str
    mean_weights: str


@dataclass(frozen=True)
class _Rounded:
    """Rows ≈ (integers − 128) × scales, with one scale per row."""

    integers: str
    scales: str


def build_graph(model: BundledModel, *, hidden_layers: Sequence[int]) -> ModelProto:
    """Build the graph.

    Its input `input_ids`, shape (texts, tokens), holds texts of the same number of tokens: there is no padding and no
    mask. Its output `hidden`, shape (texts, n_layers, hidden), is the mean over the tokens after each of the layers.

    Parameters
    ----------
    hidden_layers : counted from 1; the last one gives the text's vector.
    """
    graph = _Graph()
    names = _shared_names(graph, model)
    rows = _embed(graph, names, model)
    pooled = []
    for layer in range(model.shape.n_layers):
        rows = _attend(graph, names, model, f"l{layer}.", rows=rows)
        rows = _feed_forward(graph, names, model, f"l{layer}.", rows=rows)
        if layer + 1 in hidden_layers:
            pooled.append(_mean_over_tokens(graph, names, rows))
    graph.nodes.append(helper.make_node("Concat", pooled, [OUTPUT_NAME], axis=1))
    return _to_model(graph, n_layers=len(hidden_layers), hidden=model.shape.hidden)


def _to_model(graph: _Graph, *, n_layers: int, hidden: int) -> ModelProto:
    inputs = [helper.make_tensor_value_info(INPUT_NAME, TensorProto.INT64, ["texts", "tokens"])]
    outputs = [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["texts", n_layers, hidden])]
    proto = helper.make_graph(graph.nodes, "encoder", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=IR_VERSION, producer_name="klankbord")


def _shared_names(graph: _Graph, model: BundledModel) -> _Names:
    hidden, n_heads = model.shape.hidden, model.shape.n_heads
    n_texts, n_tokens = graph.add("Shape", INPUT_NAME, end=1), graph.add("Shape", INPUT_NAME, start=1)
    hidden_size = graph.constant(np.array([hidden]))
    head_sizes = graph.constant(np.array([n_heads, hidden // n_heads]))
    one_row = graph.add("Concat", graph.constant(np.array([1])), n_tokens, axis=0)
    return _Names(
        tokens_texts_hidden=graph.add("Concat", n_tokens, n_texts, hidden_size, axis=0),
        tokens_texts_heads=graph.add("Concat", n_tokens, n_texts, head_sizes, axis=0),
        rows_hidden=graph.constant(np.array([-1, hidden])),
        last_axis=graph.constant(np.array([-1])),
        one=graph.constant(np.array(1, np.float32)),
        zero_point=graph.constant(np.array(128, np.uint8)),
        zero_points=_filled(graph, graph.add("Mul", n_texts, n_tokens), np.uint8(128)),
        mean_weights=graph.add(
            "Div", _filled(graph, one_row, np.float32(1)), graph.add("Cast", n_tokens, to=TensorProto.FLOAT)
        ),
    )


def _filled(graph: _Graph, shape: str, number: np.generic) -> str:
    return graph.add("ConstantOfShape", shape, value=numpy_helper.from_array(np.array([number])))


def _embed(graph: _Graph, names: _Names, model: BundledModel) -> str:
    hidden = model.shape.hidden
    token_ids = graph.add("Transpose", INPUT_NAME, perm=[1, 0])
    words = _gather_words(graph, model.matrices["emb.word"], token_ids)
    words = graph.add("Reshape", words, names.tokens_texts_hidden)
    positions = model.vectors["emb.pos"].reshape(-1, 1, hidden) + model.vectors["emb.type"][:hidden]
    start = graph.constant(np.array([0]))
    n_tokens = graph.add("Shape", INPUT_NAME, start=1)
    first_positions = graph.add("Slice", graph.constant(positions), start, n_tokens, start)
    rows = graph.add("Reshape", graph.add("Add", words, first_positions), names.rows_hidden)
    return _normalise(graph, model, "emb.ln", rows)


def _gather_words(graph: _Graph, embedding: BlockTensor, token_ids: str) -> str:
    """Read and unpack the 4-bit embeddings; by hand, as GatherBlockQuantized takes longer than a layer of the model."""
    half = BLOCK_LENGTH // 2
    n_blocks = embedding.scales.shape[1]
    blocks = embedding.nibbles.reshape(-1, n_blocks, BLOCK_LENGTH)
    pairs = blocks[:, :, :half] | (blocks[:, :, half:] << 4)
    packed = graph.add("Gather", graph.constant(pairs.reshape(len(pairs), -1)), token_ids)
    low = graph.add("BitwiseAnd", packed, graph.constant(np.array(15, np.uint8)))
    high = graph.add("BitShift", packed, graph.constant(np.array(4, np.uint8)), direction="RIGHT")
    half_blocks = graph.constant(np.array([-1, n_blocks, half]))
    halves = [graph.add("Reshape", part, half_blocks) for part in (low, high)]
    nibbles = graph.add("Cast", graph.add("Concat", *halves, axis=2), to=TensorProto.FLOAT)
    signed = graph.add("Sub", nibbles, graph.constant(np.array(8, np.float32)))
    scales = graph.add("Cast", graph.add("Gather", graph.constant(embedding.scales), token_ids), to=TensorProto.FLOAT)
    return graph.add("Mul", signed, graph.add("Reshape", scales, graph.constant(np.array([-1, n_blocks, 1]))))


def _attend(graph: _Graph, names: _Names, model: BundledModel, prefix: str, *, rows: str) -> str:
    rounded = _round_rows(graph, names, rows, _row_maximum(graph, names, graph.add("Abs", rows)))
    query, key, value = (_multiply(graph, names, rounded, _dense(model, f"{prefix}{part}.w")) for part in "qkv")
    query = graph.add("Add", query, graph.constant(model.vectors[f"{prefix}q.b"]))
    context = _mix_values(graph, names, model, query=query, key=key, value=value)
    # A bias of the keys changes no attention weight, and one of the values is the same for every token, since the
    # weights sum to 1: it goes through the output layer once, here.
    weights = _dense(model, f"{prefix}ao.w")
    bias = model.vectors[f"{prefix}ao.b"] + weights.astype(np.float64) @ model.vectors[f"{prefix}v.b"]
    rounded = _round_rows(graph, names, context, _row_maximum(graph, names, graph.add("Abs", context)))
    output = _multiply(graph, names, rounded, weights)
    output = graph.add("Add", output, graph.constant(bias.astype(np.float32)))
    return _normalise(graph, model, f"{prefix}aln", graph.add("Add", rows, output))


def _mix_values(graph: _Graph, names: _Names, model: BundledModel, *, query: str, key: str, value: str) -> str:
    """Multi-head attention; `transBatch…` lets the products read (tokens, texts, heads, …) as if heads came first."""
    query, key, value = (graph.add("Reshape", part, names.tokens_texts_heads) for part in (query, key, value))
    head_size = model.shape.hidden // model.shape.n_heads
    logits = graph.add_contrib(
        "FusedMatMul", query, key, transBatchA=1, transBatchB=1, transB=1, alpha=float(head_size**-0.5)
    )
    weights = graph.add("Softmax", logits, axis=-1)
    context = graph.add_contrib("FusedMatMul", weights, value, transBatchB=1)
    return graph.add("Reshape", graph.add("Transpose", context, perm=[2, 0, 1, 3]), names.rows_hidden)


def _feed_forward(graph: _Graph, names: _Names, model: BundledModel, prefix: str, *, rows: str) -> str:
    rounded = _round_rows(graph, names, rows, _row_maximum(graph, names, graph.add("Abs", rows)))
    inner = _multiply(graph, names, rounded, _dense(model, f"{prefix}fi.w"))
    inner = graph.add("Gelu", graph.add("Add", inner, graph.constant(model.vectors[f"{prefix}fi.b"])))
    largest = graph.add("Max", _row_maximum(graph, names, inner), graph.constant(np.array(_GELU_DEPTH, np.float32)))
    output = _multiply(graph, names, _round_rows(graph, names, inner, largest), _dense(model, f"{prefix}fo.w"))
    output = graph.add("Add", output, graph.constant(model.vectors[f"{prefix}fo.b"]))
    return _normalise(graph, model, f"{prefix}oln", graph.add("Add", rows, output))


def _dense(model: BundledModel, name: str) -> NDArray[np.float32]:
    return model.matrices[name].dense()


def _normalise(graph: _Graph, model: BundledModel, norm: str, rows: str) -> str:
    scale, shift = graph.constant(model.vectors[f"{norm}.w"]), graph.constant(model.vectors[f"{norm}.b"])
    return graph.add("LayerNormalization", rows, scale, shift, epsilon=model.shape.layer_norm_epsilon)


def _row_maximum(graph: _Graph, names: _Names, rows: str) -> str:
    return graph.add("ReduceMax", rows, names.last_axis, keepdims=1)


def _round_rows(graph: _Graph, names: _Names, rows: str, largest: str) -> _Rounded:
    """Round every row to steps of its largest absolute number / 127; no row of this model is all zero."""
    scales = graph.add("Mul", largest, graph.constant(np.array(1 / _N_STEPS, np.float32)))
    flat_scales = graph.add("Reshape", scales, names.last_axis)
    return _Rounded(graph.add("QuantizeLinear", rows, flat_scales, names.zero_points, axis=0), scales)


def _multiply(graph: _Graph, names: _Names, rounded: _Rounded, weights: NDArray[np.float32]) -> str:
    """Multiply rows by weights of shape (outputs, inputs), rounded to 8 bits with one scale per output."""
    weight_scales = np.abs(weights).max(axis=1) / _N_STEPS
    integers = np.round(weights / weight_scales[:, None]).astype(np.int8).T
    product = graph.add_contrib(
        "MatMulIntegerToFloat",
        rounded.integers,
        graph.constant(integers),
        names.one,
        graph.constant(weight_scales.astype(np.float32)),
        names.zero_point,
    )
    return graph.add("Mul", product, rounded.scales)


def _mean_over_tokens(graph: _Graph, names: _Names, rows: str) -> str:
    # A product with 1/n, not ReduceMean: that one sums a single text in another order than several.
    texts = graph.add("Transpose", graph.add("Reshape", rows, names.tokens_texts_hidden), perm=[1, 0, 2])
    return graph.add("MatMul", names.mean_weights, texts)
