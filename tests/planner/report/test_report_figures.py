"""Figures say what holds: limits where they hold, kinds of chiplets, many apps, swept settings, times of searches."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
import report_cases
from hypothesis import given
from hypothesis import strategies as st

from planner.commands.inputs import read_planned
from planner.commands.options import Limits, Sources
from planner.fin.method import Options
from planner.pipeline.dispatch import answer
from planner.pipeline.one_app import solve
from planner.pipeline.request import Request, request_of
from planner.report.breakdown import AppBreakdown, breakdowns_of
from planner.report.energy_figure import energy_figures
from planner.report.layout import layout_of
from planner.report.page import Figure
from planner.report.plan_page import plan_page
from planner.report.results.axis_figures import axis_figures, swept_axes
from planner.report.results.figures import over_best_figure, plans_figure, seconds_of
from planner.report.results.reading import ReportedCase
from planner.report.timeline import MOST_SEPARATE, timelines
from planner.report.topology_figure import kinds_of
from planner.report.tradeoff_figure import PlanPoint, non_dominated, tradeoff_figure
from planner.schemas import App, Topology, check_document
from planner.verifier.network import expand

Json = dict[str, Any]


def rows_of(figure: Figure) -> list[Json]:
    return [row for layer in figure.spec["layer"] for row in layer.get("data", {}).get("values", [])]


def planned(app: Json) -> AppBreakdown:
    """Return the plan of a model with exits, taken apart."""
    asked = read_planned(report_cases.ALEX, Limits(destination="cloud"))
    (_, model), given_app = asked.apps[0], App.model_validate({"model": "m", "destination": "cloud", **app})
    answer = solve(Request(given_app, model, asked.topology))
    assert answer.apps, answer.diagnosis
    return breakdowns_of(answer, [(given_app, model)], expand(asked.topology))[0]


def test_a_limit_of_the_worst_latency_is_labelled_beside_all_bars() -> None:
    least = planned({"objective": "latency"}).plan.latency_s
    (figure,) = timelines([planned({"max_latency_s": 1.2 * least})])
    (label,) = {(row["label"], row["lane"]) for row in rows_of(figure) if "limit" in str(row.get("label"))}
    assert label[1] == "latency limit"
    assert label[1] not in {row["lane"] for row in rows_of(figure) if "kind" in row}


@pytest.mark.parametrize("statistic", ["mean", "p50"])
def test_a_limit_of_a_statistic_holds_for_that_alone(statistic: str) -> None:
    """The limit is below the last exit: a line through all lanes would look as if that broke it."""
    asked: Json = {"latency": statistic, "objective": "latency", "min_accuracy": 0.7}
    least = planned(asked)
    limit_s = 1.01 * least.plan.latency_s
    breakdown = planned({**asked, "objective": "energy", "max_latency_s": limit_s})
    (figure,) = timelines([breakdown])
    lane = f"{statistic} latency"
    assert all(row["lane"] == lane for row in rows_of(figure) if "limit" in str(row.get("label", "")))
    through = [layer for layer in figure.spec["layer"] if layer["mark"].get("color") == "var(--bad)"]
    assert through
    assert all("y" in layer["encoding"] for layer in through), "a red line leads through all lanes"
    assert "its limit holds for it alone" in figure.caption


def test_many_apps_share_one_figure() -> None:
    one = planned({"max_latency_s": 1.0})
    assert len(timelines([one] * MOST_SEPARATE)) == MOST_SEPARATE
    apps = [replace(one, app=one.app.model_copy(update={"name": f"a{index}"})) for index in range(12)]
    (figure,) = timelines(apps)
    assert figure.spec["height"] < 600
    assert {row["lane"] for row in rows_of(figure) if "lane" in row} == {f"a{index}" for index in range(12)}


def test_nothing_is_drawn_of_what_takes_nothing() -> None:
    one = planned({})
    nothing = AppBreakdown(one.app, one.plan, (), (), one.runs)
    assert timelines([nothing]) == []
    assert energy_figures([nothing]) == []


def test_layers_without_rows_are_left_out() -> None:
    """An axis cannot be scaled by no rows, which the drawing library warns of."""
    one = planned({})
    for figure in (*timelines([one]), *energy_figures([one])):
        assert all(layer.get("data", {}).get("values") != [] for layer in figure.spec["layer"])


def package(rows: int, cols: int, gateways: list[list[int]], chiplets: list[Json]) -> Topology:
    chiplet = {"ops_per_s": 1e12, "j_per_op": 1e-12}
    wire = {"bit_per_s": 1e9}
    return check_document(
        {"schema_version": "1", "name": "t", "nodes": [{"name": "n", **chiplet}],
         "links": [{"source": "n", "target": "m", "bit_per_s": 1e9}],
         "packages": [{"name": "m", "rows": rows, "cols": cols, "chiplet": chiplet, "chiplets": chiplets,
                       "interposer": wire, "gateways": gateways, "gateway_link": wire}]},
        Topology,
    )  # fmt: skip


@given(st.randoms(use_true_random=False))
def test_wires_of_gateways_lead_through_no_chiplet(random: Random) -> None:
    rows, cols = random.randint(1, 12), random.randint(1, 12)
    gateways = [[random.randrange(rows), random.randrange(cols)] for _ in range(random.randint(1, 3))]
    layout = layout_of(package(rows, cols, gateways, []), {"n"})
    for row, col in gateways:
        for points in (layout.polyline("m", f"m[{row},{col}]"), layout.polyline(f"m[{row},{col}]", "m")[::-1]):
            gateway = layout.boxes[f"m[{row},{col}]"]
            assert points[-1][0] in (gateway.left, gateway.middle[0])
            for (x, y), (x2, y2) in pairwise(points):
                assert x == x2 or y == y2
                for box in layout.boxes.values():
                    if box.kind == "chiplet" and box is not gateway:
                        inside = (min(x, x2) < box.right and max(x, x2) > box.left
                                  and min(y, y2) < box.bottom and max(y, y2) > box.top)  # fmt: skip
                        assert not inside, box.name


def test_kinds_of_chiplets_are_told_apart() -> None:
    assert kinds_of(package(2, 2, [[0, 0]], [])) == {}
    entries = [{"at": [[0, 0], [0, 1]], "hardware": "npu", "memory_bytes": 1e6}, {"at": [1, 0], "memory_bytes": 2e6}]
    kinds = kinds_of(package(2, 2, [[0, 0]], entries))
    labels = {name: label for name, (label, _) in kinds.items()}
    assert labels["m[0,0]"] == labels["m[0,1]"] == "npu (2)"
    assert labels["m[1,0]"] == "1 Top/s, 2 MB (1)"
    assert labels["m[1,1]"] == "1 Top/s, no memory limit (1)"
    assert len({colour for _, colour in kinds.values()}) == 3


def case(method: str, rate: float, limit_s: float, energy_j: float | None, **more: Any) -> ReportedCase:
    setting = (("topology", "t.json"), ("links.a->b.bit_per_s", repr(rate)), ("max_latency_s", repr(limit_s)))
    status = "infeasible" if energy_j is None else "optimal"
    objective = None if energy_j is None else "energy_j"
    return ReportedCase(method, setting, status, objective, energy_j, None if energy_j is None else 0.1, **more)


ROWS = [
    case(method, rate, limit_s, None if limit_s < 0.02 and rate < 1e7 else factor / rate * (1 + limit_s))
    for method, factor in (("exact", 1e6), ("rival", 2e6))
    for rate in (1e6, 1e7, 1e8)
    for limit_s in (0.01, 0.05)
]


def test_every_swept_setting_has_a_figure_whose_lines_are_the_rows() -> None:
    assert swept_axes(ROWS) == {"links.a->b.bit_per_s": ["1000000.0", "10000000.0", "100000000.0"],
                                "max_latency_s": ["0.01", "0.05"]}  # fmt: skip
    rate, limit = axis_figures(ROWS)
    assert "against links.a->b.bit_per_s" in rate.caption
    drawn = {(row["group"], row["method"], row["at"]): row["value"] for row in rate.spec["data"]["values"]}
    wanted = {
        (f"max_latency_s {'10 ms' if '0.01' in row.setting[2] else '50 ms'}", row.method, float(row.setting[1][1])):
        row.energy_j for row in ROWS if row.energy_j is not None
    }  # fmt: skip
    assert drawn == wanted
    assert rate.spec["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"
    assert "against max_latency_s" in limit.caption
    assert axis_figures([row for row in ROWS if row.setting[1][1] == "1000000.0"]) == []


def test_what_needed_no_search_is_no_search_of_0_s() -> None:
    rows = [case("exact", 1e6, 0.01, None, search_s=0.0, whole_s=0.25), case("exact", 1e6, 0.05, 1.0, search_s=0.5),
            case("exact", 1e6, 0.1, None, search_s=0.0)]  # fmt: skip
    assert seconds_of(rows, "exact") == [0.25, 0.5]


def test_figures_that_would_say_nothing_are_left_out() -> None:
    same = [case(method, 1e6, 0.05, 1.0) for method in ("exact", "rival")]
    assert over_best_figure(same) is None
    assert plans_figure(same) is None
    assert over_best_figure([*same, case("worse", 1e6, 0.05, 2.0)]) is not None


def test_plans_of_unknown_accuracy_are_drawn_as_such() -> None:
    plans = [PlanPoint(1.0, 2.0, None, "a"), PlanPoint(2.0, 1.0, None, "b"), PlanPoint(2.0, 2.0, None, "c")]
    assert non_dominated(plans) == [True, True, False]
    figure = tradeoff_figure(plans, "")
    assert [label for label, _ in figure.key] == ["accuracy unknown"]
    assert {row["accuracy"] for row in figure.spec["data"]["values"]} == {"unknown"}
    mixed = [*plans, PlanPoint(2.0, 2.0, 0.5, "d")]
    assert non_dominated(mixed) == [True, True, False, True]
    assert [label for label, _ in tradeoff_figure(mixed, "").key] == ["accuracy unknown", "accuracy 0.5"]


def test_twelve_apps_make_a_page_of_few_figures(tmp_path: Path) -> None:
    """At 390 pixels no figure is higher than two screens of 900."""
    for name in ("small.json", "small-topology.json"):
        (tmp_path / name).write_bytes((report_cases.EXAMPLES / name).read_bytes())
    apps = [{"name": f"camera-{index:02d}", "model": "small.json", "rate_per_s": 0.2} for index in range(12)]
    (tmp_path / "w.json").write_text(json.dumps({"schema_version": "1", "apps": apps}), encoding="utf-8")
    sources = Sources(tmp_path / "small-topology.json", None, tmp_path / "w.json")
    asked = read_planned(sources, Limits())
    page = plan_page(
        answer(request_of(asked.apps, asked.topology, "auto", Options(), False, {})), asked.topology, asked.apps, {}
    )
    figures = [part for section in page.sections for part in section.parts if isinstance(part, Figure)]
    assert 2 <= len(figures) <= 4
    assert all(figure.spec["height"] <= 1800 for figure in figures)
    unfolded = [part for section in page.sections for part in section.parts
                if not isinstance(part, Figure) and not part.summary]  # fmt: skip
    assert all(len(table.rows) <= 14 for table in unfolded)
    for one, other in combinations(figures, 2):
        assert one.caption != other.caption
