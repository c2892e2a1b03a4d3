"""What a verifier reports, and the comparisons that report it; all are written so that NaN fails them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose, isfinite

from planner.schemas.reading.quantities import told_apart
from planner.verifier.recompute import SLACK

_ROUNDING = 1e-12
"""Part of a whole that rounding of the whole may add to a part."""


@dataclass(frozen=True)
class Violation:
    """One thing that does not stand; `claimed` (for a limit: the limit) and `recomputed` are in `unit`."""

    app: str
    what: str
    claimed: float | None
    recomputed: float | None
    unit: str
    message: str


def fault_of(app: str, what: str, message: str) -> Violation:
    """Make a violation that has no values to compare.

    Args:
        app: Name of the app; empty for the whole placement.
        what: The claim or limit, as a path of fields.
        message: What is wrong.

    Returns:
        The violation, without values and unit.
    """
    return Violation(app, what, None, None, "", message)


def _same(claimed: float, recomputed: float, whole: float = 0.0) -> bool:
    """Tell whether two values agree relatively; a part of a whole need only be as exact as rounding of that allows."""
    return isfinite(recomputed) and isclose(claimed, recomputed, rel_tol=SLACK, abs_tol=_ROUNDING * whole)


def check_claim(
    app: str, what: str, claimed: float, recomputed: float, unit: str, *, whole: float = 0.0
) -> list[Violation]:
    """Check that a claimed value (a part of `whole`, same unit) is the recomputed one.

    Args:
        app: Name of the app; empty for the whole placement.
        what: The claim, as a path of fields.
        claimed: The claimed value, in `unit`.
        recomputed: The recomputed value, in `unit`.
        unit: Unit of both.
        whole: What the value is a part of, in `unit`; 0 where it is none.

    Returns:
        One violation with both values; none where they are the same up to rounding.
    """
    if _same(claimed, recomputed, whole):
        return []
    says, found = told_apart(claimed, recomputed, unit)
    message = f"claims {says}, is {found}"
    return [Violation(app, what, claimed, recomputed, unit, message)]


def check_limit(
    app: str, what: str, limit: float | None, value: float, unit: str, *, subject: str = ""
) -> list[Violation]:
    """Check that `subject` takes no more of something than its limit (None: no limit).

    Args:
        app: Name of the app; empty for a node or a medium.
        what: The limit, as the input names it.
        limit: Its value, in `unit`; None for no limit.
        value: What is taken, in `unit`.
        unit: Unit of both.
        subject: What takes it; empty for the plan.

    Returns:
        One violation with both values; none where the limit holds up to rounding.
    """
    if limit is None or value <= limit * (1.0 + SLACK):
        return []
    takes, most = told_apart(value, limit, unit)
    message = f"{subject or 'the plan'} takes {takes}, more than {most}"
    return [Violation(app, what, limit, value, unit, message)]
