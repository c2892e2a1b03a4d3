"""Models without early exits: completed when they are read, planned and verified like any other, accuracy unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from command_line import run

from planner import plan, verify
from planner.schemas import App, InputError, Model, Topology, check_document

TOPOLOGY = check_document(
    {
        "schema_version": "1",
        "name": "two",
        "nodes": [
            {"name": "cam", "tier": "mobile", "ops_per_s": 2e9, "j_per_op": 1e-9},
            {"name": "box", "ops_per_s": 4e10, "j_per_op": 2e-10},
        ],
        "links": [{"source": "cam", "target": "box", "bit_per_s": 2e7, "j_per_bit": 1e-9, "bidirectional": True}],
    },
    Topology,
)


def raw(**changes: Any) -> dict[str, Any]:
    """Return a model of two blocks without exits, with some fields changed or added."""
    blocks = [{"name": "stem", "ops": 1e9, "output_bits": 4e5}, {"name": "top", "ops": 3e9, "output_bits": 6e3}]
    return {"schema_version": "1", "name": "plain", "input_bits": 8e5, "blocks": blocks, **changes}


def model(**changes: Any) -> Model:
    return check_document(raw(**changes), Model)


def problems(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as error:
        model(**changes)
    return [(problem.path, problem.message) for problem in error.value.problems]


def test_all_samples_leave_behind_the_last_block() -> None:
    found = model()
    assert [(head.name, head.after, head.result_bits) for head in found.exits] == [("output", "top", 6e3)]
    assert [(point.name, point.exit_fractions) for point in found.operating_points] == [("full", {"output": 1.0})]
    assert not found.accuracy_known


def test_a_model_that_is_written_out_is_read_again() -> None:
    for found in (model(), model(accuracy=0.76)):
        assert check_document(json.loads(found.model_dump_json()), Model) == found


def test_the_accuracy_is_what_the_model_says() -> None:
    (point,) = model(accuracy=0.76).operating_points
    assert point.accuracy == 0.76
    assert plan(model(accuracy=0.76), TOPOLOGY, min_accuracy=0.76).apps[0].accuracy == 0.76
    assert plan(model(accuracy=0.76), TOPOLOGY, min_accuracy=0.77).status == "infeasible"


def test_an_unknown_accuracy_is_null_in_the_placement() -> None:
    placement = plan(model(), TOPOLOGY, destination="cam")
    (found,) = placement.apps
    # 4e9 ops on the box, the input there and 6 kbit back: by hand
    assert found.latency_s == pytest.approx(0.1 + 8e5 / 2e7 + 6e3 / 2e7, rel=1e-12)
    assert found.energy_j == pytest.approx(4e9 * 2e-10 + (8e5 + 6e3) * 1e-9, rel=1e-12)
    assert (placement.status, found.operating_point, found.accuracy) == ("optimal", "full", None)


def test_the_verifier_rejects_an_accuracy_that_nobody_knows() -> None:
    placement = plan(model(), TOPOLOGY)
    apps = [(App(model="plain"), model())]
    assert verify(placement, TOPOLOGY, apps) == []
    claimed = placement.model_copy(update={"apps": (placement.apps[0].model_copy(update={"accuracy": 0.9}),)})
    assert [violation.what for violation in verify(claimed, TOPOLOGY, apps)] == ["accuracy"]
    limited = [(App(model="plain", min_accuracy=0.5), model())]
    assert [violation.what for violation in verify(placement, TOPOLOGY, limited)] == ["min_accuracy"]


def test_a_limit_on_an_unknown_accuracy_is_a_problem_of_the_input() -> None:
    with pytest.raises(InputError, match="the accuracy of the model is unknown") as error:
        plan(model(), TOPOLOGY, min_accuracy=0.5)
    assert [problem.path for problem in error.value.problems] == ["app app: min_accuracy"]


def test_exits_without_points_and_points_without_exits_are_problems() -> None:
    head = {"name": "e", "after": "top"}
    point = {"name": "p", "exit_fractions": {"e": 1.0}, "accuracy": 0.9}
    assert [path for path, _ in problems(exits=[head])] == ["operating_points"]
    assert ("exits", "the model has no early exits, so no sample can leave at one") in problems(
        operating_points=[point]
    )
    assert [path for path, _ in problems(exits=[head], operating_points=[point], accuracy=0.9)] == ["accuracy"]
    unknown = {**point, "accuracy": None}
    assert [path for path, _ in problems(exits=[head], operating_points=[unknown])] == ["operating_points[0].accuracy"]
    named = [{"name": "output", "ops": 1.0}]
    assert [path for path, _ in problems(blocks=named)] == ["exits[0].name"]


@pytest.mark.parametrize("wrong", [1.2, -0.1, "good"])
def test_an_accuracy_that_is_none_is_one_problem(wrong: object) -> None:
    assert [path for path, _ in problems(accuracy=wrong)] == ["accuracy"]


def test_commands_show_that_the_accuracy_is_unknown(tmp_path) -> None:
    net, network = tmp_path / "net.json", tmp_path / "network.json"
    net.write_text(json.dumps(raw()))
    network.write_text(TOPOLOGY.model_dump_json())
    for command in ("plan", "compare", "pareto"):
        found = run(command, "--model", net, "--topology", network)
        assert found.code == 0, command
        assert "unknown" in found.out, command
    workload = tmp_path / "work.json"
    apps = [{"name": name, "model": "net.json", "rate_per_s": 1.0} for name in ("x", "y")]
    workload.write_text(json.dumps({"schema_version": "1", "apps": apps}))
    found = run("plan", "--workload", workload, "--topology", network)
    assert found.code == 0
    assert found.out.count("accuracy unknown") == 2
