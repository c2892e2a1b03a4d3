"""Apps that name several models: bad input, what placements say, fronts, states of a topology, the command line."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from command_line import run
from corruption import false_ones_that_stand, false_placements
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from profiles import examples
from undiagnosed import solve_undiagnosed, undiagnosed
from variant_cases import raw_case, request_for
from variant_oracle import plans

import planner
from planner.pipeline.front_of_two import front_of_two
from planner.pipeline.pareto import pareto
from planner.schemas import InputError

EXAMPLES = Path(__file__).parents[3] / "examples"
FP32, INT8, TOPOLOGY = (str(EXAMPLES / name) for name in ("small.json", "small-int8.json", "small-topology.json"))


def test_the_library_takes_a_list_and_says_which_was_chosen() -> None:
    best = planner.plan([FP32, INT8], TOPOLOGY)
    assert best.apps[0].model == "small.json"  # by default the accuracy is the best over all
    assert best.apps[0].accuracy == 0.92
    cheap = planner.plan([FP32, INT8], TOPOLOGY, min_accuracy=0.9)
    assert cheap.apps[0].model == "small-int8.json"
    assert "variant   small-int8.json" in str(cheap)
    assert planner.check(cheap) == []
    alone = [planner.plan(path, TOPOLOGY, min_accuracy=0.9).apps[0].energy_j for path in (FP32, INT8)]
    assert cheap.apps[0].energy_j == min(alone)
    assert planner.plan(FP32, TOPOLOGY).apps[0].model is None


def test_a_front_is_that_of_the_union() -> None:
    front = planner.pareto([FP32, INT8], TOPOLOGY)
    parts = [planner.pareto(path, TOPOLOGY) for path in (FP32, INT8)]
    points = [(p.energy_j, p.latency_s, -p.accuracy) for part in parts for p in part.points]
    kept = {a for a in points if not any(b != a and all(x <= y for x, y in zip(b, a, strict=True)) for b in points)}
    assert {(p.energy_j, p.latency_s, -p.accuracy) for p in front.points} == kept
    assert {p.placement.apps[0].model for p in front.points} == {"small.json", "small-int8.json"}
    assert "variant" in str(front)


@pytest.mark.slow
@settings(max_examples=examples(50, 300))
@given(random=st.randoms(use_true_random=False))
def test_fronts_hold_every_plan_that_no_other_dominates(random: Random) -> None:
    """Against enumeration of every variant and placement written anew."""
    app, models, topology = raw_case(random)
    app = {**app, "objective": "energy"}
    app.setdefault("min_accuracy", 0.0)
    found = [plan.figures for plan in plans(app, models, topology)]
    names = random.choice([("energy", "latency", "accuracy"), ("energy", "latency"), ("latency", "accuracy")])
    try:
        request = request_for(app, models, topology)
        with undiagnosed():
            front = pareto(request) if len(names) == 3 else front_of_two(request, names)
    except InputError:
        return
    sign = {"energy": 1.0, "latency": 1.0, "accuracy": -1.0}
    points = [[sign[name] * getattr(p, f"{name}_j" if name == "energy" else f"{name}_s" if name == "latency" else name)
               for name in names] for p in front.points]  # fmt: skip
    assert bool(points) == bool(found)
    for figures in found:  # every plan is matched or beaten
        values = [sign[name] * figures[name] for name in names]
        assert any(all(x <= y + 1e-7 * abs(y) + 1e-9 for x, y in zip(p, values, strict=True)) for p in points)
    for p in points:  # no plan beats a point in everything
        for figures in found:
            values = [sign[name] * figures[name] for name in names]
            assert not all(x < y - 1e-7 * abs(y) - 1e-9 for x, y in zip(values, p, strict=True))


@pytest.mark.slow
@settings(max_examples=examples(50, 300))
@given(random=st.randoms(use_true_random=False))
def test_every_false_placement_of_a_variant_is_rejected(random: Random) -> None:
    app, models, topology = raw_case(random)
    app["objective"] = random.choice(["energy", "latency"])
    try:
        request = request_for(app, models, topology)
        placement = solve_undiagnosed(request)
    except InputError:
        return
    assume(placement.apps)
    true = json.loads(placement.model_dump_json())
    false = [*false_placements(true, random, 20), *_with_other_model(true, app["model"])]
    assert false_ones_that_stand(false, request.topology, request.pairs) == []


def _with_other_model(true: dict, names: list[str]) -> list[dict]:
    """Return a placement with a model that is not there, and without any where there are several."""
    others = ["nowhere", *([None] if len(names) > 1 else [])]
    return [{**true, "apps": [{**true["apps"][0], "model": name}]} for name in others]


def test_a_plan_of_the_other_model_is_rejected() -> None:
    placement = planner.plan([FP32, INT8], TOPOLOGY, min_accuracy=0.9)
    other = placement.apps[0].model_copy(update={"model": "small.json"})
    found = planner.check(
        placement.model_copy(update={"apps": (other,)}), TOPOLOGY, model=[FP32, INT8], min_accuracy=0.9
    )
    assert {"energy_j", "latency_s", "accuracy"} <= {each.what for each in found}


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ([], "at least one"),
        ([FP32, FP32], "stands twice"),
        ([FP32, {"name": "x", "input_bits": 8, "blocks": [{"name": "a", "ops": 1}]}], "how accurate"),
    ],
)
def test_bad_alternatives_are_refused_in_one_message(models: list, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        planner.plan(models, TOPOLOGY)
    assert len(refused.value.problems) == 1


@pytest.mark.parametrize("value", [5, [], ["a.json", "a.json"], ["a.json", 5], "", {}])
def test_bad_models_of_a_workload_are_one_problem(value: object) -> None:
    with pytest.raises(InputError) as refused:
        planner.load_workload({"apps": [{"model": value}]})
    (problem,) = refused.value.problems
    assert problem.path.startswith("apps[0].model")


def test_apps_planned_together_say_which_model_is_theirs() -> None:
    apps = [{"name": name, "model": [FP32, INT8], "rate_per_s": 1.0} for name in ("one", "two")]
    lax, strict = (
        planner.plan(None, TOPOLOGY, workload={"apps": [{**app, "min_accuracy": least} for app in apps]})
        for least in (0.5, None)
    )
    assert [app.model for app in lax.apps] == [INT8, INT8]
    assert [app.model for app in strict.apps] == [FP32, FP32]
    assert planner.plan(None, TOPOLOGY, workload={"apps": apps}, app="one").apps[0].model == FP32


def test_pins_are_of_the_models_that_have_the_block() -> None:
    other = json.loads(Path(INT8).read_text(encoding="utf-8"))
    for part in other["blocks"]:
        part["name"] = part["name"].upper()
    for head in other["exits"]:
        head["after"] = head["after"].upper()
    plan = planner.plan([FP32, other], TOPOLOGY, min_accuracy=0.9, pin={"A": "edge", "a": "edge"})
    assert plan.apps[0].assignments[0].node == "edge"
    with pytest.raises(InputError, match="no block of this name"):
        planner.plan([FP32, other], TOPOLOGY, pin={"z": "edge"})


def test_each_state_of_a_topology_has_its_best_model() -> None:
    states = {"name": "s", "conditions": [{"name": "slow", "links": [
        {"source": "phone", "target": "edge", "bandwidth_factor": 0.2, "bidirectional": True}]}]}  # fmt: skip
    policy = planner.adapt([FP32, INT8], TOPOLOGY, states, min_accuracy=0.9, max_latency_s=0.05)
    alone = [planner.adapt(path, TOPOLOGY, states, min_accuracy=0.9, max_latency_s=0.05) for path in (FP32, INT8)]
    for row, *others in zip(policy.policy, *(each.policy for each in alone), strict=True):
        assert row.energy_j == min(other.energy_j for other in others if other.status == "optimal")
    assert {each.placement.model for each in policy.plan_set} == {"small-int8.json"}
    assert policy.policy[1].regret[policy.policy[0].plan] >= 0.0


def test_the_command_line_takes_models_again_and_again(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    models = ("--model", FP32, "--model", INT8, "--topology", TOPOLOGY)
    done = run("plan", *models, "--min-accuracy", "0.9", "--output", str(plan))
    assert "variant   small-int8.json" in done.out
    assert json.loads(plan.read_text())["apps"][0]["model"] == "small-int8.json"
    assert "stands" in run("check", str(plan), *models, "--min-accuracy", "0.9", "--prove").out
    for name in (FP32, INT8, TOPOLOGY):  # found by name beside the plan
        (tmp_path / Path(name).name).write_bytes(Path(name).read_bytes())
    assert "stands" in run("check", str(plan)).out
