"""Oracle of the exact method: label setting without bounds over a table of all efficient routes of all pairs of nodes.

It shares the table of routes and the evaluator with the product, and neither recursions nor bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from planner.fin.graph.dominance import non_dominated
from planner.fin.graph.routes import RouteTable, efficient_routes
from planner.fin.instance.decision import Decision, Path, evaluate, objective_of, within_limits
from planner.fin.instance.instance import Instance


@dataclass(frozen=True)
class _Partial:
    """A plan of the first blocks."""

    nodes: tuple[int, ...]
    transfers: tuple[Path, ...]
    results: tuple[tuple[int, Path], ...]
    sums: tuple[float, ...]
    """Energy, the latency of every exit passed so far, elapsed time, loads of media and of nodes."""


def table_search(instance: Instance, most_extended: int = 200) -> float | None:
    """Return the least objective over all plans, infinite where there is none; None where there are too many."""
    media = sorted(set(instance.network.link_medium.tolist())) if instance.rate_per_s > 0 else []
    table = efficient_routes(instance.network, media)
    best = np.inf
    for point in range(instance.points.count):
        partial = [_Partial((), (), (), _sums(instance, point, (), (), ()))]
        for block in range(int(instance.points.depth[point])):
            if len(partial) * table.options * instance.network.size > most_extended:
                return None
            found = [each for one in partial for each in _extended(instance, table, point, block, one)]
            partial = _efficient(found)
        for one in partial:
            evaluation = evaluate(instance, Decision(point, one.nodes, one.transfers, dict(one.results)))
            if within_limits(instance, evaluation):
                best = min(best, objective_of(instance, evaluation))
    return best


def _extended(instance: Instance, table: RouteTable, point: int, block: int, one: _Partial) -> list[_Partial]:
    """Put the next block on every node that may host it, over every efficient route."""
    before = one.nodes[-1] if one.nodes else instance.source
    on = instance.points.on[point]
    head = next((int(x) for x in np.flatnonzero(on) if instance.points.exit_block[x] == block), None)
    found = []
    for node in np.flatnonzero(instance.allowed[block]).tolist():
        if head is not None and not instance.heads.can_run[head, node]:
            continue
        backs: list[tuple[tuple[int, Path], ...]] = [()]
        if head is not None and instance.destination is not None and instance.points.fraction[point, head] > 0:
            options = np.flatnonzero(table.valid[:, node, instance.destination]).tolist()
            backs = [((head, table.path(option, node, instance.destination)),) for option in options]
        for option in np.flatnonzero(table.valid[:, before, node]).tolist():
            for back in backs:
                nodes = (*one.nodes, node)
                transfers = (*one.transfers, table.path(option, before, node))
                results = (*one.results, *back)
                found.append(_Partial(nodes, transfers, results, _sums(instance, point, nodes, transfers, results)))
    return found


def _sums(
    instance: Instance, point: int, nodes: tuple[int, ...], transfers: tuple[Path, ...],
    results: tuple[tuple[int, Path], ...],
) -> tuple[float, ...]:  # fmt: skip
    """Evaluate a part of a plan; exits that are not passed yet count nothing."""
    evaluation = evaluate(instance, Decision(point, nodes, transfers, dict(results)))
    latencies = _latencies(instance, point, nodes, transfers, dict(results))
    loads = evaluation.media_load.tolist() if instance.rate_per_s > 0 else []
    limited = np.isfinite(instance.network.memory_bytes)
    capacities = evaluation.memory_bytes[limited].tolist()
    if instance.rate_per_s > 0:
        capacities += evaluation.utilization.tolist()
    return (evaluation.energy_j, *latencies, *loads, *capacities)


def _latencies(
    instance: Instance, point: int, nodes: tuple[int, ...], transfers: tuple[Path, ...], results: dict[int, Path]
) -> list[float]:
    """Elapsed time, then the latency of every exit that is on and was passed."""
    elapsed, found = 0.0, []
    behind = {int(instance.points.exit_block[x]): int(x) for x in np.flatnonzero(instance.points.on[point])}
    for block, node in enumerate(nodes):
        bits = instance.input_bits if block == 0 else instance.output_bits[block - 1]
        elapsed += _carry(instance, transfers[block], float(bits)) + float(instance.blocks.time_s[block, node])
        if (head := behind.get(block)) is not None:
            elapsed += float(instance.heads.time_s[head, node])
            back = results.get(head, (node,))
            found.append(elapsed + _carry(instance, back, float(instance.result_bits[head])))
    return [elapsed, *found]


def _carry(instance: Instance, path: Path, bits: float) -> float:
    network = instance.network
    links = [network.link(source, target) for source, target in pairwise(path)]
    return sum(float(network.link_latency_s[link] + bits / network.link_bit_per_s[link]) for link in links)


def _efficient(found: list[_Partial]) -> list[_Partial]:
    """Drop partial plans that another one on the same last node is no worse than in every sum."""
    if not found:
        return []
    last = np.array([one.nodes[-1] for one in found])
    keep = non_dominated(last, np.array([one.sums for one in found]))
    return [one for one, kept in zip(found, keep.tolist(), strict=True) if kept]
