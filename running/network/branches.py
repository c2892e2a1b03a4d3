"""Inputs fixed to values, and `If` nodes with a constant condition replaced by the branch that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from planner.running.network.reading import graph_inputs, reads, subgraphs
from planner.schemas.reading.problems import input_error


def fix_values(model: Any, values: Mapping[str, float], file: str) -> None:  # noqa: ANN401 - protobuf
    """Make inputs constants, in place.

    Args:
        model: Network with fixed input dimensions.
        values: Value of every element, by input; integers are kept exactly.
        file: File to name in messages.

    Raises:
        InputError: The network has no such input, it has no other input, or its type does not hold the value.
    """
    import onnx

    known = {value.name: value for value in graph_inputs(model)}
    if unknown := sorted(values.keys() - known.keys()):
        fix = f"use one of {', '.join(known)}"
        raise input_error("the network has no such input", fix, file=file, path="--value", value=", ".join(unknown))
    if values and not known.keys() - values.keys():
        fix = "leave one input that samples fill"
        raise input_error("no input is left", fix, file=file, path="--value", value=", ".join(values))
    for name, number in values.items():
        array = _filled(known[name], number, file)
        model.graph.input.remove(known[name])
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))


def _filled(value: Any, number: float, file: str) -> Any:  # noqa: ANN401 - protobuf, an array
    """Return the array of an input whose elements are all one number; raise InputError where it cannot hold it."""
    import numpy as np
    import onnx

    kind = value.type.tensor_type
    held = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
    if held not in _FIXED_TYPES:
        message, fix = f"{value.name} holds {held} values, which no number fixes", "fix inputs of numbers alone"
        raise input_error(message, fix, file=file, path="--value", value=value.name)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
    element = _element(number, dtype)
    if element is None:
        message, fix = f"{value.name} holds {dtype} values", f"give a number that {dtype} can hold"
        if dtype.kind in "iu":
            fix = f"give a whole number from {np.iinfo(dtype).min} to {np.iinfo(dtype).max}"
        elif dtype.kind == "b":
            fix = "give 0 or 1"
        raise input_error(message, fix, file=file, path="--value", value=str(number))
    return np.full([dim.dim_value for dim in kind.shape.dim], element)


_FIXED_TYPES = frozenset((
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "bfloat16", "float", "double",
))  # fmt: skip
"""Types of inputs that a number can fix, by their names in ONNX."""


def _element(number: float, dtype: Any) -> Any:  # noqa: ANN401 - a type and a scalar of NumPy
    """Return a number as a type holds it: integers exactly, others rounded; None where it is beyond the type."""
    import numpy as np

    try:
        if dtype.kind in "iub":
            low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
            whole = int(number)
            return dtype.type(whole) if whole == number and low <= whole <= high else None
        exact = float(number)
    except (OverflowError, ValueError):  # infinite, not a number, or an integer beyond every float
        return None
    with np.errstate(over="ignore", under="ignore"):  # what does not fit is refused, not warned of
        element = np.float64(exact).astype(dtype)
    vanished = exact != 0.0 and element == 0
    return element if np.isfinite(element) and not vanished else None


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
    """Return the inputs of one element that conditions of `If` nodes at the top level depend on.

    Larger inputs hold samples, which no value fixes.

    Args:
        model: The network.
    """
    inputs = {value.name for value in graph_inputs(model) if _is_scalar(value)}
    conditions = [node.input[0] for node in model.graph.node if node.op_type == "If"]
    _, leaves = _ancestors(model, conditions)
    return sorted(leaves & inputs)


def _is_scalar(value: Any) -> bool:  # noqa: ANN401 - protobuf
    return all(dim.dim_value == 1 for dim in value.type.tensor_type.shape.dim)


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
