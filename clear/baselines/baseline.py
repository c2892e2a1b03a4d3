"""Common part of the baselines for several apps: a weak lower bound, and the outcome built from it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from planner.clear.allocation.app_view import most_favourable
from planner.clear.allocation.plan import Plan
from planner.clear.problem.instance import JointInstance
from planner.clear.problem.joint_app import JointApp
from planner.fin.deadline import Deadline
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats
from planner.fin.method import Options
from planner.fin.outcome import PROVED, Outcome, Termination

_NO_PROOF = Termination.incomplete("a heuristic: its bound leaves out transfers, deadlines and what apps share")
_CLOSED = 1e-6


def own_bound_w(joint: JointInstance) -> float:
    """Return a power that no plan is below: every block on the node and at the speed that is cheapest for it alone.

    It leaves transfers, deadlines, idle power and all that apps share out. It is infinite where an app has no
    operating point that is accurate enough, or a block that may run nowhere.
    """
    return sum(map(least_power_w, joint.apps))


def least_power_w(app: JointApp) -> float:
    """Return a power that no plan of an app is below, the least over its variants; see `own_bound_w`."""
    each = (float(least_energy_j(variant).min(initial=np.inf)) for _, variant in app.possible)
    return app.inferences_per_s * min(each, default=np.inf)


def least_energy_j(instance: Instance) -> Floats:
    """(K,) least energy of computing one inference at each operating point, its own included, in joules."""
    if instance.points.count == 0:
        return np.zeros(0)
    frugal, points = most_favourable(instance), instance.points
    block_j = np.where(frugal.allowed, frugal.blocks.energy_j, np.inf).min(axis=1)
    head_j = np.where(frugal.heads.can_run, frugal.heads.energy_j, np.inf).min(axis=1)
    reach = points.computing_weight(points.reach(len(block_j)))
    deployed = np.arange(len(block_j)) < points.depth[:, None]
    blocks = np.where(deployed, _weighted(reach, block_j), 0.0).sum(axis=1)
    heads = np.where(points.on, _weighted(reach[:, points.exit_block], head_j), 0.0).sum(axis=1)
    return np.asarray(blocks + heads if instance.point_j is None else blocks + heads + instance.point_j)


def _weighted(reach: Floats, energy_j: Floats) -> Floats:
    """Return reach times energy, infinite wherever the energy is: what no sample reaches needs a node all the same."""
    hosted = np.isfinite(energy_j)
    return np.where(hosted, reach * np.where(hosted, energy_j, 0.0), np.inf)


@dataclass(frozen=True)
class HeuristicRun:
    """When a heuristic began, and the bound that it states with its answer."""

    options: Options
    began: float
    deadline: Deadline
    bound_w: float
    build_s: float

    @classmethod
    def begin(cls, joint: JointInstance, options: Options) -> HeuristicRun:
        """Bound the apps and start the clock."""
        began = time.perf_counter()
        deadline, bound_w = Deadline.after(options.time_limit_s), own_bound_w(joint)
        return cls(options, began, deadline, bound_w, time.perf_counter() - began)

    def outcome(self, plan: Plan | None, nothing: str = "") -> Outcome[Plan]:
        """Name the answer by what is held and what is proved; `nothing` says why there is no plan."""
        times = (self.build_s, time.perf_counter() - self.began - self.build_s)
        if plan is not None:
            closed = self.bound_w >= plan.power_w * (1.0 - max(self.options.gap, _CLOSED))
            bound_w = min(self.bound_w, plan.power_w)
            if closed:
                return Outcome("optimal", plan, bound_w, PROVED, *times)
            return Outcome("feasible", plan, bound_w, _NO_PROOF, *times)
        if np.isinf(self.bound_w):
            return Outcome("infeasible", None, np.inf, PROVED, *times)
        out_of_time = Termination.at_limit("time", "the time limit came before a plan")
        termination = out_of_time if self.deadline.expired else Termination.incomplete(nothing)
        return Outcome("unknown", None, self.bound_w, termination, *times)
