"""Figures of blocks and heads: operations, parameters, working memory, and boundaries that one tensor crosses."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from planner.running.graph.flow import Flow
from planner.running.network.activations import first_output, peak_bytes
from planner.running.network.operations import operations
from planner.running.network.reading import reads

_LITTLE_BYTES = 4096
"""Shapes and scalars are read by many nodes: together below this size they are no shared parameters."""
_LONGEST_NAME = 180


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
    """Return the operations of every live node, those inside of `If`, `Loop` and `Scan` included."""
    tensors = {**flow.folded.varying, **flow.folded.tensors}
    shapes = dict(constants.shape) | {name: tensor.shape for name, tensor in tensors.items()}
    inner = {name: inside.ops for name, inside in flow.folded.insides.items()}
    return [
        inner[first_output(node)] if first_output(node) in inner else operations(node, shapes) for node in flow.nodes
    ]


@dataclass(frozen=True)
class Parameters:
    """Bytes of the initialisers that parts of a network read."""

    own: tuple[int, ...]
    """Bytes that a part alone reads, and of small ones that several read."""
    shared: Mapping[str, int]
    """Bytes that several parts read, by name: one entry for initialisers of the same parts."""
    uses: tuple[tuple[str, ...], ...]
    """Names in `shared` that each part reads."""


def parameters(flow: Flow, parts: Sequence[Sequence[int]], constants: Constants) -> Parameters:
    """Count the parameters of every part, those that several parts read apart.

    Shapes and scalars (below 4 kB together) that several parts read are counted in each of them.

    Args:
        flow: The network.
        parts: Nodes of every block and head.
        constants: The initialisers.

    Returns:
        Bytes of each part alone, bytes of shared parameters by name, and the names that each part uses.
    """
    readers: dict[str, list[int]] = {}
    for index, nodes in enumerate(parts):
        for name in sorted({name for node in nodes for name in reads(flow.nodes[node])} & constants.size.keys()):
            readers.setdefault(name, []).append(index)
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, by in readers.items():
        groups.setdefault(tuple(by), []).append(name)
    own, shared = [0] * len(parts), dict[str, int]()
    uses: list[list[str]] = [[] for _ in parts]
    for users, names in groups.items():
        size = sum(constants.size[name] for name in names)
        if len(users) == 1 or size < _LITTLE_BYTES:
            for index in users:
                own[index] += size
            continue
        label = _unused_name(flow, max(names, key=lambda name: constants.size[name]), shared)
        shared[label] = size
        for index in users:
            uses[index].append(label)
    return Parameters(tuple(own), shared, tuple(map(tuple, uses)))


def _unused_name(flow: Flow, constant: str, taken: Container[str]) -> str:
    """Return the name that an initialiser had in the file, with a number where it is taken or too long."""
    name = flow.folded.original_names.get(constant, constant)[:_LONGEST_NAME] or constant
    found, number = name, 2
    while found in taken:
        found, number = f"{name}.{number}", number + 1
    return found


def working_bytes(flow: Flow, nodes: Sequence[int], kept: Set[str], held: Iterable[str] = ()) -> float:
    """Compute the largest sum of activations alive at once, while nodes run one after the other.

    Tensors inside of `If`, `Loop` and `Scan` count while their node runs. Those whose size depends on the
    data are as large as on a random input; the workspace of operators counts nothing.

    Args:
        flow: The network.
        nodes: Nodes of a block or head, in execution order.
        kept: Tensors that something else needs as well.
        held: Tensors that only pass through.

    Returns:
        The sum in bytes.
    """
    tensors = {**flow.folded.varying, **flow.folded.tensors}
    sizes = {name: tensor.bits / 8.0 for name, tensor in tensors.items()}
    inside = {name: each.working_bytes for name, each in flow.folded.insides.items()}
    return peak_bytes([flow.nodes[index] for index in nodes], sizes, kept, held, inside)


def single_tensor_boundaries(flow: Flow) -> list[int]:
    """Return the inner boundaries that one tensor crosses, and that can be carried."""
    crossings = flow.crossings()
    return [
        place
        for place in range(1, flow.backbone)
        if len(crossings[place]) == 1 and crossings[place] <= flow.folded.tensors.keys()
    ]
