"""The contracts: what files hold, with units. No algorithms."""

from schemas.files import check_document, read_document
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
from schemas.problems import InputError, Problem, input_error
from schemas.topology import Chiplet, ChipletAt, Link, Node, Package, Speed, Topology, Wire
from schemas.workload import App, Workload, percentile_of

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
    "Diagnosis",
    "Exit",
    "ExitCalibration",
    "InputError",
    "Link",
    "Model",
    "Node",
    "OperatingPoint",
    "Package",
    "Placement",
    "Problem",
    "Profile",
    "Provenance",
    "Route",
    "Shares",
    "Speed",
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
