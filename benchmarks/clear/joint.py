"""Case `joint`: many apps on many nodes planned together, with the gap that is proved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from benchmarks.clear.workloads import random_setting
from benchmarks.report import Report, at_most, seconds_text, timed
from planner.clear.problem.instance import build_joint
from planner.clear.solve import solve_joint
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options


@dataclass(frozen=True)
class Together:
    """Random workloads of the example models on phones, one cell, an edge server and 36 chiplets (40 nodes)."""

    name: str = "joint"
    apps: int = 50
    workloads: int = 20
    side: int = 6

    def quick(self) -> Together:
        """Return a version with one small workload."""
        return replace(self, apps=3, workloads=1, side=2)

    def run(self) -> Report:
        """Plan every workload without a time limit."""
        rows, gaps, seconds = [], [], []
        for seed in range(self.workloads):
            setting = random_setting(self.apps, seed, rows=self.side, cols=self.side)
            joint = build_joint(setting.apps, build_network(*expand(setting.topology)))
            taken_s, outcome = timed(partial(solve_joint, joint, Options()))
            power_w = float("nan") if outcome.plan is None else outcome.plan.power_w
            gaps.append(1.0 - outcome.lower_bound / power_w if outcome.plan is not None else 1.0)
            seconds.append(taken_s)
            cells = (f"{power_w:.4f} W", f"{outcome.lower_bound:.4f} W", f"{100.0 * gaps[-1]:.2f} %")
            rows.append((str(seed), outcome.status, *cells, seconds_text(taken_s)))
        targets = (
            at_most("median gap", 100.0 * median(gaps), 2.0, "%"),
            at_most("longest time", max(seconds), 60.0, "s"),
        )
        title = f"joint: {self.apps} apps on {4 + self.side**2} nodes"
        columns = ("seed", "status", "power", "bound", "gap", "time")
        note = f"median gap {100.0 * median(gaps):.2f} %, median time {seconds_text(median(seconds))}"
        return Report(title, columns, tuple(rows), (note,), targets)
