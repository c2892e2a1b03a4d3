"""Multicommodity flow relaxation: the largest part of all rates that nodes and media bear, by linear programming.

Every app is a flow of samples from its source through its blocks. It may be split over nodes and links as it likes, all
nodes run at full speed, heads, results and deadlines are left out, and of every block only the part of samples counts
that reaches it at every operating point. A plan for all apps is such a flow, so where no flow carries all rates, there
is no plan.

Links whose media all apps together cannot fill bound nothing: the nodes that they join both ways are one vertex of the
flow. Equal nodes of a vertex are one node of all their capacity, among which a flow may be split evenly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from planner.clear.problem.chain_relaxation import chain_relaxation, unread_before
from planner.clear.problem.instance import JointInstance
from planner.clear.problem.joint_app import JointApp
from planner.fin.deadline import Deadline
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Ints

_UNLIMITED = Deadline()

Row = tuple[str, int]
"""`node` (its time), `medium` or `memory`, and which."""


@dataclass(frozen=True)
class MaximumRates:
    """How much of the rates asked for can be carried, and what it is that is short."""

    part: float
    """Largest factor on all rates, at most 1 (no unit)."""
    short: tuple[Row, ...]
    """Capacities that bound it together, of equal nodes the first one's."""
    equal: Mapping[int, int] = field(default_factory=dict)
    """Nodes that are equal to each of these nodes, itself included (count)."""


def maximum_rates(joint: JointInstance, deadline: Deadline = _UNLIMITED) -> MaximumRates:
    """Return the largest part of all rates that any flow carries.

    Args:
        joint: The apps, each with an operating point.
        deadline: When to give up.

    Returns:
        The part, with what is short; all rates and nothing short where the solver gave up, or time is up.
    """
    from scipy.optimize import linprog

    program = _Program(joint)
    for app in joint.apps:
        if deadline.expired:
            return MaximumRates(1.0, ())
        program.add_app(app)
    limits = np.tile([0.0, np.inf], (program.columns, 1))
    limits[program.part] = 0.0, 1.0
    objective = np.zeros(program.columns)
    objective[program.part] = -1.0
    rows, most, names = program.capacities()
    equations = program.balances()
    settings = {} if deadline.limit_s is None else {"time_limit": deadline.limit_s}
    found = linprog(objective, rows, most, equations, np.zeros(equations.shape[0]), limits, options=settings)
    if found.status != 0:  # a flow of nothing is always possible: the solver gave up, and nothing is proved
        return MaximumRates(1.0, ())
    short = np.flatnonzero(-found.ineqlin.marginals > 1e-9)
    return MaximumRates(float(found.x[program.part]), tuple(names[row] for row in short), program.network.equal)


@dataclass(frozen=True, eq=False)
class _FlowNetwork:
    """Vertices between which links may be full, and groups of equal nodes on one vertex."""

    vertex: Ints
    """(N,) vertex of each node."""
    links: Ints
    """(F,) links between vertices, of equal ones the first."""
    groups: Ints
    """(G,) first node of each group."""
    group: Ints
    """(N,) group of each node."""

    @classmethod
    def of(cls, joint: JointInstance) -> _FlowNetwork:
        """Join the nodes between which nothing can be full."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        network, size = joint.network, joint.network.size
        free = ~np.isin(network.link_medium, joint.media)
        ends = network.link_source[free], network.link_target[free]
        joined = csr_array((np.ones(len(ends[0])), ends), shape=(size, size))
        vertex = connected_components(joined, connection="strong")[1]
        source, target = vertex[network.link_source], vertex[network.link_target]
        rows = np.stack([source, target, np.where(free, -1, network.link_medium), network.link_bit_per_s])
        links = np.unique(rows, axis=1, return_index=True)[1]
        links = links[(source != target)[links]]
        _, groups, group = np.unique(np.stack([vertex, joint.kinds]), axis=1, return_index=True, return_inverse=True)
        return cls(vertex, links, groups, group.ravel())

    @property
    def equal(self) -> dict[int, int]:
        """Count the nodes of each group, by its first node."""
        return dict(zip(self.groups.tolist(), np.bincount(self.group).tolist(), strict=True))


class _Program:
    """Gathers columns: the part of the rates, then for each app and block its flow on links and on nodes."""

    part = 0

    def __init__(self, joint: JointInstance) -> None:
        self._full, self.network = joint.network, _FlowNetwork.of(joint)
        self.columns = 1
        self._rows: dict[Row, list[tuple[int, float]]] = defaultdict(list)
        self._equations: list[list[tuple[int, float]]] = []

    def add_app(self, app: JointApp) -> None:
        """Write an app's flow, which may be split over its variants."""
        variants = [variant for _, variant in app.possible]
        if len(variants) == 1:
            self._add(variants[0], self.part)
            return
        parts = self._new(len(variants))
        self._equations.append([(self.part, -1.0), *((part, 1.0) for part in parts)])
        for variant, part in zip(variants, parts, strict=True):
            self._add(variant, part)

    def _add(self, variant: Instance, part: int) -> None:
        """Write the flow of one variant, as much as `part` says: into the first block, then from block to block."""
        app, unread = chain_relaxation(variant), unread_before(variant)
        points, network, flow = app.points, self._full, self.network
        layers = int(points.depth.min())
        reach = points.reach(len(app.block_names))[:, :layers].min(axis=0)
        runs = points.computing_weight(reach)
        before: dict[int, int] = {}
        for layer in range(layers):
            links = self._new(len(flow.links))
            hosts = flow.groups[app.allowed[layer, flow.groups]].tolist()
            here = dict(zip(hosts, self._new(len(hosts)), strict=True))
            if unread[layer]:  # it may begin on any node, whatever routes there are
                self._equations.append([(part, 1.0), *((column, -1.0) for column in here.values())])
            else:
                begins = [(part, app.source, 1.0)] if layer == 0 else []
                enters = [(column, node, 1.0) for node, column in before.items()]
                stays = [(column, node, -1.0) for node, column in here.items()]
                self._balance(links, [*enters, *begins, *stays])
            bits = app.input_bits if layer == 0 else float(app.output_bits[layer - 1])
            carried = app.inferences_per_s * bits * (1.0 if layer == 0 else float(reach[layer]))
            for link, column in zip(flow.links.tolist(), links, strict=True):
                load = carried / float(network.link_bit_per_s[link])
                self._rows["medium", int(network.link_medium[link])].append((column, load))
            for node, column in here.items():
                busy = app.rate_per_s * float(runs[layer] * app.blocks.time_s[layer, node]) / network.fastest[node]
                self._rows["node", node].append((column, float(busy)))
                if np.isfinite(network.memory_bytes[node]):
                    self._rows["memory", node].append((column, float(app.block_bytes[layer])))
            before = here

    def _new(self, count: int) -> range:
        self.columns += count
        return range(self.columns - count, self.columns)

    def _balance(self, links: range, at_nodes: list[tuple[int, int, float]]) -> None:
        """Write for each vertex that what comes in over links, or begins there, runs there or goes on."""
        network, flow = self._full, self.network
        entries: list[list[tuple[int, float]]] = [[] for _ in range(int(flow.vertex.max()) + 1)]
        ends = zip(
            network.link_source[flow.links].tolist(), network.link_target[flow.links].tolist(), links, strict=True
        )
        for source, target, column in ends:
            entries[flow.vertex[source]].append((column, -1.0))
            entries[flow.vertex[target]].append((column, 1.0))
        for column, node, sign in at_nodes:
            entries[flow.vertex[node]].append((column, sign))
        self._equations += entries

    def capacities(self) -> tuple[Any, np.ndarray[Any, Any], list[Row]]:
        """Return the rows of capacities, their right-hand sides, and what they are."""
        most, lists, equal = [], [], self.network.equal
        for (kind, place), entries in self._rows.items():
            if kind == "memory":  # held in full by a plan, so a part of the flow has that part of it
                memory_bytes = equal[place] * float(self._full.memory_bytes[place])
                scale = max(memory_bytes, 1.0)
                lists.append(
                    [*((column, held / scale) for column, held in entries), (self.part, -memory_bytes / scale)]
                )
                most.append(0.0)
            else:
                lists.append(entries)
                most.append(equal[place] * float(self._full.max_utilization[place]) if kind == "node" else 1.0)
        return self._matrix(lists), np.array(most), list(self._rows)

    def balances(self) -> Any:  # noqa: ANN401 - sparse matrix
        """Return the equations: what comes into a node for a block runs there or goes on."""
        return self._matrix(self._equations)

    def _matrix(self, lists: list[list[tuple[int, float]]]) -> Any:  # noqa: ANN401 - sparse matrix
        from scipy.sparse import csr_array

        entries = list(_entries(lists))
        rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
        return csr_array((values, (rows, columns)), shape=(len(lists), self.columns))


def _entries(lists: list[list[tuple[int, float]]]) -> Iterator[tuple[int, int, float]]:
    for row, entries in enumerate(lists):
        yield from ((row, column, value) for column, value in entries)
