"""The exact method against enumeration and against integer programming, with every feature on."""

from __future__ import annotations

from random import Random

import pytest
from cases import instance_of, random_case
from enumerated import MOST_PLANS, value_of
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import against_oracle

from planner.fin.exact.method import Exact
from planner.fin.instance.decision import evaluate, within_limits
from planner.fin.instance.instance import Instance, build_instance
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options
from planner.fin.methods.enumeration import BruteForce
from planner.fin.methods.integer_program import IntegerProgram
from planner.pipeline.placement import placement_of
from planner.schemas import App, Model, Provenance, Topology, check_document
from planner.verifier.verify import verify

ORACLE_EXAMPLES = against_oracle(100)
"""The comparison that all else rests on gets 2,000 examples in CI."""


@settings(max_examples=ORACLE_EXAMPLES)
@given(st.randoms(use_true_random=False))
def test_exact_equals_enumeration_and_integer_programming(random: Random) -> None:
    app, model, topology = random_case(random)
    instance = instance_of(app, model, topology)
    if instance is None:
        return
    exact = Exact().solve(instance, Options())
    assert exact.status in ("optimal", "infeasible")
    value = value_of(instance, exact)
    for oracle in (BruteForce(MOST_PLANS), IntegerProgram()):
        other = oracle.solve(instance, Options())
        if other.status in ("optimal", "infeasible"):
            assert other.status == exact.status, oracle.name
            assert value == pytest.approx(value_of(instance, other), rel=1e-7, abs=1e-12), oracle.name
        else:
            assert oracle.name == "brute"  # too many plans to enumerate; what it saw must not be better
            assert value <= value_of(instance, other) * (1 + 1e-9)
    assert exact.lower_bound <= value * (1 + 1e-9)


@given(st.randoms(use_true_random=False))
def test_every_plan_stands_before_the_verifier(random: Random) -> None:
    app, model, topology = random_case(random, most_nodes=5, most_blocks=6)
    instance = instance_of(app, model, topology)
    if instance is None:
        return
    outcome = Exact().solve(instance, Options())
    if outcome.plan is None:
        assert outcome.status == "infeasible"
        return
    assert within_limits(instance, evaluate(instance, outcome.plan))
    placement = placement_of(instance, outcome, Provenance(planner="test", method="exact"), 0.0, None)
    assert verify(placement, topology, [(app, model)]) == []


def chain(blocks: int, memory_bytes: float, rows: int = 3) -> Instance:
    """Return equal blocks on a package of equal chiplets that hold one block each: all placements are symmetric."""
    model = check_document(
        {
            "schema_version": "1", "name": "chain", "input_bits": 8.0,
            "blocks": [{"name": f"b{i}", "ops": 10.0, "param_bytes": 1.0, "output_bits": 8.0} for i in range(blocks)],
            "exits": [{"name": "out", "after": f"b{blocks - 1}"}],
            "operating_points": [{"name": "all", "exit_fractions": {"out": 1.0}, "accuracy": 0.9}],
        },
        Model,
    )  # fmt: skip
    topology = check_document(
        {
            "schema_version": "1", "name": "package",
            "packages": [
                {
                    "name": "p", "rows": rows, "cols": rows, "gateways": [[0, 0]],
                    "chiplet": {"ops_per_s": 10.0, "j_per_op": 0.1, "memory_bytes": memory_bytes},
                    "interposer": {"bit_per_s": 80.0, "j_per_bit": 0.01},
                    "gateway_link": {"bit_per_s": 80.0, "j_per_bit": 0.01},
                }
            ],
        },
        Topology,
    )  # fmt: skip
    app = App(model="chain", source="p[0,0]")
    return build_instance(app, model, build_network(*expand(topology)))


@pytest.mark.parametrize("blocks", [4, 9])
def test_one_block_per_chiplet_is_a_walk_without_repeats(blocks: int) -> None:
    """Closed form: every block moves to a neighbour, so energy is blocks * 1 J + (blocks - 1) * 0.08 J."""
    instance = chain(blocks, memory_bytes=1.0)
    outcome = Exact().solve(instance, Options())
    assert outcome.status == "optimal"
    assert outcome.plan is not None
    assert len(set(outcome.plan.nodes)) == blocks
    assert value_of(instance, outcome) == pytest.approx(blocks + 0.08 * (blocks - 1))


def test_too_many_blocks_for_the_package_is_infeasible() -> None:
    assert Exact().solve(chain(10, memory_bytes=1.0), Options()).status == "infeasible"


def test_a_time_limit_of_nothing_is_not_called_a_proof() -> None:
    outcome = Exact().solve(chain(9, memory_bytes=1.0), Options(time_limit_s=0.0))
    assert outcome.status in ("unknown", "feasible")
    assert outcome.termination.detail
    assert outcome.lower_bound <= 9 + 0.08 * 8 + 1e-9


def test_a_gap_is_kept() -> None:
    instance = chain(6, memory_bytes=2.0)
    best = value_of(instance, Exact().solve(instance, Options()))
    loose = Exact().solve(instance, Options(gap=0.2))
    assert loose.status == "optimal"
    assert value_of(instance, loose) <= best / (1 - 0.2) + 1e-12
    assert loose.lower_bound >= value_of(instance, loose) * (1 - 0.2) - 1e-12


@given(st.randoms(use_true_random=False))
def test_more_room_never_costs_more(random: Random) -> None:
    """Doubling the deadline or the energy limit never makes the optimum worse."""
    app, model, topology = random_case(random)
    instance = instance_of(app, model, topology)
    if instance is None:
        return
    tight = value_of(instance, Exact().solve(instance, Options()))
    limits = instance.limits
    roomy = instance.with_limits(latency_s=2 * limits.latency_s, energy_j=2 * limits.energy_j)
    assert value_of(roomy, Exact().solve(roomy, Options())) <= tight * (1 + 1e-8)
