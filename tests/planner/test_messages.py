"""Messages write quantities with SI prefixes; no module formats a number before a unit by itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.schemas.reading.quantities import format_quantity, told_apart

ROOT = Path(__file__).parents[2]
WINGS = ("carin", "clear", "fin", "fleet", "running", "schemas", "src/planner")
MODULES = [path for wing in WINGS for path in sorted((ROOT / wing).rglob("*.py"))]
_UNIT = re.compile(r"\s?[kMGmunµ]?(s|J|W|B|bytes|bit|bits|bit/s|Mbit/s|op|ops)(\W|$)(?!=)")
_OF_FIGURES = "src/planner/report"
"""Axes and labels of figures choose one prefix for all numbers of a scale; `report/quantities.py` does so."""


def raw_quantities(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and unit of every number that a string formats itself before a unit."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, after in zip(node.values, node.values[1:], strict=False):
            number = isinstance(value, ast.FormattedValue) and value.format_spec is not None
            if number and isinstance(after, ast.Constant) and (unit := _UNIT.match(str(after.value))):
                yield node.lineno, unit.group(0)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_formats_quantities_itself(path: Path) -> None:
    if path.relative_to(ROOT).as_posix().startswith(_OF_FIGURES):
        pytest.skip("figures choose one prefix for a scale")
    assert list(raw_quantities(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_a_raw_quantity_is_found() -> None:
    assert list(raw_quantities(ast.parse('f"takes {x:.6g} s, {y:g} bytes and {z:.3g} %"'))) == [
        (1, " s,"),
        (1, " bytes "),
    ]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0778781, "s", "77.88 ms"),
        (2.4e10, "B", "24 GB"),
        (0.99996, "s", "1 s"),
        (999.96, "s", "1 ks"),
        (1e-3, "J", "1 mJ"),
        (1.0, "W", "1 W"),
        (5e7, "bit/s", "50 Mbit/s"),
        (3.1e-4, "USD", "0.00031 USD"),
        (0.5, "fraction", "0.5"),
        (12.3456, "", "12.35"),
        (-0.002, "s", "-2 ms"),
        (1e-30, "s", "1e-30 s"),
    ],
)
def test_quantities_in_words(value: float, unit: str, text: str) -> None:
    assert format_quantity(value, unit) == text


_READ = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}  # fmt: skip  # noqa: E501 - a table


@given(st.floats(min_value=1e-14, max_value=1e20))
def test_a_quantity_reads_back_to_four_digits(value: float) -> None:
    number, unit = format_quantity(value, "s").split(" ")
    assert float(number) * _READ[unit[:-1]] == pytest.approx(value, rel=5.1e-4)
    assert 1.0 <= float(number) < 1000.0


@given(st.floats(min_value=1e-9, max_value=1e12), st.floats(min_value=1e-10, max_value=1e-2))
def test_values_that_differ_are_told_apart(value: float, by: float) -> None:
    first, second = told_apart(value, value * (1.0 + by), "s")
    assert first != second
