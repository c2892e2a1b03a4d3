"""Values that constants of a network fix: initialisers, and conditions of loops that never become false."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def constant_value(name: str, constants: Mapping[str, Any]) -> float | int | bool | None:
    """Return the value of a constant of one element; None where it is no such constant.

    Args:
        name: Name of a tensor.
        constants: Initialisers by name.
    """
    import onnx

    if name not in constants:
        return None
    array = onnx.numpy_helper.to_array(constants[name])
    value: float | int | bool | None = array.reshape(-1)[0].item() if array.size == 1 else None
    return value


def constant_true(body: Any, constants: Mapping[str, Any]) -> bool:  # noqa: ANN401 - protobuf
    """Tell whether a loop's condition stays true: a constant, or the condition handed on as it came.

    Args:
        body: Graph of the loop.
        constants: Initialisers around it, by name.
    """
    held = dict(constants) | {constant.name: constant for constant in body.initializer}
    makers = {name: node for node in body.node for name in node.output}
    name = body.output[0].name
    while name in makers and makers[name].op_type == "Identity":
        name = makers[name].input[0]
    if name in makers and makers[name].op_type == "Constant":
        held[name] = next((each.t for each in makers[name].attribute if each.name == "value"), None)
        return held[name] is not None and bool(constant_value(name, held))
    if name in makers:
        return False
    return name == body.input[1].name or bool(constant_value(name, held))
