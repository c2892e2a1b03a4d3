"""Results that travel to a destination: what each efficient route adds to the vertex that a result leaves.

Source: result routes and percentiles go beyond FIN, INFOCOM 2024, doi 10.1109/INFOCOM52122.2024.10621218.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.graph.node_routes import NodeRoutes, routes_to
from planner.fin.graph.scenarios import Scenarios, exits_have_own_deadlines
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats, Ints


def result_routes(
    instance: Instance, tracked_media: tuple[int, ...] = (), deadline: Deadline | None = None
) -> NodeRoutes | None:
    """Find the efficient routes to an app's destination for the sizes of its results.

    Args:
        instance: The app.
        tracked_media: Media whose load routes state.
        deadline: When to give up.

    Returns:
        At most P routes per node; None where results stay where they are made.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    if instance.destination is None:
        return None
    used = (instance.points.fraction > 0).any(axis=0)
    sizes = np.unique(instance.result_bits[used])
    return routes_to(instance.network, instance.destination, sizes, tracked_media, deadline, instance.used_metrics)


@dataclass(frozen=True, eq=False)
class ResultOptions:
    """(K, D, N, O) additions of handing results over to the destination."""

    open: Bools
    energy: Floats
    time: Floats
    deadline: Floats | None
    """(K, D, N, O) latest elapsed time at which an option is in time, where exits have deadlines of their own."""
    late: Floats | None
    """(K, D, O) fraction of samples that an option gives up as late."""
    metrics: Floats
    """(M, K, D, N, O) what each metric that matters gains."""


def result_options(
    instance: Instance, routes: NodeRoutes, scenarios: Scenarios, leaves: Floats, head_of: Ints, time_weight: Floats
) -> ResultOptions:
    """Compute what results add on each efficient route and, where samples may be late, on the same ones 'late'.

    Args:
        instance: The app.
        routes: Efficient routes to its destination.
        scenarios: K scenarios.
        leaves: (K, D) fraction of samples that leaves behind each block.
        head_of: (D,) exit behind each block, -1 for none.
        time_weight: (K, D) weight of a layer's time in the latency statistic.

    Returns:
        (K, D, N, O) additions in J, s and the metrics' own units; O is the largest number of routes of a node, or twice
        it where samples may be late, the same routes following as late.
    """
    metrics, valid = routes.metrics, routes.valid
    bits = np.where(head_of >= 0, instance.result_bits[head_of], 0.0)[None, :, None, None]
    q = leaves[:, :, None, None]
    sends = q > 0
    seconds = np.where(sends, bits * metrics[1] + metrics[2], 0.0)
    energy = q * bits * metrics[0]
    added = q * bits * metrics[3:, None, None]
    first = np.arange(routes.options) == 0
    open_ = np.where(sends, valid, first)
    if instance.statistic == "mean":
        return ResultOptions(open_, energy, q * seconds, None, None, added)
    layers = leaves.shape[1]
    governs = (np.arange(layers) == instance.points.exit_block[scenarios.governing][:, None])[..., None, None]
    time = np.where(governs, seconds, 0.0)
    if not (exits_have_own_deadlines(instance) and np.isfinite(instance.limits.latency_s)):
        return ResultOptions(open_, energy, time, None, None, added)
    before = sends & (time_weight[:, :, None, None] > 0) & ~governs
    deadline = np.where(before, instance.limits.latency_s * (1.0 + TOLERANCE) - seconds, np.inf)
    may_be_late = before & (q <= scenarios.late_budget[:, None, None, None] + TOLERANCE)
    late = np.where(before, q, 0.0)[:, :, 0, :]  # (K, D, 1)
    return ResultOptions(
        np.concatenate([open_, may_be_late & valid], axis=3),
        np.concatenate([energy, energy], axis=3),
        np.concatenate([time, time], axis=3),
        np.concatenate([deadline, np.full_like(deadline, np.inf)], axis=3),
        np.concatenate([np.zeros((*late.shape[:2], routes.options)), np.repeat(late, routes.options, axis=2)], axis=2),
        np.concatenate([added, added], axis=4),
    )
