"""The library: inputs by value, dict or path give the same plans; results print, draw, and turn into tables."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import EXAMPLES, MODEL, ROOT, SMALL, TOPOLOGY, run

import planner
from planner.schemas.planning.placement import Placement as PlacementFile
from planner.schemas.planning.workload import AppLimits

MCM = EXAMPLES / "mcm.json"


@pytest.fixture(scope="module")
def small() -> planner.Placement:
    return planner.plan(MODEL, TOPOLOGY, max_latency_s=0.03)


def test_paths_dicts_and_values_give_the_same_plan(small: planner.Placement) -> None:
    raw = [json.loads(path.read_text(encoding="utf-8")) for path in (MODEL, TOPOLOGY)]
    for document in raw:
        del document["schema_version"]  # Python code need not say it
    plans = [
        planner.plan(*raw, max_latency_s=0.03),
        planner.plan(planner.Model(**raw[0]), planner.Topology(**raw[1]), max_latency_s=0.03),
        planner.plan(planner.load_model(str(MODEL)), planner.prepare(TOPOLOGY), max_latency_s=0.03),
    ]
    assert [each.apps for each in plans] == [small.apps] * 3
    assert plans[2].provenance.inputs.keys() == {TOPOLOGY.name}


def test_a_placement_prints_what_the_command_line_prints(small: planner.Placement) -> None:
    assert f"{small}\n" == run("plan", *SMALL, "--max-latency", "30ms").out
    assert repr(small) == f"<Placement {str(small).splitlines()[0]}>"


def test_a_placement_comes_back_with_all_it_can_do(small: planner.Placement) -> None:
    back = planner.Placement.model_validate_json(small.model_dump_json())
    assert back == small
    assert PlacementFile.model_validate_json(small.model_dump_json()) == small
    assert back.summary().splitlines()[0] == "optimal: 118 mJ, 27.56 ms, accuracy 0.92"
    assert back.planned is None
    assert back._repr_html_().startswith("<pre>")
    assert back != planner.plan(MODEL, TOPOLOGY, max_latency_s=0.02)


def test_pins_may_name_one_node() -> None:
    one = planner.plan(MODEL, TOPOLOGY, pin={"b": "phone"})
    assert one.apps == planner.plan(MODEL, TOPOLOGY, pin={"b": ["phone"]}).apps
    assert {row["block"]: row["node"] for row in one.to_rows()}["b"] == "phone"


def test_rows_and_graph_say_what_the_placement_says(small: planner.Placement) -> None:
    plan = small.apps[0]
    assert [(row["block"], row["node"]) for row in small.to_rows()] == [(a.block, a.node) for a in plan.assignments]
    graph = small.to_networkx()
    hosted = {block for node in graph for block in graph.nodes[node]["blocks"].get(plan.name, [])}
    assert hosted == {each.block for each in plan.assignments}
    hops = [hop for route in plan.routes for hop in zip(route.path, route.path[1:], strict=False)]
    assert set(graph.edges) == set(hops)
    carried = sum(route.bits * (len(route.path) - 1) for route in plan.routes)
    assert sum(bits for _, _, bits in graph.edges(data="bits")) == carried > 0


def test_a_notebook_shows_the_figures_of_the_page(small: planner.Placement) -> None:
    html = small._repr_html_()
    assert html.startswith("<iframe")
    assert html.count("&lt;svg") >= 4
    assert "&lt;script" not in html


def test_without_the_extra_a_notebook_shows_the_text(small: planner.Placement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert small._repr_html_().startswith("<pre>optimal: ")


def test_check_takes_what_the_placement_remembers_or_what_is_given(small: planner.Placement) -> None:
    assert planner.check(small) == []
    assert planner.check(small.model_dump(), TOPOLOGY, model=MODEL, max_latency_s=0.03) == []
    broken = planner.check(small, TOPOLOGY, model=MODEL, max_energy_j=1e-3)
    assert [each.what for each in broken] == ["max_energy_j"]
    app, model = planner.App(model="m", max_latency_s=1e-3), planner.load_model(MODEL)
    assert [each.what for each in planner.verify(small, planner.load_topology(TOPOLOGY), [(app, model)])] == [
        "max_latency_s"
    ]
    held = PlacementFile.model_validate(small.model_dump())
    assert planner.check(held) == []
    assert held.provenance is not None
    bare = held.model_copy(update={"provenance": held.provenance.model_copy(update={"files": {}})})
    with pytest.raises(planner.InputError, match="not found"):
        planner.check(bare)


def test_compare_holds_every_method_and_a_best() -> None:
    table = planner.compare(MODEL, TOPOLOGY, methods=["exact", "neurosurgeon", "edge-only"], max_latency_s=0.05)
    assert [row["method"] for row in table.to_rows()] == ["exact", "neurosurgeon", "edge-only"] == [*_methods(table)]
    assert table.best == table["exact"].value == min(row["value"] for row in table.to_rows())
    assert str(table).splitlines()[0].startswith("method ")
    with pytest.raises(planner.InputError, match="no such method"):
        planner.compare(MODEL, TOPOLOGY, methods=["exakt"])


def _methods(table: planner.Comparison) -> list[str]:
    return [row.method for row in table]


def test_several_apps_are_planned_and_compared_together() -> None:
    topology, workload = EXAMPLES / "small-shared.json", EXAMPLES / "small-shared.workload.json"
    plan = planner.plan(topology=topology, workload=workload)
    assert len(plan.apps) == 2
    assert planner.check(plan) == []
    assert all(0.0 < row["share"] <= 1.0 for row in plan.to_rows())
    with pytest.raises(planner.InputError, match="one at a time"):
        planner.pareto(topology=topology, workload=workload)


def test_front_is_that_of_the_command_line() -> None:
    front = planner.pareto(MODEL, TOPOLOGY)
    assert f"{front}\n" == run("pareto", *SMALL).out
    assert [row["energy_j"] for row in front.to_rows()] == [point.energy_j for point in front.points]
    assert planner.Front.model_validate_json(front.model_dump_json()) == front


def test_policies_of_both_kinds() -> None:
    policy = planner.adapt(EXAMPLES / "vit.json", MCM, EXAMPLES / "mcm.states.json")
    assert policy.policy[0].conditions == ()
    assert planner.adapt_designs(EXAMPLES / "synthetic-phone.designs.json").policy


def test_reports_are_written_for_what_stands(small: planner.Placement, tmp_path: Path) -> None:
    planner.write_report(small, tmp_path / "plan.html")
    assert "optimal" in (tmp_path / "plan.html").read_text(encoding="utf-8")
    with pytest.raises(planner.InputError, match="does not stand"):
        planner.write_report(small, tmp_path / "other.html", model=MODEL, topology=TOPOLOGY, max_latency_s=1e-3)
    assert not (tmp_path / "other.html").exists()


def test_prepared_arrays_are_used_only_for_their_topology() -> None:
    kept = planner.prepare(MCM)
    states = EXAMPLES / "mcm.states.json"
    policies = [planner.adapt(EXAMPLES / "vit.json", topology, states) for topology in (kept, MCM)]
    assert policies[0].policy == policies[1].policy
    plans = [planner.plan(EXAMPLES / "vit.json", kept, max_latency_s=limit) for limit in (0.036, 0.04)]
    assert [each.apps for each in plans] == [
        planner.plan(EXAMPLES / "vit.json", MCM, max_latency_s=limit).apps for limit in (0.036, 0.04)
    ]


def test_prepared_topologies_keep_the_routes_of_networks_that_are_no_chains() -> None:
    kept = planner.prepare(EXAMPLES / "device-edge-cloud.json")
    first = planner.plan(EXAMPLES / "u-net.json", kept)
    table = dict(kept.network.derived)
    assert table
    assert planner.plan(EXAMPLES / "u-net.json", kept).apps == first.apps
    assert all(kept.network.derived[key] is routes for key, routes in table.items())


def test_every_limit_of_an_app_is_an_argument() -> None:
    limits = set(AppLimits.__annotations__)
    for function in (planner.plan, planner.compare, planner.pareto, planner.check, planner.write_report):
        assert function.__annotations__["limits"] == "Unpack[AppLimits]"
    described = re.findall(r"^    (\w+): [A-Z]", inspect.getdoc(AppLimits) or "", flags=re.MULTILINE)
    assert described == list(AppLimits.__annotations__)
    assert limits - {"app", "private_until"} <= set(planner.App.model_fields)


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"max_latency_s": np.float64(0.5)}, {"max_latency_s": 0.5}),
        ({"max_energy_j": np.float32(0.5), "rate_per_s": np.int64(3)}, {"max_energy_j": 0.5, "rate_per_s": 3}),
        ({"batch": np.array([1, 2]), "rate_per_s": 1.0}, {"batch": [1, 2], "rate_per_s": 1.0}),
        ({"batch": range(1, 3), "rate_per_s": 1.0}, {"batch": [1, 2], "rate_per_s": 1.0}),
    ],
)
def test_limits_may_be_numbers_of_numpy(limits: dict[str, Any], kept: dict[str, Any]) -> None:
    placement = planner.plan(MODEL, TOPOLOGY, **limits)
    assert json.loads(placement.model_dump_json())["provenance"]["limits"] == kept


@pytest.mark.parametrize("module", sorted({home for home in vars(planner)["_HOMES"].values() if "running" not in home}))
def test_examples_in_docstrings_run(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = doctest.testmod(importlib.import_module(module), extraglobs={"planner": planner})
    assert result.failed == 0


def test_wrong_kinds_of_input_are_refused_in_words() -> None:
    cases: list[tuple[Any, Any]] = [(5, TOPOLOGY), (MODEL, None), (MODEL, []), ({"blocks": 3}, TOPOLOGY)]
    for model, topology in cases:
        with pytest.raises(planner.InputError):
            planner.plan(model, topology)


def test_importing_the_package_loads_no_solver() -> None:
    heavy = ("ortools", "scipy", "networkx", "pydantic", "numpy")
    code = f"import planner, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_public_name_is_listed_and_loads() -> None:
    for name in planner.__all__:
        assert getattr(planner, name) is not None
    assert set(planner.__all__) <= set(dir(planner))
    with pytest.raises(AttributeError):
        planner.nothing_of_this_name  # noqa: B018 - the access is the point
