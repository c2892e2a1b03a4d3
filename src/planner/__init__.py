"""Decides where the pieces of a neural network run: ``from planner import plan``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from planner.version import __version__

if TYPE_CHECKING:
    from planner.errors import InternalError
    from planner.fin.many import plan_many
    from planner.library.adapting import adapt, adapt_designs
    from planner.library.checking import check, verify
    from planner.library.comparison import Comparison, compare
    from planner.library.front import Front, pareto
    from planner.library.inputs import load_model, load_topology, load_workload, prepare
    from planner.library.measuring import calibrate, measure_links, profile
    from planner.library.pages import write_report
    from planner.library.placement import Placement
    from planner.library.planning import plan
    from planner.pipeline.execution import run
    from planner.pipeline.fleet import plan_fleet
    from planner.pipeline.prepared import PreparedTopology
    from planner.running.library import from_onnx, from_torch, split
    from planner.schemas import (
        App,
        AppPlacement,
        Block,
        Calibration,
        Chiplet,
        ChipletAt,
        Designs,
        Exit,
        ExitCalibration,
        InputError,
        Link,
        Medium,
        Model,
        Node,
        OperatingPoint,
        Package,
        PlacementPolicy,
        Policy,
        Profile,
        Speed,
        States,
        Suite,
        Topology,
        Wire,
        Workload,
    )
    from planner.schemas.planning.workload import AppLimits
    from planner.verifier.verify import Violation

__all__ = [
    "App",
    "AppLimits",
    "AppPlacement",
    "Block",
    "Calibration",
    "Chiplet",
    "ChipletAt",
    "Comparison",
    "Designs",
    "Exit",
    "ExitCalibration",
    "Front",
    "InputError",
    "InternalError",
    "Link",
    "Medium",
    "Model",
    "Node",
    "OperatingPoint",
    "Package",
    "Placement",
    "PlacementPolicy",
    "Policy",
    "PreparedTopology",
    "Profile",
    "Speed",
    "States",
    "Suite",
    "Topology",
    "Violation",
    "Wire",
    "Workload",
    "__version__",
    "adapt",
    "adapt_designs",
    "calibrate",
    "check",
    "compare",
    "from_onnx",
    "from_torch",
    "load_model",
    "load_topology",
    "load_workload",
    "measure_links",
    "pareto",
    "plan",
    "plan_fleet",
    "plan_many",
    "prepare",
    "profile",
    "run",
    "split",
    "verify",
    "write_report",
]

_HOMES = {
    "AppLimits": "planner.schemas.planning.workload",
    "Comparison": "planner.library.comparison",
    "Front": "planner.library.front",
    "InternalError": "planner.errors",
    "Placement": "planner.library.placement",
    "PreparedTopology": "planner.pipeline.prepared",
    "Violation": "planner.verifier.verify",
    "adapt": "planner.library.adapting",
    "adapt_designs": "planner.library.adapting",
    "calibrate": "planner.library.measuring",
    "check": "planner.library.checking",
    "compare": "planner.library.comparison",
    "from_onnx": "planner.running.library",
    "from_torch": "planner.running.library",
    "load_model": "planner.library.inputs",
    "load_topology": "planner.library.inputs",
    "load_workload": "planner.library.inputs",
    "measure_links": "planner.library.measuring",
    "pareto": "planner.library.front",
    "plan": "planner.library.planning",
    "plan_fleet": "planner.pipeline.fleet",
    "plan_many": "planner.fin.many",
    "prepare": "planner.library.inputs",
    "profile": "planner.library.measuring",
    "verify": "planner.library.checking",
    "write_report": "planner.library.pages",
    "run": "planner.pipeline.execution",
    "split": "planner.running.library",
}
"""Module of every public name that is not one of `planner.schemas`."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Load a public name where it is first used, so that the command line starts fast."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_HOMES.get(name, "planner.schemas")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
