"""Figures of blocks and heads: operations, parameters, and boundaries that one tensor crosses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from planner.running.graph.flow import Flow
from planner.running.graph.operations import operations
from planner.running.graph.reading import reads


@dataclass(frozen=True)
class Constants:
    """Initialisers of a network: their sizes in bytes, and their shapes."""

    size: Mapping[str, int]
    shape: Mapping[str, Sequence[int]]


def constants_of(flow: Flow) -> Constants:
    """Return the sizes and shapes of the network's initialisers."""
    import onnx

    size, shape = {}, {}
    for constant in flow.folded.model.graph.initializer:
        bits = onnx.helper.tensor_dtype_to_np_dtype(constant.data_type).itemsize * 8
        if constant.data_type in (onnx.TensorProto.INT4, onnx.TensorProto.UINT4):
            bits = 4
        size[constant.name] = -(-math.prod(constant.dims) * bits // 8)
        shape[constant.name] = tuple(constant.dims)
    return Constants(size, shape)


def node_operations(flow: Flow, constants: Constants) -> list[float]:
    """Return the operations of every live node."""
    shapes = dict(constants.shape) | {name: tensor.shape for name, tensor in flow.folded.tensors.items()}
    return [operations(node, shapes) for node in flow.nodes]


def parameters(flow: Flow, nodes: Iterable[int], constants: Constants, counted: set[str]) -> tuple[int, set[str]]:
    """Return the bytes of the initialisers that nodes read, and those counted before (tied parameters).

    Args:
        flow: The network.
        nodes: Indices of nodes.
        constants: The initialisers.
        counted: Initialisers of earlier blocks; those of these nodes are added.
    """
    used = {name for index in nodes for name in reads(flow.nodes[index]) if name in constants.size}
    tied = used & counted
    counted |= used
    return sum(constants.size[name] for name in used - tied), tied


def single_tensor_boundaries(flow: Flow) -> list[int]:
    """Return the inner boundaries that one tensor crosses, and that can be carried."""
    crossings = flow.crossings()
    return [
        place
        for place in range(1, flow.backbone)
        if len(crossings[place]) == 1 and crossings[place] <= flow.folded.tensors.keys()
    ]
