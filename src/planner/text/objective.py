"""Values of the objective of a placement in words."""

from __future__ import annotations

import math

from planner.schemas.planning.placement import Placement
from planner.units import format_accuracy, format_quantity

OF_LIMIT = "latency_over_limit"
_OF_SEVERAL = ("power_w", OF_LIMIT)


def is_joint(placement: Placement) -> bool:
    """Tell whether a placement is the answer of a joint method.

    Args:
        placement: The placement, with a plan or without.
    """
    certificate = placement.certificate
    return placement.together or (certificate is not None and certificate.objective in _OF_SEVERAL)


_ROUNDING = 1e-9
"""A relative gap below this is the rounding of sums."""


def gap_text(relative_gap: float) -> str:
    """Return a relative gap as a percentage of three digits; what rounding leaves is 0 %."""
    return f"{100 * relative_gap:.3g} %" if relative_gap > _ROUNDING else "0 %"


def objective_text(placement: Placement, value: float | None) -> str:
    """Return a value of the objective of a placement with its unit; empty for None.

    Args:
        placement: The placement.
        value: The value, in the unit of the objective; infinite for a rate without bound.
    """
    if value is None:
        return ""
    if placement.certificate is not None and placement.certificate.objective == "accuracy":
        return format_accuracy(value)
    if placement.certificate is not None and placement.certificate.objective == OF_LIMIT:
        return f"{value:.4g} of the limit"
    return "any rate" if math.isinf(value) else format_quantity(value, placement.objective_unit)
