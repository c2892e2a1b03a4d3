"""Stage 1, the extended graph: a vertex per (block, node) that may host it, an arc per link that data may take.

The graph is held as arrays over K scenarios at once. A scenario is an operating point together with the exit whose
latency the deadline governs. Costs of links are linear in three figures (J/bit, s/bit, latency), so K scenarios share
the links and bring three coefficients per layer.

Source: FIN, INFOCOM 2024, doi 10.1109/INFOCOM52122.2024.10621218, stage 1; paths of several links, result routes and
percentiles go beyond the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.graph.further_sums import FurtherSums, arc_coefficients, further_sums, metric_vertices
from planner.fin.graph.node_routes import NodeRoutes
from planner.fin.graph.results import result_options, result_routes
from planner.fin.graph.scenarios import Scenarios, scenarios_of
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.links.interface import Links
from planner.fin.links.representation import links_of
from planner.fin.path_resources.interface import PathLimits


@dataclass(frozen=True, eq=False)
class ExtendedGraph:
    """Layered graph of K scenarios: D layers (blocks) of N vertices (nodes), O options to hand a result over."""

    links: Links
    results: NodeRoutes | None
    """Routes to the destination, None where there is none."""
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
    """(K, D, C) coefficients of J/bit, s/bit, latency and metrics per bit for the arcs into each layer."""
    arc_limited: Floats
    """(K, D, C) the same for the limit."""
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
    sends_result: Bools
    """(K, D) whether samples leave behind each layer."""
    deadline: Floats | None
    """(K, D, N, O) latest elapsed time at which a result option is in time, where exits have deadlines of their own."""
    late: Floats | None
    """(K, D, O) fraction of samples that an option gives up as late."""
    further: FurtherSums | None = None
    """Sums with a limit besides `limited`, None where there is none."""
    path_limits: PathLimits | None = None
    """Limits that are no sums, None where there is none."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(K, D, N)."""
        scenarios, layers, nodes = self.open.shape[:3]
        return scenarios, layers, nodes

    def take(self, keep: Ints | Bools) -> ExtendedGraph:
        """Return the graph of some of the scenarios."""
        columns = {name: getattr(self, name)[keep] for name in _PER_SCENARIO}
        deadline = None if self.deadline is None else self.deadline[keep]
        late = None if self.late is None else self.late[keep]
        further = None if self.further is None else self.further.take(keep)
        scenarios = self.scenarios.take(keep)
        return replace(self, scenarios=scenarios, deadline=deadline, late=late, further=further, **columns)

    def single(self, scenario: int) -> ExtendedGraph:
        """Return the graph of one scenario, without the layers that it does not use."""
        one = self.take(np.array([scenario]))
        layers = int(one.depth[0])
        columns = {name: getattr(one, name)[:, :layers] for name in _PER_SCENARIO if name != "depth"}
        deadline = None if one.deadline is None else one.deadline[:, :layers]
        late = None if one.late is None else one.late[:, :layers]
        further = None if one.further is None else one.further.first(layers)
        return replace(one, deadline=deadline, late=late, further=further, **columns)

    def restricted(self, open_: Bools) -> ExtendedGraph:
        """Return the same graph with fewer vertices."""
        return replace(self, open=open_)

    def priced(self, multipliers: Floats) -> ExtendedGraph:
        """Return the same graph whose costs include further sums, at (K, R) multipliers."""
        if self.further is None:
            return self
        vertex = np.einsum("kr,krdno->kdno", multipliers, self.further.vertex)
        arc = np.einsum("kr,krdc->kdc", multipliers, self.further.arc)
        return replace(self, vertex_cost=self.vertex_cost + vertex, arc_cost=self.arc_cost + arc)

    def limited_by(self, further: int) -> ExtendedGraph:
        """Return the same graph with one of the further sums as its limited sum."""
        assert self.further is not None
        vertex, arc = self.further.vertex[:, further], self.further.arc[:, further]
        return replace(self, vertex_limited=vertex, arc_limited=arc)


_PER_SCENARIO = (
    "depth", "open", "vertex_cost", "vertex_limited", "arc_cost", "arc_limited",
    "memory_bytes", "utilization", "medium_arc", "medium_result", "sends_result",
)  # fmt: skip


def build_extended(
    instance: Instance,
    links: Links | None = None,
    tracked_media: tuple[int, ...] = (),
    deadline: Deadline | None = None,
) -> ExtendedGraph:
    """Build the graph of every scenario of an instance.

    With `minimise` = latency the roles of the two sums are swapped. An instance whose exits have deadlines of their
    own must minimise energy (the latency objective is then found by solving for deadlines).

    Args:
        instance: The app.
        links: Links of its network, if they are known already.
        tracked_media: Media whose load links and routes state.
        deadline: When to give up.

    Returns:
        The graph, with every vertex open that pins, profiles and links allow.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    links = _links(instance, tracked_media) if links is None else links
    results = result_routes(instance, tracked_media, deadline)
    scenarios = scenarios_of(instance)
    rows = _Layers.of(instance, scenarios)
    open_, (energy, time, added) = rows.open(instance), rows.sums(instance)
    in_time: Floats | None = None
    late: Floats | None = None
    if results is not None:
        result = result_options(instance, results, scenarios, rows.leaves, rows.head_of, rows.time_weight)
        open_, energy, time = open_ & result.open, energy + result.energy, time + result.time
        in_time, late, added = result.deadline, result.late, added + result.metrics
    kinds = ("energy", "latency", *(instance.network.metrics.names[index] for index in instance.used_metrics))
    vertex = dict(zip(kinds, (energy, time, *added), strict=True))
    bits, carried = rows.bits(instance)
    arc = dict(zip(kinds, arc_coefficients(carried, rows.time_weight, bits, len(added)), strict=True))
    return ExtendedGraph(
        links=links,
        results=results,
        source=instance.source,
        scenarios=scenarios,
        depth=rows.depth,
        open=open_,
        vertex_cost=vertex[instance.minimise],
        vertex_limited=vertex[instance.counterpart],
        arc_cost=arc[instance.minimise],
        arc_limited=arc[instance.counterpart],
        limit=instance.other_limit,
        memory_bytes=rows.memory_bytes(instance),
        utilization=instance.rate_per_s * rows.runs[:, :, None] * rows.seconds,
        medium_arc=instance.rate_per_s * carried,
        medium_result=instance.rate_per_s * rows.result_bits(instance),
        sends_result=rows.leaves > 0,
        deadline=in_time,
        late=late,
        further=further_sums(instance, vertex, arc),
        path_limits=PathLimits.of(instance),
    )


@dataclass(frozen=True, eq=False)
class _Layers:
    """Blocks of K scenarios with the heads behind them: D layers on N nodes."""

    depth: Ints
    """(K,)"""
    head_of: Ints
    """(D,) exit behind each block, -1 for none."""
    on: Bools
    """(K, D) whether it is on."""
    leaves: Floats
    """(K, D) fraction of samples that leave behind each block."""
    reach: Floats
    """(K, D) fraction of samples that executes each block."""
    runs: Floats
    """(K, D) how often it runs: the fraction of samples that executes it, or of batches."""
    time_weight: Floats
    """(K, D) weight of a layer's time in the latency statistic."""
    seconds: Floats
    """(K, D, N) time of a block and its head."""

    @classmethod
    def of(cls, instance: Instance, scenarios: Scenarios) -> _Layers:
        """Return the layers of an app."""
        points, point = instance.points, scenarios.point
        layers = int(points.depth.max()) if points.count else 1
        reach = points.reach(len(instance.block_names))[point][:, :layers]
        head_of = _heads(instance, layers)
        on = points.on[point][:, head_of] & (head_of >= 0)
        leaves = np.where(on, points.fraction[point][:, head_of], 0.0)
        time_weight = _time_weight(instance, scenarios, reach, layers)
        seconds = instance.blocks.time_s[None, :layers] + on[:, :, None] * instance.heads.time_s[head_of][None]
        runs = points.computing_weight(reach)
        return cls(points.depth[point], head_of, on, leaves, reach, runs, time_weight, seconds)

    @property
    def deployed(self) -> Bools:
        """(K, D) whether a scenario has the layer."""
        return np.asarray(np.arange(len(self.head_of)) < self.depth[:, None])

    def open(self, instance: Instance) -> Bools:
        """(K, D, N, 1) vertices that pins and abilities leave open; layers not deployed are open everywhere."""
        heads_run = instance.heads.can_run[self.head_of][None] | ~self.on[:, :, None]
        can_run = instance.allowed[None, : len(self.head_of)] & heads_run
        return np.asarray((can_run | ~self.deployed[:, :, None])[..., None])

    def sums(self, instance: Instance) -> tuple[Floats, Floats, Floats]:
        """(K, D, N, 1) energy and time of vertices, and (M, K, D, N, 1) what they add to each metric."""
        heads_j = self.on[:, :, None] * instance.heads.energy_j[self.head_of][None]
        joules = instance.blocks.energy_j[None, : len(self.head_of)] + heads_j
        energy = (self.runs[:, :, None] * joules)[..., None]
        time = _elapsed(instance, self.time_weight, self.seconds)
        return energy, time, metric_vertices(instance, self.head_of, self.on, self.runs)

    def bits(self, instance: Instance) -> tuple[Floats, Floats]:
        """(D,) size of what arcs into each layer carry, and (K, D) the same weighted by reach."""
        layers = len(self.head_of)
        bits = np.concatenate([[instance.input_bits], instance.output_bits[: layers - 1]])
        return bits, np.where(np.arange(layers) == 0, 1.0, self.reach) * bits

    def memory_bytes(self, instance: Instance) -> Floats:
        """(K, D) memory of a block and its head."""
        blocks = instance.block_bytes[: len(self.head_of)]
        return np.asarray(self.deployed * (blocks + self.on * instance.head_bytes[self.head_of]))

    def result_bits(self, instance: Instance) -> Floats:
        """(K, D) bits of results that leave each layer, per sample."""
        return np.where(self.leaves > 0, self.leaves * instance.result_bits[self.head_of], 0.0)


def _elapsed(instance: Instance, time_weight: Floats, seconds: Floats) -> Floats:
    """(K, D, N, 1) what vertices add to the latency; the first one adds the wait until the batch is full."""
    time = (time_weight[:, :, None] * seconds)[..., None]
    if instance.filling_s:
        time[:, 0] += instance.filling_s
    return np.asarray(time)


def _links(instance: Instance, tracked_media: tuple[int, ...]) -> Links:
    """Return the links of an app's network, with what they add to the metrics that matter."""
    most_bits = max(instance.input_bits, float(instance.output_bits.max(initial=0.0)))
    return links_of(instance.network, tracked_media, instance.rate_per_s * most_bits, instance.used_metrics)


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
