"""Least sums over paths of many links, one scenario at a time, by Dijkstra's algorithm.

Bellman-Ford needs as many rounds as the longest cheapest path has links: hundreds on a chain of nodes. SciPy's
Dijkstra then finishes what some rounds have begun.
"""

from __future__ import annotations

import numpy as np

from planner.fin.instance.network import Floats, Ints


def finish(values: Floats, rounds: Ints | None, weights: Floats, tail: Ints, head: Ints, current: int) -> None:
    """Lower values by links until nothing changes; the fixed point is that of Bellman-Ford's rounds.

    Args:
        values: (K, N) values that some rounds have lowered, at least 0; lowered in place.
        rounds: (K, N) round in which each value was last lowered; counted on along each path.
        weights: (K, E) weights of the links, at least 0.
        tail: (E,) nodes that the links leave.
        head: (E,) nodes that they lead to.
        current: Rounds done so far.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    size = values.shape[1]
    for row, (value, weight) in enumerate(zip(values, weights, strict=True)):
        known = np.flatnonzero(np.isfinite(value))
        usable = np.isfinite(weight)
        data = np.concatenate([weight[usable], value[known]])
        ends = np.concatenate([tail[usable], np.full(len(known), size)]), np.concatenate([head[usable], known])
        # a virtual node leads to every node at the value that is known
        found, before = dijkstra(
            csr_array((data, ends), shape=(size + 1, size + 1)), indices=size, return_predecessors=True
        )
        lower = np.flatnonzero(found[:size] < value)
        values[row, lower] = found[lower]
        if rounds is not None and len(lower):
            rounds[row, lower] = current + _depths(before, lower, size)


def _depths(before: Ints, lower: Ints, root: int) -> Ints:
    """Count the links from the last node that was not lowered to each one that was, by pointer doubling."""
    ahead = np.arange(root + 1)
    ahead[lower] = np.where(before[lower] < 0, root, before[lower])
    depth = np.zeros(root + 1, dtype=np.int64)
    depth[lower] = 1
    while depth[ahead[lower]].any():
        depth = depth + depth[ahead]
        ahead = ahead[ahead]
    return depth[lower]
