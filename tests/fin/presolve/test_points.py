"""Dominated operating points: whatever is dropped, the optimum is that over all points."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from cases import instance_of, random_app, random_model, random_topology
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.exact import method
from planner.fin.graph import dominance
from planner.fin.instance.decision import evaluate, objective_of
from planner.fin.instance.instance import Instance
from planner.fin.method import Options
from planner.fin.presolve.points import undominated_points
from planner.schemas import Model, Topology, Workload, check_document


def calibrated(r: Random) -> Instance | None:
    """Return an app whose points are designed, with many that others dominate."""
    model, topology = random_model(r), random_topology(r)
    model.pop("operating_points", None)
    exits = [row["name"] for row in model["exits"]]
    counts = {}
    for name in exits:
        exited = sorted(r.randint(0, 20) for _ in range(3))
        counts[name] = {"exited": exited, "correct": [r.randint(0, count) for count in exited]}
    model["calibration"] = {"samples": 20, "thresholds": [0.1, 0.5, 0.7], "exits": counts}
    app = {**random_app(r, model, topology), "min_accuracy": 0.0}
    app.pop("destination", None)
    workload = check_document({"schema_version": "1", "apps": [app]}, Workload)
    return instance_of(workload.apps[0], check_document(model, Model), check_document(topology, Topology))


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
def test_the_optimum_is_that_over_all_points(random: Random) -> None:
    if (instance := calibrated(random)) is None:
        return
    fewer = method.Exact().solve(instance, Options())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(method, "undominated_points", lambda whole: np.arange(whole.points.count))
        every = method.Exact().solve(instance, Options())
    assert fewer.status == every.status
    if fewer.plan is not None and every.plan is not None:
        values = [objective_of(instance, evaluate(instance, plan)) for plan in (fewer.plan, every.plan)]
        assert values[0] == pytest.approx(values[1], rel=1e-9, abs=1e-15)
        accuracy = instance.points.accuracy
        assert accuracy[fewer.plan.point] >= accuracy[every.plan.point] - 1e-9


@given(st.randoms(use_true_random=False))
def test_a_dropped_point_is_dominated_by_one_that_stays(random: Random) -> None:
    if (instance := calibrated(random)) is None:
        return
    kept = undominated_points(instance)
    points, reach = instance.points, instance.points.reach(len(instance.block_names))
    for dropped in np.setdiff1d(np.arange(points.count), kept).tolist():
        assert any(
            (reach[other] <= reach[dropped]).all()
            and points.depth[other] <= points.depth[dropped]
            and points.accuracy[other] >= points.accuracy[dropped]
            for other in kept.tolist()
        )


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(3, 5))
def test_rows_of_one_group_are_compared_in_blocks(seed: int, rows: int, columns: int) -> None:
    """Against the definition, pair by pair; of equal rows one stays."""
    criteria = np.random.default_rng(seed).integers(0, 4, (rows, columns)).astype(np.float64)
    kept = np.flatnonzero(dominance.non_dominated(np.zeros(rows, dtype=np.int64), criteria))
    worse = (criteria[:, None] <= criteria).all(axis=2) & (criteria[:, None] != criteria).any(axis=2)
    efficient = {tuple(row) for row in criteria[~worse.any(axis=0)]}
    assert {tuple(row) for row in criteria[kept]} == efficient
    assert len(kept) == len(efficient)
    assert set(kept.tolist()) <= set(dominance.thinned(criteria).tolist()) or rows > 16
