"""One solve of a fleet: what it asks, the cost of users without a plan, and what all steps share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.method import FleetOptions
from planner.fleet.pricing.engine import Pricer
from planner.fleet.pricing.smoothed import Demand
from planner.fleet.rounding.state import WholeUsers

_PENALTY = 100.0


def penalty_per_user(instance: FleetInstance) -> float:
    """Return the cost of a user without a plan, in watts: far more than any plan takes."""
    most = max((float(each.plans.energy_j.max(initial=0.0)) for each in instance.kinds), default=0.0)
    rate = float(instance.rate_per_s.max(initial=0.0))
    return _PENALTY * max(most * rate, 1e-9)


def demand_of(instance: FleetInstance, penalty_w: float) -> Demand:
    """Return what a fleet asks, with one cost for every user without a plan."""
    rate = instance.rate_per_s
    per_s = instance.count * rate
    penalty = penalty_w / np.where(rate > 0.0, rate, 1.0)
    return Demand(per_s, penalty, instance.resources.capacity, idle_prices(instance))


def idle_prices(instance: FleetInstance) -> Floats:
    """(R,) idle power of nodes per unit of their capacity, in watts."""
    network, prices = instance.network, np.zeros(instance.resources.count)
    some = network.max_utilization > 0.0
    prices[: network.size][some] = network.idle_power_w[some] / network.max_utilization[some]
    return prices


@dataclass(frozen=True)
class Run:
    """One solve of a method, and what it shares."""

    instance: FleetInstance
    options: FleetOptions
    pricer: Pricer
    deadline: Deadline


def cost_of(state: WholeUsers, penalty_w: float) -> float:
    """Return power, with the penalty of users without a plan that load anything."""
    waiting = state.waiting[state.instance.rate_per_s > 0.0]
    return state.power_w + state.idle_w + penalty_w * float(waiting.sum())
