"""Why no plan keeps the limits of a class: the least value of each limited figure alone, by dynamic programming."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.instance.model_arrays import TOLERANCE
from planner.fleet.plans.enumeration import least_alone
from planner.fleet.plans.kind import Kind
from planner.schemas.reading.problems import InputError
from planner.schemas.reading.quantities import format_quantity, told_apart


def why_impossible(instance: FleetInstance, index: int) -> str:
    """Say which limits of a class cannot hold, and the least value of each alone.

    Args:
        instance: The fleet.
        index: A class whose limits no plan keeps.

    Returns:
        Part of a sentence.
    """
    first, last = instance.first_pair[index : index + 2].tolist()
    kinds = [instance.kinds[each].kind for each in np.unique(instance.pair_kind[first:last]).tolist()]
    rate = float(instance.rate_per_s[index])
    try:
        each = [least_alone(replace(kind, least_rate_per_s=rate)) for kind in kinds]
    except InputError:  # too many partial plans to tell
        return "no plan keeps them"
    least = np.min(each, axis=0).tolist()
    if not np.isfinite(least).all():
        return "no plan has the accuracy asked for and fits the memory and the rate"
    limits = [
        (name, most, value, unit)
        for (name, most, unit), value in zip(_limits(instance, kinds[0]), least, strict=True)
        if np.isfinite(most)
    ]
    broken = [limit for limit in limits if limit[2] > limit[1] * (1.0 + TOLERANCE)]
    if broken:
        return " and ".join(_beyond(*limit) for limit in broken)
    if len(limits) > 1:
        alone = ", ".join(f"{name} {format_quantity(value, unit)}" for name, _, value, unit in limits)
        return f"they cannot hold together (least of each alone: {alone})"
    return "they cannot hold together with its rate and the capacity of what it uses"


def _limits(instance: FleetInstance, kind: Kind) -> list[tuple[str, float, str]]:
    """Return the limits of a kind as name, largest value and unit, in the order of `least_alone`."""
    metrics = instance.network.metrics
    found = [("max_latency_s", kind.max_latency_s, "s"), ("max_energy_j", kind.max_energy_j, "J")]
    return found + [
        (f"limits.{name}", most, metrics.unit_of[name])
        for name, most in zip(metrics.names, kind.most_metrics, strict=True)
    ]


def _beyond(name: str, most: float, least: float, unit: str) -> str:
    asked, needed = told_apart(most, least, unit)
    return f"{name} is {asked}, and no plan has less than {needed}"
