"""ONNX files: inputs, size, and dynamically quantised int8 variants."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.schemas.reading.problems import InputError, Problem, input_error

PRECISIONS = ("float32", "int8")
INSTALL = "install them from the checkout: pip install '.[measure]'"


@dataclass(frozen=True)
class OnnxNetwork:
    """A network in an ONNX file."""

    name: str
    path: Path
    inputs: Mapping[str, tuple[int, ...]]
    """Shape of every input, by its name; all are float32."""


def check_installed() -> None:
    """Raise InputError where the packages that run networks are missing."""
    from importlib.util import find_spec

    if missing := [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]:
        raise input_error(f"measuring needs {' and '.join(missing)}", INSTALL)


def read_network(path: Path, dims: Mapping[str, int]) -> OnnxNetwork:
    """Read an ONNX file.

    Args:
        path: The file.
        dims: Sizes of open dimensions, by name, or by input and axis such as ``x[0]`` where they have none.

    Raises:
        InputError: The file cannot be read, is not ONNX, or has inputs that cannot be filled.
    """
    import onnx

    model = _load(path)
    constants = {constant.name for constant in model.graph.initializer}
    given = [value for value in model.graph.input if value.name not in constants]
    problems: list[Problem] = []
    inputs: dict[str, tuple[int, ...]] = {}
    for value in given:
        tensor = value.type.tensor_type
        if tensor.elem_type != onnx.TensorProto.FLOAT:  # 0 (undefined) where it is no tensor at all
            defined = tensor.elem_type in onnx.TensorProto.DataType.values()
            kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower() if defined else f"type {tensor.elem_type}"
            problems.append(_problem(path, value.name, kind, "this input is not float32", "give a network of float32"))
            continue
        names = [_open_names(value.name, axis, dim) for axis, dim in enumerate(tensor.shape.dim)]
        sizes = [
            int(dim.dim_value) if not known else next((dims[name] for name in known if name in dims), None)
            for dim, known in zip(tensor.shape.dim, names, strict=True)
        ]
        for size, known in zip(sizes, names, strict=True):
            if size is None:
                fix = f"give its size, such as --dim {known[-1]}=1"
                problems.append(_problem(path, value.name, known[-1], "this dimension of the input is open", fix))
        inputs[value.name] = tuple(size for size in sizes if size is not None)
    if not given:
        problems.append(_problem(path, "", None, "the network has no input", "give a network that computes something"))
    if problems:
        raise InputError(problems)
    return OnnxNetwork(path.stem, path, inputs)


def _open_names(name: str, axis: int, dim: Any) -> tuple[str, ...]:  # noqa: ANN401 - protobuf
    """Return what an open dimension of an input may be called; nothing where its size is fixed."""
    if dim.HasField("dim_value") and dim.dim_value > 0:
        return ()
    return (f"{name}[{axis}]", *filter(None, [dim.dim_param]))


def open_dimensions(path: Path) -> set[str]:
    """Return what `dims` may name in a file."""
    return {
        known
        for value in _load(path).graph.input
        for axis, dim in enumerate(value.type.tensor_type.shape.dim)
        for known in _open_names(value.name, axis, dim)
    }


def _load(path: Path) -> Any:  # noqa: ANN401 - protobuf messages have no types of their own
    import onnx

    try:
        with path.open("rb"):
            pass
        onnx.checker.check_model(str(path))
        model = onnx.load(str(path), load_external_data=False)
    except OSError as error:
        message = f"cannot read the file ({error.strerror or error})"
        raise input_error(message, "check the path and its permissions", file=str(path)) from None
    except Exception as error:  # protobuf and onnx raise what they like
        message = f"not a valid ONNX file ({str(error).strip().splitlines()[0] if str(error).strip() else error!r})"
        raise input_error(message, "export the network to ONNX again", file=str(path)) from None
    return model


def _problem(path: Path, where: str, value: object, message: str, fix: str) -> Problem:
    return Problem(str(path), f"input {where}" if where else "", "" if value is None else str(value), message, fix)


def quantised(network: OnnxNetwork, folder: Path) -> Path:
    """Write the dynamically quantised int8 variant of a network, and return its path.

    Weights are stored as 8-bit integers, and activations are quantised while it runs; weights are unsigned, which all
    processors compute without saturation.

    Raises:
        InputError: Nothing in the network can be quantised.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target = folder / f"{network.name}-int8.onnx"
    logging.disable(logging.WARNING)  # advice to run its preprocessing first, for which there is no command here
    try:
        quantize_dynamic(network.path, target, weight_type=QuantType.QUInt8)
    except Exception as error:  # whatever the runtime refuses is told to the user
        message = f"cannot be quantised ({error})"
        raise input_error(message, "leave int8 out: --precisions float32", file=str(network.path)) from None
    finally:
        logging.disable(logging.NOTSET)
    kinds = {node.op_type for node in onnx.load(str(target)).graph.node}
    if not any("Quantize" in kind or "Integer" in kind for kind in kinds):
        message = "nothing in the network can be quantised"
        raise input_error(message, "leave int8 out: --precisions float32", file=str(network.path))
    return target


def size_bytes(path: Path) -> int:
    """Return the size of a stored network, with weights that stand in files beside it."""
    beside = {
        str(entry.value)
        for constant in _load(path).graph.initializer
        for entry in constant.external_data
        if entry.key == "location"
    }
    return int(path.stat().st_size) + sum((path.parent / name).stat().st_size for name in beside)
