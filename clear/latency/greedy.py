"""Baseline `iao` for the least largest latency over its limit: iterative alternating optimisation of shares and cuts.

After Tang et al., "Joint Multiuser DNN Partitioning and Computational Resource Allocation for Collaborative Edge
Intelligence" (IEEE Internet of Things Journal 2021, arXiv 2007.09072), in our reading: every app has a part of the
compute that all share. Given the parts, every app takes its best single cut between its source and one other node.
Then a unit is moved from the app with the least latency (here over its limit) to the one with the largest, and both cut
again; where that does not help, the unit is halved.

What all share are the nodes that are no app's source. A source is split evenly among its own apps, as is a medium among
those apps whose source sends on it (among all, where no source does). Nodes run at their fastest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.clear.allocation.allocate import Allocation, power_of
from planner.clear.allocation.app_view import AppView, viewed_instance
from planner.clear.allocation.latencies import latency_over_limit
from planner.clear.allocation.plan import Plan, overfull
from planner.clear.latency.method import ALONE_UNTIL, least_alone
from planner.clear.problem.column import Column
from planner.clear.problem.instance import JointInstance
from planner.clear.problem.joint_app import of_variant
from planner.fin.deadline import Deadline
from planner.fin.instance.decision import Decision, evaluate
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Floats
from planner.fin.method import Options
from planner.fin.methods.single_cut import Neurosurgeon
from planner.fin.outcome import PROVED, Outcome, Termination

_FINEST, _MOVES = 1.0 / 512.0, 400
"""Part of the compute at which the unit is no longer halved, and moves at most."""
_BETTER = 1.0 - 1e-9
_NOT_USED = 1e-9
"""Share of a medium that is for others."""
_CLOSED = 1e-6


class IterativeAlternating:
    """Units of compute from the fastest to the slowest app, and new cuts."""

    name = "iao"
    description = "baseline: units of compute from the fastest to the slowest app, each with its best single cut"

    def solve(self, joint: JointInstance, options: Options) -> Outcome[Plan]:
        """Place all apps; the bound is that of every app alone.

        Args:
            joint: The apps, each with a latency limit.
            options: Gap and time limit.
        """
        deadline = Deadline.after(options.time_limit_s)
        alone = least_alone(joint, deadline.fraction(ALONE_UNTIL))
        if np.isinf(alone):
            return Outcome("infeasible", None, np.inf)
        plan = _plan(joint, _Shares.of(joint), deadline)
        if plan is None:
            nothing = "the best single cuts at these shares do not keep all limits together"
            return Outcome("unknown", None, alone, Termination.incomplete(nothing))
        value = latency_over_limit(plan.columns, plan.allocation)
        if alone >= value * (1.0 - max(options.gap, _CLOSED)):
            return Outcome("optimal", plan, min(alone, value), PROVED)
        return Outcome("feasible", plan, alone, Termination.incomplete("a heuristic: its bound is that of apps alone"))


@dataclass(frozen=True)
class _Shares:
    """Shares that do not move (A apps), and the nodes of which units are moved."""

    node: Floats
    """(A, N) shares of sources; 0 elsewhere."""
    medium: Floats
    """(A, M)"""
    shared: Floats
    """(N,) 1 of nodes that are no source, else 0."""

    @classmethod
    def of(cls, joint: JointInstance) -> _Shares:
        """Split sources and media evenly."""
        network, source = joint.network, np.array([app.source for app in joint.apps])
        at_source = source[:, None] == np.arange(network.size)
        node = at_source / np.maximum(at_source.sum(axis=0), 1)
        sends = np.zeros((joint.count, network.media), dtype=np.bool_)
        for app in range(joint.count):
            sends[app, network.link_medium[network.link_source == source[app]]] = True
        sends |= ~sends.any(axis=0)
        medium = np.where(sends, 1.0 / sends.sum(axis=0), _NOT_USED)
        return cls(node, medium, (~at_source.any(axis=0)).astype(np.float64))

    def view(self, joint: JointInstance, app: int, part: float) -> AppView:
        """Return what an app has that holds a part of the shared nodes."""
        share = (self.node[app] + part * self.shared) * joint.network.max_utilization
        return AppView(joint.network.fastest, share, self.medium[app])


@dataclass(frozen=True)
class _Cut:
    """The best single cut of an app with its part of the shared nodes."""

    decision: Decision | None
    factor: float
    """Latency over its limit; infinite without a cut."""


def _cut(joint: JointInstance, shares: _Shares, app: int, part: float) -> _Cut:
    """Return the best single cut of an app, of all its variants."""
    cuts = (_cut_of(joint, shares, app, number, part) for number, _ in joint.apps[app].possible)
    return min(cuts, key=lambda cut: cut.factor)


def _cut_of(joint: JointInstance, shares: _Shares, app: int, variant: int, part: float) -> _Cut:
    instance = joint.apps[app].variants[variant]
    sliced = viewed_instance(instance, shares.view(joint, app, part))
    free = replace(sliced.with_limits(latency_s=np.inf).without_metrics(), minimise="latency")
    decision = Neurosurgeon().solve(free, Options()).plan
    if decision is None:
        return _Cut(None, np.inf)
    return _Cut(of_variant(decision, variant), evaluate(free, decision).latency_s / instance.limits.latency_s)


def _plan(joint: JointInstance, shares: _Shares, deadline: Deadline) -> Plan | None:
    """Move units until that helps no more; return the plan, None where limits do not hold together."""
    count = joint.count
    parts = [1.0 / count] * count
    cuts = [_cut(joint, shares, app, part) for app, part in enumerate(parts)]
    unit = 0.5 / count
    for _ in range(_MOVES if count > 1 else 0):
        if unit < _FINEST or deadline.expired:
            break
        factors = [cut.factor for cut in cuts]
        slowest = int(np.argmax(factors))
        givers = [app for app in range(count) if app != slowest and parts[app] > unit * _BETTER]
        giver = min(givers, key=lambda app: (factors[app], app), default=None)
        if giver is None or not _moved(joint, shares, parts, cuts, (giver, slowest, unit)):
            unit *= 0.5
    decisions = [cut.decision for cut in cuts]
    found = [decision for decision in decisions if decision is not None]
    return _checked(joint, shares, parts, found) if len(found) == count else None


def _moved(
    joint: JointInstance, shares: _Shares, parts: list[float], cuts: list[_Cut], move: tuple[int, int, float]
) -> bool:
    """Move a unit from one app to another if the slower of both gets faster; tell whether it was moved."""
    giver, taker, unit = move
    less, more = max(parts[giver] - unit, 0.0), parts[taker] + unit
    given, taken = _cut(joint, shares, giver, less), _cut(joint, shares, taker, more)
    before = max(cuts[giver].factor, cuts[taker].factor)
    if not max(given.factor, taken.factor) < before * _BETTER:
        return False
    parts[giver], parts[taker], cuts[giver], cuts[taker] = less, more, given, taken
    return True


def _checked(
    joint: JointInstance, shares: _Shares, parts: Sequence[float], decisions: Sequence[Decision]
) -> Plan | None:
    """Return the plan of cuts at their shares, None where memory or a latency limit does not hold."""
    columns = tuple(joint.column(app, decision) for app, decision in enumerate(decisions))
    plan = Plan(columns, _allocation(joint, shares, parts, columns))
    kept = latency_over_limit(columns, plan.allocation) <= 1.0 + TOLERANCE and _affordable(joint, columns)
    return plan if kept and not overfull(joint, columns) else None


def _affordable(joint: JointInstance, columns: Sequence[Column]) -> bool:
    """Tell whether limits on energy and metrics hold at the fastest speeds."""
    fastest = joint.network.fastest
    return all(
        budget.taken(fastest[column.nodes]) <= budget.most * (1.0 + TOLERANCE)
        for column in columns
        for budget in column.budgets
    )


def _allocation(joint: JointInstance, shares: _Shares, parts: Sequence[float], columns: Sequence[Column]) -> Allocation:
    network = joint.network
    views = [shares.view(joint, app, part) for app, part in enumerate(parts)]
    return Allocation(
        speed=network.fastest,
        node_shares=tuple(
            np.where(c.timed_nodes, v.node_share[c.nodes], 0.0) for c, v in zip(columns, views, strict=True)
        ),
        medium_shares=tuple(
            np.where(c.timed_media, v.medium_share[c.media], 0.0) for c, v in zip(columns, views, strict=True)
        ),
        power_w=power_of(network, columns, network.fastest),
        node_price_w=np.zeros(network.size),
        medium_price_w=np.zeros(network.media),
    )
