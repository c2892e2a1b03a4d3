"""Baselines for the rate: contiguous splits over the nodes in a fixed order, by dynamic programming or in proportion.

The order is the source, then mobile, edge and cloud nodes and chiplets as the topology lists them. Every node takes one
run of consecutive blocks, or none; data takes the quickest route.

Sources: the dynamic program over runs is that of pipeline partitioners (PipeDream, Narayanan et al., SOSP 2019, doi
10.1145/3341301.3359646), here with nodes and links that differ; the split in proportion to memory is what the project
exo does (`exo/topology/ring_memory_weighted_partitioning_strategy.py`, github.com/exo-explore/exo).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from planner.fin.instance.decision import Decision, Path
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats, Ints
from planner.fin.instance.refusal import refuse_general
from planner.fin.maximise.rate import bottleneck_bound_s
from planner.fin.method import Options
from planner.fin.methods.bounds import HeuristicRun
from planner.fin.outcome import Outcome
from planner.fin.presolve.points import undominated_points

_TIERS = ("mobile", "edge", "cloud", "chiplet")


class BestSplit:
    """The contiguous split of least bottleneck, by dynamic programming."""

    name = "best-split"
    description = "baseline: best contiguous split over the nodes in order, by dynamic programming"

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app with one run of blocks per node; capacities and limits are judged afterwards."""
        return _solve(instance, options, self.name, lambda split, point: [split.best(point)])


class SplitByWork:
    """Runs of equal work over the first nodes of the order, for every number of nodes."""

    name = "by-work"
    description = "baseline: runs of equally many operations over the nodes in order"

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app with runs of equal work, over as many nodes as is best."""
        return _solve(instance, options, self.name, lambda split, point: split.by_work(point))


class SplitByMemory:
    """Runs in proportion to the memory of nodes."""

    name = "by-memory"
    description = "baseline: runs in proportion to the memory of nodes, the largest first"

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app with runs in proportion to memory."""
        return _solve(instance, options, self.name, lambda split, point: [split.by_memory(point)])


Runs = Iterable[list[int] | None]
"""Nodes of the blocks of some splits; None where there is no split."""


def _solve(
    instance: Instance, options: Options, name: str, runs_of: Callable[[_Split, int], Runs]
) -> Outcome[Decision]:
    refuse_general(instance, name)
    run = HeuristicRun(instance, options)
    split = _Split(instance)
    run.built()
    for point in undominated_points(instance).tolist():
        if run.time_is_up():
            break
        for nodes in runs_of(split, point):
            if nodes is not None and (decision := split.decision(point, nodes)) is not None:
                run.offer(decision)
    return run.outcome(
        bottleneck_bound_s(instance) / instance.batch, "no split puts every block on a node that can run it"
    )


@dataclass(frozen=True)
class _Split:
    """What splits of an app need: the order of nodes, busy times, and routes."""

    instance: Instance

    @cached_property
    def order(self) -> Ints:
        """Hosts, the source first, then by tier."""
        network, source = self.instance.network, self.instance.source
        hosts = [int(node) for node in np.flatnonzero(network.hosts)]
        return np.array(sorted(hosts, key=lambda node: (node != source, _TIERS.index(network.tiers[node]), node)))

    @cached_property
    def routes(self) -> list[dict[int, Path]]:
        """Quickest route of a tensor of middle size from every node to every other one that it reaches."""
        return [_quickest(self.instance, node) for node in range(self.instance.network.size)]

    @cached_property
    def seconds_per_bit(self) -> Floats:
        """(N, N) s/bit of the narrowest link of a route; infinite where there is none, 0 within a node."""
        network, size = self.instance.network, self.instance.network.size
        found = np.full((size, size), np.inf)
        for source, routes in enumerate(self.routes):
            for target, path in routes.items():
                links = [network.link(*pair) for pair in pairwise(path)]
                found[source, target] = max((1.0 / float(network.link_bit_per_s[link]) for link in links), default=0.0)
        return found

    def busy_s(self, point: int) -> Floats:
        """(D, N) busy time over `max_utilization` of each block with its head; infinite where it may not run."""
        instance, points = self.instance, self.instance.points
        depth = int(points.depth[point])
        seconds, may_run = instance.blocks.time_s[:depth].copy(), instance.allowed[:depth].copy()
        for head in np.flatnonzero(points.on[point]):
            block = int(points.exit_block[head])
            seconds[block] += instance.heads.time_s[head]
            may_run[block] &= instance.heads.can_run[head]
        runs = points.computing_weight(points.reach(len(instance.block_names))[point, :depth])
        with np.errstate(divide="ignore", invalid="ignore"):
            busy = np.where(seconds > 0.0, runs[:, None] * seconds / instance.network.max_utilization, 0.0)
        return np.asarray(np.where(may_run, busy, np.inf))

    def best(self, point: int) -> list[int] | None:
        """Return the node of each block in the split of least bottleneck; None where there is none.

        `least[i, j]` is the least bottleneck with the first i blocks placed and the last of them on node j of the
        order; the run before it ended at a node earlier in the order.
        """
        busy, order = self.busy_s(point), self.order
        depth, count = len(busy), len(order)
        sums = np.concatenate([np.zeros((1, count)), np.cumsum(busy[:, order], axis=0)])
        instance = self.instance
        bits = np.concatenate([[instance.input_bits], instance.output_bits[: depth - 1]])
        bits = bits * instance.points.reach(len(instance.block_names))[point, :depth]
        least = np.full((depth + 1, count), np.inf)
        came = np.full((depth + 1, count, 2), -1, dtype=np.int64)
        from_source = self.seconds_per_bit[instance.source, order]
        between = self.seconds_per_bit[np.ix_(order, order)]
        for j in range(count):
            for start in range(depth):
                if start == 0:
                    before, last = _product(bits[0], from_source[j]), -1
                elif j == 0:
                    continue
                else:
                    costs = np.maximum(least[start, :j], _products(bits[start], between[:j, j]))
                    last = int(costs.argmin())
                    before = float(costs[last])
                with np.errstate(invalid="ignore"):
                    runs = np.maximum(before, sums[start + 1 :, j] - sums[start, j])
                runs = np.where(np.isfinite(runs), runs, np.inf)
                better = runs < least[start + 1 :, j]
                least[start + 1 :, j][better] = runs[better]
                came[start + 1 :, j][better] = (start, last)
        if not np.isfinite(least[depth]).any():
            return None
        nodes, at, j = [0] * depth, depth, int(least[depth].argmin())
        while at > 0:
            start, last = came[at, j].tolist()
            nodes[start:at] = [int(order[j])] * (at - start)
            at, j = start, last
        return nodes

    def by_work(self, point: int) -> Iterator[list[int]]:
        """Yield runs of about equal work, its time on the average node, over the first 1, 2, ... nodes of the order."""
        busy = self.busy_s(point)
        work = np.where(np.isfinite(busy), busy, np.nan)
        count = np.isfinite(busy).sum(axis=1)
        mean = np.nansum(work, axis=1) / np.maximum(count, 1)  # a block that runs nowhere has none
        for count in range(1, len(self.order) + 1):
            yield _in_proportion(mean, self.order[:count], np.ones(count))

    def by_memory(self, point: int) -> list[int]:
        """Return runs whose parameters are in proportion to the memory of nodes, the largest node first."""
        depth = int(self.instance.points.depth[point])
        memory = self.instance.network.memory_bytes[self.order]
        if not np.isfinite(memory).all():
            memory = np.where(np.isfinite(memory), memory, np.nanmax(np.where(np.isfinite(memory), memory, 1.0)))
        largest_first = np.argsort(-memory, kind="stable")
        amounts = self.instance.block_bytes[:depth]
        amounts = amounts if amounts.any() else np.ones(depth)
        return _in_proportion(amounts, self.order[largest_first], memory[largest_first])

    def decision(self, point: int, nodes: list[int]) -> Decision | None:
        """Return the decision over quickest routes, None where a block cannot run there or a route is missing."""
        instance, points = self.instance, self.instance.points
        if not np.isfinite(self.busy_s(point)[np.arange(len(nodes)), nodes]).all():
            return None
        ends = pairwise([instance.source, *nodes])
        transfers = [self.routes[source].get(target) for source, target in ends]
        results: dict[int, Path | None] = {}
        for head in np.flatnonzero(points.on[point] & (points.fraction[point] > 0)).tolist():
            if instance.destination is not None:
                results[head] = self.routes[nodes[int(points.exit_block[head])]].get(instance.destination)
        if None in transfers or None in results.values():
            return None
        whole = tuple(path for path in transfers if path is not None)
        return Decision(point, tuple(nodes), whole, {head: path for head, path in results.items() if path is not None})


def _product(bits: float, seconds_per_bit: float) -> float:
    return float(_products(bits, np.array([seconds_per_bit]))[0])


def _products(bits: float, seconds_per_bit: Floats) -> Floats:
    """Return transfer times; nothing cannot be carried either where there is no route."""
    return np.asarray(np.where(np.isfinite(seconds_per_bit), bits * np.nan_to_num(seconds_per_bit, posinf=0.0), np.inf))


def _in_proportion(amounts: Floats, nodes: Ints, shares: Floats) -> list[int]:
    """Return the node of each block, cut where the sum of amounts passes each node's part of the whole."""
    total = float(amounts.sum()) or 1.0
    middle = (np.cumsum(amounts) - 0.5 * amounts) / total
    ends = np.cumsum(shares) / shares.sum()
    place = np.minimum(np.searchsorted(ends, middle), len(nodes) - 1)
    return [int(node) for node in nodes[np.maximum.accumulate(place)]]


def _quickest(instance: Instance, source: int) -> dict[int, Path]:
    """Return the route of least time from a node to every one that it reaches (Dijkstra)."""
    network = instance.network
    sizes = np.concatenate([[instance.input_bits], instance.output_bits])
    seconds = network.link_latency_s + float(np.median(sizes)) / network.link_bit_per_s
    onward: dict[int, list[tuple[int, float]]] = {}
    for link, start in enumerate(network.link_source.tolist()):
        onward.setdefault(start, []).append((int(network.link_target[link]), float(seconds[link])))
    paths: dict[int, Path] = {}
    queue: list[tuple[float, Path]] = [(0.0, (source,))]
    while queue:
        elapsed, path = heapq.heappop(queue)
        if path[-1] in paths:
            continue
        paths[path[-1]] = path
        for target, more in onward.get(path[-1], ()):
            if target not in paths:
                heapq.heappush(queue, (elapsed + more, (*path, target)))
    return paths
