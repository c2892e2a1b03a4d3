"""What a run is asked for, and what comes back of every sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from planner.running.agents.keys import Keys
from planner.running.pieces.links import LinkTable

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class RunOptions:
    """How samples are run."""

    rate_per_s: float | None = None
    """Samples started per second; None: the next starts when there is room."""
    in_flight: int = 1
    """Most samples under way at once."""
    timeout_s: float = 30.0
    """Longest time without any result."""
    keys: Keys | None = None
    links: LinkTable | None = None
    """Links to emulate; None: messages are not held."""
    may_lack: bool = False
    """Begin without agents that do not answer: they count as lost. Needs an observer that changes the plan."""


@dataclass(frozen=True)
class Outcome:
    """One sample that came back. Times in nanoseconds of the source's monotonic clock."""

    sample: int
    plan: str
    exit: str
    start: int
    end: int
    """When the result was there, its emulated way back included."""
    returned: int
    """When the result was sent on the node that made it."""
    trace: tuple[tuple[float, ...], ...]
    """For every piece that ran: index, start, end, processor time, slow-down factor."""
    moved: tuple[tuple[float, ...], ...]
    """For every transfer that arrived: number, sent, arrived."""
    outputs: Mapping[str, NDArray[Any]]
    handed_ns: int = 0
    """Time of handing the sample to the source's own agent, and its result back from there: no transfer of the plan."""
