"""Fronts of two figures against enumeration: nothing is missing, and nothing is dominated."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest
from cases import instance_of
from hypothesis import assume, given
from hypothesis import strategies as st
from metric_cases import random_metric_case
from undiagnosed import undiagnosed

from planner.fin.deadline import Deadline
from planner.fin.instance.decision import evaluate, within_limits
from planner.fin.instance.instance import Instance
from planner.fin.methods.enumeration import TooManyError, decisions
from planner.pipeline.front_of_two import front_of_two
from planner.pipeline.request import Request
from planner.schemas import App, Front, InputError, Model, Topology

CLOSE = 1e-6


def all_plans(instance: Instance, axes: tuple[str, str]) -> list[tuple[float, float]]:
    """Return both figures of every plan within the limits; an accuracy counts negatively."""
    found = []
    for decision in decisions(instance, 1_500, Deadline()):
        cost = evaluate(instance, decision)
        if within_limits(instance, cost):
            accuracy = float(instance.points.accuracy[decision.point])
            first, second = (-accuracy if axis == "accuracy" else cost.figure(axis) for axis in axes)
            found.append((first, second))
    return found


def points_of(front: Front, axes: tuple[str, str]) -> list[tuple[float, float]]:
    found = []
    for point in front.points:
        accuracy = -1.0 if point.accuracy is None else -point.accuracy
        figures = {"energy": point.energy_j, "latency": point.latency_s, "accuracy": accuracy}
        figures |= point.placement.apps[0].metrics
        found.append((figures[axes[0]], figures[axes[1]]))
    return found


def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Tell whether one plan is clearly better in one figure and no worse in the other."""
    slack = [CLOSE * max(1e-3, abs(value)) for value in other]
    better = any(mine < value - each for mine, value, each in zip(one, other, slack, strict=True))
    return better and all(mine <= value + 1e-12 for mine, value in zip(one, other, strict=True))


def case(random: Random) -> tuple[App, Model, Topology, Instance, tuple[str, str]] | None:
    app, model, topology = random_metric_case(random)
    names = ["energy", "latency", "accuracy", *(metric.name for metric in topology.metrics)]
    axes = random.choice(list(permutations(names, 2)))
    app = app.model_copy(update={"min_accuracy": random.choice([0.0, 0.6]), "objective": "energy"})
    instance = instance_of(app, model, topology)
    return None if instance is None else (app, model, topology, instance, axes)


@given(st.randoms(use_true_random=False))
def test_front_equals_enumeration(random: Random) -> None:
    found = case(random)
    assume(found is not None)
    assert found is not None
    app, model, topology, instance, axes = found
    try:
        plans = all_plans(instance, axes)
    except TooManyError:
        return
    with undiagnosed():
        front = front_of_two(Request(app, model, topology), axes)
    assert front.status == ("complete" if plans else "infeasible")
    points = points_of(front, axes)
    for point in points:
        assert not any(beats(plan, point) for plan in plans)
    for plan in plans:
        assert any(
            all(mine <= value + CLOSE * max(1e-3, abs(value)) for mine, value in zip(point, plan, strict=True))
            for point in points
        )


@pytest.mark.parametrize("axes", [("energy",), ("energy", "energy"), ("energy", "karma"), ("energy", "latency", "x")])
def test_axes_that_make_no_front_are_refused(axes: tuple[str, ...]) -> None:
    app, model, topology = random_metric_case(Random(1))
    with pytest.raises(InputError):
        front_of_two(Request(app, model, topology), axes)
