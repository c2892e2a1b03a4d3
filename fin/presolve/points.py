"""Presolve of operating points: those that another one is no worse than in everything are dropped before any search."""

from __future__ import annotations

import numpy as np

from planner.fin.graph.dominance import thinned
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools, Floats, Ints


def undominated_points(instance: Instance) -> Ints:
    """Return the operating points that may be best, in order; some that cannot be are kept where finding them is dear.

    A point is dominated where another one is no worse in the fraction of samples that executes each block, in the
    blocks and heads that are deployed, and in accuracy: it is then no worse in energy, in every statistic of latency,
    in memory and in the load of nodes and media, on any placement. Of equal points the first one stays. Where results
    travel to a destination nothing is dropped, since a later exit may send less, nor where a path resource is limited.

    Args:
        instance: The app.

    Returns:
        Indices of operating points.
    """
    points = instance.points
    if points.count < 2 or instance.destination is not None or instance.limits.of_paths:
        return np.arange(points.count)
    heads = points.on[:, _costly_heads(instance)]
    criteria = np.concatenate(
        [_executed(instance), heads, points.depth[:, None], -points.accuracy[:, None]], axis=1, dtype=np.float64
    )
    varies = (criteria != criteria[:1]).any(axis=0)
    if not varies.any():
        return np.zeros(1, dtype=np.int64)
    return thinned(criteria[:, varies])


def _executed(instance: Instance) -> Floats:
    """(K, X) fraction of samples that executes the block behind each exit; it only changes there."""
    blocks = len(instance.block_names)
    reach = instance.points.reach(blocks)
    behind = instance.points.exit_block + 1
    return np.where(behind < blocks, reach[:, np.minimum(behind, blocks - 1)], 0.0)


def _costly_heads(instance: Instance) -> Bools:
    """(X,) exit heads that take anything, or that some node cannot run."""
    heads = instance.heads
    costs = (heads.time_s > 0).any(axis=1) | (heads.energy_j > 0).any(axis=1)
    if instance.memory is not None:
        costs |= (instance.memory.head_working > 0) | instance.memory.head_uses.any(axis=1)
    return np.asarray(costs | (instance.head_bytes > 0) | ~heads.can_run.all(axis=1))
