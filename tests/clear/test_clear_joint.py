"""Joint planning against every plan of small workloads, and the pieces of its bound against brute force."""

from __future__ import annotations

from itertools import product
from random import Random

import joint_choices
import numpy as np
import pytest
from hypothesis import given
from joint_cases import FEW, SEEDS, Case, least_power, random_case, random_prices
from joint_plans import violations

from planner.clear.allocation.plan import Plan
from planner.clear.column_generation import PricingProblem
from planner.clear.method import joint_method
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.network import Floats
from planner.fin.method import Options
from planner.fin.outcome import Outcome

SLACK = 1e-6
LIMIT = Options(time_limit_s=60.0)


def check(case: Case, outcome: Outcome[Plan]) -> str:
    """Check an outcome against all plans of a case, and its plan by the verifier; return what there is to count."""
    power_w = outcome.plan.power_w if outcome.plan is not None else np.inf
    least_w = least_power(case, power_w * (1.0 + SLACK))
    assert not outcome.lower_bound > least_w * (1.0 + SLACK)
    if outcome.plan is None:
        assert outcome.status == "unknown" or (outcome.status == "infeasible" and np.isinf(least_w))
        return outcome.status
    assert least_w <= power_w * (1.0 + SLACK)  # the plan is one that enumeration knows
    topology, apps = case.documents()
    assert violations(case.joint(), topology, apps, outcome) == []
    best = power_w <= least_w * (1.0 + 1e-5)
    assert best or outcome.status == "feasible"
    return "best" if best else "above"


@pytest.mark.slow
@FEW
@given(SEEDS)
def test_plans_and_bounds_agree_with_enumeration(seed: int) -> None:
    case = random_case(Random(seed), most_nodes=3)
    check(case, joint_method("clear").solve(case.joint(), LIMIT))


@pytest.mark.parametrize(
    "seed",
    [
        *range(4),
        *(38, 54),  # an app has no plan at all
        *(31, 36),  # offers fix speeds and shares, and none of them fit together
        *(10, 133),  # single moves do not reach the best plan
        21,  # the source has no link out
    ],
)
def test_a_plan_is_found_where_there_is_one(seed: int) -> None:
    """Within a hundredth of the best, too."""
    case = random_case(Random(seed))
    outcome = joint_method("clear").solve(case.joint(), LIMIT)
    assert not np.isnan(outcome.lower_bound)
    assert check(case, outcome) == "infeasible" or outcome.plan is not None
    assert outcome.plan is None or outcome.plan.power_w <= 1.01 * least_power(case)


def place_prices(
    joint: JointInstance, prices: DualPrices, app: int, media: list[int], shared: joint_choices.Places
) -> list[Floats]:
    """Return prices by place: of the whole of it, of its use, and of a byte."""
    network = joint.network
    whole, use, memory = (np.zeros(len(shared.names)) for _ in range(3))
    for node, name in enumerate(network.names):
        place = shared.names.index(name)
        whole[place], use[place] = prices.node_w[node], prices.use_w[app, node]
        memory[place] = prices.memory_w_per_byte[node]
    for number, medium in enumerate(media):
        whole[shared.names.index(network.medium_name(medium))] = prices.media_w[number]
    return [whole, use, memory]


def priced_on_a_grid(choice: joint_choices.Choice, shared: joint_choices.Places, prices: list[Floats]) -> float:
    """Return the least cost over a grid of speeds, shares and values of time that is in time; an upper bound."""
    whole, use, memory = prices
    if (choice.memory > shared.memory * (1.0 + 1e-9)).any():
        return np.inf
    steps = np.linspace(0.0, 1.0, 13)
    speed = (shared.slowest * (shared.fastest / shared.slowest) ** steps[:, None])[:, None]  # (S, 1, P)
    least = np.maximum(choice.load / speed, 1e-3 * shared.most)
    share = least * (shared.most / least) ** steps[None, :, None]  # (S, F, P)
    stable = least <= shared.most * (1.0 + 1e-12)
    cost = choice.dynamic_w * speed**2 + choice.static_w / speed
    asked = (choice.load > 0.0) | (choice.late_s > 0.0).any(axis=0)
    cost = np.where(stable, cost + np.where(asked, whole * share, 0.0), np.inf).reshape(-1, len(whole))
    late = (choice.late_s[:, None, None] / (speed * share)).reshape(len(choice.late_s), -1, len(whole))  # (R, S F, P)
    constant = choice.carried_w + float(choice.used @ use + choice.memory @ memory)
    best = np.inf
    for value in (0.0, *10.0 ** np.linspace(-4.0, 4.0, 33)):
        at = (cost + value * late.sum(axis=0)).argmin(axis=0), np.arange(len(whole))
        if (choice.fixed_s + late[:, *at].sum(axis=1) <= choice.most_s).all():
            best = min(best, float(cost[at].sum()) + constant)
    return best


class TestBound:
    @pytest.mark.slow
    @FEW
    @given(SEEDS)
    def test_no_plan_of_an_app_is_cheaper_at_any_prices(self, seed: int) -> None:
        """Plans that come back to a node or medium included: they pay for its share once."""
        r = Random(seed)
        case = random_case(r, most_nodes=3)
        joint, shared = case.joint(), joint_choices.places(case.topology)
        subproblems = PricingProblem.of(joint, 0.0).subproblems
        prices = random_prices(r, joint, len(joint.media))
        for app, (request, model) in enumerate(case.apps):
            bound_w = subproblems[app].lower_bound(prices.of_app(app))
            own = place_prices(joint, prices, app, joint.media.tolist(), shared)
            choices = joint_choices.choices(request, model, case.topology)
            least_w = min((priced_on_a_grid(choice, shared, own) for choice in choices), default=np.inf)
            assert bound_w <= least_w * (1.0 + 1e-9)

    @FEW
    @given(SEEDS)
    def test_the_constant_is_the_least_over_all_sets_of_nodes_in_use(self, seed: int) -> None:
        r = Random(seed)
        joint = random_case(r).joint()
        prices, network = random_prices(r, joint, len(joint.media)), joint.network
        least_w = np.inf
        for used in product([0.0, 1.0], repeat=network.size):
            worth = 0.0
            for node in range(network.size):
                paid = network.max_utilization[node] * prices.node_w[node] + sum(prices.use_w[:, node].tolist())
                if np.isfinite(network.memory_bytes[node]):
                    paid += prices.memory_w_per_byte[node] * network.memory_bytes[node]
                worth += used[node] * (network.idle_power_w[node] - paid)
            least_w = min(least_w, worth)
        least_w -= sum(price for price in prices.media_w.tolist())
        assert prices.constant_w(joint) == pytest.approx(least_w, rel=1e-9, abs=1e-12)

    @pytest.mark.slow
    @FEW
    @given(SEEDS)
    def test_any_prices_bound_all_plans(self, seed: int) -> None:
        r = Random(seed)
        case = random_case(r, most_nodes=3)
        joint = case.joint()
        subproblems = PricingProblem.of(joint, 0.0).subproblems
        prices = random_prices(r, joint, len(joint.media)).covering_idle_power(joint)
        bound_w = prices.constant_w(joint)
        bound_w += sum(subproblems[app].lower_bound(prices.of_app(app)) for app in range(joint.count))
        assert bound_w <= least_power(case) * (1.0 + SLACK)
