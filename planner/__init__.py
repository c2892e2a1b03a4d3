"""Decides where the pieces of a neural network run: ``from planner import plan``."""

from planner.api import plan
from planner.pipeline import InternalError
from planner.verify import Violation, verify
from planner.version import VERSION as __version__
from schemas import App, InputError, Model, Placement, Topology, Workload

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
    "plan",
    "verify",
]
