"""The seam between methods that plan several apps together and everything else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from planner.fin.registry import made

if TYPE_CHECKING:  # the command line needs the names of methods, not all that they work with
    from planner.clear.allocation.plan import Plan
    from planner.clear.problem.instance import JointInstance
    from planner.fin.method import Options
    from planner.schemas.planning.placement import Status


@dataclass(frozen=True)
class JointOutcome:
    """An answer for all apps: optimal, feasible, infeasible and unknown are kept apart."""

    status: Status
    plan: Plan | None
    lower_bound_w: float
    """No plan has less power; infinite where none exists."""
    message: str = ""
    """What stopped the search, or what the method cannot see."""
    build_s: float = 0.0
    search_s: float = 0.0
    statistics: dict[str, float] = field(default_factory=dict)
    """Counts for reports, such as rounds, offers and geometric programs."""


class JointMethod(Protocol):
    """A way to place several apps on nodes and media that they share. A plan keeps every limit, or there is none."""

    name: str
    description: str

    def solve(self, joint: JointInstance, options: Options) -> JointOutcome:
        """Place all apps."""


_PLACES = {
    "clear": "planner.clear.solve:Clear",
    "fin-in-order": "planner.clear.baselines.sequential:FinInOrder",
    "alone": "planner.clear.baselines.single_node:Alone",
    "edge-only": "planner.clear.baselines.single_node:EdgeOnly",
    "full-dnn": "planner.clear.baselines.single_node:FullDnn",
    "full-dnn-edge": "planner.clear.baselines.single_node:FullDnnEdge",
    "milp": "planner.clear.baselines.milp:MixedIntegerProgram",
}

JOINT_METHODS = tuple(_PLACES)


def joint_method(name: str) -> JointMethod:
    """Return a method by its name; its module (and what that needs) loads now.

    Raises:
        InputError: There is no such method.
    """
    found: JointMethod = made(name, _PLACES, "there is no such method for several apps")
    return found
