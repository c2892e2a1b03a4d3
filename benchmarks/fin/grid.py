"""FIN's B-AlexNet grid: every method against enumeration on 208 requests. Prints markdown.

Run ``python -m benchmarks.fin.grid``. The grid is that of the authors' scripts: deadlines of 3 to 15 ms by 1 ms and
accuracies of 10 to 85 % by 5 %, the first block on the device, links that only go up, a link's delay by its
receiver's rate and its energy by both ends (data/fin and examples/device-edge-cloud.json say where from).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from planner.fin.instance.decision import evaluate
from planner.fin.instance.instance import Instance, build_instance
from planner.fin.instance.network import Bools, Floats, build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options, method
from planner.schemas import Model, Topology, Workload, read_document

EXAMPLES = Path(__file__).parents[2] / "examples"
DEADLINES_MS = tuple(range(3, 16))
ACCURACIES_PERCENT = tuple(range(10, 90, 5))
CLASSES = ((10, 55), (60, 75), (80, 85))
"""Accuracies (percent) that the first, second and third exit are needed for."""
DEPTHS = (10, 20, 50, 100, 1000)
EQUAL = 1e-9
"""Relative difference up to which a plan counts as optimal."""


@dataclass(frozen=True)
class Contender:
    """A method with its options, under the name that the tables show."""

    label: str
    method: str
    options: Options


CONTENDERS = (
    Contender("exact", "exact", Options()),
    *(Contender(f"gamma, {depth} levels", "gamma", Options(gamma=depth)) for depth in DEPTHS),
    Contender("MCP", "mcp", Options()),
    Contender("source-only", "source-only", Options()),
    Contender("neurosurgeon", "neurosurgeon", Options()),
)


@dataclass(frozen=True)
class Grid:
    """Energies of plans at every point of the grid, infinite where there is no plan."""

    accuracy_percent: Floats
    """(G,) least accuracy asked for."""
    optimum_j: Floats
    """(G,) by enumeration."""
    energy_j: dict[str, Floats]
    """(G,) by contender."""

    @property
    def feasible(self) -> Bools:
        """(G,) points that have a plan at all."""
        return np.isfinite(self.optimum_j)


def requests() -> Iterator[tuple[int, Instance]]:
    """Yield the accuracy in percent, and the instance, of every point of the grid."""
    model, _ = read_document(EXAMPLES / "b-alexnet.json", Model)
    topology, _ = read_document(EXAMPLES / "device-edge-cloud.json", Topology)
    workload, _ = read_document(EXAMPLES / "fin-b-alexnet.workload.json", Workload)
    network = build_network(*expand(topology))
    for deadline_ms, percent in product(DEADLINES_MS, ACCURACIES_PERCENT):
        limits = {"max_latency_s": deadline_ms / 1000, "min_accuracy": percent / 100}
        yield percent, build_instance(workload.apps[0].model_copy(update=limits), model, network)


def measure() -> Grid:
    """Solve every point with every contender, and by enumeration."""
    percents, instances = zip(*requests(), strict=True)
    oracle = Contender("enumeration", "brute", Options())
    energies = {row.label: np.array([_energy(row, one) for one in instances]) for row in (oracle, *CONTENDERS)}
    return Grid(np.array(percents, dtype=np.float64), energies.pop(oracle.label), energies)


def _energy(contender: Contender, instance: Instance) -> float:
    """Return the joules of a plan as the one evaluator sees it; infinite without a plan."""
    decision = method(contender.method).solve(instance, contender.options).plan
    return np.inf if decision is None else evaluate(instance, decision).energy_j


def overview(grid: Grid) -> Iterator[str]:
    """Yield the lines of the table over all points that have a plan."""
    yield "| method | solved | optimal | mean energy / optimum | worst | mean saving over MCP |"
    yield "|---|---|---|---|---|---|"
    for label, energy_j in grid.energy_j.items():
        solved, optimal, ratios = _against_optimum(grid, energy_j, grid.feasible)
        saving = _saving(energy_j, grid.energy_j["MCP"])
        worst = f"{ratios.max():.3f}" if len(ratios) else "-"
        yield f"| {label} | {solved} | {optimal} | {_mean(ratios)} | {worst} | {saving} |"


def by_class(grid: Grid) -> Iterator[str]:
    """Yield the lines of the table by class of accuracy: solved, optimal, mean energy over optimum."""
    masks = [(grid.accuracy_percent >= low) & (grid.accuracy_percent <= high) for low, high in CLASSES]
    heads = [
        f"{low}-{high} % ({int((mask & grid.feasible).sum())} points)"
        for (low, high), mask in zip(CLASSES, masks, strict=True)
    ]
    yield f"| method | {' | '.join(heads)} |"
    yield "|---|" + "---|" * len(masks)
    for label, energy_j in grid.energy_j.items():
        cells = []
        for mask in masks:
            solved, optimal, ratios = _against_optimum(grid, energy_j, mask & grid.feasible)
            cells.append(f"{solved} / {optimal} / {_mean(ratios)}")
        yield f"| {label} | {' | '.join(cells)} |"


def _against_optimum(grid: Grid, energy_j: Floats, mask: Bools) -> tuple[int, int, Floats]:
    """Return the number of points solved, of points optimal, and energy over optimum where solved."""
    found = mask & np.isfinite(energy_j)
    ratios = energy_j[found] / grid.optimum_j[found]
    return int(found.sum()), int((ratios <= 1.0 + EQUAL).sum()), ratios


def _saving(energy_j: Floats, baseline_j: Floats) -> str:
    both = np.isfinite(energy_j) & np.isfinite(baseline_j)
    return f"{100 * np.mean(1.0 - energy_j[both] / baseline_j[both]):.1f} %" if both.any() else "-"


def _mean(ratios: Floats) -> str:
    return f"{ratios.mean():.3f}" if len(ratios) else "-"


def main() -> None:
    """Print both tables."""
    grid = measure()
    points = len(grid.optimum_j)
    print(f"{points} points, of which {points - int(grid.feasible.sum())} are infeasible.\n")
    print("\n".join(overview(grid)))
    print("\nBy least accuracy (solved / optimal / mean energy over optimum):\n")
    print("\n".join(by_class(grid)))


if __name__ == "__main__":
    main()
