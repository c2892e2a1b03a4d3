"""The method `clear` for the least largest latency over its limit, with a lower bound.

Where all columns of all apps can be listed, a tree of geometric programs over them is exact. Elsewhere all deadlines
are shrunk by one factor, and the relaxed master, in which an app may mix several columns, says whether shares suffice
(`clear.latency.relaxation`). The factor at which they begin to is found by bisection. Its columns are then searched for
a plan (`clear.latency.swaps`), and prices at which they do not suffice prove a lower bound
(`clear.latency.infeasibility`). Every app alone, with all nodes and media at once at their best, bounds the factor from
below too. Of plans that are as quick, one of least power is sought in the end.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from planner.clear.allocation.allocate import NoAllocation
from planner.clear.allocation.app_view import most_favourable
from planner.clear.allocation.latencies import latency_over_limit
from planner.clear.allocation.plan import Plan
from planner.clear.diagnosis.diagnose import contradiction
from planner.clear.latency.column_tree import BestChoice, TreeResult, quickest_of_columns, undominated
from planner.clear.latency.infeasibility import proved_factor
from planner.clear.latency.needs import Needs
from planner.clear.latency.quickest import frugal, quickest
from planner.clear.latency.relaxation import Relaxation, RelaxedAt, shrunk
from planner.clear.latency.swaps import SwapSearch
from planner.clear.problem.column import Column
from planner.clear.problem.enumeration import columns_of_few, limited_figures, memory_figures
from planner.clear.problem.instance import JointInstance
from planner.clear.problem.joint_app import JointApp
from planner.clear.solve import solve_joint
from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.exact.method import Exact
from planner.fin.instance.network import Floats, Network
from planner.fin.method import Options
from planner.fin.outcome import PROVED, Outcome, Termination

_SAME = 1e-7
"""Relative difference of factors that counts as none, where plans of less power are sought."""
_INSTANT = 1e-12
"""Least factor by which deadlines are shrunk: where no time passes at all, the least factor is 0, a deadline never."""
_EQUAL = 1e-6
"""Relative precision of what geometric programs prove."""
_MOST_PROGRAMS = 4_000
_PROBES, _PROOFS = 12, 2
"""Factors at which the relaxation is solved at most, and of how many of them a proof is tried, the largest first."""
ALONE_UNTIL = 0.3
"""Part of the time limit in which every app is bounded alone."""
_PLANS_UNTIL = 0.7
"""Part of the time limit when the search for quicker plans ends."""
_RELAXED_UNTIL = 0.6
"""Part of the time for plans in which the relaxation is solved."""
_CLOSE, _NEAR = 1.01, 1e-3
"""Ratio of factors at which the relaxation is feasible and not, and relative distance from it, that are close."""
_ANY_PLAN = 1.0
"""Gap with which a search ends at its first plan."""


class LeastLatency:
    """The method `clear` for the objective latency."""

    name = "clear"
    description = "least largest latency over its limit, of all apps together, with a proved bound"

    def solve(self, joint: JointInstance, options: Options) -> Outcome[Plan]:
        """Plan all apps for the least largest latency over its limit.

        Args:
            joint: The apps, each with a latency limit.
            options: Relative gap that is asked for, time limit and threads.

        Returns:
            The best plan found; its bound is one of the latency over its limit (no unit).
        """
        began, deadline = time.perf_counter(), Deadline.after(options.time_limit_s)
        alone = least_alone(joint, deadline.fraction(ALONE_UNTIL))
        if np.isinf(alone):
            return Outcome("infeasible", None, np.inf, PROVED, search_s=time.perf_counter() - began)
        columns = columns_of_few(joint, deadline)
        if columns is None or deadline.expired:
            found = _Bisection(joint, options, deadline, alone).run()
        else:
            best = BestChoice()
            found = _answer(joint, best, _of_listed(joint, columns, best, options.gap, deadline), options, deadline)
        found = replace(found, lower_bound=max(found.lower_bound, alone))
        return replace(found, search_s=time.perf_counter() - began)


def least_alone(joint: JointInstance, deadline: Deadline) -> float:
    """Bound the largest of the apps' least latencies over their limits, each with everything to itself, at its best.

    Args:
        joint: The apps, each with a latency limit.
        deadline: When to give up; apps that are not searched by then bound nothing.

    Returns:
        A factor that no plan is below (no unit); infinite where an app has no plan within its limits even so.
    """
    shares = (deadline.fraction(1.0 / (joint.count - index)) for index in range(joint.count))
    return max(_least_alone(app, share) for app, share in zip(joint.apps, shares, strict=True))


def _least_alone(app: JointApp, deadline: Deadline) -> float:
    quickest_of = (replace(most_favourable(one), minimise="latency") for _, one in app.possible)
    bounds_s = (
        0.0 if deadline.expired else Exact().solve(one, Options(time_limit_s=deadline.limit_s)).lower_bound
        for one in quickest_of
    )
    return max(min(bounds_s, default=np.inf), 0.0) / app.most_s


def _of_listed(
    joint: JointInstance, columns: list[list[Column]], best: BestChoice, gap: float, deadline: Deadline
) -> TreeResult:
    """Search all choices of listed columns."""
    apps = [
        undominated(Needs.of(joint.network, own), _limited(joint.network, own)) if own else Needs.of(joint.network, own)
        for own in columns
    ]
    return quickest_of_columns(joint, apps, best, gap, _MOST_PROGRAMS, deadline)


def _limited(network: Network, columns: list[Column]) -> Floats:
    """(C, B) memory of columns, and what limited sums of them grow with."""
    sums = [[limited_figures(budget, column, network) for budget in column.budgets] for column in columns]
    rows = [np.concatenate([memory, *row]) for memory, row in zip(memory_figures(columns, network), sums, strict=True)]
    return np.array(rows).reshape(len(columns), -1)


def _answer(
    joint: JointInstance, best: BestChoice, searched: TreeResult, options: Options, deadline: Deadline
) -> Outcome[Plan]:
    """Name the answer by what is held and what is proved."""
    if best.found is None:
        if searched.proved:
            return Outcome("infeasible", None, np.inf)
        return Outcome("unknown", None, searched.least, _stopped(deadline, "no plan was found within the limit"))
    plan = Plan(best.columns, frugal(joint.network, best.columns, best.found))
    if not deadline.expired:
        plan = _of_less_power(joint, plan, best.found.factor, options, deadline)
    value = latency_over_limit(plan.columns, plan.allocation)
    bound = min(searched.least, value)
    if bound >= value * (1.0 - max(options.gap, _EQUAL)):
        return Outcome("optimal", plan, bound)
    return Outcome("feasible", plan, bound, _stopped(deadline, ""))


def _of_less_power(joint: JointInstance, plan: Plan, factor: float, options: Options, deadline: Deadline) -> Plan:
    """Return a plan of less power that is as quick, of any columns; the plan itself where none is found."""
    tight = shrunk(joint, max(factor * (1.0 + _SAME), _INSTANT))
    found = solve_joint(tight, replace(options, time_limit_s=deadline.limit_s)).plan
    if found is None or found.power_w >= plan.power_w * (1.0 - _EQUAL):
        return plan
    if factor < _INSTANT and latency_over_limit(found.columns, found.allocation) > factor:
        return plan
    columns = [replace(column, most_s=joint.apps[column.app].most_s) for column in found.columns]
    return Plan(tuple(columns), found.allocation)


def _stopped(deadline: Deadline, detail: str) -> Termination:
    return Termination.at_limit("time" if deadline.expired else "nodes", detail)


class _Bisection:
    """Bisection over the factor of all deadlines, with the relaxed master as the oracle, then a search of columns."""

    def __init__(self, joint: JointInstance, options: Options, deadline: Deadline, alone: float) -> None:
        self._joint, self._options, self._deadline = joint, options, deadline
        self._best, self._least = BestChoice(), alone

    def run(self) -> Outcome[Plan]:
        """Find the factor at which the relaxation becomes feasible, a plan of its columns, and a proof below it."""
        plans_until = self._deadline.fraction(_PLANS_UNTIL)
        if self._first_plan(plans_until) == "infeasible":
            return Outcome("infeasible", None, np.inf)
        if self._best.found is not None and not self._closed:
            self._searched(plans_until)
        result = TreeResult(False, self._least, 0)
        return _answer(self._joint, self._best, result, self._options, self._deadline)

    def _searched(self, plans_until: Deadline) -> None:
        """Improve the plan, and the bound."""
        try:
            relaxation = Relaxation(self._joint, self._options.jobs, plans_until)
        except DeadlineReachedError:
            return
        infeasible = self._bracketed(relaxation, plans_until.fraction(_RELAXED_UNTIL))
        known = {(column.app, column.key): column for column in self._best.columns}
        for app in range(self._joint.count):
            known |= {(column.app, column.key): column for column in relaxation.columns(app)}
        columns = [[column for column in known.values() if column.app == app] for app in range(self._joint.count)]
        enough = infeasible[-1].factor * (1.0 + _NEAR) if infeasible else 0.0
        SwapSearch(self._joint, columns, plans_until).run(self._best, enough)
        for relaxed in infeasible[: -_PROOFS - 1 : -1]:
            if relaxed.factor > self._least and not self._closed and not self._deadline.expired:
                self._least = max(self._least, proved_factor(relaxed, self._options.jobs, self._deadline))

    def _bracketed(self, relaxation: Relaxation, until: Deadline) -> list[RelaxedAt]:
        """Bisect the factor at which the relaxation becomes feasible; return where it is not, by factor."""
        low, high, infeasible = self._least, self._best.factor, list[RelaxedAt]()
        for _ in range(_PROBES):
            if high <= low * _CLOSE or until.expired:
                break
            relaxed = relaxation.at(float(np.sqrt(low * high)))
            if relaxed.answer == "infeasible":
                low = relaxed.factor
                infeasible.append(relaxed)
            else:
                high = relaxed.factor
        return infeasible

    @property
    def _closed(self) -> bool:
        return self._least >= self._best.factor * (1.0 - max(self._options.gap, _EQUAL))

    def _first_plan(self, until: Deadline) -> str:
        """Ask for any plan within all limits, and keep it at its own least factor."""
        joint, unlimited = self._joint, np.isinf(until.remaining_s)
        limit_s = None if unlimited else 0.5 * until.remaining_s
        found = solve_joint(joint, Options(gap=_ANY_PLAN, time_limit_s=limit_s, jobs=self._options.jobs))
        if found.plan is not None:
            self._offer(found.plan)
            return "feasible"
        if found.status == "unknown" and not until.expired:
            proof = contradiction(joint, joint.apps, until, until)
            return found.status if proof is None else "infeasible"
        return found.status

    def _offer(self, plan: Plan) -> None:
        """Keep a plan at its own least factor, if it is the best."""
        found = quickest(self._joint.network, plan.columns)
        if not isinstance(found, NoAllocation):
            self._best.offer(plan.columns, found)
