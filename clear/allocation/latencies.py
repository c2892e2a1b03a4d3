"""Latencies of columns at given speeds and shares, and the largest one over its limit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planner.clear.allocation.allocate import Allocation
from planner.clear.problem.column import Column
from planner.fin.instance.network import Floats


def latencies_s(column: Column, speed: Floats, node_share: Floats, medium_share: Floats) -> Floats:
    """Return the R latencies of a column that must be in time; infinite where a share that takes time is missing.

    Args:
        column: What the app asks for, over H nodes and M media.
        speed: (H,) speeds of its nodes.
        node_share: (H,) shares of its nodes.
        medium_share: (M,) shares of its media.

    Returns:
        (R,) seconds.
    """
    computing_s = _times(column.node_s, speed * node_share)
    return np.asarray(computing_s + _times(column.medium_s, medium_share) + column.fixed_s)


def latency_over_limit(columns: Sequence[Column], allocation: Allocation) -> float:
    """Return the largest latency over its limit (no unit); 0 where no column has a limit.

    Args:
        columns: One column of each app.
        allocation: Their speeds and shares.
    """
    worst = 0.0
    held = zip(columns, allocation.node_shares, allocation.medium_shares, strict=True)
    for column, node_share, medium_share in held:
        late_s = latencies_s(column, allocation.speed[column.nodes], node_share, medium_share)
        worst = max(worst, float(late_s.max(initial=0.0)) / column.most_s)
    return worst


def _times(time_s: Floats, share: Floats) -> Floats:
    """(R,) sums of times (R, H) divided by shares (H,); what takes no time needs no share."""
    with np.errstate(divide="ignore"):
        inverse = 1.0 / share
    never = ((time_s > 0.0) & (share <= 0.0)).any(axis=1)
    late_s = np.where(time_s > 0.0, time_s, 0.0) @ np.where(np.isfinite(inverse), inverse, 0.0)
    return np.asarray(np.where(never, np.inf, late_s))
