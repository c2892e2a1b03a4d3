"""Case `large`: the exact method on 1000 nodes, measured in dense sweeps over all its arcs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.fin.layered import layered
from benchmarks.fin.scenes import large_instance
from benchmarks.report import Report, at_most, median_seconds, seconds_text, timed
from planner.fin.exact.method import Exact
from planner.fin.graph.extended import build_extended
from planner.fin.graph.min_plus import Weights, forward
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats
from planner.fin.method import Options

_MOST_SWEEPS = 20.0


@dataclass(frozen=True)
class Large:
    """A chain on a full mesh of many nodes."""

    name: str = "large"
    blocks: int = 24
    nodes: int = 1000
    seed: int = 0
    repeats: int = 3

    def quick(self) -> Large:
        """Return a version of a second."""
        return replace(self, blocks=6, nodes=60, repeats=1)

    def run(self) -> Report:
        """Time one dense sweep, one sweep of ours, and the whole search."""
        instance = large_instance(self.blocks, self.nodes, self.seed)
        dense_s = self._dense_sweep(instance)
        ours_s = self._own_sweep(instance)
        results = [timed(lambda: Exact().solve(instance, Options())) for _ in range(self.repeats)]
        exact_s = sorted(seconds for seconds, _ in results)[self.repeats // 2]
        outcome = results[0][1]
        ratio = exact_s / dense_s
        rows = (
            ("dense sweep: NumPy min-plus over given arcs", seconds_text(dense_s), "1"),
            (
                "forward recursion of planner.fin.graph (links weighted on the way)",
                seconds_text(ours_s),
                f"{ours_s / dense_s:.2f}",
            ),
            (f"exact from the built instance ({outcome.status})", seconds_text(exact_s), f"{ratio:.2f}"),
            ("  of which building and bounds", seconds_text(outcome.build_s), f"{outcome.build_s / dense_s:.2f}"),
        )
        target = at_most("exact", ratio, _MOST_SWEEPS, "dense sweeps")
        title = f"large: {self.blocks} blocks x {self.nodes} nodes, full mesh"
        return Report(title, ("what", "time", "dense sweeps"), rows, targets=(target,))

    def _dense_sweep(self, instance: Instance) -> float:
        arcs = layered(instance).joules

        def sweep() -> Floats:
            values = arcs[0, instance.source]
            for layer in arcs[1:]:
                values = (values[:, None] + layer).min(axis=0)
            return np.asarray(values)

        return median_seconds(sweep, self.repeats)

    def _own_sweep(self, instance: Instance) -> float:
        graph = build_extended(instance)
        weights = Weights.lagrangian(np.array([0.1]))
        return median_seconds(lambda: forward(graph, weights), self.repeats)
