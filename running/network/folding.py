"""Folding of a network: constants computed by ONNX Runtime, initialisers renamed, all shapes made static."""

from __future__ import annotations

import tempfile
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.running.network.inner import Inside, insides
from planner.running.network.reading import all_nodes, graph_inputs, made_tensors, reads, subgraphs
from planner.running.network.sessions import element_types, execute, random_inputs, session
from planner.schemas.bundles.tensors import Tensor
from planner.schemas.reading.problems import InputError, input_error

if TYPE_CHECKING:
    from numpy.typing import NDArray


_MOST_S = 60.0
"""Time that a network with loops may run: on random input a loop may never end."""


@dataclass(frozen=True)
class Folded:
    """A folded network with the static shape of every tensor."""

    model: Any
    """ONNX model."""
    inputs: tuple[Tensor, ...]
    tensors: Mapping[str, Tensor]
    """Tensors at the top level that can be carried: inputs and outputs of nodes, with static shapes."""
    varying: Mapping[str, Tensor] = field(default_factory=dict)
    """Other tensors at the top level, whose shapes depend on the data, as large as they were on a random input."""
    insides: Mapping[str, Inside] = field(default_factory=dict)
    """What graphs inside of nodes take, by the first output of the node."""
    original_names: Mapping[str, str] = field(default_factory=dict)
    """Names that initialisers had before they were renamed."""


def fold(model: Any, file: str) -> Folded:  # noqa: ANN401 - protobuf
    """Fold constants with ONNX Runtime at its basic level, then find all shapes by running the network twice.

    A tensor whose shape depends on the data cannot be carried, and no boundary may cross it: what an operator such as
    NonMaxSuppression selects, and whatever differs between two random inputs.

    Args:
        model: Network with fixed input dimensions; not changed.
        file: File to name in messages.

    Raises:
        InputError: ONNX Runtime refuses the network, or an input is of a type that is not carried.
    """
    import onnx

    with tempfile.TemporaryDirectory(prefix="planner-") as folder:
        plain, target = Path(folder) / "plain.onnx", Path(folder) / "folded.onnx"
        onnx.save_model(model, str(plain))
        session(str(plain), file, level="basic", save_to=str(target))
        folded = onnx.load_model(str(target))
    _drop_unused(folded)
    original_names = _rename_constants(folded)
    inputs = tuple(_input_tensor(value, file) for value in graph_inputs(folded))
    first, second = _runs(folded, inputs, file)
    tensors = {tensor.name: tensor for tensor in inputs} | _fixed(folded, first, second)
    return Folded(folded, inputs, tensors, _varying(tensors, first, second), insides(folded, first), original_names)


def _drop_unused(model: Any) -> None:  # noqa: ANN401 - protobuf
    """Remove initialisers from the inputs, where old exporters list them too."""
    kept = graph_inputs(model)
    del model.graph.input[:]
    model.graph.input.extend(kept)


def _rename_constants(model: Any) -> dict[str, str]:  # noqa: ANN401 - protobuf
    """Rename initialisers: ONNX Runtime refuses some names that it has given itself; return old names by new ones."""
    taken = {name for node in all_nodes(model.graph) for name in (*node.input, *node.output)}
    taken |= {value.name for value in (*model.graph.input, *model.graph.output)}
    renamed: dict[str, str] = {}
    outputs = {value.name for value in model.graph.output}
    for index, constant in enumerate(model.graph.initializer):
        if constant.name in outputs:
            continue
        name = f"constant_{index}"
        while name in taken:
            name += "_"
        renamed[constant.name] = name
        constant.name = name
    _rename_reads(model.graph, renamed)
    return {new: old for old, new in renamed.items()}


def _rename_reads(graph: Any, renamed: Mapping[str, str]) -> None:  # noqa: ANN401 - protobuf
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name in renamed:
                node.input[index] = renamed[name]
        for inner in subgraphs(node):
            shadowed = {value.name for value in inner.input} | {constant.name for constant in inner.initializer}
            shadowed |= {name for each in inner.node for name in each.output}
            visible = {old: new for old, new in renamed.items() if old not in shadowed}
            _rename_reads(inner, visible)
            for value in inner.output:
                value.name = visible.get(value.name, value.name)


def _input_tensor(value: Any, file: str) -> Tensor:  # noqa: ANN401 - protobuf
    kind = value.type.tensor_type
    if kind.elem_type not in element_types():
        fix = "give a network whose inputs are numbers or truth values"
        raise input_error("this input is of a type that is not carried", fix, file=file, path=f"input {value.name}")
    shape = tuple(int(dim.dim_value) for dim in kind.shape.dim)
    return tensor_of(value.name, element_types()[kind.elem_type], shape)


def tensor_of(name: str, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """Describe a tensor, with its size from its shape and element type.

    Args:
        name: Name of the tensor.
        dtype: NumPy's name of its element type.
        shape: Sizes of all axes.

    Returns:
        The tensor, with its size in bits.
    """
    import math

    import numpy as np

    bits = float(math.prod(shape) * np.dtype(dtype).itemsize * 8)
    return Tensor.model_validate({"name": name, "dtype": dtype, "shape": shape, "bits": bits})


def _described(name: str, array: NDArray[Any]) -> Tensor | None:
    """Describe an array; None where its type is not carried."""
    kind = str(array.dtype)
    return tensor_of(name, kind, array.shape) if kind in element_types().values() else None


def _runs(model: Any, inputs: tuple[Tensor, ...], file: str) -> list[dict[str, NDArray[Any]]]:  # noqa: ANN401 - protobuf
    """Run the network on two random inputs; return every tensor that is an array, inputs included, by name."""
    import onnx

    every = onnx.ModelProto()
    every.CopyFrom(model)
    outputs = [value.name for value in model.graph.output]
    names = list(dict.fromkeys([*outputs, *made_tensors(model.graph)]))
    every.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names[len(outputs) :])
    runtime = session(every.SerializeToString(), file, level="off")
    most_s = _MOST_S if any(node.op_type == "Loop" for node in all_nodes(model.graph)) else None
    runs = []
    for seed in (1, 2):
        feeds = random_inputs(inputs, seed)
        try:
            results = zip(names, execute(runtime, names, feeds, file, most_s), strict=True)
        except InputError as error:
            raise _with_values(error, inputs) from None
        runs.append(feeds | {name: array for name, array in results if hasattr(array, "dtype")})
    return runs


def _with_values(error: InputError, inputs: tuple[Tensor, ...]) -> InputError:
    """Return what was refused with the way to fix inputs of whole numbers: they may be sizes, lengths or positions."""
    whole = [tensor.name for tensor in inputs if tensor.dtype.startswith(("int", "uint"))]
    if not whole or not any("refuses" in problem.message for problem in error.problems):
        return error
    given = " ".join(f"--value {name}=NUMBER" for name in whole)
    fix = f"it ran on 0 and 1 in {', '.join(whole)}: if these are sizes or lengths, give planner import {given}"
    return InputError([replace(problem, fix=fix) for problem in error.problems])


def _fixed(
    model: Any,  # noqa: ANN401 - protobuf
    first: Mapping[str, NDArray[Any]],
    second: Mapping[str, NDArray[Any]],
) -> dict[str, Tensor]:
    """Return the tensors that nodes make, of the same shape in both runs, and not by chance."""
    selected = _selected(model)
    found = {}
    for name in made_tensors(model.graph):
        one, two = first.get(name), second.get(name)
        if one is None or two is None or one.shape != two.shape or name in selected:
            continue
        tensor = _described(name, one)
        if tensor is not None:
            found[name] = tensor
    return found


def _varying(
    fixed: Container[str], first: Mapping[str, NDArray[Any]], second: Mapping[str, NDArray[Any]]
) -> dict[str, Tensor]:
    """Return the tensors of two runs whose shapes are not fixed, as large as the larger one."""
    found: dict[str, Tensor] = {}
    for name in first:
        if name not in fixed and name in second:
            tensor = _described(name, max(first[name], second[name], key=lambda array: array.size))
            found |= {} if tensor is None else {name: tensor}
    return found


_SELECTING = {"NonZero", "NonMaxSuppression", "Unique", "Compress"}
"""Operators that hand on as many elements as the data say."""


def _selected(model: Any) -> set[str]:  # noqa: ANN401 - protobuf
    """Return the tensors of open shape that come from operators that select elements by the data."""
    stated = {
        value.name
        for value in (*model.graph.value_info, *model.graph.output)
        if value.type.tensor_type.HasField("shape")
        and all(dim.HasField("dim_value") for dim in value.type.tensor_type.shape.dim)
    }
    found: set[str] = set()
    for node in model.graph.node:
        if node.op_type in _SELECTING or reads(node) & found:
            found |= {name for name in node.output if name and name not in stated}
    return found
