"""One operating point as additive figures of blocks, of routes and of results: what bounds and labels add up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.dataflow.hosts import possible_hosts
from planner.fin.deadline import Deadline
from planner.fin.graph.routes import RouteTable, efficient_routes
from planner.fin.instance.dataflow import TensorInput
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats, Ints

ENERGY, LATENCY, ROUTES = 0, 1, 2
"""Rows of the figures that every problem has, `_OWN` in number; metrics in use follow, then tracked capacities."""
_OWN = 3
_UNLIMITED = Deadline()


@dataclass(frozen=True, order=True)
class Capacity:
    """A capacity of a node or a medium that a search tracks."""

    kind: str
    """`memory`, `utilization` or `medium`."""
    index: int
    """Node or medium."""


@dataclass(frozen=True)
class ResultLimit:
    """Exits with deadlines of their own: results that travel may overtake each other."""

    latency_s: float
    late: float
    """Fraction of samples that may be late."""


@dataclass(frozen=True, eq=False)
class PointProblem:
    """D blocks of one operating point with F figures: energy, latency, routes, metrics, then tracked capacities.

    A figure is a sum over blocks (`node`), over the routes of inputs (`carry`) and over the routes of results
    (`result`). Routes have C criteria, of which each figure is a weighted sum.
    """

    instance: Instance
    point: int
    inputs: tuple[TensorInput, ...]
    first_input: tuple[int, ...]
    """(D + 1,) first input of each block."""
    earlier: tuple[tuple[int, ...], ...]
    """(R,) blocks that read the same tensor before."""
    hosts: tuple[Ints, ...]
    """(D,) nodes that may still run each block."""
    routes: RouteTable
    criteria: Floats
    """(C, P, N, N) J/bit, s/bit, s, moves, s/bit of tracked media, then metrics per bit, of the efficient routes."""
    node: Floats
    """(D, F, N)"""
    carry: Floats
    """(R, F, C)"""
    result: Floats
    """(D, F, C); 0 where no result travels."""
    sends: Bools
    """(D,) whether a result travels from behind each block."""
    limits: Floats
    """(F,) infinite where there is none."""
    capacities: tuple[Capacity, ...]
    result_limit: ResultLimit | None
    leaves: Floats
    """(D,) fraction of samples that leaves behind each block."""

    @property
    def depth(self) -> int:
        """Number of deployed blocks."""
        return len(self.hosts)

    @property
    def base(self) -> int:
        """Number of figures that are no capacities: energy, latency, routes and metrics in use."""
        return _OWN + len(self.instance.used_metrics)

    @property
    def objective(self) -> int:
        """Row of the figure that is minimised."""
        names = [self.instance.network.metrics.names[index] for index in self.instance.used_metrics]
        return ("energy", "latency", "routes", *names).index(self.instance.minimise)

    @property
    def limited(self) -> list[int]:
        """Rows of figures with a limit that are not minimised."""
        return [row for row in np.flatnonzero(np.isfinite(self.limits)).tolist() if row != self.objective]

    def producer_nodes(self, row: int) -> Ints:
        """Return the nodes at which a tensor that is read may be made."""
        producer = self.inputs[row].producer
        return np.array([self.instance.source]) if producer < 0 else self.hosts[producer]

    def with_hosts(self, hosts: tuple[Ints, ...]) -> PointProblem:
        """Return the same problem with fewer hosts."""
        return replace(self, hosts=hosts)

    def carried(self, row: int, weights: Floats, sources: Ints, targets: Ints) -> Floats:
        """Weigh the figures of each route of a tensor; infinite where there is none.

        Args:
            row: Which of the tensors that blocks read.
            weights: (F,) weight of each figure.
            sources: (S,) nodes that hold it.
            targets: (T,) nodes that need it.

        Returns:
            (P, S, T) weighted sums.
        """
        return self._routed(weights @ self.carry[row], sources, targets)

    def returned(self, block: int, weights: Floats, nodes: Ints) -> Floats:
        """Weigh the figures of each route of a result, (P, S), as `PointProblem.carried` says."""
        destination = self.instance.destination
        assert destination is not None
        return self._routed(weights @ self.result[block], nodes, np.array([destination]))[:, :, 0]

    def _routed(self, coefficients: Floats, sources: Ints, targets: Ints) -> Floats:
        some = self.criteria[:, :, sources[:, None], targets]
        values = np.tensordot(coefficients, some, axes=1)
        return np.where(self.routes.valid[:, sources[:, None], targets], values, np.inf)


def build_problem(
    instance: Instance,
    point: int,
    capacities: tuple[Capacity, ...] = (),
    hosts: tuple[Ints, ...] | None = None,
    until: Deadline = _UNLIMITED,
) -> PointProblem:
    """Build the figures of one operating point as arrays over blocks, routes and results.

    Args:
        instance: The app.
        point: The operating point.
        capacities: Capacities that are figures too.
        hosts: Nodes that may run each block (default: those that can, each block alone).
        until: When to give up.

    Returns:
        The problem with F figures; energy in J, latency in s, memory in bytes, loads as fractions of time.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    points, network = instance.points, instance.network
    depth = int(points.depth[point])
    inputs = tuple(instance.inputs(depth))
    media = tuple(row.index for row in capacities if row.kind == "medium")
    routes = efficient_routes(network, media, instance.used_metrics, until)
    moves = 1.0 - np.eye(network.size)
    criteria = np.concatenate(
        [routes.metrics, np.broadcast_to(moves, routes.metrics[:1].shape), routes.loads], dtype=np.float64
    )
    weight, governing, result_limit = _time_weights(instance, point, depth)
    readers = [row.reader for row in inputs]
    hosts = possible_hosts(instance, point) if hosts is None else hosts
    sends, leaves = _leaving(instance, point, depth)
    terms = _Terms(instance, point, depth, capacities, weight, governing)
    return PointProblem(
        instance=instance,
        point=point,
        inputs=inputs,
        first_input=tuple(np.searchsorted(readers, np.arange(depth + 1)).tolist()),
        earlier=tuple(
            tuple(other.reader for other in inputs[:place] if other.tensor == row.tensor)
            for place, row in enumerate(inputs)
        ),
        hosts=hosts,
        routes=routes,
        criteria=criteria,
        node=terms.node(),
        carry=terms.carry(inputs, len(criteria)),
        result=terms.result(leaves, len(criteria)),
        sends=sends,
        limits=_limits(instance, capacities, terms.working(), hosts),
        capacities=capacities,
        result_limit=result_limit,
        leaves=leaves,
    )


def _leaving(instance: Instance, point: int, depth: int) -> tuple[Bools, Floats]:
    """Return (D,) whether a result travels from behind each block, and the fraction of samples that leaves there."""
    leaves = np.zeros(depth)
    for head in np.flatnonzero(instance.points.on[point]).tolist():
        leaves[instance.points.exit_block[head]] = instance.points.fraction[point, head]
    return (leaves > 0.0) & (instance.destination is not None), leaves


def _time_weights(instance: Instance, point: int, depth: int) -> tuple[Floats, int, ResultLimit | None]:
    """Return (D,) weights of time in the latency, the block whose result counts (-1: none, -2: all, weighted)."""
    _, leaves = _leaving(instance, point, depth)
    used = np.flatnonzero(leaves > 0.0)
    behind = np.cumsum(leaves[::-1])[::-1]
    if instance.statistic == "mean":
        return behind, -2, None
    total = float(leaves.sum())
    needed = instance.percentile
    enough = np.cumsum(leaves[used]) >= (np.inf if needed is None else needed) - TOLERANCE
    last = int(used[np.argmax(enough)]) if enough.any() else int(used[-1])
    if instance.destination is None or len(used) == 1:
        return (np.arange(depth) <= last).astype(np.float64), last, None
    # results may overtake each other: time up to the first exit that cannot be late whatever the others do
    late = 0.0 if needed is None else max(0.0, total - needed)
    first = [block for block in used.tolist() if behind[block] > late + 2.0 * TOLERANCE]
    weight = (np.arange(depth) <= first[-1]).astype(np.float64)
    return weight, -1, ResultLimit(instance.limits.latency_s * (1.0 + TOLERANCE), late + TOLERANCE)


def _limits(instance: Instance, capacities: tuple[Capacity, ...], working: Floats, hosts: tuple[Ints, ...]) -> Floats:
    """Return (F,) limits on sums; whatever runs on a node needs at least the least working memory there."""
    network, limits = instance.network, [instance.limits.energy_j, instance.limits.latency_s, np.inf]
    limits += [instance.limits.most(network.metrics.names[index]) for index in instance.used_metrics]
    for row in capacities:
        if row.kind == "memory":
            least = min(
                (float(size) for size, may in zip(working, hosts, strict=True) if row.index in may), default=0.0
            )
            limits.append(float(network.memory_bytes[row.index]) - least)
        else:
            limits.append(float(network.max_utilization[row.index]) if row.kind == "utilization" else 1.0)
    return np.array(limits, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Terms:
    """Coefficients of the figures."""

    instance: Instance
    point: int
    depth: int
    capacities: tuple[Capacity, ...]
    time_weight: Floats
    governing: int

    @property
    def figures(self) -> int:
        return self.base + len(self.capacities)

    @property
    def base(self) -> int:
        return _OWN + len(self.instance.used_metrics)

    @property
    def reach(self) -> Floats:
        return self.instance.points.reach(len(self.instance.block_names))[self.point, : self.depth]

    @property
    def runs(self) -> Floats:
        """(D,) how often each block runs: the fraction of samples that executes it, or of batches."""
        return self.instance.points.computing_weight(self.reach)

    def node(self) -> Floats:
        """(D, F, N) figures of each block and its head."""
        instance, points = self.instance, self.instance.points
        seconds, joules = instance.blocks.time_s[: self.depth].copy(), instance.blocks.energy_j[: self.depth].copy()
        held = instance.block_bytes[: self.depth].astype(np.float64)
        metrics = list(instance.used_metrics)
        added = instance.metric_costs.blocks[metrics][:, : self.depth].copy()
        for head in np.flatnonzero(points.on[self.point]).tolist():
            block = int(points.exit_block[head])
            seconds[block] += instance.heads.time_s[head]
            joules[block] += instance.heads.energy_j[head]
            held[block] += instance.head_bytes[head]
            added[:, block] += instance.metric_costs.heads[metrics, head]
        values = np.zeros((self.depth, self.figures, instance.network.size))
        values[:, ENERGY] = self.runs[:, None] * joules
        values[:, LATENCY] = self.time_weight[:, None] * seconds
        values[0, LATENCY] += instance.filling_s
        values[:, _OWN : self.base] = (self.runs[:, None] * added).swapaxes(0, 1)
        for row, capacity in enumerate(self.capacities, start=self.base):
            if capacity.kind == "memory":
                values[:, row, capacity.index] = held
            elif capacity.kind == "utilization":
                values[:, row, capacity.index] = instance.rate_per_s * self.runs * seconds[:, capacity.index]
        return values

    def working(self) -> Floats:
        """(D,) working memory of each block or its head, whichever needs more."""
        points, memory = self.instance.points, self.instance.memory
        if memory is None:
            return np.zeros(self.depth)
        working = memory.block_working[: self.depth].copy()
        for head in np.flatnonzero(points.on[self.point]).tolist():
            block = int(points.exit_block[head])
            working[block] = max(working[block], memory.head_working[head])
        return working

    def carry(self, inputs: tuple[TensorInput, ...], criteria: int) -> Floats:
        """(R, F, C) figures of carrying each input over a route."""
        values = np.zeros((len(inputs), self.figures, criteria))
        for place, row in enumerate(inputs):
            self._route(values[place], row.bits, float(self.reach[row.reader]), float(self.time_weight[row.reader]))
        return values

    def result(self, leaves: Floats, criteria: int) -> Floats:
        """(D, F, C) figures of carrying each result over a route."""
        instance, points = self.instance, self.instance.points
        values = np.zeros((self.depth, self.figures, criteria))
        for head in np.flatnonzero(points.on[self.point]).tolist():
            block = int(points.exit_block[head])
            if instance.destination is not None and leaves[block] > 0.0:
                late = float(leaves[block]) if self.governing == -2 else float(block == self.governing)
                self._route(values[block], float(instance.result_bits[head]), float(leaves[block]), late)
        return values

    def _route(self, values: Floats, bits: float, weight: float, time_weight: float) -> None:
        values[ENERGY, 0] = weight * bits
        values[LATENCY, 1:3] = time_weight * bits, time_weight
        values[ROUTES, 3] = 1.0
        media = [row for row, capacity in enumerate(self.capacities, start=self.base) if capacity.kind == "medium"]
        for criterion, row in enumerate(media, start=4):
            values[row, criterion] = self.instance.rate_per_s * weight * bits
        for row in range(_OWN, self.base):
            values[row, 4 + len(media) + row - _OWN] = weight * bits


def build_node_figures(instance: Instance, point: int, capacities: tuple[Capacity, ...]) -> Floats:
    """Compute the figures of blocks with their heads alone, without routes.

    Args:
        instance: The app.
        point: The operating point.
        capacities: Capacities that are figures too, the last rows.

    Returns:
        (D, F, N) figures of each block on each node, in the units of `build_problem`.
    """
    depth = int(instance.points.depth[point])
    weight, governing, _ = _time_weights(instance, point, depth)
    return _Terms(instance, point, depth, capacities, weight, governing).node()
