"""What capacities of nodes and media allow: the largest rate that some plan sustains, and blocks that fit nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from planner.fin.deadline import DeadlineReachedError
from planner.fin.instance.decision import Decision, evaluate
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Floats
from planner.schemas.planning.placement import BrokenLimit
from planner.schemas.reading.quantities import format_quantity, told_apart

AnyPlan = Callable[[Instance], Decision | None]
"""Returns some plan of an app that keeps every limit, None where there is none; raises DeadlineReachedError."""
_CLOSE = 4.0 * TOLERANCE
"""Relative width at which the bisection ends; what is tried stays clear of the tolerance of limits."""


@dataclass(frozen=True)
class Sustained:
    """The largest rate that a plan sustains, and what is fully used then."""

    rate_per_s: float
    bottleneck: str
    """Name of the node or medium."""
    proved: bool = True
    """Whether no plan sustains more; False where a deadline ended the search for one."""


def sustained_rate(instance: Instance, decision: Decision) -> Sustained:
    """Return the largest rate at which a plan keeps the capacities of nodes and media: least capacity over load.

    Args:
        instance: The app.
        decision: A plan of it.
    """
    loads = evaluate(replace(instance, rate_per_s=1.0), decision)
    nodes = _quotient(instance.network.max_utilization, loads.utilization)
    media = _quotient(np.ones(instance.network.media), loads.media_load)
    everything = np.concatenate([nodes, media])
    if len(everything) == 0 or np.isinf(everything.min()):
        return Sustained(np.inf, "")
    first = int(everything.argmin())
    network = instance.network
    name = network.names[first] if first < network.size else network.medium_name(first - network.size)
    return Sustained(float(everything[first]), name)


def _quotient(capacity: Floats, load: Floats) -> Floats:
    return np.asarray(np.divide(capacity, load, out=np.full(len(load), np.inf), where=load > 0.0))


def largest_rate(instance: Instance, any_plan: AnyPlan) -> Sustained | None:
    """Return the largest rate up to the app's own that some plan within the other limits sustains.

    Bisection on the rate, where every plan that is found raises the lower end to the rate that it sustains itself; so
    the result is attained by a plan, and is right to the tolerance of limits.

    Args:
        instance: The app, which has no plan at its own rate.
        any_plan: Finds a plan.

    Returns:
        The rate, or one that some plan sustains where the deadline came first; None where there is no plan even of a
        single inference.

    Raises:
        DeadlineReachedError: The deadline came before there was a plan of a single inference.
    """
    first = any_plan(replace(instance, rate_per_s=0.0))
    if first is None:
        return None
    best, high = sustained_rate(instance, first), instance.rate_per_s
    while high - best.rate_per_s > _CLOSE * high:
        middle = 0.5 * (best.rate_per_s + high)
        try:
            found = any_plan(replace(instance, rate_per_s=middle))
        except DeadlineReachedError:
            return replace(best, proved=False)
        sustained = None if found is None else sustained_rate(instance, found)
        if sustained is None or sustained.rate_per_s <= best.rate_per_s:
            high = middle
        else:
            best = sustained
    return best


def oversized_blocks(instance: Instance) -> Iterator[BrokenLimit]:
    """Report every block that each operating point deploys and whose parameters fit on no node that may run it.

    Args:
        instance: The app as asked for.
    """
    network, points = instance.network, instance.points
    shallowest = int(points.depth.min()) if points.count else 0
    for block in range(shallowest):
        room = np.where(instance.allowed[block], network.memory_bytes, -np.inf)
        needed, largest = alone_bytes(instance, block), int(room.argmax())
        most = float(room[largest])
        if most >= 0.0 and needed > most * (1.0 + TOLERANCE):
            name, node = instance.block_names[block], network.names[largest]
            takes, has = told_apart(needed, most, "B")
            message = f"block {name} takes {takes} of memory; the most that a node which may run it has is {has} "
            message += f"({node}; {format_quantity(needed - most, 'B')} are missing)"
            yield BrokenLimit(kind="memory", subject=name, demand=most, best=needed, unit="bytes", message=message)


def alone_bytes(instance: Instance, block: int) -> float:
    """Return the memory that a block needs where it runs alone: parameters, state and working memory.

    Args:
        instance: The app.
        block: The block.
    """
    more = 0.0 if instance.memory is None else instance.memory.beyond_sum([block], [])
    return float(instance.block_bytes[block]) + more


def slowest_part(instance: Instance, decision: Decision) -> str:
    """Say what takes longest in a plan, a block on its node or a transfer over its links; empty where nothing does.

    Args:
        instance: The app.
        decision: A plan of it.
    """
    network, nodes = instance.network, decision.nodes
    parts = [
        (float(instance.blocks.time_s[block, node]), f"block {instance.block_names[block]} on {network.names[node]}")
        for block, node in enumerate(nodes)
    ]
    for row, path in zip(instance.inputs(len(nodes)), decision.transfers, strict=True):
        bits = row.bits
        what = f"the output of {instance.block_names[row.producer]}" if row.producer >= 0 else "the input"
        what += "" if instance.dataflow is None else f" to {instance.block_names[row.reader]}"
        for source, target in pairwise(path):
            link = network.link(source, target)
            seconds = float(network.link_latency_s[link]) + bits / float(network.link_bit_per_s[link])
            parts.append((seconds, f"{what} over {network.names[source]}->{network.names[target]}"))
    seconds, what = max(parts, default=(0.0, ""))
    return f"; {what} takes longest ({format_quantity(seconds, 's')})" if seconds > 0.0 else ""
