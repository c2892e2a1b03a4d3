"""Numbers with units on the command line: ``50ms``, ``20mJ``, ``80%``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from planner.schemas.reading.base import MOST
from planner.schemas.reading.printable import printable
from planner.schemas.reading.problems import input_error
from planner.schemas.reading.quantities import format_accuracy, format_quantity, takes_prefix

__all__ = [
    "format_accuracy",
    "format_quantity",
    "limits_in_units",
    "parse_count",
    "parse_fraction",
    "parse_limits",
    "parse_metric",
    "parse_quantity",
]

_PREFIXES = {
    "": 0, "k": 3, "M": 6, "G": 9, "T": 12,
    "m": -3, "u": -6, "\N{MICRO SIGN}": -6, "\N{GREEK SMALL LETTER MU}": -6, "n": -9, "p": -12,
}  # fmt: skip
"""Power of ten of every prefix."""
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*")
_MOST_DIGITS = 20
"""Characters of a number that a hint repeats."""


def parse_quantity(text: str, unit: str, option: str) -> float:
    """Parse a quantity; every number but 0 names its unit.

    Args:
        text: What the user wrote, such as ``50ms``.
        unit: Base unit, ``s`` or ``J``.
        option: Option to name in messages.

    Returns:
        The quantity in its base unit, 0 or more.

    Raises:
        InputError: Not a number, no unit or another one, or negative.
    """
    match = _NUMBER.fullmatch(text)
    number, suffix = match.groups() if match else ("", "")
    example = f"write it as 50m{unit} or 0.05{unit}"
    if match and not suffix and float(number) != 0.0:
        digits = printable(number, _MOST_DIGITS)
        raise input_error("no unit", f"write {digits}{unit} or {digits}m{unit}", path=option, value=text)
    prefix = suffix.removesuffix(unit) if suffix.endswith(unit) else None if suffix else ""
    if match is None or prefix not in _PREFIXES:
        raise input_error(f"not a number with the unit {unit}", example, path=option, value=text)
    value = float(number)
    if prefix and value != 0.0 and math.isfinite(value):
        value = float(Decimal(number).scaleb(_PREFIXES[prefix]))  # 25 ms is the very number that 0.025 s is
    if not math.isfinite(value) or value < 0:
        raise input_error("out of range", f"give a positive number; {example}", path=option, value=text)
    return value


def parse_count(text: str, option: str, most: int, example: str = "4") -> int:
    """Parse a whole number from 1 to `most`, however many digits were written.

    Args:
        text: What the user wrote.
        option: Option to name in messages.
        most: Largest count that is accepted.
        example: Count to show as advice.

    Returns:
        The number (count).

    Raises:
        InputError: Not a whole number, or out of range.
    """
    given = text.strip()
    unsigned = given.removeprefix("-")
    if not (unsigned.isascii() and unsigned.isdecimal()):
        raise input_error("not a whole number", f"write it as {example}", path=option, value=text)
    digits = unsigned.lstrip("0") or "0"
    if unsigned != given or len(digits) > len(str(most)) or not 1 <= int(digits) <= most:
        raise input_error("out of range", f"give 1 to {most}", path=option, value=text)
    return int(digits)


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


def parse_limits(texts: Sequence[str], option: str) -> dict[str, float | str]:
    """Return limits by the name of their metric: a number, or a text with a unit for `parse_metric`.

    Args:
        texts: What the user wrote, such as ``cost=0.001`` or ``battery=50mJ``.
        option: Option to name in messages.

    Raises:
        InputError: No name, no number of 0 or more, or a metric that stands twice.
    """
    limits: dict[str, float | str] = {}
    for text in texts:
        name, _, number = text.partition("=")
        match = _NUMBER.fullmatch(number)
        example = "write it as cost=0.001, in the unit that the topology gives the metric, or as battery=50mJ"
        if not name or match is None:
            raise input_error("not a metric with a number", example, path=option, value=text)
        value = float(match.group(1))
        if not 0.0 <= value <= MOST:
            raise input_error("out of range", f"give a number of 0 or more; {example}", path=option, value=text)
        if name in limits:
            raise input_error("this metric has two limits", "give each metric one", path=option, value=text)
        limits[name] = number.strip() if match.group(2) else value
    return limits


def parse_metric(text: str, unit: str, path: str) -> float:
    """Parse a value of a metric.

    Args:
        text: A number, alone or with the unit of the metric; units such as J take a prefix.
        unit: Unit of the metric, as the topology gives it.
        path: Field to name in messages.

    Returns:
        The value in the unit of the metric, 0 or more.

    Raises:
        InputError: Not a number of 0 or more, or another unit.

    Example:
        >>> parse_metric("50mJ", "J", "limits.battery"), parse_metric("2e-6 USD", "USD", "limits.cost")
        (0.05, 2e-06)
    """
    match = _NUMBER.fullmatch(text)
    number, suffix = match.groups() if match else ("", "")
    powers = _PREFIXES if takes_prefix(unit) else {"": 0}
    power = next((power for prefix, power in powers.items() if suffix in (f"{prefix}{unit}", "")), None)
    if match is None or power is None:
        fix = f"write a number, which is in {unit}, or a number with that unit"
        raise input_error(f"not a number with the unit {unit} of the metric", fix, path=path, value=text)
    power = power if suffix else 0
    value = float(Decimal(number).scaleb(power)) if math.isfinite(float(number)) else math.inf
    if not 0.0 <= value <= MOST:
        raise input_error("out of range", "give a number of 0 or more", path=path, value=text)
    return value


def limits_in_units(limits: Mapping[str, object], units: Mapping[str, str]) -> dict[str, object]:
    """Return limits of metrics as numbers in the units of the metrics.

    Args:
        limits: Numbers, or texts for `parse_metric`, by the name of the metric.
        units: Unit of every metric. A text for any other name becomes 0: such a name is refused later.
    """
    return {
        name: (parse_metric(most, units[name], f"limits.{name}") if name in units else 0.0)
        if isinstance(most, str)
        else most
        for name, most in limits.items()
    }


def parse_sizes(text: str, option: str) -> list[int]:
    """Return batch sizes such as ``1,4,8``; raise InputError for what is no whole number of 1 or more."""
    return [parse_count(each, option, 1_000_000, "1,4,8") for each in text.split(",")]
