"""Case `peers`: the exact method beside cspy, PathWyse, HiGHS and a NetworkX graph of levels, on the same problems."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

from benchmarks.fin.layered import Layered, layered
from benchmarks.fin.scenes import Scene, scene
from benchmarks.fin.solvers import (
    Peer,
    cspy_labelling,
    dijkstra_over_levels,
    has_cspy,
    has_pathwyse,
    highs_arcs,
    pathwyse,
)
from benchmarks.report import Report, at_least, seconds_text
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.method import Options

_TYPED, _ARRAYS = "ours (typed)", "ours (instance)"
_PEERS: dict[str, Peer] = {
    "cspy BiDirectional": cspy_labelling,
    "PathWyse": pathwyse,
    "HiGHS": highs_arcs,
    "NetworkX, levels": dijkstra_over_levels,
}
_TARGETS = {"cspy BiDirectional": 200.0, "HiGHS": 1000.0}
"""Least times that peers should take over ours (typed)."""


@dataclass(frozen=True)
class _Run:
    """One solver on one problem."""

    seconds: float
    excess: float | None
    """Objective over optimum, minus 1; None where no plan came out."""


@dataclass(frozen=True)
class Peers:
    """Chains on a full mesh, deadline midway between the least latency and that of the plan of least energy."""

    name: str = "peers"
    blocks: int = 24
    nodes: int = 50
    seeds: tuple[int, ...] = (0, 1, 2)
    repeats: int = 7
    """Runs of ours per problem (peers run once)."""
    time_limit_s: float = 120.0

    def quick(self) -> Peers:
        """Return a version of a few seconds."""
        return replace(self, blocks=5, nodes=6, seeds=(0,), repeats=2)

    def run(self) -> Report:
        """Run all solvers on one problem after the other."""
        runs: dict[str, list[_Run]] = {}
        for seed in self.seeds:
            for solver, run in self._one(scene(self.blocks, self.nodes, seed)):
                runs.setdefault(solver, []).append(run)
        notes = [
            f"medians over {len(self.seeds)} problems, CPU time; / typed and / instance: time over ours",
            "ours: typed = Model, Topology and App to decision, building included; instance = method alone",
            "peers: search alone, arcs given; HiGHS by MathOpt, a binary per arc; NetworkX, Dijkstra over 100 levels",
            f"peers stop after {self.time_limit_s:g} s (NetworkX cannot); excess: worst objective over optimum",
        ]
        if has_pathwyse():
            notes.append("PathWyse takes whole numbers: energy and time in 1e-7 of the largest, time rounded up")
        else:
            notes.append("PathWyse is not installed, so it was skipped: pip install '.[benchmark]'")
        if not has_cspy():
            notes.append("cspy is not installed, so it was skipped: pip install '.[benchmark]'")
        rows = tuple(_row(solver, some, runs) for solver, some in runs.items())
        targets = tuple(
            at_least(solver, _ratio(runs[solver], runs[_TYPED]), least, "times ours (typed)")
            for solver, least in _TARGETS.items() if solver in runs
        )  # fmt: skip
        title = f"peers: {self.blocks} blocks x {self.nodes} nodes, full mesh"
        columns = ("solver", "time", "/ typed", "/ instance", "excess", "no plan")
        return Report(title, columns, rows, tuple(notes), targets)

    def _one(self, problem: Scene) -> list[tuple[str, _Run]]:
        instance = problem.instance()
        arcs = layered(instance)
        rows = [
            (_TYPED, *_ours(lambda: _solve(problem.instance()), self.repeats)),
            (_ARRAYS, *_ours(lambda: _solve(instance), self.repeats)),
        ]
        optimum = _cost(arcs, rows[0][2].nodes)
        answers = [(solver, _Run(seconds, _cost(arcs, plan.nodes) / optimum - 1.0)) for solver, seconds, plan in rows]
        for solver, peer in _PEERS.items():
            if (peer is not cspy_labelling or has_cspy()) and (peer is not pathwyse or has_pathwyse()):
                found = peer(arcs, self.time_limit_s)
                cost = None if found.path is None else arcs.cost(found.path)
                answers.append((solver, _Run(found.seconds, None if cost is None else cost / optimum - 1.0)))
        return answers


def _ours(work: Callable[[], Decision], repeats: int) -> tuple[float, Decision]:
    results = [_timed(work) for _ in range(repeats)]
    return median(seconds for seconds, _ in results), results[0][1]


def _timed(work: Callable[[], Decision]) -> tuple[float, Decision]:
    """Return the CPU seconds of some work, and its result; garbage is collected before, not during."""
    gc.collect()
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def _solve(instance: Instance) -> Decision:
    outcome = Exact().solve(instance, Options())
    if outcome.status != "optimal" or outcome.plan is None:
        message = f"the exact method gave {outcome.status} on a problem that has a plan"
        raise RuntimeError(message)
    return outcome.plan


def _cost(arcs: Layered, nodes: tuple[int, ...]) -> float:
    cost = arcs.cost(nodes)
    if cost is None:
        message = "the exact method's plan misses the deadline"
        raise RuntimeError(message)
    return cost


def _ratio(theirs: list[_Run], ours: list[_Run]) -> float:
    """Return the median ratio of times over all problems."""
    return median(their.seconds / our.seconds for their, our in zip(theirs, ours, strict=True))


def _row(solver: str, some: list[_Run], runs: dict[str, list[_Run]]) -> tuple[str, ...]:
    seconds = median(run.seconds for run in some)
    ratios = [f"{_ratio(some, runs[ours]):.3g}" for ours in (_TYPED, _ARRAYS)]
    excesses = [run.excess for run in some if run.excess is not None]
    worst = f"{max(*excesses, 0.0):.2%}" if excesses else "-"
    return (solver, seconds_text(seconds), *ratios, worst, f"{len(some) - len(excesses)} of {len(some)}")
