"""Time limits of fleets: what follows the search is kept back, and an answer without time is an honest one."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.fin.deadline import Deadline
from planner.fleet import budget
from planner.fleet.budget import TimeBudget
from planner.fleet.instance import build
from planner.pipeline.fleet import plan_fleet

CITY = Path(__file__).parents[2] / "examples" / "city"
FILES = (CITY / "fleet.json", CITY / "topology.json")


def test_time_for_whole_users_and_the_answer_is_kept_back() -> None:
    large = TimeBudget.begin(100.0, 20_000)
    seconds, placed = large.search()
    assert seconds is not None
    assert seconds < placed.remaining_s < large.latest.remaining_s <= 115.0
    assert TimeBudget.begin(None, 20_000).search() == (None, Deadline())


def test_a_large_fleet_without_time_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "SMALL", 0)
    monkeypatch.setattr(budget, "_LATE_S", 0.0)
    placement = plan_fleet(*FILES, time_limit_s=0.0)
    assert (placement.status, placement.groups) == ("unknown", ())
    assert "time limit" in placement.message


@pytest.mark.parametrize("method", ["fleet", "cheapest", "nearest", "lp", "ilp"])
def test_users_whom_the_time_leaves_without_a_plan_are_no_plan(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is over right behind the enumeration of plans."""
    monkeypatch.setattr(budget, "SMALL", 0)
    monkeypatch.setattr(budget, "_LATE_S", 0.0)
    monkeypatch.setattr(build.Deadline, "check", lambda _self: None)
    placement = plan_fleet(*FILES, time_limit_s=0.0, method=method)
    assert (placement.status, placement.groups) == ("unknown", ())
    assert placement.message
