"""Units of axes: one SI prefix for all values of a figure."""

from __future__ import annotations

from collections.abc import Iterable

_PREFIXES = (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0), ("m", 1e-3), ("µ", 1e-6), ("n", 1e-9), ("p", 1e-12))


def axis_unit(values: Iterable[float], unit: str) -> tuple[float, str]:
    """Return the factor to divide values by, and the unit with its prefix, by the largest value.

    Args:
        values: Values of the axis in the unit.
        unit: The unit without prefix.
    """
    most = max((abs(value) for value in values), default=0.0)
    for prefix, factor in _PREFIXES:
        if most >= factor:
            return factor, prefix + unit
    return 1.0, unit


def percent(fraction: float) -> str:
    """Write a fraction as a percentage."""
    return f"{100.0 * fraction:.4g} %"
