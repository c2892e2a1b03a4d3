"""Routes that labels try: of each pair of nodes, those that no other route dominates in what labels count.

The table of routes is efficient for tensors of any size and for all figures of a problem. One tensor has one size, and
labels count few of the figures, so that far fewer of its routes are worth a label.
"""

from __future__ import annotations

import numpy as np

from planner.fin.dataflow.problem import PointProblem
from planner.fin.graph.dominance import non_dominated
from planner.fin.instance.network import Bools, Floats, Ints


def efficient_choices(problem: PointProblem, counted: Floats, sources: Ints, targets: Ints, in_grains: float) -> Bools:
    """Mark the routes of pairs of nodes that no other route of the pair dominates.

    Args:
        problem: The operating point.
        counted: (K, C) what labels count, as weighted sums of the criteria of routes; weights are at least 0.
        sources: (S,) nodes that may hold the tensor.
        targets: (T,) nodes that may need it.
        in_grains: Figures that differ by less than one part in so many of the largest are alike.

    Returns:
        (P, N, N) mask; of routes that are alike the first stays, and pairs of other nodes have none.
    """
    valid = problem.routes.valid
    kept = np.zeros_like(valid)
    option, source, target = np.nonzero(valid[:, sources[:, None], targets])
    if len(option) == 0:
        return kept
    source, target = sources[source], targets[target]
    columns = []
    for figure in counted @ problem.criteria[:, option, source, target]:
        largest = float(figure.max())
        if largest > 0.0:
            columns.append(np.round(figure / largest * in_grains))
    criteria = np.stack(columns, axis=1) if columns else np.zeros((len(option), 1))
    chosen = non_dominated(source * valid.shape[1] + target, criteria)
    kept[option[chosen], source[chosen], target[chosen]] = True
    return kept
