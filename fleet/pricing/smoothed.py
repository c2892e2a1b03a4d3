"""Prices to start from: the smoothed Lagrangian dual, maximised by L-BFGS (scipy), with entropic soft minima."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats
from planner.fleet.pricing.engine import Pricer

_ROUNDS = 60


@dataclass(frozen=True)
class Demand:
    """What is asked of a fleet: inferences per second of each class, the cost of leaving one out, capacities."""

    per_s: Floats
    """(C,) inferences per second of all users."""
    penalty_j: Floats
    """(C,) cost of an inference that is not served, in joules."""
    capacity: Floats
    """(R,)"""


class _StoppedError(Exception):
    """The time is over."""


def smoothed_prices(
    pricer: Pricer, demand: Demand, scale_j: Floats, relative: float, start: Floats, deadline: Deadline
) -> Floats:
    """Return (R,) prices that nearly maximise the dual.

    Args:
        pricer: The fleet.
        demand: What is asked.
        scale_j: (C,) typical cost of an inference of each class; the temperature is a part of it.
        relative: That part.
        start: (R,) prices to start from.
        deadline: When to stop.
    """
    from scipy.optimize import minimize

    temperature = relative * np.maximum(scale_j, 1e-12 * max(float(scale_j.max(initial=0.0)), 1e-300))
    asked = np.where(np.isfinite(scale_j), demand.per_s, 0.0)
    temperature = np.where(np.isfinite(temperature), temperature, 1.0)
    typical = float((asked * np.where(np.isfinite(scale_j), scale_j, 0.0)).sum()) / max(1, len(start))
    if typical <= 0.0:
        return start
    unit = typical / np.maximum(demand.capacity, 1e-9)
    latest = start

    def negative(scaled: Floats) -> tuple[float, Floats]:
        nonlocal latest
        if deadline.expired:
            raise _StoppedError
        prices = scaled * unit
        cost, usage = pricer.smooth(prices, temperature, asked)
        latest = prices
        value = float((asked * cost).sum() - (prices * demand.capacity).sum())
        return -value / typical, -(usage - demand.capacity) * unit / typical

    try:
        found = minimize(
            negative, start / unit, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(start),
            options={"maxiter": _ROUNDS, "maxcor": 20, "ftol": 1e-7, "gtol": 1e-6},
        )  # fmt: skip
    except _StoppedError:
        return latest
    return np.asarray(found.x * unit, dtype=np.float64)
