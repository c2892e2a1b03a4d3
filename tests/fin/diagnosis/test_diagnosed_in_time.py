"""Diagnoses that a deadline ends: what they say is a bound on what they would have found, and claims no more."""

from __future__ import annotations

import math
from typing import Any

import pytest
from diagnosis_cases import FULL, model, topology

from planner import plan
from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.diagnosis import diagnose as diagnosis_module
from planner.fin.diagnosis import searches
from planner.fin.instance.instance import Instance
from planner.fin.outcome import Outcome
from planner.pipeline import one_app
from planner.schemas import Diagnosis

_MEMORY = topology({"memory_bytes": 2e6}, {"memory_bytes": 4e6})
_BLOCKS = [{"name": "b1", "ops": 2.0, "param_bytes": 3e6}, {"name": "b2", "ops": 4.0, "param_bytes": 5e6}]
_CASES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "memory": (model(FULL, blocks=_BLOCKS), _MEMORY, {}),
    "memory of two nodes": (model(FULL, blocks=_BLOCKS), _MEMORY, {"pin": {"b1": ["phone"], "b2": ["edge"]}}),
    "latency and accuracy": (model(), topology(), {"max_latency_s": 3.0}),
    "rate": (model(FULL), topology({"max_utilization": 0.5}), {"rate_per_s": 10.0}),
    "pin": (model(FULL), topology(), {"max_energy_j": 7.0, "pin": {"b2": ["edge"]}}),
    "together": (model(FULL), topology(), {"max_latency_s": 3.0, "max_energy_j": 5.0}),
}


def _diagnosis(case: str) -> Diagnosis:
    asked, where, limits = _CASES[case]
    placement = plan(asked, where, **limits)
    assert placement.status == "infeasible"
    assert placement.diagnosis is not None
    return placement.diagnosis


def _stop_after(monkeypatch: pytest.MonkeyPatch, count: int) -> list[float]:
    """Let the deadline come after a number of searches; return the list of those that began."""
    began: list[float] = []
    search = searches.searched

    def stopping(instance: Instance, gap: float, until: Deadline) -> Outcome[Any]:
        if len(began) >= count:
            raise DeadlineReachedError
        began.append(gap)
        return search(instance, gap, until)

    monkeypatch.setattr(searches, "searched", stopping)
    return began


@pytest.mark.parametrize("case", _CASES)
def test_a_stopped_diagnosis_states_bounds_and_claims_no_more(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    whole = _diagnosis(case)
    best = {(row.kind, row.subject): row.best for row in whole.limits}
    alone = not any("not enough by itself" in row.message for row in whole.limits)
    began = _stop_after(monkeypatch, 1000)
    assert _diagnosis(case) == whole
    needed = len(began)
    for count in range(needed):
        monkeypatch.undo()
        _stop_after(monkeypatch, count)
        found = _diagnosis(case)
        for row in found.limits:
            assert not (alone and "not enough by itself" in row.message)
            least = best.get((row.kind, row.subject))
            if row.best is None or least is None:
                continue
            exact = row.best == pytest.approx(least, rel=1e-8)
            worse = row.best < least if row.kind in ("accuracy", "rate") else row.best > least
            bound = "at least" if row.kind in ("accuracy", "rate") else "at most"
            assert exact or (worse and bound in row.message)
        if len(found.limits) < len(whole.limits):
            assert "the time limit came before" in found.summary
    assert found.limits or needed == 0


def test_without_time_it_is_said_that_nothing_was_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    _stop_after(monkeypatch, 0)
    found = _diagnosis("latency and accuracy")
    assert found.limits == ()
    assert found.summary == (
        "no plan for 'app': that is proved; the time limit came before it was found which limits are to blame"
    )
    (row,) = _diagnosis("memory").limits
    assert (row.subject, row.best) == ("b2", 5e6)  # to see that a block fits nowhere takes no search


@pytest.mark.parametrize("limit_s", [None, 1e3])
def test_a_diagnosis_ends_with_the_time_limit(monkeypatch: pytest.MonkeyPatch, limit_s: float | None) -> None:
    left_s: list[float] = []
    diagnose = diagnosis_module.diagnose

    def noted(*args: Any) -> Diagnosis:
        left_s.append(args[-1].remaining_s)
        return diagnose(*args)

    monkeypatch.setattr(diagnosis_module, "diagnose", noted)
    placement = plan(model(), topology(), max_latency_s=3.0, time_limit_s=limit_s)
    assert placement.status == "infeasible"
    assert left_s == [math.inf] if limit_s is None else 0.0 < left_s[0] <= limit_s


def test_a_diagnosis_has_some_time_where_the_search_took_it_all() -> None:
    until = one_app.diagnosed_until(1.0, 5.0)
    assert 0.0 < until.remaining_s <= one_app._DIAGNOSIS_S
