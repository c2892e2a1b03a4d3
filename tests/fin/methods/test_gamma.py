"""The published algorithm against the exact one on FIN's B-AlexNet, and baselines against sums made by hand.

The tiny chain (seconds, joules; 1 op/s and 1 J/op on the phone, 10 op/s and 0.1 J/op on the server):

    phone   a: 1 s, 1 J   b: 4 s, 4 J   c: 2 s, 2 J
    server  a: 0.1 s, 0.1 J   b: 0.4 s, 0.4 J   c: 0.2 s, 0.2 J
    link    1 bit/s, 0.5 J/bit: the input has 8 bits, a leaves 2, b leaves 1

    cut 0: 8 + 0.7 = 8.7 s, 4 + 0.7 = 4.7 J        cut 2: 5 + 1 + 0.2 = 6.2 s, 5 + 0.5 + 0.2 = 5.7 J
    cut 1: 1 + 2 + 0.6 = 3.6 s, 1 + 1 + 0.6 = 2.6 J    on the phone: 7 s, 7 J
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import instance_of

from planner.fin.instance.costs import Costs
from planner.fin.instance.decision import Decision, evaluate
from planner.fin.instance.instance import Instance
from planner.fin.method import Options, method
from planner.fin.outcome import Outcome
from planner.schemas import Model, Topology, Workload, check_document, read_document

EXAMPLES = Path(__file__).parents[3] / "examples"
DEPTHS = (10, 100, 1000)
"""Each divides the next, so a path through the levels of one is a path through those of the next."""


def b_alexnet(deadline_ms: float, accuracy: float) -> Instance:
    model, _ = read_document(EXAMPLES / "b-alexnet.json", Model)
    topology, _ = read_document(EXAMPLES / "device-edge-cloud.json", Topology)
    workload, _ = read_document(EXAMPLES / "fin-b-alexnet.workload.json", Workload)
    changes = {"max_latency_s": deadline_ms / 1000, "min_accuracy": accuracy}
    instance = instance_of(workload.apps[0].model_copy(update=changes), model, topology)
    assert instance is not None
    return instance


def chain(second_exit: bool = False, **app: Any) -> Instance:
    model = {
        "schema_version": "1", "name": "m", "input_bits": 8,
        "blocks": [
            {"name": "a", "ops": 1, "param_bytes": 0, "output_bits": 2},
            {"name": "b", "ops": 4, "param_bytes": 0, "output_bits": 1},
            {"name": "c", "ops": 2, "param_bytes": 0, "output_bits": 0},
        ],
        "exits": [{"name": "early", "after": "a"}, {"name": "last", "after": "c"}],
        "operating_points": [{"name": "full", "exit_fractions": {"last": 1}, "accuracy": 0.9}],
    }  # fmt: skip
    if second_exit:
        model["operating_points"].append({"name": "short", "exit_fractions": {"early": 1}, "accuracy": 0.5})
    topology = {
        "schema_version": "1", "name": "t",
        "nodes": [
            {"name": "phone", "tier": "mobile", "ops_per_s": 1, "j_per_op": 1},
            {"name": "server", "tier": "edge", "ops_per_s": 10, "j_per_op": 0.1},
        ],
        "links": [{"source": "phone", "target": "server", "bit_per_s": 1, "j_per_bit": 0.5}],
    }  # fmt: skip
    workload = check_document({"schema_version": "1", "apps": [{"model": "m", **app}]}, Workload)
    found = instance_of(workload.apps[0], check_document(model, Model), check_document(topology, Topology))
    assert found is not None
    return found


def solved(name: str, instance: Instance, **options: Any) -> tuple[Outcome[Decision], float, float]:
    """Return an answer with its energy (joules) and latency (seconds), infinite without a plan."""
    outcome = method(name).solve(instance, Options(**options))
    if outcome.plan is None:
        return outcome, np.inf, np.inf
    evaluation = evaluate(instance, outcome.plan)
    return outcome, evaluation.energy_j, evaluation.latency_s


@pytest.mark.parametrize("deadline_ms", [3, 4, 5, 7, 10, 15])
@pytest.mark.parametrize("accuracy", [0.5, 0.7, 0.85])
def test_deeper_levels_are_no_worse_and_never_below_the_optimum(deadline_ms: float, accuracy: float):
    instance = b_alexnet(deadline_ms, accuracy)
    energies = [solved("gamma", instance, gamma=depth)[1] for depth in DEPTHS]
    assert energies == sorted(energies, reverse=True)
    assert energies[-1] >= solved("exact", instance)[1] * (1 - 1e-12)


def test_levels_round_up():
    """Cut 1 takes 1 s, then 2 + 0.4 s, then 0.2 s: of a limit of 4 s these are 1, 3 and 1 of four levels."""
    instance = chain(max_latency_s=4)
    outcome, _, _ = solved("gamma", instance, gamma=4)
    assert outcome.status == "unknown"
    assert "rounding up may hide plans" in outcome.termination.detail
    # with ten levels: 2.5 -> 3, 6 and 0.5 -> 1 just fit
    outcome, energy, _ = solved("gamma", instance, gamma=10)
    assert (outcome.status, energy) == ("optimal", pytest.approx(2.6))


def test_without_a_limit_one_level_is_enough():
    outcome, energy, _ = solved("gamma", chain())
    assert (outcome.status, energy) == ("optimal", pytest.approx(2.6))
    assert outcome.statistics["levels"] == 0


def test_levels_of_energy_when_latency_is_minimised():
    """Cut 1 takes 1, then 1 + 0.4, then 0.2 J: of a limit of 3.5 J these are 3, 4 and 1 of ten levels."""
    outcome, energy, latency = solved("gamma", chain(objective="latency", max_energy_j=3.5))
    assert (outcome.status, energy, latency) == ("optimal", pytest.approx(2.6), pytest.approx(3.6))


def test_limit_itself_is_within_the_limit():
    """Whole levels must not be lost to the rounding of floats: 1, 2.4 and 0.2 s of 3.6 s are 5, 12 and 1 of 18."""
    outcome, energy, _ = solved("gamma", chain(max_latency_s=3.6), gamma=18)
    assert (outcome.status, energy) == ("optimal", pytest.approx(2.6))


@pytest.mark.parametrize(
    ("app", "cut", "energy", "latency"),
    [
        ({}, 1, 2.6, 3.6),
        ({"objective": "latency"}, 1, 2.6, 3.6),
        ({"pin": {"b": ["phone"]}}, 2, 5.7, 6.2),
        ({"pin": {"a": ["server"]}}, 0, 4.7, 8.7),
        ({"pin": {"c": ["phone"]}}, 3, 7.0, 7.0),
    ],
)
def test_neurosurgeon_takes_the_best_cut(app: dict[str, Any], cut: int, energy: float, latency: float):
    outcome, found_j, found_s = solved("neurosurgeon", chain(**app))
    assert outcome.plan is not None
    assert outcome.plan.nodes == (0,) * cut + (1,) * (3 - cut)
    assert (found_j, found_s) == (pytest.approx(energy), pytest.approx(latency))


def test_whole_placements():
    assert solved("source-only", chain())[1:] == (pytest.approx(7.0), pytest.approx(7.0))
    assert solved("edge-only", chain())[1:] == (pytest.approx(4.7), pytest.approx(8.7))
    assert solved("edge-only", chain(max_latency_s=8.0))[0].status == "unknown"


def test_mcp_does_not_look_at_energy_that_is_not_limited():
    """A server of 1000 times the energy still is the fastest, with cut 1."""
    instance = chain(max_latency_s=10)
    dear = replace(instance, blocks=dear_server(instance.blocks))
    _, energy, latency = solved("mcp", dear)
    assert latency == pytest.approx(3.6)
    assert energy == pytest.approx(1 + 1 + 600)
    assert solved("exact", dear)[1] == pytest.approx(7.0)
    # limited, energy weighs: 1/8, 4/8 and 2/8 on the phone
    limited = dear.with_limits(energy_j=8.0)
    assert solved("mcp", limited)[1:] == (pytest.approx(7.0), pytest.approx(7.0))


def dear_server(blocks: Costs) -> Costs:
    return replace(blocks, energy_j=blocks.energy_j * np.array([1.0, 1000.0]))


def test_mcp_ranks_operating_points_by_their_worst_ratio():
    """Limit 10 s, accuracy 0.4: short takes max(1/10, 0.4/0.5) = 0.8, full max(3.6/10, 0.4/0.9) = 0.44."""
    instance = chain(second_exit=True, max_latency_s=10, min_accuracy=0.4)
    outcome, _, latency = solved("mcp", instance)
    assert outcome.plan is not None
    assert (instance.points.name(outcome.plan.point), latency) == ("full", pytest.approx(3.6))
    # limit 4 s: full takes 3.6/4 = 0.9, short max(1/4, 0.8) = 0.8
    instance = chain(second_exit=True, max_latency_s=4, min_accuracy=0.4)
    outcome, _, latency = solved("mcp", instance)
    assert outcome.plan is not None
    assert (instance.points.name(outcome.plan.point), latency) == ("short", pytest.approx(1.0))


def test_mcp_without_limits_is_the_fastest():
    assert solved("mcp", chain())[2] == pytest.approx(3.6)
