"""Loads of a fleet whose capacity is free: every user takes its plan of least energy."""

from __future__ import annotations

import numpy as np

from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.master.pool import columns_of
from planner.fleet.pricing.engine import EngineSetting, LocalEngine, Pricer


def free_load(instance: FleetInstance) -> dict[str, float]:
    """Return the load of every shared node and medium, in fractions of time, where no capacity is short."""
    engine = LocalEngine(EngineSetting(instance))
    found = Pricer.of(instance, engine).price(np.zeros(instance.resources.count))
    engine.close()
    pairs = np.flatnonzero(found.pair_cost <= found.class_cost[instance.pair_class])
    pairs = pairs[np.isfinite(found.pair_cost[pairs])]
    pairs = pairs[np.unique(instance.pair_class[pairs], return_index=True)[1]]
    columns = columns_of(instance, pairs, found.pair_plan[pairs])
    per_s = (instance.count * instance.rate_per_s)[columns.owner]
    load = columns.load_of(per_s, instance.resources.count)
    return dict(zip(instance.resources.names, load.tolist(), strict=True))
