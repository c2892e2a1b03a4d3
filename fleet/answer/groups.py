"""From plans of kinds to the groups of a placement: names of blocks, nodes and routes, energy by tier, loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from planner.fin.instance.network import Floats, Ints
from planner.fleet.instance.fleet_instance import FleetInstance, KindPlans
from planner.fleet.instance.local_network import LocalNetwork
from planner.fleet.method import Solution
from planner.fleet.plans.kind import Step, columns_of
from planner.schemas.fleets.fleet import DEVICE
from planner.schemas.fleets.placement import Group
from planner.schemas.planning.placement import Assignment, Route

_Transfer = tuple[str | None, Step, float, str | None]
"""Block behind which something is carried, the step, its size in bits, the exit whose result it is."""
Carried = tuple[str | None, tuple[str, ...], str | None]
"""Block behind which something is carried, the nodes that it passes, the exit whose result it is."""


@dataclass(frozen=True)
class Shape:
    """A plan of a kind without the names of nodes."""

    point: str
    fractions: dict[str, float]
    thresholds: dict[str, float | None] | None
    accuracy: float | None
    slots: tuple[int, ...]
    transfers: tuple[_Transfer, ...]
    compute_j: Floats
    """(S,) energy of computing per inference, by slot."""


class Writer:
    """Groups of one fleet."""

    def __init__(self, instance: FleetInstance) -> None:
        self.instance = instance
        self._shapes: dict[tuple[int, int], Shape] = {}
        self._assigned: dict[tuple[int, int, int], tuple[Assignment, ...]] = {}
        self._routed: dict[tuple[int, int, int], tuple[Route, ...]] = {}
        # parts of many groups are equal, and made once
        self._assignment = cache(lambda block, node: Assignment(block=block, node=node))
        self._route = cache(
            lambda after, path, bits, result_of: Route(after=after, path=path, bits=bits, result_of=result_of)
        )
        self._path = cache(self._make_path)

    @cached_property
    def names(self) -> Sequence[str]:
        """Names of shared nodes."""
        return self.instance.network.names

    def groups(self, solution: Solution) -> tuple[Group, ...]:
        """Return the groups, in the order of classes."""
        instance = self.instance
        class_names = instance.columns.class_names
        return tuple(
            self._group(pair, plan, users, str(class_names[owner]))
            for pair, plan, users, owner in zip(
                solution.pair.tolist(), solution.plan.tolist(), solution.users.tolist(),
                instance.pair_class[solution.pair].tolist(), strict=True,
            )
        )  # fmt: skip

    def _group(self, pair: int, plan: int, users: int, class_name: str) -> Group:
        instance = self.instance
        kind, local = int(instance.pair_kind[pair]), int(instance.pair_local[pair])
        shape, plans, key = self.shape(kind, plan), instance.kinds[kind].plans, (kind, plan, local)
        if key not in self._assigned:
            self._assigned[key] = self._assignments(kind, shape, instance.locals[local])
            self._routed[key] = tuple(
                self._route(after, self._path(local, step.source, step.target, step.option), bits, result_of)
                for after, step, bits, result_of in shape.transfers
            )
        columns = instance.columns
        attach = columns.nodes[columns.link_node[instance.pair_link[pair]]]
        return Group.model_validate(
            {
                "class": class_name, "count": users, "attach": attach,
                "operating_point": shape.point, "exit_fractions": shape.fractions, "thresholds": shape.thresholds,
                "assignments": self._assigned[key], "routes": self._routed[key],
                "energy_j": float(plans.energy_j[plan]), "latency_s": float(plans.latency_s[plan]),
                "accuracy": shape.accuracy, "metrics": self.metrics(plans.metrics[plan]),
            }
        )  # fmt: skip

    def metrics(self, values: Floats) -> dict[str, float]:
        """Return (M,) metrics by name."""
        return dict(zip(self.instance.network.metrics.names, values.tolist(), strict=True))

    def paths(self, kind: int, plan: int, local: int) -> tuple[Carried, ...]:
        """List what a plan of a kind carries in a local network.

        Args:
            kind: Number of the kind.
            plan: Number of the plan in it.
            local: Number of the local network.

        Returns:
            For each transfer, the block before (None for the input), the nodes passed by name, and the exit whose
            result it is (None for none).
        """
        return tuple(
            (after, self._path(local, step.source, step.target, step.option), result_of)
            for after, step, _, result_of in self.shape(kind, plan).transfers
        )

    def shape(self, kind: int, plan: int) -> Shape:
        """Return a plan of a kind in words."""
        if (kind, plan) not in self._shapes:
            self._shapes[kind, plan] = _shape(self.instance.kinds[kind], plan)
        return self._shapes[kind, plan]

    def _assignments(self, kind: int, shape: Shape, local: LocalNetwork) -> tuple[Assignment, ...]:
        names = [DEVICE, *(self.names[node] for node in local.nodes)]
        blocks = self.instance.kinds[kind].kind.model.block_names
        return tuple(self._assignment(block, names[slot]) for block, slot in zip(blocks, shape.slots, strict=False))

    def _make_path(self, local: int, first: int, last: int, option: int) -> tuple[str, ...]:
        """Return the nodes that a step passes; legs of other attach nodes of the kind lead over other links."""
        network = self.instance.locals[local]
        source, target = max(first, 1), max(last, 1)
        path = [network.nodes[source - 1]]
        if source != target:
            legs = [leg for leg in network.legs if (leg.source, leg.target) == (source, target)]
            path += [int(self.instance.network.link_target[link]) for link in legs[option].links]
        names = [self.names[node] for node in path]
        return (*([DEVICE] if first == 0 else []), *names, *([DEVICE] if last == 0 else []))


def _shape(each: KindPlans, plan: int) -> Shape:
    plans, model = each.plans, each.kind.model
    point = int(plans.point[plan])
    points = model.points
    on = np.flatnonzero(points.on[point]).tolist()
    slots = tuple(slot for slot in plans.slot[plan].tolist() if slot >= 0)
    transfers: list[_Transfer] = []
    for block in range(len(slots)):
        step = plans.steps[plans.step[plan, block]]
        if step.source != step.target:
            after = model.block_names[block - 1] if block else None
            transfers.append((after, step, model.entering_bits(block), None))
    for head in on:
        number = int(plans.result_step[plan, head])
        if number >= 0 and plans.steps[number].source != plans.steps[number].target:
            after = model.block_names[points.exit_block[head]]
            transfers.append((after, plans.steps[number], float(model.result_bits[head]), points.exit_names[head]))
    thresholds = {
        points.exit_names[head]: None if head == on[-1] else float(points.thresholds[point, head]) for head in on
    }
    return Shape(
        point=points.name(point),
        fractions={points.exit_names[head]: float(points.fraction[point, head]) for head in on},
        thresholds=thresholds if point >= len(points.given_names) else None,
        accuracy=float(points.accuracy[point]) if points.accuracy_known else None,
        slots=slots,
        transfers=tuple(transfers),
        compute_j=_compute_by_slot(each, point, slots),
    )


def _compute_by_slot(each: KindPlans, point: int, slots: tuple[int, ...]) -> Floats:
    kind, model = each.kind, each.kind.model
    columns = columns_of(kind)
    joules = np.zeros(kind.slots)
    for block, slot in enumerate(slots):
        head, column = int(model.head_at[block]), columns[slot]
        value = float(kind.costs.blocks.energy_j[block, column])
        if head >= 0 and model.points.on[point, head]:
            value += float(kind.costs.heads.energy_j[head, column])
        joules[slot] += float(model.reach[point, block]) * value
    return joules


def tier_power(instance: FleetInstance, writer: Writer, solution: Solution) -> tuple[dict[str, float], Ints]:
    """Sum the power of users by tier (`device`, `network`, tiers of nodes) without idle power.

    Args:
        instance: The fleet.
        writer: Texts of plans.
        solution: Users with plans.

    Returns:
        Watts by tier, without tiers that take none, and the shared nodes that host a block, as ascending indices.
    """
    per_s = instance.rate_per_s[instance.pair_class[solution.pair]] * solution.users
    names = list(dict.fromkeys(instance.network.tiers))
    tier = np.array([names.index(each) for each in instance.network.tiers], dtype=np.int64)
    device_w, network_w, shared_w = 0.0, 0.0, np.zeros(len(names))
    hosting = np.zeros(instance.network.size, dtype=bool)
    kinds, place = instance.pair_kind[solution.pair], instance.position[solution.pair]
    for kind in np.unique(kinds).tolist():
        here, each = np.flatnonzero(kinds == kind), instance.kinds[kind]
        used, number = np.unique(solution.plan[here], return_inverse=True)
        shapes = [writer.shape(kind, plan) for plan in used.tolist()]
        compute_j = np.stack([shape.compute_j for shape in shapes])
        hosts = np.array([[slot in shape.slots for slot in range(1, each.kind.slots)] for shape in shapes])
        nodes, watts = each.rows[place[here], : each.kind.slots - 1], per_s[here]
        transfer_j = np.maximum(0.0, each.plans.energy_j[used] - compute_j.sum(axis=1))
        device_w += float(watts @ compute_j[number, 0])
        network_w += float(watts @ transfer_j[number])
        np.add.at(shared_w, tier[nodes], watts[:, None] * compute_j[number, 1:])
        hosting[nodes[hosts[number]]] = True
    tiers = {"device": device_w, "network": network_w}
    for name, value in zip(names, shared_w.tolist(), strict=True):
        tiers[name] = tiers.get(name, 0.0) + value
    return {name: value for name, value in tiers.items() if value > 0.0}, np.flatnonzero(hosting)
