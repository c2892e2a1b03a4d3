"""Case `joint-milp`: several apps planned by columns and prices, beside one integer program over all columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from benchmarks.clear.workloads import example_model, random_setting
from benchmarks.report import Report, at_least, at_most, seconds_text, timed
from planner.clear.allocation.plan import Plan
from planner.clear.method import joint_method
from planner.clear.problem.instance import JointInstance, build_joint
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options
from planner.fin.outcome import Outcome
from planner.schemas import App

_MODEL = "b-alexnet-branchynet.json"
_MOST_ABOVE = 1e-3
_LEAST_FASTER = 20.0


def small_joint(apps: int, seed: int) -> JointInstance:
    """Return apps of one small model on two phones, one cell, an edge server and a package of one chiplet."""
    random = np.random.default_rng(seed)
    setting, model = random_setting(apps, seed, rows=1, cols=1, phones=2), example_model(_MODEL)
    drawn = [
        App(
            name=f"app{index}",
            model=_MODEL,
            source=f"phone{index % 2}",
            rate_per_s=float(random.uniform(5.0, 60.0)),
            max_latency_s=float(random.uniform(0.03, 0.3)),
            min_accuracy=float(random.uniform(0.788, 0.796)),
            latency=str(random.choice(["worst", "mean", "p95"])),
        )
        for index in range(apps)
    ]
    return build_joint([(app, model) for app in drawn], build_network(*expand(setting.topology)))


@dataclass(frozen=True)
class _Pair:
    """Both answers to one workload."""

    seconds: tuple[float, float]
    outcomes: tuple[Outcome[Plan], Outcome[Plan]]

    @property
    def faster(self) -> float:
        """Time of the program over ours; at least so much where the program was stopped."""
        return self.seconds[1] / self.seconds[0]

    @property
    def above(self) -> float:
        """Relative excess of our power; negative where the program's plan is worse, or it has none."""
        ours, peer = (np.inf if outcome.plan is None else outcome.plan.power_w for outcome in self.outcomes)
        return -1.0 if np.isinf(peer) else ours / peer - 1.0


@dataclass(frozen=True)
class JointMilp:
    """Workloads that are small enough for a program over every column."""

    name: str = "joint-milp"
    apps: tuple[int, ...] = (2, 3)
    seeds: tuple[int, ...] = (0, 1, 2)
    time_limit_s: float = 120.0
    """For each of the two."""

    def quick(self) -> JointMilp:
        """Return a version with one app."""
        return replace(self, apps=(1,), seeds=(0,))

    def run(self) -> Report:
        """Plan each workload by both methods."""
        for name in ("clear", "milp"):  # libraries load before clocks run
            joint_method(name).solve(small_joint(1, 0), Options(time_limit_s=1.0))
        pairs = [(apps, seed, self._pair(small_joint(apps, seed))) for apps in self.apps for seed in self.seeds]
        rows = tuple((str(apps), str(seed), *_figures(pair)) for apps, seed, pair in pairs)
        columns = ("apps", "seed", "columns", "clear", "gap", "time", "milp", "time", "/ clear", "above")
        above, faster = max(pair.above for _, _, pair in pairs), [pair.faster for _, _, pair in pairs]
        notes = (
            "milp: one program over all columns, speeds and shares on grids; then speeds and shares set anew",
            f"clear is {median(faster):.0f} times faster than milp in the median",
            "above: relative excess of clear's power over milp's; a time with + is where milp was stopped",
        )
        targets = (
            at_most("relative excess of clear's power", above, _MOST_ABOVE, "of milp's"),
            at_least("clear faster than milp (least)", min(faster), _LEAST_FASTER, "times"),
        )
        return Report("joint-milp: small workloads", columns, rows, notes, targets)

    def _pair(self, joint: JointInstance) -> _Pair:
        limit = Options(time_limit_s=self.time_limit_s)
        ours_s, ours = timed(lambda: joint_method("clear").solve(joint, limit))
        peer_s, peer = timed(lambda: joint_method("milp").solve(joint, limit))
        return _Pair((ours_s, peer_s), (ours, peer))


def _figures(pair: _Pair) -> tuple[str, ...]:
    """Write one row."""
    ours, peer = pair.outcomes
    stopped = "+" if peer.termination.limit == "time" else ""
    power = "none" if ours.plan is None else f"{ours.plan.power_w:.5f} W"
    gap = "" if ours.plan is None else f"{1.0 - ours.lower_bound / ours.plan.power_w:.1e}"
    return (
        f"{peer.statistics.get('columns', 0.0):.0f}", power, gap, seconds_text(pair.seconds[0]),
        "none" if peer.plan is None else f"{peer.plan.power_w:.5f} W", seconds_text(pair.seconds[1]) + stopped,
        f"{pair.faster:.0f}", "" if peer.plan is None else f"{pair.above:.1e}",
    )  # fmt: skip
