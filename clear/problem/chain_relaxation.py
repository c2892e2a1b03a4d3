"""Chain relaxation of apps whose blocks read more than the block before: what bounds need, and how plans come back.

Of all that blocks read, the relaxed app carries only what comes from the block right before, and the input of the first
block. Every plan of the app is a plan of the relaxed one on the same nodes, which carries no more, so nothing costs
more there, and every bound on the relaxed app is a bound on the app. Where a block reads nothing from the block before,
even a route between their nodes may be missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.fin.graph.routes import RouteTable
from planner.fin.instance.dataflow import TensorInput
from planner.fin.instance.decision import Decision, Path
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools, Floats
from planner.fin.methods.single_cut import best_on_each_node


def chain_relaxation(instance: Instance) -> Instance:
    """Return the app with the tensors between a block and the next alone; a chain as it is.

    Args:
        instance: The app.
    """
    if instance.dataflow is None:
        return instance
    bits = np.zeros(len(instance.block_names) + 1)
    for row in instance.inputs(len(instance.block_names)):
        if row.producer == row.reader - 1:
            bits[row.reader] += row.bits
    return replace(instance, dataflow=None, input_bits=float(bits[0]), output_bits=bits[1:])


def unread_before(instance: Instance) -> Bools:
    """(L,) blocks that read nothing from the block right before: the relaxed app carries nothing into them.

    Args:
        instance: The app.
    """
    count = len(instance.block_names)
    reads = {row.reader for row in instance.inputs(count) if row.producer == row.reader - 1}
    return np.array([block not in reads for block in range(count)], dtype=np.bool_)


def with_all_tensors(instance: Instance, decision: Decision, table: RouteTable) -> list[Decision]:
    """Return a plan of the chain relaxation as plans of the app: all tensors on cheap routes, and on quick ones.

    Args:
        instance: The app.
        decision: A plan of its chain relaxation.
        table: Efficient routes of the network.

    Returns:
        The decision itself of a chain; else one or two, or none where a tensor has no route.
    """
    if instance.dataflow is None:
        return [decision]
    found = dict.fromkeys(_routed(instance, decision.nodes, table, quick) for quick in (False, True))
    return [replace(decision, transfers=transfers) for transfers in found if transfers is not None]


def best_on_nodes(instance: Instance, nodes: Bools) -> dict[int, Decision]:
    """Return the best plan on each of some nodes alone that has one; of what is no chain, by its chain relaxation.

    Args:
        instance: The app.
        nodes: (N,) nodes to try.
    """
    found = best_on_each_node(chain_relaxation(instance), nodes)
    if instance.dataflow is None:
        return found
    return {node: _on_one_node(instance, decision) for node, decision in found.items()}


def _on_one_node(instance: Instance, decision: Decision) -> Decision:
    """Return a plan of the chain relaxation on one node where every input goes the way of the first one."""
    transfers: list[Path] = []
    seen: set[int] = set()
    for row in instance.inputs(len(decision.nodes)):
        brought = row.producer < 0 and row.tensor not in seen
        transfers.append(decision.transfers[0] if brought else (decision.nodes[0],))
        seen.add(row.tensor)
    return replace(decision, transfers=tuple(transfers))


def _routed(instance: Instance, nodes: Sequence[int], table: RouteTable, quick: bool) -> tuple[Path, ...] | None:
    """Return a route for each tensor that a block reads; None where there is none."""
    transfers: list[Path] = []
    held: set[tuple[int, int]] = set()
    for row in instance.inputs(len(nodes)):
        start = instance.source if row.producer < 0 else nodes[row.producer]
        end = nodes[row.reader]
        if start == end or (row.tensor, end) in held:
            transfers.append((end,))
        else:
            cost = _route_costs(table, row, start, end, quick, instance.batch)
            if not np.isfinite(cost).any():
                return None
            transfers.append(table.path(int(cost.argmin()), start, end))
        held.add((row.tensor, end))
    return tuple(transfers)


def _route_costs(table: RouteTable, row: TensorInput, start: int, end: int, quick: bool, batch: int) -> Floats:
    """(P,) energy, or time, of the routes of a tensor between two nodes; infinite where there is none."""
    j_per_bit, s_per_bit, latency_s = (table.metrics[criterion][:, start, end] for criterion in range(3))
    costs = batch * row.bits * s_per_bit + latency_s if quick else j_per_bit
    return np.asarray(np.where(table.valid[:, start, end], costs, np.inf))
