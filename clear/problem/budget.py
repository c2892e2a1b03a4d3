"""Budget: a limited sum of energy or of a metric, as a function of the speeds of nodes."""

from __future__ import annotations

from dataclasses import dataclass

from planner.fin.instance.network import Floats


@dataclass(frozen=True, eq=False)
class Budget:
    """A limited sum of one app (energy, or a metric) over its H nodes, in its unit per second.

    At node speeds s it takes ``sum(dynamic * s^2 + static / s) + transfer``.
    """

    name: str
    """`energy`, or the name of the metric."""
    dynamic: Floats
    """(H,) of computing at speed 1, without what shrinks with speed."""
    static: Floats
    """(H,) the part that shrinks with speed, at speed 1."""
    transfer: float
    """Of all transfers."""
    most: float
    """Limit of an inference times the rate; finite."""

    def least(self, slowest: Floats, fastest: Floats) -> float:
        """Return what it takes at the least, at speeds between (H,) limits."""
        return float((self.dynamic * slowest**2 + self.static / fastest).sum()) + self.transfer

    def taken(self, speed: Floats) -> float:
        """Return what it takes at (H,) speeds."""
        return float((self.dynamic * speed**2 + self.static / speed).sum()) + self.transfer
