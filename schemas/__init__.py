"""The contracts: what files hold, with units. No algorithms."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemas.designs import Designs
    from schemas.files import check_document, read_document
    from schemas.front import Front, FrontPoint
    from schemas.model import Block, Calibration, Exit, ExitCalibration, Model, OperatingPoint, Profile
    from schemas.placement import (
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
    from schemas.placement_policy import PlacementPolicy
    from schemas.policy import Policy
    from schemas.problems import InputError, Problem, input_error
    from schemas.states import States
    from schemas.suite import Suite
    from schemas.topology import Chiplet, ChipletAt, Link, Medium, Node, Package, Speed, Topology, Wire
    from schemas.workload import App, Workload, percentile_of


_NAMES = {
    "schemas.designs": ("Designs",),
    "schemas.files": ("check_document", "read_document"),
    "schemas.front": ("Front", "FrontPoint"),
    "schemas.model": (
        "Block",
        "Calibration",
        "Exit",
        "ExitCalibration",
        "Model",
        "OperatingPoint",
        "Profile",
    ),
    "schemas.placement": (
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
    "schemas.placement_policy": ("PlacementPolicy",),
    "schemas.policy": ("Policy",),
    "schemas.states": ("States",),
    "schemas.suite": ("Suite",),
    "schemas.problems": ("InputError", "Problem", "input_error"),
    "schemas.topology": ("Chiplet", "ChipletAt", "Link", "Medium", "Node", "Package", "Speed", "Topology", "Wire"),
    "schemas.workload": ("App", "Workload", "percentile_of"),
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
