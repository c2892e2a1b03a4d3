"""Inputs fixed to values, and `If` nodes with a constant condition replaced by the branch that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from planner.running.graph.reading import graph_inputs, reads, subgraphs
from planner.schemas.reading.problems import input_error


def fix_values(model: Any, values: Mapping[str, float], file: str) -> None:  # noqa: ANN401 - protobuf
    """Make inputs constants, in place.

    Args:
        model: Network with fixed input dimensions.
        values: Value of every element, by input.
        file: File to name in messages.

    Raises:
        InputError: The network has no such input, it has no other input, or its type does not hold the value.
    """
    import numpy as np
    import onnx

    known = {value.name: value for value in graph_inputs(model)}
    if unknown := sorted(values.keys() - known.keys()):
        fix = f"use one of {', '.join(known)}"
        raise input_error("the network has no such input", fix, file=file, path="--value", value=", ".join(unknown))
    if values and not known.keys() - values.keys():
        fix = "leave one input that samples fill"
        raise input_error("no input is left", fix, file=file, path="--value", value=", ".join(values))
    for name, number in values.items():
        kind = known[name].type.tensor_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        with np.errstate(invalid="ignore"):  # a number that does not fit is refused below
            array = np.full([dim.dim_value for dim in kind.shape.dim], number).astype(dtype)
        if dtype.kind != "f" and not np.all(array.astype(np.float64) == np.float64(number)):
            message = f"{name} holds {dtype} values"
            raise input_error(message, "give a value of this type", file=file, path="--value", value=f"{number:g}")
        model.graph.input.remove(known[name])
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))


def inline_branches(model: Any) -> None:  # noqa: ANN401 - protobuf
    """Put the branch that runs in place of every `If` whose condition depends on constants alone, in place."""
    number = 0
    refused: set[str] = set()
    while (found := _constant_if(model, refused)) is not None:
        index, chosen = found
        node = model.graph.node[index]
        branch = next(each.g for each in node.attribute if each.name == ("then_branch" if chosen else "else_branch"))
        inner = type(branch)()
        inner.CopyFrom(branch)
        _rename_made(inner, f"branch{number}_")
        number += 1
        model.graph.initializer.extend(inner.initializer)
        rest = [*_identities(inner, node), *model.graph.node[index + 1 :]]
        del model.graph.node[index:]
        model.graph.node.extend([*inner.node, *rest])


def deciding_inputs(model: Any) -> list[str]:  # noqa: ANN401 - protobuf
    """Return the inputs that conditions of `If` nodes at the top level depend on.

    Args:
        model: The network.
    """
    inputs = {value.name for value in graph_inputs(model)}
    conditions = [node.input[0] for node in model.graph.node if node.op_type == "If"]
    _, leaves = _ancestors(model, conditions)
    return sorted(leaves & inputs)


def _constant_if(model: Any, refused: set[str]) -> tuple[int, bool] | None:  # noqa: ANN401 - protobuf
    """Return place and condition of the first `If` that constants decide; `refused` are conditions not evaluated."""
    inputs = {value.name for value in graph_inputs(model)}
    for index, node in enumerate(model.graph.node):
        if node.op_type != "If" or node.input[0] in refused:
            continue
        nodes, leaves = _ancestors(model, [node.input[0]])
        if not leaves & inputs:
            condition = _evaluated(model, nodes, leaves, node.input[0])
            if condition is not None:
                return index, condition
        refused.add(node.input[0])
    return None


def _ancestors(model: Any, names: list[str]) -> tuple[list[Any], set[str]]:  # noqa: ANN401 - protobuf
    """Return the nodes that make some tensors, in order, and the tensors that no node makes."""
    wanted, nodes = set(names), []
    for node in reversed(model.graph.node):
        if wanted & set(node.output):
            nodes.append(node)
            wanted = (wanted - set(node.output)) | reads(node)
    return nodes[::-1], wanted


def _evaluated(model: Any, nodes: list[Any], constants: set[str], name: str) -> bool | None:  # noqa: ANN401 - protobuf
    """Return the value of a condition by ONNX's reference implementation; None where it has none."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    held = [each for each in model.graph.initializer if each.name in constants]
    output = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.BOOL, None)
    graph = onnx.helper.make_graph(nodes, "condition", [], [output], held)
    small = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    try:
        (condition,) = ReferenceEvaluator(small).run(None, {})
        return bool(condition)
    except Exception:  # whatever the reference cannot run stays an `If`
        return None


def _identities(inner: Any, node: Any) -> Iterator[Any]:  # noqa: ANN401 - protobuf
    """Yield nodes that give the results of a branch the names of the `If` node's outputs."""
    import onnx

    for value, name in zip(inner.output, node.output, strict=True):
        if name:
            yield onnx.helper.make_node("Identity", [value.name], [name])


def _rename_made(graph: Any, prefix: str) -> None:  # noqa: ANN401 - protobuf
    """Rename what a graph makes: two branches may use one name."""
    made = {constant.name for constant in graph.initializer} | {name for node in graph.node for name in node.output}
    _rename(graph, {name: prefix + name for name in made if name})


def _rename(graph: Any, names: Mapping[str, str]) -> None:  # noqa: ANN401 - protobuf
    for row in (*graph.initializer, *graph.output, *graph.value_info):
        row.name = names.get(row.name, row.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for inner in subgraphs(node):
            _rename(inner, names)
