"""Symmetry: canonical representatives of decisions over equivalence classes of nodes.

A package is full of equal chiplets, and prices see no difference between them. Apps that could share one chiplet would
be offered on many, each in part, so decisions are moved to the same few: the nodes of a class (`JointInstance.kinds`)
in a fixed order, those that are cheapest to reach first.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.clear.pricing.routes import Routes
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.decision import Decision
from planner.fin.instance.network import Bools, Ints


class NodeSymmetry:
    """Moves decisions to the first nodes of classes of equal nodes, in the order of energy and latency from sources."""

    def __init__(self, joint: JointInstance, routes: Routes) -> None:
        self._joint, self._table = joint, routes.table
        self._kind = joint.kinds
        sources = sorted({app.source for app in joint.apps})
        j_per_bit = np.where(routes.table.valid, routes.table.metrics[0], np.inf).min(axis=0)[sources].sum(axis=0)
        latency_s = np.where(routes.table.valid, routes.table.metrics[2], np.inf).min(axis=0)[sources].sum(axis=0)
        order = np.lexsort((np.arange(joint.network.size), latency_s, j_per_bit))
        self._order: dict[int, Ints] = {
            int(kind): order[self._kind[order] == kind] for kind in np.unique(self._kind).tolist()
        }

    def moved_to(self, app: int, decision: Decision, offset: int) -> Decision:
        """Return the decision on the first nodes of each class, beginning with one at an offset (wrapping round).

        Args:
            app: Which app decides (index).
            decision: Its operating point, nodes and routes.
            offset: Rank of the first node of each class (count).

        Returns:
            The decision on the other nodes, or the same one where a route is missing there.
        """
        places: dict[int, int] = {}
        used: dict[int, int] = {}
        for node in decision.nodes:
            if node not in places:
                kind = int(self._kind[node])
                rank = used.get(kind, 0)
                used[kind] = rank + 1
                places[node] = int(self._order[kind][(rank + offset) % len(self._order[kind])])
        if all(node == place for node, place in places.items()):
            return decision
        nodes = tuple(places[node] for node in decision.nodes)
        ends = [(places.get(path[0], path[0]), places[path[-1]]) for path in decision.transfers]
        if not all(self._table.valid[0, start, end] for start, end in ends):
            return decision
        transfers = tuple(self._table.path(0, start, end) for start, end in ends)
        exit_block = self._joint.apps[app].chosen_by(decision).points.exit_block
        results = {
            head: self._table.path(0, nodes[int(exit_block[head])], path[-1]) for head, path in decision.results.items()
        }
        return replace(decision, nodes=nodes, transfers=transfers, results=results)

    @property
    def first_nodes(self) -> Bools:
        """(N,) the first node of each class."""
        first = np.zeros(len(self._kind), dtype=np.bool_)
        first[[order[0] for order in self._order.values()]] = True
        return first

    def first_of(self, kind: int, count: int) -> list[int]:
        """Return the first so many nodes of a class."""
        return [int(node) for node in self._order[kind][:count]]

    def largest_class(self, decision: Decision) -> int:
        """Return the size of the largest class of nodes that the decision uses."""
        return max(len(self._order[int(self._kind[node])]) for node in decision.nodes)
