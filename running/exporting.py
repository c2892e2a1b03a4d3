"""Modules of PyTorch as ONNX files: PyTorch's own exporter in evaluation mode, checked against the module."""

from __future__ import annotations

import inspect
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.running.network.sessions import execute, session
from planner.running.requirements import require
from planner.schemas.reading.problems import input_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOLERANCE = {"float64": 1e-4, "float32": 1e-3, "float16": 5e-2}
"""Most that an output may differ from the module's, relative to its largest value, by its type."""
_FIX = "mend the module so that torch.onnx.export takes it, or export it to ONNX and use from_onnx"


def export_module(module: Any, example: Any, output_names: Sequence[str] | None, path: Path) -> None:  # noqa: ANN401 - torch is no dependency
    """Write a module to an ONNX file, by PyTorch's exporter of graphs or, where that fails, by tracing.

    Args:
        module: A `torch.nn.Module`; its mode is what it was before when this returns.
        example: Example inputs: a tensor, a tuple of positional arguments, or a dict of named ones.
        output_names: Names for the outputs.
        path: The file.

    Raises:
        InputError: PyTorch is missing, its exporter refuses the module, or the network computes something else.
    """
    if find_spec("torch") is None:
        raise input_error(
            "from_torch needs torch",
            "pip install torch onnxscript; or export to ONNX where PyTorch is installed, and use from_onnx",
        )
    require("onnx", "onnxruntime", doing="importing modules")
    if not hasattr(module, "eval") or not hasattr(module, "modules"):
        raise input_error("not a module of PyTorch", "give a torch.nn.Module", value=type(module).__name__)
    arguments, named = _arguments(example)
    with _evaluating(module), _quiet():
        expected = _computed(module, arguments, named)
        _export(module, arguments, named, output_names, path)
        _check(expected, _by_name(module, arguments, named), path)


def _arguments(example: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:  # noqa: ANN401
    if isinstance(example, Mapping):
        return (), dict(example)
    return (tuple(example) if isinstance(example, (tuple, list)) else (example,)), {}


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:  # noqa: ANN401
    """Put a module and all its parts into evaluation mode, and back: dropout and batch statistics are for training."""
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for each, training in modes:
            each.training = training


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter logs and warns of to itself: what matters of it is checked, or raised."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        said = io.StringIO()
        with warnings.catch_warnings(), redirect_stdout(said), redirect_stderr(said):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _export(
    module: Any,  # noqa: ANN401
    arguments: tuple[Any, ...],
    named: dict[str, Any],
    output_names: Sequence[str] | None,
    path: Path,
) -> None:
    import torch

    known = inspect.signature(torch.onnx.export).parameters
    options: dict[str, Any] = {"output_names": None if output_names is None else list(output_names)}
    options |= {name: value for name, value in (("external_data", False), ("verbose", False)) if name in known}
    if named:
        options["kwargs"] = named
    reasons = []
    for dynamo in (True, False) if "dynamo" in known else (None,):
        chosen = options if dynamo is None else {**options, "dynamo": dynamo}
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                torch.onnx.export(module, arguments, str(path), **chosen)
        except Exception as error:  # the exporter raises what it likes
            reasons.append(_reason(error))
            continue
        if not any(each.category.__name__ == "TracerWarning" and "boolean" in str(each.message) for each in warned):
            return
        reasons.append("it branches on values, and a trace holds one branch alone")
    if find_spec("onnxscript") is None:
        raise input_error(f"PyTorch cannot export the module ({reasons[0]})", "pip install onnxscript, which it needs")
    raise input_error(f"PyTorch cannot export the module ({'; by tracing: '.join(reasons)})", _FIX)


def _reason(error: Exception) -> str:
    """Return the innermost reason of an exporter's refusal, in one line."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".")[:300] if lines else type(error).__name__


def _computed(module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> list[NDArray[Any]]:  # noqa: ANN401
    """Return the outputs of a module on the example."""
    import torch

    try:
        with torch.no_grad():
            return [each.detach().cpu().numpy() for each in _tensors(module(*arguments, **named))]
    except Exception as error:  # a module raises what it likes
        fix = "give inputs that the module takes: a tensor, a tuple, or a dict by name"
        raise input_error(f"the module does not run on the example ({_reason(error)})", fix) from None


def _check(expected: Sequence[NDArray[Any]], given: dict[str, Any], path: Path) -> None:
    """Refuse a network that computes something else than its module on the example."""
    import numpy as np

    runtime = session(str(path), path.name, "off")
    wanted = [each.name for each in runtime.get_inputs()]
    if not set(wanted) <= set(given):  # the exporter has named inputs by itself: they stand in the order of arguments
        given = dict(zip(wanted, given.values(), strict=False))
    if not set(wanted) <= set(given):
        raise input_error("the exported network has other inputs than the example", _FIX)
    found = execute(runtime, None, {name: given[name] for name in wanted}, path.name)
    if len(found) != len(expected):
        raise input_error(f"the exported network has {len(found)} outputs, the module {len(expected)}", _FIX)
    for out, result, right in zip(runtime.get_outputs(), found, expected, strict=True):
        if result.shape != right.shape:
            raise input_error(f"the exported network computes {out.name} with another shape than the module", _FIX)
        if right.dtype.kind != "f" or not right.size:
            continue
        scale = float(np.abs(right).max()) or 1.0
        off = float(np.abs(result.astype(np.float64) - right.astype(np.float64)).max()) / scale
        if not off <= _TOLERANCE.get(str(right.dtype), 5e-2):
            fix = "give another example, or mend what differs (random numbers, branches on values)"
            raise input_error(f"the exported network computes something else than the module ({out.name})", fix)


def _by_name(module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Return the tensors of the arguments by the names that `forward` gives them, in order; nested ones by number."""
    parameters = list(inspect.signature(module.forward).parameters)
    pairs = [*zip(parameters, arguments, strict=False), *named.items()]
    found = {}
    for name, value in pairs:
        tensors = list(_tensors(value))
        for index, each in enumerate(tensors):
            found[name if len(tensors) == 1 else f"{name}_{index}"] = each.detach().cpu().numpy()
    return found


def _tensors(value: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield the tensors of nested outputs or arguments, in order."""
    if hasattr(value, "detach"):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _tensors(each)
