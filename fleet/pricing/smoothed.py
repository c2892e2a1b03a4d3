"""Prices to start from: the smoothed Lagrangian dual, maximised by L-BFGS (scipy), with entropic soft minima."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats
from planner.fleet.pricing.engine import Pricer


@dataclass(frozen=True)
class Demand:
    """What is asked of a fleet: inferences per second of each class, the cost of leaving one out, capacities."""

    per_s: Floats
    """(C,) inferences per second of all users."""
    penalty_j: Floats
    """(C,) cost of an inference that is not served, in joules."""
    capacity: Floats
    """(R,)"""
    idle_w: Floats
    """(R,) idle power per unit of capacity, in watts: a node in use whose load is a part of its capacity draws at least
    that part of its idle power, which makes the linear program a relaxation."""


class _StoppedError(Exception):
    """The time is over."""


def smoothed_prices(
    pricer: Pricer, demand: Demand, scale_j: Floats, unit: Floats, tight: Bools, relative: float, start: Floats,
    rounds: int, deadline: Deadline,
) -> Floats:  # fmt: skip
    """Find prices that nearly maximise the smoothed Lagrangian dual, by L-BFGS-B.

    Args:
        pricer: The fleet.
        demand: What is asked.
        scale_j: (C,) typical cost of an inference of each class; the temperature is a part of it.
        unit: (R,) size of a price that matters, in watts per unit of capacity.
        tight: (R,) resources that may have a price.
        relative: That part.
        start: (R,) prices to start from.
        rounds: Iterations at most.
        deadline: When to stop.

    Returns:
        (R,) prices in watts per unit of capacity: those looked at last where the deadline comes first, `start` where
        nothing is asked.
    """
    from scipy.optimize import Bounds, minimize

    usable = np.isfinite(scale_j)
    asked = np.where(usable, demand.per_s, 0.0)
    typical_j = np.where(usable, np.maximum(scale_j, 1e-12 * float(scale_j[usable].max(initial=0.0))), 1.0)
    temperature = relative * np.where(typical_j > 0.0, typical_j, 1.0)
    typical = float((asked * typical_j).sum())
    if typical <= 0.0 or not tight.any():
        return start
    latest, free = start, np.flatnonzero(tight)

    def prices_of(scaled: Floats) -> Floats:
        prices = np.zeros(len(start))
        prices[free] = scaled * unit[free]
        return prices

    def negative(scaled: Floats) -> tuple[float, Floats]:
        nonlocal latest
        if deadline.expired:
            raise _StoppedError
        prices = prices_of(scaled)
        cost, usage = pricer.smooth(prices + demand.idle_w, temperature, asked)
        latest = prices
        value = float((asked * cost).sum() - (prices * demand.capacity).sum())
        slope = ((usage - demand.capacity) * unit)[free]
        return -value / typical, -slope / typical

    try:
        found = minimize(
            negative, (start / unit)[free], jac=True, method="L-BFGS-B", bounds=Bounds(0.0, np.inf),
            options={"maxiter": rounds, "maxcor": 20, "ftol": 1e-7, "gtol": 1e-6},
        )  # fmt: skip
    except _StoppedError:
        return latest
    return prices_of(np.asarray(found.x, dtype=np.float64))
