"""Interface of fleet methods: what a method is given, what it answers, and where it is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from planner.fin.deadline import Deadline
from planner.fin.registry import load

if TYPE_CHECKING:  # the command line needs the names of methods, not all that they work with
    from planner.fin.instance.network import Floats, Ints
    from planner.fleet.instance.fleet_instance import FleetInstance
    from planner.schemas.planning.placement import Status

Progress = Callable[[str, float, float], None]
"""Takes what is done, the bound and the value so far in watts (infinite where there is none)."""


def no_progress(_stage: str, _bound: float, _value: float) -> None:
    """Show nothing.

    Args:
        _stage: What is done.
        _bound: The bound in watts.
        _value: The value so far in watts.
    """


@dataclass(frozen=True)
class Solution:
    """Whole users with plans: n groups, each a pair of class and link with one of its plans."""

    pair: Ints
    plan: Ints
    users: Ints
    """(n,) users, at least 1."""
    unserved: Ints
    """(C,) users of each class that have no plan."""


@dataclass(frozen=True)
class Before:
    """A solution to plan again from, in terms of the fleet as it is now."""

    solution: Solution
    """Its groups; users may be more or fewer than now."""
    prices: Floats
    """(R,) watts per unit of capacity."""
    lost: Ints
    """(C,) users whose plan is not possible any more."""
    gone: int = 0
    """Users of classes that are not there any more."""


@dataclass(frozen=True)
class FleetOptions:
    """What a caller may ask of any fleet method."""

    gap: float = 0.01
    """Relative gap of whole users at which an answer counts as proved."""
    time_limit_s: float | None = None
    """Seconds for the search."""
    latest: Deadline = field(default_factory=Deadline)
    """When all users have to be placed; who has no plan by then stays without one."""
    serve_most: bool = False
    jobs: int = 1
    engine: str = "local"
    address: str | None = None
    before: Before | None = None
    most_moves: int | None = None
    """Users of before whose plan may change at most, beside those whose plan is not possible any more."""
    progress: Progress = no_progress
    seed: int = 1
    """Seed of the random partition of `pop`."""
    parts: int = 2
    """Parts of that partition."""


@dataclass(frozen=True)
class Short:
    """Why not all users are served."""

    most_served: int
    """No plan serves more users."""
    users_per_capacity: Floats
    """(R,) users that a unit more of each capacity would serve (dual)."""
    impossible: Ints
    """Classes that no plan can serve."""


@dataclass(frozen=True)
class FleetOutcome:
    """An answer: optimal, feasible, infeasible and unknown are kept apart."""

    status: Status
    solution: Solution | None
    lower_bound_w: float
    """No plan that serves as many users has less power."""
    prices: Floats
    """(R,) dual prices in watts per unit of capacity."""
    message: str = ""
    linear_gap: float | None = None
    short: Short | None = None
    linear_s: float = 0.0
    whole_s: float = 0.0
    statistics: dict[str, float] = field(default_factory=dict)
    """Counts for reports, such as rounds and columns."""


class FleetMethod(Protocol):
    """A way to plan a fleet. Its solution keeps every limit and capacity, or there is none."""

    name: str
    description: str

    def solve(self, instance: FleetInstance, options: FleetOptions) -> FleetOutcome:
        """Plan the fleet."""


_PLACES = {
    "fleet": "planner.fleet.solve:ColumnGenerationMethod",
    "nearest": "planner.fleet.baselines.greedy:Nearest",
    "cheapest": "planner.fleet.baselines.greedy:Cheapest",
    "pop": "planner.fleet.baselines.partition:RandomPartition",
    "lp": "planner.fleet.baselines.monolithic:LinearProgram",
    "ilp": "planner.fleet.baselines.monolithic:IntegerProgram",
}
FLEET_METHODS = tuple(_PLACES)


def fleet_method(name: str) -> FleetMethod:
    """Return a method by its name; its module (and what that needs) loads now.

    Raises:
        InputError: There is no such method.
    """
    found: FleetMethod = load(name, _PLACES, "there is no such method for fleets", path="--method")
    return found
