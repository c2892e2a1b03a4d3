"""Clocks of agents against the coordinator's: the fastest of several greetings, and exact on one machine."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.running.pieces.hops import INPUT, PlanHops

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MOST_APART_NS = 1e8
"""Clocks of one machine that seem further apart belong to different time namespaces."""


@functools.cache
def machine_id() -> str:
    """Return a hash that all processes of a running machine share; empty where the system has no boot number.

    Processes of one machine read the same monotonic clock.
    """
    try:
        return hashlib.sha256(b"planner " + _BOOT.read_bytes()).hexdigest()[:32]
    except OSError:
        return ""


@dataclass
class ClockOffset:
    """Offset of an agent's monotonic clock by Cristian's algorithm: half of the fastest round trip is the way there."""

    fastest_ns: float = float("inf")
    offset_ns: float = 0.0
    """What the agent's clock is ahead of ours."""

    def observe(self, sent_ns: int, received_ns: int, there_ns: int) -> None:
        """Take note of a round trip.

        Args:
            sent_ns: Our clock when we asked.
            received_ns: Our clock when the answer was there.
            there_ns: The agent's clock when it answered.
        """
        trip_ns = received_ns - sent_ns
        if trip_ns < self.fastest_ns:
            self.fastest_ns, self.offset_ns = trip_ns, there_ns - (sent_ns + trip_ns / 2)

    def of_machine(self, machine: object) -> float:
        """Return the offset in ns: none where the agent says that it runs on this machine.

        Args:
            machine: `machine_id` of the agent.
        """
        same = machine == machine_id() != "" and abs(self.offset_ns) < _MOST_APART_NS
        return 0.0 if same else self.offset_ns


Rows = tuple[tuple[float, ...], ...]


def own_trace(flow: PlanHops, trace: Sequence[Sequence[float]], ahead_ns: Mapping[str, float]) -> Rows:
    """Write a trace in times of the coordinator's clock.

    Args:
        flow: The pieces of the plan.
        trace: For every piece that ran: index, start, end, processor time (ns), slow-down factor.
        ahead_ns: What every node's clock is ahead.

    Returns:
        The same rows, start and end in ns of the coordinator's clock.
    """
    found = []
    for index, start, end, cpu, slow in trace:
        ahead = ahead_ns[flow.plan.pieces[int(index)].node]
        found.append((index, start - ahead, end - ahead, cpu, slow))
    return tuple(found)


def own_moves(flow: PlanHops, moved: Sequence[Sequence[float]], ahead_ns: Mapping[str, float]) -> Rows:
    """Write transfers in times of the coordinator's clock.

    Args:
        flow: The transfers of the plan.
        moved: For every transfer that arrived: number, sent, arrived (ns).
        ahead_ns: What every node's clock is ahead.

    Returns:
        The same rows, both times in ns of the coordinator's clock.
    """
    found = []
    for number, sent, arrived in moved:
        hop = flow.hops[int(number)]
        there = ahead_ns[flow.plan.pieces[hop.to].node]
        here = 0.0 if hop.after == INPUT else ahead_ns[flow.sender(hop)]
        found.append((number, sent - here, arrived - there))
    return tuple(found)


def handed_ns(flow: PlanHops, moved: Rows) -> float:
    """Return how long the first piece waited for its input to come from the coordinator of its own node, in ns.

    Args:
        flow: The transfers of the plan.
        moved: Transfers that arrived, by one clock.
    """
    first, _ = flow.first
    if first is None or first.via is not None:
        return 0.0
    return next((max(0.0, arrived - sent) for number, sent, arrived in moved if number == first.number), 0.0)
