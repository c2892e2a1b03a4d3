"""Things that cost or take nothing: 0 operations, 0 J, 0 W, a largest utilisation of 0, in every joint method."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest
from joint_cases import Case, random_case
from joint_oracle import optimum
from joint_plans import violations

from planner import load_model, plan
from planner.clear.diagnosis.diagnose import contradiction
from planner.clear.method import JOINT_METHODS, joint_method
from planner.clear.pricing.dual_prices import DualPrices
from planner.fin.method import Options


def workload(ops: float, utilization: float, idle_w: float, apps: int = 2, j_per_op: float = 1e-9) -> Case:
    """Return equal apps on one source with a second node that costs nothing but idle power."""
    node: dict[str, Any] = {"ops_per_s": 1e9, "j_per_op": j_per_op, "idle_power_w": idle_w, "static_power_w": 0.0}
    link = {"bit_per_s": 1e7, "j_per_bit": 0.0, "latency_s": 0.0}
    topology = {
        "schema_version": "1",
        "name": "t",
        "nodes": [{"name": "n", **node, "max_utilization": utilization}, {"name": "k", **node}],
        "links": [{"source": "n", "target": "k", **link}, {"source": "k", "target": "n", **link}],
    }
    model = {
        "schema_version": "1",
        "name": "m",
        "input_bits": 1000,
        "blocks": [{"name": "b", "ops": ops, "param_bytes": 0, "output_bits": 0}],
        "exits": [{"name": "x", "after": "b", "ops": 0, "param_bytes": 0, "result_bits": 0}],
        "operating_points": [{"name": "full", "exit_fractions": {"x": 1.0}, "accuracy": 0.9}],
    }
    requests = [
        {"name": f"a{i}", "model": "m.json", "source": "n", "rate_per_s": 1.0, "latency": "worst"} for i in range(apps)
    ]
    return Case(topology, tuple((request, model) for request in requests))


@pytest.mark.parametrize("method", JOINT_METHODS)
@pytest.mark.parametrize(("ops", "utilization", "idle_w"), [*product((0.0, 1e6), (0.0, 1.0), (0.0, 0.1))])
def test_no_method_fails_on_what_is_free(method: str, ops: float, utilization: float, idle_w: float) -> None:
    case = workload(ops, utilization, idle_w)
    least_w = optimum(case.apps, case.topology).power_w
    outcome = joint_method(method).solve(case.joint(), Options())
    assert outcome.lower_bound <= least_w * (1.0 + 1e-6)
    if outcome.plan is not None:
        topology, apps = case.documents()
        assert violations(case.joint(), topology, apps, outcome) == []
    if method == "clear":
        assert outcome.status == "optimal"
        assert outcome.plan is not None
        assert outcome.plan.power_w == pytest.approx(least_w, rel=1e-6, abs=1e-12)


def test_energy_that_is_free_everywhere_needs_no_power() -> None:
    case = workload(ops=1e8, utilization=1.0, idle_w=0.0, apps=3, j_per_op=0.0)
    outcome = joint_method("clear").solve(case.joint(), Options())
    assert outcome.status == "optimal"
    assert outcome.plan is not None
    assert outcome.plan.power_w == 0.0


@pytest.mark.parametrize("seed", range(8))
def test_random_workloads_without_some_costs_are_proved(seed: int) -> None:
    r = Random(seed)
    case = random_case(r, most_nodes=3, most_apps=2, most_blocks=2)
    for node in case.topology["nodes"]:
        node.pop("active_power_w", None)
        node |= {"j_per_op": r.choice([0.0, 1.0]), "static_power_w": 0.0, "idle_power_w": r.choice([0.0, 0.1])}
        node["max_utilization"] = r.choice([0.0, 0.0, 1.0])
    for _, model in case.apps:
        for block in model["blocks"]:
            block["ops"] = r.choice([0.0, 0.0, block["ops"]])
    least_w = optimum(case.apps, case.topology).power_w
    outcome = joint_method("clear").solve(case.joint(), Options())
    assert outcome.status == ("optimal" if least_w < float("inf") else "infeasible")
    if outcome.plan is not None:
        assert outcome.plan.power_w == pytest.approx(least_w, rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("inputs", [["b"], ["input", "b"]], ids=["chain", "skip"])
def test_what_takes_no_time_runs_on_a_node_that_may_not_be_busy(inputs: list[str]) -> None:
    case = workload(ops=0.0, utilization=0.0, idle_w=0.1)
    case = Case(case.topology, tuple(({**app, "pin": {"b": ["n"]}}, model) for app, model in case.apps))
    model = case.apps[0][1]  # that of all apps
    model["blocks"].append(
        {"name": "c", "ops": 1e6, "param_bytes": 0, "output_bits": 0, "inputs": [{"block": each} for each in inputs]}
    )
    model["exits"][0]["after"] = "c"
    joint = case.joint()
    assert contradiction(joint, joint.apps) is None
    least_w = optimum(case.apps, case.topology).power_w
    for method in ("clear", "fin-in-order"):
        outcome = joint_method(method).solve(joint, Options())
        assert outcome.plan is not None
        assert outcome.plan.power_w == pytest.approx(least_w, rel=1e-6)
        assert outcome.lower_bound <= least_w * (1.0 + 1e-6)


def test_named_parameters_of_no_size_need_no_memory() -> None:
    """Apps share parameters of 0 B on a node that has 0 B of memory."""
    blocks = [{"name": name, "ops": 1e7, "output_bits": 1e3, "params": ["table"]} for name in ("a", "b")]
    blocks[1]["param_bytes"] = 10
    net = {"name": "net", "input_bits": 1e3, "params": {"table": 0.0}, "blocks": blocks}
    phone = {"name": "phone", "tier": "mobile", "ops_per_s": 1e10, "j_per_op": 1e-11, "memory_bytes": 0.0}
    edge = {"name": "edge", "ops_per_s": 1e11, "j_per_op": 1e-10, "memory_bytes": 1e3}
    link = {"source": "phone", "target": "edge", "bit_per_s": 1e8, "j_per_bit": 1e-9}
    apps = [{"name": name, "model": "net", "rate_per_s": 1.0} for name in ("x", "y")]
    found = plan(
        topology={"name": "two", "nodes": [phone, edge], "links": [link]},
        workload={"apps": apps},
        models={"net": load_model(net)},
    )
    assert found.status == "optimal"
    assert found.total is not None
    assert found.total.power_w == pytest.approx(2 * (1e-4 + 1e-3 + 1e-6), rel=1e-6)


def test_the_largest_idle_power_of_a_node_that_may_not_be_busy_is_no_overflow() -> None:
    case = workload(ops=1e6, utilization=0.0, idle_w=1e30)
    case.topology["nodes"][1]["idle_power_w"] = 0.0
    assert np.isfinite(DualPrices.none(case.joint()).node_w).all()
