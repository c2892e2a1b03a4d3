"""Choice of blocks: boundaries at local minima of crossing bits, about even in operations, by dynamic programming.

Single-tensor boundaries make a chain, whatever plan uses them. Finer blocks with skips are worth having where those
boundaries leave a large block.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.running.graph.flow import Flow, crossing_bits
from planner.running.graph.options import CutChoice

_POINTWISE = {
    "Relu", "Clip", "Sigmoid", "Tanh", "LeakyRelu", "PRelu", "Elu", "Selu", "Gelu", "HardSwish", "HardSigmoid", "Mish",
    "BatchNormalization", "Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Dropout",
}  # fmt: skip
"""Operators that a runtime computes together with the one before: no boundary in front of them if it saves nothing."""
_BITS_WEIGHT = 0.4
"""What a boundary of median size costs, in units of the evenness of a division into equal blocks."""
_MOST_COARSE = 2.0
"""How many times fewer or larger the blocks of single-tensor boundaries may be than those of any boundaries."""


def boundary_bits(flow: Flow) -> list[float | None]:
    """Return the bits that cross every boundary 0, ..., backbone; None where a tensor cannot be carried."""
    return [crossing_bits(names, flow.folded.tensors) for names in flow.crossings()]


def choose_boundaries(
    flow: Flow, ops: Sequence[float], bits: Sequence[float | None], blocks: int, cuts: CutChoice = "auto"
) -> list[int]:
    """Choose where blocks end.

    A boundary stands behind every early exit. The others are local minima of crossing bits; among them the sum of
    squared shares of operations, plus a price for crossing bits, is minimised exactly over all choices. By default
    only boundaries that a single tensor crosses are used, unless there are less than half as many blocks then, or the
    largest has more than twice the operations.

    Args:
        flow: The network.
        ops: Operations of every backbone node.
        bits: Crossing bits of every boundary 0, ..., backbone.
        blocks: Most blocks.
        cuts: Which boundaries: those that a single tensor crosses, any, or the rule above.

    Returns:
        Ends of blocks in ascending order; the last is the number of backbone nodes.
    """
    inner = range(1, flow.backbone)
    carried = [place for place in inner if bits[place] is not None]
    crossings = flow.crossings()
    single = [place for place in carried if len(crossings[place]) == 1]
    if cuts == "single":
        return _choice(flow, ops, bits, blocks, _minima(flow, bits, single))
    free = _choice(flow, ops, bits, blocks, _minima(flow, bits, carried))
    if cuts == "any":
        return free
    chain = _choice(flow, ops, bits, blocks, _minima(flow, bits, single))
    coarse = _MOST_COARSE * len(chain) < len(free) or _largest(ops, chain) > _MOST_COARSE * _largest(ops, free)
    return free if coarse else chain


def _largest(ops: Sequence[float], ends: Sequence[int]) -> float:
    """Return the operations of the largest block."""
    return max(sum(ops[start:stop]) for start, stop in zip([0, *ends[:-1]], ends, strict=True))


def _choice(
    flow: Flow, ops: Sequence[float], bits: Sequence[float | None], blocks: int, candidates: Sequence[int]
) -> list[int]:
    """Return ends of the best blocks whose ends are among some boundaries or stand behind an early exit."""
    forced = sorted({head.position for head in flow.heads})
    places = sorted({0, *candidates, *forced, flow.backbone})
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


def _minima(flow: Flow, bits: Sequence[float | None], places: Sequence[int]) -> list[int]:
    """Return the boundaries among some that are local minima of crossing bits; all of them where there are none."""
    found = []
    for place in places:
        here = bits[place]
        around = [bits[place - 1], bits[place + 1]]
        if here is None or any(each is not None and each < here for each in around):
            continue
        if flow.nodes[place].op_type in _POINTWISE and around[1] == here:
            continue
        found.append(place)
    return found or list(places)
