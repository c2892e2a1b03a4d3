"""Quantities as text: SI prefixes, and as many digits as tell two values apart."""

from __future__ import annotations

import math

_PREFIXES = {
    -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E",
}  # fmt: skip
_PREFIXED = {"s", "J", "W", "Wh", "B", "bit", "bit/s", "op", "op/s", "Hz", "g", "gCO2", "gCO2e"}
"""Units that take a prefix; money, shares and counts do not."""
FRACTION = "fraction"
"""Unit of what is a part of a whole, written as a plain number."""
_DIGITS = 4
_MOST_DIGITS = 12


def takes_prefix(unit: str) -> bool:
    """Tell whether a unit is written with SI prefixes, such as mJ; money and counts are not."""
    return unit in _PREFIXED


def format_quantity(value: float, unit: str, digits: int = _DIGITS) -> str:
    """Write a quantity with an SI prefix that fits, such as ``35.64 ms`` or ``24 GB``.

    Args:
        value: The quantity, in `unit`.
        unit: Base unit (``s``, ``J``, ``B``, ``bit/s``); other units (``USD``) take no prefix, and a plain number (an
            empty unit, or `FRACTION`) none at all.
        digits: Significant digits (count).

    Returns:
        Number, prefix and unit as one text.
    """
    if value == 0 or not math.isfinite(value) or not takes_prefix(unit):
        shown = "" if unit == FRACTION else unit.removeprefix("1")  # 5 /s, not 5 1/s
        return f"{value:.{digits}g} {shown}".rstrip()
    rounded = float(f"{value:.{digits}g}")
    exponent = math.floor(math.log10(abs(rounded)) / 3 + 1e-9) * 3
    if exponent not in _PREFIXES:
        return f"{value:.{digits}g} {unit}"
    scaled = f"{rounded / 10.0**exponent:.{max(digits, 3)}g}"
    return f"{scaled} {_PREFIXES[exponent]}{unit}"


def told_apart(first: float, second: float, unit: str) -> tuple[str, str]:
    """Write two quantities with as few digits as tell them apart, from four up to twelve.

    Args:
        first: A quantity, in `unit`.
        second: What it is compared with, in `unit`.
        unit: Base unit, as for `format_quantity`.

    Returns:
        Both texts with the same number of digits; they are alike where the values are equal to twelve digits.
    """
    for digits in range(_DIGITS, _MOST_DIGITS):
        texts = format_quantity(first, unit, digits), format_quantity(second, unit, digits)
        if texts[0] != texts[1] or first == second:
            return texts
    return format_quantity(first, unit, _MOST_DIGITS), format_quantity(second, unit, _MOST_DIGITS)


def format_accuracy(value: float | None) -> str:
    """Return an accuracy (fraction in [0, 1]) with four significant digits, or that it is unknown."""
    return "unknown" if value is None else f"{value:.4g}"
