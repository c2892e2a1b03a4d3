"""The contracts: what files hold, with units. No algorithms."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.schemas.adaptation.designs import Designs
    from planner.schemas.adaptation.placement_policy import PlacementPolicy
    from planner.schemas.adaptation.policy import Policy
    from planner.schemas.adaptation.states import States
    from planner.schemas.batch.suite import Suite
    from planner.schemas.planning.front import Front, FrontPoint
    from planner.schemas.planning.model import Block, Calibration, Exit, ExitCalibration, Model, OperatingPoint, Profile
    from planner.schemas.planning.placement import (
        AppPlacement,
        Assignment,
        Breakdown,
        BrokenLimit,
        Certificate,
        Diagnosis,
        Placement,
        Provenance,
        Route,
        Shares,
        Timing,
        Total,
    )
    from planner.schemas.planning.topology import Chiplet, ChipletAt, Link, Medium, Node, Package, Speed, Topology, Wire
    from planner.schemas.planning.workload import App, Workload, percentile_of
    from planner.schemas.reading.files import check_document, read_document
    from planner.schemas.reading.problems import InputError, Problem, input_error


_NAMES = {
    "planner.schemas.adaptation.designs": ("Designs",),
    "planner.schemas.reading.files": ("check_document", "read_document"),
    "planner.schemas.planning.front": ("Front", "FrontPoint"),
    "planner.schemas.planning.model": (
        "Block",
        "Calibration",
        "Exit",
        "ExitCalibration",
        "Model",
        "OperatingPoint",
        "Profile",
    ),
    "planner.schemas.planning.placement": (
        "AppPlacement",
        "Assignment",
        "Breakdown",
        "BrokenLimit",
        "Certificate",
        "Diagnosis",
        "Placement",
        "Provenance",
        "Route",
        "Shares",
        "Timing",
        "Total",
    ),
    "planner.schemas.adaptation.placement_policy": ("PlacementPolicy",),
    "planner.schemas.adaptation.policy": ("Policy",),
    "planner.schemas.adaptation.states": ("States",),
    "planner.schemas.batch.suite": ("Suite",),
    "planner.schemas.reading.problems": ("InputError", "Problem", "input_error"),
    "planner.schemas.planning.topology": (
        "Chiplet",
        "ChipletAt",
        "Link",
        "Medium",
        "Node",
        "Package",
        "Speed",
        "Topology",
        "Wire",
    ),
    "planner.schemas.planning.workload": ("App", "Workload", "percentile_of"),
}
__all__ = [
    "App",
    "AppPlacement",
    "Assignment",
    "Block",
    "Breakdown",
    "BrokenLimit",
    "Calibration",
    "Certificate",
    "Chiplet",
    "ChipletAt",
    "Designs",
    "Diagnosis",
    "Exit",
    "ExitCalibration",
    "Front",
    "FrontPoint",
    "InputError",
    "Link",
    "Medium",
    "Model",
    "Node",
    "OperatingPoint",
    "Package",
    "Placement",
    "PlacementPolicy",
    "Policy",
    "Problem",
    "Profile",
    "Provenance",
    "Route",
    "Shares",
    "Speed",
    "States",
    "Suite",
    "Timing",
    "Topology",
    "Total",
    "Wire",
    "Workload",
    "check_document",
    "input_error",
    "percentile_of",
    "read_document",
]
_HOMES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Load a schema where it is first used, so that the command line starts fast."""
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_HOMES[name]), name)
