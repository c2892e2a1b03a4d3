"""Names of values on help pages: every option says what it takes in the same words, whatever its type is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

_BY_OPTION = {
    "accuracy": "FRACTION",
    "address": "HOST:PORT",
    "agent": "HOST:PORT",
    "dim": "NAME=SIZE",
    "dwell": "TIME",
    "enter_load": "FRACTION",
    "gap": "FRACTION",
    "keys": "FOLDER",
    "leave_load": "FRACTION",
    "links": "[NAME=]HOST:PORT",
    "listen": "HOST:PORT",
    "memory_enter_bytes": "BYTES",
    "memory_leave_bytes": "BYTES",
    "power_w": "WATTS",
    "step": "TIME",
    "task": "NAME=FILE,FILE",
    "threads": "COUNT",
    "timeout": "TIME",
}
_BY_TYPE: tuple[tuple[type, str], ...] = ((Path, "FILE"), (int, "COUNT"), (float, "NUMBER"), (str, "NAME"))


def name_values(command: Any, function: Callable[..., None]) -> None:  # noqa: ANN401 - a command of click, whose types typer hides
    """Give every parameter of a command that has none the name of its value on help pages.

    Args:
        command: The command, changed in place.
        function: The function that it was made of, whose annotations say the types.
    """
    annotations = {each.name: each.annotation for each in inspect.signature(function).parameters.values()}
    for parameter in command.params:
        if parameter.metavar is not None or getattr(parameter, "is_flag", False) or parameter.name not in annotations:
            continue
        if parameter.param_type_name == "argument":
            parameter.metavar = parameter.name.upper()
        else:
            parameter.metavar = _BY_OPTION.get(parameter.name) or _by_type(annotations[parameter.name])


def _by_type(annotation: object) -> str | None:
    """Return the name of values of a type, also inside `Annotated`, a union or a list."""
    if isinstance(annotation, type):
        return next((name for kind, name in _BY_TYPE if annotation is kind), None)
    inner = get_args(annotation)
    inner = inner[:1] if hasattr(annotation, "__metadata__") else inner
    return next((name for each in inner if (name := _by_type(each)) is not None), None)
