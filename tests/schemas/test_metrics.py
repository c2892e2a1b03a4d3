"""Metrics of topologies, and limits on them: what is refused, each with one message that names the place."""

from __future__ import annotations

from typing import Any

import pytest

from planner.fin.instance.instance import build_instance
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.schemas import App, InputError, Model, Topology, Workload, check_document
from planner.schemas.planning.metrics import BUILT_IN
from planner.schemas.planning.workload import LIMITED_FIGURES

NODES = [{"name": "phone", "ops_per_s": 1.0, "j_per_op": 1.0}, {"name": "cloud", "ops_per_s": 1.0, "j_per_op": 1.0}]
LINKS = [{"source": "phone", "target": "cloud", "bit_per_s": 1.0}]
PACKAGE: dict[str, Any] = {
    "name": "mcm", "rows": 1, "cols": 2, "gateways": [[0, 0]],
    "chiplet": {"ops_per_s": 8.0, "j_per_op": 0.1}, "interposer": {"bit_per_s": 20.0}, "gateway_link": {"bit_per_s": 1},
}  # fmt: skip
MODEL = {
    "schema_version": "1",
    "name": "m",
    "input_bits": 1.0,
    "blocks": [{"name": "a", "ops": 1.0, "output_bits": 1.0}],
}


def topology(*metrics: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": "1", "name": "t", "nodes": NODES, "links": LINKS, "packages": [PACKAGE],
        "metrics": [{"unit": "USD", **metric} for metric in metrics],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("metrics", "where", "what"),
    [
        ([{"name": "energy"}], "metrics[0].name", "every plan has a figure of this name already"),
        ([{"name": "latency_s"}], "metrics[0].name", "every plan has a figure of this name already"),
        ([{"name": "latency_over_limit"}], "metrics[0].name", "every plan has a figure of this name already"),
        ([{"name": "a=b"}], "metrics[0].name", "not a name of a metric"),
        ([{"name": "cost"}, {"name": "cost"}], "metrics[1].name", "this name is used twice"),
        ([{"name": "cost", "nodes": {"fog": {"per_s": 1.0}}}], "metrics[0].nodes.fog", "no node of this name"),
        ([{"name": "cost", "nodes": {"phone": {"per_s": -1.0}}}], "metrics[0].nodes.phone.per_s", "0"),
        ([{"name": "cost", "nodes": {"phone": {"per_op": 1.0}}}], "metrics[0].nodes.phone.per_op", "unknown"),
        (
            [{"name": "cost", "links": [{"source": "cloud", "target": "phone", "per_bit": 1.0}]}],
            "metrics[0].links[0]",
            "no link from cloud to phone",
        ),
        (
            [{"name": "cost", "links": [{"source": "phone", "target": "cloud", "per_bit": 1.0}] * 2}],
            "metrics[0].links[1]",
            "twice",
        ),
        ([{"name": "cost", "unit": ""}], "metrics[0].unit", "not a unit"),
        ([{"name": "cost", "unit": " "}], "metrics[0].unit", "not a unit"),
    ],
)
def test_bad_metrics_are_refused_in_one_message(metrics: list[dict[str, Any]], where: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        check_document(topology(*metrics), Topology)
    (problem,) = caught.value.problems
    assert problem.path == where
    assert what in problem.message


@pytest.mark.parametrize(
    ("app", "where", "what"),
    [
        ({"limits": {"carbon": 1.0}}, "limits.carbon", "the topology defines no metric of this name"),
        ({"objective": "carbon"}, "objective", "this is no objective"),
    ],
)
def test_apps_may_name_only_metrics_that_are_defined(app: dict[str, Any], where: str, what: str) -> None:
    network = build_network(*expand(check_document(topology({"name": "cost"}), Topology)))
    with pytest.raises(InputError) as caught:
        build_instance(App(model="m", **app), check_document(MODEL, Model), network)
    (problem,) = caught.value.problems
    assert problem.path.endswith(where)
    assert what in problem.message
    assert "cost" in problem.fix


@pytest.mark.parametrize(
    ("limits", "where"),
    [({"latency": 1.0}, "apps[0].limits.latency"), ({"cost": -1.0}, "apps[0].limits.cost"),
     ({"cost": "cheap"}, "apps[0].limits.cost")],
)  # fmt: skip
def test_limits_are_of_metrics_and_not_negative(limits: dict[str, Any], where: str) -> None:
    with pytest.raises(InputError) as caught:
        check_document({"schema_version": "1", "apps": [{"model": "m", "limits": limits}]}, Workload)
    (problem,) = caught.value.problems
    assert problem.path == where


def test_a_package_means_its_chiplets_unless_they_are_named() -> None:
    nodes = {"mcm": {"per_s": 2.0}, "mcm[0,1]": {"per_j": 3.0}}
    links = [{"source": "mcm[0,0]", "target": "mcm", "per_bit": 5.0}]
    document = topology({"name": "cost", "nodes": nodes, "links": links})
    network = build_network(*expand(check_document(document, Topology)))
    first, second = network.index("mcm[0,0]"), network.index("mcm[0,1]")
    assert network.metrics.per_s[0, [first, second]].tolist() == [2.0, 0.0]
    assert network.metrics.per_j[0, [first, second]].tolist() == [0.0, 3.0]
    assert network.metrics.per_bit[0, network.link(first, network.index("mcm"))] == 5.0
    assert network.metrics.per_bit.sum() == 5.0


def test_no_metric_bears_the_name_of_a_figure_with_a_limit() -> None:
    names = {name for row in LIMITED_FIGURES for name in (row.kind, row.name)}
    assert names <= set(BUILT_IN)
