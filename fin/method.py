"""The seam between methods and everything else: what a method is given, what it answers, and where it is found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from planner.fin.registry import made

if TYPE_CHECKING:  # the command line needs the names of methods, not all that they work with
    from planner.fin.instance.decision import Decision
    from planner.fin.instance.instance import Instance
    from planner.schemas.planning.placement import Status


@dataclass(frozen=True)
class Options:
    """What a caller may ask of any method."""

    gap: float = 0.0
    """Relative gap at which an answer counts as proved."""
    time_limit_s: float | None = None
    gamma: int = 100
    """Latency levels of the method `gamma`."""


@dataclass(frozen=True)
class Outcome:
    """An answer: optimal, feasible, infeasible and unknown are kept apart."""

    status: Status
    decision: Decision | None
    lower_bound: float
    """No plan within the limits has a smaller objective (joules or seconds); infinite where none exists."""
    message: str = ""
    """What stopped the search, or what the method cannot see."""
    build_s: float = 0.0
    search_s: float = 0.0
    statistics: dict[str, float] = field(default_factory=dict)
    """Counts for reports, such as scenarios, labels and sweeps."""


class Method(Protocol):
    """A way to place one app. An answer's decision keeps every limit, or there is none."""

    name: str
    description: str

    def solve(self, instance: Instance, options: Options) -> Outcome:
        """Place the app."""


_PLACES = {
    "exact": "planner.fin.exact.method:Exact",
    "gamma": "planner.fin.methods.gamma:Gamma",
    "mcp": "planner.fin.methods.constrained_path:MultiConstrainedPath",
    "ilp": "planner.fin.methods.integer_program:IntegerProgram",
    "brute": "planner.fin.methods.enumeration:BruteForce",
    "source-only": "planner.fin.methods.single_cut:SourceOnly",
    "edge-only": "planner.fin.methods.single_cut:EdgeOnly",
    "cloud-only": "planner.fin.methods.single_cut:CloudOnly",
    "neurosurgeon": "planner.fin.methods.single_cut:Neurosurgeon",
}

METHODS = tuple(_PLACES)


def method(name: str) -> Method:
    """Return a method by its name; its module (and what that needs) loads now.

    Raises:
        InputError: There is no such method.
    """
    found: Method = made(name, _PLACES, "there is no such method")
    return found
