"""Networks built with onnx.helper: published architectures, and small ones of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from onnx_builder import Builder


def resnet(layers: Sequence[int], bottleneck: bool, width: int = 64, size: int = 224, flat: bool = False) -> Any:
    """ResNet (He et al., CVPR 2016); strides of bottlenecks stand at the 3 x 3 convolution, as in torchvision."""
    b = Builder(flat=flat)
    x = b.add("Relu", b.conv("x", 3, width, 7, 2))
    x = b.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    before = width
    for stage, count in enumerate(layers):
        inner = width * 2**stage
        after = inner * (4 if bottleneck else 1)
        for block in range(count):
            stride = 2 if stage and not block else 1
            if bottleneck:
                y = b.add("Relu", b.conv(x, before, inner))
                y = b.add("Relu", b.conv(y, inner, inner, 3, stride))
                y = b.conv(y, inner, after)
            else:
                y = b.conv(b.add("Relu", b.conv(x, before, inner, 3, stride)), inner, inner, 3)
            skip = x if before == after and stride == 1 else b.conv(x, before, after, 1, stride)
            x = b.add("Relu", b.add("Add", y, skip))
            before = after
    return b.model({"x": [1, 3, size, size]}, [b.head(x, before, 1000, "logits")])


def mobilenet_v2(size: int = 224, flat: bool = False) -> Any:
    """MobileNetV2 (Sandler et al., CVPR 2018), table 2."""
    b = Builder(flat=flat)
    low, high = b.constant(np.float32(0)), b.constant(np.float32(6))

    def relu6(x: str) -> str:
        return str(b.add("Clip", x, low, high))

    x, before = relu6(b.conv("x", 3, 32, 3, 2)), 32
    table = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expand, after, count, first in table:
        for index in range(count):
            stride, inner = (first if not index else 1), before * expand
            y = x if expand == 1 else relu6(b.conv(x, before, inner))
            y = relu6(b.conv(y, inner, inner, 3, stride, inner))
            y = b.conv(y, inner, after)
            x = b.add("Add", x, y) if stride == 1 and before == after else y
            before = after
    x = relu6(b.conv(x, before, 1280))
    return b.model({"x": [1, 3, size, size]}, [b.head(x, 1280, 1000, "logits")])


def _encoder(b: Builder, x: str, length: int, width: int, heads: int, inner: int, pre: bool, weights: Any) -> str:
    """One layer of a transformer; `weights` gives matrices, so that layers can share them."""

    def linear(x: str, name: str, before: int, after: int) -> str:
        matrix, bias = weights(name, before, after)
        return str(b.add("Add", b.add("MatMul", x, matrix), bias))

    def split(x: str) -> str:
        shape = b.constant(np.array([1, length, heads, width // heads], np.int64))
        return str(b.add("Transpose", b.add("Reshape", x, shape), perm=[0, 2, 1, 3]))

    y = b.norm(x, width) if pre else x
    q, k, v = (split(linear(y, name, width, width)) for name in "qkv")
    scores = b.add("MatMul", q, b.add("Transpose", k, perm=[0, 1, 3, 2]))
    scale = b.constant(np.float32((width // heads) ** -0.5))
    mixed = b.add("MatMul", b.add("Softmax", b.add("Mul", scores, scale), axis=-1), v)
    flat = b.constant(np.array([1, length, width], np.int64))
    mixed = b.add("Reshape", b.add("Transpose", mixed, perm=[0, 2, 1, 3]), flat)
    x = b.add("Add", x, linear(mixed, "o", width, width))
    x = x if pre else b.norm(x, width)
    y = linear(b.norm(x, width) if pre else x, "up", width, inner)
    half, one = b.constant(np.float32(0.5)), b.constant(np.float32(1))
    root = b.constant(np.float32(2**0.5))
    gelu = b.add("Mul", b.add("Mul", y, b.add("Add", b.add("Erf", b.add("Div", y, root)), one)), half)
    x = str(b.add("Add", x, linear(gelu, "down", inner, width)))
    return x if pre else b.norm(x, width)


def _weights(b: Builder, shared: bool) -> Any:
    made: dict[str, tuple[str, str]] = {}

    def weights(name: str, before: int, after: int) -> tuple[str, str]:
        if not shared or name not in made:
            made[name] = b.weight(before, after), b.weight(after)
        return made[name]

    return weights


def vit(width: int = 384, layers: int = 12, heads: int = 6, size: int = 224, shared: bool = False) -> Any:
    """ViT (Dosovitskiy et al., ICLR 2021) with patches of 16 x 16; S has width 384 (Touvron et al., ICML 2021)."""
    b = Builder()
    length = (size // 16) ** 2 + 1
    patches = b.add("Conv", "x", b.weight(width, 3, 16, 16), b.weight(width), strides=[16, 16])
    rows = b.add("Reshape", patches, b.constant(np.array([1, width, length - 1], np.int64)))
    rows = b.add("Transpose", rows, perm=[0, 2, 1])
    x = b.add("Concat", b.weight(1, 1, width), rows, axis=1)
    x = b.add("Add", x, b.weight(1, length, width))
    weights = _weights(b, shared)
    for _ in range(layers):
        x = _encoder(b, x, length, width, heads, 4 * width, True, weights)
    first = b.add("Gather", b.norm(x, width), b.constant(np.int64(0)), axis=1)
    b.add("Gemm", first, b.weight(width, 1000), b.weight(1000), name="logits")
    return b.model({"x": [1, 3, size, size]}, ["logits"])


def bert(width: int = 768, layers: int = 12, length: int = 128, words: int = 100, shared: bool = True) -> Any:
    """BERT (Devlin et al., NAACL 2019) with few words, and where `shared` one set of weights for all layers."""
    b = Builder(flat=width > 256)
    table = b.weight(words, width)
    x = b.add("Gather", table, "ids")
    x = b.norm(b.add("Add", x, b.weight(1, length, width)), width)
    weights = _weights(b, shared)
    for _ in range(layers):
        x = _encoder(b, x, length, width, max(width // 64, 1), 4 * width, False, weights)
    first = b.add("Gather", x, b.constant(np.int64(0)), axis=1)
    b.add("Tanh", b.linear(first, width, width), name="pooled")
    return b.model({"ids": [1, length]}, ["pooled"], {"ids": TensorProto.INT64})


def tied(words: int = 64, width: int = 16, length: int = 8) -> Any:
    """A language model whose embedding is also its last layer."""
    b = Builder()
    table = b.weight(words, width)
    x = b.add("Gather", table, "ids")
    x = b.add("Relu", b.linear(x, width, 4 * width))
    x = b.norm(b.linear(x, 4 * width, width), width)
    rows = b.add("Reshape", x, b.constant(np.array([length, width], np.int64)))
    b.add("Gemm", rows, table, transB=1, name="logits")
    return b.model({"ids": ["batch", length]}, ["logits"], {"ids": TensorProto.INT64})


def unet() -> Any:
    """A U-Net of two levels: skips carry more than the input."""
    b = Builder()
    a = b.add("Relu", b.conv("x", 3, 16, 3))
    c = b.add("Relu", b.conv(b.add("MaxPool", a, kernel_shape=[2, 2], strides=[2, 2]), 16, 32, 3))
    d = b.add("Relu", b.conv(b.add("MaxPool", c, kernel_shape=[2, 2], strides=[2, 2]), 32, 64, 3))
    up = b.add("ConvTranspose", d, b.weight(64, 32, 2, 2), strides=[2, 2])
    e = b.add("Relu", b.conv(b.add("Concat", up, c, axis=1), 64, 32, 3))
    up = b.add("ConvTranspose", e, b.weight(32, 16, 2, 2), strides=[2, 2])
    b.add("Sigmoid", b.conv(b.add("Concat", up, a, axis=1), 32, 1, 3), name="mask")
    return b.model({"x": [1, 3, 32, 32]}, ["mask"])


def inception(width: int = 8, size: int = 16) -> Any:
    """Two cells of four branches each, as in GoogLeNet (Szegedy et al., CVPR 2015), and a classifier."""
    b = Builder(seed=7)
    x, before = b.add("Relu", b.conv("x", 3, width, 3)), width
    for _ in range(2):
        one = b.add("Relu", b.conv(x, before, width))
        three = b.add("Relu", b.conv(b.add("Relu", b.conv(x, before, width)), width, 2 * width, 3))
        five = b.add("Relu", b.conv(b.add("Relu", b.conv(x, before, width)), width, width, 5))
        pooled = b.add("MaxPool", x, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
        x = b.add("Concat", one, three, five, b.add("Relu", b.conv(pooled, before, width)), axis=1)
        before = 5 * width
    return b.model({"x": [1, 3, size, size]}, [b.head(x, before, 5, "y")])


def exits_with_skips(width: int = 8, size: int = 16) -> Any:
    """A U with a head at its bottom (`early`) and behind the first step up (`late`): skips pass both exits.

    A second input (`gain`) is needed behind the exits only.
    """
    b = Builder(seed=9)
    a = b.add("Relu", b.conv("x", 3, width, 3))
    c = b.add("Relu", b.conv(b.add("MaxPool", a, kernel_shape=[2, 2], strides=[2, 2]), width, 2 * width, 3))
    d = b.add("Relu", b.conv(c, 2 * width, 2 * width, 3, 2))
    b.head(d, 2 * width, 5, "early")
    up = b.add("ConvTranspose", d, b.weight(2 * width, width, 2, 2), strides=[2, 2])
    e = b.add("Relu", b.conv(b.add("Concat", up, c, axis=1), 3 * width, width, 3))
    b.head(e, width, 5, "late")
    up = b.add("ConvTranspose", b.add("Mul", e, "gain"), b.weight(width, width, 2, 2), strides=[2, 2])
    f = b.add("Relu", b.conv(b.add("Concat", up, a, axis=1), 2 * width, width, 3))
    b.head(f, width, 5, "y")
    return b.model({"x": [1, 3, size, size], "gain": [1, 1, 1, 1]}, ["early", "late", "y"])


def recurrent() -> Any:
    """An LSTM with its state as inputs and outputs, behind a convolution."""
    b = Builder()
    x = b.add("Relu", b.add("Conv", "sound", b.weight(24, 1, 16), strides=[8]))
    steps = b.add("Transpose", x, perm=[2, 0, 1])
    gates = [b.weight(1, 64, 24), b.weight(1, 64, 16), b.weight(1, 128)]
    y = b.add("LSTM", steps, *gates, "", "h", "c", hidden_size=16, outputs=3, name="lstm")
    last = b.add("Squeeze", y[1], b.constant(np.array([0], np.int64)))
    b.add("Sigmoid", b.linear(last, 16, 1), name="speech")
    return b.model({"sound": [1, 1, 256], "h": [1, 1, 16], "c": [1, 1, 16]}, ["speech", y[1], y[2]])


def branching() -> Any:
    """An `If` whose branches read tensors from outside, and a `Loop`, between two linear layers."""
    b = Builder()
    x = b.add("Relu", b.linear("x", 8, 8))
    total = b.add("ReduceSum", x, keepdims=0)
    test = b.add("Greater", total, b.constant(np.float32(1)))
    factor = b.weight(8, 8)
    branches = []
    for name, kind in (("then", "MatMul"), ("else", "Add")):
        value = helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, [8, 8])
        node = helper.make_node(kind, [x, factor], [f"{name}_y"])
        branches.append(helper.make_graph([node], name, [], [value]))
    y = b.add("If", test, then_branch=branches[0], else_branch=branches[1])
    body = helper.make_graph(
        [
            helper.make_node("Add", ["state", x], ["grown"]),
            helper.make_node("Identity", ["go"], ["on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, [8, 8]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("grown", TensorProto.FLOAT, [8, 8]),
        ],
    )
    rounds, go = b.constant(np.int64(3)), b.constant(np.bool_(True))
    z = b.add("Loop", rounds, go, y, body=body)
    b.add("Tanh", b.linear(z, 8, 4), name="result")
    return b.model({"x": [8, 8]}, ["result"])


def two_inputs() -> Any:
    """Two branches that meet late, two outputs, and an int64 input that only the end needs."""
    b = Builder()
    left = b.add("Relu", b.linear("left", 6, 12))
    right = b.add("Relu", b.linear("right", 4, 12))
    early = b.add("Sigmoid", b.linear(left, 12, 2), name="early")
    both = b.add("Relu", b.linear(b.add("Concat", left, right, axis=1), 24, 12))
    chosen = b.add("Gather", both, "rows", axis=0)
    b.add("MatMul", chosen, b.weight(12, 3), name="late")
    shapes: dict[str, Sequence[int | str]] = {"left": [2, 6], "right": [2, 4], "rows": [3]}
    return b.model(shapes, [early, "late"], {"rows": TensorProto.INT64})


def half() -> Any:
    """A small CNN in float16 between casts."""
    b = Builder()
    x = b.add("Cast", "x", to=TensorProto.FLOAT16)
    for before, after in ((3, 8), (8, 8)):
        weight = b.constant(b.random.standard_normal((after, before, 3, 3)).astype(np.float16) / np.float16(4))
        x = b.add("Relu", b.add("Conv", x, weight, pads=[1, 1, 1, 1]))
    b.add("Cast", b.add("GlobalAveragePool", x), to=TensorProto.FLOAT, name="y")
    return b.model({"x": [1, 3, 12, 12]}, ["y"])


def detector() -> Any:
    """A detector in one shot: how many of its 64 boxes are kept depends on the image."""
    b = Builder()
    x = b.add("Relu", b.conv(b.add("Relu", b.conv("x", 3, 8, 3, 2)), 8, 16, 3, 2))
    rows = (b.constant(np.array([1, 4, 64], np.int64)), b.constant(np.array([1, 3, 64], np.int64)))
    boxes = b.add("Transpose", b.add("Reshape", b.conv(x, 16, 4), rows[0]), perm=[0, 2, 1])
    scores = b.add("Sigmoid", b.add("Reshape", b.conv(x, 16, 3), rows[1]), name="scores")
    limits = (b.constant(np.array([10], np.int64)), b.constant(np.float32([0.5])), b.constant(np.float32([0.5])))
    kept = b.add("NonMaxSuppression", boxes, scores, *limits)
    which = b.add("Gather", kept, b.constant(np.int64(2)), axis=1)
    b.add("Mul", b.add("Gather", boxes, which, axis=1), b.constant(np.float32(4)), name="found")
    return b.model({"x": [1, 3, 32, 32]}, ["found", scores])


def early_exits(width: int = 16, size: int = 16, softmax: bool = False) -> Any:
    """Three stages with a head behind each: `e1`, `e2` and the final `y`."""
    b = Builder(seed=3)
    x = b.add("Relu", b.conv("x", 3, width, 3))
    b.head(x, width, 5, "e1_logits" if softmax else "e1")
    x = b.add("Relu", b.conv(x, width, 2 * width, 3, 2))
    x = b.add("Add", x, b.add("Relu", b.conv(x, 2 * width, 2 * width, 3)))
    b.head(x, 2 * width, 5, "e2")
    x = b.add("Relu", b.conv(x, 2 * width, 4 * width, 3, 2))
    x = b.add("Relu", b.conv(x, 4 * width, 4 * width, 3))
    b.head(x, 4 * width, 5, "y")
    if softmax:
        b.add("Softmax", "e1_logits", name="e1", axis=-1)
    return b.model({"x": [1, 3, size, size]}, ["e1", "e2", "y"])


def plain(layers: int = 3, width: int = 8, name: str = "y") -> Any:
    """Linear layers with Relu between."""
    b = Builder()
    x = "x"
    for _ in range(layers):
        x = b.add("Relu", b.linear(x, width, width))
    b.add("MatMul", x, b.weight(width, 3), name=name)
    return b.model({"x": [1, width]}, [name])


SMALL = {
    "resnet": lambda: resnet([1, 1, 1, 1], False, 8, 32),
    "bottleneck": lambda: resnet([1, 2], True, 8, 32),
    "mobilenet": lambda: mobilenet_v2(32),
    "vit": lambda: vit(32, 2, 2, 32),
    "bert": lambda: bert(32, 2, 8, 50, False),
    "tied": tied,
    "unet": unet,
    "inception": inception,
    "recurrent": recurrent,
    "branching": branching,
    "two-inputs": two_inputs,
    "half": half,
    "detector": detector,
    "exits": early_exits,
    "exits-skips": exits_with_skips,
}
"""Networks of different kinds, small enough to be cut everywhere."""
DIMS = {"tied": {"batch": 1}}
EXITS = {"exits": ("e1", "e2"), "exits-skips": ("early", "late")}
