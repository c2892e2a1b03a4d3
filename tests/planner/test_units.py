"""Numbers with units: what is read, what is refused, and how quantities are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.schemas import InputError
from planner.units import format_quantity, parse_count, parse_fraction, parse_quantity


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("50ms", "s", 0.05),
        ("25ms", "s", 0.025),
        ("50 ms", "s", 0.05),
        (" 50ms ", "s", 0.05),
        ("0.05s", "s", 0.05),
        (".5s", "s", 0.5),
        ("5.s", "s", 5.0),
        ("+5s", "s", 5.0),
        ("2e-3s", "s", 0.002),
        ("1E2us", "s", 1e-4),
        ("7us", "s", 7e-6),
        ("7\N{MICRO SIGN}s", "s", 7e-6),
        ("7\N{GREEK SMALL LETTER MU}s", "s", 7e-6),
        ("2MJ", "J", 2e6),
        ("7ns", "s", 7e-9),
        ("7ps", "s", 7e-12),
        ("2ks", "s", 2000.0),
        ("0", "s", 0.0),
        ("-0", "s", 0.0),
        ("20mJ", "J", 0.02),
        ("20J", "J", 20.0),
        ("3kJ", "J", 3000.0),
    ],
)
def test_quantities(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit, "--x") == value, "the number nearest to what is written"


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("", "s"),
        ("ms", "s"),
        ("fast", "s"),
        ("50mJ", "s"),
        ("50ms", "J"),
        ("50 m", "s"),
        ("50min", "s"),
        ("50xs", "s"),
        ("50mms", "s"),
        ("50j", "J"),
        ("5,0s", "s"),
        ("1_000", "s"),
        ("0x10", "s"),
        ("nan", "s"),
        ("inf", "s"),
        ("--5", "s"),
        ("5 5 s", "s"),
        ("1e", "s"),
    ],
)
def test_what_is_no_quantity_is_refused(text: str, unit: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_quantity(text, unit, "--x")
    (problem,) = caught.value.problems
    assert problem.path == "--x"
    assert problem.message == f"not a number with the unit {unit}"
    assert f"50m{unit}" in problem.fix


@pytest.mark.parametrize("text", ["-1s", "-1ms", "-0.001s", "1e999s", "1e308ks"])
def test_quantities_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="out of range") as caught:
        parse_quantity(text, "s", "--x")
    assert text in caught.value.problems[0].value


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.8", 0.8), ("80%", 0.8), ("80 %", 0.8), ("0", 0.0), ("1", 1.0), ("100%", 1.0), ("1e-2", 0.01)],
)
def test_fractions(text: str, value: float) -> None:
    assert parse_fraction(text, "--x") == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a fraction"),
        ("most", "not a fraction"),
        ("80pct", "not a fraction"),
        ("0.8%%", "not a fraction"),
        ("nan", "not a fraction"),
        ("80", "not in [0, 1]"),
        ("101%", "not in [0, 1]"),
        ("-0.1", "not in [0, 1]"),
        ("-5%", "not in [0, 1]"),
        ("1e999", "not in [0, 1]"),
    ],
)
def test_what_is_no_fraction_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_fraction(text, "--x")
    (problem,) = caught.value.problems
    assert (problem.path, problem.message, problem.fix) == ("--x", message, "write it as 0.8 or 80%")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 J"),
        (1.0, "1 J"),
        (0.03564, "35.64 mJ"),
        (0.0356449, "35.64 mJ"),
        (1e-3, "1 mJ"),
        (2.5e-6, "2.5 µJ"),
        (3e-9, "3 nJ"),
        (4e-12, "4 pJ"),
        (5e-15, "5 fJ"),
        (1234.0, "1.234 kJ"),
        (1e6, "1 MJ"),
        (2e9, "2 GJ"),
        (3e12, "3 TJ"),
        (4e15, "4 PJ"),
        (-0.5, "-500 mJ"),
        (math.inf, "inf J"),
        (math.nan, "nan J"),
    ],
)
def test_quantities_as_text(value: float, text: str) -> None:
    assert format_quantity(value, "J") == text


@given(st.floats(1e-11, 9e5))
def test_what_is_written_is_read_back_to_four_digits(value: float) -> None:
    assert parse_quantity(format_quantity(value, "s"), "s", "--x") == pytest.approx(value, rel=6e-4)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (lambda: parse_quantity(text, "s", "--x"), lambda: parse_fraction(text, "--x")):
        try:
            assert 0.0 <= parse() < math.inf
        except InputError as error:
            assert len(error.problems) == 1


@pytest.mark.parametrize("text", ["0.05", "20", "1e999", "9" * 5000])
def test_a_bare_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no unit"):
        parse_quantity(text, "s", "--x")


def test_a_bare_number_is_refused_with_both_readings() -> None:
    with pytest.raises(InputError, match=r'no unit \(found "30"\); write 30s or 30ms'):
        parse_quantity("30", "s", "--max-latency")


@pytest.mark.parametrize(("text", "value"), [("1", 1), (" 7 ", 7), ("0064", 64), ("0" * 5000 + "5", 5)])
def test_counts(text: str, value: int) -> None:
    assert parse_count(text, "--x", 64) == value


@pytest.mark.parametrize("text", ["0", "-1", "65"])
def test_a_count_out_of_range_is_told_the_range(text: str) -> None:
    with pytest.raises(InputError, match=r"out of range.*give 1 to 64"):
        parse_count(text, "--x", 64)


@pytest.mark.parametrize("text", ["", "0", "65", "-1", "1.5", "1_0", "²", "٣", "9" * 5000, "1e3"])
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_count(text, "--x", 64)
