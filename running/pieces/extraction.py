"""Extraction of a part of a network as a network of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from planner.running.network.reading import reads
from planner.running.network.sessions import element_types
from planner.schemas.bundles.tensors import Tensor


def extract(graph: Any, nodes: Iterable[int], inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> bytes:  # noqa: ANN401 - protobuf
    """Copy some nodes of a network to an ONNX model, with the initialisers that they read and no others.

    Args:
        graph: ONNX model with all weights inside.
        nodes: Indices of nodes, in execution order.
        inputs: Tensors that are fed; those of the nodes' inputs that no node of the part makes.
        outputs: Tensors that are asked for.

    Returns:
        The model as bytes of ONNX; the same nodes and tensors give the same bytes.
    """
    import onnx

    chosen = [graph.graph.node[index] for index in nodes]
    read = {name for node in chosen for name in reads(node)}
    made = {name for node in chosen for name in node.output}
    read |= {tensor.name for tensor in outputs if tensor.name not in made}
    codes = {name: code for code, name in element_types().items()}

    def described(tensors: Sequence[Tensor]) -> list[Any]:
        return [onnx.helper.make_tensor_value_info(each.name, codes[each.dtype], list(each.shape)) for each in tensors]

    part = onnx.ModelProto()
    part.ir_version, part.producer_name = graph.ir_version, "planner"
    part.opset_import.extend(graph.opset_import)
    part.functions.extend(graph.functions)
    part.graph.name = graph.graph.name or "piece"
    part.graph.node.extend(chosen)
    part.graph.initializer.extend(constant for constant in graph.graph.initializer if constant.name in read)
    sparse = (constant for constant in graph.graph.sparse_initializer if constant.values.name in read)
    part.graph.sparse_initializer.extend(sparse)
    part.graph.input.extend(described(inputs))
    part.graph.output.extend(described(outputs))
    data: bytes = part.SerializeToString(deterministic=True)
    return data
