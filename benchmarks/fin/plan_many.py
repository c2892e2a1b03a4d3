"""Case `plan-many`: a stream of small requests in one call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.random import default_rng

from benchmarks.report import Report, median_seconds, seconds_text
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Floats
from planner.fin.many import plan_many


@dataclass(frozen=True)
class Requests:
    """B requests of D blocks on N nodes."""

    block_energy_j: Floats
    block_time_s: Floats
    transfer_energy_j: Floats
    transfer_time_s: Floats
    max_latency_s: Floats

    def brute(self, row: int) -> float:
        """Return the least energy of one request by enumeration, in joules; infinite where none is in time."""
        _, blocks, nodes = self.block_energy_j.shape
        best = np.inf
        layers = np.arange(blocks)
        for path in product(range(nodes), repeat=blocks):
            here, before = np.array(path), np.array([0, *path[:-1]])
            seconds = self.block_time_s[row, layers, here] + self.transfer_time_s[row, layers, before, here]
            joules = self.block_energy_j[row, layers, here] + self.transfer_energy_j[row, layers, before, here]
            if seconds.sum() <= self.max_latency_s[row] * (1.0 + TOLERANCE):
                best = min(best, float(joules.sum()))
        return best


def requests(count: int, blocks: int, nodes: int, seed: int) -> Requests:
    """Return random requests of which some have no plan."""
    random = default_rng(seed)
    stays = np.eye(nodes, dtype=bool)
    pairs = (count, blocks, nodes, nodes)
    return Requests(
        random.uniform(0.1, 1.0, (count, blocks, nodes)),
        random.uniform(0.1, 1.0, (count, blocks, nodes)),
        np.where(stays, 0.0, random.uniform(0.05, 0.5, pairs)),
        np.where(stays, 0.0, random.uniform(0.05, 0.5, pairs)),
        random.uniform(0.2, 0.6, count) * blocks,
    )


@dataclass(frozen=True)
class Batch:
    """Requests of five blocks on three nodes."""

    name: str = "plan-many"
    requests: int = 50_000
    blocks: int = 5
    nodes: int = 3
    seed: int = 0
    repeats: int = 5
    checked: int = 50
    """Requests that are enumerated as well."""

    def quick(self) -> Batch:
        """Return a version with few requests."""
        return replace(self, requests=500, repeats=1, checked=5)

    def run(self) -> Report:
        """Time one call for all requests."""
        given = requests(self.requests, self.blocks, self.nodes, self.seed)
        arrays = (
            given.block_energy_j, given.block_time_s, given.transfer_energy_j, given.transfer_time_s,
            given.max_latency_s,
        )  # fmt: skip
        seconds = median_seconds(lambda: plan_many(*arrays), self.repeats)
        answers = plan_many(*arrays)
        right = sum(
            bool(np.isclose(answers.energy_j[row], given.brute(row), rtol=1e-12)) for row in range(self.checked)
        )
        each = f"{seconds / self.requests * 1e6:.2f} us"
        share, checked = f"{answers.feasible.mean():.1%}", f"{right} of {self.checked}"
        row = (str(self.requests), seconds_text(seconds), each, share, checked)
        columns = ("requests", "time", "per request", "have a plan", "equal to enumeration")
        return Report(f"plan-many: {self.blocks} blocks x {self.nodes} nodes", columns, (row,))
