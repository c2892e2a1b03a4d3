"""Largest sustainable rate of one app, proved: bisection over the exact method's answers to whether a rate is feasible.

A plan sustains one over the busy time of its bottleneck: the largest over nodes of busy time per inference over
`max_utilization`, and over media of busy time. Whether some plan sustains a rate is a request with that rate as its
load, and no longer a matter of the objective. The bisection begins from the bottleneck bound, on which some block must
be. It ends exactly: the optimum is the bottleneck of a plan, one of finitely many values, so after each plan near the
bound the next rate that is tried is just above what that plan sustains, and the first that is infeasible is the proof.
Where a search has to drop labels, the rest is left to the integer programs of `fin.maximise.integer_program`. Networks
that are no chains go there at once where the programs are small: the time of every node is a capacity, and labels would
have to track all.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np

from planner.fin.dataflow.equal_nodes import in_topology_order
from planner.fin.deadline import Deadline
from planner.fin.exact.method import Exact
from planner.fin.graph.scenarios import exits_have_own_deadlines
from planner.fin.instance.decision import Decision, evaluate
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Floats
from planner.fin.method import Method, Options
from planner.fin.methods.program_size import has_small_program
from planner.fin.outcome import PROVED, Outcome, Termination
from planner.fin.path_resources.relaxation import without_path_limits
from planner.schemas.planning.placement import Status

_JUST_BELOW = (1.0 + TOLERANCE) * (1.0 + 1e-12)
"""A bottleneck that is divided by this is the largest that a plan must be below to be better: limits are kept to the
tolerance, so a rate is feasible for plans that sustain it but for that."""
_NEAR = 0.99
"""Ratio of bound and bottleneck from which on the next rate is just above the best plan's, not halfway."""
_MOST_LABELS = 2_000
"""Labels of a layer with which a rate is proved infeasible, or left to integer programs."""
_LEFT_TO_PROGRAMS = Termination.at_limit("size", "the search is left to integer programs")
_MOST_CELLS_OF_TIES = 400
"""Blocks times nodes up to which the plan of least energy at the best rate is sought. Beyond, that takes many times as
long as the rate itself, and the plan that the bisection ended with is given: its rate is the best, its energy need not
be."""
_NO_TIME_S = 1e-150
"""Busy times up to this count as equal, so that loads at the rates tried stay within the range of floating point."""
_ANY_PLAN = 1.0
"""Gap with which a search ends at its first plan."""


class LargestRate:
    """Bisection over feasibility, each step an exact search."""

    name = "exact"
    description = "largest rate, with proof (default)"

    def __init__(self, oracle: Method | None = None) -> None:
        self._oracle = oracle or Exact()

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app for the largest rate; optimal unless the time limit comes first.

        Args:
            instance: The app; its rate is the least one.
            options: Gap and time limit.

        Returns:
            The plan; its objective and the bound are busy times of the bottleneck, in seconds.
        """
        began, until = time.perf_counter(), Deadline.after(options.time_limit_s)
        if (relaxed := without_path_limits(instance, options, self.solve)) is not None:
            return relaxed
        search = _Bisection(instance, self._oracle, until)
        termination = search.run(options.gap)
        if termination.limit == "size":
            termination = search.finished_by_program(options.gap)
        plan, bound = search.plan, search.bound_s
        if plan is not None and termination.proved and options.gap == 0.0:
            plan = search.preferred()
        spent = time.perf_counter() - began
        statistics = {"rates": float(search.tried)}
        status: Status = "optimal" if termination.proved else "feasible"
        if plan is None:
            status = "infeasible" if termination.proved else "unknown"
            bound = np.inf if termination.proved else bound
        else:
            bound = min(bound, search.value_s)
        bound /= instance.batch  # the search is in batches
        return Outcome(status, plan, bound, termination, search_s=spent, statistics=statistics)


@dataclass
class _Bisection:
    """The best plan, the bound, and the rates tried."""

    instance: Instance
    oracle: Method
    until: Deadline
    plan: Decision | None = None
    value_s: float = np.inf
    """Busy time of the bottleneck of the best plan."""
    bound_s: float = field(init=False)
    """No plan within the limits has a smaller one."""
    tried: int = 0

    def __post_init__(self) -> None:
        self.bound_s = bottleneck_bound_s(self.instance)

    def run(self, gap: float) -> Termination:
        """Close the gap between plan and bound; return why that ended. Without a plan, proved means there is none."""
        if has_small_program(self.instance):
            return _LEFT_TO_PROGRAMS
        found = self._plan_at(self.instance.rate_per_s)
        if found.plan is None:
            return found.termination
        if self.bound_s == 0.0 and (least_s := least_busy_s(self.instance)) < np.inf:
            # no plan is between one that keeps nothing busy and the least busy time that there is
            found = self._plan_at(2.0 / least_s)
            if found.status == "infeasible":
                self.bound_s = least_s
            elif found.plan is None:
                return found.termination
        while self.bound_s < self.value_s * (1.0 - gap) and self.value_s > _NO_TIME_S:
            near, any_rate = self.bound_s >= _NEAR * self.value_s, np.isinf(self.value_s)
            if any_rate:  # the plan keeps a node busy that must not be; is there one that does not?
                target_s = 2.0 * sum_busy_s(self.instance)
            else:
                target_s = self.value_s / _JUST_BELOW if near else float(np.sqrt(self.bound_s) * np.sqrt(self.value_s))
            found = self._plan_at(1.0 / target_s)
            if found.status == "infeasible" and any_rate:
                self.bound_s = np.inf
            elif found.status == "infeasible":
                self.bound_s = min(target_s * (1.0 + TOLERANCE), self.value_s)
                if near and self.bound_s >= self.value_s * (1.0 - 2e-12):
                    self.bound_s = self.value_s
            elif found.plan is None:
                return found.termination
        return PROVED

    def finished_by_program(self, gap: float) -> Termination:
        """Close what is left between plan and bound by integer programs; return why that ended."""
        from planner.fin.maximise.integer_program import LargestRateByProgram  # few searches need a solver

        options = replace(self._options(gap), most_labels=None)
        found = LargestRateByProgram().improve(self.instance, self.plan, options)
        if found.plan is not None:
            self.plan = found.plan
            self.value_s = evaluate(self.instance, found.plan).bottleneck_s * self.instance.batch
        self.bound_s = max(self.bound_s, found.lower_bound * self.instance.batch)
        return found.termination

    def preferred(self) -> Decision | None:
        """Return a plan of least energy of those that sustain the best rate; of chains, by all criteria of ties."""
        busy_s = self.value_s or 0.5 * least_busy_s(self.instance)
        cells = self.instance.network.size * len(self.instance.block_names)
        if busy_s <= _NO_TIME_S or self.until.expired or cells > _MOST_CELLS_OF_TIES:
            return self.plan
        at_best = replace(self.instance, minimise="energy", rate_per_s=max(1.0 / busy_s, self.instance.rate_per_s))
        if not has_small_program(self.instance):
            return self.oracle.solve(at_best, self._options(0.0)).plan or self.plan
        from planner.fin.methods.integer_program import IntegerProgram  # few searches need a solver

        found = IntegerProgram().improve(at_best, self.plan, self._options(0.0)).plan or self.plan
        return None if found is None else in_topology_order(self.instance, found)

    def _plan_at(self, rate_per_s: float) -> Outcome[Decision]:
        """Ask for any plan that sustains a rate; keep it if it sustains the largest so far."""
        self.tried += 1
        loaded = replace(self.instance, minimise=_easiest(self.instance), rate_per_s=rate_per_s)
        found = self.oracle.solve(loaded, self._options(_ANY_PLAN))
        if found.plan is not None:
            value_s = evaluate(self.instance, found.plan).bottleneck_s * self.instance.batch
            if self.plan is None or value_s < self.value_s:
                self.plan, self.value_s = found.plan, value_s
        return found

    def _options(self, gap: float) -> Options:
        return Options(gap=gap, time_limit_s=self.until.limit_s, most_labels=_MOST_LABELS)


def _easiest(instance: Instance) -> str:
    """Return the figure whose minimum is the quickest way to a plan: latency, which capacities seldom bear on."""
    return "energy" if exits_have_own_deadlines(instance) else "latency"


def bottleneck_bound_s(instance: Instance) -> float:
    """Return a lower bound on the busy time of the bottleneck, in seconds: some node runs the block that fits worst.

    Args:
        instance: The app.
    """
    blocks = len(instance.block_names)
    if instance.points.count == 0:
        return 0.0
    runs = instance.points.computing_weight(instance.points.reach(blocks))
    busy = runs[:, :, None] * _over_utilization(instance, instance.blocks.time_s)
    least = np.where(instance.allowed, busy, np.inf).min(axis=2)
    bound = float(np.where(np.isfinite(least), least, 0.0).max(axis=1).min())
    return bound if np.isfinite(bound) else 0.0


def _over_utilization(instance: Instance, time_s: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(time_s > 0.0, time_s / instance.network.max_utilization, 0.0))


def _busy_parts(instance: Instance) -> list[Floats]:
    """Return every busy time that counts and that a block, a head or a tensor may add somewhere, in seconds."""
    points, network = instance.points, instance.network
    reach = points.reach(len(instance.block_names))
    rates = 1.0 / network.link_bit_per_s
    weights = [np.unique(reach), np.unique(points.computing_weight(reach)), np.unique(points.fraction)]
    weight = np.unique(np.concatenate(weights))
    weight = weight[weight > 0.0]
    computing = np.concatenate([_over_utilization(instance, rows.time_s) for rows in (instance.blocks, instance.heads)])
    bits = np.concatenate([[instance.input_bits], instance.output_bits, instance.result_bits])
    bits = np.unique(bits[bits > 0.0])
    parts = [np.outer(weight, computing[computing > 0.0]).ravel(), np.outer(np.outer(weight, bits), rates).ravel()]
    return [part[np.isfinite(part) & (part > _NO_TIME_S)] for part in parts]


def least_busy_s(instance: Instance) -> float:
    """Return the least busy time that is not 0 and that one block, head or tensor may cause, in seconds.

    Args:
        instance: The app.

    Returns:
        Seconds; infinite where nothing takes any time anywhere.
    """
    return min((float(part.min()) for part in _busy_parts(instance) if part.size), default=np.inf)


def sum_busy_s(instance: Instance) -> float:
    """Return a busy time that no node or medium exceeds unless it must not be busy at all, in seconds."""
    return sum(float(part.sum()) for part in _busy_parts(instance)) or 1.0
