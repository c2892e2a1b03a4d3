"""CLEAR: several DNNs planned together, by column generation and geometric programming.

Exits, placements, routes, node speeds and shares of all apps of a workload are chosen together, for the least power.
After the problem of Singhal et al., WoWMoM 2026; the method is described in docs/clear.md.

Example:
    >>> from planner.clear import JOINT_METHODS
    >>> "clear" in JOINT_METHODS
    True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.clear.allocation.plan import Plan
    from planner.clear.method import JOINT_METHODS, JointMethod, joint_method
    from planner.clear.problem.instance import JointInstance, build_joint
    from planner.clear.replan import Replanner
    from planner.clear.solve import solve_joint

_MODULES = {
    "JOINT_METHODS": "planner.clear.method",
    "JointInstance": "planner.clear.problem.instance",
    "JointMethod": "planner.clear.method",
    "Plan": "planner.clear.allocation.plan",
    "Replanner": "planner.clear.replan",
    "build_joint": "planner.clear.problem.instance",
    "joint_method": "planner.clear.method",
    "solve_joint": "planner.clear.solve",
}
__all__ = [
    "JOINT_METHODS",
    "JointInstance",
    "JointMethod",
    "Plan",
    "Replanner",
    "build_joint",
    "joint_method",
    "solve_joint",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any exported name
    """Load an exported name when it is used: the command line needs the names of methods alone."""
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
