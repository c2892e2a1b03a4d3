"""Ranges of a suite's axes: arithmetic (`step`) and geometric (`factor`) sequences written by their ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from pydantic_core import PydanticCustomError

from planner.schemas.reading.base import MOST, Strict, field_of

MOST_VALUES = 100_000
"""A longer range is refused."""
_SLACK = 1e-9
"""Steps by which the last value may pass the end, for sums of decimal fractions."""
Number = Annotated[float, Field(ge=0.0, le=MOST)]


class Range(Strict):
    """Values from one number to another, both included where a step leads there: by `step` or by `factor`."""

    start: Number = Field(alias="from", description="First value.")
    stop: Number = Field(alias="to", description="Values do not pass this one.")
    step: Number | None = Field(None, gt=0.0, description="Difference of two values.")
    factor: Number | None = Field(None, gt=1.0, description="Ratio of two values.")


def range_values(raw: object) -> object:
    """Return the values of an axis: those of a range as a tuple, anything else as it is.

    Args:
        raw: What stands in the file. A range has `from`, `to`, and one of `step` and `factor`; its values are
            ``from + k * step`` or ``from * factor ** k``, rounded to 12 digits, for k = 0, 1, ... up to `to`.

    Raises:
        PydanticCustomError: The range is empty, too long, or has no step or two.
        ValidationError: A field of the range cannot be used.
    """
    if not isinstance(raw, Mapping):
        return raw
    if unknown := [str(name) for name in raw if name not in ("from", "to", "step", "factor")]:
        context = {"message": f"a range has no field {unknown[0]!r}", "fix": "use from, to, and step or factor"}
        raise PydanticCustomError("range", "{message}", context)
    _range_adapter().validate_python(raw)
    if problem := _problem(raw):
        raise PydanticCustomError("range", "{message}", {"message": problem[0], "fix": problem[1]})
    start, stop, step, factor = (field_of(raw, name) for name in ("from", "to", "step", "factor"))
    count = _count(start, stop, step, factor)
    if all(isinstance(number, int) for number in (start, stop, factor if step is None else step)):
        return tuple(start + k * step if step is not None else start * factor**k for k in range(count))
    values = (start + k * step if step is not None else start * float(factor) ** k for k in range(count))
    return tuple(float(f"{value:.12g}") for value in values)


def is_valid_range(raw: object) -> bool:
    """Tell whether a value is a range that `range_values` can expand."""
    if not isinstance(raw, Mapping):
        return False
    try:
        range_values(raw)
    except ValueError:
        return False
    return True


def _problem(raw: Mapping[str, Any]) -> tuple[str, str] | None:
    start, stop, step, factor = (field_of(raw, name) for name in ("from", "to", "step", "factor"))
    if (step is None) == (factor is None):
        return "a range needs a step or a factor", "give one of the two: {from = 1, to = 9, step = 2}"
    if stop < start:
        return "the range is empty", "let from be at most to"
    if factor is not None and start == 0:
        return "a range by a factor cannot begin at 0", "begin above 0, or give a step"
    if _count(start, stop, step, factor) > MOST_VALUES:
        return f"the range has more than {MOST_VALUES} values", "take a larger step"
    return None


def _count(start: float, stop: float, step: float | None, factor: float | None) -> int:
    """Return the number of values (count), at most one more than are allowed."""
    steps = (stop - start) / step if step is not None else math.log(stop / start) / math.log(factor or math.inf)
    return 1 + math.floor(min(steps + _SLACK, MOST_VALUES))


@cache
def _range_adapter() -> TypeAdapter[Range]:
    return TypeAdapter(Range)
