"""Calls of compiled solvers whose failures of any kind become the answer None."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

ResultT = TypeVar("ResultT")


def guarded(call: Callable[[], ResultT]) -> ResultT | None:
    """Return the result of a call; None where the solver raises, or panics in Rust.

    Args:
        call: Builds and runs the solver.

    Returns:
        What it returns, or None.
    """
    try:
        return call()
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException:  # a panic of Clarabel (pyo3) is no `Exception`
        return None
