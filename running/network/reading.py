"""ONNX files read with care: bounded size, no custom operators, external data from the same folder only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from planner.schemas.reading.files import is_file
from planner.schemas.reading.problems import input_error

MOST_BYTES = 2_000_000_000
"""The largest file that ONNX's own format can hold."""
_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
"""Operators that ONNX Runtime itself implements; `com.microsoft` holds those of quantised and fused networks."""


def read_onnx(path: Path) -> Any:  # noqa: ANN401 - protobuf
    """Read an ONNX file with the weights that stand in files beside it.

    Raises:
        InputError: The file cannot be read, is not ONNX, lacks external data, or has custom operators.
    """
    import onnx

    data = _bytes_of(path)
    model = parse_onnx(data, str(path))
    _check_external(model, path)
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # onnx raises what it likes
        message = f"external data cannot be read ({_first_line(error)})"
        raise input_error(message, "keep the data files beside the network", file=str(path)) from None
    return model


_TORCH = "export it with torch.onnx.export, or use planner.from_torch in Python"
_TENSORFLOW = "export it with python -m tf2onnx.convert"
_EXPORTS = {
    **dict.fromkeys((".pt", ".pth", ".safetensors", ".ckpt"), _TORCH),
    **dict.fromkeys((".tflite", ".h5", ".keras", ".pb"), _TENSORFLOW),
}
"""What to do with files of other frameworks, by suffix."""


def parse_onnx(data: bytes, file: str) -> Any:  # noqa: ANN401 - protobuf
    """Return the model that ONNX bytes hold, without custom operators.

    Raises:
        InputError: Not ONNX, empty, or with operators outside of ONNX Runtime.
    """
    import onnx

    fix = _EXPORTS.get(Path(file).suffix.lower(), "export the network to ONNX again")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf raises what it likes
        raise input_error(f"not an ONNX file ({_first_line(error)})", fix, file=file) from None
    if not model.graph.node or not model.graph.output:
        raise input_error("the network computes nothing", "give a network with operators and outputs", file=file)
    own = {function.domain for function in model.functions}
    strange = sorted(
        {f"{node.domain}::{node.op_type}" for node in all_nodes(model.graph) if node.domain not in _DOMAINS | own}
    )
    if strange:
        fix = "export it with standard operators; custom ones are not run"
        raise input_error("the network has custom operators", fix, file=file, value=", ".join(strange[:5]))
    return model


def all_nodes(graph: Any) -> Iterator[Any]:  # noqa: ANN401 - protobuf
    """Yield every node of a graph and of the graphs inside its nodes."""
    for node in graph.node:
        yield node
        for inner in subgraphs(node):
            yield from all_nodes(inner)


def subgraphs(node: Any) -> Iterator[Any]:  # noqa: ANN401 - protobuf
    """Yield the graphs inside a node: branches of `If`, bodies of `Loop` and `Scan`."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def reads(node: Any) -> set[str]:  # noqa: ANN401 - protobuf
    """Return the tensors that a node reads, with those that graphs inside it take from outside."""
    found = {name for name in node.input if name}
    for inner in subgraphs(node):
        found |= captured(inner)
    return found


def captured(graph: Any) -> set[str]:  # noqa: ANN401 - protobuf
    """Return the tensors that a graph inside of a node, and graphs inside of it, take from outside."""
    made = {value.name for value in graph.input} | {constant.name for constant in graph.initializer}
    read: set[str] = set()
    for node in graph.node:
        read |= reads(node) - made
        made |= set(node.output)
    return read | {value.name for value in graph.output if value.name not in made}


def made_tensors(graph: Any) -> list[str]:  # noqa: ANN401 - protobuf
    """Return outputs of a graph's nodes that are tensors: sequences and optional values cannot be asked for."""
    strange = {"SequenceEmpty", "SequenceConstruct", "SplitToSequence", "SequenceInsert", "SequenceErase", "Optional"}
    return [name for node in graph.node if node.op_type not in strange for name in node.output if name]


def graph_inputs(model: Any) -> list[Any]:  # noqa: ANN401 - protobuf
    """Return the inputs that a user feeds: those that no initialiser fills."""
    constants = {constant.name for constant in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def fix_dimensions(model: Any, sizes: Mapping[str, int], file: str) -> None:  # noqa: ANN401 - protobuf
    """Fix every open dimension of the inputs, in place.

    Args:
        model: The network.
        sizes: Sizes by the dimension's name, or by input and axis such as ``x[0]``.
        file: File to name in messages.

    Raises:
        InputError: Dimensions stay open (all are named), or a name is given that no dimension has.
    """
    known: set[str] = set()
    still: dict[str, None] = {}
    for value in graph_inputs(model):
        if not value.type.HasField("tensor_type"):
            fix = "give a network of plain tensors"
            raise input_error("this input is no tensor", fix, file=file, path=f"input {value.name}")
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.HasField("dim_value") and dim.dim_value > 0:
                continue
            names = [f"{value.name}[{axis}]", *filter(None, [dim.dim_param])]
            known |= set(names)
            size = next((sizes[name] for name in names if name in sizes), None)
            if size is None:
                still[names[-1] if re.fullmatch(r"[\w.-]+", names[-1]) else names[0]] = None
            else:
                dim.Clear()
                dim.dim_value = size
    if still:
        asked = " ".join(f"--dim {_quoted(name)}={1 if 'batch' in name.lower() else 'SIZE'}" for name in still)
        message = "a dimension of the inputs is open" if len(still) == 1 else "dimensions of the inputs are open"
        raise input_error(f"{message}: {_shapes(model)}", f"give planner import {asked}", file=file)
    if unknown := sorted(set(sizes) - known):
        fix = f"use one of {', '.join(sorted(known))}" if known else "leave it out: every input has a fixed shape"
        message = "the network has no such open dimension"
        raise input_error(message, fix, file=file, path="--dim", value=", ".join(unknown))


def _shapes(model: Any) -> str:  # noqa: ANN401 - protobuf
    """Return every input with its axes, an open one by its name: ``image[batch, 3, height, width]``."""
    texts = []
    for value in graph_inputs(model):
        dims = value.type.tensor_type.shape.dim
        axes = ", ".join(str(dim.dim_value) if dim.dim_value > 0 else dim.dim_param or "?" for dim in dims)
        texts.append(f"{value.name}[{axes}]")
    return ", ".join(texts)


def _quoted(name: str) -> str:
    """Return a name as a shell takes it literally, before its size."""
    return name if re.fullmatch(r"[\w.-]+", name) else f"'{name}'"


def refuse_external(model: Any, file: str) -> None:  # noqa: ANN401 - protobuf
    """Raise InputError where a network takes weights from other files."""
    if next(_external(model), None) is not None:
        raise input_error("weights stand in other files", "give a network that holds its weights", file=file)


def _check_external(model: Any, path: Path) -> None:  # noqa: ANN401 - protobuf
    """Refuse external data outside of the file's folder, and files that are missing."""
    total = path.stat().st_size
    for location in sorted(set(_external(model))):
        parts = PurePosixPath(location)
        inside = not parts.is_absolute() and ".." not in parts.parts and "\\" not in location and location
        target = path.parent / location
        if not inside or path.parent.resolve() not in target.resolve().parents:
            fix = "keep the data files in the network's own folder"
            raise input_error("external data leads out of the folder", fix, file=str(path), value=location)
        if not is_file(target):
            fix = "copy the data file beside the network"
            raise input_error("external data is missing", fix, file=str(path), value=location)
        total += target.stat().st_size
    if total > MOST_BYTES:
        raise input_error("the network has more than 2 GB", "give a smaller network", file=str(path))


def _external(model: Any) -> Iterator[str]:  # noqa: ANN401 - protobuf
    for constant in _constants(model.graph):
        if constant.data_location == constant.EXTERNAL:
            yield next((entry.value for entry in constant.external_data if entry.key == "location"), "")


def _constants(graph: Any) -> Iterator[Any]:  # noqa: ANN401 - protobuf
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
        for inner in subgraphs(node):
            yield from _constants(inner)


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        message = f"cannot read the file ({getattr(error, 'strerror', None) or error})"
        raise input_error(message, "check the path and its permissions", file=str(path)) from None
    if len(data) > MOST_BYTES:
        raise input_error("the network has more than 2 GB", "give a smaller network", file=str(path))
    return data


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
