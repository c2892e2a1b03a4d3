"""Result of a search: status, plan, lower bound and a typed reason of termination, for single and joint methods alike.

The statuses and the reason of termination follow OR-Tools MathOpt (`result.py`: `Termination` with reason, limit and
detail): optimal, feasible, infeasible and unknown are kept apart, and a limit is never folded into an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from planner.schemas.planning.placement import LimitReached, Reason, Status

PlanT_co = TypeVar("PlanT_co", covariant=True)


@dataclass(frozen=True)
class Termination:
    """Why a search ended.

    Example:
        >>> Termination.at_limit("time", "the time limit came before the proof").limit
        'time'
        >>> Termination().proved
        True
    """

    reason: Reason = "proved"
    """`proved`: the status is proved. `limit`: a limit came first. `incomplete`: the method proves no more than this.
    `numerical`: a solver failed, or its answer did not hold."""
    limit: LimitReached | None = None
    """Which limit came first, for the reason `limit`."""
    detail: str = ""
    """The same in words, for people."""

    @property
    def proved(self) -> bool:
        """Whether the search ended with its proof."""
        return self.reason == "proved"

    @classmethod
    def at_limit(cls, limit: LimitReached, detail: str) -> Termination:
        """Return the termination of a search that a limit stopped.

        Args:
            limit: `time`, `size` (more plans, columns or routes than the method takes) or `nodes` (of a search tree).
            detail: What had not been done, in words.
        """
        return cls("limit", limit, detail)

    @classmethod
    def incomplete(cls, detail: str) -> Termination:
        """Return the termination of a heuristic, which proves no more; `detail` says what it leaves out."""
        return cls("incomplete", None, detail)

    @classmethod
    def numerical(cls, detail: str) -> Termination:
        """Return the termination of a solver that failed; `detail` says how."""
        return cls("numerical", None, detail)


PROVED = Termination()
"""The search ended with its proof."""


@dataclass(frozen=True)
class Outcome(Generic[PlanT_co]):
    """Answer of a method: `Outcome[Decision]` for one app, `Outcome[Plan]` for several."""

    status: Status
    plan: PlanT_co | None
    """The best plan found, which keeps every limit; None where none was."""
    lower_bound: float
    """No plan within the limits has a smaller objective (joules, seconds or watts); infinite where none exists."""
    termination: Termination = PROVED
    build_s: float = 0.0
    """Time spent on building arrays and programs, in seconds."""
    search_s: float = 0.0
    """Time spent on searching, in seconds."""
    statistics: Mapping[str, float] = field(default_factory=dict)
    """Counts for reports, such as scenarios, labels, rounds and programs."""
