"""Replanning after rates have changed, warm-started from known columns, prices and the last plan.

A change of rates leaves each app's operating points, placements and routes possible; what they cost in time changes.
So the columns known are priced anew (cheap: sums over the hops of a decision), the last plan is allocated anew, apps
are asked for new columns at the prices of that plan, the master chooses among all, and local moves finish. What takes
long in a plan from scratch is left out: rounds of prices from nothing, and the proof.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from planner.clear.allocation.allocate import least_shares
from planner.clear.allocation.plan import Plan, plan_of
from planner.clear.column_generation import Incumbent, PricingProblem, add_columns, generate_columns
from planner.clear.master.column_pool import ColumnPool
from planner.clear.master.restricted_master import RestrictedMaster
from planner.clear.pricing.app_pricing import AppPricing
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.pricing.routes import list_routes
from planner.clear.primal.local_search import LocalSearch, prices_of, raised_prices, used_by_others
from planner.clear.primal_phase import PrimalPhase
from planner.clear.problem.column import Column, Key
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats, Ints
from planner.fin.outcome import Outcome, Termination

_KNOWN = 10
"""Decisions of an app that are remembered, the last that were of use."""
_ROUNDS = 12
"""Most times that apps are asked while there is no plan."""
_REFINEMENTS = 3
"""Most times that a plan is refined which began with none."""
_STEP = 0.7
"""How far prices move towards those of the master then."""
_ROUNDS_UNTIL = 0.6
"""Part of the time limit when rounds of prices end."""
_BETTER = 1.0 - 1e-4


def with_link_rates(joint: JointInstance, bit_per_s: Floats) -> JointInstance:
    """Return the same apps where the E links have other rates, in bit/s."""
    rates = np.asarray(bit_per_s, dtype=np.float64)
    apps = joint.each(lambda one: replace(one, network=replace(one.network, link_bit_per_s=rates / one.batch))).apps
    return JointInstance(replace(joint.network, link_bit_per_s=rates), apps)


def with_medium_rates(joint: JointInstance, bit_per_s: Mapping[str, float]) -> JointInstance:
    """Return the same apps where every link of the media that are named has another rate, in bit/s.

    Raises:
        KeyError: No medium has this name.
    """
    network = joint.network
    rates, first = network.link_bit_per_s.copy(), len(network.link_source)
    named = {name: first + number for number, name in enumerate(network.named_media)}
    for name, rate in bit_per_s.items():
        rates[network.link_medium == named[name]] = rate
    return with_link_rates(joint, rates)


def with_app_rates(joint: JointInstance, rate_per_s: Sequence[float]) -> JointInstance:
    """Return the same apps with other inferences per second, one figure for each app."""
    rated = zip(joint.apps, rate_per_s, strict=True)
    return JointInstance(joint.network, tuple(app.each(partial(_at_rate, rate_per_s=rate)) for app, rate in rated))


def _at_rate(instance: Instance, rate_per_s: float) -> Instance:
    """Return an app at another rate, at which its batches fill faster or slower."""
    filling_s = (instance.batch - 1) / rate_per_s
    return replace(instance, rate_per_s=float(rate_per_s) / instance.batch, filling_s=filling_s)


class Replanner:
    """Plans the same apps on the same nodes again and again while rates of links and apps change."""

    def __init__(self, joint: JointInstance, gap: float = 0.0, time_limit_s: float = np.inf) -> None:
        """Plan from scratch, without a proof; `plan` is None where no plan was found.

        Args:
            joint: The apps, as they are at the beginning.
            gap: Relative gap at which the search for prices ends.
            time_limit_s: Most seconds of this search and of each one after it.
        """
        self._limit_s, deadline = time_limit_s, Deadline.after(time_limit_s)
        problem, pool, incumbent = PricingProblem.of(joint, gap), ColumnPool(joint), Incumbent()
        duals = generate_columns(problem, pool, incumbent, deadline, deadline.fraction(_ROUNDS_UNTIL))
        PrimalPhase(problem, pool, incumbent, duals, deadline).run()
        self.joint = joint
        self.plan = None if incumbent.plan is None else _with_least_shares(joint, incumbent.plan)
        self._state = _State(joint.media, duals.prices, problem.subproblems)
        self._known: list[dict[Key, Decision]] = [{} for _ in joint.apps]
        for app in range(joint.count):
            for column in pool.columns(app):
                self._remember(column)
        for column in () if self.plan is None else self.plan.columns:
            self._remember(column)

    def replan(self, joint: JointInstance) -> Outcome[Plan]:
        """Plan again for changed rates of links or apps; nothing is proved (the bound is 0).

        Args:
            joint: The same apps on the same nodes and links (`with_link_rates`, `with_app_rates`).

        Returns:
            A plan that keeps every limit, or the status `unknown` with the last plan kept for the next time.
        """
        began = time.perf_counter()
        state = self._state.at_rates_of(joint)
        warm = _WarmStart(joint, state, Deadline.after(self._limit_s))
        warm.begin([known.values() for known in self._known], self.plan)
        built = time.perf_counter()
        plan = warm.planned()
        for column in warm.useful:
            self._remember(column)
        self.joint, self._state = joint, replace(state, prices=warm.prices)
        times = (built - began, time.perf_counter() - built, {"programs": float(warm.local_search.programs)})
        if plan is None:
            return Outcome("unknown", None, 0.0, Termination.incomplete("no plan was found at these rates"), *times)
        self.plan = _with_least_shares(joint, plan)
        for column in self.plan.columns:
            self._remember(column)
        return Outcome("feasible", self.plan, 0.0, Termination.incomplete(""), *times)

    def bound_w(self) -> float:
        """Return a power that no plan at the last rates is below: quick, and weaker than that of the method `clear`."""
        prices, asked = self._state.prices, self._state.apps
        return max(
            0.0,
            prices.constant_w(self.joint)
            + sum(app.lower_bound(prices.of_app(number)) for number, app in enumerate(asked)),
        )

    def _remember(self, column: Column) -> None:
        """Note a decision as the last that was of use."""
        known = self._known[column.app]
        known.pop(column.key, None)
        known[column.key] = column.decision
        if len(known) > _KNOWN:
            known.pop(next(iter(known)))


@dataclass(frozen=True, eq=False)
class _State:
    """What is carried from one search to the next: media with a price, prices, and what each app answers by."""

    media: Ints
    prices: DualPrices
    apps: tuple[AppPricing, ...]

    def at_rates_of(self, joint: JointInstance) -> _State:
        """Return the state for changed rates."""
        media = joint.media
        routes = list_routes(joint.network, media.tolist())
        apps = tuple(held.with_rates(app, routes) for app, held in zip(joint.apps, self.apps, strict=True))
        price_w = dict(zip(self.media.tolist(), self.prices.media_w.tolist(), strict=True))
        media_w = np.array([price_w.get(medium, 0.0) for medium in media.tolist()])
        return _State(media, replace(self.prices, media_w=media_w), apps)


class _WarmStart:
    """One search that starts from columns and prices."""

    def __init__(self, joint: JointInstance, state: _State, deadline: Deadline) -> None:
        self._joint, self._state, self._deadline = joint, state, deadline
        self._pool = ColumnPool(joint)
        self.local_search = LocalSearch(joint, self._pool, deadline)
        self.prices = state.prices
        self.useful: list[Column] = []
        """Columns that apps answered with."""
        self._plan: Plan | None = None

    def begin(self, known: Sequence[Iterable[Decision]], plan: Plan | None) -> None:
        """Take in the decisions known of each app, and what is left of a plan at other rates."""
        for app, decisions in enumerate(known):
            for decision in decisions:
                self._pool.column(app, decision)
        if plan is not None:
            self._keep(plan_of(self._joint, [self._pool.column(held.app, held.decision) for held in plan.columns]))

    def planned(self) -> Plan | None:
        """Return the best plan found."""
        rounds = 1 if self._plan is not None else _REFINEMENTS
        plan = self._first()
        if plan is None:
            return None
        plan = self.local_search.improved(plan)
        for _ in range(rounds):
            before_w = plan.power_w
            self._keep(plan)
            self.prices = raised_prices(self._joint, plan)
            self._ask(plan)
            self._choose()
            plan = self._plan or plan
            if self._late or plan.power_w >= before_w * _BETTER:
                break
            plan = self.local_search.improved(plan)
        return plan

    def _first(self) -> Plan | None:
        """Return the last plan if it still is one, else one that the master finds after some rounds of prices."""
        for _ in range(_ROUNDS):
            if self._plan is not None or self._late:
                break
            self._ask(None)
            answer = self._choose().solve_relaxation()
            if answer is None or answer.prices is None:
                break
            self.prices = self.prices.smoothed(answer.prices, _STEP)
        return self._plan

    @property
    def _late(self) -> bool:
        return self._deadline.expired

    def _ask(self, plan: Plan | None) -> None:
        """Ask every app for columns at the prices held; beside a plan, nodes that others use cost no idle power."""
        for app, subproblem in enumerate(self._state.apps):
            if self._late:
                return
            seen = self.prices if plan is None else self._beside(plan, app)
            for decision in subproblem.price_heuristically(seen.of_app(app)).decisions:
                self.useful.append(self._pool.column(app, decision))

    def _beside(self, plan: Plan, app: int) -> DualPrices:
        """Return what an app meets that may leave a plan alone: the price of shares, and idle power of unused nodes."""
        idle_w = self._joint.network.idle_power_w.copy()
        idle_w[list(used_by_others(plan, app))] = 0.0
        use_w, node_w = np.tile(idle_w, (self._joint.count, 1)), plan.allocation.node_price_w
        media_w = prices_of(self._joint, plan).media_w
        return replace(self.prices, use_w=use_w, node_w=node_w, media_w=media_w)

    def _choose(self) -> RestrictedMaster:
        """Let the master choose among priced columns of all columns, at the prices held and at those before."""
        for app in range(self._joint.count):
            add_columns(self._joint, self._pool, self._pool.columns(app), self.prices)
        master = RestrictedMaster(self._joint, self._pool.priced)
        if master.priced_columns:
            chosen = master.solve_integer(self._deadline.remaining_s).chosen
            if chosen is not None:
                self._keep(plan_of(self._joint, [master.priced_columns[number].column for number in chosen]))
        return master

    def _keep(self, plan: Plan | None) -> None:
        if plan is not None and (self._plan is None or plan.power_w < self._plan.power_w):
            self._plan = plan


def _with_least_shares(joint: JointInstance, plan: Plan) -> Plan:
    return Plan(plan.columns, least_shares(joint.network, plan.columns, plan.allocation))
