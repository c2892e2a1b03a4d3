"""A builder of ONNX networks, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
KINDS = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64, np.dtype(np.float16): 10}


class Builder:
    """Nodes and weights of one network; every method returns the name of what it adds."""

    def __init__(self, seed: int = 0, flat: bool = False) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.random = np.random.default_rng(seed)
        self.flat = flat  # weights of one value: quick to make, for shapes and counts only

    def weight(self, *shape: int) -> str:
        if self.flat:
            values = np.full(shape, 0.01, np.float32)
        else:
            fan = max(int(np.prod(shape[1:])), 1)
            values = (self.random.standard_normal(shape) / np.sqrt(fan)).astype(np.float32)
        return self.constant(values)

    def constant(self, values: Any) -> str:
        name = f"w{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, kind: str, *inputs: str, outputs: int = 1, name: str = "", **attributes: Any) -> Any:
        made = [name or f"{kind.lower()}{len(self.nodes)}"]
        made += [f"{made[0]}_{index}" for index in range(1, outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), made, name=made[0], **attributes))
        return made[0] if outputs == 1 else made

    def conv(self, x: str, before: int, after: int, size: int = 1, stride: int = 1, group: int = 1) -> str:
        weight, bias = self.weight(after, before // group, size, size), self.weight(after)
        pad = [size // 2] * 4
        return str(self.add("Conv", x, weight, bias, strides=[stride] * 2, pads=pad, group=group))

    def linear(self, x: str, before: int, after: int) -> str:
        return str(self.add("Add", self.add("MatMul", x, self.weight(before, after)), self.weight(after)))

    def head(self, x: str, channels: int, classes: int, name: str = "") -> str:
        flat = self.add("Flatten", self.add("GlobalAveragePool", x))
        return str(self.add("Gemm", flat, self.weight(channels, classes), self.weight(classes), name=name))

    def norm(self, x: str, width: int) -> str:
        ones, zeros = self.constant(np.ones(width, np.float32)), self.constant(np.zeros(width, np.float32))
        return str(self.add("LayerNormalization", x, ones, zeros, axis=-1))

    def model(self, inputs: dict[str, Sequence[int | str]], outputs: Sequence[str], kinds: Any = None) -> Any:
        kinds = kinds or {}
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), s) for n, s in inputs.items()],
            [helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), None) for n in outputs],
            self.constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)


def save(model: Any, path: Path) -> Path:
    onnx.save_model(model, str(path))
    return path
