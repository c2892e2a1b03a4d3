"""Emulated links: messages are held until the topology's link would have delivered them."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
_SPIN_S = 0.002
"""Waits shorter than this are slept in small steps: timers of polls count whole milliseconds."""


@dataclass
class Links(Generic[ItemT]):
    """Held messages by the time at which they are due.

    A link sends one message after the other: each starts when it is sent and the one before is through, takes
    `bits * s_per_bit`, and arrives `latency_s` later.
    """

    rates: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Latency in seconds and seconds per bit, by path."""
    _free_s: dict[str, float] = field(default_factory=dict)
    _held: list[tuple[float, int, ItemT]] = field(default_factory=list)
    _order: itertools.count[int] = field(default_factory=itertools.count)

    def due_s(self, path: str, sent_s: float, bits: float) -> float:
        """Compute when a message arrives over a link, which is busy until the message has left.

        Args:
            path: Link or path, as the rates name it.
            sent_s: When the message was sent, in seconds of the monotonic clock.
            bits: Size of the message in bits.

        Returns:
            The time of its arrival, in seconds of the monotonic clock.
        """
        latency_s, s_per_bit = self.rates.get(path, (0.0, 0.0))
        start = max(sent_s, self._free_s.get(path, 0.0))
        self._free_s[path] = start + bits * s_per_bit
        return self._free_s[path] + latency_s

    def hold(self, until_s: float, item: ItemT) -> None:
        """Keep an item until a time of the monotonic clock."""
        heapq.heappush(self._held, (until_s, next(self._order), item))

    def wait_ms(self, most_ms: int) -> int:
        """Return how many milliseconds a poll may last before the next item is due."""
        if not self._held:
            return most_ms
        left_s = self._held[0][0] - time.monotonic() - _SPIN_S
        return max(0, min(most_ms, int(left_s * 1000)))

    def take(self) -> tuple[float, ItemT] | None:
        """Return an item that is due with its time, None where none is; one that is nearly due is waited for."""
        if not self._held:
            return None
        left_s = self._held[0][0] - time.monotonic()
        if left_s > _SPIN_S:
            return None
        if left_s > 0:
            pause(left_s)
        due, _, item = heapq.heappop(self._held)
        return due, item

    def __len__(self) -> int:
        """Return the number of held items."""
        return len(self._held)

    def change(self, rates: Mapping[str, tuple[float, float]]) -> None:
        """Set other rates from now on."""
        self.rates.update(rates)


def pause(time_s: float) -> None:
    """Wait precisely: sleep, then spin through the last half millisecond."""
    end = time.perf_counter() + time_s
    if time_s > 0.0006:
        time.sleep(time_s - 0.0005)
    while time.perf_counter() < end:
        pass
