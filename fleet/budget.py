"""How a time limit is shared out: building, the search, placing whole users, writing and verifying.

What is certain to follow the search costs time per class. It is kept back, at the speed that this process was seen to
get while arrays were built. The aim is an answer at most a second or a fifth of the limit late; figures per class are
estimates, and on a busy machine an answer may come later.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from planner.fin.deadline import Deadline

SMALL = 1_000
"""Classes up to which every step takes less than is allowed to be late."""
_LATE_S = 0.8
_LATE = 0.15
"""Part of the limit, where that is more."""
_PLACING_S = 1.3e-4
_ANSWERING_S = 1.1e-4
"""Seconds of one processor per class: whole users; the placement, its verification and the file."""
_SINGLE_CUT_S = 5e-5
"""Seconds of one processor per class: plans that are cut once at most, and a bound."""
_ENUMERATING = 0.4
"""Part of the limit after which no further kinds are enumerated whole."""
_MOST_SLOWNESS = 20.0


@dataclass(frozen=True)
class TimeBudget:
    """The limit of one request, from the end of reading on."""

    limit_s: float | None
    classes: int
    began_s: float
    processor_s: float
    """Processor time of this process when it began."""

    @classmethod
    def begin(cls, limit_s: float | None, classes: int) -> TimeBudget:
        """Begin now.

        Args:
            limit_s: Seconds; None for no limit.
            classes: Classes of the fleet.
        """
        return cls(limit_s, classes, time.perf_counter(), time.process_time())

    @property
    def spent_s(self) -> float:
        """Seconds since it began."""
        return time.perf_counter() - self.began_s

    @property
    def latest(self) -> Deadline:
        """When the answer should be there; without end for small fleets, whose steps are short."""
        if self.limit_s is None or self.classes <= SMALL:
            return Deadline()
        return Deadline(self.began_s + self.limit_s + max(_LATE_S, _LATE * self.limit_s))

    @property
    def all_plans(self) -> Deadline:
        """When to stop enumerating all plans of kinds, so that a greedy placement may still come in time."""
        if self.limit_s is None:
            return Deadline()
        follows_s = (_SINGLE_CUT_S + _PLACING_S + _ANSWERING_S) * self.classes
        return Deadline(min(self.began_s + _ENUMERATING * self.limit_s, self.latest.at_s - follows_s))

    @property
    def needed_s(self) -> float:
        """Estimate of the seconds that an answer takes at least: its groups, their verification and the file."""
        return _ANSWERING_S * self.classes

    @property
    def hopeless(self) -> bool:
        """Whether the limit is shorter than any answer takes."""
        return self.latest.remaining_s < self.needed_s

    def search(self) -> tuple[float | None, Deadline]:
        """Return the seconds that are left for the search, and when whole users have to be placed."""
        if self.limit_s is None:
            return None, Deadline()
        left_s = max(0.0, self.limit_s - self.spent_s)
        if self.classes <= SMALL:
            return left_s, Deadline()
        spent_s = max(1e-3, time.process_time() - self.processor_s)
        slowness = min(_MOST_SLOWNESS, max(1.0, self.spent_s / spent_s))
        placed = Deadline(self.latest.at_s - _ANSWERING_S * self.classes * slowness)
        return min(left_s, max(0.0, placed.remaining_s - _PLACING_S * self.classes * slowness)), placed
