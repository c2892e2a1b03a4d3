"""Operations of every node from static shapes: two for each multiply-accumulate, one for each simple result."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Shapes = Mapping[str, Sequence[int]]

FREE = {
    "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Concat", "Split", "Slice", "Gather", "Cast",
    "GatherElements", "GatherND", "Shape", "Size", "Constant", "ConstantOfShape", "Expand", "Tile", "Pad", "Dropout",
    "DepthToSpace", "SpaceToDepth", "ScatterElements", "ScatterND", "Range", "OneHot", "EyeLike", "NonZero", "CastLike",
}  # fmt: skip
"""Operators that only move data."""
_PER_ELEMENT = {
    "Softmax": 5.0, "LogSoftmax": 5.0, "LayerNormalization": 8.0, "SkipLayerNormalization": 9.0, "Gelu": 8.0,
    "RMSNormalization": 6.0, "SimplifiedLayerNormalization": 6.0, "InstanceNormalization": 8.0, "Mish": 4.0,
    "GroupNormalization": 8.0, "BatchNormalization": 2.0, "LpNormalization": 3.0, "HardSwish": 4.0, "BiasGelu": 9.0,
    "FastGelu": 8.0, "QuickGelu": 4.0, "HardSigmoid": 3.0, "QuantizeLinear": 2.0, "DequantizeLinear": 2.0, "LRN": 3.0,
    "DynamicQuantizeLinear": 4.0, "MeanVarianceNormalization": 6.0, "PRelu": 2.0, "LeakyRelu": 2.0,
}  # fmt: skip
"""Operations for each element of the result, where they are not one."""


@dataclass(frozen=True)
class _Node:
    """A node with the shapes of what it reads and makes."""

    proto: Any
    reads: list[Sequence[int]]
    makes: list[Sequence[int]]

    def attribute(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - any attribute
        import onnx

        found = next((each for each in self.proto.attribute if each.name == name), None)
        return default if found is None else onnx.helper.get_attribute_value(found)

    def read(self, index: int) -> Sequence[int]:
        return self.reads[index] if index < len(self.reads) else ()

    @property
    def result(self) -> int:
        """Elements of the first result."""
        return math.prod(self.makes[0]) if self.makes else 0


def operations(node: Any, shapes: Shapes) -> float:  # noqa: ANN401 - protobuf
    """Return the operations of a node by its operator; 0 where the shape of its result is not known.

    Nodes with graphs inside are counted by `inner.insides`.

    Args:
        node: ONNX node.
        shapes: Static shapes by tensor, those of constants too.
    """
    if node.op_type in FREE or node.output[0] not in shapes:
        return 0.0
    view = _Node(node, [shapes.get(name, ()) for name in node.input], [shapes.get(name, ()) for name in node.output])
    rule = _RULES.get(node.op_type)
    if rule is not None:
        return float(rule(view))
    if node.op_type.startswith(("Reduce", "ArgM", "CumSum", "TopK")):
        return float(math.prod(view.read(0)))
    return _PER_ELEMENT.get(node.op_type, 1.0) * view.result


def _conv(node: _Node, weight: int = 1) -> float:
    kernel = node.read(weight)
    return 2.0 * node.result * math.prod(kernel[1:])


def _conv_transpose(node: _Node) -> float:
    return 2.0 * math.prod(node.read(0)) * math.prod(node.read(1)[1:])


def _gemm(node: _Node) -> float:
    left = node.read(0)
    depth = (left[0] if node.attribute("transA", 0) else left[-1]) if left else 0
    return 2.0 * node.result * depth


def _matmul(node: _Node) -> float:
    left = node.read(0)
    return 2.0 * node.result * (left[-1] if left else 0)


def _einsum(node: _Node) -> float:
    equation = node.attribute("equation", b"").decode().replace(" ", "").partition("->")[0]
    sizes: dict[str, int] = {}
    for letters, shape in zip(equation.split(","), node.reads, strict=False):
        sizes |= dict(zip(reversed(letters.replace(".", "")), reversed(list(shape)), strict=False))
    return float((2 if len(node.reads) > 1 else 1) * math.prod(sizes.values()))


def _recurrent(gates: int) -> Callable[[_Node], float]:
    def count(node: _Node) -> float:
        steps, inside = math.prod(node.read(0)[:2]), node.read(2)  # R: directions, gates x hidden, hidden
        if not inside:
            return 0.0
        directions, hidden = inside[0], inside[2]
        return 2.0 * directions * gates * hidden * (node.read(0)[2] + hidden) * steps

    return count


def _pool(node: _Node) -> float:
    """One operation for each element under the kernel, which is clipped to the input."""
    kernel, size = node.attribute("kernel_shape", []), node.read(0)[2:]
    return float(node.result * math.prod(min(wide, here) for wide, here in zip(kernel, size, strict=False)))


def _attention(node: _Node) -> float:
    """Both products of scaled dot-product attention, of one layout: batch, heads, length, depth."""
    query, key, value = node.read(0), node.read(1), node.read(2)
    if not (len(query) == len(key) == len(value)) or len(query) not in (3, 4):
        return 0.0
    if len(query) == 3:
        heads, batch = 1, query[0]
    else:
        batch, heads = query[0], query[1]
    return 2.0 * batch * heads * query[-2] * key[-2] * (query[-1] + value[-1])


_RULES: Mapping[str, Callable[[_Node], float]] = {
    "Conv": _conv,
    "FusedConv": _conv,
    "ConvInteger": _conv,
    "QLinearConv": lambda node: _conv(node, 3),
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "FusedGemm": _gemm,
    "MatMul": _matmul,
    "FusedMatMul": _matmul,
    "MatMulInteger": _matmul,
    "QLinearMatMul": _matmul,
    "DynamicQuantizeMatMul": _matmul,
    "MatMulIntegerToFloat": _matmul,
    "Einsum": _einsum,
    "LSTM": _recurrent(4),
    "GRU": _recurrent(3),
    "RNN": _recurrent(1),
    "MaxPool": _pool,
    "AveragePool": _pool,
    "LpPool": _pool,
    "GlobalAveragePool": lambda node: math.prod(node.read(0)),
    "GlobalMaxPool": lambda node: math.prod(node.read(0)),
    "Attention": _attention,
    "MultiHeadAttention": _attention,
}
