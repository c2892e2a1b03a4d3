"""Links measured by round trips: ``t = max(t_small, a + bits / rate)`` by least squares, and the line of a topology.

A link that is shaped by a token bucket lets the first bits of a message through at once: `a` is then negative.
Round trips are made after a pause, so that every message finds the bucket full, as one message at a time does.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np

from planner.running.agents.connections import Connection, await_answer
from planner.running.agents.protocol import Message
from planner.running.agents.transport import send
from planner.schemas.reading.quantities import format_quantity

SIZES = (1_000, 10_000, 30_000, 100_000, 300_000, 600_000, 1_200_000, 2_400_000)
"""Bytes of the messages."""
_SMALL = 100_000
"""The line is fitted on messages from this size on, and on smaller ones that took clearly longer than the smallest."""
_CLEARLY = 2.0
_LARGE_BURST_BITS, _LARGE_BURST_S = 80_000, 0.0005
"""A burst is told where it is larger than this, and saves a large message more time than this."""
_PAUSE_S = 0.01
"""Between round trips: token buckets of links fill again."""
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class LinkFit:
    """One direction of a link."""

    small_s: float
    """Time of the smallest message."""
    offset_s: float
    """`a`: where the line through large messages starts; negative where bursts pass at once."""
    bit_per_s: float
    latency_s: float
    """Latency of the line ``latency_s + bits / bit_per_s`` that a topology holds, fitted to all sizes."""

    def time_s(self, bits: float) -> float:
        """Return the time of a message by the fitted curve."""
        return max(self.small_s, self.offset_s + bits / self.bit_per_s)

    @property
    def text(self) -> str:
        """The fitted curve in words."""
        small, offset = format_quantity(self.small_s, "s"), format_quantity(self.offset_s, "s")
        line = f"1 kB takes {small}, larger messages {offset} + bits / ({format_quantity(self.bit_per_s, 'bit/s')})"
        if self.burst_bits < _LARGE_BURST_BITS or self.small_s - self.offset_s < _LARGE_BURST_S:
            return line
        burst = format_quantity(self.burst_bits, "bit")
        return f"{line}; about {burst} pass at once (a burst), so small messages come sooner than the link fields say"

    @property
    def burst_bits(self) -> float:
        """Size up to which messages take no longer than the smallest one beyond the link's own latency, in bits."""
        return max(0.0, (self.small_s - self.offset_s) * self.bit_per_s)


def fit_link(sizes_bytes: list[int], times_s: list[float]) -> LinkFit:
    """Fit a link's curve by least squares of relative errors.

    Args:
        sizes_bytes: Sizes of messages, ascending.
        times_s: One-way time of each.
    """
    bits, times = 8.0 * np.array(sizes_bytes, float), np.array(times_s)
    line = (bits >= 8.0 * _SMALL) | (times > _CLEARLY * times[0])
    # relative errors count alike for small and large messages: the times of large ones scatter more
    slope, offset = np.polyfit(bits[line], times[line], 1, w=1.0 / times[line])
    slope = max(float(slope), 1e-12)
    weights = 1.0 / times**2  # the latency of the topology's line cannot be negative
    latency = float(np.sum(weights * (times - bits * slope)) / np.sum(weights))
    return LinkFit(float(times[0]), float(offset), 1.0 / slope, max(0.0, latency))


def measure_link(connection: Connection, repeats: int = 15) -> tuple[LinkFit, LinkFit]:
    """Measure both directions to an agent, sizes in turns; return the fits of the way there and of the way back.

    One way takes the round trip with a small answer, less half of a small round trip.

    Raises:
        RunFailedError: The agent does not answer.
    """
    there: dict[int, list[float]] = {size: [] for size in SIZES}
    back: dict[int, list[float]] = {size: [] for size in SIZES}
    small: list[float] = []
    for turn in range(repeats + 2):
        trips = [(0, 0), *((size, 0) for size in SIZES), *((0, size) for size in SIZES)]
        for up, down in trips:
            time.sleep(_PAUSE_S)
            took = _round_trip(connection, up, down)
            if turn >= 2:
                (small if not up and not down else there[up] if up else back[down]).append(took)
    half = statistics.median(small) / 2
    fits = []
    for measured in (there, back):
        times = [max(statistics.median(measured[size]) - half, 1e-7) for size in SIZES]
        fits.append(fit_link(list(SIZES), times))
    return fits[0], fits[1]


def _round_trip(connection: Connection, up: int, down: int) -> float:
    tensors = {"bytes": np.zeros(up, np.uint8)} if up else {}
    began = time.perf_counter()
    send(connection.socket, Message("echo", {"bytes": down}, tensors))
    await_answer(connection, "echoed", time.monotonic() + _TIMEOUT_S)
    return time.perf_counter() - began
