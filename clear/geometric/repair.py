"""From a point that breaks constraints by a solver's tolerance to one that holds them."""

from __future__ import annotations

import numpy as np

from planner.clear.geometric.program import Box, Posynomials
from planner.fin.instance.network import Bools, Floats

_NEAR = 1e-6
"""Constraints this close to their limit move along, so that mending one does not break them."""
_CLEARANCE = 1e-13
_STEPS = 8


def repaired(posynomials: Posynomials, log_x: Floats, box: Box) -> Floats:
    """Find the nearest point, to first order, at which constraints and box hold, by Gauss-Newton steps in log x.

    Constraints are smooth and convex in log x, so steps converge quadratically from where a solver ends. The first
    step may move variables off their limits; later ones leave those at a limit there.

    Args:
        posynomials: Objective (group 0) and constraints.
        log_x: (V,) point, as logarithms.
        box: Limits of log x.

    Returns:
        (V,) point, as logarithms, inside the box. Callers check it: where no steps lead to the constraints, it is the
        last point.
    """
    here = np.clip(log_x, box.lower, box.upper)
    fixed = np.zeros(here.size, dtype=bool)
    for _ in range(_STEPS):
        if posynomials.log_values(here)[1:].max(initial=-np.inf) <= _CLEARANCE:
            break
        there = here + _step(posynomials, here, ~fixed)
        here = np.clip(there, box.lower, box.upper)
        fixed |= here != there
    return here


def _step(posynomials: Posynomials, log_x: Floats, moving: Bools) -> Floats:
    """Return the least step that takes the constraints that are broken to their limit and keeps near ones there."""
    from scipy.sparse import csc_array, eye_array
    from scipy.sparse.linalg import splu

    values = posynomials.log_values(log_x)
    share = np.exp(posynomials.log_terms(log_x) - values[posynomials.group])
    tight = np.flatnonzero(values[1:] > -_NEAR) + 1
    row = np.full(posynomials.groups, -1)
    row[tight] = np.arange(tight.size)
    group = posynomials.group[posynomials.exponent_term]
    kept = (row[group] >= 0) & moving[posynomials.exponent_variable]
    entry = (posynomials.exponent_value * share[posynomials.exponent_term])[kept]
    at = (row[group][kept], posynomials.exponent_variable[kept])
    slopes = csc_array((entry, at), shape=(tight.size, log_x.size))
    normal = csc_array(slopes @ slopes.T + 1e-12 * eye_array(tight.size))
    target = np.where(values[tight] > 0.0, -values[tight] - _CLEARANCE, 0.0)
    return np.asarray(slopes.T @ splu(normal).solve(target))
