"""Memory that a model can take at most, against the least that a node has: whether memory can bind at all."""

from __future__ import annotations

import math
from collections.abc import Iterable

from planner.schemas.planning.model import Block, Exit, Model
from planner.schemas.planning.topology import Topology


def largest_memory_bytes(model: Model) -> float:
    """Return what a node needs at most: all blocks and heads there, with the working memory of all of them at once.

    Args:
        model: The model.
    """
    parts: list[Block | Exit] = [*model.blocks, *model.exits]
    own = sum(part.param_bytes + part.state_bytes + part.working_bytes for part in parts)
    return own + sum(model.params.values())


def least_memory_bytes(topology: Topology) -> float:
    """Return the least memory limit of a node or chiplet, infinite where none has one.

    Args:
        topology: Nodes and packages.
    """
    limits = [node.memory_bytes for node in topology.nodes if node.hosts]
    for package in topology.packages:
        limits += [chiplet.memory_bytes for chiplet in (package.chiplet, *package.chiplets)]
    return min((limit for limit in limits if limit is not None), default=math.inf)


def memory_may_bind(models: Iterable[Model], least_bytes: float) -> bool:
    """Tell whether the models can need more memory on one node than the smallest node has.

    Args:
        models: Models of all apps that may share a node, once for each app.
        least_bytes: Least memory limit of a node, in bytes.
    """
    return sum(map(largest_memory_bytes, models)) > least_bytes
