"""Choice of blocks: boundaries at local minima of crossing bits, about even in operations, by dynamic programming."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.running.graph.flow import Flow, crossing_bits

_POINTWISE = {
    "Relu", "Clip", "Sigmoid", "Tanh", "LeakyRelu", "PRelu", "Elu", "Selu", "Gelu", "HardSwish", "HardSigmoid", "Mish",
    "BatchNormalization", "Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Dropout",
}  # fmt: skip
"""Operators that a runtime computes together with the one before: no boundary in front of them if it saves nothing."""
_BITS_WEIGHT = 0.4
"""What a boundary of median size costs, in units of the evenness of a division into equal blocks."""


def boundary_bits(flow: Flow) -> list[float | None]:
    """Return the bits that cross every boundary 0, ..., backbone; None where a tensor cannot be carried."""
    return [crossing_bits(names, flow.folded.tensors) for names in flow.crossings()]


def choose_boundaries(flow: Flow, ops: Sequence[float], bits: Sequence[float | None], blocks: int) -> list[int]:
    """Choose where blocks end.

    A boundary stands behind every early exit. The others are local minima of crossing bits; among them the sum of
    squared shares of operations, plus a price for crossing bits, is minimised exactly over all choices.

    Args:
        flow: The network.
        ops: Operations of every backbone node.
        bits: Crossing bits of every boundary 0, ..., backbone.
        blocks: Most blocks.

    Returns:
        Ends of blocks in ascending order; the last is the number of backbone nodes.
    """
    forced = sorted({head.position for head in flow.heads})
    places = sorted({0, *_candidates(flow, bits), *forced, flow.backbone})
    total = max(float(sum(ops)), 1.0)
    done = np.concatenate(([0.0], np.cumsum(ops)))[places] / total
    weights = np.array([bits[place] or 0.0 for place in places])
    inner = weights[1:-1][weights[1:-1] > 0]
    price = _BITS_WEIGHT * weights / (float(np.median(inner)) if len(inner) else 1.0) / max(blocks, 1) ** 2
    return [places[index] for index in _divide(done, price, [places.index(place) for place in forced], blocks)]


def _divide(done: NDArray[np.float64], price: NDArray[np.float64], forced: Sequence[int], blocks: int) -> list[int]:
    """Return ends of the best division into at most `blocks` parts; more only where forced ends need them."""
    last = len(done) - 1
    most = max(min(blocks, last), len(forced) + 1)
    cost = (done[None, :] - done[:, None]) ** 2 + price[None, :]
    cost[np.tril_indices(last + 1)] = np.inf
    for end in forced:  # no block may reach over a forced end
        cost[:end, end + 1 :] = np.inf
    best = np.full((most + 1, last + 1), np.inf)
    before = np.zeros((most + 1, last + 1), dtype=int)
    best[0, 0] = 0.0
    for count in range(1, most + 1):
        reached = best[count - 1][:, None] + cost
        before[count] = reached.argmin(axis=0)
        best[count] = reached.min(axis=0)
    count, place = int(best[:, last].argmin()), last
    ends = []
    while count:
        ends.append(place)
        place, count = int(before[count, place]), count - 1
    return ends[::-1]


def _candidates(flow: Flow, bits: Sequence[float | None]) -> list[int]:
    """Return boundaries that are local minima of crossing bits; all that can be carried where there are none."""
    found = []
    for place in range(1, flow.backbone):
        here = bits[place]
        if here is None:
            continue
        around = [bits[place - 1], bits[place + 1]]
        if any(each is not None and each < here for each in around):
            continue
        if flow.nodes[place].op_type in _POINTWISE and around[1] == here:
            continue
        found.append(place)
    return found or [place for place in range(1, flow.backbone) if bits[place] is not None]
