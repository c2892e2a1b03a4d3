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
    to_go = {relaxation.graph.shape[1]: np.zeros((len(weight), 1))}
    column = {relaxation.graph.shape[1]: np.zeros(moves.nodes, dtype=np.int64)}
    for index in range(len(stages) - 1, -1, -1):
        deadline.check()
        first, behind = stages[index].first, stages[index].last + 1
        to_go[first], column[first] = _before(moves, index, weight, to_go[behind][:, column[behind]])
    others = OtherMultipliers(weight, weight @ most, to_go, column)
    return replace(relaxation, further=replace(relaxation.further, others=others))


def _weights(relaxation: Relaxation, vectors: int) -> Floats:
    """(V, 1 + R) the best multipliers, each times some factors in all combinations; at most so many vectors."""
    best = relaxation.weights[1:]
    priced = np.flatnonzero(best)
    scales = _SCALES[: int(vectors ** (1.0 / max(1, len(priced))) + _ROUNDING)]
    weight = np.zeros((len(scales) ** len(priced) if scales else 0, len(best)))
    if len(weight):
        weight[:, priced] = best[priced] * np.array(list(product(scales, repeat=len(priced))))
    return weight


def _before(moves: Moves, stage: int, weight: Floats, behind: Floats) -> tuple[Floats, Ints]:
    """Return the (V, T + 1) least weighted costs before a stage, from T nodes that moves leave, and their columns.

    The last column is infinite, for nodes that no move leaves. `behind` has the (V, N) least costs behind the stage.
    """
    out_of = moves.out_of(stage)
    part = slice(int(out_of[0]), int(out_of[-1]))
    tails = np.flatnonzero(np.diff(out_of))
    column = np.full(moves.nodes, len(tails))
    column[tails] = np.arange(len(tails))
    least = np.full((len(weight), len(tails) + 1), np.inf)
    if len(tails):
        sums = moves.sums[part]
        costs = sums[:, 0] + weight @ sums[:, 1:-1].T + behind[:, moves.target[part]]
        least[:, :-1] = np.minimum.reduceat(costs, out_of[tails] - out_of[0], axis=1)
    return least, column
