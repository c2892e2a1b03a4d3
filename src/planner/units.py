"""Numbers with units on the command line: ``50ms``, ``20mJ``, ``80%``."""

from __future__ import annotations

import math
import re

from planner.schemas.reading.problems import input_error

_PREFIXES = {"": 1.0, "k": 1e3, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "n": 1e-9, "p": 1e-12}
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*")


def parse_quantity(text: str, unit: str, option: str) -> float:
    """Return a quantity in its base unit; a bare number is in the base unit already.

    Args:
        text: What the user wrote, such as ``50ms``.
        unit: Base unit, ``s`` or ``J``.
        option: Option to name in messages.

    Raises:
        InputError: Not a number, another unit, or negative.
    """
    match = _NUMBER.fullmatch(text)
    suffix = match.group(2) if match else ""
    prefix = suffix[: -len(unit)] if suffix.endswith(unit) else None if suffix else ""
    example = f"write it as 50m{unit} or 0.05{unit}"
    if match is None or prefix not in _PREFIXES:
        raise input_error(f"not a number with the unit {unit}", example, path=option, value=text)
    value = float(match.group(1)) * _PREFIXES[prefix]
    if not math.isfinite(value) or value < 0:
        raise input_error("out of range", f"give a positive number; {example}", path=option, value=text)
    return value


def parse_fraction(text: str, option: str) -> float:
    """Return a fraction in [0, 1]; ``80%`` is 0.8.

    Raises:
        InputError: Not a number, or outside [0, 1].
    """
    match = _NUMBER.fullmatch(text)
    if match is None or match.group(2) not in ("", "%"):
        raise input_error("not a fraction", "write it as 0.8 or 80%", path=option, value=text)
    value = float(match.group(1)) / (100.0 if match.group(2) else 1.0)
    if not 0.0 <= value <= 1.0:
        raise input_error("not in [0, 1]", "write it as 0.8 or 80%", path=option, value=text)
    return value


def format_accuracy(value: float | None) -> str:
    """Write an accuracy (fraction in [0, 1]) with four significant digits, or that it is unknown."""
    return "unknown" if value is None else f"{value:.4g}"


def format_quantity(value: float, unit: str) -> str:
    """Write a quantity with four significant digits and a prefix that fits, such as ``35.64 ms``."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    exponent = math.floor(math.log10(abs(value)) / 3) * 3
    prefix = {3: "k", 6: "M", 9: "G", 12: "T", -3: "m", -6: "µ", -9: "n", -12: "p"}.get(exponent)
    if prefix is None:
        return f"{value:.4g} {unit}"
    return f"{value / 10.0**exponent:.4g} {prefix}{unit}"
