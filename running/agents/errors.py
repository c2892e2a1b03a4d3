"""Error of a run that cannot go on: an agent is lost, refuses a piece or does not answer."""

from __future__ import annotations

from planner.schemas.bundles.run import Run


class RunFailedError(Exception):
    """A run cannot go on: an agent is lost, refuses a piece or does not answer."""

    def __init__(self, message: str, run: Run | None = None) -> None:
        super().__init__(message)
        self.run = run
        """Record of the samples that came back before; None where there are none."""
