"""Interface of the methods that plan several apps together: the protocol, and the registry of methods by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from planner.fin.registry import load

if TYPE_CHECKING:  # the command line needs the names of methods, not all that they work with
    from planner.clear.allocation.plan import Plan
    from planner.clear.problem.instance import JointInstance
    from planner.fin.method import Options
    from planner.fin.outcome import Outcome


class JointMethod(Protocol):
    """A way to place several apps on nodes and media that they share. A plan keeps every limit, or there is none."""

    name: str
    description: str

    def solve(self, joint: JointInstance, options: Options) -> Outcome[Plan]:
        """Place all apps."""


_CLASSES = {
    "clear": "planner.clear.solve:Clear",
    "fin-in-order": "planner.clear.baselines.sequential:FinInOrder",
    "alone": "planner.clear.baselines.single_node:Alone",
    "edge-only": "planner.clear.baselines.single_node:EdgeOnly",
    "full-dnn": "planner.clear.baselines.single_node:FullDnn",
    "full-dnn-edge": "planner.clear.baselines.single_node:FullDnnEdge",
    "milp": "planner.clear.baselines.milp:MixedIntegerProgram",
}

_FOR_LATENCY = {
    "clear": "planner.clear.latency.method:LeastLatency",
    "iao": "planner.clear.latency.greedy:IterativeAlternating",
}
_FOR_ACCURACY = {name: _CLASSES[name] for name in ("clear", "fin-in-order", "full-dnn", "full-dnn-edge", "milp")}
_CLASSES_FOR = {"latency": _FOR_LATENCY, "accuracy": _FOR_ACCURACY}

JOINT_METHODS = tuple(_CLASSES)
"""Methods of the objective power, and of metrics."""
ALL_JOINT_METHODS = tuple(dict.fromkeys((*_CLASSES, *_FOR_LATENCY)))
"""Methods of any objective."""


def joint_methods_of(objective: str) -> tuple[str, ...]:
    """Return the names of the methods that know an objective of all apps.

    Args:
        objective: `power`, `latency`, `accuracy` or a metric.
    """
    return tuple(_CLASSES_FOR.get(objective, _CLASSES))


def joint_method(name: str, objective: str = "power") -> JointMethod:
    """Return a method by its name; its module (and what that needs) loads now.

    Args:
        name: Name of the method.
        objective: What all apps together are planned for.

    Raises:
        InputError: There is no such method, or it does not know the objective.
    """
    missing = "there is no such method for several apps"
    if name in ALL_JOINT_METHODS:
        missing = f"the method does not know the objective {objective}"
    found: JointMethod = load(name, _CLASSES_FOR.get(objective, _CLASSES), missing)
    return found
