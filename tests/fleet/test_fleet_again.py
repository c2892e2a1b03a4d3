"""Planning again: plans are kept, moves are counted by other code, limited, and the answer still stands."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from fleet_cases import random_fleet

from planner.pipeline.fleet import plan_fleet
from planner.schemas import InputError, Model, Topology, check_document
from planner.schemas.fleets.fleet import Fleet
from planner.schemas.fleets.placement import FleetPlacement

CITY = Path(__file__).parents[2] / "examples" / "city"


def plan(case: tuple, **options: object) -> FleetPlacement:
    fleet, topology, models = case
    known = {name: check_document(model, Model) for name, model in models.items()}
    return plan_fleet(check_document(fleet, Fleet), check_document(topology, Topology), models=known, **options)


def users_by_plan(placement: FleetPlacement) -> dict[str, Counter[object]]:
    found: dict[str, Counter[object]] = {}
    for group in placement.groups:
        where = (group.attach, group.operating_point, group.assignments, group.routes)
        found.setdefault(group.class_name, Counter())[where] += group.count
    return found


def counted_moves(before: FleetPlacement, after: FleetPlacement) -> int:
    """Users who were there before and still are, whose plan is another: all that cannot be matched."""
    moved, was, now = 0, users_by_plan(before), users_by_plan(after)
    for name, plans in was.items():
        same = (plans & now.get(name, Counter())).total()
        moved += min(plans.total(), now.get(name, Counter()).total()) - same
    return moved


def changed(case: tuple, random: Random) -> tuple:
    fleet, topology, models = case
    classes = [{**each, "count": max(0, each["count"] + random.choice([-1, 0, 1]))} for each in fleet["classes"]]
    return {**fleet, "classes": classes}, topology, models


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(25))
def test_nobody_moves_without_a_reason_and_moves_are_counted(seed: int) -> None:
    random = Random(seed)
    case = random_fleet(random)
    before = plan(case)
    if not before.groups:
        return
    same = plan(case, before=before)
    assert same.change is not None
    assert (same.change.moved, same.change.new, same.change.gone) == (0, 0, 0)
    other = changed(case, random)
    if not sum(each["count"] for each in other[0]["classes"]):
        return
    for most in (None, 0, 2):
        after = plan(other, before=before, most_moves=most)
        if after.groups:
            assert after.change is not None
            assert after.change.moved == counted_moves(before, after)


def test_a_plan_from_a_placement_is_within_the_gap_of_a_plan_from_nothing() -> None:
    case = random_fleet(Random(4))
    before = plan(case, gap=1e-6)
    again = plan(case, before=before, gap=1e-6)
    assert before.total is not None
    assert again.total is not None
    assert again.total.power_w == pytest.approx(before.total.power_w, rel=1e-6)


def test_moves_need_a_placement_and_a_method_that_plans_again() -> None:
    files = (CITY / "fleet.json", CITY / "topology.json")
    with pytest.raises(InputError, match="--from"):
        plan_fleet(*files, most_moves=3)
    before = plan_fleet(*files)
    with pytest.raises(InputError, match="does not plan again"):
        plan_fleet(*files, before=before, method="cheapest")


def test_the_day_of_the_city_moves_few_users_from_hour_to_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(CITY))
    import day

    hours = list(day.plan_day(hours=4, most_moves=10))
    assert [each.status for each in hours] == ["optimal"] * 4
    for before, after in pairwise(hours):
        assert after.change is not None
        assert after.change.moved == counted_moves(before, after)
