"""Manager of placement policies: measured links and nodes name the state, and the state names the plan.

A condition is taken to hold once `patience` observations in a row show it, and to have passed once `release` in a row
do not (hysteresis by counting). The geometric mean of the nominal figure and that of the condition divides the two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from planner.schemas.adaptation.placement_policy import PlacementPolicy, StatePlan
from planner.schemas.adaptation.states import Condition, States
from planner.schemas.reading.problems import input_error


@dataclass
class _Evidence:
    """Observations of one condition."""

    holds: bool = False
    run: int = 0
    """Observations in a row that speak against `holds`."""


@dataclass
class Manager:
    """Chooses the plan of a policy by what is observed."""

    policy: PlacementPolicy
    states: States
    patience: int = 3
    release: int = 6
    lost: set[str] = field(default_factory=set)
    """Nodes whose agent is lost."""
    _evidence: dict[str, _Evidence] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the policy's conditions are those of the states."""
        known = {condition.name for condition in self.states.conditions}
        for row in self.policy.policy:
            if unknown := set(row.conditions) - known:
                fix = "give the states that the policy was made for"
                raise input_error("the policy has a condition that the states have not", fix, value=sorted(unknown)[0])
        self._evidence = {name: _Evidence() for name in known}

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of the conditions that are taken to hold, in the order of the states file."""
        return tuple(each.name for each in self.states.conditions if self._evidence[each.name].holds)

    def plan(self) -> str | None:
        """Return the plan of the state, None where nothing can run in it.

        Where the policy has no row for the very set of conditions, the row with the largest part of it is taken whose
        plan needs no lost node.
        """
        here = set(self.conditions)
        rows = [row for row in self.policy.policy if set(row.conditions) <= here]
        exact = [row for row in rows if set(row.conditions) == here]
        usable = [row for row in rows if row.plan is not None and not self._nodes(row.plan) & self.lost]
        best: StatePlan | None = max(exact or usable, key=lambda row: len(row.conditions), default=None)
        return None if best is None else best.plan

    def _nodes(self, plan: str) -> set[str]:
        """Return the nodes that a plan runs on."""
        found = next(each.placement for each in self.policy.plan_set if each.name == plan)
        return {assignment.node for assignment in found.assignments}

    def observe_link(self, path: tuple[str, ...], time_s: float, nominal_s: float, latency_s: float) -> None:
        """Take note of a transfer.

        Args:
            path: Nodes passed.
            time_s: Measured time.
            nominal_s: Time where nothing is wrong.
            latency_s: Part of the nominal time that does not depend on the rate.
        """
        for condition in self.states.conditions:
            worse_s = _degraded_s(condition, path, nominal_s, latency_s)
            if worse_s > nominal_s:
                self._count(condition.name, time_s >= math.sqrt(worse_s * nominal_s))

    def observe_node(self, node: str, factor: float) -> None:
        """Take note of a computing time as a factor on what was predicted."""
        for condition in self.states.conditions:
            change = condition.nodes.get(node)
            if change is not None and change.slow_down > 1:
                self._count(condition.name, factor >= math.sqrt(change.slow_down))

    def observe_loss(self, node: str) -> None:
        """Take note that a node's agent is lost: its conditions hold at once, and for good."""
        self.lost.add(node)
        for condition in self.states.conditions:
            if node in condition.lost_nodes:
                self._evidence[condition.name].holds = True

    def _count(self, name: str, shown: bool) -> None:
        evidence = self._evidence[name]
        if shown == evidence.holds:
            evidence.run = 0
            return
        evidence.run += 1
        if evidence.run >= (self.release if evidence.holds else self.patience):
            evidence.holds, evidence.run = shown, 0


def _degraded_s(condition: Condition, path: tuple[str, ...], nominal_s: float, latency_s: float) -> float:
    """Return the time of a transfer where a condition holds; lost links take for ever."""
    hops = set(pairwise(path))
    for lost in condition.lost_links:
        if hops & _ends(lost.source, lost.target, lost.bidirectional):
            return math.inf
    factor, extra_s = 1.0, 0.0
    for change in condition.links:
        if hops & _ends(change.source, change.target, change.bidirectional):
            factor, extra_s = min(factor, change.bandwidth_factor), extra_s + change.extra_latency_s
    return latency_s + (nominal_s - latency_s) / factor + extra_s


def _ends(source: str, target: str, both: bool) -> set[tuple[str, str]]:
    return {(source, target), (target, source)} if both else {(source, target)}


def degraded_rates(
    condition: Condition, rates: Mapping[tuple[str, str], tuple[float, float]]
) -> dict[tuple[str, str], tuple[float, float]]:
    """Return the links that a condition changes: latency in seconds and seconds per bit, by ends."""
    found = dict[tuple[str, str], tuple[float, float]]()
    for change in condition.links:
        for ends in _ends(change.source, change.target, change.bidirectional):
            if ends in rates:
                latency_s, s_per_bit = rates[ends]
                found[ends] = (latency_s + change.extra_latency_s, s_per_bit / change.bandwidth_factor)
    return found
