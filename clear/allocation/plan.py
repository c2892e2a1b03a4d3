"""Joint plan: one column per app with speeds and shares, from a geometric program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.clear.allocation.allocate import Allocation, allocate
from planner.clear.problem.column import Column
from planner.clear.problem.column_memory import ParameterKey
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.instance import TOLERANCE


@dataclass(frozen=True)
class Plan:
    """A column for every app, with speeds and shares."""

    columns: tuple[Column, ...]
    allocation: Allocation

    @property
    def power_w(self) -> float:
        """Total power."""
        return self.allocation.power_w


def plan_of(joint: JointInstance, columns: Sequence[Column]) -> Plan | None:
    """Return the best plan with given columns; None where there is none."""
    if overfull(joint, columns):
        return None
    allocation = allocate(joint.network, columns)
    return Plan(tuple(columns), allocation) if isinstance(allocation, Allocation) else None


def overfull(joint: JointInstance, columns: Sequence[Column]) -> list[int]:
    """Return the nodes whose memory the columns together exceed."""
    held = np.zeros(joint.network.size)
    users = Counter[ParameterKey]()
    for column in columns:
        held[column.nodes] += column.memory_bytes
        for one in column.shared:  # the node holds it once, of which columns have counted parts
            users[one.key] += 1
            held[one.node] += (one.size_bytes if users[one.key] == 1 else 0.0) - one.part_bytes
    return np.flatnonzero(held > joint.network.memory_bytes * (1.0 + TOLERANCE)).tolist()
