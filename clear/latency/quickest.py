"""Speeds and shares of least largest latency over its limit for given columns, by a geometric program.

The program is that of `clear.allocation.allocate` with one more variable, the factor by which all deadlines shrink: a
latency over its limit is a posynomial of speeds and shares, so dividing it by the factor leaves one, and the factor is
minimised. All other limits stay. Of the speeds and shares that reach the least factor, those of least power are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from planner.clear.allocation.allocate import (
    Allocation,
    Layout,
    Limit,
    NoAllocation,
    Term,
    allocate,
    least_shares,
)
from planner.clear.allocation.latencies import latency_over_limit
from planner.clear.geometric.solver import GeometricSolver
from planner.clear.problem.column import Column
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Network

_LEAST, _MOST = 1e-9, 1e6
"""Limits of the factor."""
_SAME = 1e-7
"""Relative difference of factors that is left to the precision of the program."""


@dataclass(frozen=True)
class Quickest:
    """Speeds and shares of least factor."""

    allocation: Allocation
    factor: float
    """Largest latency over its limit (no unit)."""
    least: float
    """No speeds and shares of these columns have a smaller factor."""


def quickest(network: Network, columns: Sequence[Column]) -> Quickest | NoAllocation:
    """Return the speeds and shares of least largest latency over its limit.

    Args:
        network: Nodes and media.
        columns: At most one column of each app, with finite latency limits.

    Returns:
        Speeds and shares, and a bound on the factor; or why there are none, where limits other than deadlines fail.
    """
    layout = _FactorLayout.of(network, columns)
    assert isinstance(layout, _FactorLayout)  # as the class that `of` was called on
    layout.factor = layout.variable(_LEAST, _MOST)
    if missing := tuple(limit for limit in layout.impossible() if limit[0] != "late"):
        return NoAllocation(missing, proved=True)
    program = layout.program([(1.0, {layout.factor: 1.0})])
    optimum = GeometricSolver(program).solve()
    found = layout.read(optimum)
    if not isinstance(found, Allocation):
        return found
    least = float(min(optimum.lower_bound, optimum.value))
    return Quickest(found, latency_over_limit(columns, found), least)


def frugal(network: Network, columns: Sequence[Column], found: Quickest) -> Allocation:
    """Compute speeds of least power, and least shares, that keep all latencies within a factor of their limits.

    Args:
        network: Nodes and media.
        columns: One column of each app.
        found: Their least factor; its own speeds and shares are returned where the program comes to nothing better.

    Returns:
        (N,) speeds and the shares of every column; those of `found` where these would exceed the factor, or there are
        none.
    """
    most = found.factor * (1.0 + TOLERANCE)
    shorter = [replace(column, most_s=column.most_s * most) for column in columns]
    held = allocate(network, shorter)
    if not isinstance(held, Allocation):
        return found.allocation
    held = least_shares(network, shorter, held)
    return held if latency_over_limit(columns, held) <= found.factor * (1.0 + _SAME) else found.allocation


@dataclass
class _FactorLayout(Layout):
    """The layout with deadlines that shrink by a factor, a variable of its own."""

    factor: int = -1

    def _latencies(
        self, column: Column, nodes: dict[int, int], media: dict[int, int]
    ) -> list[tuple[Limit, list[Term]]]:
        rows: list[tuple[Limit, list[Term]]] = []
        shrunk = {self.factor: -1.0}
        for row, fixed in enumerate(column.fixed_s.tolist()):
            terms: list[Term] = [
                (float(seconds) / column.most_s, {self.speed[node]: -1.0, nodes[node]: -1.0, **shrunk})
                for node, seconds in zip(column.nodes.tolist(), column.node_s[row], strict=True)
                if seconds > 0.0
            ]
            terms += [
                (float(seconds) / column.most_s, {media[medium]: -1.0, **shrunk})
                for medium, seconds in zip(column.media.tolist(), column.medium_s[row], strict=True)
                if seconds > 0.0
            ]
            terms += [(fixed / column.most_s, shrunk)] if fixed > 0.0 else []
            rows += [(("late", column.app, row), terms)] if terms else []
        return rows
