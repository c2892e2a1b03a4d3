"""Stage 1, the extended graph: a vertex per (block, node) that may host it, an arc per efficient route between hosts.

The graph is held as arrays over K scenarios at once. A scenario is an operating point together with the exit whose
latency the deadline governs. Arc costs are linear in three figures of a route (J/bit, s/bit, latency), so K scenarios
share one route table and bring three coefficients per layer.

Source: FIN, INFOCOM 2024, doi 10.1109/INFOCOM52122.2024.10621218, stage 1; result routes, percentiles and several
routes per pair go beyond the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.graph.routes import RouteTable
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats, Ints


@dataclass(frozen=True)
class Scenarios:
    """K pairs of an operating point and a governing exit."""

    point: Ints
    """(K,) operating point."""
    governing: Ints
    """(K,) exit that must be in time; -1 where the mean counts."""
    late_budget: Floats
    """(K,) fraction of samples that may leave late at exits before the governing one."""


@dataclass(frozen=True)
class ExtendedGraph:
    """Layered graph of K scenarios: D layers (blocks) of N vertices (nodes), O ways to hand a result over."""

    routes: RouteTable
    source: int
    scenarios: Scenarios
    depth: Ints
    """(K,) layers in use; those behind cost nothing."""
    open: Bools
    """(K, D, N, O) vertices and result options that exist."""
    vertex_cost: Floats
    """(K, D, N, O) what the objective counts: joules, or seconds."""
    vertex_limited: Floats
    """(K, D, N, O) what the limit counts: seconds, or joules."""
    arc_cost: Floats
    """(K, D, 3) coefficients of J/bit, s/bit and latency for the arcs into each layer."""
    arc_limited: Floats
    """(K, D, 3) the same for the limit."""
    limit: float
    """Limit on the sum of `limited`; infinite where there is none."""
    memory_bytes: Floats
    """(K, D) memory that a block and its head take."""
    utilization: Floats
    """(K, D, N) fraction of time that a block and its head keep a node busy."""
    medium_arc: Floats
    """(K, D) bit/s that arcs into each layer carry."""
    medium_result: Floats
    """(K, D) bit/s of results that leave each layer."""
    deadline: Floats | None
    """(K, D, N, O) latest elapsed time at which a result option is in time, where exits have deadlines of their own."""
    late: Floats | None
    """(K, D, O) fraction of samples that an option gives up as late."""
    destination: int | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(K, D, N)."""
        scenarios, layers, nodes = self.open.shape[:3]
        return scenarios, layers, nodes

    def take(self, keep: Ints | Bools) -> ExtendedGraph:
        """Return the graph of some of the scenarios."""
        of = self.scenarios
        scenarios = Scenarios(of.point[keep], of.governing[keep], of.late_budget[keep])
        columns = {name: getattr(self, name)[keep] for name in _PER_SCENARIO}
        deadline = None if self.deadline is None else self.deadline[keep]
        late = None if self.late is None else self.late[keep]
        return replace(self, scenarios=scenarios, deadline=deadline, late=late, **columns)

    def single(self, scenario: int) -> ExtendedGraph:
        """Return the graph of one scenario, without the layers that it does not use."""
        one = self.take(np.array([scenario]))
        layers = int(one.depth[0])
        columns = {name: getattr(one, name)[:, :layers] for name in _PER_SCENARIO if name != "depth"}
        deadline = None if one.deadline is None else one.deadline[:, :layers]
        late = None if one.late is None else one.late[:, :layers]
        return replace(one, deadline=deadline, late=late, **columns)

    def restricted(self, open_: Bools) -> ExtendedGraph:
        """Return the same graph with fewer vertices."""
        return replace(self, open=open_)


_PER_SCENARIO = (
    "depth", "open", "vertex_cost", "vertex_limited", "arc_cost", "arc_limited",
    "memory_bytes", "utilization", "medium_arc", "medium_result",
)  # fmt: skip


def exits_have_own_deadlines(instance: Instance) -> bool:
    """Tell whether results travel, so that an earlier exit can be later than a deeper one."""
    several = ((instance.points.fraction > 0).sum(axis=1) > 1).any() if instance.points.count else False
    return instance.destination is not None and instance.statistic != "mean" and bool(several)


def scenarios_of(instance: Instance) -> Scenarios:
    """List what may govern the deadline of each operating point.

    Without result routes the exits arrive in order of depth, so one exit governs: the first at which enough samples
    have left. With them, any exit may be the deepest that is in time; all behind it are then given up as late.
    """
    points = instance.points
    if instance.statistic == "mean":
        every = np.arange(points.count)
        return Scenarios(every, np.full(len(every), -1), np.zeros(len(every)))
    needed = 1.0 if instance.percentile is None else instance.percentile
    rows: list[tuple[int, int, float]] = []
    choose = exits_have_own_deadlines(instance) and np.isfinite(instance.limits.latency_s)
    for point in range(points.count):
        fraction = points.fraction[point]
        used = np.flatnonzero(fraction > 0)
        held = np.cumsum(fraction[used])
        enough = held >= needed - TOLERANCE if instance.percentile is not None else used == used[-1:]
        enough[-1:] = True
        candidates = used[enough] if choose else used[enough][:1]
        for exit_index in candidates:
            behind = float(fraction[used[used > exit_index]].sum())
            rows.append((point, int(exit_index), max(0.0, 1.0 - needed - behind)))
    columns = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Scenarios(columns[:, 0].astype(np.int64), columns[:, 1].astype(np.int64), columns[:, 2])


def build_extended(instance: Instance, routes: RouteTable) -> ExtendedGraph:
    """Build the graph of every scenario of an instance.

    With `minimise` = latency the roles of the two sums are swapped. An instance whose exits have deadlines of their
    own must minimise energy (the latency objective is then found by solving for deadlines).
    """
    scenarios, points = scenarios_of(instance), instance.points
    point = scenarios.point
    layers = int(points.depth.max()) if points.count else 1
    reach = points.reach(len(instance.block_names))[point][:, :layers]
    head_of = _heads(instance, layers)
    on = points.on[point][:, head_of] & (head_of >= 0)
    leaves = np.where(on, points.fraction[point][:, head_of], 0.0)
    time_weight = _time_weight(instance, scenarios, reach, layers)

    seconds = instance.blocks.time_s[None, :layers] + on[:, :, None] * instance.heads.time_s[head_of][None]
    joules = instance.blocks.energy_j[None, :layers] + on[:, :, None] * instance.heads.energy_j[head_of][None]
    deployed = np.arange(layers) < points.depth[point][:, None]
    can_run = instance.allowed[None, :layers] & (instance.heads.can_run[head_of][None] | ~on[:, :, None])
    open_ = (can_run | ~deployed[:, :, None])[..., None]
    energy = (reach[:, :, None] * joules)[..., None]
    time = (time_weight[:, :, None] * seconds)[..., None]
    deadline = late = None
    if instance.destination is not None:
        result = _result_options(instance, routes, scenarios, leaves, head_of, time_weight)
        open_, energy, time = open_ & result.open, energy + result.energy, time + result.time
        deadline, late = result.deadline, result.late

    bits = np.concatenate([[instance.input_bits], instance.output_bits[: layers - 1]])
    carried = np.where(np.arange(layers) == 0, 1.0, reach) * bits
    arc_energy = np.stack([carried, np.zeros_like(carried), np.zeros_like(carried)], axis=2)
    arc_time = np.stack([np.zeros_like(carried), time_weight * bits, time_weight], axis=2)
    energy_first = instance.minimise == "energy"
    limits = instance.limits
    result_bits = np.where(leaves > 0, leaves * instance.result_bits[head_of], 0.0)
    return ExtendedGraph(
        routes=routes,
        source=instance.source,
        scenarios=scenarios,
        depth=points.depth[point],
        open=open_,
        vertex_cost=energy if energy_first else time,
        vertex_limited=time if energy_first else energy,
        arc_cost=arc_energy if energy_first else arc_time,
        arc_limited=arc_time if energy_first else arc_energy,
        limit=limits.latency_s if energy_first else limits.energy_j,
        memory_bytes=deployed * (instance.block_bytes[:layers] + on * instance.head_bytes[head_of]),
        utilization=instance.rate_per_s * reach[:, :, None] * seconds,
        medium_arc=instance.rate_per_s * carried,
        medium_result=instance.rate_per_s * result_bits,
        deadline=deadline,
        late=late,
        destination=instance.destination,
    )


def _heads(instance: Instance, layers: int) -> Ints:
    """(D,) exit behind each block, -1 for none."""
    head_of = np.full(layers, -1, dtype=np.int64)
    for index, block in enumerate(instance.points.exit_block):
        if block < layers:
            head_of[block] = index
    return head_of


def _time_weight(instance: Instance, scenarios: Scenarios, reach: Floats, layers: int) -> Floats:
    """(K, D) weight of a layer's time in the latency statistic."""
    if instance.statistic == "mean":
        return reach
    last = instance.points.exit_block[scenarios.governing]
    return (np.arange(layers) <= last[:, None]).astype(np.float64)


@dataclass(frozen=True)
class _ResultOptions:
    """(K, D, N, O) additions of handing results over to the destination."""

    open: Bools
    energy: Floats
    time: Floats
    deadline: Floats | None
    late: Floats | None


def _result_options(
    instance: Instance, routes: RouteTable, scenarios: Scenarios, leaves: Floats, head_of: Ints, time_weight: Floats
) -> _ResultOptions:
    """One option per efficient route to the destination and, where samples may be late, the same routes 'late'."""
    destination = instance.destination
    metrics = routes.metrics[:, :, :, destination].transpose(0, 2, 1)  # (3, N, P)
    valid = routes.valid[:, :, destination].T  # (N, P)
    bits = np.where(head_of >= 0, instance.result_bits[head_of], 0.0)[None, :, None, None]
    q = leaves[:, :, None, None]
    sends = q > 0
    seconds = np.where(sends, bits * metrics[1] + metrics[2], 0.0)
    energy = q * bits * metrics[0]
    first = np.arange(valid.shape[1]) == 0
    open_ = np.where(sends, valid, first)
    if instance.statistic == "mean":
        return _ResultOptions(open_, energy, q * seconds, None, None)
    layers = leaves.shape[1]
    governs = (np.arange(layers) == instance.points.exit_block[scenarios.governing][:, None])[..., None, None]
    time = np.where(governs, seconds, 0.0)
    if not (exits_have_own_deadlines(instance) and np.isfinite(instance.limits.latency_s)):
        return _ResultOptions(open_, energy, time, None, None)
    before = sends & (time_weight[:, :, None, None] > 0) & ~governs
    deadline = np.where(before, instance.limits.latency_s * (1.0 + TOLERANCE) - seconds, np.inf)
    may_be_late = before & (q <= scenarios.late_budget[:, None, None, None] + TOLERANCE)
    late = np.where(before, q, 0.0)[:, :, 0, :]  # (K, D, 1)
    options = valid.shape[1]
    return _ResultOptions(
        np.concatenate([open_, may_be_late & valid], axis=3),
        np.concatenate([energy, energy], axis=3),
        np.concatenate([time, time], axis=3),
        np.concatenate([deadline, np.full_like(deadline, np.inf)], axis=3),
        np.concatenate([np.zeros((*late.shape[:2], options)), np.repeat(late, options, axis=2)], axis=2),
    )
