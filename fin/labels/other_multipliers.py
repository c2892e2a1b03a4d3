"""Lagrangian bounds of labels at many vectors of multipliers, around the best one, by one backward recursion.

The best multipliers bound the cheapest path from the source. What is left of each limit differs from label to label, so
other multipliers bound what a label may become better.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np

from planner.fin.bounds.relaxation import OtherMultipliers, Relaxation
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats, Ints
from planner.fin.labels.arcs import Stage
from planner.fin.labels.moves import Moves

_SCALES = (1.0, 0.5, 2.0, 0.0, 0.75, 1.5, 0.25, 3.0, 1.25, 2.5)
"""Factors of the best multipliers; the first ones where several limits hold."""
_MOST_VECTORS = 400
_MOST_CELLS = 60_000
"""Vectors times moves into a stage at most."""
_ROUNDING = 1e-11


def with_other_multipliers(relaxation: Relaxation, moves: Moves, stages: list[Stage], deadline: Deadline) -> Relaxation:
    """Add bounds at other multipliers.

    Args:
        relaxation: A scenario and its bounds.
        moves: The moves that bounds leave open; only paths over these are bounded.
        stages: The stages that they lead into.
        deadline: When to give up.

    Returns:
        The relaxation with the further bounds; as it is where no further limit holds or the network is too large.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    if relaxation.further is None:
        return relaxation
    most_moves = max(int(moves.out_of(stage)[-1] - moves.out_of(stage)[0]) for stage in range(len(stages)))
    weight = _weights(relaxation, min(_MOST_VECTORS, _MOST_CELLS // max(1, most_moves)))
    if len(weight) == 0:
        return relaxation
    most = np.append(relaxation.most if relaxation.multiplier > 0.0 else 0.0, relaxation.further.most)
    layers = relaxation.graph.shape[1]
    to_go, row = {layers: -(weight[:, 1:] @ most)[None]}, {layers: np.zeros(moves.nodes, dtype=np.int64)}
    for index in range(len(stages) - 1, -1, -1):
        deadline.check()
        first, behind = stages[index].first, stages[index].last + 1
        to_go[first], row[first] = _before(moves, index, weight, to_go[behind][row[behind]])
    others = OtherMultipliers(weight, to_go, row)
    return replace(relaxation, further=replace(relaxation.further, others=others))


def _weights(relaxation: Relaxation, vectors: int) -> Floats:
    """(V, 2 + R) the best weights, each multiplier times some factors in all combinations; at most so many vectors."""
    best = relaxation.weights
    priced = 1 + np.flatnonzero(best[1:])
    scales = _SCALES[: int(vectors ** (1.0 / max(1, len(priced))) + _ROUNDING)]
    weight = np.zeros((len(scales) ** len(priced) if scales else 0, len(best)))
    weight[:, 0] = 1.0
    if len(weight):
        weight[:, priced] = best[priced] * np.array(list(product(scales, repeat=len(priced))))
    return weight


def _before(moves: Moves, stage: int, weight: Floats, behind: Floats) -> tuple[Floats, Ints]:
    """Return the (T + 1, V) least weighted costs before a stage, from T nodes that moves leave, and each node's row.

    The last row is infinite, for nodes that no move leaves. `behind` has the (N, V) least costs behind the stage.
    """
    out_of = moves.out_of(stage)
    part = slice(int(out_of[0]), int(out_of[-1]))
    tails = np.flatnonzero(np.diff(out_of))
    row = np.full(moves.nodes, len(tails))
    row[tails] = np.arange(len(tails))
    least = np.full((len(tails) + 1, len(weight)), np.inf)
    if len(tails):
        costs = moves.sums[part, :-1] @ weight.T
        costs += behind.take(moves.target[part], axis=0)
        np.minimum.reduceat(costs, out_of[tails] - out_of[0], axis=0, out=least[:-1])
    return least, row
