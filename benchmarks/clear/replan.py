"""Case `replan`: planning again after one change of rates, against planning from scratch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

import numpy as np

from benchmarks.clear.workloads import random_setting
from benchmarks.report import Report, at_most, seconds_text, timed
from planner.clear.problem.instance import JointInstance, build_joint
from planner.clear.replan import Replanner, with_app_rates, with_link_rates
from planner.clear.solve import solve_joint
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options

_SPREAD = 0.5
"""Standard deviation of the logarithm of rates."""


@dataclass(frozen=True)
class Replan:
    """Random workloads on phones, a cell and chiplets; their cell or one app changes its rate."""

    name: str = "replan"
    settings: tuple[tuple[int, int], ...] = ((4, 3), (10, 6))
    """Apps, and chiplets along each side of the package."""
    changes: int = 4
    gap: float = 0.01
    time_limit_s: float = 120.0
    seed: int = 1

    def quick(self) -> Replan:
        """Return a version with one small setting."""
        return replace(self, settings=((2, 1),), changes=1)

    def run(self) -> Report:
        """Plan again and from scratch after every change."""
        rows, ratios = [], []
        for apps, side in self.settings:
            for kind in ("bandwidth", "rate of an app"):
                cells, ratio = self._row(apps, side, kind)
                rows.append((f"{apps} apps, {side}x{side} chiplets, {kind}", *cells))
                ratios.append(ratio)
        columns = ("change", "again", "from scratch", "with its proof", "again / from scratch", "/ with proof",
                   "power over from scratch")  # fmt: skip
        title = f"replan: medians of {self.changes} changes"
        return Report(title, columns, tuple(rows),
                      targets=(at_most("again / with proof", 100.0 * max(ratios), 10.0, "%"),))  # fmt: skip

    def _row(self, apps: int, side: int, kind: str) -> tuple[tuple[str, ...], float]:
        setting = random_setting(apps, self.seed, rows=side, cols=side)
        joint = build_joint(setting.apps, build_network(*expand(setting.topology)))
        options = Options(gap=self.gap, time_limit_s=self.time_limit_s)
        planner = Replanner(joint, self.gap)
        again, scratch, proved, over = [], [], [], []
        for changed in self._changed(joint, kind):
            again_s, outcome = timed(partial(planner.replan, changed))
            cold_s, cold = timed(partial(Replanner, changed, self.gap))
            proved_s, _ = timed(partial(solve_joint, changed, options))
            again.append(again_s)
            scratch.append(cold_s)
            proved.append(proved_s)
            if outcome.plan is not None and cold.plan is not None:
                over.append(outcome.plan.power_w / cold.plan.power_w - 1.0)
        times = [median(seconds) for seconds in (again, scratch, proved)]
        worst = f"{100.0 * max(over):+.2g} % at most" if over else "no plan"
        shares = (f"{times[0] / times[1]:.1%}", f"{times[0] / times[2]:.1%}")
        return (*map(seconds_text, times), *shares, worst), times[0] / times[2]

    def _changed(self, joint: JointInstance, kind: str) -> Iterator[JointInstance]:
        """Yield the workload after each change of what it was at first."""
        random = np.random.default_rng(self.seed)
        network = joint.network
        shared = network.link_medium >= len(network.link_source)
        for _ in range(self.changes):
            factor = float(np.exp(random.normal(0.0, _SPREAD)))
            if kind == "bandwidth":
                yield with_link_rates(joint, network.link_bit_per_s * np.where(shared, factor, 1.0))
            else:
                chosen = int(random.integers(joint.count))
                rates = [app.inferences_per_s * (factor if at == chosen else 1.0) for at, app in enumerate(joint.apps)]
                yield with_app_rates(joint, rates)
