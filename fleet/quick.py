"""Plans of fleets where a time limit leaves no time to enumerate all plans: users placed greedily, with a bound.

The bound is the least energy of every class by dynamic programming, whatever plan its users take and whoever else
loads capacity.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from planner.fin.instance.network import Floats
from planner.fleet.again.keeping import kept_users
from planner.fleet.again.moves import change_of
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.master.column_generation import ColumnGeneration
from planner.fleet.master.pool import columns_of
from planner.fleet.method import FleetOptions, FleetOutcome
from planner.fleet.outcomes import STOPPED_EARLY, Bounded, heuristic_outcome
from planner.fleet.plans.least_energy import least_energy_j
from planner.fleet.pricing.engine import EngineSetting, LocalEngine, Pricer
from planner.fleet.rounding.greedy import placed_at_once_or_dearer
from planner.fleet.rounding.rounding import nobody_placed
from planner.fleet.rounding.state import WholeUsers
from planner.fleet.task import demand_of, idle_prices, penalty_per_user

_SMOOTHING = 0.6
"""Part of the time that is left for the prices to place users at."""
_MESSAGE = "the time limit left no time to enumerate all plans: blocks leave the device once at most"


def quick_outcome(instance: FleetInstance, options: FleetOptions) -> FleetOutcome:
    """Place users greedily on the plans that are known; those of a placement before keep their plan where they can.

    Args:
        instance: The fleet, with some plans of every kind.
        options: What was asked.

    Returns:
        A plan with its bound; unknown where users found no room, or more of them moved than may.
    """
    began = time.perf_counter()
    if options.latest.expired:
        return FleetOutcome("unknown", None, 0.0, np.zeros(instance.resources.count), STOPPED_EARLY)
    pricing = LocalEngine(EngineSetting(instance, options.jobs))
    pricer, demand = Pricer.of(instance, pricing), demand_of(instance, penalty_per_user(instance))
    smoothing = ColumnGeneration(instance, pricer, demand, options.latest.fraction(_SMOOTHING), options.progress)
    prices = smoothing.smoothed_start() + idle_prices(instance)
    state = placed_at_once_or_dearer(_before(instance, options, prices), pricer, prices, options.latest)
    pricing.close()
    proved = Bounded(_least_power_w(instance), np.zeros(instance.resources.count))
    outcome = _within_moves(
        instance, options, heuristic_outcome(instance, options, state, proved, time.perf_counter() - began)
    )
    return replace(outcome, message="; ".join(part for part in (_MESSAGE, outcome.message) if part))


def _before(instance: FleetInstance, options: FleetOptions, prices: Floats) -> WholeUsers:
    """Return the users who have a plan from before; nobody has one where there is no placement before."""
    if options.before is not None:
        return kept_users(instance, options.before, prices)
    none = np.zeros(0, dtype=np.int64)
    return nobody_placed(instance, columns_of(instance, none, none))


def _within_moves(instance: FleetInstance, options: FleetOptions, outcome: FleetOutcome) -> FleetOutcome:
    """Take the plan away where more users moved than may: which plans of before are possible is not known of all."""
    if options.before is None or options.most_moves is None or outcome.solution is None:
        return outcome
    moved = change_of(instance, options.before, outcome.solution).moved
    if moved <= options.most_moves:
        return outcome
    message = f"the plan found moves {moved:,} users, more than {options.most_moves:,} (--most-moves)"
    return replace(outcome, status="unknown", solution=None, message=message)


def _least_power_w(instance: FleetInstance) -> float:
    """Return the power of all users, each with the least energy of any plan."""
    energy = np.array([least_energy_j(each.kind) for each in instance.kinds])
    least = np.full(instance.classes, np.inf)
    np.minimum.at(least, instance.pair_class, energy[instance.pair_kind])
    least = np.where(np.isfinite(least), least, 0.0)
    return float((instance.count * instance.rate_per_s * least).sum())
