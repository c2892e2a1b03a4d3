"""Ranges of a suite's axes, against exact arithmetic on the decimal fractions that the file shows."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.schemas import InputError, check_document
from planner.schemas.batch.ranges import range_values
from planner.schemas.batch.suite import Suite

FIXED = {"model": "m.json", "topology": "t.json"}
Json = dict[str, Any]


def suite(axes: Json) -> Suite:
    return check_document({"schema_version": "1", "name": "s", "fixed": FIXED, "axes": axes}, Suite)


def decimal(digits: int, exponent: int) -> float:
    return float(f"{digits}e{exponent}")


numbers = st.builds(decimal, st.integers(1, 9999), st.integers(-8, 8))


@given(numbers, numbers, st.integers(0, 300), st.floats(0.0, 0.9))
def test_steps_are_exact_to_twelve_digits(start: float, step: float, count: int, rest: float) -> None:
    first, by = (Fraction(Decimal(repr(number))) for number in (start, step))
    wanted = [first + k * by for k in range(count + 1)]
    stop = float(wanted[-1] + Fraction(rest) * by)
    found = range_values({"from": start, "to": stop, "step": step})
    assert isinstance(found, tuple)
    if rest and float(wanted[-1]) < stop:
        assert len(found) == count + 1
    assert len(found) in (count, count + 1)
    assert all(abs(Fraction(a) - b) <= b * Fraction(1, 10**11) for a, b in zip(found, wanted, strict=False))


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ({"from": 0.1, "to": 0.5, "step": 0.1}, (0.1, 0.2, 0.3, 0.4, 0.5)),
        ({"from": 0, "to": 1, "step": 0.25}, (0.0, 0.25, 0.5, 0.75, 1.0)),
        ({"from": 1e6, "to": 1e8, "factor": 10}, (1e6, 1e7, 1e8)),
        ({"from": 1, "to": 100, "factor": 3}, (1, 3, 9, 27, 81)),
        ({"from": 2, "to": 2, "step": 7}, (2,)),
        ({"from": 1, "to": 2, "factor": 1.1}, tuple(float(f"{1.1**k:.12g}") for k in range(8))),
    ],
)
def test_ranges_are_their_values(written: Json, wanted: tuple[float, ...]) -> None:
    assert range_values(written) == wanted


def test_axes_of_numbers_take_ranges() -> None:
    axes = {"rate_per_s": {"from": 1, "to": 4, "factor": 2}, "seed": {"from": 1, "to": 3, "step": 1},
            "links": {"a->b": {"bit_per_s": {"from": 1e6, "to": 3e6, "step": 1e6}}}}  # fmt: skip
    found = suite(axes).axes
    assert (found.rate_per_s, found.seed, found.links["a->b"].bit_per_s) == ((1, 2, 4), (1, 2, 3), (1e6, 2e6, 3e6))
    listed = {"rate_per_s": [1.0, 2.0, 4.0], "seed": [1, 2, 3], "links": {"a->b": {"bit_per_s": [1e6, 2e6, 3e6]}}}
    assert found == suite(listed).axes


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"from": 2, "to": 1, "step": 1}, "the range is empty"),
        ({"from": 1, "to": 2}, "needs a step or a factor"),
        ({"from": 1, "to": 2, "step": 1, "factor": 2}, "needs a step or a factor"),
        ({"from": 0, "to": 2, "factor": 2}, "cannot begin at 0"),
        ({"from": 1, "to": 2, "step": 1e-9}, "more than 100000 values"),
        ({"from": 1, "to": 2, "step": 0}, "rate_per_s.step"),
        ({"from": 1, "to": 2, "factor": 1}, "rate_per_s.factor"),
        ({"from": -1, "to": 2, "step": 1}, "rate_per_s.from"),
        ({"from": "1", "to": 2, "step": 1}, "rate_per_s.from: not a number"),
        ({"to": 2, "step": 1}, "rate_per_s.from: required field is missing"),
        ({"from": 1, "to": 2, "stap": 1}, "no field 'stap'"),
        ({"from": 1, "to": 1e9, "step": 1}, "more than 100000 values"),
    ],
)
def test_ranges_that_are_none_are_refused(written: Json, problem: str) -> None:
    with pytest.raises(InputError, match=r"axes\.rate_per_s") as caught:
        suite({"rate_per_s": written})
    assert problem in str(caught.value)


def test_the_size_of_a_matrix_counts_ranges() -> None:
    with pytest.raises(InputError, match="the matrix has 1000000 cases"):
        suite({name: {"from": 1, "to": 1000, "step": 1} for name in ("rate_per_s", "seed")})


def test_a_range_that_repeats_nothing_but_a_list_that_does() -> None:
    with pytest.raises(InputError, match="this field is set in two places"):
        check_document(
            {"schema_version": "1", "name": "s", "fixed": {**FIXED, "gap": 0.1},
             "axes": {"gap": {"from": 0, "to": 0.2, "step": 0.1}}},
            Suite,
        )  # fmt: skip
