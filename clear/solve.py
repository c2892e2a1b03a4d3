"""The method `clear`: prices, offers, a master that picks one offer per app, shares and speeds, moves, a bound."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from clear.alternatives import alternatives
from clear.annealing import annealed
from clear.baselines import Alone
from clear.columns import Column
from clear.enumeration import columns_of
from clear.envelopes import point_tree
from clear.exhaustive import best_of_all
from clear.grids import choose
from clear.joint import Joint
from clear.likeness import Likeness
from clear.master import Master
from clear.method import JointOutcome
from clear.moves import LocalSearch, prices_of, sparing_prices, used_by_others
from clear.multipliers import Multipliers
from clear.offers import Offer, offer_of
from clear.plan import Plan, overfull, plan_of
from clear.prices import Prices
from clear.pricing import Pricer
from clear.shares import least_shares
from clear.sources import bound_by_sources
from clear.stages import stages_of
from clear.ways import ways_of
from fin.brute import TooManyError
from fin.decision import Decision
from fin.method import Options
from fin.network import Ints, Network

_ROUNDS = 16
_STEP = 0.5
"""How far prices move towards those of the master."""
_CLOSE = 1e-3
"""Relative distance of the master's value from the bound at which rounds end."""
_REOFFERS = 3
_MASTER_S, _GRIDS_S = 3.0, 5.0
_ALONE_S = 2.0
_TAKEN, _MOST_PLACES = 0.02, 6
"""Part of an offer that counts as taken, and the most equal nodes that it is offered on."""
_GRID_COLUMNS = 240
"""Columns among which the program with grids of speeds and shares chooses, over all apps."""
_FEW_NODES, _FEW_PLANS, _FEW_COLUMNS, _FEW_PROGRAMS = 8, 2_000, 200, 4_000
"""On so few nodes, an app with so few plans and columns that may be the best has all of these columns looked at."""
_FEW_APPS = 12
"""Of so few apps, programs with whole columns find good plans from any beginning."""
_SLACK = 2e-3
"""Part of the bound that operating points may be left unlooked at for, over all apps."""
_BUSY = 0.02
"""Media that could be loaded more than this by all apps together get a price."""
_EQUAL = 1e-6
"""Relative precision of what geometric programs prove."""


class Clear:
    """The method `clear`."""

    name = "clear"
    description = "all apps together: exits, blocks, routes, speeds and shares, with a proved bound"

    def solve(self, joint: Joint, options: Options) -> JointOutcome:
        """Plan all apps together; a valid lower bound comes with every answer."""
        return solve_joint(joint, options)


def solve_joint(joint: Joint, options: Options) -> JointOutcome:
    """Plan all apps together; a valid lower bound comes with every answer."""
    began = time.perf_counter()
    if any(app.points.count == 0 for app in joint.apps):
        return JointOutcome("infeasible", None, np.inf, "an app has no operating point that is accurate enough")
    limit_s = np.inf if options.time_limit_s is None else options.time_limit_s
    search = Search(joint, began + limit_s, options.gap)
    built = time.perf_counter()
    search.rounds()
    search.plan_whole()
    bound = search.proved()
    if not search.closed_by(bound):
        bound = max(bound, search.exhausted())
    plan = search.plan
    if plan is not None:
        plan = Plan(plan.columns, least_shares(joint.network, plan.columns, plan.allocation))
    statistics = {"rounds": search.count, "offers": len(search.master.offers), "programs": search.moves.programs}
    times = (built - began, time.perf_counter() - built, {name: float(value) for name, value in statistics.items()})
    if plan is None:
        proved = bool(bound > _most_power(joint))
        message = "" if proved else "no plan was found within the limit"
        return JointOutcome("infeasible" if proved else "unknown", None, np.inf if proved else bound, message, *times)
    bound = min(bound, plan.power_w)
    return JointOutcome("optimal" if search.closed_by(bound) else "feasible", plan, bound, "", *times)


class Search:
    """State of one search: prices so far, offers, and the best plan."""

    def __init__(self, joint: Joint, stop_at: float, gap: float) -> None:
        self.joint, self._stop_at, self._gap = joint, stop_at, gap
        self.media = busy_media(joint)
        ways = ways_of(joint.network, self.media.tolist())
        trees = [point_tree(stages_of(app)) for app in joint.apps]
        self.apps = [
            Multipliers(Pricer(app, tree.stages, ways), tree) for app, tree in zip(joint.apps, trees, strict=True)
        ]
        self._likeness = Likeness(joint, ways)
        self.master = Master(joint, self.media)
        self.moves = LocalSearch(joint, self.media, stop_at)
        self.prices = Prices.none(joint, self.media)
        self.plan: Plan | None = None
        self.count = 0
        self._best_w = -np.inf

    @property
    def _late(self) -> bool:
        return time.perf_counter() >= self._stop_at

    def rounds(self) -> None:
        """Ask every app at changing prices, until the master's value meets the bound."""
        trial, step = self.prices, _STEP
        while self.count < _ROUNDS and not self._late:
            self.count += 1
            guess_w = trial.constant_w(self.joint)
            for app, multipliers in enumerate(self.apps):
                answer = multipliers.answer_of_few(trial.of_app(app))
                guess_w += answer.bound_w
                for decision in answer.decisions:
                    self._offer(app, decision, trial)
            if guess_w > self._best_w:
                self._best_w, self.prices, step = guess_w, trial, _STEP
            else:
                step = 0.5 * (1.0 + step)  # the same step once more would ask the same
            answer_w = self.master.linear()
            if answer_w is None or answer_w.prices is None:
                break
            if self.plan is None and answer_w.unserved < 0.5:
                self._choose(1.0)
            if self._best_w >= answer_w.value_w * (1.0 - max(_CLOSE, 0.5 * self._gap)):
                break
            trial = self.prices.towards(answer_w.prices, step).tidy(self.joint)

    def plan_whole(self) -> None:
        """Anneal, pick offers, move apps; then choose where speeds and shares adapt to each other."""
        self._begin_alone()
        self._spread()
        if self.joint.count > _FEW_APPS:  # while prices are those of apps that still share all nodes
            self._refine(self._anneal, 1)
        self._pick_offers()
        self._refine(self._choose_on_grids, _REOFFERS)

    def closed_by(self, bound_w: float) -> bool:
        """Whether a bound says that no plan is better than the best one by as much as anybody asks."""
        return self.plan is not None and bound_w >= self.plan.power_w * (1.0 - max(self._gap, _EQUAL))

    def exhausted(self) -> float:
        """Look at all columns where they are few, and return a lower bound: infinite where there is no plan, else 0."""
        if self._late or self.joint.network.size > _FEW_NODES:
            return 0.0
        few = self._all_of_few()
        self._refine(self._choose_on_grids, _REOFFERS)
        if few is None or self._late:
            return 0.0
        looked = best_of_all(self.joint, few, self.plan, _FEW_PROGRAMS, self._stop_at)
        self.plan = looked.plan
        return looked.lower_bound_w if looked.proved else 0.0

    def _refine(self, step: Callable[[int], None], most: int) -> None:
        """Take a step, and offer again at the prices of the plan that it finds, as long as it finds better ones."""
        for attempt in range(most):
            before = np.inf if self.plan is None else self.plan.power_w
            step(attempt)
            if self.plan is None or self._good_enough or self.plan.power_w >= before * (1.0 - 1e-4):
                return
            self._offer_again(self.plan)

    def _keep(self, plan: Plan | None) -> None:
        """Keep a plan if it is the best."""
        if plan is not None and (self.plan is None or plan.power_w < self.plan.power_w):
            self.plan = plan

    def _begin_alone(self) -> None:
        """Know the plan that puts every app on one node; of many apps, only where no plan is known yet."""
        if self._late or (self.plan is not None and self.joint.count > _FEW_APPS):
            return
        plan = Alone().solve(self.joint, Options(time_limit_s=_ALONE_S)).plan
        if plan is not None:
            columns = (self.moves.column(column.app, column.decision) for column in plan.columns)
            plan = Plan(tuple(columns), plan.allocation)
            for own in _offers_of(plan):
                self.master.add(own)
            self._keep(plan)

    def _spread(self) -> None:
        """Offer what the linear program takes on further nodes of each kind, as many as it has in use."""
        answer = self.master.linear()
        if answer is None:
            return
        places = min(int(np.ceil(answer.most_in_use - _TAKEN)) + 1, _MOST_PLACES)
        for number in np.flatnonzero(answer.taken > _TAKEN).tolist():
            column = self.master.offers[number].column
            for offset in range(1, min(places, self._likeness.most(column.decision))):
                self._offer_at(column.app, self._likeness.moved(column.app, column.decision, offset), self.prices)

    @property
    def _good_enough(self) -> bool:
        """Whether the best plan is as close to the bound as is asked for."""
        return self.plan is not None and self._best_w >= self.plan.power_w * (1.0 - max(_CLOSE, self._gap))

    def _all_of_few(self) -> list[list[Column]] | None:
        """Make all columns known of apps that have few; return them if that is so for all apps."""
        every: list[list[Column]] = []
        for app, instance in enumerate(self.joint.apps):
            plans = np.prod(instance.allowed.sum(axis=1), dtype=np.float64) * instance.points.count
            open_order = instance.percentile is not None and instance.destination is not None
            if self._late or plans > 10 * _FEW_PLANS or open_order:  # shares decide which exits a percentile counts
                continue
            try:
                own = columns_of(app, instance, _FEW_PLANS, self._stop_at)
            except TooManyError:
                continue
            if len(own) <= _FEW_COLUMNS:
                every.append([self.moves.column(app, column.decision) for column in own])
        return every if len(every) == self.joint.count else None

    def _choose_on_grids(self, _: int) -> None:
        """Choose among the most promising columns of each app with speeds and shares left open, then move apps."""
        left_s = min(_GRIDS_S, self._stop_at - time.perf_counter())
        if self._good_enough or left_s <= 0.0:
            return
        each = max(2, _GRID_COLUMNS // self.joint.count)
        prices = self.prices if self.plan is None else prices_of(self.joint, self.plan, self.media)
        pool = [self.moves.best(app, prices, self.plan)[:each] for app in range(self.joint.count)]
        choice = choose(self.joint, pool, 1e-4, left_s) if all(pool) else None
        plan = None if choice is None or choice.columns is None else plan_of(self.joint, choice.columns)
        self._keep(plan and self.moves.improved(plan))

    def _anneal(self, attempt: int) -> None:
        """Anneal the plan at hand, with random numbers of this attempt."""
        if self.plan is None or self._late:
            return
        known = [self.moves.columns(app) for app in range(self.joint.count)]
        offers = [*_offers_of(self.plan), *alternatives(self.joint, self.media, self._likeness, known, self.plan)]
        chosen, _ = annealed(self.joint, self.media, offers, range(self.joint.count), attempt, self._stop_at)
        columns = [self.moves.column(app, offers[number].column.decision) for app, number in enumerate(chosen)]
        plan = plan_of(self.joint, columns)
        self._keep(plan and self.moves.improved(plan))

    def _pick_offers(self) -> None:
        """Pick offers, set speeds and shares, move apps; then offer again at the prices of that plan."""
        for _ in range(1 + _REOFFERS):
            before = np.inf if self.plan is None else self.plan.power_w
            self._choose(_MASTER_S)
            if self.plan is None or self._late:
                return
            self.plan = self.moves.improved(self.plan)
            if self._good_enough or self.plan.power_w >= before * (1.0 - 1e-4):
                return
            self._offer_again(self.plan)

    def _choose(self, most_s: float) -> None:
        """Let the master choose whole offers, and keep the plan if it is the best."""
        left = max(min(most_s, self._stop_at - time.perf_counter()), 0.05)
        chosen = self.master.whole(left).chosen
        if chosen is None:
            return
        self._keep(plan_of(self.joint, [self.master.offers[number].column for number in chosen]))

    def _offer(self, app: int, decision: Decision, prices: Prices) -> None:
        """Make a column known to the moves, and an offer of it to the master, on the first nodes of each kind."""
        self._offer_at(app, self._likeness.moved(app, decision, 0), prices)

    def _offer_at(self, app: int, decision: Decision, prices: Prices) -> None:
        column = self.moves.column(app, decision)
        if overfull(self.joint, [column]):  # it comes back to a node, and pricing saw each visit alone
            return
        if (offer := offer_of(column, self.joint.network, self.media, prices)) is not None:
            self.master.add(offer)

    def _offer_again(self, plan: Plan) -> None:
        """Offer every app's columns at the prices of a plan, and the plan itself as it is."""
        for own in _offers_of(plan):
            self.master.add(own)
        prices = sparing_prices(self.joint, plan, self.media)
        network = self.joint.network
        for app, multipliers in enumerate(self.apps):
            if self._late:
                return
            used = used_by_others(plan, app)
            idle = np.array([0.0 if node in used else network.idle_power_w[node] for node in range(network.size)])
            seen = Prices(prices.node_w, np.tile(idle, (self.joint.count, 1)), prices.memory_w_per_byte, prices.media_w)
            for decision in multipliers.answer_of_few(seen.of_app(app)).decisions:
                self._offer(app, decision, prices)
            for column in self.moves.columns(app):
                if (offer := offer_of(column, network, self.media, prices)) is not None:
                    self.master.add(offer)

    def proved(self) -> float:
        """Return the bound at the best prices.

        The one in which sources choose by themselves is the higher where many apps crowd few sources; the one that
        sells everything needs all operating points, so it is left out where it can hardly be higher.
        """
        by_sources = bound_by_sources(self.joint, self.apps, self.prices, self._stop_at)
        to_gain = _SLACK if self.joint.count > _FEW_APPS else 0.0
        sold = self._sold() if by_sources < self._best_w * (1.0 - to_gain) else 0.0
        return max(by_sources, sold, 0.0)

    def _sold(self) -> float:
        """Return the bound that sells all capacity; apps for which no time is left give a weaker one."""
        total_w = self.prices.constant_w(self.joint)
        reference = self.plan.power_w if self.plan is not None else max(self._best_w, 0.0)
        reference = reference if np.isfinite(reference) else 0.0
        effort = np.array([multipliers.effort for multipliers in self.apps])
        slack_w = _SLACK * reference * effort / effort.sum()
        for app, multipliers in enumerate(self.apps):
            seen = self.prices.of_app(app)
            total_w += multipliers.rough(seen) if self._late else multipliers.proved(seen, float(slack_w[app])).bound_w
        return total_w


def _offers_of(plan: Plan) -> list[Offer]:
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


def _most_power(joint: Joint) -> float:
    """Return a power that no plan exceeds."""
    network: Network = joint.network
    total = float(network.idle_power_w.sum())
    for app in joint.apps:
        speed = network.fastest
        block_w = app.blocks.dynamic_j * speed**2 + (app.blocks.energy_j - app.blocks.dynamic_j) / network.slowest
        head_w = app.heads.dynamic_j * speed**2 + (app.heads.energy_j - app.heads.dynamic_j) / network.slowest
        total += app.rate_per_s * float(block_w.max(axis=1).sum() + head_w.max(axis=1).sum())
        bits = float(app.input_bits + app.output_bits.sum() + app.result_bits.sum())
        total += app.rate_per_s * bits * float(network.link_j_per_bit.sum())
    return total
