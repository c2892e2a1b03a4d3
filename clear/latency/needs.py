"""What listed columns need at least of every node and medium, so that no latency exceeds a factor of its limit.

Everything is in parts: shares of a place (a node, then media) in parts of its capacity at full speed, times in parts of
the app's latency limit. With times t, shares u and the part f that no share divides, a latency is ``sum(t / u) + f``.
Where it is at most z, shares are worth at least ``(sum sqrt(price * t))^2 / (z - f)`` at any prices of places (Cauchy
and Schwarz). So where the least worth of all apps exceeds the sum of prices, no choice of columns reaches z.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from planner.clear.problem.column import Column
from planner.fin.instance.network import Floats, Network

_STEPS, _STEP = 60, 2.0
"""Steps of the ascent of prices, and the size of the first (in units of the logarithm)."""


@dataclass(frozen=True)
class Needs:
    """The C columns of one app over P places, each with R latencies (missing ones are 0)."""

    columns: tuple[Column, ...]
    late: Floats
    """(C, R, P) times at the whole of a place at full speed, in parts of the limit."""
    fixed: Floats
    """(C, R) latency that no share divides, in parts of the limit."""
    load: Floats
    """(C, P) shares that queues need, in parts of the place."""
    memory: Floats
    """(C, N) memory held, in parts of that of the node."""

    @classmethod
    def of(cls, network: Network, columns: Sequence[Column]) -> Needs:
        """Write columns of one app as arrays.

        Args:
            network: Nodes and media.
            columns: At least one column; all with the same, finite latency limit.
        """
        rows = max((len(column.fixed_s) for column in columns), default=1)
        count, places = len(columns), network.size + network.media
        late, fixed = np.zeros((count, rows, places)), np.zeros((count, rows))
        load, memory = np.zeros((count, places)), np.zeros((count, network.size))
        with np.errstate(divide="ignore"):
            whole = 1.0 / np.maximum(network.max_utilization * network.fastest, 1e-300)
            bytes_part = np.where(np.isfinite(network.memory_bytes), 1.0 / network.memory_bytes, 0.0)
        for number, column in enumerate(columns):
            own, media = slice(len(column.fixed_s)), network.size + column.media
            late[number, own, column.nodes] = (column.node_s * whole[column.nodes] / column.most_s).T
            late[number, own, media] = (column.medium_s / column.most_s).T
            fixed[number, own] = column.fixed_s / column.most_s
            load[number, column.nodes] = column.node_load * whole[column.nodes]
            load[number, media] = column.medium_load
            with np.errstate(invalid="ignore"):
                held = column.memory_bytes * bytes_part[column.nodes]
            memory[number, column.nodes] = np.where(column.memory_bytes > 0.0, held, 0.0)
        return cls(tuple(columns), late, fixed, load, memory)

    def take(self, keep: Sequence[int]) -> Needs:
        """Return some of the columns."""
        some = list(keep)
        columns = tuple(self.columns[number] for number in some)
        return Needs(columns, self.late[some], self.fixed[some], self.load[some], self.memory[some])

    @property
    def alone(self) -> Floats:
        """(C,) least factor of each column with all places to itself."""
        return np.asarray((self.late.sum(axis=2) + self.fixed).max(axis=1))

    def shares(self, factor: float) -> Floats:
        """(C, P) shares that are needed at least, each with all others whole; infinite where a factor is missed.

        Args:
            factor: Largest latency over its limit.
        """
        sums = self.late.sum(axis=2, keepdims=True)
        room = factor - self.fixed[:, :, None] - (sums - self.late)
        with np.errstate(divide="ignore", invalid="ignore"):
            asked = np.where(self.late > 0.0, np.where(room > 0.0, self.late / room, np.inf), 0.0)
        return np.asarray(np.maximum(self.load, asked.max(axis=1)))

    def worths(self, prices: Floats, factor: float) -> tuple[Floats, Floats]:
        """Return (C,) what shares are worth at least at (P,) prices, and (C, P) shares of about that worth.

        Args:
            prices: Price of the whole of each place.
            factor: Largest latency over its limit.
        """
        least = self.shares(factor)
        room = factor - self.fixed
        roots = np.sqrt(prices * self.late)
        sums = roots.sum(axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            rows = np.where(sums > 0.0, np.where(room > 0.0, sums**2 / room, np.inf), 0.0)
            row = rows.argmax(axis=1)
            at = np.arange(len(row))
            ideal = np.sqrt(self.late[at, row] / np.maximum(prices, 1e-300)) * (sums[at, row] / room[at, row])[:, None]
            floors = np.where(np.isfinite(least), least * prices, np.inf).sum(axis=1)
        worth = np.maximum(rows[at, row], floors)
        out = ~np.isfinite(least).all(axis=1)
        return np.where(out, np.inf, worth), np.maximum(np.minimum(np.nan_to_num(ideal), 1.0), least)


def least_worth(apps: Sequence[Needs], prices: Floats, factor: float) -> float:
    """Add up what the shares of all apps are worth at least at given prices.

    Args:
        apps: What each app needs of every place at each choice.
        prices: (P,) prices of whole places, which sum to 1.
        factor: Part of its latency limit that each app may take.

    Returns:
        The sum, in parts of whole places (no unit); where it is above 1, no choice of columns reaches the factor.
    """
    return float(sum(own.worths(prices, factor)[0].min(initial=np.inf) for own in apps))


def ascended(apps: Sequence[Needs], prices: Floats, factor: float, steps: int = _STEPS) -> tuple[float, Floats]:
    """Improve prices by multiplicative subgradient steps, until no choice can reach a factor or steps end.

    Args:
        apps: Columns of every app.
        prices: (P,) prices to begin with, above 0, that sum to 1.
        factor: Largest latency over its limit.
        steps: Number of steps.

    Returns:
        The largest worth of all apps' shares that was found, and its prices.
    """

    def cheapest(at: Floats) -> tuple[float, Floats]:
        worth, taken = 0.0, np.zeros(len(at))
        for own in apps:
            worths, shares = own.worths(at, factor)
            number = int(worths.argmin())
            worth += float(worths[number])
            taken += shares[number] if np.isfinite(worths[number]) else 0.0
        return worth, taken

    return _ascended(cheapest, prices, steps)


def ascended_of_choice(chosen: Needs, prices: Floats, factor: float, steps: int = _STEPS) -> tuple[float, Floats]:
    """Improve prices as `ascended` does, of one column of every app.

    Args:
        chosen: The column of each app, in the place of the columns of one app.
        prices: (P,) prices to begin with, above 0, that sum to 1.
        factor: Largest latency over its limit.
        steps: Number of steps.

    Returns:
        The largest worth of all apps' shares that was found, and its prices.
    """

    def together(at: Floats) -> tuple[float, Floats]:
        worths, shares = chosen.worths(at, factor)
        return float(worths.sum()), shares.sum(axis=0)

    return _ascended(together, prices, steps)


def _ascended(evaluate: Callable[[Floats], tuple[float, Floats]], prices: Floats, steps: int) -> tuple[float, Floats]:
    """Maximise a worth by multiplicative steps along what is taken of each place beyond the whole of it."""
    best, at = -np.inf, prices
    for number in range(steps):
        worth, taken = evaluate(prices)
        if worth > best:
            best, at = worth, prices
        if best > 1.0 or np.isinf(best):
            break
        excess = np.clip(taken - 1.0, -1.0, 1.0)
        prices = prices * np.exp(_STEP / (1.0 + number) ** 0.5 * excess)
        prices = np.maximum(prices / prices.sum(), 1e-12)
        prices = prices / prices.sum()
    return best, at
