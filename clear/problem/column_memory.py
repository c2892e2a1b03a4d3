"""Memory of columns beyond sums over blocks: the largest working memory on each node, and shared parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats, Ints

ParameterKey = tuple[int, str, str]
"""Node, model and name."""


@dataclass(frozen=True)
class SharedParameter:
    """A named parameter that a node holds once, however many apps of its model use it there."""

    node: int
    model: str
    name: str
    size_bytes: float
    part_bytes: float
    """Its size over the number of apps that may share it: what each of them holds at the least."""

    @property
    def key(self) -> ParameterKey:
        """What columns that share it have in common."""
        return self.node, self.model, self.name


def shared_parameters(instance: Instance, decision: Decision) -> tuple[SharedParameter, ...]:
    """Return the named parameters that the nodes of a decision hold, node by node.

    Args:
        instance: The app.
        decision: Its operating point and hosts.
    """
    memory, found = instance.memory, list[SharedParameter]()
    if memory is None or not memory.param_names:
        return ()
    for node in sorted(set(decision.nodes)):
        blocks, heads = _parts_on(instance, decision, node)
        uses = memory.block_uses[blocks].any(axis=0) | memory.head_uses[heads].any(axis=0)
        for index in np.flatnonzero(uses).tolist():
            size = float(memory.param_bytes[index])
            name = memory.param_names[index]
            found.append(SharedParameter(node, memory.model, name, size, size / memory.sharers))
    return tuple(found)


def beyond_sum(instance: Instance, decision: Decision, nodes: Ints, shared: Sequence[SharedParameter]) -> Floats:
    """(H,) largest working memory on each node, and the least parts of shared parameters, in bytes.

    Args:
        instance: The app.
        decision: Its operating point and hosts.
        nodes: (H,) nodes that host a block.
        shared: The named parameters that they hold.

    Returns:
        (H,) bytes of both together; zeros for an app that states neither.
    """
    memory, more = instance.memory, np.zeros(len(nodes))
    if memory is None:
        return more
    for place, node in enumerate(nodes.tolist()):
        blocks, heads = _parts_on(instance, decision, node)
        working = (memory.block_working[blocks], memory.head_working[heads])
        more[place] = max(float(part.max(initial=0.0)) for part in working)
        more[place] += sum(one.part_bytes for one in shared if one.node == node)
    return more


def _parts_on(instance: Instance, decision: Decision, node: int) -> tuple[Ints, Ints]:
    """Return the blocks, and the enabled heads, that run on a node."""
    blocks = np.flatnonzero(np.array(decision.nodes) == node)
    heads = np.flatnonzero(instance.points.on[decision.point])
    return blocks, heads[np.isin(instance.points.exit_block[heads], blocks)]
