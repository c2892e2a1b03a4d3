"""Decision of a cheapest path between classes of equal nodes: hosts among their nodes, then the cheapest routes.

A shortest path over classes says which class runs each segment. Its first node takes the segment; where the path goes
on within a class, the next node with a route does. Nodes of a class cost the app the same, but for the routes to them.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from planner.clear.pricing.routes import Messages, Routes, route_costs
from planner.clear.pricing.shortest_path import Pricer
from planner.clear.pricing.sweep import AppPrices, Rows, Sweep
from planner.fin.instance.decision import Decision, Path
from planner.fin.instance.network import Floats, Ints


def cheapest_decision(
    pricer: Pricer, prices: AppPrices, classes: Pricer, rows: Rows, sweep: Sweep, row: int, leave: int
) -> Decision | None:
    """Name the cheapest path among those that leave the source before a block.

    Args:
        pricer: The app on all nodes.
        prices: What it pays for nodes and media.
        classes: The app on classes of equal nodes, or `pricer` itself.
        rows: (R,) pairs of an operating point and a latency multiplier.
        sweep: Costs of all rows on the classes, backwards from the last block.
        row: The row that is followed (index).
        leave: The first block that does not run on the source (index).

    Returns:
        The nodes of the blocks and the routes between them; None where no nodes of the classes are joined by routes,
        to each other and to the destination of results.
    """
    depth = int(pricer.stages.depth[rows.point[row]])
    nodes = np.full(depth, pricer.instance.source, dtype=np.int64)
    node, valid, destination = pricer.instance.source, pricer.routes.table.valid[0], pricer.instance.destination
    returns = pricer.stages.result_weight[rows.point[row]] > 0.0
    for begin, end, of_class in _segments(classes, sweep, row, leave, depth):
        others = classes.members[of_class]
        joined = others[(others != node) & valid[node, others]]
        if returns[begin:end].any():
            joined = joined[valid[joined, destination]]
        if len(joined) == 0:
            return None
        node = int(joined[0])
        nodes[begin:end] = node
    one = rows.take(np.array([row]))
    return Decision(
        int(rows.point[row]),
        tuple(nodes.tolist()),
        _transfers(pricer, prices, one, nodes),
        _results(pricer, prices, one, nodes),
    )


def _segments(classes: Pricer, sweep: Sweep, row: int, leave: int, depth: int) -> list[tuple[int, int, int]]:
    """Follow a row's cheapest path: first block, end and class of each segment behind the source."""
    routes, found, begin, at = classes.routes, list[tuple[int, int, int]](), leave, classes.instance.source
    while begin < depth:
        away = sweep.carried[row, begin] + sweep.onwards[row, begin][routes.target]
        at = int(routes.target[int(np.where(routes.source == at, away, np.inf).argmin())])
        costs = sweep.segments.starting(begin)[row, at] + sweep.left[row, at, begin:]
        end = begin + int(costs.argmin()) + 1
        found.append((begin, end, at))
        begin = end
    return found


def _transfers(pricer: Pricer, prices: AppPrices, one: Rows, nodes: Ints) -> tuple[Path, ...]:
    """Return the cheapest route of the data into each block."""
    stages, ends, paths = pricer.stages, [pricer.instance.source, *nodes.tolist()], list[Path]()
    for block, (before, node) in enumerate(pairwise(ends)):
        if before == node:
            paths.append((node,))
            continue
        late = one.multiplier_w_per_s * stages.carry_late[one.point, block]
        messages = Messages(stages.carry_bits[[block]], stages.carry_weight[one.point, block], late)
        paths.append(_cheapest(pricer.routes, messages, prices.media_w, before, node))
    return tuple(paths)


def _results(pricer: Pricer, prices: AppPrices, one: Rows, nodes: Ints) -> dict[int, Path]:
    """Return the cheapest route of each result to the destination."""
    instance, stages = pricer.instance, pricer.stages
    found: dict[int, Path] = {}
    point, destination = int(one.point[0]), instance.destination
    for head, block in enumerate(instance.points.exit_block.tolist()) if destination is not None else ():
        if instance.points.on[point, head] and instance.points.fraction[point, head] > 0.0:
            late = one.multiplier_w_per_s * stages.result_late[one.point, block]
            messages = Messages(stages.result_bits[one.point, block], stages.result_weight[one.point, block], late)
            found[head] = _cheapest(pricer.routes, messages, prices.media_w, int(nodes[block]), int(destination or 0))
    return found


def _cheapest(routes: Routes, message: Messages, media_w: Floats, source: int, target: int) -> Path:
    """Return the cheapest route of one message between two nodes."""
    option = 0
    if routes.table.valid[1:, source, target].any():
        fits = np.flatnonzero((routes.source == source) & (routes.target == target))
        costs = route_costs(routes, message, media_w)[0, fits]
        option = int(routes.option[fits[int(costs.argmin())]])
    return routes.table.path(option, source, target)
