"""Decides where the pieces of a neural network run: ``from planner import plan``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from planner.version import __version__

if TYPE_CHECKING:
    from planner.api import plan
    from planner.errors import InternalError
    from planner.fin.many import plan_many
    from planner.running.library import from_onnx, from_torch
    from planner.schemas import App, InputError, Model, Placement, Topology, Workload
    from planner.verifier.verify import Violation, verify

__all__ = [
    "App",
    "InputError",
    "InternalError",
    "Model",
    "Placement",
    "Topology",
    "Violation",
    "Workload",
    "__version__",
    "from_onnx",
    "from_torch",
    "plan",
    "plan_many",
    "verify",
]

_HOMES = {
    "from_onnx": "planner.running.library",
    "from_torch": "planner.running.library",
    "plan": "planner.api",
    "plan_many": "planner.fin.many",
    "InternalError": "planner.errors",
    "Violation": "planner.verifier.verify",
    "verify": "planner.verifier.verify",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Load a public name where it is first used, so that the command line starts fast."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_HOMES.get(name, "planner.schemas")), name)
