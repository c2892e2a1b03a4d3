"""Rows of many apps planned together."""

from __future__ import annotations

import time
from functools import partial
from statistics import median

from benchmarks.clear.workloads import random_setting
from benchmarks.targets.figures import Figure, peak_megabytes
from planner.clear.method import JOINT_METHODS, joint_method
from planner.clear.problem.instance import JointInstance, build_joint
from planner.clear.solve import solve_joint
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options

_BASELINES = tuple(name for name in JOINT_METHODS if name not in ("clear", "milp"))
_BASELINE_LIMIT_S = 60.0


def _joint(apps: int, seed: int, side: int) -> JointInstance:
    setting = random_setting(apps, seed, rows=side, cols=side)
    return build_joint(setting.apps, build_network(*expand(setting.topology)))


def fifty_apps(workloads: int = 5) -> list[Figure]:
    """Apps on 40 nodes, for several seeds."""
    seconds, gaps = [], []
    for seed in range(workloads):
        spent, gap, _ = _planned(_joint(50, seed, 6), Options())
        seconds.append(spent)
        gaps.append(gap)
    note = f"median of {workloads} workloads"
    return [
        Figure("50 apps x 40 nodes", median(seconds), "s", 7.0, note=note),
        Figure("50 apps x 40 nodes: gap", 100.0 * median(gaps), "%", 1.85, note=note),
        Figure("50 apps x 40 nodes: most memory", peak_megabytes(), "MB", 300.0),
    ]


def apps_of_120() -> list[Figure]:
    """Apps on 68 nodes."""
    spent, gap, _ = _planned(_joint(120, 0, 8), Options())
    return [
        Figure("120 apps x 68 nodes", spent, "s", 30.0),
        Figure("120 apps x 68 nodes: gap", 100.0 * gap, "%", 3.0),
    ]


def apps_of_200(limit_s: float = 120.0) -> list[Figure]:
    """Apps on 40 nodes, within a time limit, beside the best baseline."""
    joint = _joint(200, 0, 6)
    spent, gap, power_w = _planned(joint, Options(time_limit_s=limit_s))
    others = [_planned(joint, Options(time_limit_s=_BASELINE_LIMIT_S), name)[2] for name in _BASELINES]
    best_w, name = min(zip(others, _BASELINES, strict=True))
    note = f"time limit {limit_s:g} s"
    held = best_w < float("inf")
    return [
        Figure("200 apps x 40 nodes", spent, "s", limit_s, note=note),
        Figure("200 apps x 40 nodes: gap", 100.0 * gap, "%", 5.0, note=note),
        Figure(
            "200 apps x 40 nodes: power above the best baseline's", 100.0 * (power_w / best_w - 1.0) if held else None,
            "%", 1.0, note=name if held else "no baseline holds a plan",
        ),
    ]  # fmt: skip


def _planned(joint: JointInstance, options: Options, method: str = "clear") -> tuple[float, float, float]:
    """Return the CPU seconds, the gap and the power of a plan; infinite power where there is none."""
    solve = partial(solve_joint, joint) if method == "clear" else partial(joint_method(method).solve, joint)
    began = time.process_time()
    outcome = solve(options)
    spent = time.process_time() - began
    power_w = float("inf") if outcome.plan is None else outcome.plan.power_w
    return spent, 1.0 if outcome.plan is None else 1.0 - outcome.lower_bound / power_w, power_w
