"""Case `shapes`: the exact method on networks of every shape, measured in a NumPy sweep of the same run."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.fin.networks import grid, metric_mesh, packages, shaped_instance, star, tree
from benchmarks.fin.scenes import large_instance
from benchmarks.report import Report, at_most, seconds_text
from planner.fin.exact.method import Exact
from planner.fin.instance.instance import Instance
from planner.fin.method import Options


def cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the least CPU seconds that some work took over several runs."""
    found = []
    for _ in range(repeats):
        gc.collect()
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


@dataclass(frozen=True)
class Shapes:
    """A chain of blocks on one network of each shape."""

    name: str = "shapes"
    blocks: int = 24
    mesh_nodes: int = 50
    nodes: int = 1000
    dense_nodes: int = 400
    side: int = 20
    packages: int = 5
    seed: int = 1
    repeats: int = 5

    def quick(self) -> Shapes:
        """Return a version of a few seconds."""
        return replace(self, blocks=5, mesh_nodes=6, nodes=20, dense_nodes=20, side=3, packages=2, repeats=1)

    def run(self) -> Report:
        """Time the whole search on each network, building included."""
        sweep_s = self._sweep_s()
        rows, targets = [], []
        for what, build, most_ms in self._cases():
            instance = build()
            spent = cpu_seconds(lambda instance=instance: Exact().solve(instance, Options()), self.repeats)
            outcome = Exact().solve(instance, Options())
            size = (str(instance.network.size), str(len(instance.network.link_source)))
            rows.append((what, *size, seconds_text(spent), f"{spent / sweep_s:.2f}", outcome.status))
            targets.append(at_most(what, spent * 1e3, most_ms, "ms"))
        notes = (
            "CPU time of the exact method from the built instance, the least of several runs",
            f"sweeps: over the CPU time of a NumPy min-plus sweep over 24 tables of 400 x 400, {seconds_text(sweep_s)}",
        )
        columns = ("network", "nodes", "links", "exact", "sweeps", "status")
        return Report(f"shapes: {self.blocks} blocks", columns, tuple(rows), notes, tuple(targets))

    def _cases(self) -> tuple[tuple[str, Callable[[], Instance], float], ...]:
        """Name, instance and target in milliseconds of each network."""
        blocks, seed = self.blocks, self.seed
        return (
            ("metric mesh", lambda: shaped_instance(blocks, metric_mesh(self.mesh_nodes, seed), seed), 6.0),
            ("star", lambda: shaped_instance(blocks, star(self.nodes, seed), seed), 100.0),
            ("tree", lambda: shaped_instance(blocks, tree(self.nodes, seed), seed), 100.0),
            ("grid", lambda: shaped_instance(blocks, grid(self.side, seed), seed), 500.0),
            ("packages", lambda: shaped_instance(blocks, packages(self.packages, self.side, seed), seed), 2000.0),
            ("full mesh", lambda: large_instance(blocks, self.dense_nodes, seed), 40.0),
            ("large full mesh", lambda: large_instance(blocks, self.nodes, seed), 109.0),
        )

    def _sweep_s(self) -> float:
        """Return the CPU seconds of a dense min-plus sweep over given tables, the yardstick of this run."""
        tables = np.random.default_rng(self.seed).uniform(size=(24, 400, 400))

        def sweep() -> None:
            values = tables[0, 0]
            for table in tables[1:]:
                values = (values[:, None] + table).min(axis=0)

        return cpu_seconds(sweep, max(3, self.repeats))
