"""Suites: what they expand to, and what is refused before anything runs."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from bench_folder import FIXED, suite, suite_file
from command_line import EXAMPLES, refused, run, write
from hypothesis import given
from hypothesis import strategies as st

from planner import plan
from planner.bench.expansion import expand_suite, matrix
from planner.bench.request_building import topology_of
from planner.bench.results.export import table
from planner.bench.runner import run_suite
from planner.files.reading import read_topology
from planner.schemas import InputError, Suite, check_document
from planner.schemas.batch.suite import MOST_CASES, Axes, LinkAxes, LinkSetting, NodeAxes, NodeSetting, Settings

Json = dict[str, Any]


def expanded(**fields: Any) -> list[Json]:
    return [
        {".".join(path): value for path, value in case.items()}
        for case in matrix(check_document(suite(**fields), Suite))
    ]


# Expansion


def test_the_last_axis_changes_fastest_and_zipped_groups_slowest() -> None:
    cases = expanded(
        axes={"gap": [0.0, 0.1], "method": ["exact", "mcp"]},
        zipped=[{"source": ["phone", "edge"], "rate_per_s": [1.0, 2.0]}],
    )
    rows = [(case["source"], case["rate_per_s"], case["method"], case["gap"]) for case in cases]
    assert rows == [
        (source, rate, method, gap)
        for (source, rate), method, gap in product((("phone", 1.0), ("edge", 2.0)), ("exact", "mcp"), (0.0, 0.1))
    ]
    assert all(case["model"] == "small.json" for case in cases)


def test_links_and_nodes_are_axes() -> None:
    axes = {"links": {"phone->edge": {"bit_per_s": [1e6, 2e6]}}, "nodes": {"edge": {"ops_per_s": [1e9, 2e9, 3e9]}}}
    cases = expanded(axes=axes)
    pairs = [(case["links.phone->edge.bit_per_s"], case["nodes.edge.ops_per_s"]) for case in cases]
    assert pairs == list(product((1e6, 2e6), (1e9, 2e9, 3e9)))


NUMBERS = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), min_size=1, max_size=3, unique=True)


@given(gap=NUMBERS, accuracy=NUMBERS, seeds=st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True))
def test_a_matrix_is_every_combination_once(gap: list[float], accuracy: list[float], seeds: list[int]) -> None:
    cases = expanded(axes={"gap": gap, "seed": seeds}, zipped=[{"min_accuracy": accuracy}])
    found = [(case["min_accuracy"], case["gap"], case["seed"]) for case in cases]
    assert found == [(a, g, s) for a in accuracy for g in gap for s in seeds]


def test_cases_are_told_apart_by_settings_and_files_not_by_numbers(tmp_path: Path) -> None:
    first = expand_suite(suite_file(tmp_path, axes={"gap": [0.0, 0.1]})).cases
    second = expand_suite(suite_file(tmp_path, axes={"gap": [0.1, 0.2, 0.0]})).cases
    assert len({case.digest for case in (*first, *second)}) == 3
    assert (first[0].digest, first[1].digest) == (second[2].digest, second[0].digest)
    raw = json.loads((tmp_path / "small.json").read_text(encoding="utf-8"))
    write(tmp_path / "small.json", raw)  # the same model in other bytes
    third = expand_suite(tmp_path / "suite.toml").cases
    assert not {case.digest for case in third} & {case.digest for case in second}


def test_a_model_may_be_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "model.json").write_bytes((EXAMPLES / "small.json").read_bytes())
    by_file = expand_suite(suite_file(tmp_path)).cases
    by_folder = expand_suite(suite_file(tmp_path, fixed={**FIXED, "model": "net"})).cases
    assert [case.inputs["net"] for case in by_folder] == [case.inputs["small.json"] for case in by_file]


def test_a_setting_of_a_link_changes_that_link_alone(tmp_path: Path) -> None:
    for name in ("phone->edge", "edge->phone"):
        plan = expand_suite(suite_file(tmp_path, axes={"links": {name: {"bit_per_s": [7.0, 8.0]}}}))
        held = plan.loaded.topologies["small-topology.json"]
        for case, bit_per_s in zip(plan.cases, (7.0, 8.0), strict=True):
            links = topology_of(case, plan.loaded).links
            assert links[0] == held.links[0].model_copy(update={"bit_per_s": bit_per_s})
            assert links[1:] == held.links[1:]


def test_the_suite_goes_before_the_workload(tmp_path: Path) -> None:
    app = {"name": "cam", "model": "small.json", "max_latency_s": 1e-6, "pin": {"a": ["edge"]}}
    write(tmp_path / "w.json", {"schema_version": "1", "apps": [app]})
    fixed = {"workload": "w.json", "topology": "small-topology.json", "method": "exact"}
    path = suite_file(tmp_path, fixed=fixed, axes={"max_latency_s": [1e-6, 1.0]})
    assert run("bench", path, "-o", tmp_path / "r").out.startswith("s: 2 cases: 1 infeasible, 1 optimal\n")


def test_axes_have_the_fields_of_settings() -> None:
    for axes, settings in ((Axes, Settings), (LinkAxes, LinkSetting), (NodeAxes, NodeSetting)):
        assert list(axes.model_fields) == list(settings.model_fields)


# What is refused

TWO = [0.0, 0.1]
BAD: list[tuple[Json, str, str]] = [
    ({"axes": {"bandwidth": [1.0]}}, "axes.bandwidth", "unknown field"),
    ({"axes": {"max_latency": [1.0]}}, "axes.max_latency", "did you mean 'max_latency_s'?"),
    ({"axes": {"links": {"phone->edge": {"bits_per_s": [1.0]}}}}, "bits_per_s", "did you mean 'bit_per_s'?"),
    ({"axis": {}}, "axis", "did you mean 'axes'?"),
    ({"axes": {}}, "axes", "the matrix is empty: there is no axis"),
    ({"axes": {"links": {}}}, "axes", "the matrix is empty"),
    ({"axes": {"gap": []}}, "axes.gap", "give at least one entry"),
    ({"axes": {"gap": 0.1}}, "axes.gap", "give a list [...]"),
    ({"axes": {"gap": ["a"]}}, "axes.gap[0]", "not a number"),
    ({"axes": {"gap": [True]}}, "axes.gap[0]", "not a number"),
    ({"axes": {"gap": [0.1, 2.0]}}, "axes.gap[1]", "less than or equal to 1"),
    ({"axes": {"gap": [0.0, 1, 0]}}, "axes.gap[2]", "this value stands twice on the axis"),
    ({"axes": {"gamma": [0]}}, "axes.gamma[0]", "greater than or equal to 1"),
    ({"axes": {"latency": ["median"]}}, "axes.latency[0]", "percentile such as p95"),
    ({"axes": {"latency": ["p0"]}}, "latency", "0th percentile"),
    ({"axes": {"max_latency_s": [0.0]}}, "axes.max_latency_s[0]", "greater than 0"),
    ({"axes": {"method": ["magic"]}}, "method", "there is no such method"),
    ({"axes": {"source": ["laptop"]}}, "source", "no node of this name"),
    ({"axes": {"links": {"phone->moon": {"bit_per_s": [1.0]}}}}, "links.phone->moon", "has no link of this name"),
    (
        {"axes": {"links": {name: {"bit_per_s": [1.0]} for name in ("phone->edge", "edge->phone")}}},
        "links",
        "phone->edge and edge->phone are one link",
    ),
    ({"axes": {"nodes": {"moon": {"ops_per_s": [1.0]}}}}, "nodes.moon", "has no node of this name"),
    ({"axes": {"model": ["gone.json"]}, "fixed": {"topology": "small-topology.json"}}, "gone.json", "No such file"),
    ({"zipped": [{"source": ["phone"], "rate_per_s": [1.0, 2.0]}]}, "zipped[0]", "rate_per_s has 2"),
    ({"zipped": [{"source": ["edge", "edge"], "rate_per_s": [1.0, 1]}]}, "zipped[0]", "stands twice"),
    ({"zipped": [{}]}, "zipped[0]", "the group is empty"),
    ({"zipped": [{"gap": [0.5]}]}, "zipped[0].gap", "set in two places"),
    ({"fixed": FIXED | {"gap": 0.5}}, "axes.gap", "set in two places"),
    ({"fixed": {"model": "small.json"}}, "fixed.topology", "no topology is named"),
    ({"fixed": {"topology": "small-topology.json"}}, "fixed.model", "neither a model nor a workload"),
    ({"fixed": FIXED | {"workload": "w.json"}}, "fixed.model", "both named"),
    ({"fixed": FIXED | {"app": "cam"}}, "fixed.app", "there is no workload"),
    ({"case_limit_s": 0.0}, "case_limit_s", "greater than 0"),
    ({"axes": {"seed": list(range(400)), "gamma": list(range(1, 301))}}, "axes", f"{MOST_CASES} cases are the most"),
    ({"schema_version": "2"}, "schema_version", "'1'"),
]


@pytest.mark.parametrize(("fields", "place", "words"), BAD)
def test_a_bad_suite_is_refused_and_nothing_is_touched(tmp_path: Path, fields: Json, place: str, words: str) -> None:
    message = refused("bench", suite_file(tmp_path, **fields), "-o", tmp_path / "r")
    assert str(tmp_path) in message
    assert place in message
    assert words in message
    assert not (tmp_path / "r").exists()


def test_all_problems_of_a_suite_come_together(tmp_path: Path) -> None:
    fields = {"axes": {"gap": ["x"], "speed": [1]}, "fixed": {"model": 3}, "zipped": [{"seed": [1], "rate_per_s": TWO}]}
    lines = refused("bench", suite_file(tmp_path, **fields), "-o", tmp_path / "r").splitlines()
    places = {line.split(": ")[2] for line in lines}
    assert places >= {"axes.gap[0]", "axes.speed", "fixed.model", "fixed.topology", "zipped[0]"}


def test_problems_of_files_come_together_and_so_do_those_of_cases(tmp_path: Path) -> None:
    path = suite_file(tmp_path, fixed={}, axes={"model": ["a.json", "b.json"], "topology": ["c.json"]})
    assert len(refused("bench", path, "-o", tmp_path / "r").splitlines()) == 3
    axes = {"source": ["x", "y"], "method": ["magic", "exact"], "gap": TWO}
    lines = refused("bench", suite_file(tmp_path, axes=axes), "-o", tmp_path / "r").splitlines()
    assert len(lines) == 3
    assert [word in line for word, line in zip(('"magic"', "found x", "found y"), lines, strict=True)] == [True] * 3, (
        lines
    )


def test_a_suite_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = suite_file(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(expand_suite(path).cases) == 2


def test_a_suite_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert refused("bench", path, "-o", tmp_path / "r") == (
        f"error: {path}: cannot read the file (No such file or directory); check the path and its permissions\n"
    )


@pytest.mark.parametrize("content", [b"", b"=", b"\xff", b"a = 1\na = 2", b"x = " + b"[" * 100_000])
def test_files_that_are_no_suite_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "suite.toml"
    path.write_bytes(content)
    assert str(path) in refused("bench", path, "-o", tmp_path / "r")
    assert not (tmp_path / "r").exists()


ODD = [None, True, -1, 10**400, float("nan"), "", "x", [], [[]], [1, "a"], {}, {"a": 1}, {"a": {"b": {}}}]


@pytest.mark.parametrize("place", ["fixed", "axes", "zipped", "case_limit_s", "name", "axes.links", "fixed.nodes"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_whatever_stands_anywhere_is_taken_or_refused_in_words(place: str, value: Any) -> None:
    document = suite(zipped=[{"seed": [1, 2]}])
    where, _, inner = place.partition(".")
    document[where] = {**document[where], inner: value} if inner else value
    try:
        check_document(document, Suite)
    except InputError as error:
        assert error.problems


# Several apps


def test_apps_of_a_workload_are_planned_together_unless_one_is_chosen(tmp_path: Path) -> None:
    apps = [{"name": name, "model": "small.json", "rate_per_s": 1} for name in ("cam", "ear")]
    write(tmp_path / "w.json", {"schema_version": "1", "apps": apps})
    fixed = {"workload": "w.json", "topology": "small-topology.json"}
    path = suite_file(tmp_path, fixed=fixed, axes={"app": ["cam", "nose"]})
    assert "no app of this name" in refused("bench", path, "-o", tmp_path / "r")
    path = suite_file(tmp_path, fixed=fixed, axes={"app": ["cam", "ear"]})
    assert run("bench", path, "-o", tmp_path / "r").code == 0
    path = suite_file(tmp_path, fixed=fixed, axes={"method": ["alone", "exact", "magic"]})
    lines = refused("bench", path, "-o", tmp_path / "s").splitlines()
    assert ["plans one app, and there are 2" in line for line in lines] == [True, False]
    assert "there is no such method" in lines[1]


@pytest.mark.slow
def test_rows_of_several_apps_are_what_the_planner_answers(tmp_path: Path) -> None:
    workload, topology = EXAMPLES / "small-shared.workload.json", EXAMPLES / "small-shared.json"
    fixed, methods = {"workload": str(workload), "topology": str(topology)}, ["clear", "alone", "auto"]
    run_suite(suite_file(tmp_path, fixed=fixed, axes={"method": methods}), tmp_path / "r", jobs=1)
    found = table(tmp_path / "r")
    assert [row["method"] for row in found] == methods
    for row in found:
        answer = plan(workload=workload, topology=topology, method=row["method"])
        assert answer.total is not None
        assert answer.certificate is not None
        assert (row["status"], row["objective"]) == (answer.status, "power_w")
        for name in ("energy_j", "power_w", "nodes_used", "node_share_sum", "media_share_sum"):
            assert row[name] == getattr(answer.total, name) is not None
        assert row["lower_bound"] == answer.certificate.lower_bound
        assert row["latency_s"] == max(app.latency_s for app in answer.apps)
        assert row["accuracy"] == min(app.accuracy for app in answer.apps)
    assert found[0]["plan"] == found[2]["plan"]
    assert found[0]["power_w"] <= found[1]["power_w"]


def test_a_single_app_has_shares_only_where_a_joint_method_plans_it(tmp_path: Path) -> None:
    path = suite_file(tmp_path, fixed=FIXED | {"rate_per_s": 1.0}, axes={"method": ["exact", "clear"]})
    run_suite(path, tmp_path / "r", jobs=1)
    alone, together = table(tmp_path / "r")
    assert (alone["node_share_sum"], alone["media_share_sum"]) == (None, None)
    assert together["node_share_sum"] > 0.0


# Traces


def test_media_have_the_rate_at_the_percentile_of_their_trace(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    for name in ("small-cell.json", "cell.trace.csv"):
        (tmp_path / "net" / name).write_bytes((EXAMPLES / name).read_bytes())
    fixed = {"model": "small.json", "topology": "net/small-cell.json"}
    path = suite_file(tmp_path, fixed=fixed, axes={"gap": [0.0, 0.1]})
    held = expand_suite(path)
    inputs: dict[str, str] = {}
    (topology,) = held.loaded.topologies.values()
    assert topology == read_topology(EXAMPLES / "small-cell.json", inputs)
    assert all(link.bit_per_s for link in topology.links)
    wanted = {f"net/{name}": digest for name, digest in inputs.items()}
    assert {**held.cases[0].inputs} == {**wanted, "small.json": held.loaded.digests["small.json"]}
    run_suite(path, tmp_path / "r", jobs=1)
    answer = plan(EXAMPLES / "small.json", EXAMPLES / "small-cell.json")
    assert answer.total is not None
    assert table(tmp_path / "r")[0]["energy_j"] == answer.total.energy_j
    trace = tmp_path / "net" / "cell.trace.csv"
    trace.write_text(trace.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    assert expand_suite(path).cases[0].digest != held.cases[0].digest
    assert run_suite(path, tmp_path / "r", jobs=1).run == 2
    trace.write_text("time_s,rate\n0,1\n", encoding="utf-8")
    message = refused("bench", path, "-o", tmp_path / "s")
    assert "cell.trace.csv" in message
    assert "no column 'rate_mbit_per_s'" in message
