"""Baseline `fin-in-order`: FIN's exact search for one app after the other, on what those before it left.

An app is planned on all that is left of nodes, media and memory, at nominal speed. It then keeps the least shares with
which that plan holds its limits, and the next one gets the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.clear.allocation.allocate import Allocation, least_shares, power_of
from planner.clear.allocation.app_view import AppView, viewed_instance
from planner.clear.allocation.equal import equal_allocation
from planner.clear.allocation.plan import Plan
from planner.clear.baselines.baseline import HeuristicRun, least_energy_j
from planner.clear.problem.column import Column, column_of, numbered_as_in
from planner.clear.problem.instance import JointInstance
from planner.clear.problem.joint_app import JointApp, of_variant
from planner.clear.problem.points import whole_point
from planner.fin.deadline import Deadline
from planner.fin.exact.method import Exact
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools, Floats, Network
from planner.fin.maximise.accuracy import BestAccuracy
from planner.fin.method import Method, Options
from planner.fin.outcome import Outcome

_ORDERS = 10
"""Orders of apps that are tried."""
_LEAST = 1e-6
"""Part of a node or medium below which nothing counts as left."""


class FinInOrder:
    """Apps in the order of the workload, each by FIN's exact search on what is left."""

    name = "fin-in-order"
    description = "baseline: FIN's exact search for one app after the other, on what is left, at nominal speed"

    def solve(self, joint: JointInstance, options: Options) -> Outcome[Plan]:
        """Place all apps in order."""
        run = HeuristicRun.begin(joint, options)
        found = _in_order(joint, range(joint.count), options.gap, run.deadline)
        if isinstance(found, int):
            return run.outcome(None, f"those before it leave too little for {joint.apps[found].name!r}")
        return run.outcome(found)


def sequential_plan(
    joint: JointInstance, gap: float, deadline: Deadline, most_points: int | None = None
) -> Plan | None:
    """Plan one app after the other; an app that is left over is tried first the next time.

    Args:
        joint: The apps.
        gap: Relative gap of each app's search.
        deadline: When to give up.
        most_points: Operating points of each app that are tried, those of least energy; None for all.

    Returns:
        A plan of all apps; None where no order that was tried before the deadline serves all of them.
    """
    kept = [[frugal_points(variant, most_points) for variant in app.variants] for app in joint.apps]
    some = tuple(app.only_points(keep) for app, keep in zip(joint.apps, kept, strict=True))
    plan = _repeated(JointInstance(joint.network, some), gap, deadline)
    if plan is None:
        return None
    return Plan(tuple(numbered_as_in(kept[column.app], column) for column in plan.columns), plan.allocation)


def frugal_points(instance: Instance, most: int | None) -> Bools:
    """(K,) the operating points of least energy, and the one that stands for the DNN without early exits."""
    energy_j = least_energy_j(instance)
    if len(energy_j) == 0:
        return np.zeros(0, dtype=np.bool_)
    keep = np.zeros(len(energy_j), dtype=np.bool_)
    keep[np.argsort(energy_j, kind="stable")[: most or len(energy_j)]] = True
    keep[whole_point(instance)] = True
    return keep


def _repeated(joint: JointInstance, gap: float, deadline: Deadline) -> Plan | None:
    """Plan apps in order, those that were left over first, until all are served."""
    order = list(range(joint.count))
    for _ in range(_ORDERS):
        found = _in_order(joint, order, gap, deadline)
        if isinstance(found, Plan):
            return found
        if order[0] == found or deadline.expired:
            return None
        order = [found, *(app for app in order if app != found)]
    return None


def _in_order(joint: JointInstance, order: Sequence[int], gap: float, deadline: Deadline) -> Plan | int:
    """Plan apps in an order; return the plan, or the number of the app for which too little is left."""
    left, served = _Left.all_of(joint.network), dict[int, _Served]()
    for app in order:
        found = None if deadline.expired else _served(app, joint.apps[app], left, gap, deadline)
        if found is None:
            return app
        served[app] = found
        left = left.without(found)
    return _plan(joint.network, [served[app] for app in range(joint.count)], left.view.speed)


@dataclass(frozen=True, eq=False)
class _Served:
    """One app's column with the shares that it keeps."""

    column: Column
    cost_w: float
    """Power at nominal speed, without idle power."""
    node_share: Floats
    medium_share: Floats


@dataclass(frozen=True, eq=False)
class _Left:
    """What nobody has taken yet."""

    view: AppView
    memory_bytes: Floats

    @classmethod
    def all_of(cls, network: Network) -> _Left:
        speed = np.clip(1.0, network.slowest, network.fastest)
        return cls(AppView.entire(network, speed), network.memory_bytes)

    def of(self, instance: Instance) -> Instance:
        """Return the app on what is left."""
        sliced = viewed_instance(instance, self.view)
        return replace(sliced, network=replace(sliced.network, memory_bytes=self.memory_bytes))

    def without(self, served: _Served) -> _Left:
        """Return what is left behind one more app."""
        column, view = served.column, self.view
        node_share, medium_share = view.node_share.copy(), view.medium_share.copy()
        node_share[column.nodes] -= served.node_share
        medium_share[column.media] -= served.medium_share
        memory = self.memory_bytes.copy()
        memory[column.nodes] -= column.alone_bytes
        node_share = np.where(node_share > _LEAST, node_share, 0.0)
        medium_share = np.maximum(medium_share, _LEAST**2)  # too slow for anything, but not for the arithmetic
        return _Left(AppView(view.speed, node_share, medium_share), np.maximum(memory, 0.0))


def _served(number: int, app: JointApp, left: _Left, gap: float, deadline: Deadline) -> _Served | None:
    """Plan one app on what is left, and shrink its shares to what it needs; of its variants the cheapest counts."""
    found = [
        served
        for variant, instance in app.possible
        if (served := _served_as(number, (variant, instance), left, gap, deadline)) is not None
    ]
    return min(found, key=lambda served: served.cost_w, default=None)


def _served_as(app: int, numbered: tuple[int, Instance], left: _Left, gap: float, deadline: Deadline) -> _Served | None:
    """Plan one variant of an app on what is left."""
    variant, instance = numbered
    sliced = left.of(instance)
    # where operating points themselves cost something, accuracy is what is planned for
    search: Method = Exact() if sliced.point_j is None else BestAccuracy()
    decision = search.solve(sliced, Options(gap=gap, time_limit_s=deadline.limit_s)).plan
    if decision is None:
        return None
    own = column_of(app, sliced, decision)
    network = replace(sliced.network, slowest=np.ones(sliced.network.size), fastest=np.ones(sliced.network.size))
    whole = equal_allocation(network, [own], np.ones(network.size))
    part = least_shares(network, [own], whole)
    return _Served(
        column=column_of(app, instance, of_variant(decision, variant)),
        cost_w=float(own.transfer_w + own.dynamic_w.sum() + own.static_w.sum()),
        node_share=part.node_shares[0] * left.view.node_share[own.nodes],
        medium_share=part.medium_shares[0] * left.view.medium_share[own.media],
    )


def _plan(network: Network, served: list[_Served], speed: Floats) -> Plan:
    columns = tuple(each.column for each in served)
    return Plan(
        columns,
        Allocation(
            speed=speed,
            node_shares=tuple(each.node_share for each in served),
            medium_shares=tuple(each.medium_share for each in served),
            power_w=power_of(network, columns, speed),
            node_price_w=np.zeros(network.size),
            medium_price_w=np.zeros(network.media),
        ),
    )
