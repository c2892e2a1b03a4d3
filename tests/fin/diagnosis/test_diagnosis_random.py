"""Diagnoses of random problems: giving way to what is reported gives a plan, and nothing better can be had."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from random import Random

import numpy as np
from cases import instance_of, random_case
from diagnosis_cases import Json, check_units
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.diagnosis.diagnose import diagnose
from planner.fin.exact.method import Exact
from planner.fin.instance.instance import Instance
from planner.fin.method import Options
from planner.schemas import App, BrokenLimit, Diagnosis, Model, Topology


def diagnosed(app: App, model: Model, topology: Topology) -> tuple[Instance, Diagnosis] | None:
    instance = instance_of(app, model, topology)
    if instance is None or Exact().solve(instance, Options()).status != "infeasible":
        return None
    everything = instance_of(app.model_copy(update={"min_accuracy": 0.0}), model, topology)
    assert everything is not None
    unpinned = np.broadcast_to(instance.blocks.can_run, instance.allowed.shape)
    return instance, diagnose(instance, everything, unpinned)


def has_plan(instance: Instance | None) -> bool:
    assert instance is not None
    return Exact().solve(instance, Options()).plan is not None


def relaxed(app: App, row: BrokenLimit, factor: float) -> App | None:
    """Return the app that asks for the reported best, times a factor, instead."""
    assert row.best is not None or row.kind in ("pin", "reachability", "memory")
    best = (row.best or 0.0) * factor
    changes: Json | None = {
        "latency": {"max_latency_s": max(best, 1e-12)},
        "energy": {"max_energy_j": best},
        "accuracy": {"min_accuracy": row.best},
        "rate": {"rate_per_s": row.best},
        "pin": {"pin": {block: nodes for block, nodes in app.pin.items() if block != row.subject}},
    }.get(row.kind)
    return None if changes is None else app.model_copy(update=changes)


@given(st.randoms(use_true_random=False))
def test_giving_way_to_what_is_reported_gives_a_plan(random: Random) -> None:
    app, asked, where = random_case(random)
    found = diagnosed(app, asked, where)
    if found is None:
        return
    instance, diagnosis = found
    assert diagnosis.limits
    assert diagnosis.summary
    check_units(diagnosis)
    if any("not enough by itself" in row.message for row in diagnosis.limits):
        return
    for row in diagnosis.limits:
        other = relaxed(app, row, 1 + 1e-6)
        if other is not None:
            assert has_plan(instance_of(other, asked, where)), row
    short = {row.subject: row.best for row in diagnosis.limits if row.kind == "memory"}
    if short:
        names, memory = instance.network.names, instance.network.memory_bytes
        roomier = np.array([short.get(name) or has for name, has in zip(names, memory, strict=True)])
        assert has_plan(replace(instance, network=replace(instance.network, memory_bytes=roomier)))


@given(st.randoms(use_true_random=False))
def test_nothing_better_than_what_is_reported_can_be_had(random: Random) -> None:
    app, asked, where = random_case(random)
    found = diagnosed(app, asked, where)
    if found is None or any("not enough by itself" in row.message for row in found[1].limits):
        return
    for row in found[1].limits:
        if row.kind in ("latency", "energy") and row.best:
            assert not has_plan(instance_of(relaxed(app, row, 1 - 1e-6), asked, where)), row
        elif row.kind == "accuracy":
            assert row.best is not None
            stricter = app.model_copy(update={"min_accuracy": row.best + 1e-6})
            assert not has_plan(instance_of(stricter, asked, where)), row
        elif row.kind == "rate":
            assert row.best is not None
            faster = app.model_copy(update={"rate_per_s": row.best * 1.001 + app.rate_per_s * 1e-5})
            assert not has_plan(instance_of(faster, asked, where)), row


@given(st.randoms(use_true_random=False))
def test_limits_that_exclude_each_other_are_listed_and_no_others(random: Random) -> None:
    """Limits are so tight that often several must give way: those listed leave no plan, the others do."""
    app, asked, where = random_case(random)
    app = app.model_copy(
        update={"max_latency_s": 10.0 ** random.uniform(-6, 2), "max_energy_j": 10.0 ** random.uniform(-6, 2)}
    )
    found = diagnosed(app, asked, where)
    if found is None or not all("not enough by itself" in row.message for row in found[1].limits):
        return
    listed = {row.kind for row in found[1].limits}
    assert len(listed) > 1
    assert has_plan(without(listed, app, asked, where))
    assert not has_plan(without({"latency", "energy", "accuracy", "rate", "memory"} - listed, app, asked, where))


def without(kinds: Set[str], app: App, asked: Model, where: Topology) -> Instance:
    """Return an app without limits of some kinds, made of its files."""
    gone: Json = {
        "latency": {"max_latency_s": None}, "energy": {"max_energy_j": None}, "accuracy": {"min_accuracy": 0.0},
        "rate": {"rate_per_s": 0.0},
    }  # fmt: skip
    changes = {field: value for kind in kinds for field, value in gone.get(kind, {}).items()}
    instance = instance_of(app.model_copy(update=changes), asked, where)
    assert instance is not None
    if "memory" not in kinds:
        return instance
    unlimited = np.full(instance.network.size, np.inf)
    return replace(instance, network=replace(instance.network, memory_bytes=unlimited))
