"""One search for a plan of all apps: prices, what apps offer at them, the master, and the best plan so far."""

from __future__ import annotations

import time

import numpy as np

from planner.clear.allocation.plan import Plan, overfull, plan_of
from planner.clear.master.priced_column import Offer, offer_of
from planner.clear.master.restricted_master import Master
from planner.clear.master.symmetry import Likeness
from planner.clear.pricing.app_arrays import stages_of
from planner.clear.pricing.dual_prices import Prices
from planner.clear.pricing.point_tree import point_tree
from planner.clear.pricing.routes import ways_of
from planner.clear.pricing.shortest_path import Pricer
from planner.clear.pricing.subproblem import Multipliers
from planner.clear.primal.local_search import LocalSearch, sparing_prices, used_by_others
from planner.clear.problem.instance import Joint
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


class Search:
    """State of one search."""

    def __init__(self, joint: Joint, stop_at: float, gap: float) -> None:
        """Begin without prices.

        Args:
            joint: The apps.
            stop_at: When to give up, on the clock of `time.perf_counter`, s.
            gap: Relative gap that is asked for.
        """
        self.joint, self.stop_at, self.gap = joint, stop_at, gap
        self.media = busy_media(joint)
        ways = ways_of(joint.network, self.media.tolist())
        trees = [point_tree(stages_of(app)) for app in joint.apps]
        self.apps = [
            Multipliers(Pricer(app, tree.stages, ways), tree) for app, tree in zip(joint.apps, trees, strict=True)
        ]
        self.likeness = Likeness(joint, ways)
        self.master = Master(joint, self.media)
        self.moves = LocalSearch(joint, self.media, stop_at)
        self.prices = Prices.none(joint, self.media)
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
            for app, multipliers in enumerate(self.apps):
                answer = multipliers.answer_of_few(trial.of_app(app))
                guess_w += answer.bound_w
                for decision in answer.decisions:
                    self._offer(app, decision, trial)
            if guess_w > self.best_w:
                self.best_w, self.prices, step = guess_w, trial, _STEP
            else:
                step = 0.5 * (1.0 + step)  # the same step once more would ask the same
            answer_w = self.master.linear()
            if answer_w is None or answer_w.prices is None:
                break
            if self.plan is None and answer_w.unserved < 0.5:
                self.choose()
            if self.best_w >= answer_w.value_w * (1.0 - max(_CLOSE, 0.5 * self.gap)):
                break
            trial = self.prices.towards(answer_w.prices, step).tidy(self.joint)

    def choose(self) -> None:
        """Let the master choose whole offers, and keep the plan if it is the best."""
        chosen = self.master.whole(self.stop_at - time.perf_counter()).chosen
        if chosen is not None:
            self.keep(plan_of(self.joint, [self.master.offers[number].column for number in chosen]))

    def spread(self) -> None:
        """Offer what the linear program takes on further nodes of each kind, as many as it has in use."""
        answer = self.master.linear()
        if answer is None:
            return
        places = min(int(np.ceil(answer.most_in_use - _TAKEN)) + 1, _MOST_PLACES)
        for number in np.flatnonzero(answer.taken > _TAKEN).tolist():
            column = self.master.offers[number].column
            for offset in range(1, min(places, self.likeness.most(column.decision))):
                self._offer_at(column.app, self.likeness.moved(column.app, column.decision, offset), self.prices)

    def offer_again(self, plan: Plan) -> None:
        """Offer every app's columns at the prices of a plan, and the plan itself as it is."""
        for own in offers_of(plan):
            self.master.add(own)
        prices = sparing_prices(self.joint, plan, self.media)
        network = self.joint.network
        for app, multipliers in enumerate(self.apps):
            if self.late:
                return
            used = used_by_others(plan, app)
            idle = np.array([0.0 if node in used else network.idle_power_w[node] for node in range(network.size)])
            seen = Prices(prices.node_w, np.tile(idle, (self.joint.count, 1)), prices.memory_w_per_byte, prices.media_w)
            for decision in multipliers.answer_of_few(seen.of_app(app)).decisions:
                self._offer(app, decision, prices)
            for column in self.moves.columns(app):
                if (offer := offer_of(column, network, self.media, prices)) is not None:
                    self.master.add(offer)

    def _offer(self, app: int, decision: Decision, prices: Prices) -> None:
        """Make a column known to the moves, and an offer of it to the master, on the first nodes of each kind."""
        self._offer_at(app, self.likeness.moved(app, decision, 0), prices)

    def _offer_at(self, app: int, decision: Decision, prices: Prices) -> None:
        column = self.moves.column(app, decision)
        if overfull(self.joint, [column]):  # it comes back to a node, and pricing saw each visit alone
            return
        if (offer := offer_of(column, self.joint.network, self.media, prices)) is not None:
            self.master.add(offer)


def offers_of(plan: Plan) -> list[Offer]:
    """Return a plan as offers."""
    offers = []
    held = zip(plan.columns, plan.allocation.node_shares, plan.allocation.medium_shares, strict=True)
    for column, node_share, medium_share in held:
        speed = plan.allocation.speed[column.nodes]
        power_w = column.transfer_w + float((column.dynamic_w * speed**2 + column.static_w / speed).sum())
        offers.append(Offer(column, speed, node_share, medium_share, power_w))
    return offers


def busy_media(joint: Joint) -> Ints:
    """Return the media that all apps together could load noticeably; all others are left without a price."""
    network = joint.network
    bit_per_s = 0.0
    for app in joint.apps:
        sizes = np.concatenate([[app.input_bits], app.output_bits, app.result_bits])
        bit_per_s += app.rate_per_s * float(sizes.max())
    slowest = np.full(network.media, np.inf)
    np.minimum.at(slowest, network.link_medium, network.link_bit_per_s)
    return np.flatnonzero(bit_per_s / slowest > _BUSY)
