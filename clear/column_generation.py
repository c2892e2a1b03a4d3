"""One search for a plan of all apps: prices, what apps offer at them, the master, and the best plan so far."""

from __future__ import annotations

import time

import numpy as np

from planner.clear.allocation.plan import Plan, overfull, plan_of
from planner.clear.master.priced_column import PricedColumn, price_column
from planner.clear.master.restricted_master import RestrictedMaster
from planner.clear.master.symmetry import NodeSymmetry
from planner.clear.pricing.app_arrays import app_arrays
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.pricing.point_tree import point_tree
from planner.clear.pricing.routes import list_routes
from planner.clear.pricing.shortest_path import Pricer
from planner.clear.pricing.subproblem import PricingSubproblem
from planner.clear.primal.local_search import LocalSearch, raised_prices, used_by_others
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.decision import Decision
from planner.fin.instance.network import Ints

_ROUNDS = 16
_STEP = 0.5
"""How far prices move towards those of the master."""
_CLOSE = 1e-3
"""Relative distance of the master's value, or a plan's power, from the bound at which a search ends."""
_TAKEN, _MOST_PLACES = 0.02, 6
"""Part of an offer that counts as taken, and the most equal nodes that it is offered on."""
FEW_APPS = 12
"""Of so few apps, programs with whole offers find good plans from any beginning, and all bounds are quick."""
_BUSY = 0.02
"""Media that could be loaded more than this by all apps together get a price."""


class ColumnGeneration:
    """State of one search."""

    def __init__(self, joint: JointInstance, stop_at: float, gap: float) -> None:
        """Begin without prices.

        Args:
            joint: The apps.
            stop_at: When to give up, on the clock of `time.perf_counter`, s.
            gap: Relative gap that is asked for.
        """
        self.joint, self.stop_at, self.gap = joint, stop_at, gap
        self.media = busy_media(joint)
        routes = list_routes(joint.network, self.media.tolist())
        trees = [point_tree(app_arrays(app)) for app in joint.apps]
        self.apps = [
            PricingSubproblem(Pricer(app, tree.stages, routes), tree)
            for app, tree in zip(joint.apps, trees, strict=True)
        ]
        self.symmetry = NodeSymmetry(joint, routes)
        self.master = RestrictedMaster(joint, self.media)
        self.moves = LocalSearch(joint, self.media, stop_at)
        self.prices = DualPrices.none(joint, self.media)
        self.plan: Plan | None = None
        self.count = 0
        self.best_w = -np.inf
        """The best bound at any prices so far."""

    @property
    def late(self) -> bool:
        """Whether time is up."""
        return time.perf_counter() >= self.stop_at

    @property
    def good_enough(self) -> bool:
        """Whether the best plan is as close to the bound as is asked for."""
        return self.plan is not None and self.best_w >= self.plan.power_w * (1.0 - max(_CLOSE, self.gap))

    def keep(self, plan: Plan | None) -> None:
        """Keep a plan if it is the best."""
        if plan is not None and (self.plan is None or plan.power_w < self.plan.power_w):
            self.plan = plan

    def until(self, stop_at: float) -> None:
        """Go on until another time."""
        self.stop_at = self.moves.stop_at = stop_at

    def rounds(self, enough_at: float = np.inf) -> None:
        """Ask every app at changing prices, until the master's value meets the bound.

        Args:
            enough_at: When to be content with a plan, on the clock of `time.perf_counter`, s.
        """
        trial, step = self.prices, _STEP
        while self.count < _ROUNDS and not self.late and (self.plan is None or time.perf_counter() < enough_at):
            self.count += 1
            guess_w = trial.constant_w(self.joint)
            for app, subproblem in enumerate(self.apps):
                answer = subproblem.price_heuristically(trial.of_app(app))
                guess_w += answer.bound_w
                for decision in answer.decisions:
                    self._add_priced(app, decision, trial)
            if guess_w > self.best_w:
                self.best_w, self.prices, step = guess_w, trial, _STEP
            else:
                step = 0.5 * (1.0 + step)  # the same step once more would ask the same
            answer_w = self.master.solve_relaxation()
            if answer_w is None or answer_w.prices is None:
                break
            if self.plan is None and answer_w.unserved < 0.5:
                self.choose()
            if self.best_w >= answer_w.value_w * (1.0 - max(_CLOSE, 0.5 * self.gap)):
                break
            trial = self.prices.smoothed(answer_w.prices, step).rounded(self.joint)

    def choose(self) -> None:
        """Let the master choose whole offers, and keep the plan if it is the best."""
        chosen = self.master.solve_integer(self.stop_at - time.perf_counter()).chosen
        if chosen is not None:
            self.keep(plan_of(self.joint, [self.master.priced_columns[number].column for number in chosen]))

    def spread(self) -> None:
        """Offer what the linear program takes on further nodes of each kind, as many as it has in use."""
        answer = self.master.solve_relaxation()
        if answer is None:
            return
        places = min(int(np.ceil(answer.most_in_use - _TAKEN)) + 1, _MOST_PLACES)
        for number in np.flatnonzero(answer.taken > _TAKEN).tolist():
            column = self.master.priced_columns[number].column
            for offset in range(1, min(places, self.symmetry.most(column.decision))):
                self._add_priced_at(
                    column.app, self.symmetry.moved_to(column.app, column.decision, offset), self.prices
                )

    def price_known_columns(self, plan: Plan) -> None:
        """Offer every app's columns at the prices of a plan, and the plan itself as it is."""
        for own in priced_columns_of(plan):
            self.master.add(own)
        prices = raised_prices(self.joint, plan, self.media)
        network = self.joint.network
        for app, subproblem in enumerate(self.apps):
            if self.late:
                return
            used = used_by_others(plan, app)
            idle = np.array([0.0 if node in used else network.idle_power_w[node] for node in range(network.size)])
            seen = DualPrices(
                prices.node_w, np.tile(idle, (self.joint.count, 1)), prices.memory_w_per_byte, prices.media_w
            )
            for decision in subproblem.price_heuristically(seen.of_app(app)).decisions:
                self._add_priced(app, decision, prices)
            for column in self.moves.columns(app):
                if (priced := price_column(column, network, self.media, prices)) is not None:
                    self.master.add(priced)

    def _add_priced(self, app: int, decision: Decision, prices: DualPrices) -> None:
        """Make a column known to the moves, and an offer of it to the master, on the first nodes of each kind."""
        self._add_priced_at(app, self.symmetry.moved_to(app, decision, 0), prices)

    def _add_priced_at(self, app: int, decision: Decision, prices: DualPrices) -> None:
        column = self.moves.column(app, decision)
        if overfull(self.joint, [column]):  # it comes back to a node, and pricing saw each visit alone
            return
        if (priced := price_column(column, self.joint.network, self.media, prices)) is not None:
            self.master.add(priced)


def priced_columns_of(plan: Plan) -> list[PricedColumn]:
    """Return a plan as offers."""
    priced_columns = []
    held = zip(plan.columns, plan.allocation.node_shares, plan.allocation.medium_shares, strict=True)
    for column, node_share, medium_share in held:
        speed = plan.allocation.speed[column.nodes]
        power_w = column.transfer_w + float((column.dynamic_w * speed**2 + column.static_w / speed).sum())
        priced_columns.append(PricedColumn(column, speed, node_share, medium_share, power_w))
    return priced_columns


def busy_media(joint: JointInstance) -> Ints:
    """Return the media that all apps together could load noticeably; all others are left without a price."""
    network = joint.network
    bit_per_s = 0.0
    for app in joint.apps:
        sizes = np.concatenate([[app.input_bits], app.output_bits, app.result_bits])
        bit_per_s += app.rate_per_s * float(sizes.max())
    slowest = np.full(network.media, np.inf)
    np.minimum.at(slowest, network.link_medium, network.link_bit_per_s)
    return np.flatnonzero(bit_per_s / slowest > _BUSY)
