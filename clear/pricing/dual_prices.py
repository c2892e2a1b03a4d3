"""Dual prices of shared capacity, and the Lagrangian bound that they give.

Relaxed are: shares of a node sum to at most its largest utilisation if it is in use, and to 0 else (price mu), and so
do the bytes that it holds, to at most its memory (price kappa); shares of a medium sum to at most 1 (price nu); an app
that hosts a block on a node has the node in use (price pi, by app and node). Relaxed without a price are: a node runs
all apps at one speed; an app's energy limit; shares of media that have no price.

What is left falls apart into one problem per app and one per node. A node in use costs its idle power and brings in
what its shares, bytes and users pay, so it is worth ``min(0, idle - most mu - memory kappa - sum pi)`` at best. In a
branch that bounds the number of nodes of a class in use, the least of these sums over the allowed numbers counts.
Every plan of the workload costs at least what it costs at these prices less what was overpaid, for any prices >= 0
(weak duality), so

    bound = sum over apps of v_a - sum over media of nu_m
            + sum over nodes of min(0, idle_n - most_n mu_n - memory_n kappa_n - sum_a pi_an)

where v_a is at most the least of ``power + mu phi + nu beta + pi + kappa bytes`` over all plans of app a.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.clear.pricing.sweep import AppPrices
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.network import Bools, Floats

_SPECK = 1e-5
"""Differences of prices below this part of the largest one are left out."""


@dataclass(frozen=True, eq=False)
class DualPrices:
    """Prices in watts, all at least 0."""

    node_w: Floats
    """(N,) of the whole of each node (mu)."""
    use_w: Floats
    """(A, N) of an app's use of a node (pi)."""
    memory_w_per_byte: Floats
    """(N,) of memory (kappa)."""
    media_w: Floats
    """(T,) of the whole of each priced medium (nu)."""

    @classmethod
    def none(cls, joint: JointInstance) -> DualPrices:
        """Return prices that only pass idle power on, in proportion to shares."""
        nodes = joint.network.size
        prices = cls(np.zeros(nodes), np.zeros((joint.count, nodes)), np.zeros(nodes), np.zeros(len(joint.media)))
        return prices.covering_idle_power(joint)

    def covering_idle_power(self, joint: JointInstance) -> DualPrices:
        """Return the prices with what idle power they do not pass on yet added to shares: the bound only grows."""
        network = joint.network
        optional = (joint.node_counts.least == 0)[joint.kinds]  # idle power of nodes that must be on is a constant
        left = np.where(optional, np.maximum(self.unpaid_w(joint), 0.0), 0.0)
        usable = network.max_utilization > 0.0
        added = np.where(usable, left / np.where(usable, network.max_utilization, 1.0), 0.0)
        return DualPrices(self.node_w + added, self.use_w, self.memory_w_per_byte, self.media_w)

    def rounded(self, joint: JointInstance) -> DualPrices:
        """Return the prices on a grid, idle power passed on: nodes that cost nearly the same then cost the same."""
        least_w = _SPECK * max(float(self.node_w.max(initial=0.0)), float(joint.network.idle_power_w.max()), 1e-300)
        node_w, use_w, media_w = (
            np.round(part / least_w) * least_w for part in (self.node_w, self.use_w, self.media_w)
        )
        held = self.memory_w_per_byte
        grid = _SPECK * max(float(held.max(initial=0.0)), 1e-300)
        return DualPrices(node_w, use_w, np.round(held / grid) * grid, media_w).covering_idle_power(joint)

    def smoothed(self, other: DualPrices, step: float) -> DualPrices:
        """Return prices between these (step 0) and others (step 1): smoothing of duals (Wentges 1997)."""
        return DualPrices(
            *((1.0 - step) * here + step * there for here, there in zip(self.columns, other.columns, strict=True))
        )

    @property
    def columns(self) -> tuple[Floats, Floats, Floats, Floats]:
        """All prices."""
        return self.node_w, self.use_w, self.memory_w_per_byte, self.media_w

    def of_app(self, app: int) -> AppPrices:
        """Return what one app meets."""
        return AppPrices(self.node_w, self.use_w[app], self.memory_w_per_byte, self.media_w)

    def constant_w(self, joint: JointInstance) -> float:
        """Return the part of the bound that no app decides."""
        return self.nodes_w(joint, np.ones(joint.network.size, dtype=np.bool_)) - float(self.media_w.sum())

    def nodes_w(self, joint: JointInstance, counted: Bools) -> float:
        """Return the least that nodes cost beyond what apps pay them, over all allowed sets of nodes in use.

        Args:
            joint: The apps, with bounds on the number of nodes in use of each class.
            counted: (N,) nodes to sum over; of a class all or none.
        """
        left_w = self.unpaid_w(joint)
        if joint.branch is None:
            return float(np.minimum(left_w[counted], 0.0).sum())
        total_w = 0.0
        for kind in np.unique(joint.kinds[counted]).tolist():
            ordered = np.sort(left_w[joint.kinds == kind])
            least, most = int(joint.branch.least[kind]), int(joint.branch.most[kind])
            total_w += float(ordered[:least].sum() + np.minimum(ordered[least:most], 0.0).sum())
        return total_w

    def unpaid_w(self, joint: JointInstance) -> Floats:
        """(N,) idle power that apps do not pay for; below 0 where they could pay more than that."""
        network = joint.network
        held = self.memory_w_per_byte * np.where(self.memory_w_per_byte > 0.0, network.memory_bytes, 0.0)
        paid = network.max_utilization * self.node_w + held + self.use_w.sum(axis=0)
        return np.asarray(network.idle_power_w - paid)
