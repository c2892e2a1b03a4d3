"""Deadlines of searches: an instant of the monotonic clock that a time limit ends at."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass


class DeadlineReachedError(Exception):
    """A search was stopped by its deadline."""


@dataclass(frozen=True)
class Deadline:
    """An instant at which a search has to stop.

    Example:
        >>> Deadline.after(None).expired
        False
        >>> Deadline.after(0.0).expired
        True
    """

    at_s: float = math.inf
    """Instant on the clock of `time.perf_counter` in seconds; infinite where there is no limit."""

    @classmethod
    def after(cls, limit_s: float | None) -> Deadline:
        """Return the deadline of a time limit that begins now.

        Args:
            limit_s: Seconds from now; None for no limit.
        """
        return cls() if limit_s is None else cls(time.perf_counter() + limit_s)

    @property
    def remaining_s(self) -> float:
        """Seconds that are left, at least 0; infinite without a limit."""
        return max(0.0, self.at_s - time.perf_counter())

    @property
    def limit_s(self) -> float | None:
        """Time limit that ends here, as `after` takes it: the seconds that are left, None without a limit."""
        return None if self.at_s == math.inf else self.remaining_s

    @property
    def expired(self) -> bool:
        """Whether the instant has come; without a limit the clock is not read."""
        return self.at_s < math.inf and time.perf_counter() >= self.at_s

    def fraction(self, share: float) -> Deadline:
        """Return an earlier deadline, after a share of the time that is left.

        Args:
            share: Part of the remaining time, in [0, 1].
        """
        if self.at_s == math.inf:
            return self
        now = time.perf_counter()
        return Deadline(now + share * max(0.0, self.at_s - now))

    def check(self) -> None:
        """Raise DeadlineReachedError if the instant has come."""
        if self.expired:
            raise DeadlineReachedError
