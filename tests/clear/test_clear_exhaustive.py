"""Branch and bound over few columns, against the geometric program of every combination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from random import Random

import joint_choices
import joint_oracle
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from joint_cases import Case, random_case
from profiles import generated

from planner.clear.allocation.plan import plan_of
from planner.clear.branching.column_tree import Candidates, TreeResult, best_of_columns
from planner.clear.branching.listed_columns import ListedColumns
from planner.clear.column_generation import Incumbent
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.problem.column import Column
from planner.clear.problem.enumeration import all_columns
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline

SEEDS = st.integers(0, 2**32)
FEW = generated(6, 40)
SLACK = 1e-6
MANY = 10_000


def few_columns(r: Random, most: int = 4) -> tuple[Case, JointInstance, list[list[Column]]]:
    """Draw a case and a handful of the columns of every app."""
    case = random_case(r, most_nodes=3)
    joint = case.joint()
    every = all_columns(joint, MANY, Deadline())
    return case, joint, [r.sample(own, min(most, len(own))) for own in every]


def search(
    joint: JointInstance, by_app: Sequence[Sequence[Column]], incumbent: Incumbent, most: int, deadline: Deadline
) -> TreeResult:
    """Search the tree of all columns, with the Lagrangian bound at prices that only cover idle power."""
    prices = DualPrices.none(joint)
    free = replace(prices, node_w=np.zeros(joint.network.size))
    candidates, bound_w = [], prices.constant_w(joint)
    for app, own in enumerate(by_app):
        listed = ListedColumns.of(joint, own)
        costs_w = listed.costs(prices, app)
        least_w = float(costs_w.min(initial=np.inf))
        keep = np.flatnonzero(np.isfinite(costs_w)).tolist()
        reduced_w = costs_w - least_w if keep else costs_w
        candidates.append(Candidates.of(listed, listed.costs(free, app), reduced_w, keep))
        bound_w += least_w
    return best_of_columns(joint, candidates, incumbent, bound_w, most, deadline)


def most_w(column: Column) -> float:
    """Return the energy limit times the rate; infinite where there is none."""
    return next((budget.most for budget in column.budgets if budget.name == "energy"), np.inf)


def choice_of(column: Column, joint: JointInstance, shared: joint_choices.Places) -> joint_choices.Choice:
    """Write what a column asks for place by place, in the oracle's order."""
    network, count = joint.network, len(shared.names)
    nodes = [shared.names.index(network.names[node]) for node in column.nodes]
    media = [shared.names.index(network.medium_name(medium)) for medium in column.media]
    used, load, dynamic_w, static_w, memory = np.zeros((5, count))
    late_s = np.zeros((len(column.fixed_s), count))
    used[nodes], dynamic_w[nodes], static_w[nodes], memory[nodes] = (
        1.0, column.dynamic_w, column.static_w, column.memory_bytes,
    )  # fmt: skip
    load[nodes], load[media] = column.node_load, column.medium_load
    late_s[:, nodes], late_s[:, media] = column.node_s, column.medium_s
    return joint_choices.Choice(
        point="", hosts=(),
        used=used, load=load, dynamic_w=dynamic_w, static_w=static_w, memory=memory, carried_w=column.transfer_w,
        late_s=late_s, fixed_s=column.fixed_s, most_s=column.most_s, most_w=most_w(column), nominal_j=0.0,
    )  # fmt: skip


def least_power(case: Case, joint: JointInstance, by_app: Sequence[Sequence[Column]]) -> float:
    """Return the least power of all combinations of columns; infinite where none has a plan."""
    shared = joint_choices.places(case.topology)
    choices = [[choice_of(column, joint, shared) for column in own] for own in by_app]
    try:
        return min((joint_oracle.least_power(chosen, shared) for chosen in product(*choices)), default=np.inf)
    except joint_oracle.GaveUpError:
        assume(False)
        raise


@pytest.mark.slow
@FEW
@given(SEEDS)
def test_the_best_of_all_combinations_is_found_and_proved(seed: int) -> None:
    case, joint, by_app = few_columns(Random(seed))
    least_w = least_power(case, joint, by_app)
    incumbent = Incumbent()
    looked = search(joint, by_app, incumbent, MANY, Deadline())
    if incumbent.plan is None:
        assert not looked.proved or np.isinf(least_w)
        return
    assert [column.app for column in incumbent.plan.columns] == list(range(joint.count))
    assert incumbent.plan.power_w >= least_w * (1.0 - SLACK)
    assert looked.lower_bound_w <= least_w * (1.0 + SLACK)
    if looked.proved:
        assert incumbent.plan.power_w == pytest.approx(least_w, rel=SLACK)
        assert looked.lower_bound_w == pytest.approx(least_w, rel=2 * SLACK)


@pytest.mark.slow
@FEW
@given(SEEDS, st.integers(0, 12))
def test_a_search_that_is_stopped_says_so_and_bounds_what_it_has_not_seen(seed: int, most_programs: int) -> None:
    case, joint, by_app = few_columns(Random(seed), most=3)
    incumbent = Incumbent()
    looked = search(joint, by_app, incumbent, most_programs, Deadline())
    assert looked.programs <= most_programs
    assert looked.lower_bound_w <= least_power(case, joint, by_app) * (1.0 + SLACK)


def with_a_plan() -> tuple[JointInstance, list[list[Column]], Sequence[Column]]:
    """Return columns of a case that has a plan of the last columns of all apps, and those."""
    r = Random(3)
    while True:
        _, joint, by_app = few_columns(r)
        last = [own[-1] for own in by_app if own]
        if min(map(len, by_app)) > 1 and plan_of(joint, last) is not None:
            return joint, by_app, last


def test_a_search_that_is_stopped_at_once_solves_no_program() -> None:
    joint, by_app, last = with_a_plan()
    known = plan_of(joint, last)
    by_app = [own * 500 for own in by_app]  # whose programs would take minutes
    incumbent = Incumbent(known)
    looked = search(joint, by_app, incumbent, MANY**2, Deadline.after(0.0))
    assert (incumbent.plan, looked.proved, looked.programs) == (known, False, 0)
    assert known is not None
    assert 0.0 <= looked.lower_bound_w <= known.power_w


def test_a_better_plan_than_the_known_one_is_kept_and_a_worse_one_is_not() -> None:
    joint, by_app, last = with_a_plan()
    known = plan_of(joint, last)
    assert known is not None
    best = Incumbent(known)
    search(joint, by_app, best, MANY, Deadline())
    assert best.plan is not None
    assert best.plan.power_w < known.power_w * (1.0 - 1e-3)
    only_worse = Incumbent(best.plan)
    search(joint, [[column] for column in last], only_worse, MANY, Deadline())
    assert only_worse.plan is best.plan
