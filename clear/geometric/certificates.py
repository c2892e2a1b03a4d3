"""Proofs by weak duality, from whatever weights a solver returned: lower bounds and infeasibility.

For weights w on the terms of a group, of sum W, ``W * log(sum of terms) >= sum w * (log term + log(W / w))``: the
arithmetic-geometric mean inequality (Duffin, Peterson and Zener, "Geometric Programming", 1967). Where a constraint
holds, the left side is at most zero. Summed over all groups, the right side is linear in ``y = log x``, so its least
value over a box is known in closed form.
"""

from __future__ import annotations

import numpy as np

from planner.clear.geometric.program import Box, Posynomials, sums
from planner.fin.instance.network import Floats

_REACH = float(np.log(1e30))
"""A variable without a limit is taken to lie within a factor of 1e30 of 1: rounding leaves slopes that are not 0."""
_ROUNDING = 1e-14


def entropy_bound(posynomials: Posynomials, weight: Floats, box: Box) -> float:
    """Bound the weighted sum of logarithms of groups from below over a box, by weak duality.

    With the objective's weights summing to 1 this bounds the logarithm of the optimum; with none on the objective,
    a value above 0 proves that the constraints contradict each other.

    Args:
        posynomials: Objective (group 0) and constraints, T terms.
        weight: (T,) weights of terms, at least 0.
        box: Limits of log x.

    Returns:
        The bound, a logarithm (no unit), with room for rounding.
    """
    total = sums(posynomials.group, weight, posynomials.groups)[posynomials.group]
    held = weight > 0.0
    parts = weight[held] * (np.log(posynomials.coefficient[held]) + np.log(total[held] / weight[held]))
    slope = posynomials.slope(weight, box.lower.size)
    corner = np.where(slope > 0.0, np.maximum(box.lower, -_REACH), np.minimum(box.upper, _REACH))
    edge = np.where(slope == 0.0, 0.0, slope * corner)
    return float(parts.sum() + edge.sum() - _ROUNDING * (np.abs(parts).sum() + np.abs(edge).sum()))


def balanced(posynomials: Posynomials, weight: Floats, bound_dual: Floats) -> Floats:
    """Move weights a little, each in proportion to itself, so that slopes and limits' duals cancel.

    This is the least-squares correction in the metric of the weights. What a solver leaves uncancelled costs the
    bound dearly in variables without limits.

    Args:
        posynomials: Objective (group 0) and constraints, T terms.
        weight: (T,) weights of terms, above 0.
        bound_dual: (V, 2) multipliers of the lower and upper limits of log x.

    Returns:
        (T,) moved weights, at least 0; those given where the equations are singular.
    """
    from scipy.sparse import csc_array, diags_array
    from scipy.sparse.linalg import splu

    variables = bound_dual.shape[0]
    exponents = csc_array(
        (posynomials.exponent_value, (posynomials.exponent_term, posynomials.exponent_variable)),
        shape=(posynomials.terms, variables),
    )
    slope = posynomials.slope(weight, variables) + bound_dual[:, 1] - bound_dual[:, 0]
    normal = exponents.T @ diags_array(weight) @ exponents + diags_array(bound_dual.sum(axis=1) + 1e-14 * weight.max())
    try:
        moved = splu(csc_array(normal)).solve(-slope)
    except RuntimeError:  # exactly singular
        return weight
    return np.asarray(weight * np.maximum(1.0 + exponents @ moved, 0.0))


def best_bound(posynomials: Posynomials, weight: Floats, bound_dual: Floats, box: Box) -> tuple[Floats, float]:
    """Compare what the weights prove as they are and balanced, by `entropy_bound`.

    Args:
        posynomials: Objective (group 0) and constraints, T terms.
        weight: (T,) weights of terms, above 0; those of the objective sum to 1.
        bound_dual: (V, 2) multipliers of the limits of log x.
        box: Limits of log x.

    Returns:
        (T,) the weights that prove more, and the lower bound on the logarithm of the optimum that they prove.
    """
    other = balanced(posynomials, weight, bound_dual)
    objective = other[posynomials.group == 0].sum()
    if objective > 0.0:
        other = other / objective
    bounds = entropy_bound(posynomials, weight, box), entropy_bound(posynomials, other, box)
    return (other, bounds[1]) if bounds[1] > bounds[0] else (weight, bounds[0])
