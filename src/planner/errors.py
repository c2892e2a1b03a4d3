"""Error of the planner itself: a plan that does not stand before the verifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.verifier.violations import Violation


class InternalError(Exception):
    """A plan did not stand before the verifier. Never the user's mistake."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{violation.what}: {violation.message}" for violation in violations))
